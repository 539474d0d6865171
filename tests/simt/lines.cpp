#include "lines.h"

#include <cstdio>
#include <map>
#include <unistd.h>

namespace simt {

extern "C" char __executable_start[];

static std::string ask(uintptr_t pc) {
    std::string innermost, outermost;
    /* -1: the call itself, not what follows it. */
    char command[128];
    snprintf(command, sizeof command, "addr2line -i -s -e /proc/%ld/exe %#lx 2>/dev/null", (long)getpid(),
             (unsigned long)(pc - 1 - (uintptr_t)__executable_start));
    FILE *const lines = pc == 0 ? nullptr : popen(command, "r");
    for (char line[512]; lines != nullptr && fgets(line, sizeof line, lines) != nullptr;) {
        std::string text = line;
        text.erase(text.find_first_of(" \n")); /* what follows a space is a discriminator */
        if (text[0] == '?') continue;
        if (innermost.empty()) innermost = text;
        outermost = text;
    }
    if (lines != nullptr) pclose(lines);
    if (innermost.empty()) return " at an unknown line";
    return " at " + innermost + (outermost == innermost ? "" : ", called at " + outermost);
}

std::string line_of(uintptr_t pc) {
    static std::map<uintptr_t, std::string> known;
    const auto found = known.find(pc);
    return found != known.end() ? found->second : known[pc] = ask(pc);
}

} // namespace simt
