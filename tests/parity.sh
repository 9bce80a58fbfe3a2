#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# parity.sh: does a program that meets no limit behave the same with and without ubc? Public suites, first in a cgroup of nobody's with no hook on
# the machine, then in the same cgroup adopted, with every hook attached and a number on every resource: stress-ng's stressors in verify mode, a
# fixed number of operations each, and CPython's tests of files, processes, memory, locks and sockets. Prints what differs. Needs the packages
# stress-ng and libpython3.11-testsuite. Run it where hooks can be attached: ./dev vm 6.12 -- tests/parity.sh
set -euo pipefail
cd "$(dirname "$0")/.."
export PATH=$PWD/build/bin:$PATH
for tool in stress-ng /usr/bin/python3.11; do command -v "$tool" >/dev/null || { echo "parity: $tool is missing: install stress-ng and libpython3.11-testsuite" >&2; exit 2; }; done
cgroup=/sys/fs/cgroup/parity
scratch=$(mktemp -d)
trap 'ubctl release parity >/dev/null 2>&1 || true; rm -rf "$scratch"' EXIT

# stressor:operations
stressors="access:20 chmod:20 close:100 dentry:100 dup:50 epoll:50 eventfd:200 fcntl:50 flock:200 fork:50 futex:200 kill:100 lease:50 link:20 lockf:200 lockofd:200
memfd:5 mlock:20 mmap:10 mprotect:50 mq:200 mremap:10 msg:200 open:200 pipe:500 poll:100 pthread:10 pty:1 rename:100 sem-sysv:200 shm-sysv:2 sigq:200 sock:20 sockpair:20
splice:100 udp:100 vfork:20 wait:10 zombie:20 brk:100 clone:10 exec:5 malloc:100"
modules="test_fcntl test_fileio test_mmap test_poll test_posix test_pty test_select test_socket test_thread test_wait4"

cases() {
  cd "$scratch"
  for each in $stressors; do
    name=${each%:*}
    status=0
    timeout -k 5 25 stress-ng --verify --"$name" 1 --"$name"-ops "${each#*:}" --timeout 15 >"$scratch/log" 2>&1 || status=$?
    echo "stress-ng $name: exit $status, $(grep -c 'fail:' "$scratch/log" || true) failures"
  done
  for module in $modules; do
    PYTHONDONTWRITEBYTECODE=1 timeout -k 5 900 /usr/bin/python3.11 -m unittest -q "test.$module" >"$scratch/log" 2>&1 || true
    echo "python $module: $(grep -E '^(Ran |OK|FAILED)' "$scratch/log" | sed 's/ in .*//' | tr '\n' ' ')$(grep -E '^(FAIL|ERROR):' "$scratch/log" | sort | tr '\n' ' ')"
  done
}
export -f cases
export scratch stressors modules
in_cgroup() { bash -c "echo \$\$ > $cgroup/cgroup.procs; cases" | tee >(cat >&2); }

echo +memory >/sys/fs/cgroup/cgroup.subtree_control
mkdir -p "$cgroup"
[ ! -e /sys/fs/bpf/ubc ] || { echo "parity: hooks are attached already: detach them first" >&2; exit 2; }
in_cgroup >"$scratch/without"
ubctl adopt parity --cgroup "$cgroup" >/dev/null
ubctl set parity --numproc 50000 --numfile 500000 --numtcpsock 50000 --numothersock 50000 --privvmpages 64G --numflock 50000 --numpty 5000 \
  --numsiginfo 50000 --lockedpages 16G --shmpages 64G --kmemsize 16G --tcpsndbuf 4G:5G --tcprcvbuf 4G:5G --othersockbuf 4G:5G --dgramrcvbuf 4G \
  --numiptent 50000 --numinotify 5000 --numwatch 50000 --nummsgqueue 5000 --numsemset 5000 --numuserns 500 --nummount 5000 --numbpf 5000 >/dev/null
in_cgroup >"$scratch/with"
echo "with numbers on all: $(ubctl list -H -o numproc.f,numfile.f,kmemsize.f,tcpsndbuf.f -a 2>/dev/null | head -1 || true)"
ubctl show parity --failed 2>/dev/null | tail -n +2 || true
if ! diff "$scratch/without" "$scratch/with"; then echo "parity: the lines above differ (<: without, >: with ubc)"; exit 1; fi
grep -v 'exit 0, 0 failures\|: Ran [0-9]* tests* OK' "$scratch/with" || true
echo "parity: $(wc -l <"$scratch/with") suites behave the same on $(uname -r), with and without ubc"
