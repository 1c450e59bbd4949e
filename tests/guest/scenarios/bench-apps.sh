#!/bin/bash
# SPDX-License-Identifier: MIT
# bench-apps.sh - how long a sort and a hash table take with less memory than they need, the rest on borrowed
# swap, on zram, and on the guest's own disk: bench-apps.csv.
# guest: 512 localdisk
. "$(dirname "$0")/../inside/lib.sh"
. "$(dirname "$0")/../inside/loan.sh"
. "$(dirname "$0")/../inside/bench.sh"

rounds=3
mebibytes=16     # of either program
operations=2000  # of the hash table

start_borrowed()
{
	check "borrow" memloan borrow 100M --as swap --name bench
}

stop_borrowed()
{
	check "return" memloan return bench
}

start_zram()
{
	echo 100M >/sys/block/zram0/disksize
	check "mkswap" mkswap /dev/zram0
	check "swap to zram" swapon --discard /dev/zram0
}

stop_zram()
{
	check "no swap to zram" swapoff /dev/zram0
	echo 1 >/sys/block/zram0/reset
}

start_disk()
{
	check "mkswap" mkswap "$disk"
	check "swap to the disk" swapon "$disk"
}

stop_disk()
{
	check "no swap to the disk" swapoff "$disk"
}

# In so small a group the kernel may find nothing but pages that are being written, and kill (137): that is
# told, and the program runs again.
run()
{
	local tries status
	for ((tries = 0; tries < 5; tries++)); do
		status=0
		(in_group /job/appmem "$@") || status=$?
		((status == 137)) || return $status
		echo "killed for want of memory: $*" >>/tmp/killed
	done
	return $status
}

# point SWAP PERCENT PROGRAM ARGUMENT...
point()
{
	local swap=$1 percent=$2 row
	shift 2
	limit_memory $((mebibytes * percent / 100))
	check "$1 with $percent % on $swap" run "$@"
	row=$1,$swap,$percent,$round,$(tail -n 1 /tmp/check.out)
	echo "$row"
	host row bench-apps "$row"
}

points()
{
	local percent
	for percent in 100 75 50 25; do
		point "$1" $percent sort $mebibytes
		point "$1" $percent hash $mebibytes $operations
	done
}

echo 32768 >/proc/sys/vm/min_free_kbytes
prepare_memloan
know_donors A
prepare_group
check "zram" modprobe zram num_devices=1
disk=$(local_disk)
host table bench-apps program,swap,local_percent,round,seconds,faults
for ((round = 1; round <= rounds; round++)); do
	for swap in borrowed zram disk; do
		start_$swap
		points $swap
		stop_$swap
	done
done
remove_group
[[ ! -e /tmp/killed ]] || cat /tmp/killed
