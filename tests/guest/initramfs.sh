#!/bin/busybox sh
# SPDX-License-Identifier: MIT
# shellcheck shell=dash
#
# initramfs.sh - the first process of the guest: finds the root disk and the job, and goes there.
#
# /job of the root becomes the tar that lies on the second disk; its inside/init.sh goes on. So a
# change of the job needs no new image.
b=/bin/busybox

give_up()
{
	echo "guest: $*"
	$b poweroff -f
}

disk_there()
{
	tries=0
	until [ -b "$1" ]; do
		tries=$((tries + 1))
		[ "$tries" -lt 500 ] || give_up "no $1"
		$b usleep 20000
	done
}

$b mount -t proc proc /proc
$b mount -t sysfs sys /sys
$b mount -t devtmpfs dev /dev
while read -r module; do
	$b insmod "/modules/$module"
done </modules/order

disk_there /dev/vda
disk_there /dev/vdb
$b mount -t ext4 -o noatime /dev/vda /root || give_up "the root disk cannot be mounted"
$b mount -t tmpfs tmpfs /root/job
$b tar -xf /dev/vdb -C /root/job || give_up "no job on /dev/vdb"
for folder in proc sys dev; do
	$b mount --move "/$folder" "/root/$folder"
done
exec $b switch_root /root /job/inside/init.sh
