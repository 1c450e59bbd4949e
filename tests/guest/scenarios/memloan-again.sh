#!/bin/bash
# SPDX-License-Identifier: MIT
# memloan-again.sh - the borrower's host is booted: the volume's copies are found again, and what was written; LVM
# is killed in the middle of its work: the volume is whole all the same; a donor does not answer after the boot.
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

# Kills a program of this name, the first that is seen.
kill_one()
{
	local pid
	until pid=$(pidof "$1"); do
		sleep 0.02
	done
	sleep 0.3
	# shellcheck disable=SC2086 # it may be several
	kill -KILL $pid
}

prepare_memloan
know_donors A B C
# In the middle of the second copy's making: that donor is given up and another one asked, or all is undone.
kill_one lvconvert &
borrow 2 || echo "not at once"
check "borrow" borrow 2
equal "health" "$(health)" AA
mebibytes_of_noise 16 /tmp/noise
check "write" dd if=/tmp/noise of=$path bs=1M oflag=direct status=none
boot
equal "disks left by the boot" "$(all_disks)" ""
check "borrow after the boot" borrow 2
equal "health" "$(health)" AA
check "what was written is there" cmp -n $((16 << 20)) /tmp/noise $path
# One copy may have dropped out before: without it the other one is not used, save if the operator says so.
was=$(donors_of v)
gone=${was%% *} left=${was##* } third=ABC
third=${third//[$gone$left]/}
know_donors "$gone" "$left"
boot
host freeze "$gone"
check_fails "apply without a copy" memloan apply
said "nobody knows whether the other copies are as new"
equal "devices" "$(dmsetup ls | grep -c memtgt)" 0
host thaw "$gone"
check "apply" memloan apply
equal "health" "$(health)" AA
check "what was written is there" cmp -n $((16 << 20)) /tmp/noise $path
# After a stop both are the same: one is enough, and the other is filled again when it comes back.
check "stop" memloan stop
host freeze "$gone"
check_fails "apply without a copy" memloan apply
said "the copy on $gone is away"
check "what was written is there" cmp -n $((16 << 20)) /tmp/noise $path
mebibytes_of_noise 16 /tmp/noise
check "write to one copy" dd if=/tmp/noise of=$path bs=1M oflag=direct status=none
host thaw "$gone"
check "apply" memloan apply
equal "health" "$(health)" AA
# Taken all the same: the other is lost, and gets back what it kept when it answers. Here it is the next one, too.
boot
host freeze "$gone"
check_fails "apply with one copy" memloan apply --degraded v
check "what was written is there" cmp -n $((16 << 20)) /tmp/noise $path
equal "left on a lost donor" "$(memloan status v | grep -c '^  left on')" 1
at_least "registrations there" "$(donor_claims "$gone" 0)" 1
host thaw "$gone"
check "apply" memloan apply
equal "left on a lost donor" "$(memloan status v | grep -c '^  left on')" 0
equal "health" "$(health)" AA
know_donors A B C
check "only the other" memloan move v --from "$left" --to "$third"
check "what was written is there" cmp -n $((16 << 20)) /tmp/noise $path
boot
check "return after a boot" memloan return v
check "nothing is left" no_loan_left
for donor in A B C; do
	equal "claims on $donor" "$(donor_claims "$donor" 0)" 0
done
