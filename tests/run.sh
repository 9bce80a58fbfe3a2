#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# run.sh [SUITE...]: runs the suites (all without arguments) and ends with one line, "N passed, N failed".
# A suite that dies, or runs fewer tests than it has, has failed: each test that it did not finish counts.
# Two virtual machines run at a time: for half of its time each waits, for a timer of a test or for one of its two processors.
set -euo pipefail
cd "$(dirname "$0")/.."
bin=$PWD/build/bin
logs=$PWD/build/test-logs
mkdir -p "$logs"
passed=0 failed=0

# Tests that passed in the last run of a log: after an oops of the emulated kernel itself the harness runs a suite again, from the start.
passed_in() { awk '/^\[==========\] Running /{ok=0} /^\[       OK \]/{ok++} END {print ok + 0}' "$1"; }
tests_in() { "$@" --gtest_list_tests | grep -c '^  '; }

# What knows the kernel by files and calls that are the same on all three is tested on one: the terminal, the daemon's side, archives,
# numbers of configuration files.
filter_of() { # SUITE
  case $1 in
    guest-6.1 | guest-7) echo '-AtATerminal.*:Convert.*:Cycles.*:Doctor.*:FullDisk.*:GuestConsole.*:Inside.*:Lxcfs.*:Modes.*:OnBoot.*:Save.*:Scraped.*:Service.*:Top.*:TwoAdmins.*:Ubcd.*:UbcdApi.*:UbcdFaults.*:Units.*:WithoutATerminal.*' ;;
    *) echo '*' ;;
  esac
}

# What each test that failed has said, and what follows the last one that ended: of one that never did, all.
failures_in() { # LOG
  awk '/^\[ RUN      \]/ {text = ""} {text = text "    " $0 "\n"} /^\[  FAILED  \] .* \([0-9]+ ms\)/ {printf "%s", text; text = ""}
       /^\[       OK \]/ {text = ""} END {printf "%s", text}' "$1" | tail -c 20000
}

# run NAME PROGRAM COMMAND...: COMMAND runs PROGRAM's tests. What came of it is left in NAME.result: passed, failed, and text to print.
run() {
  local name=$1 program=$2; shift 2
  local log=$logs/$name.log started=$SECONDS status=0 filter want ok
  filter=--gtest_filter=$(filter_of "$name")
  want=$(tests_in "$program" "$filter")
  "$@" "$filter" >"$log" 2>&1 || status=$?
  ok=$(passed_in "$log")
  [ "$status" -eq 0 ] || [ "$ok" -lt "$want" ] || ok=$((want - 1))
  { echo "$ok $((want - ok))"
    printf '%-14s %3d of %3d passed  (%d s)%s\n' "$name" "$ok" "$want" $((SECONDS - started)) \
      "$(grep -aq 'running once more' "$log" && echo '  after the kernel itself had oopsed once' || true)"
    [ "$ok" -eq "$want" ] || failures_in "$log"
  } >"$logs/$name.result"
}

console() { run console "$bin/ubc-console-tests" "$bin/ubc-console-tests"; }   # screenshots: build/console

# The unit tests, built for this with what they need and no more. With a sanitizer in them a report ends the program.
unit() { # NAME, BUILD TREE [PRESET]
  local program=$PWD/$2/bin/ubc-unit-tests log=$logs/$1-build.log
  { cmake --preset "${3:-$1}" && cmake --build --preset "${3:-$1}" --target ubc-unit-tests; } >"$log" 2>&1 || { tail -n 30 "$log"; return; }
  run "$1" "$program" "$program"
}

on_kernel() { # SERIES: every suite that needs one, in one boot
  run "kernel-$1" "$bin/ubc-kernel-tests" tests/vm/boot.sh "$1" --timeout 1500 -- "$bin/ubc-kernel-tests"
}

guests() { # SERIES: ubctl with real guests
  tests/debian_archive.sh debian-12 >"$logs/debian-12-$1.log" 2>&1 || cat "$logs/debian-12-$1.log"   # its test then fails and says so
  run "guest-$1" "$bin/ubc-guest-tests" tests/vm/boot.sh "$1" --timeout 2400 -- "$bin/ubc-guest-tests"
}

suite() { # NAME
  case $1 in
    unit) unit unit build dev ;;
    asan | tsan) unit "$1" "build-$1" ;;
    console) console ;;
    kernel-*) on_kernel "${1#kernel-}" ;;
    guest-*) guests "${1#guest-}" ;;
  esac
}

# Of a suite that has ended.
report() { # NAME
  local ok=0 bad=1
  if [ -f "$logs/$1.result" ]; then
    { read -r ok bad; cat; } <"$logs/$1.result"
  else
    echo "$1 did not come to an end"
  fi
  passed=$((passed + ok)) failed=$((failed + bad))
}

declare -A running=()
trap '[ "${#running[@]}" -eq 0 ] || kill "${!running[@]}" 2>/dev/null' EXIT
await_one() {
  local pid name
  wait -n -p pid || true
  name=${running[$pid]}
  unset "running[$pid]"
  report "$name"
}

[ $# -gt 0 ] || set -- asan guest-6.12 guest-6.1 guest-7 kernel-6.1 kernel-7 kernel-6.12 console   # long ones first: both lanes end together
for name in "$@"; do
  case $name in
    unit | asan | tsan | console) ;;
    kernel-6.1 | kernel-6.12 | kernel-7 | guest-6.1 | guest-6.12 | guest-7) ;;
    *) echo "there is no suite '$name': say unit, asan, tsan, console, or kernel- or guest- with 6.1, 6.12 or 7" >&2; exit 2 ;;
  esac
  rm -f "$logs/$name.result"
done
for name in "$@"; do
  [ "${#running[@]}" -lt 2 ] || await_one
  suite "$name" &
  running[$!]=$name
done
while [ "${#running[@]}" -gt 0 ]; do await_one; done

# What each kernel lets us do with each resource, as its suite has printed it.
modes() { # LOG...
  awk '/^mode of / {if (!((name = $3) in seen)) {seen[name]; order[++n] = name}; sub(/:/, "", name); mode[$3, FILENAME] = $4}
       END {printf "%-14s", "resource"; for (f = 1; f < ARGC; f++) {title = ARGV[f]; gsub(/.*kernel-|\.log/, "", title); printf "%-8s", title}; print ""
            for (i = 1; i <= n; i++) {title = order[i]; sub(/:/, "", title); printf "%-14s", title
              for (f = 1; f < ARGC; f++) printf "%-8s", mode[order[i], ARGV[f]]; print ""}}' "$@"
}
logs_of_kernels=()
for name in "$@"; do case $name in kernel-*) logs_of_kernels+=("$logs/$name.log") ;; esac; done
[ "${#logs_of_kernels[@]}" -eq 0 ] || modes "${logs_of_kernels[@]}"
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
