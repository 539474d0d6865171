#!/usr/bin/env bash
# Builds the command with ThreadSanitizer in FOLDER and searches with more threads than there are processors: no race
# may be reported, and no suppression is in use. Criterion crashes under ThreadSanitizer, hence the command.
set -euo pipefail
folder=$1
cmake -B "$folder" --preset tsan
cmake --build "$folder" --parallel "$(nproc)" --target caviar
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
awk 'BEGIN { srand(1); print "a,b,c,label"
             for (i = 0; i < 600; i++) printf "%f,%f,%f,%d\n", rand() + i % 3, rand(), rand() - i % 3, i % 3 }' >"$work/data.csv"
export TSAN_OPTIONS="halt_on_error=1 exitcode=66 suppressions="
# Older ThreadSanitizers do not find their memory where kernels place mappings more at random.
fixed=()
setarch -R true 2>/dev/null && fixed=(setarch -R)
"${fixed[@]}" "$folder/caviar" search --data "$work/data.csv" --threads 4 --trials 12 --epochs 3 --out "$work/found"
