#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Second stage in the micro-VM, as PID 1: the file systems that a host has, then the command; its status goes to the boot share.
export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root TERM=${TERM:-linux} LC_ALL=C.UTF-8
share=/.ubc-vm
. "$share/settings"
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t devtmpfs -o mode=755 dev /dev 2>/dev/null
mkdir -p /dev/pts /dev/shm
mount -t devpts -o gid=5,mode=620,ptmxmode=666 devpts /dev/pts
mount -t tmpfs shm /dev/shm
ln -sfn /proc/self/fd /dev/fd
mount -t tmpfs -o mode=755 run /run
mount -t tmpfs -o mode=1777 tmp /tmp
mount -t cgroup2 -o nsdelegate cgroup /sys/fs/cgroup
for c in $(cat /sys/fs/cgroup/cgroup.controllers); do echo "+$c" >/sys/fs/cgroup/cgroup.subtree_control; done
mount -t bpf bpf /sys/fs/bpf
mount -t tracefs tracefs /sys/kernel/tracing
mount -t debugfs debugfs /sys/kernel/debug
mount -t securityfs securityfs /sys/kernel/security
mkdir -p /lib/modules
mount --bind "$KERNEL/lib/modules" /lib/modules
ip link set lo up 2>/dev/null || busybox ip link set lo up
hostname ubc-vm
dmesg -n 4 2>/dev/null
# Guests need a file system that can be idmapped; neither 9p nor an overlay can. This one counts by project, too.
modprobe -q loop max_loop=4; modprobe -q -a ext4 quota_v2
mkdir -p /var/lib/ubc
if [ -n "$DISK" ]; then
  modprobe -q virtio_blk
  mkdir -p /run/disk /etc/ubc && mount -o prjquota /dev/vda /run/disk && mkdir -p /run/disk/lib /run/disk/etc
  mount --bind /run/disk/lib /var/lib/ubc && mount --bind /run/disk/etc /etc/ubc
else
  truncate -s 6G /run/ubc-vm.img
  mkfs.ext4 -q -F -O ^has_journal,project,quota -E lazy_itable_init=1,nodiscard,quotatype=prjquota /run/ubc-vm.img >/dev/null 2>&1
  mount -o loop,prjquota /run/ubc-vm.img /var/lib/ubc
fi
for s in $SHARES; do
  mkdir -p "${s#*:}" && mount -t 9p -o trans=virtio,version=9p2000.L,msize=1048576,cache=none "${s%%:*}" "${s#*:}"
done
cd "$DIRECTORY" 2>/dev/null || cd /
port=
for p in /sys/class/virtio-ports/*; do [ "$(cat "$p/name" 2>/dev/null)" = ubc.io ] && port=/dev/${p##*/}; done
if [ -z "$port" ]; then echo "UBC-VM: no port for the output"; echo o >/proc/sysrq-trigger; sleep 60; fi
setsid -w /bin/bash "$share/command.sh" </dev/null >"$port" 2>&1
echo $? >"$share/status"
sync -f "$share/status" 2>/dev/null
echo o >/proc/sysrq-trigger
sleep 60
