#!/bin/bash
# SPDX-License-Identifier: MIT
# pvmove.sh - a mounted volume moves from one target to the other while files are written; then the
# first target goes.
. "$(dirname "$0")/../inside/lib.sh"

# Writes files until /tmp/enough is there; their hashes are of what should be in them.
write_files()
{
	local i
	for ((i = 0; ; i++)); do
		[[ ! -e /tmp/enough ]] || return 0
		head -c 65536 /dev/urandom >/tmp/file
		sha256sum </tmp/file | sed "s|-|./$((i % 64))|" >"/tmp/hashes/$((i % 64))"
		dd if=/tmp/file of="/mnt/$((i % 64))" conv=fsync status=none
		echo "$i" >/tmp/written.new
		mv /tmp/written.new /tmp/written
	done
}

written_more_than()
{
	(($(</tmp/written) > $1))
}

moving()
{
	dmsetup table | grep -q '^v-pvmove0: .* mirror '
}

throttle()
{
	echo "$1" >/sys/module/dm_mirror/parameters/raid1_resync_throttle
}

login A
login B
from=$(disk A 0) to=$(disk B 0)
check "volume group" vgcreate v "$from" "$to"
check "volume on A" lvcreate -y -l 14 -n l v "$from"
check "mkfs" mkfs.ext4 -q /dev/v/l
check "mount" mount /dev/v/l /mnt
rmdir /mnt/lost+found
mkdir /tmp/hashes
write_files &
writer=$!

modprobe dm_mirror
throttle 1
pvmove -i 1 "$from" "$to" >/tmp/pvmove.out 2>&1 &
mover=$!
wait_for "the move has begun" moving
begun=$(</tmp/written)
wait_for "files are written meanwhile" written_more_than $((begun + 3))
check "it still moves" moving
throttle 100
check "pvmove" wait "$mover"
moved=$(</tmp/written)
wait_for "files are written after it" written_more_than $((moved + 3))
touch /tmp/enough
check "the writer saw no error" wait "$writer"

equal "where it is now" "$(lvs --noheadings -o devices v/l | tr -d ' ')" "$to(0)"
check "A leaves the group" vgreduce v "$from"
logout A
check "unmount" umount /mnt
blockdev --flushbufs "$to"
check "mount again" mount /dev/v/l /mnt
cat /tmp/hashes/* | sort -k 2 >/tmp/wanted
hashes /mnt >/tmp/got
at_least "files" "$(wc -l </tmp/got)" 8
check "they are what was written" cmp /tmp/wanted /tmp/got
check "unmount again" umount /mnt
check "e2fsck finds nothing" e2fsck -fn /dev/v/l
check "deactivate" vgchange -an v
