#!/bin/bash
# SPDX-License-Identifier: MIT
# vm-move.sh - the guest swaps to a disk of its own machine, which memloan on the host moves five times
# among three donors meanwhile. The donor that was left first is killed: nobody notices.
# guest: 256 vmdisk
. "$(dirname "$0")/../inside/lib.sh"
. "$(dirname "$0")/../inside/loan.sh"

hog_mebibytes=260

counter()
{
	awk -v name="$1" '$1 == name { print $2 }' /proc/vmstat
}

# The machine's disk. There is no other but virtio's.
own_disk()
{
	local name
	name=$(all_disks)
	[[ -b /dev/${name##*/} ]] || return
	echo "/dev/${name##*/}"
}

# Fills memory again and again, until /tmp/enough is there.
hogs()
{
	while [[ ! -e /tmp/enough ]]; do
		/job/hog $hog_mebibytes 1 || return
	done
}

filled_again()
{
	(($(grep -c '^0 bad pages' /tmp/hogs) > $1))
}

swapped_more_than()
{
	(($(counter pswpout) > out + $1))
}

echo 16384 >/proc/sys/vm/min_free_kbytes
modprobe virtio_scsi
wait_for "the machine's disk" own_disk
disk=$(own_disk)
equal "it rotates" "$(queue "$disk" rotational)" 0
at_least "bytes that it can discard at once" "$(queue "$disk" discard_max_bytes)" 1
check "mkswap" mkswap "$disk"
check "swapon" swapon --discard "$disk"

end()
{
	pkill -x hog || true
	finish "$1"
}
trap 'end $?' EXIT

hogs >/tmp/hogs 2>&1 &
hogs=$!
from=A
for to in B C A B C; do
	out=$(counter pswpout)
	wait_for "it swaps" swapped_more_than 2000
	at_least "MiB at $from" "$(donor_mebibytes $from 1)" 20
	host vm-move $to || fail "the disk does not move to $to"
	equal "MiB left at $from" "$(donor_mebibytes $from 1)" 0
	equal "claims left at $from" "$(donor_claims $from 1)" 0
	equal "claims at $to" "$(donor_claims $to 1)" 1
	if [[ $from == A ]]; then
		host kill A
		out=$(counter pswpout)
		wait_for "it swaps without the donor that was left" swapped_more_than 2000
		host start A
	fi
	from=$to
done
done=$(grep -c '^0 bad pages' /tmp/hogs) || true
wait_for "memory is filled and found again" filled_again $((done + 1))
touch /tmp/enough
check "all pages are right" wait "$hogs"
cat /tmp/hogs
check "swapoff" swapoff "$disk"
# What the guest discards reaches the donor where it is now.
check "swapon" swapon --discard "$disk"
at_least "MiB at most at $from for swap that is not used" 4 "$(donor_mebibytes $from 1)"
check "swapoff" swapoff "$disk"
modprobe -r virtio_scsi
