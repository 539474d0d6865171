#!/usr/bin/env bash
# tools/gpu-check where there is no GPU: on the emulator's gpu_tests, with a compute-sanitizer that is none; and what it
# makes of programs that fail in every way. The emulator is named as such in each record.
#     tests/gpu/test_gpu_check.sh ROOT FOLDER-OF-GPU_TESTS
set -euo pipefail
root=$1 built=$2
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
mkdir "$folder/real" "$folder/fake" "$folder/out"
ln -s "$built/gpu_tests" "$built/libraries.json" "$folder/real"

fail() {
    printf 'FAILED: %s\n' "$*" >&2
    tail -n 40 "$folder/log" >&2
    exit 1
}

# It says what SANITIZER wants to hear, and runs a program's tests for memcheck alone.
cat >"$folder/compute-sanitizer" <<'END'
#!/usr/bin/env bash
[ "$1" != --version ] || exec echo "Version 1.2.3 (fake)"
tool=$2 summary="ERROR SUMMARY: 0 errors" status=0
case "$*" in *" --error-exitcode 99 "*) ;; *) exit 3 ;; esac
while [[ $1 != */planted_defects && $1 != */gpu_tests ]]; do shift; done
[[ $1 != */planted_defects ]] || { [ "$SANITIZER" = blind ] && exit 0 || exit 99; }
[ "$tool" != racecheck ] || summary="RACECHECK SUMMARY: 0 hazards displayed (0 errors, 0 warnings)"
if [ "$tool" = memcheck ]; then "$@" || status=$?; else echo "Tested: 5 | Passing: 5 | Failing: 0 | Skipped: 0"; fi
case $SANITIZER in
errors) summary="ERROR SUMMARY: 1 error" status=99 ;;
unsaid) summary= ;;
leaks) summary="LEAK SUMMARY: 16 bytes leaked in 1 allocations"$'\n'"ERROR SUMMARY: 0 errors" ;;
hazards) [ "$tool" != racecheck ] || summary="RACECHECK SUMMARY: 1 hazard displayed (0 errors, 1 warning)" ;;
no_device) echo "========= Error: Target application terminated before first instrumented API call" && status=255 ;;
esac
printf '========= %s\n' "$summary"
exit $status
END
chmod +x "$folder/compute-sanitizer"

