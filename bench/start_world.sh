#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# start_world.sh BIN SECCOMP.json COMMAND...: inside the micro-VM, a small root file system on a tmpfs (from the VM's own root a program's
# loading would be the figure) with ubctl, crun and unshare, a container and an OCI bundle of the same busybox tree, and COMMAND in it.
# crun gets what podman would give it: its default capabilities and system call filter, a user namespace with 65,536 ids, all namespaces,
# a cgroup with limits of memory and processes, an overlay. That overlay is mounted beforehand, where ours is part of each start.
set -euo pipefail
bin=$1 profile=$2 here=$(cd "$(dirname "$0")" && pwd); shift 2
root=/run/ubc-bench
mkdir -p "$root"
mount -t tmpfs -o mode=755 bench "$root"
mkdir -p "$root"/{bin,etc/ubc,proc,sys,dev,run,tmp,bundle/rootfs,var/lib/ubc,etc/ubc}
cp /etc/ld.so.cache "$root/etc/"

# What is run: stripped, as a package would install it, its libraries where they always are.
for program in ubctl ubc-unpack ubc-pack ubc-start-bench; do strip -o "$root/bin/$program" "$bin/$program"; done
cp "$(command -v crun)" "$(command -v unshare)" "$(command -v busybox)" "$root/bin/"
for applet in sh true sleep pivot_root umount; do ln -s busybox "$root/bin/$applet"; done
for program in "$root"/bin/{crun,unshare,ubc-start-bench}; do
  { ldd "$program" || true; } | awk '$(NF-1) ~ /^\// {print $(NF-1)}' | while read -r library; do
    mkdir -p "$root${library%/*}"
    cp -L "$library" "$root$library"
  done
done

# Ours. The limits are those of the bundle below, and some more.
ubctl() { "$bin/ubctl" --quiet "$@"; }
ubctl template build busybox
for id in 101 102; do
  ubctl create "$id" --ostemplate busybox --ram 256M --swap 256M --numproc 100 --numfile 1000 --privvmpages 256M --numtcpsock 100 --numothersock 100
done
sed -i '/^INIT=/d' /etc/ubc/conf/10[12].conf
echo 'INIT="/bin/true"' >>/etc/ubc/conf/101.conf
echo 'INIT="/bin/sleep 1000000"' >>/etc/ubc/conf/102.conf
cp -r /etc/ubc "$root/etc/"

# crun's: ids 65536 and up own the layers, as podman leaves them on a file system that it does not shift.
lower=$root/tmp/lower
cp -a /var/lib/ubc/templates/busybox/rootfs/ "$lower"
mkdir "$root"/tmp/{upper,work}
chown -R -h 65536:65536 "$root"/tmp/{lower,upper,work}
mount -t overlay -o "lowerdir=$lower,upperdir=$root/tmp/upper,workdir=$root/tmp/work" overlay "$root/bundle/rootfs"
(cd "$root/bundle" && crun spec && jq --slurpfile profile "$profile" -f "$here/podman_like.jq" config.json >podman.json)
mkdir -p "$root"/{running,plain}
jq 'del(.linux.seccomp) | .root.path = "/bundle/rootfs"' "$root/bundle/podman.json" >"$root/plain/config.json"
jq '.process.args = ["/bin/sleep", "1000000"] | .root.path = "/bundle/rootfs"' "$root/bundle/podman.json" >"$root/running/config.json"
mv "$root/bundle/podman.json" "$root/bundle/config.json"

mount --bind /var/lib/ubc "$root/var/lib/ubc"
for directory in proc sys dev; do mount --rbind "/$directory" "$root/$directory"; done
# The two that exec enters are started here, so that they are nobody's children: COMMAND waits for all of its own.
exec unshare --mount sh -c 'cd "$0" && pivot_root . . && umount -l . && cd / && ubctl --quiet start 102 &&
  crun run --detach --bundle /running running </dev/null >/dev/null && exec "$@"' "$root" "$@"
