#!/bin/bash
# SPDX-License-Identifier: MIT
# swap-memory.sh - swap with discard on a thin LUN: the memory that the donor lends follows the swap that
# is in use, up and down again.
# guest: 256
. "$(dirname "$0")/../inside/lib.sh"

hogs=5
hog_mebibytes=80 # each
# Linux discards a cluster of 512 pages, 2 MiB, when all of it is free: what stays of the swap lies
# scattered over clusters, each of which is memory of the donor.
slack=32 # MiB
pids=()

swap_used()
{
	awk 'NR > 1 { used += $4 } END { printf "%d\n", used / 1024 }' /proc/swaps
}

# Sets used, lent and held: MiB of swap in use, of the LUN, and of the host for all LUNs.
sample()
{
	used=$(swap_used)
	read -r lent held < <(host curve A swap-memory 1 swap_mib "$used")
}

lent_follows()
{
	sample
	((lent <= used + slack))
}

# Until a file says that the hog has its pages, or is gone.
sample_while()
{
	while "$@"; do
		sample
		sleep 0.5
	done
}

filling()
{
	kill -0 "${pids[-1]}" && [[ ! -s /tmp/hog.${#pids[@]} ]]
}

running()
{
	kill -0 "$1" 2>/dev/null
}

start_hog()
{
	/job/hog $hog_mebibytes 1 100000 >"/tmp/hog.$((${#pids[@]} + 1))" &
	pids+=($!)
}

# end_hog NUMBER: it looks at its pages again, and ends.
end_hog()
{
	local pid=${pids[$1 - 1]}
	kill -USR1 "$pid"
	sample_while running "$pid"
	check "hog $1: its pages are right" wait "$pid"
	equal "hog $1: it has looked twice" "$(grep -c '^0 bad pages of' "/tmp/hog.$1")" 2
}

end()
{
	kill -KILL "${pids[@]}" 2>/dev/null || true
	finish "$1"
}
trap 'end $?' EXIT

# Linux must have memory left to receive the answer that frees memory: README.md.
echo 16384 >/proc/sys/vm/min_free_kbytes
login A
disk=$(disk A 1)
check "mkswap" mkswap "$disk"
sample
held_before=$held
check "swapon" swapon --discard "$disk"

for ((i = 1; i <= hogs; i++)); do
	start_hog
	sample_while filling
done
sample
used_most=$used
at_least "MiB of swap in use" "$used" 100
at_least "MiB lent for it" "$lent" $((used * 9 / 10))
at_least "MiB that the host lacks" $((held - held_before)) $((lent - slack))

for ((i = 1; i <= hogs; i++)); do
	end_hog $i
	sample
	echo "swap $used MiB, lent $lent MiB, host $((held - held_before)) MiB"
done
wait_for "the host has its memory again" lent_follows
at_least "MiB of swap that are free again" $((used_most - used)) $((used_most / 2))
at_least "MiB of slack" $slack $((lent - used))
at_least "MiB of the host" $((used + 2 * slack)) $((held - held_before))

# What is left is scattered; it comes together when swap is turned off.
check "swapoff" swapoff "$disk"
check "swapon" swapon --discard "$disk"
sample
at_least "MiB at most for swap that is not used" 4 "$lent"
check "swapoff" swapoff "$disk"
