#!/bin/bash
# SPDX-License-Identifier: MIT
# memloan-borrow.sh - memory is borrowed in one command, used under a program that needs more than there is, and given
# back: nothing is left here or there.
# guest: 256
. "$(dirname "$0")/../inside/lib.sh"
. "$(dirname "$0")/../inside/loan.sh"

hog_mebibytes=260

counter()
{
	awk -v name="$1" '$1 == name { print $2 }' /proc/vmstat
}

swaps()
{
	awk 'NR > 1 { print $1 }' /proc/swaps
}

# Linux must have memory left to receive the answer that frees memory: README.md.
echo 32768 >/proc/sys/vm/min_free_kbytes
prepare_memloan
know_donors A

check "borrow" memloan borrow 200M --as swap --priority 5
path=$(tail -n 1 /tmp/check.out)
equal "what is used" "$path" /dev/mapper/memtgt_swap-data
equal "what swaps" "$(swaps)" "$(readlink -f "$path")"
equal "its priority" "$(awk 'NR > 1 { print $5 }' /proc/swaps)" 5
equal "claims on the LUN" "$(donor_claims A 1)" 1
at_least "MiB committed" "$(donor_mebibytes A 1)" 200
check "the same again" memloan borrow 200M --as swap --priority 5
check_fails "another of this name" memloan borrow 100M
check "list" memloan list
cat /tmp/check.out
equal "state" "$(awk 'NR > 1 { print $NF, $(NF - 1), $(NF - 2) }' /tmp/check.out)" "A ready 1/1"

out=$(counter pswpout)
check "the hog's pages are right" /job/hog $hog_mebibytes 2
lacking=$((hog_mebibytes * 256 - $(awk '/^MemTotal:/ { print $2 }' /proc/meminfo) / 4))
at_least "pages swapped out" $(($(counter pswpout) - out)) "$lacking"
check "status" memloan status swap
cat /tmp/check.out

check "return" memloan return swap
cat /tmp/check.out
check "nothing is left here" no_loan_left
equal "sessions" "$(sessions)" ""
equal "nodes" "$(iscsiadm --mode node 2>/dev/null)" ""
equal "claims on the LUN" "$(donor_claims A 1)" 0
equal "MiB of the donor" "$(donor_mebibytes A 1)" 0
check_fails "again" memloan return swap
