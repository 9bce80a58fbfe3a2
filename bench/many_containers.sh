#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# many_containers.sh BIN [N]: N cgroups (4,000) adopted one after another, each with a sleeping process and a number, then what commands cost beside
# that many: in millions of instructions, under --count. Run it where hooks can be attached: ./dev bench many 6.12
set -euo pipefail
# On a tmpfs: what a command waits for a disk would count as instructions.
mkdir -p /run/ubc-bench
strip -o /run/ubc-bench/ubctl "$1/ubctl"
cp "$(command -v busybox)" /run/ubc-bench/
export PATH=/run/ubc-bench:$PATH
n=${2:-4000}
echo +memory >/sys/fs/cgroup/cgroup.subtree_control
mkdir -p /sys/fs/cgroup/many
echo +memory >/sys/fs/cgroup/many/cgroup.subtree_control
clock() { busybox awk '{printf "%d", $1 * 100}' /proc/uptime; }   # hundredths of a second: 10 million instructions

# cost NAME COMMAND...: the median of five
cost() {
  local name=$1 from to i figures=; shift
  for i in 1 2 3 4 5; do
    from=$(clock)
    "$@" >/dev/null
    to=$(clock)
    figures+="$(((to - from) * 10)) "
  done
  # shellcheck disable=SC2086
  printf '%-34s %8d million instructions\n' "$name" "$(printf '%s\n' $figures | sort -n | sed -n 3p)"
}

populate() { # FROM TO
  local i
  for ((i = $1; i <= $2; i++)); do
    mkdir "/sys/fs/cgroup/many/$i"
    busybox sleep 1000000 &
    echo $! >"/sys/fs/cgroup/many/$i/cgroup.procs"
  done
}

adopt() { # FROM TO
  local i
  for ((i = $1; i <= $2; i++)); do
    ubctl --quiet adopt "c$i" --cgroup "/sys/fs/cgroup/many/$i" --numproc 100
  done
}

echo "== $(uname -r): $n adopted containers =="
populate 1 "$n"
from=$(clock); adopt 1 100; to=$(clock)
echo "the first hundred                  $(((to - from) / 10)) million instructions each"
cost "beside 100: ubctl list" ubctl list
cost "beside 100: ubctl show c50" ubctl show c50
adopt 101 $((n - 100))
from=$(clock); adopt $((n - 99)) "$n"; to=$(clock)
echo "the last hundred                   $(((to - from) / 10)) million instructions each"
[ "$(ubctl list -H | wc -l)" = "$n" ] || { echo "list shows $(ubctl list -H | wc -l) of $n"; exit 1; }
cost "beside $n: ubctl list" ubctl list
cost "beside $n: ubctl list, physpages too" ubctl list -o ctid,numproc,physpages
cost "beside $n: ubctl show c50" ubctl show c50
cost "beside $n: ubctl set c50 --numproc" ubctl --quiet set c50 --numproc 200
cost "beside $n: cat user_beancounters" cat /sys/fs/bpf/ubc/user_beancounters
cost "ubctl --version, for comparison" ubctl --version
cost "ubctl status c50, for comparison" ubctl status c50
