#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# run.sh [SUITE...]: runs the suites (all without arguments) and ends with one line, "N passed, N failed".
# A suite that dies, or runs fewer tests than it has, has failed: each test that it did not finish counts.
set -euo pipefail
cd "$(dirname "$0")/.."
bin=$PWD/build/bin
logs=$PWD/build/test-logs
mkdir -p "$logs"
passed=0 failed=0

# Tests that passed in the last run of a log: after an oops of the emulated kernel itself the harness runs a suite again, from the start.
passed_in() { awk '/^\[==========\] Running /{ok=0} /^\[       OK \]/{ok++} END {print ok + 0}' "$1"; }
tests_in() { "$1" --gtest_list_tests | grep -c '^  '; }

# run NAME PROGRAM COMMAND...: COMMAND runs PROGRAM's tests
run() {
  local name=$1 program=$2; shift 2
  local log=$logs/$name.log started=$SECONDS status=0 want ok
  want=$(tests_in "$program")
  "$@" >"$log" 2>&1 || status=$?
  ok=$(passed_in "$log")
  [ "$status" -eq 0 ] || [ "$ok" -lt "$want" ] || ok=$((want - 1))
  passed=$((passed + ok)) failed=$((failed + want - ok))
  printf '%-14s %3d of %3d passed  (%d s)%s\n' "$name" "$ok" "$want" $((SECONDS - started)) \
    "$(grep -aq 'running once more' "$log" && echo '  after the kernel itself had oopsed once' || true)"
  [ "$ok" -eq "$want" ] || { sed 's/^/    /' "$log" | { grep -av 'RUN  \|       OK ' || true; } | tail -n 60; }
}

unit() { run unit "$bin/ubc-unit-tests" "$bin/ubc-unit-tests" --gtest_brief=0; }

# The unit tests once more with a sanitizer in them: a report ends the program. Only they and what they need is built.
sanitized() { # PRESET
  local program=build-$1/bin/ubc-unit-tests log=$logs/$1-build.log
  { cmake --preset "$1" && cmake --build --preset "$1" --target ubc-unit-tests; } >"$log" 2>&1 || program="tail -n 30 $log"
  # shellcheck disable=SC2086
  run "$1" "$bin/ubc-unit-tests" $program
}

on_kernel() { # SERIES: every suite that needs one, in one boot
  run "kernel-$1" "$bin/ubc-kernel-tests" tests/vm/boot.sh "$1" --timeout 900 -- "$bin/ubc-kernel-tests"
}

guests() { # SERIES: ubctl with real guests
  tests/debian_archive.sh debian-12 >"$logs/debian-12.log" 2>&1 || cat "$logs/debian-12.log"   # its tests then fail and say so
  run "guest-$1" "$bin/ubc-guest-tests" tests/vm/boot.sh "$1" --timeout 900 -- "$bin/ubc-guest-tests"
}

[ $# -gt 0 ] || set -- unit asan kernel-6.1 kernel-6.12 kernel-7 guest-6.1 guest-6.12 guest-7
for suite in "$@"; do
  case $suite in
    unit) unit ;;
    asan | tsan) sanitized "$suite" ;;
    kernel-*) on_kernel "${suite#kernel-}" ;;
    guest-*) guests "${suite#guest-}" ;;
    *) echo "there is no suite '$suite': say unit, asan, tsan, or kernel- or guest- with 6.1, 6.12 or 7" >&2; exit 2 ;;
  esac
done
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
