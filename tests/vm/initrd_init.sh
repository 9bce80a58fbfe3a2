#!/bin/busybox sh
# SPDX-License-Identifier: Apache-2.0
# /init of the micro-VM's initrd: this machine's file system over 9p, read-only below a tmpfs overlay; then boot/stage2.sh.
export PATH=/bin
b=/bin/busybox
$b mount -t proc proc /proc
$b mount -t sysfs sys /sys
$b mount -t devtmpfs dev /dev
for try in 1 2 3 4 5 6; do
  for m in /m/*.ko; do $b insmod $m 2>/dev/null && $b rm $m; done
done
$b mkdir -p /lower /top /boot
$b mount -t 9p -o trans=virtio,version=9p2000.L,msize=1048576,cache=loose,ro host /lower || { echo "UBC-VM: no 9p root"; $b poweroff -f; }
$b mount -t 9p -o trans=virtio,version=9p2000.L,msize=131072,cache=none boot /boot || { echo "UBC-VM: no 9p boot share"; $b poweroff -f; }
$b mount -t tmpfs -o size=90% top /top
$b mkdir /top/up /top/work
$b mount -t overlay -o lowerdir=/lower,upperdir=/top/up,workdir=/top/work overlay /root || { echo "UBC-VM: no overlay"; $b poweroff -f; }
$b mkdir -p /root/.ubc-vm
$b mount --move /boot /root/.ubc-vm
$b umount /proc /sys /dev
exec $b switch_root /root /bin/bash /.ubc-vm/stage2.sh
