#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# idle_guests.sh [N]: in the world of start_world.sh, N idle guests (200) of ubctl's, then N of crun's: what starting them in a row takes, in
# millions of instructions each (under --count), and what kernel memory each keeps. Both sleep in a network namespace of their own; ours has
# an overlay each, crun's share one root. Ours still run while crun's start: what ended guests leave in the kernel's caches would be taken
# for memory that the next ones do without.
n=${1:-200}

# KiB that the kernel itself holds: Slab, KernelStack, PageTables, Percpu.
kernel_memory() {
  sync
  echo 3 >/proc/sys/vm/drop_caches
  busybox sleep 3
  busybox awk '/^(Slab|KernelStack|PageTables|Percpu):/ {kib += $2} END {print kib}' /proc/meminfo
}
clock() { busybox awk '{printf "%d", $1 * 100}' /proc/uptime; }   # hundredths of a second: 10 million instructions

# measure NAME START: START is called with 1..N
measure() {
  name=$1 start=$2 i=1
  before=$(kernel_memory) half=
  from=$(clock)
  while [ $i -le "$n" ]; do
    "$start" $i || { echo "$name: the $i. did not start"; return 1; }
    [ $i -ne $((n / 2)) ] || half=$(clock)
    i=$((i + 1))
  done
  to=$(clock)
  after=$(kernel_memory)
  echo "$name $(((half - from) * 20 / n)) $(((to - half) * 20 / n)) $(((after - before) / n))" |
    busybox awk '{printf "%-8s %8.2f million instructions each of the first half, %8.2f of the second; %5d KiB of kernel memory each\n", $1, $2, $3, $4}'
}

ours() { ubctl --quiet start $((1000 + $1)); }
theirs() { crun run --detach --bundle /running "idle$1" </dev/null >/dev/null; }

i=0
while [ $i -le "$n" ]; do
  ubctl --quiet create $((1000 + i)) --ostemplate busybox --ram 64M --swap 64M --numproc 100 || exit 1
  echo 'INIT="/bin/sleep 1000000"' >>/etc/ubc/conf/$((1000 + i)).conf
  i=$((i + 1))
done
ours 0 && theirs 0 || exit 1   # what the first of each makes for all
measure ubctl ours
measure crun theirs
