#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The main job, for real: natively where this kernel can enforce, else in the micro-VM. Called by ./dev demo.
set -euo pipefail
cd "$(dirname "$0")/.."
export PATH=$PWD/build/bin:$PATH
cache=${UBC_CACHE:-/var/cache/ubc}
say() { printf '\n\033[1m%s\033[0m\n' "$*"; }
show() { printf '  # %s\n' "$*"; "$@" 2>&1 | sed 's/^/  /'; }
may_fail() { printf '  # %s\n' "$*"; { "$@" 2>&1 || true; } | sed 's/^/  /'; }

if [ -z "${UBC_VM:-}" ]; then
  [ -f "$cache/debian-12.tar.gz" ] || say "Building a Debian 12 template from apt's mirror (once; kept in $cache)"
  UBC_CACHE=$cache tests/debian_archive.sh debian-12 2>&1 | sed 's/^/  /'
  if ! ubctl features --can-enforce >/dev/null 2>&1; then
    say "This machine's kernel ($(uname -r)) cannot enforce limits: the demo runs on a stock Debian 6.12 kernel in a virtual machine"
    UBC_CACHE=$cache exec tests/vm/boot.sh 6.12 --timeout 900 -- tests/demo.sh
  fi
fi

say "1. Two templates, unpacked once and shared: busybox, and Debian 12"
show ubctl template build busybox
show ubctl template import "$cache/debian-12.tar.gz"

say "2. Two containers of different distributions"
show ubctl create 101 --ostemplate busybox --name web --hostname web --numproc 20 --numfile 200 --privvmpages 64M:72M --ram 128M --swap 128M
show ubctl create 102 --ostemplate debian-12 --name db --hostname db --ram 256M --swap 256M
show ubctl start 101
show ubctl start 102
show ubctl list
show ubctl exec 101 'busybox | head -1; id -u'
show ubctl exec 102 'head -1 /etc/os-release; id -u'

say "3. A fork bomb in web: refused at numproc. db works on undisturbed"
may_fail ubctl exec web 'for i in $(seq 100); do sleep 3 & done 2>&1 | tail -1'
show ubctl exec db 'for i in 1 2 3 4 5; do /bin/true & done; wait; echo db: five forks, all granted'
show ubctl list -o ctid,numproc,numproc.m,numproc.b,numproc.f,status
sleep 4

say "4. A descriptor hog in web: refused at numfile"
hog='i=10; while [ $i -lt 260 ]; do eval "exec $i</dev/null" || exit 1; i=$((i+1)); done; echo opened 250 files'
may_fail ubctl exec2 web "$hog"
show ubctl show web

say "5. The limit raised live, and the same program succeeds"
show ubctl set web --numfile 400 --save
show ubctl exec2 web "$hog"

say "6. Who was refused what, last"
show ubctl why web

say "7. The classic table, byte for byte: the host's file has both, a guest's its own"
show cat /sys/fs/bpf/ubc/user_beancounters
show ubctl exec2 db 'sed -n 1,3p /dev/user_beancounters'

say "8. The metrics"
ubcd --listen 127.0.0.1:9641 2>/dev/null & ubcd=$!
for _ in $(seq 100); do curl -s -o /dev/null http://127.0.0.1:9641/ && break; sleep 0.1; done
show sh -c 'curl -s http://127.0.0.1:9641/metrics | grep "^ubc_.*resource=.num\(file\|proc\)"'
kill "$ubcd"

say "9. Stopped: held is back to zero for all"
show ubctl stop web --fast
show ubctl stop db --fast
show ubctl list -a
show ubctl hooks status
show ubctl destroy web
show ubctl destroy db
say "Done."
