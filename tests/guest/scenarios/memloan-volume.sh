#!/bin/bash
# SPDX-License-Identifier: MIT
# memloan-volume.sh - a volume of two copies, encrypted, whose donors fall silent: nothing hangs that asks, a copy that
# is known to be lost is replaced while the volume is in use, and what was written is there at the end.
. "$(dirname "$0")/../inside/lib.sh"
. "$(dirname "$0")/../inside/loan.sh"

io_errors_expected=yes
path=/dev/mapper/memtgt_v_crypt

health()
{
	dmsetup status memtgt_v-data | awk '{ print $6 }'
}

same_noise()
{
	echo 3 >/proc/sys/vm/drop_caches
	check "$1" cmp -n $((16 << 20)) /tmp/noise "$path"
}

borrow()
{
	memloan borrow 24M --as lv --copies 2 --encrypt --name v
}

# What the agent does: the disk of this donor is lost, and nobody is to wait for it any more.
give_up()
{
	local disk
	disk=$(disk "$1" 0)
	echo offline >"/sys/block/${disk##*/}/device/state"
	mark_lost "$1"
}

# In the file of the loan, in which a leg's flags come behind its disks.
mark_lost()
{
	awk -v donor="\"donor\": \"$1\"" '
		index($0, donor) { is_it = 1 }
		is_it && /"(lost|unwanted)": / { marked += sub(/false/, "true") }
		/"unwanted": / { is_it = 0 }
		{ print }
		END { exit marked != 2 }' "$loans/v.json" >/tmp/v.json || fail "$1 was not marked"
	cp /tmp/v.json "$loans/v.json"
}

prepare_memloan
know_donors A B C
check "borrow" borrow
equal "health" "$(health)" AA
equal "size" "$(blockdev --getsize64 $path)" $((24 << 20))
mebibytes_of_noise 16 /tmp/noise
check "write" dd if=/tmp/noise of=$path bs=1M oflag=direct status=none
first=$(awk -F'"' '/"donor": / { print $4; exit }' "$loans/v.json")
host freeze "$first"
give_up "$first"
check "another donor takes the place of a silent one" borrow
cat /tmp/check.out
equal "health" "$(health)" AA
same_noise "what was written is there"
host thaw "$first"

# Nobody has told that the next one is lost.
second=$(awk -F'"' '/"donor": / { print $4; exit }' "$loans/v.json")
host freeze "$second"
SECONDS=0
check_fails "a silent donor gives nothing back" memloan return v
cat /tmp/check.out
echo "after $SECONDS s"
host thaw "$second"
check "return" memloan return v
cat /tmp/check.out
check "nothing is left" no_loan_left
