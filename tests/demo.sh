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
  for debian in debian-12 debian-13; do
    [ -f "$cache/$debian.tar.gz" ] || say "Building a template of $debian from apt's mirror (once; kept in $cache)"
    UBC_CACHE=$cache tests/debian_archive.sh $debian 2>&1 | sed 's/^/  /'
  done
  if ! ubctl features --can-enforce >/dev/null 2>&1; then
    say "This machine's kernel ($(uname -r)) cannot enforce limits: the demo runs on a stock Debian 6.12 kernel in a virtual machine"
    UBC_CACHE=$cache exec tests/vm/boot.sh 6.12 --timeout 900 -- tests/demo.sh
  fi
fi

say "1. Three templates, unpacked once and shared: busybox, Debian 12 and Debian 13"
show ubctl template build busybox
show ubctl template import "$cache/debian-12.tar.gz"
show ubctl template import "$cache/debian-13.tar.gz"

say "2. Three containers of different distributions, each with an address, its numbers and its own init"
show ubctl create 101 --ostemplate busybox --name web --ipadd 10.77.0.101 --numproc 20 --numfile 200 --privvmpages 64M:72M --ram 128M --swap 128M
show ubctl create 102 --ostemplate debian-12 --name db --ipadd 10.77.0.102 --ram 256M --swap 256M --diskspace 1G
show ubctl create 103 --ostemplate debian-13 --name shop --ipadd 10.77.0.103 --ram 256M --swap 256M --numproc 200
show ubctl start 101
show ubctl start 102
show ubctl start 103
show ubctl exec web 'busybox | head -1; id -u'
until ubctl exec2 db systemctl is-system-running --wait >/dev/null 2>&1 && ubctl exec2 shop systemctl is-system-running --wait >/dev/null 2>&1; do
  sleep 1; [ $((waited = ${waited:-0} + 1)) -lt 120 ] || break
done
show ubctl exec db 'head -1 /etc/os-release; id -u; cat /proc/1/comm; systemctl is-system-running'
show ubctl exec shop 'head -1 /etc/os-release; id -u; cat /proc/1/comm; systemctl is-system-running'
show ubctl list -o ctid,name,ip,ostemplate,numproc,numfile,diskspace

say "3. web serves a page; db and shop fetch it. An address is only its owner's"
show ubctl exec web 'mkdir -p /www; echo "<h1>hello from web</h1>" > /www/index.html; httpd -h /www'
fetch='exec 3<>/dev/tcp/10.77.0.101/80; printf "GET / HTTP/1.0\r\n\r\n" >&3; tail -n1 <&3'
show ubctl exec db "bash -c '$fetch'"
show ubctl exec shop "bash -c '$fetch'"

say "4. A fork bomb in web: refused at numproc. db works on undisturbed"
may_fail ubctl exec web 'for i in $(seq 100); do sleep 3 & done 2>&1 | tail -1'
show ubctl exec db 'for i in 1 2 3 4 5; do /bin/true & done; wait; echo db: five forks, all granted'
show ubctl list -o ctid,numproc,numproc.m,numproc.b,numproc.f,status
sleep 4

say "5. A descriptor hog in web: refused at numfile"
hog='i=10; while [ $i -lt 260 ]; do eval "exec $i</dev/null" || exit 1; i=$((i+1)); done; echo opened 250 files'
may_fail ubctl exec2 web "$hog"
show ubctl show web

say "6. The limit raised live, and the same program succeeds"
show ubctl set web --numfile 400 --save
show ubctl exec2 web "$hog"

say "7. Who was refused what, last"
show ubctl why web

say "8. The classic table, byte for byte: the host's file has all, a guest's its own"
show cat /sys/fs/bpf/ubc/user_beancounters
show ubctl exec2 db 'sed -n 1,3p /dev/user_beancounters'

say "9. The metrics"
ubcd --listen 127.0.0.1:9641 2>/dev/null & ubcd=$!
for _ in $(seq 100); do curl -s -o /dev/null http://127.0.0.1:9641/ && break; sleep 0.1; done
show sh -c 'curl -s http://127.0.0.1:9641/metrics | grep "^ubc_.*resource=.num\(file\|proc\)"'
kill "$ubcd"

say "10. Stopped: held is back to zero for all"
show ubctl stop web --fast
show ubctl stop db
show ubctl stop shop
show ubctl list -a
show ubctl hooks status
show ubctl destroy web
show ubctl destroy db
show ubctl destroy shop
say "Done."
