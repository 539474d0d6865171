#!/bin/sh
# Compiles the kernels whose speed is memory traffic and fails when one of them spills registers or has a stack frame.
# Prints one line a kernel: architecture, registers, bytes of shared memory, stack and spills, name.
#     kernel_resources.sh NVCC SOURCE_FOLDER ARCHITECTURE...        for example  nvcc . 80 90 100
set -eu
nvcc=$1
source=$2
shift 2

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

for architecture; do
    for subject in gather batch_norm bias softmax_cross_entropy optimizer metrics initialize sample; do
        "$nvcc" -std=c++17 -O3 --fmad=false "-gencode=arch=compute_$architecture,code=sm_$architecture" \
            -I"$source/include" -I"$source/src" -Xptxas -v -cubin -o "$scratch/cubin" \
            "$source/src/kernels/$subject.cu" 2>"$scratch/log" || { cat "$scratch/log" >&2; exit 1; }
        # A kernel is three lines: its name, its stack and spills, its registers and shared memory.
        awk -v architecture="sm_$architecture" '
            /Compiling entry function/ { split($0, quoted, "\x27"); name = quoted[2] }
            /bytes stack frame/ { stack = $1; spills = $5 + $9 }
            /Used [0-9]+ registers/ {
                match($0, /Used [0-9]+/)
                registers = substr($0, RSTART + 5, RLENGTH - 5)
                shared = match($0, /[0-9]+ bytes smem/) ? substr($0, RSTART, RLENGTH - 11) : 0
                printf "%s %d registers, %d shared, %d stack, %d spilled: %s\n", architecture, registers, shared,
                       stack, spills, name
            }' "$scratch/log" >>"$scratch/kernels"
    done
done

cat "$scratch/kernels"
total=$(wc -l <"$scratch/kernels")
test "$total" -gt 0 || { echo "no kernel was found in the compiler's output" >&2; exit 1; }
if grep -v ' 0 stack, 0 spilled:' "$scratch/kernels" >"$scratch/spilled"; then
    echo "these kernels spill registers:" >&2
    cat "$scratch/spilled" >&2
    exit 1
fi
echo "$total kernels, no spills"