# gpu_check STATUS PROGRAMS OPTION...: runs it on the gpu_tests of a folder, and leaves its record in $record.
gpu_check() {
    local expected=$1 programs=$2 status=0
    rm -f "$folder"/out/*
    "$root/tools/gpu-check" --emulated --build "$folder/$programs" --out "$folder/out" "${@:3}" >"$folder/log" 2>&1 ||
        status=$?
    [ $status = "$expected" ] || fail "exit status $status, not $expected, of ${*:2} (SANITIZER $SANITIZER)"
    record=$(echo "$folder"/out/*)
    ((expected > 1)) || ! command -v python3 >/dev/null || python3 -m json.tool "$record" >/dev/null || fail "no JSON"
}

# expect CHECK VERDICT [TEXT]: what the record and the summary say of a check.
expect() {
    grep -q "\"name\": \"$1\", \"verdict\": \"$2\".*${3:-}" "$record" ||
        fail "$1 is not $2 (${3:-}): $(grep "\"$1\"" "$record")"
    grep -q "^$2 *$1 " "$folder/log" || fail "the summary does not say that $1 $2"
}

# ------------------------------------------------------------------------------------------------------- on the emulator
# What tests/simt runs in full on the emulator is left out or cut short here.
export COMPUTE_SANITIZER=$folder/compute-sanitizer SANITIZER=good CAVIAR_TEST_ELEMENTS=1500
gpu_check 0 real --elements 300 --filter '!(population|isolation)'
[[ $record == */out/*-simt-emulator-no-gpu-gpu-check.json ]] || fail "the record is called $record"
grep -q '"emulated": true' "$record" || fail "the record does not say that it is of an emulator"
! grep -q -- '-cuda"' "$record" || fail "an emulator has figures of a GPU"
for promise in training-simt whole-step-simt; do
    grep -q "\"promise\": \"$promise\", \"achieved\": [0-9]" "$record" || fail "there is no figure of $promise"
done
grep -q '"criterion": "stand-in"' "$record" || fail "the record does not say what was a stand-in"
expect conformance passed '"tests_passed": 1[0-9], "tests_failed": 0, .*"cases": [0-9]'
expect repeatability passed "two processes with the same bits"
for name in reference training whole-step streams; do expect $name passed; done
for name in memcheck racecheck initcheck synccheck; do expect $name passed "the planted defect found"; done
for name in population isolation; do expect $name skipped "left out by --filter"; done
cases=$(sed -n 's/.*"memcheck".*"cases": \([0-9]*\), "cases_in_all": \([0-9]*\).*/\1 < \2/p' "$record")
((${cases:-0})) || fail "memcheck has not been given fewer cases"

# -------------------------------------------------------------------------------------------- what is not to be passed
# A gpu_tests that prints and ends as the environment says.
cat >"$folder/fake/gpu_tests" <<'END'
#!/usr/bin/env bash
echo "bits ${FAKE_BITS:-$$}"
echo "$FAKE_LINE"
[ -z "${FAKE_SIGNAL:-}" ] || kill -s "$FAKE_SIGNAL" $$
exit "${FAKE_STATUS:-0}"
END
chmod +x "$folder/fake/gpu_tests"
good="Tested: 3 | Passing: 3 | Failing: 0 | Skipped: 0"
FAKE_BITS=1 FAKE_LINE=$good gpu_check 0 fake
for name in conformance training population isolation repeatability memcheck; do expect $name passed; done
FAKE_LINE=$good gpu_check 1 fake
expect repeatability failed "different bits"
expect conformance passed

export FAKE_BITS=1
# refused TEXT LINE: on tests that end with this line, conformance failed and the note says why.
refused() {
    FAKE_LINE=$2 gpu_check 1 fake --filter conformance
    expect conformance failed "$1"
}
refused "1 of 3 tests failed" "Tested: 3 | Passing: 2 | Failing: 1 | Skipped: 0"
refused "1 tests were skipped on a machine with a GPU" "Tested: 2 | Passing: 2 | Failing: 0 | Skipped: 1"
refused "no test passed" "Tested: 0 | Passing: 0 | Failing: 0 | Skipped: 0"
refused "before all tests had run" "Something else"
FAKE_STATUS=1 refused "the status was 1" "$good"
FAKE_SIGNAL=SEGV refused "the status was 139" "$good"
FAKE_STATUS=124 refused "took longer" "$good"

export FAKE_LINE=$good
for SANITIZER in errors unsaid leaks hazards no_device blind; do
    gpu_check 1 fake --filter '@(memcheck|racecheck)'
    if [ $SANITIZER = hazards ]; then expect racecheck failed; else expect memcheck failed; fi
done
SANITIZER=good
COMPUTE_SANITIZER=$folder/none gpu_check 0 fake --filter '@(memcheck|streams)'
expect memcheck skipped "there is no compute-sanitizer"
expect streams passed

# ------------------------------------------------------------------------------------------------ wrong use, and no GPU
gpu_check 2 fake --filter no_such_check
gpu_check 2 fake --elements 0
gpu_check 2 fake --wrong
gpu_check 2 fake --out "$root/bench/results"

# no_gpu VARIABLE=VALUE REASON: one line, its own exit status, no record.
no_gpu() {
    local status=0
    env "$1" "$root/tools/gpu-check" --build "$folder/none" --out "$folder/nothing" >"$folder/log" 2>&1 || status=$?
    [ $status = 77 ] || fail "exit status $status with $1"
    [ "$(wc -l <"$folder/log")" = 1 ] || fail "more than a line with $1"
    grep -q "^skipped: $2.*nothing was checked$" "$folder/log" || fail "does not say why with $1"
    [ ! -e "$folder/nothing" ] || fail "a record of nothing"
}
no_gpu CUDACXX="$folder/no_nvcc" "there is no nvcc"
if PATH=$PATH:/usr/local/cuda/bin command -v nvcc >/dev/null; then
    no_gpu CUDA_VISIBLE_DEVICES=-1 "no NVIDIA GPU can be used here"
fi
echo "tools/gpu-check gives the verdicts it should"
