#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# power_loss.sh [ROUNDS] [SERIES]: while containers and templates are made, changed and removed, the micro-VM is reset at a random moment
# (sysrq b: no sync, no umount); the next boot on the same disk must find everything that a command had reported done, and nothing half
# done. 5 rounds on 6.12 if nothing is said. A seed (UBC_SEED) makes the moments, not the order of events, the same again.
set -euo pipefail
cd "$(dirname "$(readlink -f "$0")")/.."
ubctl=build/bin/ubctl
archives=/tmp/archives
fail() { echo "POWER LOSS: $*"; exit 1; }

# --- inside: what goes on when the power goes. What has been done is printed, which is the only thing that outlives it.

change_settings() {
  for n in $(seq "$1" 1000000); do
    $ubctl --quiet set 200 --description "number $n" --numproc "$((100 + n % 50))" --save >/dev/null && echo "did set $n" && : >/tmp/begun
  done
}

come_and_go() { # ID
  while :; do
    $ubctl --quiet create "$1" --ostemplate busybox --name "name$1" --diskspace 8M >/dev/null && echo "did create $1"
    $ubctl --quiet start "$1" >/dev/null
    $ubctl exec2 "$1" 'echo text > /file; sync' </dev/null >/dev/null
    $ubctl --quiet set "$1" --diskspace 9M --save >/dev/null
    $ubctl --quiet stop "$1" --fast >/dev/null
    echo "will destroy $1"
    $ubctl --quiet destroy "$1" >/dev/null && echo "did destroy $1"
  done
}

import_templates() {
  mkdir -p $archives/tree/bin
  cp /bin/busybox $archives/tree/bin/sh
  for n in $(seq "$1" 1000000); do
    head -c 8M /dev/urandom >$archives/tree/data
    tar -C $archives/tree -cf "$archives/made$n.tar" .
    $ubctl --quiet template import "$archives/made$n.tar" >/dev/null && echo "did import made$n"
    rm "$archives/made$n.tar"
    [ $((n % 3)) -ne 0 ] || { echo "will remove made$n"; $ubctl --quiet template remove "made$n" >/dev/null; }
  done
}

work() { # FIRST: no number below has been used
  change_settings "$1" &
  come_and_go 301 &
  come_and_go 302 &
  import_templates "$1" &
  until [ -e /tmp/begun ]; do sleep 0.1; done
  sleep "$(awk -v seed="${UBC_SEED:-$RANDOM$RANDOM}$1" 'BEGIN {srand(seed); print 1 + 20 * rand()}')"
  echo b >/proc/sysrq-trigger
  sleep 60
}

# --- inside: what is there afterwards

number_set() { sed -n 's/^DESCRIPTION="number \(.*\)"$/\1/p' /etc/ubc/conf/200.conf; }

check_settings() { # the number that was reported last
  [ "$(number_set)" -ge "$1" ] || fail "number $1 was saved, and $(number_set) is what the configuration says"
  for config in /etc/ubc/conf/*.conf; do
    [ -s "$config" ] || fail "$config is empty"
    ! grep -nP '[^\x20-\x7e]' "$config" || fail "$config has in it what nobody wrote"
    local id=${config##*/}
    $ubctl show "${id%.conf}" >/dev/null || fail "$config cannot be read"
  done
}

check_doctor() {
  $ubctl doctor --repair | sed 's/^/    /'
  [ "$($ubctl doctor)" = "nothing was found" ] || fail "after doctor --repair: $($ubctl doctor)"
  local areas
  areas=$(ls -A /var/lib/ubc/private | grep -v '^[0-9]*$' || true)
  [ -z "$areas" ] || fail "half a private area: $areas"
}

check_templates() { # those that were reported
  local name
  $ubctl template list >/dev/null || fail "template list"
  for name in $(ls /var/lib/ubc/templates); do
    $ubctl template verify "$name" >/dev/null || fail "template $name is offered, and not whole"
  done
  for name in "$@"; do $ubctl template verify "$name" >/dev/null || fail "template $name was imported, and is not there"; done
  local rest
  rest=$(ls -A /var/lib/ubc/templates/.store | grep -v '^sha256' || true)
  [ -z "$rest" ] || fail "half a tree: $rest"
  for name in $(ls /var/lib/ubc/templates | grep ^made); do $ubctl --quiet template remove "$name"; done
}

