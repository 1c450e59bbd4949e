#!/bin/bash
# SPDX-License-Identifier: MIT
# memloan-move.sh - swap moves five times around three donors while a program needs it, with fewer copies
# than promised at no moment; each donor that is left has its memory back.
# guest: 256
. "$(dirname "$0")/../inside/lib.sh"
. "$(dirname "$0")/../inside/loan.sh"

hog_mebibytes=136

# Whole copies of the volume: those that dm-raid calls so, or the only one.
copies()
{
	local health
	health=$(dmsetup status memtgt_swap-data | awk '$3 == "raid" { print $6 }')
	health=${health:-A}
	health=${health//[^A]/}
	echo ${#health}
}

# The fewest that were seen.
watch_copies()
{
	local least=9 now
	while [[ ! -e /tmp/enough ]]; do
		now=$(copies 2>/dev/null) || continue
		((now >= least)) || least=$now
		echo "$least" >/tmp/least.new
		mv /tmp/least.new /tmp/least
		sleep 0.2
	done
}

# One after the other, each with pages of its own.
hogs()
{
	while [[ ! -e /tmp/enough ]]; do
		/job/hog $hog_mebibytes 2 || return
	done
}

# moves COPIES OPTION...: a round.
moves()
{
	local promised=$1 from to
	shift
	check "borrow $promised $*" memloan borrow 100M --copies "$promised" "$@" --from "${order[0]}${order[1]:+,${order[1]}}"
	rm -f /tmp/enough
	watch_copies &
	watcher=$!
	hogs >/tmp/hog.out 2>&1 &
	hog=$!
	for to in "${way[@]}"; do
		from=${to%%-*} to=${to##*-}
		wait_for "pages are swapped out" swapped_out
		check "move from $from to $to" memloan move swap --from "$from" --to "$to"
		equal "claims on $from" "$(donor_claims "$from" 1)" 0
		equal "MiB of $from" "$(donor_mebibytes "$from" 1)" 0
	done
	touch /tmp/enough
	check "the hog's pages are right" wait "$hog"
	wait "$watcher"
	at_least "copies at each moment" "$(</tmp/least)" "$promised"
	check "return" memloan return swap
	check "nothing is left here" no_loan_left
}

swapped_out()
{
	[[ $(awk 'NR > 1 { print $4 }' /proc/swaps) -gt 1000 ]]
}

echo 32768 >/proc/sys/vm/min_free_kbytes
prepare_memloan
know_donors A B C

order=(A) way=(A-B B-C C-A A-B B-C)
moves 1
order=(A B) way=(A-C B-A)
moves 2
order=(A) way=(A-B B-C C-A A-B B-C)
moves 1 --encrypt
