#!/bin/bash
# SPDX-License-Identifier: MIT
# multipath.sh - one disk by two portals of different groups: dm-multipath has two paths to it, and
# goes on by the other when one is cut under I/O.
# guest: 512 udev
. "$(dirname "$0")/../inside/lib.sh"
. "$(dirname "$0")/../inside/multipath.sh"

io_errors_expected=yes # of the path that is cut

# Paths of LUN 0's map that are in this state.
paths()
{
	multipathd show paths raw format "%m %t" 2>/dev/null | grep -c "^$map .*$1" || true
}

paths_are()
{
	[[ $(paths active) == "$1" ]]
}

six_disks()
{
	(($(all_disks | wc -l) == 6)) && udevadm settle
}

two_paths()
{
	[[ $(disks_of "$map" | wc -l) == 2 ]]
}

# A disk that is LUN 0, by whatever session.
any_lun_0()
{
	local one
	for one in $(all_disks); do
		[[ $(readlink "$one/device") != *:0 ]] || echo "/dev/${one##*/}"
	done | head -n 1
}

begin_multipath 30
host restart A paths
name=$(host name A)
check "discovery" discover A
equal "portals of the target" "$(discover A | awk '{ sub(/.*,/, "", $1); print $1 }' | sort | xargs)" "1 2"
iscsiadm --mode node --targetname "$name" --op update --name node.session.timeo.replacement_timeout --value 2
check "login by both" iscsiadm --mode node --targetname "$name" --login
wait_for "two disks for each LUN" six_disks
equal "portal groups of the sessions" "$(cat "$iscsi"/*/tpgt | sort | xargs)" "1 2"
wait_for "a map" in_a_map "$(any_lun_0)"
map=$(map_of "$(any_lun_0)")
wait_for "two paths" two_paths
wait_for "both are up" paths_are 2

# A path is reset in the middle of writes, and then shut for as long as that takes to be noticed.
for path in A A2; do
	for round in 1 2; do
		mebibytes_of_noise 16 /tmp/noise
		host cut $path 3000000
		check "$path: written, round $round" dd if=/tmp/noise of="/dev/mapper/$map" bs=64k oflag=direct
		check "$path: read" compare /tmp/noise "/dev/mapper/$map"
	done
	mebibytes_of_noise 16 /tmp/noise
	dd if=/tmp/noise of="/dev/mapper/$map" bs=4k oflag=direct status=none &
	writer=$!
	host shut $path
	check "$path: the writer goes on by the other" wait $writer
	wait_for "one path is down" paths_are 1
	check "$path: what was written" compare /tmp/noise "/dev/mapper/$map"
	host open $path
	wait_for "it comes back" paths_are 2
done

kill "$multipathd"
wait "$multipathd" || true
multipathd=
wait_for "no map is left" multipath -F
check "logout" iscsiadm --mode node --targetname "$name" --logout
