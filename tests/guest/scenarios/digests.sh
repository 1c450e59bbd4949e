#!/bin/bash
# SPDX-License-Identifier: MIT
# digests.sh - 16 MiB go there and back with CRC32C of headers and data, and without.
. "$(dirname "$0")/../inside/lib.sh"

# round_trip HEADER DATA: None or CRC32C. sysfs has a number, 0 or 1.
round_trip()
{
	login A "node.conn[0].iscsi.HeaderDigest=$1" "node.conn[0].iscsi.DataDigest=$2"
	connection=$(connection A)
	equal "header digest" "$(cat "$connection/header_digest")" "${number[$1]}"
	equal "data digest" "$(cat "$connection/data_digest")" "${number[$2]}"
	mebibytes_of_noise 16 /tmp/noise
	disk=$(disk A 0)
	check_fails "other data before" compare /tmp/noise "$disk"
	check "write" dd if=/tmp/noise of="$disk" bs=1M oflag=direct
	check "the same is read" compare /tmp/noise "$disk"
	logout A
}

declare -A number=([None]=0 [CRC32C]=1)
round_trip CRC32C CRC32C
round_trip None None