check_containers() { # those that were reported
  local id
  for id in "$@"; do [ -e "/var/lib/ubc/private/$id" ] || fail "container $id was created, and is not there"; done
  for id in $(ls /var/lib/ubc/private); do
    $ubctl --quiet start "$id" >/dev/null || fail "container $id does not start"
    [ "$($ubctl exec2 "$id" 'echo alive' </dev/null)" = alive ] || fail "container $id does not live"
    ! $ubctl exec2 "$id" 'dd if=/dev/zero of=/big bs=1M count=40 2>/dev/null' </dev/null || fail "the quota of container $id does not hold"
    $ubctl exec2 "$id" rm /big </dev/null
    $ubctl --quiet stop "$id" --fast >/dev/null || fail "container $id does not stop"
  done
  for id in 301 302; do
    # What a destroy that was cut off has left is removed by the next one.
    [ ! -e "/etc/ubc/conf/$id.conf" ] || $ubctl --quiet destroy "$id" >/dev/null || fail "container $id is not destroyed"
  done
  [ "$($ubctl doctor)" = "nothing was found" ] || fail "after all: $($ubctl doctor)"
}

check() {
  $ubctl list -a || fail "list -a"
  check_settings "${UBC_NUMBER:-0}"
  check_doctor
  # shellcheck disable=SC2086
  check_templates ${UBC_TEMPLATES:-}
  # shellcheck disable=SC2086
  check_containers 200 ${UBC_CONTAINERS:-}
  echo "    all that was done is there"
}

begin() {
  $ubctl --quiet template build busybox
  $ubctl --quiet create 200 --ostemplate busybox --name kept --diskspace 10M --description "number 0"
  sync -f /var/lib/ubc
}

case ${1:-} in
  begin) begin; work 1 ;;
  again) check; work "$2" ;;
  last) check; cd /; umount /etc/ubc /var/lib/ubc /run/disk ;;
esac
case ${1:-} in begin | again | last) exit ;; esac

# --- outside

rounds=${1:-5} series=${2:-6.12}
box=$(mktemp -d "${TMPDIR:-/tmp}/ubc-power.XXXXXX")
trap 'rm -rf "$box"' EXIT
truncate -s 3G "$box/disk"
mkfs.ext4 -q -F -O project,quota -E lazy_itable_init=1,nodiscard,quotatype=prjquota "$box/disk"

# What a run has reported: the last number, containers that are there and no destroy has begun on, templates likewise.
reported() {
  awk '/^did set/ {number = $3}
       /^did create/ {container[$3] = 1} /^will destroy/ {delete container[$3]}
       /^did import/ {template[$3] = 1} /^will remove/ {delete template[$3]}
       END {printf "UBC_NUMBER=%d\nUBC_CONTAINERS=\"", number; for (c in container) printf "%s ", c
            printf "\"\nUBC_TEMPLATES=\""; for (t in template) printf "%s ", t; print "\""}' "$1"
}

run() { # STEP [FIRST]: 125: the machine went
  local status=0
  tests/vm/boot.sh "$series" --disk "$box/disk" --timeout 600 -- tests/power_loss.sh "$@" >"$box/log" 2>&1 || status=$?
  grep -v -e '^did ' -e '^will ' -e '^ubc vm' -e '^    \[' "$box/log" || true
  return "$status"
}

step=(begin)
for round in $(seq 1 "$rounds"); do
  status=0
  run "${step[@]}" || status=$?
  [ "$status" -eq 125 ] || { echo "round $round ended with $status instead of a reset" >&2; exit 1; }
  eval "$(reported "$box/log")"
  [ "$UBC_NUMBER" -gt 0 ] || { echo "round $round: the power went before anything was done" >&2; tail -n 20 "$box/log" >&2; exit 1; }
  export UBC_NUMBER UBC_CONTAINERS UBC_TEMPLATES
  echo "round $round: the power went after number $UBC_NUMBER, with containers ${UBC_CONTAINERS:-none} and templates ${UBC_TEMPLATES:-none}"
  step=(again $((round * 10000)))
done
run last
e2fsck -fn "$box/disk" >"$box/fsck" 2>&1 || { cat "$box/fsck"; echo "the disk is not as it should be" >&2; exit 1; }
echo "after $rounds losses of power everything that was done was there, and nothing half done"
