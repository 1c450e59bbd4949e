#!/bin/bash
# SPDX-License-Identifier: MIT
# udev.sh - the names below /dev/disk that users put into fstab: by path, and by what the disk says of
# itself. They go when the session goes. With the rule of ours for hosts that borrow, the disks are set up as
# memory behind a network.
# guest: 512 udev
. "$(dirname "$0")/../inside/lib.sh"

# leads_to NAME DISK
leads_to()
{
	equal "$1" "$(readlink -f "/dev/disk/$1")" "$2"
}

# The NAA designator, which memtgtd puts first into page 83, in hexadecimal.
naa()
{
	local page
	page=$(scsi "$1" vpd_pg83 | od -An -v -tx1 -N16 | tr -d ' \n')
	[[ ${page:8:8} == 01030008 ]] || fail "page 83 does not begin with an NAA: $page"
	echo "${page:16}"
}

# Packages such as sg3-utils-udev make more of them; these three are everywhere.
links()
{
	find /dev/disk/by-path /dev/disk/by-id -lname '*/sd*' "$@"
}

common_links()
{
	links '(' -name 'ip-*' -o -name 'wwn-*' -o -name 'scsi-3*' ')' | wc -l
}

check "our rule" cp "$(dirname "$0")/../etc/60-memtgt-disk.rules" /etc/udev/rules.d
check "udev reads it" udevadm control --reload
for letter in A B; do
	login $letter
	check "udev has done its work" udevadm settle
	for lun in 0 1 2; do
		disk=$(disk $letter $lun)
		naa=$(naa "$disk")
		leads_to "by-path/ip-$(portal $letter)-iscsi-$(host name $letter)-lun-$lun" "$disk"
		leads_to "by-id/wwn-0x$naa" "$disk"
		leads_to "by-id/scsi-3$naa" "$disk"
		equal "scheduler" "$(queue "$disk" scheduler | grep -o '\[.*\]')" '[none]'
		equal "rq_affinity" "$(queue "$disk" rq_affinity)" 2
		equal "nomerges" "$(queue "$disk" nomerges)" 1
		equal "timeout" "$(scsi "$disk" timeout)" 30
	done
done
equal "names" "$(common_links)" 18
logout A
check "udev has done its work" udevadm settle
equal "names" "$(common_links)" 9
logout B
check "udev has done its work" udevadm settle
equal "names" "$(links)" ""
rm /etc/udev/rules.d/60-memtgt-disk.rules
check "udev forgets the rule" udevadm control --reload
