#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# run.sh [SERIES...]: what ubc costs, in instructions, on each kernel (all three without arguments). Reads build-release, or the build
# directory named by UBC_BENCH_BUILD.
set -euo pipefail
cd "$(dirname "$0")/.."
bin=${UBC_BENCH_BUILD:-$PWD/build-release}/bin
[ $# -gt 0 ] || set -- 6.1 6.12 7

# Part 1: the hooks. One boot for each kernel: ratios compare figures of the same boot.
for series in "$@"; do
  printf '\n== hooks, kernel %s: instructions for one operation ==\n' "$series"
  tests/vm/boot.sh "$series" --count --timeout 1800 -- "$bin/ubc-hook-bench"
done

# Part 2: a start and an exec.
