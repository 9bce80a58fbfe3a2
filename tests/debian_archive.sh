#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# debian_archive.sh debian-12|debian-13: prints the path of that template's archive, built from apt's mirror once and kept in the cache.
set -euo pipefail
cd "$(dirname "$0")/.."
name=${1:?usage: debian_archive.sh debian-12|debian-13}
cache=${UBC_CACHE:-/var/cache/ubc}
archive=$cache/$name.tar.gz
mkdir -p "$cache"
exec 9>"$cache/$name.lock"
flock 9
if [ ! -f "$archive" ]; then
  scratch=$(mktemp -d "$cache/build.XXXXXX")
  trap 'rm -rf "$scratch"' EXIT
  UBC_LIB=$scratch build/bin/ubctl template build "$name" --output "$scratch/$name.tar.gz" >&2
  mv "$scratch/$name.tar.gz" "$archive"
fi
echo "$archive"
