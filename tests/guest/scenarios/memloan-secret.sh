#!/bin/bash
# SPDX-License-Identifier: MIT
# memloan-secret.sh - what donors see of a loan: pages of a program that swaps are found in the memory of both, by
# a search that finds none of them when the loan is encrypted. What is freed is theirs again, encrypted or not.
# guest: 384
. "$(dirname "$0")/../inside/lib.sh"
. "$(dirname "$0")/../inside/loan.sh"
. "$(dirname "$0")/../inside/agent.sh"

mebibytes=64  # of the loan, and of the hog
limit=16      # of these are in memory, about
out=40        # so many are swapped out at least
mark=SeCrEt/8 # in each page of the hog
hog=

start_marked_hog()
{
	echo "${limit}M" >$groups/hog/memory.high
	(
		echo "$BASHPID" >$groups/hog/cgroup.procs
		exec /job/hog "$mebibytes" 1 100000 $mark
	) >/tmp/hog.out 2>&1 &
	hog=$!
	wait_for "the hog" test -s /tmp/hog.out
	equal "the hog" "$(cat /tmp/hog.out)" "0 bad pages of $((mebibytes * 256))"
	at_least "MiB swapped out" "$(($(<$groups/hog/memory.swap.current) >> 20))" $out
}

# All of it is right still.
end_hog()
{
	kill -USR1 $hog
	check "the hog's pages are right" wait $hog
	hog=
}

end()
{
	[[ ! $hog ]] || kill -KILL "$hog" || true
	finish "$1"
}
trap 'end $?' EXIT

has_at_most()
{
	(($(donor_mebibytes "$1" 1) <= $2))
}

# loan WANTED WHAT [OPTION...]: of what is swapped out to it, WHAT: so much is to be read in a donor's memory.
loan()
{
	local wanted=$1 what=$2 letter
	local -A lent
	shift 2
	echo "a loan of two copies $*"
	check "borrow" memloan borrow ${mebibytes}M --copies 2 "$@"
	start_marked_hog
	for letter in A B; do
		lent[$letter]=$(donor_mebibytes $letter 1)
		at_least "MiB that $letter lends" "${lent[$letter]}" $out
		# That is never encrypted: so the search does see what the loan has there.
		at_least "labels of LVM in the memory of $letter" "$(host search $letter LABELONE)" 1
		"$wanted" "pages in the memory of $letter" "$(host search $letter $mark)" "$what"
	done
	end_hog
	for letter in A B; do
		wait_for "MiB of $letter fall" has_at_most $letter $((lent[$letter] - mebibytes / 2))
		echo "MiB that $letter lends still: $(donor_mebibytes $letter 1)"
	done
	check "return" memloan return swap
}

prepare_memloan
protect
know_donors A B
loan at_least $((out << 8)) # pages of 4 KiB, as each was swapped out
loan equal 0 --encrypt
check "nothing is left here" no_loan_left
