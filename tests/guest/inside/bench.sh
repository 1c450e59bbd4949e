# shellcheck shell=bash
# SPDX-License-Identifier: MIT
# bench.sh - what scenarios share that measure. Sourced after lib.sh and loan.sh.

group=/sys/fs/cgroup/memtgt

prepare_group()
{
	mountpoint -q /sys/fs/cgroup || check "mount control groups" mount -t cgroup2 none /sys/fs/cgroup
	echo +memory >/sys/fs/cgroup/cgroup.subtree_control
	mkdir -p $group
}

remove_group()
{
	rmdir $group
	umount /sys/fs/cgroup
}

# limit_memory MEBIBYTES: so much for the data of who is in the group, and one for all else. What they
# need more swaps.
limit_memory()
{
	echo $((($1 + 1) << 20)) >$group/memory.max
}

# in_group COMMAND...: in a process of its own.
in_group()
{
	echo "$BASHPID" >$group/cgroup.procs
	exec "$@"
}

# The guest's own disk ("# guest: localdisk").
local_disk()
{
	local file
	file=$(grep -lx local /sys/block/vd*/serial) || return
	file=${file%/serial}
	echo "/dev/${file##*/}"
}
