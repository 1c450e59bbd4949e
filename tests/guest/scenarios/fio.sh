#!/bin/bash
# SPDX-License-Identifier: MIT
# fio.sh - fio writes blocks of many sizes in random order, each with its CRC32C, and reads them back.
. "$(dirname "$0")/../inside/lib.sh"

# verify DISK SIZES [MORE]: the same blocks each time.
verify()
{
	fio --name=verify --filename="$1" --thread --ioengine=libaio --direct=1 --iodepth=8 \
		--rw=randwrite --bsrange="$2" --size=8m --verify=crc32c --verify_fatal=1 \
		--verify_state_save=0 "${@:3}"
}

login A
while read -r lun sizes; do
	disk=$(disk A "$lun")
	check "blocks of $sizes on LUN $lun" verify "$disk" "$sizes"
	check "they stay" verify "$disk" "$sizes" --verify_only
	host corrupt A "$lun" $((5 << 20))
	check_fails "one that was changed is seen" verify "$disk" "$sizes" --verify_only
done <<END
0 512-64k
2 4k-64k
END
