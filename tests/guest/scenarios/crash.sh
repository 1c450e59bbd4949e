#!/bin/bash
# SPDX-License-Identifier: MIT
# crash.sh - memtgtd is killed again and again under an ext4 and under fio, and its keeper starts it
# again: the kernel's initiator comes back by itself, and what was written is there.
. "$(dirname "$0")/../inside/lib.sh"
crashes=20

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

# The same blocks each time, with other content.
verified_blocks()
{
	fio --name=crash --filename="$1" --thread --ioengine=libaio --direct=1 --iodepth=8 \
		--rw=randwrite --bsrange=4k-64k --size=8m --randseed="$2" --verify=crc32c \
		--verify_fatal=1 --verify_state_save=0 "${@:3}"
}

write_blocks()
{
	local i
	for ((i = 0; ; i++)); do
		[[ ! -e /tmp/enough ]] || return 0
		verified_blocks "$1" "$i" >/tmp/fio.out 2>&1 || return 1
		echo "$i" >/tmp/rounds
	done
}

more_written_than()
{
	(($(</tmp/written) > $1))
}

host restart A kept
login A
disk=$(disk A 0) other=$(disk A 1)
check "mkfs" mkfs.ext4 -q -O metadata_csum "$disk"
check "mount" mount "$disk" /mnt
rmdir /mnt/lost+found
mkdir /tmp/hashes
echo 0 >/tmp/written
write_files &
writer=$!
write_blocks "$other" &
blocks=$!

for ((i = 0; i < crashes; i++)); do
	wait_for "files are written" more_written_than $(($(</tmp/written) + 1))
	sleep "0.$RANDOM"
	host crash A
done
wait_for "files are written after all" more_written_than $(($(</tmp/written) + 3))
touch /tmp/enough
check "who wrote files saw no error" wait "$writer"
check "who verified blocks saw no error" wait "$blocks"
at_least "connections" "$(host accepted A)" "$crashes"

check "unmount" umount /mnt
blockdev --flushbufs "$disk"
check "e2fsck finds nothing" e2fsck -fn "$disk"
check "mount again" mount -o ro "$disk" /mnt
cat /tmp/hashes/* | sort -k 2 >/tmp/wanted
hashes /mnt >/tmp/got
at_least "files" "$(wc -l </tmp/got)" 8
check "they are what was written" cmp /tmp/wanted /tmp/got
check "unmount again" umount /mnt
check "blocks are what was written" verified_blocks "$other" "$(</tmp/rounds)" --verify_only
