/* Memory with a guard page behind it. */
#include "block.h"

#include <cstdint>
#include <map>
#include <mutex>
#include <sys/mman.h>
#include <unistd.h>

namespace simt {

struct mapping {
    void *start;
    size_t bytes;
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
    mappings[memory] = { start, page + pages + page };
    return memory;
}

void guarded_free(void *memory) {
    const std::lock_guard<std::mutex> locked(mappings_lock);
    const auto found = mappings.find(memory);
    if (found == mappings.end()) return;
    munmap(found->second.start, found->second.bytes);
    mappings.erase(found);
}

} // namespace simt
