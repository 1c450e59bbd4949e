# shellcheck shell=bash
# SPDX-License-Identifier: MIT
# loan.sh - what scenarios share in which the guest borrows by memloan. Sourced after lib.sh.

conf=/etc/memtgt/memloan.conf
loans=/var/lib/memtgt

# Those that the image lacks.
add_libraries()
{
	local file
	mkdir -p /usr/local/lib
	for file in /job/lib/*; do
		[[ -e /usr/lib/x86_64-linux-gnu/${file##*/} ]] || cp "$file" /usr/local/lib/
	done
	ldconfig
}

# Libraries, and a place for loans.
prepare_memloan()
{
	add_libraries
	mkdir -p "${conf%/*}" "$loans"
	rm -f "$loans"/*
	modprobe -a dm_mod dm_raid raid1 dm_crypt
}

# know_donors A B...: they are all the donors there are.
know_donors()
{
	local letter
	{
		echo 'donors = ('
		for letter; do
			echo "{ name = \"$letter\"; portals = [ \"$(portal "$letter")\" ]; }"
		done | paste -sd ,
		echo ');'
	} >$conf
}

memloan()
{
	/job/memloan -c "$conf" "$@"
}

# What the host has in the memory of a donor's LUN, in MiB.
donor_mebibytes()
{
	host ctl "$1" --json lun show "$(host name "$1")" "$2" |
		grep -oE '"used_bytes": [0-9]+' | awk '{ print int($2 / 1048576) }'
}

# How many hosts have claimed a donor's LUN.
donor_claims()
{
	host ctl "$1" --json claim list | grep -o "\"id\": $2\b" | wc -l
}

# The donors of the copies that are whole, as "B C".
donors_of()
{
	memloan status "$1" |
		awk '/^  copy on/ && / whole$/ { print $3 }' | sort | paste -sd ' '
}

no_loan_left()
{
	[[ ! $(ls "$loans") && $(wc -l </proc/swaps) == 1 ]] &&
		! dmsetup ls | grep -q memtgt
}
