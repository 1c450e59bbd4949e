#!/bin/bash
# SPDX-License-Identifier: MIT
# discovery.sh - SendTargets tells the address that was announced; a login brings what it should.
. "$(dirname "$0")/../inside/lib.sh"

for letter in A B; do
	equal "targets of $letter" "$(discover $letter)" "$(portal $letter),1 $(host name $letter)"
done

login A
equal "sessions" "$(sessions | wc -l)" 1
equal "disks" "$(all_disks | wc -l)" 3
lun=0
for expected in "131072 512 GUEST-A-0" "1048576 512 GUEST-A-1" "131072 4096 GUEST-A-2"; do
	disk=$(disk A $lun)
	serial=$(scsi "$disk" vpd_pg80 | tail -c +5)
	equal "LUN $lun: sectors, block, serial" \
		"$(cat "/sys/block/${disk##*/}/size") $(queue "$disk" logical_block_size) $serial" \
		"$expected"
	equal "vendor of LUN $lun" "$(scsi "$disk" vendor | tr -d ' ')" MEMTGT
	lun=$((lun + 1))
done

# What open-iscsi offers by default and memtgtd by default result in this.
session=$(session A)
while read -r key value; do
	equal "session: $key" "$(cat "$session/$key")" "$value"
done <<END
targetname $(host name A)
tpgt 1
state LOGGED_IN
initial_r2t 0
immediate_data 1
first_burst_len 262144
max_burst_len 1048576
max_outstanding_r2t 1
data_pdu_in_order 1
data_seq_in_order 1
erl 0
END
connection=$(connection A)
while read -r key value; do
	equal "connection: $key" "$(cat "$connection/$key")" "$value"
done <<END
persistent_address 10.0.2.2
persistent_port $(host port A)
max_recv_dlength 262144
max_xmit_dlength 262144
END

login B
equal "sessions" "$(sessions | wc -l)" 2
equal "disks" "$(all_disks | wc -l)" 6
logout A
equal "sessions after logout" "$(sessions | wc -l)" 1
equal "disks after logout" "$(all_disks | wc -l)" 3
