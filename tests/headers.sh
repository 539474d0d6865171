#!/usr/bin/env bash
# Compiles each public header alone, as C11 and as C++11, pedantically and with nothing of CUDA in reach:
# headers.sh INCLUDE-FOLDER C-COMPILER C++-COMPILER
set -euo pipefail
include=$1 c=$2 cxx=$3
unset CPATH C_INCLUDE_PATH CPLUS_INCLUDE_PATH
flags=(-I "$include" -pedantic -Wall -Wextra -Wshadow -Werror)
count=0
for header in "$include"/caviar/*.h; do
    name=caviar/$(basename "$header")
    for twice in "" "#include <$name>"; do # the second time its guard must hold
        source=$(printf '#include <%s>\n%s\n' "$name" "$twice")
        "$c" -x c -std=c11 "${flags[@]}" -Wstrict-prototypes -Wc++-compat -fsyntax-only - <<<"$source"
        "$cxx" -x c++ -std=c++11 "${flags[@]}" -fsyntax-only - <<<"$source"
    done
    if "$c" -x c -std=c11 -I "$include" -M - <<<"#include <$name>" | grep -i cuda; then
        echo "$name includes CUDA"
        exit 1
    fi
    count=$((count + 1))
done
echo "headers compiled alone: $count"
[ "$count" -ge 2 ]
