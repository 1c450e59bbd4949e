#!/bin/bash
# SPDX-License-Identifier: MIT
# fio_verify.sh - fio writes blocks that carry their own crc32c, and reads them back.
set -euo pipefail

src=${MEMTGT_SRC:-$(cd "$(dirname "$0")/../.." && pwd)}
# shellcheck source=tests/lib/daemon.sh
. "$src/tests/lib/daemon.sh"
fio=$("$src/tests/bench/fio-libiscsi.sh" --find 2>"$test_dir/why") || {
	status=$?
	cat "$test_dir/why"
	exit "$status"
}
checks=0

# verify LUN BLOCKSIZE DEPTH PATTERN
verify()
{
	local lun=$1 bs=$2 depth=$3 pattern=$4
	(cd "$test_dir" && timeout 240 "$fio" --name="verify-$lun-$bs" --thread --ioengine=libiscsi \
		--filename="${daemon_url//:/\\:}/$lun" --rw="$pattern" --bs="$bs" --iodepth="$depth" \
		--size=32m --verify=crc32c --verify_fatal=1 --do_verify=1 --randseed="$lun$depth" \
		--verify_state_save=0 --output-format=terse --minimal >fio.out 2>&1) ||
		die "fio $* ended with exit status $?: $(cat "$test_dir/fio.out")"
	! grep -Eq 'verify:|error=' "$test_dir/fio.out" || die "fio: $(cat "$test_dir/fio.out")"
	checks=$((checks + 1))
}

daemon_start '{ id = 0; size = "32M"; }, { id = 1; size = "32M"; block_size = 4096; },
	{ id = 2; size = "32M"; provisioning = "thin"; }' 'reactor = { count = 2; };'
for lun in 0 1 2; do
	verify "$lun" 4k 32 randwrite
	verify "$lun" 64k 8 write
	verify "$lun" 4k-256k 16 randwrite
done
daemon_stop
echo "$checks checks"
