#!/bin/bash
# SPDX-License-Identifier: MIT
# memloan-kill.sh - borrow, move and return are killed in the middle of each of their steps: the next run
# finishes or undoes, nothing stays on a donor, and no swap without its disk.
# guest: 512
. "$(dirname "$0")/../inside/lib.sh"
. "$(dirname "$0")/../inside/loan.sh"

steps="login claim commit label group mirror size crypt swap"
options=(--copies 1 --encrypt)

# What the file of the loan says of a step, of any disk or leg.
says()
{
	grep -qs "\"$1\": \"$2\"" "$loans/swap.json"
}

# killed STEP STATE COMMAND...: memloan is killed as soon as the step has this state. Succeeds also if it was
# quicker and has ended.
killed()
{
	local step=$1 state=$2 pid
	shift 2
	# Not the function, whose process would be a shell.
	/job/memloan -c "$conf" "$@" >/tmp/killed.out 2>&1 &
	pid=$!
	while kill -0 $pid 2>/dev/null && ! says "$step" "$state"; do :; done
	kill -KILL $pid 2>/dev/null || quicker=$((quicker + 1))
	wait $pid 2>/dev/null || true
	tries=$((tries + 1))
}

all_is_gone()
{
	no_loan_left && [[ ! $(sessions) && ! $(all_disks) ]] &&
		[[ "$(donor_claims A 1)$(donor_claims B 1)" == 00 ]] &&
		[[ "$(donor_mebibytes A 1)$(donor_mebibytes B 1)" == 00 ]]
}

state()
{
	memloan list | awk 'NR > 1 { print $NF, $(NF - 1), $(NF - 2) }'
}

echo 32768 >/proc/sys/vm/min_free_kbytes
prepare_memloan
know_donors A B
tries=0 quicker=0

# Finished by the same command, or undone by return.
for step in $steps; do
	killed "$step" begun borrow 70M "${options[@]}" --from A
	check "$step: borrow again" memloan borrow 70M "${options[@]}" --from A
	equal "$step: state" "$(state)" "A ready 1/1"
	check "$step: return" memloan return swap
	check "$step: all is gone" all_is_gone
	killed "$step" begun borrow 70M "${options[@]}" --from A
	if [[ -e $loans/swap.json ]]; then
		check "$step: return instead" memloan return swap
	fi
	check "$step: all is gone" all_is_gone
done

for step in $steps; do
	check "$step: borrow" memloan borrow 70M "${options[@]}" --from A
	killed "$step" undoing return swap
	[[ ! -e $loans/swap.json ]] || check "$step: return again" memloan return swap
	check "$step: all is gone" all_is_gone
done

# A move that was cut is finished by apply.
check "borrow" memloan borrow 70M "${options[@]}"
for step in login claim commit label group mirror; do
	for state in begun undoing; do
		from=$(state)
		from=${from%% *}
		[[ $from == A ]] && to=B || to=A
		killed "$step" $state move swap --from "$from" --to "$to"
		check "$step $state: apply" memloan apply
		equal "$step $state: copies" "$(memloan list | awk 'NR > 1 { print $(NF - 1), $(NF - 2) }')" "ready 1/1"
		equal "$step $state: swap" "$(awk 'NR > 1' /proc/swaps | wc -l)" 1
	done
done
check "return" memloan return swap
check "all is gone" all_is_gone
at_least "runs that were killed" $((tries - quicker)) $((tries * 2 / 3))
