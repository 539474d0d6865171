/* Memory with a guard page behind it. What rounding leaves between the two must keep its bytes. */
#include "block.h"

#include <cstdint>
#include <map>
#include <mutex>
#include <sys/mman.h>
#include <unistd.h>

namespace simt {

struct mapping {
    void *start;
    size_t mapped;
    size_t bytes, used; /* asked for, and rounded up */
};
static std::map<void *, mapping> mappings;
static std::mutex mappings_lock;

void *guarded_allocate(size_t bytes, size_t alignment) {
    const size_t page = (size_t)sysconf(_SC_PAGESIZE);
    const size_t used = (bytes + alignment - 1) / alignment * alignment;
    const size_t pages = (used + page - 1) / page * page;
    char *const start =
        (char *)mmap(nullptr, page + pages + page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (start == MAP_FAILED) return nullptr;
    if (mprotect(start, page, PROT_NONE) != 0 || mprotect(start + page + pages, page, PROT_NONE) != 0) {
        munmap(start, page + pages + page);
        return nullptr;
    }
    void *const memory = start + page + pages - used;
    std::memset(memory, 0xff, used);
    const std::lock_guard<std::mutex> locked(mappings_lock);
    mappings[memory] = { start, page + pages + page, bytes, used };
    return memory;
}

bool guarded_free(void *memory) {
    const std::lock_guard<std::mutex> locked(mappings_lock);
    const auto found = mappings.find(memory);
    if (found == mappings.end()) return false;
    const mapping &of_memory = found->second;
    bool intact = true;
    for (size_t i = of_memory.bytes; i < of_memory.used; ++i) intact &= ((unsigned char *)memory)[i] == 0xff;
    munmap(of_memory.start, of_memory.mapped);
    mappings.erase(found);
    return intact;
}

} // namespace simt
