#!/bin/bash
# SPDX-License-Identifier: MIT
# md-raid1.sh - the same as lvm-raid1.sh for md: scrub, loss of a target, work goes on, it comes back
# empty and is filled again, the other dies.
. "$(dirname "$0")/../inside/lib.sh"
. "$(dirname "$0")/../inside/raid.sh"

md=/sys/block/md0/md

# The in-sync state of each leg, in the kernel's words: U or _.
health()
{
	sed -n '/^md0/,/^$/s/.*\[\([U_]*\)\]$/\1/p' /proc/mdstat
}

healthy()
{
	[[ $(health) == UU && $(<$md/sync_action) == idle ]]
}

scrub()
{
	echo "$1" >$md/sync_action
	wait_for "the end of $1" healthy
}

login_for_raid
check "create" mdadm --create /dev/md0 --run --level=1 --raid-devices=2 --metadata=1.2 \
	--bitmap=none --size=24M "$a" "$b"
wait_for "the mirror is filled" healthy
check "mkfs" mkfs.ext4 -q /dev/md0
check "mount" mount /dev/md0 /mnt
fill one
scrub check
equal "mismatches" "$(<$md/mismatch_cnt)" 0
host corrupt B 0 $((16 << 20))
scrub check
at_least "mismatches after damage" "$(<$md/mismatch_cnt)" 1
scrub repair
scrub check
equal "mismatches after repair" "$(<$md/mismatch_cnt)" 0

host kill B
check "files are written" fill two
equal "health" "$(health)" U_
same_files
b_comes_back_empty
check "the dead leg is removed" mdadm /dev/md0 --remove "$b"
check "the empty disk joins" mdadm /dev/md0 --add "$b"
wait_for "the mirror is filled" healthy
scrub check
equal "mismatches" "$(<$md/mismatch_cnt)" 0
fill three

host kill A
same_files
check "unmount" umount /mnt
check "stop" mdadm --stop /dev/md0
a_comes_back
