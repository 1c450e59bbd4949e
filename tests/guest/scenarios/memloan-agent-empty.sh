#!/bin/bash
# SPDX-License-Identifier: MIT
# memloan-agent-empty.sh - a donor comes back at once, and empty: it answers, and is not believed.
# guest: 384
. "$(dirname "$0")/../inside/lib.sh"
. "$(dirname "$0")/../inside/loan.sh"
. "$(dirname "$0")/../inside/agent.sh"
# shellcheck disable=SC2034 # lib.sh reads it
io_errors_expected=yes

failed()
{
	grep -q 'a disk of A is not what it was .*: fail: ' $agent_log
}

# same_noise: read from the donors, not from memory.
same_noise()
{
	dd if=/dev/mapper/memtgt_lv-data bs=1M count=16 iflag=direct status=none | cmp - /tmp/noise
}

prepare_memloan
protect
know_donors A B
check "borrow" memloan borrow 64M --copies 2 --as lv
mebibytes_of_noise 16 /tmp/noise
check "noise" dd if=/tmp/noise of=/dev/mapper/memtgt_lv-data bs=1M oflag=direct
know_donors A B C
start_agent
host kill A
host start A
wait_for "A is found out" failed
check "what was written" same_noise
wait_for "two copies again" is_whole_on lv "B C"
check "what was written" same_noise
host kill B
wait_for "another copy again" is_whole_on lv "A C"
check "what was written" same_noise
stop_agent
check "return" memloan return lv
check "nothing is left here" no_loan_left
