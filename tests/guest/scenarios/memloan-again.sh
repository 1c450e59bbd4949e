#!/bin/bash
# SPDX-License-Identifier: MIT
# memloan-again.sh - the borrower's host is booted: the volume's copies are found again, and what was written; LVM's
# programs are killed in the middle of their work: the next run has a whole volume.
. "$(dirname "$0")/../inside/lib.sh"
. "$(dirname "$0")/../inside/loan.sh"

io_errors_expected=yes
path=/dev/mapper/memtgt_v-data

health()
{
	dmsetup status memtgt_v-data | awk '{ print $6 }'
}

borrow()
{
	memloan borrow 24M --as lv --copies "$1" --name v
}

# What a boot leaves of a loan: its file, which is of another boot.
boot()
{
	dmsetup remove memtgt_v-data
	dmsetup ls | awk '/^memtgt_v-/ { print $1 }' | xargs --no-run-if-empty -n 1 dmsetup remove
	logout_all
	sed -i 's/"boot": ".*"/"boot": "00000000-0000-0000-0000-000000000000"/' "$loans/v.json"
}

# killed PROGRAM COMMAND...: it does not live for a moment while the command runs; returns its status.
killed()
{
	local program=$1 killer status=0
	shift
	while true; do
		pkill -KILL -x "$program" && break
	done &
	killer=$!
	"$@" || status=$?
	kill "$killer" 2>/dev/null || true
	wait "$killer" 2>/dev/null || true
	return "$status"
}

prepare_memloan
know_donors A B
check "borrow" borrow 2
equal "health" "$(health)" AA
mebibytes_of_noise 16 /tmp/noise
check "write" dd if=/tmp/noise of=$path bs=1M oflag=direct status=none
boot
equal "disks left by the boot" "$(all_disks)" ""
check "borrow after the boot" borrow 2
equal "health" "$(health)" AA
check "what was written is there" cmp -n $((16 << 20)) /tmp/noise $path
boot
check "return after a boot" memloan return v
check "nothing is left" no_loan_left
equal "MiB of A" "$(donor_claims A 0)" 0
