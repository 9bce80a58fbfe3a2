#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# cycles.sh COUNT: creates, starts, stops and destroys a container COUNT times, in the micro-VM, and fails where anything is left of one: a
# cgroup, mount, link, namespace, BPF program, map or link, slot, quota, file of ours, open file of the kernel's.
#   ./dev vm 6.12 --timeout 7200 -- tests/cycles.sh 2000
set -euo pipefail
count=${1:?how many}
cd "$(dirname "$(readlink -f "$0")")/.."
ubctl=${UBCTL:-build/bin/ubctl}
[ -n "${UBC_VM:-}" ] || { echo "cycles.sh: it looks at a whole host: ./dev vm 6.12 -- tests/cycles.sh $count" >&2; exit 2; }

objects() { awk -v name="$1" '$1 == name {print $2}' /proc/slabinfo; }
below() { find "$@" -printf '%p %y\n' 2>/dev/null | sort; }
bpf() { # prog|map|link: ids
  bpftool "$1" show 2>/dev/null | awk -F: '/^[0-9]+:/ {print $1}' | tr '\n' ' '
}
# What one host has of each; a line each, so that a difference names itself.
state() {
  echo "cgroups: $(below /sys/fs/cgroup -type d | tr '\n' ' ')"
  echo "mounts: $(sed 's/^[0-9]* [0-9]* //' /proc/self/mountinfo | sort | tr '\n' ';')"
  echo "links: $(ls /sys/class/net | tr '\n' ' ')"
  echo "routes: $(ip route show table all; ip -6 route show table all)"
  for kind in prog map link; do echo "bpf $kind: $(bpf $kind)"; done
  echo "quotas: $(repquota -P -O csv /var/lib/ubc 2>/dev/null | grep -c '^#' || true)"
  echo "files: $(below /var/lib/ubc /run/ubc /etc/ubc | grep -v '\.conf\.destroyed' | tr '\n' ' ')"
  echo "ledger: $($ubctl list -a -H 2>/dev/null)"
  echo "doctor: $($ubctl doctor)"
}
# Numbers that go down a moment after their last user. Not of dying cgroups: the io controller keeps two a
# container on the micro-VM's loop disk (nr_dying_subsys_io of cgroup.stat; no other controller does).
kernel_counts() {
  echo 3 >/proc/sys/vm/drop_caches
  echo "open files $(cut -f1 /proc/sys/fs/file-nr)"
  for kind in net_namespace user_namespace; do echo "$kind $(objects $kind)"; done
}

cycle() { # N
  $ubctl --quiet create 101 --ostemplate busybox --name cycle --ipadd 10.79.0.1 --diskspace 10M --numproc 50
  $ubctl --quiet start 101
  [ "$(cat /var/lib/ubc/private/101/slot)" = "$slot" ] || { echo "cycle $1: slot $(cat /var/lib/ubc/private/101/slot), not $slot" >&2; return 1; }
  if [ $(($1 % 10)) -eq 0 ]; then $ubctl exec2 101 'echo x >/file; sleep 1000 & true' </dev/null >/dev/null; fi
  if [ $(($1 % 5)) -eq 0 ]; then $ubctl --quiet stop 101; else $ubctl --quiet stop 101 --fast; fi
  $ubctl --quiet destroy 101
}

$ubctl --quiet template list | grep -q '^busybox' || $ubctl --quiet template build busybox
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
slot=1
for n in 1 2 3 4 5; do cycle "$n"; done   # what the first ones make for all
state >"$work/before"
kernel_counts >"$work/counts-before"
for n in $(seq 1 "$count"); do
  cycle "$n"
  [ $((n % 100)) -ne 0 ] || echo "$n cycles, $(cut -d' ' -f1 /proc/uptime) s since boot"
done
state >"$work/after"
diff "$work/before" "$work/after" || { echo "after $count cycles something is left" >&2; exit 1; }
# The kernel's own objects end after grace periods and by a worker: at last there are as many as before, and a few more in caches.
for _ in $(seq 1 100); do
  kernel_counts >"$work/counts-after"
  left=$(paste -d' ' "$work/counts-before" "$work/counts-after" | awk '{n = NF / 2; if ($NF > $n + 20) print}')
  [ -n "$left" ] || break
  sleep 0.2
done
paste -d' ' "$work/counts-before" "$work/counts-after" | sed 's/^/    /'
[ -z "$left" ] || { echo "after $count cycles the kernel has more of: $left" >&2; exit 1; }
echo "nothing is left of $count containers"
