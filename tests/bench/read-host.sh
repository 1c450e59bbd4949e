#!/bin/bash
# SPDX-License-Identifier: MIT
#
# read-host.sh - reads of memtgtd by a client on this host, without a guest, beside this host's disk: what
# the same as in a guest is without emulation. Prints CSV.
#
#	read-host.sh [ROUNDS]	in a build's folder; default: 5
#
# One read at a time, of 64 MiB, each somewhere else. The client is QEMU's, with libiscsi.
set -euo pipefail

src=${MEMTGT_SRC:-$(cd "$(dirname "$0")/../.." && pwd)}
# shellcheck source=tests/lib/daemon.sh
. "$src/tests/lib/daemon.sh"
requires qemu-img

# point DISK FILE KIB COUNT
point()
{
	# Many reads further, and an odd number of them: so all are read, and none after the one before it.
	qemu-img bench -f raw -t none -d 1 -s $(($3 << 10)) -S $((10007 * ($3 << 10) % (64 << 20))) -c "$4" "$2" |
		awk -v row="$1,randread,$3,$round" -v kib="$(($3 * $4))" '
			/^Run completed in/ { printf "%s,%.0f\n", row, kib / $4 }'
}

daemon_start '{ id = 0; size = "64M"; }' 'pool = { pages = "plain"; };'
head -c 64M /dev/urandom >"$test_dir/disk.img"
sync "$test_dir/disk.img"
qemu-img convert -n -f raw -O raw "$test_dir/disk.img" "$daemon_url/0"
echo disk,reads,kib,round,kib_s
for ((round = 1; round <= ${1:-5}; round++)); do
	for size in "4 10000" "64 5000" "1024 500"; do
		read -r kib count <<<"$size"
		point borrowed "$daemon_url/0" "$kib" "$count"
		point disk "$test_dir/disk.img" "$kib" "$count"
	done
done
daemon_stop
