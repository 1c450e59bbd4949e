#!/bin/bash
# SPDX-License-Identifier: MIT
# ext4.sh - a file system with checksums in its metadata, on blocks of 512 and of 4096 bytes: files are
# the same after it was mounted again, and e2fsck finds nothing.
. "$(dirname "$0")/../inside/lib.sh"

fill()
{
	local i
	mkdir -p /mnt/some/folders
	for i in 1 2 3 4 5 6; do
		mebibytes_of_noise 1 "/mnt/some/large$i"
		head -c "${i}777" /dev/urandom >"/mnt/some/folders/small$i"
		ln "/mnt/some/folders/small$i" "/mnt/link$i"
	done
}

login A
for lun in 0 2; do
	disk=$(disk A $lun)
	check "mkfs on LUN $lun" mkfs.ext4 -q -O metadata_csum "$disk"
	check "mount" mount "$disk" /mnt
	fill
	rm /mnt/some/large3
	hashes /mnt >/tmp/before
	equal "files" "$(wc -l </tmp/before)" 17
	check "unmount" umount /mnt
	check "e2fsck finds nothing" e2fsck -fn "$disk"
	blockdev --flushbufs "$disk"
	check "mount again" mount -o ro "$disk" /mnt
	hashes /mnt >/tmp/after
	check "the same files" cmp /tmp/before /tmp/after
	check "unmount again" umount /mnt
done
