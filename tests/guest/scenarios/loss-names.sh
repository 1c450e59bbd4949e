#!/bin/bash
# SPDX-License-Identifier: MIT
# loss-names.sh - a donor has lost its memory, and a new session stands beside one from before: to
# multipath and LVM, what it brings are other disks.
# guest: 512 udev
. "$(dirname "$0")/../inside/lib.sh"
. "$(dirname "$0")/../inside/loss.sh"
. "$(dirname "$0")/../inside/multipath.sh"

all_disks_but()
{
	all_disks | sed 's|.*/|/dev/|' | grep -vxF "$1" | sort
}

six()
{
	(($(all_disks | wc -l) == 6)) && udevadm settle
}

# The disk among the new ones that has this LUN's number.
new_disk()
{
	local one
	for one in $(all_disks_but "$old"); do
		[[ $(basename "$(readlink "/sys/block/${one##*/}/device")") != *:"$1" ]] || echo "$one"
	done
}

# LUN 1 is LVM's.
begin_multipath fail

host restart A remembered
login A
for lun in 0 1 2; do
	wait_for "a map for LUN $lun" in_a_map "$(disk A $lun)"
done
old=$(all_disks_but '')
first=$(disk A 0)
# shellcheck disable=SC2086 # three words
names=$(names_of $old)
map=$(map_of "$first") lvm_map=$(map_of "$(disk A 1)")
mebibytes_of_noise 4 /tmp/noise
check "noise" dd if=/tmp/noise of="/dev/mapper/$map" bs=1M oflag=direct
check "it is written" compare /tmp/noise "/dev/mapper/$map"
check "noise on LUN 2" dd if=/tmp/noise of="/dev/mapper/$(map_of "$(disk A 2)")" bs=1M oflag=direct
check "pvcreate" pvcreate -q "/dev/mapper/$lvm_map"
check "vgcreate" vgcreate -q borrowed "/dev/mapper/$lvm_map"
check "lvcreate" lvcreate -q --name data --size 64M --wipesignatures n borrowed
check "noise on it" dd if=/tmp/noise of=/dev/borrowed/data bs=1M oflag=direct

lose A
check "a session beside" iscsiadm --mode session --sid "$(session A | sed 's/.*session//')" --op new
wait_for "its disks" six
# shellcheck disable=SC2046 # three words
differ_from "$names" $(all_disks_but "$old")
for lun in 0 1 2; do
	wait_for "a map for the new LUN $lun" in_a_map "$(new_disk $lun)"
done
equal "disks of the old map" "$(disks_of "$map")" "${first##*/}"
equal "disks of the old map for LVM" "$(disks_of "$lvm_map" | wc -l)" 1
new=$(new_disk 0)
new_map=$(map_of "$new")
equal "disks of the new map" "$(disks_of "$new_map")" "${new##*/}"
check_fails "the old map reads nothing" dd if="/dev/mapper/$map" of=/dev/null bs=4k count=1 iflag=direct
check_fails "and writes nothing" dd if=/tmp/noise of="/dev/mapper/$map" bs=1M oflag=direct
check_fails "the volume reads nothing" dd if=/dev/borrowed/data of=/dev/null bs=4k count=1 iflag=direct
check "the new map is empty" zeros "/dev/mapper/$new_map" 0 1024
check "it can be written" dd if=/tmp/noise of="/dev/mapper/$new_map" bs=1M oflag=direct
check "and is right" compare /tmp/noise "/dev/mapper/$new_map"
check_fails "the old map still reads nothing" dd if="/dev/mapper/$map" of=/dev/null bs=4k count=1 iflag=direct

# LVM finds nothing of the old group on the new disk, which is free for another of the same name.
new_map=$(map_of "$(new_disk 1)")
check_fails "it is no physical volume" pvs "/dev/mapper/$new_map"
check "the old volume ends" dmsetup remove borrowed-data
check "pvcreate" pvcreate -q "/dev/mapper/$new_map"
check "vgcreate" vgcreate -q again "/dev/mapper/$new_map"
equal "physical volumes of the new group" "$(vgs --noheadings -o pv_count again 2>/dev/null | tr -d ' ')" 1
check "vgremove" vgremove -q again

kill $multipathd
wait $multipathd || true
multipathd=
check "no map is left" multipath -F
check "logout" iscsiadm --mode node --targetname "$(host name A)" --logout
