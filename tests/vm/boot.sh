#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# boot.sh 6.1|6.12|7 [--count] [--cpus N] [--memory MIB] [--share DIR] [--disk FILE] [--timeout SECONDS] -- COMMAND [ARGUMENT...]
# Runs COMMAND on a stock Debian kernel of that series, as root, on this machine's own file system (writes are forgotten), in the
# current directory. Output is streamed, the exit status is the command's. --share DIR: what is written below DIR stays.
# --disk FILE: an ext4 image that /var/lib/ubc and /etc/ubc are on (its lib/ and etc/), and stay.
# --count: one CPU whose clock is the instruction counter: a nanosecond of CLOCK_MONOTONIC is one instruction.
# 124: the time ran out; 125: the virtual machine could not be started, or died.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
say() { printf 'ubc vm: %s\n' "$*" >&2; }
die() { say "$*"; exit 125; }
usage() { sed -n '3,8s/^# \{0,1\}//p' "$0" >&2; exit 125; }

[ $# -ge 1 ] || usage
series=$1; shift
count='' disk='' cpus=2 memory=4096 limit=3600 shares=()
while [ $# -gt 0 ]; do
  case $1 in
    --count) count=1; cpus=1; shift ;;
    --cpus) cpus=${2:?}; shift 2 ;;
    --memory) memory=${2:?}; shift 2 ;;
    --disk) [ -f "${2:?}" ] || die "there is no file $2"; disk=$(realpath "$2"); shift 2 ;;
    --timeout) limit=${2:?}; shift 2 ;;
    --share) [ -d "${2:?}" ] || die "cannot share $2: it is not a directory"; shares+=("$(realpath "$2")"); shift 2 ;;
    --) shift; break ;;
    *) usage ;;
  esac
done
[ $# -gt 0 ] || usage
command -v qemu-system-x86_64 >/dev/null || die "qemu-system-x86_64 is missing: run ./dev setup"
kernel=$("$here/kernel.sh" "$series")

box=$(mktemp -d "${TMPDIR:-/tmp}/ubc-vm.XXXXXX")
qemu=
trap '[ -z "$qemu" ] || kill "$qemu" 2>/dev/null; rm -rf "$box"' EXIT
trap 'exit 130' INT TERM
install -m 755 "$here/stage2.sh" "$box/stage2.sh"
devices=() names=
for i in "${!shares[@]}"; do
  devices+=(-virtfs "local,path=${shares[$i]},mount_tag=share$i,security_model=none,multidevs=remap")
  names+="share$i:${shares[$i]} "
done
[ -z "$disk" ] || devices+=(-drive "file=$disk,format=raw,if=none,id=disk,cache=writeback" -device virtio-blk-pci,drive=disk)
printf 'KERNEL=%q\nDIRECTORY=%q\nSHARES=%q\nDISK=%q\n' "$kernel" "$PWD" "$names" "$disk" >"$box/settings"
{ printf 'export UBC_VM=%q\n' "$series"; [ -z "$count" ] || echo 'export UBC_VM_COUNT=1'
  for v in ${!UBC_@}; do [ "$v" = UBC_VM ] || printf 'export %s=%q\n' "$v" "${!v}"; done
  # one argument is a shell command, several are a command and its arguments
  if [ $# -eq 1 ]; then printf '%s\n' "$1"; else printf '%q ' "$@"; echo; fi; } >"$box/command.sh"
mkfifo "$box/output"
accel=(-accel tcg,thread=multi)
[ -z "$count" ] || accel=(-accel tcg,thread=single -icount shift=0,sleep=off)

run_once() {
  rm -f "$box/status" "$box/console"
  # The output comes through a FIFO, so that any kind of standard output will do.
  cat "$box/output" &
  local reader=$!
  timeout --foreground -k 10 "$limit" qemu-system-x86_64 "${accel[@]}" -cpu max,la57=off -smp "$cpus" -m "$memory" -display none -nodefaults -no-reboot \
    -kernel "$kernel/vmlinuz" -initrd "$kernel/initrd.cpio" \
    -append 'console=ttyS0 quiet panic=-1 mitigations=off net.ifnames=0 no_timer_check' \
    -serial "file:$box/console" -monitor none \
    -device virtio-serial-pci -chardev "file,id=io,path=$box/output" -device virtserialport,chardev=io,name=ubc.io \
    -virtfs local,path=/,mount_tag=host,security_model=none,readonly=on,multidevs=remap \
    -virtfs "local,path=$box,mount_tag=boot,security_model=none,multidevs=remap" "${devices[@]}" </dev/null &
  qemu=$!
  local ended=0
  wait "$qemu" || ended=$?
  qemu=
  wait "$reader" || true
  if [ -f "$box/status" ]; then return 0; fi
  if [ "$ended" -eq 124 ]; then say "'$*' on $series took longer than $limit seconds"; exit 124; fi
  return 1
}

if ! run_once "$@"; then
  # Under two emulated CPUs the kernel itself has died of an int3 while it patched a static key: not ours, so once more, and said.
  # Its title may be lost; a trap one byte into a five-byte nop is the same.
  if grep -qaE 'int3: 0000|0f <1f> 44 00 00' "$box/console"; then
    say "the $series kernel itself oopsed (int3 in a static key, known with two emulated CPUs): running once more"
    run_once "$@" || true
  fi
fi
if [ ! -f "$box/status" ]; then
  say "the virtual machine ($series) died before the command ended. Its console's last lines:"
  tail -n 40 "$box/console" 2>/dev/null | tr -cd '\11\12\40-\176' | sed 's/^/    /' >&2
  exit 125
fi
exit "$(cat "$box/status")"
