#!/bin/bash
# SPDX-License-Identifier: MIT
# memloan-resize.sh - loans grow and shrink: swap with two copies, and a volume with a file system in use.
# guest: 512
. "$(dirname "$0")/../inside/lib.sh"
. "$(dirname "$0")/../inside/loan.sh"

swap_size()
{
	awk 'NR > 1 { print int($3 / 1024) }' /proc/swaps
}

echo 32768 >/proc/sys/vm/min_free_kbytes
prepare_memloan
know_donors A B

check "borrow swap" memloan borrow 70M --copies 2
equal "its size, less a page" "$(swap_size)" 71
check "larger" memloan resize swap 100M
equal "its size" "$(swap_size)" 99
at_least "MiB committed on A" "$(donor_mebibytes A 1)" 100
at_least "MiB committed on B" "$(donor_mebibytes B 1)" 100
check "list" memloan list
equal "state" "$(awk 'NR > 1 { print $(NF - 2), $(NF - 3) }' /tmp/check.out)" "ready 2/2"
check "smaller" memloan resize swap 20M
equal "its size" "$(swap_size)" 19
check_fails "larger than the LUNs" memloan resize swap 1G
equal "its size" "$(swap_size)" 19
check "return" memloan return swap

check "borrow a volume" memloan borrow 70M --as lv
path=$(tail -n 1 /tmp/check.out)
check "mkfs" mkfs.ext4 -q "$path"
check "mount" mount "$path" /mnt
mebibytes_of_noise 20 /mnt/noise
sum=$(sha256sum </mnt/noise)
check "larger while it is in use" memloan resize lv 120M
check "so is the file system" resize2fs "$path"
mebibytes_of_noise 60 /mnt/more
check_fails "smaller" memloan resize lv 70M
equal "what was written" "$(sha256sum </mnt/noise)" "$sum"
check "umount" umount /mnt
check "e2fsck" e2fsck -fn "$path"
check "return" memloan return lv
check "nothing is left here" no_loan_left
equal "claims on A and B" "$(donor_claims A 1) $(donor_claims B 1)" "0 0"
equal "MiB of the donors" "$(donor_mebibytes A 1) $(donor_mebibytes B 1)" "0 0"
