# shellcheck shell=bash
# SPDX-License-Identifier: MIT
# disks.sh - sessions with the targets A, B and C, and the disks that they bring. Part of lib.sh.

iscsi=/sys/class/iscsi_session

portal()
{
	echo "10.0.2.2:$(host port "$1")"
}

discover()
{
	iscsiadm --mode discovery --type sendtargets --portal "$(portal "$1")"
}

# login A [NAME=VALUE...]: settings are those of iscsiadm(8). Waits for all three disks.
login()
{
	local letter=$1 name setting
	shift
	name=$(host name "$letter")
	discover "$letter" >/dev/null
	for setting; do
		iscsiadm --mode node --targetname "$name" --op update --name "${setting%%=*}" \
			--value "${setting#*=}"
	done
	check "login to $letter ${*-}" iscsiadm --mode node --targetname "$name" --login
	wait_for "disks of $letter" all_there "$letter"
}

logout()
{
	check "logout from $1" iscsiadm --mode node --targetname "$(host name "$1")" --logout
}

logout_all()
{
	[[ ! $(sessions) ]] || check "logout" iscsiadm --mode node --logoutall all
}

# Folders of sysfs: of each session; of that with a target.
sessions()
{
	find "$iscsi" -mindepth 1 -maxdepth 1
}

session()
{
	local name file
	name=$(host name "$1")
	file=$(grep -lx "$name" "$iscsi"/*/targetname) || return
	echo "${file%/targetname}"
}

connection()
{
	local session
	session=$(session "$1") || return
	echo "$session"/device/connection*/iscsi_connection/*
}

# disk A LUN: /dev/NAME
disk()
{
	local session block
	session=$(session "$1") || return
	block=$(echo "$session"/device/target*/*:"$2"/block/*)
	[[ -b /dev/${block##*/} ]] || return
	echo "/dev/${block##*/}"
}

all_there()
{
	local lun
	for lun in 0 1 2; do
		disk "$1" "$lun" || return
	done
}

all_disks()
{
	find /sys/block -name 'sd*'
}

# Of a disk: what sysfs says.
queue()
{
	cat "/sys/block/${1##*/}/queue/$2"
}

scsi()
{
	cat "/sys/block/${1##*/}/device/$2"
}

# compare FILE DISK: the disk begins with the file, read from the target.
compare()
{
	blockdev --flushbufs "$2"
	dd if="$2" bs=1M iflag=direct,count_bytes count="$(stat -c %s "$1")" status=none |
		cmp - "$1"
}

zeros()
{
	dd if="$1" bs=4096 skip="$2" count="$3" iflag=direct status=none |
		cmp -n "$(($3 * 4096))" - /dev/zero
}
