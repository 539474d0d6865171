#!/usr/bin/env bash
# hardened.sh BINARY...: symbols are bound before the program begins and read-only afterwards, stacks are not executable
# and guarded, addresses are not fixed, and calls whose room the compiler knows are checked.
set -euo pipefail
for binary in "$@"; do
    headers=$(readelf -hldW "$binary") symbols=$(readelf -sW "$binary")
    need() { # WHAT PATTERN TEXT
        grep -Eq "$2" <<<"$3" || { echo "$binary: no $1"; exit 1; }
    }
    need "immediate binding" 'FLAGS.*(BIND_NOW|NOW)' "$headers"
    need "read-only relocations" GNU_RELRO "$headers"
    need "stack without execution" 'GNU_STACK .* RW +0x' "$headers"
    need "position-independent code" 'Type: +DYN' "$headers"
    need "stack protector" __stack_chk_fail "$symbols"
    need "checked calls (FORTIFY_SOURCE)" '__[a-z]+_chk' "$(grep -v __stack_chk_fail <<<"$symbols")"
done
