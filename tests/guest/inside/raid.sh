# shellcheck shell=bash
# SPDX-License-Identifier: MIT
# raid.sh - what scenarios share in which a mirror lies on LUN 0 of A and B. Sourced after lib.sh.

# A mirror is to learn soon that a leg is dead, and does so by errors.
# shellcheck disable=SC2034 # lib.sh reads it
io_errors_expected=yes

# Sets a and b, the legs.
login_for_raid()
{
	login A node.session.timeo.replacement_timeout=5
	login B node.session.timeo.replacement_timeout=5
	a=$(disk A 0)
	b=$(disk B 0)
}

# Files in a folder of this name; what is in all of them is in /tmp/wanted.
fill()
{
	local i
	mkdir "/mnt/$1"
	for i in 1 2 3 4; do
		mebibytes_of_noise 1 "/tmp/file"
		cp /tmp/file "/mnt/$1/$i" || return
		sha256sum </tmp/file | sed "s|-|./$1/$i|" >>/tmp/wanted
	done
	sync --file-system /mnt
}

# Read from the legs, not from memory.
same_files()
{
	sync --file-system /mnt
	echo 3 >/proc/sys/vm/drop_caches
	hashes /mnt >/tmp/got
	sort -k 2 /tmp/wanted >/tmp/wanted.sorted
	check "files are what was written" cmp /tmp/wanted.sorted /tmp/got
}

usable()
{
	[[ $(<"$(session "$1")/state") == LOGGED_IN && $(scsi "$2" state) == running ]]
}

# memtgtd loses its memory when it ends.
b_comes_back_empty()
{
	host start B
	wait_for "the session with B" usable B "$b"
	check "B is empty" zeros "$b" 0 2048
}

a_comes_back()
{
	host start A
	wait_for "the session with A" usable A "$a"
}
