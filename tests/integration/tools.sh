#!/bin/bash
# SPDX-License-Identifier: MIT
# tools.sh - the tools a user has: iscsi-ls, iscsi-inq, iscsi-readcapacity16, qemu-img, qemu-io.
set -euo pipefail

# shellcheck source=tests/lib/daemon.sh
. "${MEMTGT_SRC:-$(dirname "$0")/../..}/tests/lib/daemon.sh"
requires iscsi-ls iscsi-inq iscsi-readcapacity16 qemu-img qemu-io
# QEMU 7.2 says "Supported formats:", 10.0 "Supported image formats:".
if [[ $(qemu-img --help) != *"Supported "*"formats:"*" iscsi"* ]]; then
	echo "SKIP: qemu-img has no iscsi driver (Debian: qemu-block-extra)"
	exit 77
fi
checks=0

# The output of a command has a line that matches.
expect()
{
	local pattern=$1 out
	shift
	out=$(timeout 60 "$@" 2>&1) || die "exit status $? of: $*: $out"
	grep -Eq -- "$pattern" <<<"$out" || die "no \"$pattern\" in the output of $*: $out"
	checks=$((checks + 1))
}

# qemu-io exits with status 0 when a pattern differs: its words decide.
qemu_io()
{
	local url=$1 out
	shift
	out=$(timeout 120 qemu-io -f raw "$@" "$url" 2>&1) || die "exit status $? of qemu-io: $out"
	! grep -Eiq 'fail|error' <<<"$out" || die "qemu-io: $out"
	grep -Eq 'bytes at offset|bytes allocated' <<<"$out" || die "qemu-io said nothing: $out"
	checks=$((checks + 1))
}

daemon_start '{ id = 0; size = "64M"; }, { id = 1; size = "32M"; block_size = 4096; },
	{ id = 5; size = "1G"; provisioning = "thin"; serial = "THIN-5"; }'

expect "^Target:$daemon_target Portal:127.0.0.1:$daemon_port,1" \
	iscsi-ls "iscsi://127.0.0.1:$daemon_port"
expect '^Lun:0 .*DIRECT_ACCESS \(Size:6[34]M\)' iscsi-ls -s "iscsi://127.0.0.1:$daemon_port"
expect '^Lun:5 .*DIRECT_ACCESS \(Size:(1G|1023M)\)' iscsi-ls -s "iscsi://127.0.0.1:$daemon_port"
expect 'Vendor:MEMTGT' iscsi-inq "$daemon_url/0"
for page in 0 0x80 0x83 0xb0 0xb1 0xb2; do
	expect '.' iscsi-inq -e 1 -c "$((page))" "$daemon_url/0"
done
expect 'THIN-5' iscsi-inq -e 1 -c 128 "$daemon_url/5"
expect 'RETURNED LOGICAL BLOCK ADDRESS:131071' iscsi-readcapacity16 "$daemon_url/0"
expect 'LOGICAL BLOCK LENGTH IN BYTES:4096' iscsi-readcapacity16 "$daemon_url/1"

expect 'virtual size: 64 MiB \(67108864 bytes\)' qemu-img info "$daemon_url/0"
expect 'virtual size: 1 GiB' qemu-img info "$daemon_url/5"
for lun in 0 5; do
	qemu_io "$daemon_url/$lun" -c 'read -P 0 0 8M' -c 'write -P 0xa5 1M 5M' \
		-c 'read -P 0xa5 1M 5M' -c 'read -P 0 6M 2M' -c 'read -P 0 0 1M'
	# Another process sees it.
	qemu_io "$daemon_url/$lun" -c 'read -P 0xa5 1M 5M' -c 'write -z 2M 1M' \
		-c 'read -P 0 2M 1M' -c 'read -P 0xa5 3M 3M'
done
# On blocks of 4096 bytes QEMU 7.2 asks for the status of 2 GiB less 512 bytes before it reads 32 KiB
# or more, and stops at its own assertion about alignment: so it reads less.
qemu_io "$daemon_url/1" -c 'read -P 0 0 28k' -c 'write -P 0xa5 1M 5M' -c 'read -P 0xa5 1M 5M'
qemu_io "$daemon_url/1" -c 'read -P 0xa5 1M 28k' -c 'write -z 2M 1M' -c 'read -P 0 2M 28k' \
	-c 'read -P 0xa5 3M 28k' -c 'read -P 0 6M 28k'
qemu_io "$daemon_url/5" -c 'write -P 0x11 64M 16M' -c 'discard 66M 8M' -c 'read -P 0 66M 8M' \
	-c 'read -P 0x11 64M 2M' -c 'read -P 0x11 74M 6M'

# An image goes in, and comes back equal.
dd if=/dev/urandom of="$test_dir/in.raw" bs=1M count=16 status=none
timeout 120 qemu-img convert -n -f raw -O raw "$test_dir/in.raw" "$daemon_url/0" ||
	die "qemu-img convert"
timeout 120 qemu-img dd -f raw -O raw bs=1M count=16 if="$daemon_url/0" of="$test_dir/out.raw" ||
	die "qemu-img dd"
cmp "$test_dir/in.raw" "$test_dir/out.raw" || die "the image came back different"
checks=$((checks + 1))

daemon_stop
echo "$checks checks"
