#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# run.sh [hooks|buffers|starts|idle|many|scrapes] [SERIES...]: what ubc costs, in instructions, on each kernel (all parts but `many`, which takes half an
# hour each, all three kernels without arguments). Reads build-release, or the build directory named by UBC_BENCH_BUILD.
set -euo pipefail
cd "$(dirname "$0")/.."
bin=${UBC_BENCH_BUILD:-$PWD/build-release}/bin
cache=${UBC_CACHE:-/var/cache/ubc}
say() { printf 'ubc bench: %s\n' "$*" >&2; }
parts=(hooks buffers starts idle scrapes)
case ${1:-} in hooks | buffers | starts | idle | many | scrapes) parts=("$1"); shift ;; esac
[ $# -gt 0 ] || set -- 6.1 6.12 7

# One boot for each kernel: ratios compare figures of the same boot.
hooks() {
  printf '\n== hooks, kernel %s: instructions for one operation ==\n' "$1"
  tests/vm/boot.sh "$1" --count --timeout 1800 -- "$bin/ubc-hook-bench"
}

buffers() {
  printf '\n== socket buffers, kernel %s: instructions for a send and its receive ==\n' "$1"
  tests/vm/boot.sh "$1" --count --timeout 1800 -- "$bin/ubc-buffer-bench"
}

starts() {
  printf '\n== start and exec, kernel %s ==\n' "$1"
  tests/vm/boot.sh "$1" --count --timeout 1800 -- bench/start_world.sh "$bin" "$cache/seccomp.json" /bin/ubc-start-bench
}

idle() {
  printf '\n== 200 idle guests in a row, kernel %s ==\n' "$1"
  tests/vm/boot.sh "$1" --count --timeout 1800 -- bench/start_world.sh "$bin" "$cache/seccomp.json" /bin/sh -c "$(cat bench/idle_guests.sh)"
}

many() {
  printf '\n== beside 4,000 containers, kernel %s ==\n' "$1"
  tests/vm/boot.sh "$1" --count --timeout 5400 -- bench/many_containers.sh "$bin"
}

# CPU time on this machine: neither hooks nor guests are in it.
scrapes() {
  printf '\n== a scrape of 1,000 containers ==\n'
  "$bin/ubc-scrape-bench"
}

# What we compare with, and podman's system call filter for it: of that package only this file.
peers() {
  local missing='' box
  command -v crun >/dev/null || missing=crun
  command -v jq >/dev/null || missing+=' jq'
  if [ -n "$missing" ]; then
    say "installing $missing"
    # shellcheck disable=SC2086
    apt-get -qq install -y --no-install-recommends $missing >/dev/null || { say "could not install $missing: run apt-get update"; exit 1; }
  fi
  [ -f "$cache/seccomp.json" ] && return
  mkdir -p "$cache"
  box=$(mktemp -d "$cache/fetch.XXXXXX")
  if ! (cd "$box" && apt-get -qq download golang-github-containers-common && dpkg -x ./*.deb .) >"$box/log" 2>&1; then
    say "could not fetch podman's filter (golang-github-containers-common): $(tail -n 1 "$box/log")"
    rm -rf "$box"
    exit 1
  fi
  mv "$box/usr/share/containers/seccomp.json" "$cache/"
  rm -rf "$box"
}

[[ " ${parts[*]} " != *" starts "* && " ${parts[*]} " != *" idle "* ]] || peers
for part in "${parts[@]}"; do
  if [ "$part" = scrapes ]; then scrapes; continue; fi
  for series in "$@"; do "$part" "$series"; done
done
