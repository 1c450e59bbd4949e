# shellcheck shell=bash
# SPDX-License-Identifier: MIT
# loss.sh - what scenarios share in which a donor loses its memory. Sourced after lib.sh.

# shellcheck disable=SC2034 # lib.sh reads it
io_errors_expected=yes

# lose A: it ends without a word and is back, its memory empty, its state_dir as it was. Sessions go on.
lose()
{
	local before
	before=$(host accepted "$1")
	host kill "$1"
	host start "$1" remembered
	wait_for "the sessions with $1" back "$1" $((before + $(sessions_with "$1")))
}

sessions_with()
{
	# shellcheck disable=SC2154 # disks.sh sets it
	grep -lx "$(host name "$1")" "$iscsi"/*/targetname | wc -l
}

back()
{
	(($(host accepted "$1") >= $2)) && ! grep -Lx LOGGED_IN "$iscsi"/*/state | grep .
}

# What the kernel has learnt of disks when it found them: for each its NAA and its serial, a line each.
names_of()
{
	local disk page
	for disk; do
		for page in 83 80; do
			od -An -tx1 -v "/sys/block/${disk##*/}/device/vpd_pg$page" | tr -d ' \n'
			echo
		done
	done
}

# differ_from NAMES DISK...: the disks' names are none of these, and no two are equal.
differ_from()
{
	local old=$1 now
	shift
	now=$(names_of "$@")
	equal "names that are those of lost disks" "$(grep -Fxc "$old" <<<"$now" || true)" 0
	equal "names" "$(sort -u <<<"$now" | wc -l)" $((2 * $#))
}
