#!/bin/bash
# SPDX-License-Identifier: MIT
# lvm-raid1.sh - LVM mirrors a volume over both targets: a scrub finds nothing, or the damage there is;
# one target dies, work goes on; it comes back empty and is filled again; then the other may die.
. "$(dirname "$0")/../inside/lib.sh"
. "$(dirname "$0")/../inside/raid.sh"

report()
{
	lvs --noheadings -o "$1" v/l | tr -d ' '
}

# dm-raid's word for each leg: A is in sync, a is not, D is dead.
health()
{
	dmsetup status v-l | awk '{ print $6 }'
}

healthy()
{
	[[ $(health) == AA && $(report raid_sync_action) == idle && $(report sync_percent) == 100.00 ]]
}

scrub()
{
	check "$1" lvchange --syncaction "$1" v/l
	wait_for "the end of $1" healthy
}

lose_b()
{
	check "files are written" fill two
	equal "health" "$(health)" AD
}

# The volume holds the disk open as its dead leg, until the group has forgotten that.
repair()
{
	check "the dead leg is forgotten" vgreduce --removemissing --force v
	check "the empty disk joins" vgextend -y v "$b"
	check "repair" lvconvert -y --repair v/l "$b"
	wait_for "the mirror is filled" healthy
}

login_for_raid
check "volume group" vgcreate v "$a" "$b"
check "volume" lvcreate -y --type raid1 -m 1 -L 24M -n l v "$a" "$b"
wait_for "the mirror is filled" healthy
check "mkfs" mkfs.ext4 -q /dev/v/l
check "mount" mount /dev/v/l /mnt
fill one
scrub check
equal "mismatches" "$(report raid_mismatch_count)" 0
host corrupt B 0 $((16 << 20))
scrub check
at_least "mismatches after damage" "$(report raid_mismatch_count)" 1
scrub repair
scrub check
equal "mismatches after repair" "$(report raid_mismatch_count)" 0

host kill B
lose_b
same_files
b_comes_back_empty
repair
scrub check
equal "mismatches" "$(report raid_mismatch_count)" 0
fill three

host kill A
same_files
check "unmount" umount /mnt
a_comes_back
check "deactivate" vgchange -an v
