#!/usr/bin/env bash
# Installs the build into a folder of its own and uses it as a stranger would: the C program of README.md (its first
# block of C), compiled through pkg-config and through find_package(caviar), with the shared and the static library,
# must run and learn.
#     installed.sh SOURCE-FOLDER BUILD-FOLDER C-COMPILER [SANITIZERS]
set -euo pipefail
source=$1 build=$2 cc=$3 sanitizers=${4:-}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
flags=(-std=c11 -Wall -Wextra -Werror)
[ -z "$sanitizers" ] || flags+=("-fsanitize=$sanitizers")

cmake --install "$build" --prefix "$work/usr" >"$work/install.log"
awk '/^```c$/ { if (!block++) inside = 1; next } /^```/ { inside = 0 } inside' "$source/README.md" >"$work/program.c"
[ -s "$work/program.c" ] || { echo "README.md has no block that begins with \`\`\`c"; exit 1; }

# run NAME PROGRAM: it prints the validation accuracy of several learning rates, of which one should be good.
run() {
    echo "== $1"
    (cd "$work" && "$2") | tee "$work/output"
    awk '/^learning rate .*: accuracy [01][.][0-9]+$/ { lines++; if ($NF > best) best = $NF }
         END { if (lines < 2 || best < 0.85) { print "it learns nothing"; exit 1 } }' "$work/output"
}

pc=$(find "$work/usr" -name caviar.pc)
lib=$(dirname "$(dirname "$pc")")
export PKG_CONFIG_PATH=${pc%/*}
read -r -a shared < <(pkg-config --cflags --libs caviar)
"$cc" "${flags[@]}" "$work/program.c" -o "$work/shared" "${shared[@]}"
export LD_LIBRARY_PATH=$lib
run "pkg-config, shared" "$work/shared"
unset LD_LIBRARY_PATH

read -r -a static < <(pkg-config --static --cflags --libs caviar)
"$cc" "${flags[@]}" "$work/program.c" -o "$work/static" "${static[@]/#-lcaviar/$lib/libcaviar.a}"
if ldd "$work/static" | grep libcaviar; then
    echo "the static program needs libcaviar.so"
    exit 1
fi
run "pkg-config, static" "$work/static"

cat >"$work/CMakeLists.txt" <<'END'
cmake_minimum_required(VERSION 3.25)
project(stranger LANGUAGES C)
find_package(caviar 0.1 REQUIRED)
foreach(kind IN ITEMS shared static)
    add_executable(cmake_${kind} program.c)
    target_link_libraries(cmake_${kind} PRIVATE caviar::${kind})
endforeach()
END
cmake -S "$work" -B "$work/build" -G Ninja -DCMAKE_C_COMPILER="$cc" -DCMAKE_PREFIX_PATH="$work/usr" \
    -DCMAKE_C_FLAGS="${flags[*]}" >"$work/cmake.log" || { cat "$work/cmake.log"; exit 1; }
cmake --build "$work/build" >"$work/build.log" || { cat "$work/build.log"; exit 1; }
run "find_package, shared" "$work/build/cmake_shared"
run "find_package, static" "$work/build/cmake_static"
