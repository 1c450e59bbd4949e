#!/bin/bash
# SPDX-License-Identifier: MIT
# grow.sh - a LUN grows and shrinks under I/O: the kernel makes an event of each change, and with the rule
# of udev that we ship the disk has its new size at once.
# guest: 512 udev
. "$(dirname "$0")/../inside/lib.sh"

size()
{
	blockdev --getsize64 "$disk"
}

has_size()
{
	[[ $(size) == "$1" ]]
}

# resize SIZE: by the donor's operator.
resize()
{
	check "the LUN is resized to $1" host ctl A lun resize "$(host name A)" 1 "$1"
}

seen()
{
	grep -q 'SDEV_UA=CAPACITY_DATA_HAS_CHANGED' /tmp/events
}

login A
disk=$(disk A 1)
equal "size" "$(size)" $((512 << 20))
check "the rule" cp "$(dirname "$0")/../etc/60-memtgt-capacity.rules" /etc/udev/rules.d
check "udev reads it" udevadm control --reload
udevadm monitor --udev --property --subsystem-match=scsi >/tmp/events &
monitor=$!

# Verified blocks all the while. They need no event: a command brings the news.
check "mkfs" mkfs.ext4 -q "$disk" 256M
check "mount" mount "$disk" /mnt
fio --name=blocks --filename=/mnt/file --direct=1 --rw=randwrite --bs=4k --size=64M --verify=crc32c --verify_fatal=1 --verify_backlog=256 --time_based \
	--runtime=3600 --output=/tmp/fio.out &
fio=$!
wait_for "fio writes" test -s /mnt/file

resize 1G
wait_for "the event" seen
wait_for "the new size" has_size $((1 << 30))
check "what is new reads as zeros" zeros "$disk" $(((768 << 20) / 4096)) 1024
resize 300M
wait_for "the smaller size" has_size $((300 << 20))
resize 2G
wait_for "a larger one" has_size $((2 << 30))
kill -0 $fio || fail "fio ended: $(cat /tmp/fio.out)"
kill -INT $fio
wait $fio || true # its status is that of the signal
check "fio found no wrong block" grep 'err= 0' /tmp/fio.out
kill $monitor

check "the file system grows" resize2fs "$disk"
at_least "its bytes" "$(df --output=size -B1 /mnt | tail -n 1)" $((1900 << 20))
check "unmount" umount /mnt
check "e2fsck finds nothing" e2fsck -fn "$disk"
