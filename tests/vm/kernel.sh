#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# kernel.sh SERIES: prints the directory of an unpacked stock Debian kernel (vmlinuz, modules, initrd.cpio), fetched once.
# The mirror is the one that apt is configured with; the package's checksum comes from the suite's package index.
set -euo pipefail
series=${1:?usage: kernel.sh 6.1|6.12|7}
here=$(cd "$(dirname "$0")" && pwd)
cache=${UBC_CACHE:-/var/cache/ubc}
say() { printf 'ubc vm: %s\n' "$*" >&2; }
die() { say "$*"; exit 125; }

case $series in
  6.1)  suite=bookworm;           names='linux-image-6\.1\.0-[0-9]+-amd64' ;;
  6.12) suite=bookworm-backports; names='linux-image-6\.12\.[0-9]+\+deb12-amd64' ;;
  7)    suite=trixie-backports;   names='linux-(binary|modules)-7\.[0-9]+\.[0-9]+\+deb13-amd64' ;;
  *) die "there is no kernel series '$series': say 6.1, 6.12 or 7" ;;
esac
kernel=$cache/kernel-$series
[ -f "$kernel/ready-2" ] && { echo "$kernel"; exit 0; }

mkdir -p "$cache"
exec 9>"$cache/kernel-$series.lock"
flock 9
[ -f "$kernel/ready-2" ] && { echo "$kernel"; exit 0; }

mirror=$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' | grep -v security | head -1)
mirror=${mirror%/}
[ -n "$mirror" ] || die "apt has no package index: run apt-get update with a Debian mirror configured"
work=$(mktemp -d "$cache/fetch.XXXXXX")
trap 'rm -rf "$work"' EXIT
download() { /usr/lib/apt/apt-helper download-file "$1" "$2" ${3:+"SHA256:$3"} >"$work/log" 2>&1 || die "could not fetch ${1#"$mirror"} of $suite from apt's mirror: $(tail -n 1 "$work/log" | sed "s#$mirror##g")"; }

say "fetching the $series kernel of $suite (once; kept in $cache)"
download "$mirror/dists/$suite/main/binary-amd64/Packages.xz" "$work/Packages.xz"
# newest name of each kind: NAME SHA256 FILE, by version number
wanted=$(xz -dc "$work/Packages.xz" | awk -v names="^$names\$" '
  /^Package: /{name=$2} /^Filename: /{file=$2} /^SHA256: /{sum=$2}
  /^$/{if (name ~ names) print name, sum, file; name=""}' | sort -V |
  awk '{kind=$1; sub(/-[0-9].*/, "", kind); newest[kind]=$0} END {for (k in newest) print newest[k]}')
[ -n "$wanted" ] || die "$suite has no package named $names"
while read -r name sum file; do
  say "  $name"
  download "$mirror/$file" "$work/$name.deb" "$sum"
  dpkg -x "$work/$name.deb" "$work/root"
done <<<"$wanted"

modules=$(find "$work/root" -type d -path '*/lib/modules/*' -prune | head -1)
release=$(basename "$modules")
image=$(find "$work/root" -name vmlinuz -o -name 'vmlinuz-*' | head -1)
[ -n "$image" ] && [ -n "$release" ] || die "the packages of $series hold no kernel image or no modules"
mkdir -p "$work/kernel/lib/modules"
cp "$image" "$work/kernel/vmlinuz"
mv "$modules" "$work/kernel/lib/modules/$release"
depmod -b "$work/kernel" "$release" 2>/dev/null
echo "$release" >"$work/kernel/release"

# The initrd: busybox and the modules for a root on 9p, in an order that insmod finds by trying.
initrd=$work/initrd
mkdir -p "$initrd"/{bin,m,proc,sys,dev,root}
cp "$(command -v busybox)" "$initrd/bin/busybox"
for module in virtio virtio_ring virtio_pci virtio_pci_legacy_dev virtio_pci_modern_dev netfs fscache 9pnet 9pnet_virtio 9p overlay virtio_console; do
  path=$(find "$work/kernel/lib/modules" -name "$module.ko*" | head -1)
  case $path in
    *.xz) xz -dc "$path" >"$initrd/m/$module.ko" ;;
    *.zst) zstd -qdc "$path" >"$initrd/m/$module.ko" ;;
    ?*) cp "$path" "$initrd/m/$module.ko" ;;
  esac
done
install -m 755 "$here/initrd_init.sh" "$initrd/init"
(cd "$initrd" && find . | cpio --quiet -o -H newc) >"$work/kernel/initrd.cpio"
touch "$work/kernel/ready-2"
rm -rf "$kernel"
mv "$work/kernel" "$kernel"
echo "$kernel"
