#!/bin/bash
# SPDX-License-Identifier: MIT
# bench-read.sh - reading from a borrowed volume beside the guest's own disk, in sequence and at random, by
# the size of a read: bench-read.csv.
# guest: 512 localdisk
. "$(dirname "$0")/../inside/lib.sh"
. "$(dirname "$0")/../inside/loan.sh"
. "$(dirname "$0")/../inside/bench.sh"

rounds=3
seconds=5

# point DISK READS KIB PATH
point()
{
	local row
	check "$2 reads of $3 KiB from $1" fio --name=x --filename="$4" --thread --ioengine=libaio --direct=1 --iodepth=1 \
		--rw="$2" --bs="$3k" --size=64m --time_based --runtime=$seconds --minimal --terse-version=3
	# Bandwidth in KiB/s, reads in a second, microseconds for one.
	row=$1,$2,$3,$round,$(awk -F';' '$1 == 3 { print $7 "," $8 "," $40 }' /tmp/check.out)
	echo "$row"
	host row bench-read "$row"
}

prepare_memloan
know_donors A
check "borrow" memloan borrow 100M --as lv --name bench
borrowed=$(tail -n 1 /tmp/check.out)
disk=$(local_disk)
mebibytes_of_noise 64 /tmp/noise
for path in "$borrowed" "$disk"; do
	check "fill $path" dd if=/tmp/noise of="$path" bs=1M oflag=direct
done
host table bench-read disk,reads,kib,round,kib_s,reads_s,mean_us
for ((round = 1; round <= rounds; round++)); do
	for size in 4 16 64 256 1024; do
		for reads in read randread; do
			point borrowed $reads $size "$borrowed"
			point disk $reads $size "$disk"
		done
	done
done
check "return" memloan return bench
