#!/bin/bash
# SPDX-License-Identifier: MIT
# swap.sh - a program uses more memory than there is; all of it is right after it was swapped out.
# guest: 256
. "$(dirname "$0")/../inside/lib.sh"

hog_mebibytes=260

counter()
{
	awk -v name="$1" '$1 == name { print $2 }' /proc/vmstat
}

# Linux must have memory left to receive the answer that frees memory: README.md.
echo 16384 >/proc/sys/vm/min_free_kbytes
login A
disk=$(disk A 1)
check "mkswap" mkswap "$disk"
check "swapon" swapon "$disk"
equal "what swaps" "$(awk 'NR > 1 { print $1 }' /proc/swaps)" "$disk"
out=$(counter pswpout) in=$(counter pswpin)

check "the hog's pages are right" /job/hog $hog_mebibytes 2
cat /tmp/check.out
# As many pages as memory lacks were out after they were written, and came in to be looked at.
lacking=$((hog_mebibytes * 256 - $(awk '/^MemTotal:/ { print $2 }' /proc/meminfo) / 4))
at_least "pages that memory lacks" "$lacking" 1000
at_least "pages swapped out" $(($(counter pswpout) - out)) "$lacking"
at_least "pages swapped in" $(($(counter pswpin) - in)) "$lacking"
check "swapoff" swapoff "$disk"
