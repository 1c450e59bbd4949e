#!/bin/bash
# SPDX-License-Identifier: MIT
# reservations.sh - two initiators and one disk: the first claims it, so that the other may look and not
# write; the claim outlives its connection; the other fences the first off, who had not stopped writing.
. "$(dirname "$0")/../inside/lib.sh"

# shellcheck disable=SC2034 # writes are to be refused
io_errors_expected=yes
here=$(sed -n 's/^InitiatorName=//p' /etc/iscsi/initiatorname.iscsi)
there=iqn.2026-01.org.memtgt:fence
here_key=0xa11ce there_key=0xb0b there_again=0xb0c
name=$(host name A)
a='' b=''

session_of()
{
	local file
	file=$(grep -lx "$1" "$iscsi"/*/initiatorname) || return
	echo "${file%/initiatorname}"
}

# Sets the variable to this initiator's disk, once it is there.
disk_of()
{
	local session block
	session=$(session_of "$2") || return
	block=$(echo "$session"/device/target*/*:0/block/*)
	[[ -b /dev/${block##*/} ]] && printf -v "$1" %s "/dev/${block##*/}"
}

back()
{
	[[ $(cat "$(session_of "$here")/state" "$(session_of "$there")/state" | sort -u) == LOGGED_IN ]]
}

# out DISK OPTION...: PERSISTENT RESERVE OUT; what DISK: what PERSISTENT RESERVE IN tells.
out()
{
	local disk=$1
	shift
	sg_persist --no-inquiry --out "$@" "$disk"
}

keys()
{
	sg_persist --no-inquiry --in --read-keys "$1" | grep -oE '0x[0-9a-f]+$' | sort | paste -sd ' '
}

reservation()
{
	sg_persist --no-inquiry --in --read-reservation "$1" | grep -oE 'type: .*' || echo none
}

# The first 4 KiB, by this disk.
put()
{
	dd if=/tmp/noise of="$1" bs=4k count=1 oflag=direct status=none
}

get()
{
	dd if="$1" of="${2-/dev/null}" bs=4k count="${3-1}" iflag=direct status=none
}

mebibytes_of_noise 1 /tmp/noise
login A
check "an initiator of another name" iscsiadm --mode iface --interface fence --op new
check "its name" iscsiadm --mode iface --interface fence --op update --name iface.initiatorname --value $there
check "discovery by it" iscsiadm --mode discovery --type sendtargets --portal "$(portal A)" --interface fence
check "login by it" iscsiadm --mode node --targetname "$name" --interface fence --login
wait_for "the disk here" disk_of a "$here"
wait_for "the disk there" disk_of b $there
equal "one disk by two sessions" "$(scsi "$a" vpd_pg83 | sha256sum)" "$(scsi "$b" vpd_pg83 | sha256sum)"

check "register" out "$a" --register --param-sark=$here_key
check "reserve for registrants' writes" out "$a" --reserve --param-rk=$here_key --prout-type=7
equal "keys, as the other sees them" "$(keys "$b")" $here_key
equal "reservation" "$(reservation "$b")" "type: Write Exclusive, all registrants"
check "who claimed it writes" put "$a"
check "the other reads" get "$b"
check_fails "and writes nothing" put "$b"
check_fails "nor reserves it" out "$b" --reserve --prout-type=1

# The connections are lost, both.
accepted=$(host accepted A)
host cut A
wait_for "both sessions again" back
at_least "new connections" $(($(host accepted A) - accepted)) 2
# The kernel takes the unit attentions.
check "here reads again" get "$a"
check "there, too" get "$b"
equal "keys after it" "$(keys "$b")" $here_key
equal "reservation after it" "$(reservation "$b")" "type: Write Exclusive, all registrants"
check "who claimed it still writes" put "$a"
check_fails "and the other does not" put "$b"

# Fenced off in the middle of its writes: from the answer on nothing of them lands.
(while dd if=/dev/urandom of="$a" bs=64k count=16 oflag=direct status=none; do :; done) 2>/dev/null &
check "the other registers" out "$b" --register --param-sark=$there_key
equal "keys of both" "$(keys "$b")" "$here_key $there_key"
check "and preempts" out "$b" --preempt-abort --param-rk=$there_key --param-sark=$here_key --prout-type=7
check "one look" get "$b" /tmp/first 256
sleep 0.5
check "another" get "$b" /tmp/second 256
check "nothing has changed" cmp /tmp/first /tmp/second
wait
equal "keys" "$(keys "$b")" $there_key
check_fails "who was fenced writes nothing" put "$a"
check "who fenced writes" put "$b"
equal "who is registered" "$(sg_persist --no-inquiry --in --read-full-status "$b" | grep -cF "$there")" 1

# A new session is another port: it registers, and the stale key goes by its own hand. (With the same key
# for both it would remove both: with all registrants as holders no one of them is spared.)
check "logout there" iscsiadm --mode node --targetname "$name" --interface fence --logout
check "login there" iscsiadm --mode node --targetname "$name" --interface fence --login
wait_for "the disk there" disk_of b $there
check_fails "it is not known any more" put "$b"
check "register" out "$b" --register --param-sark=$there_again
check "take over from oneself" out "$b" --preempt --param-rk=$there_again --param-sark=$there_key --prout-type=7
equal "keys" "$(keys "$b")" $there_again
equal "who is registered" "$(sg_persist --no-inquiry --in --read-full-status "$b" | grep -cF "$there")" 1
check "it writes" put "$b"
check "clear" out "$b" --clear --param-rk=$there_again
equal "no keys" "$(keys "$a")" ""
equal "no reservation" "$(reservation "$a")" none
check "all write again" put "$a"
check "both" put "$b"
iscsiadm --mode node --targetname "$name" --interface fence --logout >/dev/null
iscsiadm --mode iface --interface fence --op delete >/dev/null
