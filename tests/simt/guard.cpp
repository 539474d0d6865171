#include "guard.h"

#include "shadow.h"

#include <cstdio>
#include <cstring>
#include <map>
#include <mutex>
#include <sys/mman.h>
#include <unistd.h>
#include <vector>

namespace simt {

constexpr size_t guard = (size_t)1 << 18; /* bytes; what lies farther off may be another allocation */

uintptr_t arena_start;
size_t arena_size;

struct mapping {
    uintptr_t start;    /* of the guard page in front */
    size_t mapped;      /* with both guard pages */
    size_t bytes, used; /* asked for, and rounded up */
    const char *name;
};
static std::map<uintptr_t, mapping> mappings; /* by the address that was given out */
static std::mutex mappings_lock;

/* Reserves addresses only. */
static bool reserve_arena() {
    if (arena_size != 0) return true;
    void *const start = mmap(nullptr, arena_bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (start == MAP_FAILED) return false;
    if (!shadow_reserve()) {
        munmap(start, arena_bytes);
        return false;
    }
    arena_start = (uintptr_t)start;
    arena_size = arena_bytes;
    return true;
}

/* The part of the arena that an allocation belongs to, and from where to look for addresses in it. */
struct part {
    size_t begin, end, next;
};
static part shared_memory = { 0, shared_part, 0 }, global_memory = { shared_part, arena_bytes, shared_part };

/*
 * Addresses that are free, after those given out last: what was given back stays untouchable for long, so that its use
 * is noticed. 0 when there are none.
 */
static uintptr_t find_addresses(part *in, size_t size) {
    for (int round = 0; round < 2; ++round) {
        uintptr_t at = arena_start + in->next;
        auto after = mappings.lower_bound(at);
        /* One that begins before may reach to here only at the start of a round, where none does. */
        while (after != mappings.end() && after->second.start < at + size) {
            at = after->second.start + after->second.mapped;
            ++after;
        }
        if (at + size <= arena_start + in->end) {
            in->next = at + size - arena_start;
            return at;
        }
        in->next = in->begin;
    }
    return 0;
}

/*
 * Makes pages accessible, all bytes 0xff. Much memory is never touched, such as cuBLAS' workspace: large pieces are
 * private copies of one file of such bytes, made page by page by the first write.
 */
static bool fill(uintptr_t start, size_t bytes) {
    constexpr size_t piece = (size_t)1 << 20;
    static const int pattern = [] {
        const int file = memfd_create("0xff", MFD_CLOEXEC);
        const std::vector<unsigned char> content(piece, 0xff);
        return file >= 0 && write(file, content.data(), piece) == (ssize_t)piece ? file : -1;
    }();
    if (pattern < 0) return false;
    for (; bytes >= piece; start += piece, bytes -= piece)
        if (mmap((void *)start, piece, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_FIXED, pattern, 0) == MAP_FAILED)
            return false;
    if (mprotect((void *)start, bytes, PROT_READ | PROT_WRITE) != 0) return false;
    std::memset((void *)start, 0xff, bytes);
    return true;
}

void *guarded_allocate(size_t bytes, size_t alignment, const char *name) {
    const std::lock_guard<std::mutex> locked(mappings_lock);
    if (bytes > arena_bytes || !reserve_arena()) return nullptr;
    const size_t page = (size_t)sysconf(_SC_PAGESIZE);
    const size_t used = (bytes + alignment - 1) / alignment * alignment;
    const size_t pages = (used + page - 1) / page * page;
    const uintptr_t start = find_addresses(name == nullptr ? &global_memory : &shared_memory, guard + pages + guard);
    if (start == 0 || !fill(start + guard, pages)) return nullptr;
    const uintptr_t memory = start + guard + pages - used;
    shadow_forbid(start + guard, memory);
    shadow_forbid(memory + bytes, memory + used);
    mappings[memory] = { start, guard + pages + guard, bytes, used, name };
    return (void *)memory;
}

bool guarded_free(void *memory) {
    const std::lock_guard<std::mutex> locked(mappings_lock);
    const auto found = mappings.find((uintptr_t)memory);
    if (found == mappings.end()) return false;
    const mapping &of_memory = found->second;
    bool intact = true;
    for (size_t i = of_memory.bytes; i < of_memory.used; ++i) intact &= ((unsigned char *)memory)[i] == 0xff;
    mmap((void *)of_memory.start, of_memory.mapped, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED,
         -1, 0);
    shadow_forget(of_memory.start, of_memory.start + of_memory.mapped);
    mappings.erase(found);
    return intact;
}

std::string describe(uintptr_t address) {
    const std::lock_guard<std::mutex> locked(mappings_lock);
    char text[256];
    if (address < 4096) return "a null pointer";
    for (const auto &entry : mappings) {
        const mapping &of_memory = entry.second;
        if (address < of_memory.start || address >= of_memory.start + of_memory.mapped) continue;
        const size_t end = entry.first + of_memory.bytes;
        const char *place = "of";
        size_t distance = address - entry.first;
        if (address < entry.first) place = "bytes before", distance = entry.first - address;
        if (address >= end) place = "bytes behind the end of", distance = address - end;
        if (place[0] == 'o')
            snprintf(text, sizeof text, "byte %zu of ", distance);
        else
            snprintf(text, sizeof text, "%zu %s ", distance, place);
        const std::string what =
            of_memory.name == nullptr ? "global memory" : "shared array " + std::string(of_memory.name);
        return text + what + " (" + std::to_string(of_memory.bytes) + " bytes)";
    }
    snprintf(text, sizeof text, "%p, which is not memory of the device", (void *)address);
    return text;
}

} // namespace simt
