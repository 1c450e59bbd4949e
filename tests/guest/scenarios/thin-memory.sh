#!/bin/bash
# SPDX-License-Identifier: MIT
# thin-memory.sh - the host's hugepages follow what a borrower writes and discards on a disk that is much
# larger than they are; when they run out, new writes fail and all else goes on.
# guest: alone
. "$(dirname "$0")/../inside/lib.sh"

rounds=3
written=900      # MiB; the host lends 1024
slack=16         # pages that may stay: 32 MiB
io_errors_expected=yes

# fill SEEK COUNT: MiB that are not zeros.
fill()
{
	head -c "${2}M" /dev/zero | tr '\0' '\252' |
		dd of="$disk" bs=1M seek="$1" iflag=fullblock oflag=direct
}

# refused SEEK COUNT: the write fails for want of space.
refused()
{
	local said
	said=$(fill "$@" 2>&1) && return 1
	[[ $said == *'No space left'* ]]
}

pages_used()
{
	echo $(($(host surplus) - idle))
}

gone()
{
	(($(pages_used) <= slack))
}

host restart A elastic
login A
disk=$(disk A 1)
equal "size" "$(blockdev --getsize64 "$disk")" $((64 << 30))
idle=$(host surplus)

for ((round = 1; round <= rounds; round++)); do
	check "write $written MiB" fill $((round * 1024)) $written
	at_least "pages taken" "$(pages_used)" $((written / 2))
	check "blkdiscard" blkdiscard "$disk"
	wait_for "the pages return to the host" gone
done

check "mkfs" mkfs.ext4 -q -E nodiscard "$disk"
check "mount" mount "$disk" /mnt
sync
metadata=$(pages_used)
check "a file" dd if=/dev/urandom of=/mnt/file bs=1M count=256 conv=fsync
at_least "pages taken" $(($(pages_used) - metadata)) 96 # of 128: the reserve may give some
rm /mnt/file
sync
check "fstrim" fstrim /mnt
at_least "pages returned of 128" $((128 - $(pages_used) + metadata)) 80
check "unmount" umount /mnt
check "blkdiscard" blkdiscard "$disk"
wait_for "the pages return to the host" gone

# More than there is.
mebibytes_of_noise 16 /tmp/noise
check "noise" dd if=/tmp/noise of="$disk" bs=1M oflag=direct
check "not all that is written has space" refused 1024 1200
equal "the kernel has seen 27/07" \
	"$(kernel_log | grep -c 'Space allocation failed write protect' | sed 's/[1-9][0-9]*/yes/')" yes
check "the rest is as it was" compare /tmp/noise "$disk"
mebibytes_of_noise 16 /tmp/noise
check "what has memory can be overwritten" dd if=/tmp/noise of="$disk" bs=1M oflag=direct
check "and is right" compare /tmp/noise "$disk"
check "still no space" refused 8192 16
check "free some" blkdiscard --offset 1G --length 512M "$disk"
check "and it can be written" fill 8192 256
check "the first is as it was" compare /tmp/noise "$disk"
check "blkdiscard" blkdiscard "$disk"
wait_for "the pages return to the host" gone
