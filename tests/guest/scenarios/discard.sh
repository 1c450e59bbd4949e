#!/bin/bash
# SPDX-License-Identifier: MIT
# discard.sh - what a thin LUN says of discards, and that discarded blocks are zero, be it by blkdiscard
# or by fstrim; their neighbours stay.
. "$(dirname "$0")/../inside/lib.sh"

# number DISK PAGE OFFSET LENGTH: of a vital product data page; big endian.
number()
{
	echo $((16#$(scsi "$1" "vpd_pg$2" | od -An -v -tx1 -j"$3" -N"$4" | tr -d ' \n')))
}

# The block limits page and the kernel's queue must say the same.
geometry()
{
	local granularity most
	granularity=$(($(number "$1" b0 28 4) * 512))
	most=$(number "$1" b0 20 4)
	at_least "UNMAP: blocks" "$most" 2048
	at_least "UNMAP: descriptors" "$(number "$1" b0 24 4)" 1
	equal "granularity" "$(queue "$1" discard_granularity)" "$granularity"
	equal "granularity is a power of two" $((granularity & (granularity - 1))) 0
	at_least "a page of 2 MiB holds granules" $(((2 << 20) / granularity)) 1
	at_least "most that one discard takes" "$(queue "$1" discard_max_hw_bytes)" $((1 << 20))
	equal "LBPU of page B2" $((($(number "$1" b2 5 1) >> 7) & 1)) 1
	equal "it is thin" "$(cat /sys/block/"${1##*/}"/device/scsi_disk/*/thin_provisioning)" 1
	equal "discards are" "$(cat /sys/block/"${1##*/}"/device/scsi_disk/*/provisioning_mode)" unmap
}

# The first block of 4096 bytes of a file that lies in one piece.
first_block()
{
	filefrag -b4096 -v "$1" | awk '$1 == "0:" { gsub("[.:]", " "); print $4 }'
}

login A
disk=$(disk A 1)
geometry "$disk"

mebibytes_of_noise 8 /tmp/noise
check "write" dd if=/tmp/noise of="$disk" bs=1M oflag=direct
check_fails "blocks are not zero" zeros "$disk" 512 1024
check "blkdiscard" blkdiscard --offset 2M --length 4M "$disk"
check "they are zero now" zeros "$disk" 512 1024
dd if=/dev/zero of=/tmp/noise bs=1M seek=2 count=4 conv=notrunc status=none
check "the others are as they were" compare /tmp/noise "$disk"

check "mkfs" mkfs.ext4 -q "$disk"
check "mount" mount "$disk" /mnt
mebibytes_of_noise 4 /mnt/stays
mebibytes_of_noise 8 /mnt/goes
sync
hashes /mnt >/tmp/before
block=$(first_block /mnt/goes)
check_fails "the file is not zero" zeros "$disk" "$block" 2048
rm /mnt/goes
sync
trimmed=$(fstrim -v /mnt | sed 's/.*(\([0-9]*\) bytes).*/\1/')
at_least "bytes trimmed" "$trimmed" $((8 << 20))
check "where it was there are zeros" zeros "$disk" "$block" 2048
check "unmount" umount /mnt
blockdev --flushbufs "$disk"
check "mount again" mount "$disk" /mnt
hashes /mnt >/tmp/after
equal "the other file" "$(cat /tmp/after)" "$(grep stays /tmp/before)"
check "unmount again" umount /mnt
check "e2fsck finds nothing" e2fsck -fn "$disk"
