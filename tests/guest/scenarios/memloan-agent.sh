#!/bin/bash
# SPDX-License-Identifier: MIT
# memloan-agent.sh - a loan with two copies under programs that swap: donors are lost in three ways, one drains,
# the borrower stands still; nobody notices but the agent.
# guest: 384
. "$(dirname "$0")/../inside/lib.sh"
. "$(dirname "$0")/../inside/loan.sh"
. "$(dirname "$0")/../inside/agent.sh"
# shellcheck disable=SC2034 # lib.sh reads it: what a lost donor held fails
io_errors_expected=yes

seconds()
{
	cut -d. -f1 /proc/uptime
}

pause()
{
	awk '{ print $1 / 10 }' /tmp/pause
}

decided()
{
	grep -c "$1" $agent_log || true
}

# lose WORD A "B C" BACK: the donor is lost; the agent makes the copy again, and the hogs go on.
lose()
{
	local begin
	another_hog
	begin=$(seconds)
	echo 0 >/tmp/pause
	host "$1" "$2"
	another_hog
	echo "$1 $2: two hogs after $(($(seconds) - begin)) s; no page moved for $(pause) s"
	wait_for "two copies again" is_whole_on swap "$3"
	equal "after $1 $2" "$(donors_of swap)" "$3"
	echo "$1 $2: whole after $(($(seconds) - begin)) s"
	another_hog
	host "$4" "$2"
	host restart "$2"
}

prepare_memloan
protect
know_donors A B
check "borrow" memloan borrow 64M --copies 2 ${encrypt:+--encrypt}
equal "donors" "$(donors_of swap)" "A B"
know_donors A B C
start_agent
start_hogs 32 16

lose kill A "B C" start
lose freeze B "A C" thaw
lose pause C "A B" resume
equal "legs that were failed" "$(decided ': fail: the ')" 3
equal "that were replaced" "$(decided ': replace: the ')" 3

begin=$(seconds)
host ctl A drain
wait_for "A is left" is_whole_on swap "B C"
echo "drain: whole elsewhere after $(($(seconds) - begin)) s"
equal "A holds nothing of the loan" "$(donor_claims A 1)" 0
at_least "moves" "$(decided ': move: its ')" 1
host ctl A drain off

another_hog
echo 0 >/tmp/pause
host stall 10
sleep 2
another_hog
wait_for "all answer" is_whole_on swap "B C"
echo "stall: no page moved for $(pause) s"
sleep 25
equal "donors after this host stood still" "$(donors_of swap)" "B C"
equal "legs that were failed" "$(decided ': fail: the ')" 3
stop_hogs
cat $agent_log $metrics
at_least "times this host stood still, for the agent" "$(metric memloan_agent_stalls_total)" 1
equal "copies" "$(metric 'memloan_loan_copies{loan="swap"}')" 2
equal "degraded" "$(metric 'memloan_loan_degraded_seconds{loan="swap"}')" 0
stop_agent
check "return" memloan return swap
check "nothing is left here" no_loan_left
