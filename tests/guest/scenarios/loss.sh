#!/bin/bash
# SPDX-License-Identifier: MIT
# loss.sh - the donor loses its memory and is back at once, while its disks are in use: as swap, with a
# file system, as a leg of a mirror. Nothing that is gone is taken for data, and a new login is all it
# takes to go on.
# guest: 512 udev
. "$(dirname "$0")/../inside/lib.sh"
. "$(dirname "$0")/../inside/loss.sh"

md=/dev/md0
hog_mebibytes=128
hog_limit=48 # MiB of memory: the rest of it is swapped out
group=/sys/fs/cgroup/hog
hog=

# Only the hog swaps: what else were swapped out would be lost as well.
start_hog()
{
	mkdir -p /sys/fs/cgroup
	mount -t cgroup2 none /sys/fs/cgroup
	echo +memory >/sys/fs/cgroup/cgroup.subtree_control
	mkdir $group
	echo ${hog_limit}M >$group/memory.max
	(
		echo "$BASHPID" >$group/cgroup.procs
		exec /job/hog $hog_mebibytes 1 100000
	) >/tmp/hog.out &
	hog=$!
	wait_for "the hog" test -s /tmp/hog.out
	equal "pages that were bad" "$(grep -c '^0 bad pages' /tmp/hog.out)" 1
	at_least "bytes swapped out" "$(<$group/memory.swap.current)" $(((hog_mebibytes - hog_limit - 16) << 20))
}

# Files in a folder; what is in them is in FOLDER.wanted.
fill()
{
	local i
	for i in 1 2 3 4 5 6; do
		mebibytes_of_noise 1 "$1/$i" || return
	done
	hashes "$1" >"/tmp/${1##*/}.wanted"
	sync --file-system "$1"
}

# Sets whole and gone: files of the folder that read as they were, and those with an error.
read_files()
{
	local file wanted got
	whole=0 gone=0
	while read -r wanted file; do
		if ! got=$(sha256sum <"$1/$file" 2>/dev/null); then
			gone=$((gone + 1))
		elif [[ ${got%% *} == "$wanted" ]]; then
			whole=$((whole + 1))
		else
			fail "$1/$file is not what was written, and no error told so"
		fi
	done <"/tmp/${1##*/}.wanted"
}

leg_state()
{
	cat "/sys/block/md0/md/dev-${1##*/}/state"
}

faulty()
{
	dd if=/dev/urandom of=/mnt/raid/more bs=64k count=1 conv=fsync && grep faulty <(leg_state "$1")
}

synced()
{
	[[ $(</sys/block/md0/md/sync_action) == idle && $(</sys/block/md0/md/degraded) == 0 ]]
}

forget_cache()
{
	sync --file-system /mnt/raid
	echo 3 >/proc/sys/vm/drop_caches
}

end()
{
	[[ ! $hog ]] || kill -KILL "$hog" 2>/dev/null || true
	finish "$1"
}
trap 'end $?' EXIT

host restart A remembered
login A
login B
files=$(disk A 0) swap=$(disk A 1) leg=$(disk A 2) other=$(disk B 2)
names=$(names_of "$files" "$swap" "$leg")

mkdir -p /mnt/files /mnt/raid
check "mkfs" mkfs.ext4 -q "$files"
check "mount" mount "$files" /mnt/files
fill /mnt/files
check "mkswap" mkswap "$swap"
check "swapon" swapon "$swap"
check "mdadm --create" mdadm --create $md --run --level=1 --raid-devices=2 --metadata=1.2 \
	--bitmap=none "$leg" "$other"
check "mkfs" mkfs.ext4 -q $md
check "mount" mount $md /mnt/raid
fill /mnt/raid
wait_for "both legs are equal" synced
forget_cache
check "two files are in the cache" cat /mnt/files/1 /mnt/files/2
start_hog

lose A

# Swap: a program whose page is gone ends by SIGBUS, and sees no other page in its place.
kill -USR1 $hog
status=0
wait $hog || status=$?
cat /tmp/hog.out
equal "the hog's end is that by SIGBUS" "$status" $((128 + $(kill -l BUS)))
check "no page was another, and some are lost" grep -E '^0 bad pages of [0-9]+, [0-9]+ lost$' /tmp/hog.out
hog=

# Ext4.
read_files /mnt/files
echo "$whole files are whole, $gone have errors"
equal "files of the cache" "$whole" 2
equal "files that are gone" "$gone" 4
check_fails "a write that must be on the disk" dd if=/dev/zero of=/mnt/files/more bs=64k count=1 conv=fsync

# The mirror.
wait_for "the leg is out" faulty "$leg"
forget_cache
read_files /mnt/raid
equal "files of the mirror" "$whole" 6
equal "the other leg" "$(leg_state "$other")" in_sync

# Nothing opens the disks again for whoever had them when they were lost: no other size either, which
# Linux, by the rule of udev that we ship, answers by reading all anew; then it sends START UNIT. Some
# reads fail then, and some find a disk of no size, whose end they are at.
check "the rule" cp "$(dirname "$0")/../etc/60-memtgt-capacity.rules" /etc/udev/rules.d
check "udev reads it" udevadm control --reload
check "the LUN is resized" host ctl A lun resize "$(host name A)" 0 80M
sleep 5 # for what must not come
udevadm settle
echo 3 >/proc/sys/vm/drop_caches
for one in "$files" "$swap" "$leg"; do
	equal "bytes that $one gives" "$(dd if="$one" bs=4k count=1 iflag=direct 2>/dev/null | wc -c)" 0
done

# All it takes is a new login.
check "swapoff" swapoff "$swap"
check "unmount" umount /mnt/files
check "the leg is taken out" mdadm --manage $md --remove "$leg"
logout A
login A
files=$(disk A 0) swap=$(disk A 1) leg=$(disk A 2)
differ_from "$names" "$files" "$swap" "$leg"
equal "what is on the disk of the file system" "$(blkid "$files" || true)" ""
equal "its size" "$(blockdev --getsize64 "$files")" $((80 << 20))
check "it is empty" zeros "$files" 0 $((80 << 8))
check "mkfs" mkfs.ext4 -q "$files"
check "mount" mount "$files" /mnt/files
fill /mnt/files
echo 3 >/proc/sys/vm/drop_caches
read_files /mnt/files
equal "files" "$whole" 6
check "mkswap" mkswap "$swap"
check "swapon" swapon "$swap"

check "a new leg" mdadm --manage $md --add "$leg"
wait_for "both legs are equal" synced
check "the other leg goes" mdadm --manage $md --fail "$other"
forget_cache
read_files /mnt/raid
equal "files of the new leg" "$whole" 6

check "swapoff" swapoff "$swap"
check "unmount" umount /mnt/files /mnt/raid
check "mdadm --stop" mdadm --stop $md
rmdir $group
umount /sys/fs/cgroup
