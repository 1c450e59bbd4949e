#!/bin/bash
# SPDX-License-Identifier: MIT
# memloan-disk.sh - which disks a loan takes, and which it leaves alone: those of other borrowers, those with data
# of somebody, those that are not what they were; a session that was there before; a donor that knows
# secrets; one that falls silent.
. "$(dirname "$0")/../inside/lib.sh"
. "$(dirname "$0")/../inside/loan.sh"

# shellcheck disable=SC2034 # a donor is lost with a disk in use
io_errors_expected=yes
there=iqn.2026-01.org.memtgt:another
name=$(host name A)

borrow()
{
	memloan borrow 100M --as lv "$@"
}

nothing_left()
{
	equal "sessions" "$(sessions)" ""
	equal "records of iscsiadm" "$(find /etc/iscsi/nodes -type f)" ""
	check "no loan" no_loan_left
}

# By another initiator's name: its disk of LUN 1.
other_disk()
{
	local file
	file=$(grep -lx "$there" "$iscsi"/*/initiatorname) || return
	file=$(echo "${file%/initiatorname}"/device/target*/*:1/block/*)
	[[ -b /dev/${file##*/} ]] && echo "/dev/${file##*/}"
}

# Sets $disk.
other_logs_in()
{
	check "an initiator of another name" iscsiadm --mode iface --interface another --op new
	check "its name" iscsiadm --mode iface --interface another --op update --name iface.initiatorname --value $there
	check "discovery by it" iscsiadm --mode discovery --type sendtargets --portal "$(portal A)" --interface another
	check "login by it" iscsiadm --mode node --targetname "$name" --interface another --login
	wait_for "its disk" other_disk
	disk=$(other_disk)
}

other_logs_out()
{
	check "logout" iscsiadm --mode node --targetname "$name" --interface another --logout
	check "its record goes" iscsiadm --mode node --targetname "$name" --interface another --op delete
	check "it goes" iscsiadm --mode iface --interface another --op delete
}

record()
{
	sed -n "s/^ *\"$1\": \"\(.*\)\",\$/\1/p" "$loans/lv.json"
}

prepare_memloan
know_donors A

# What a loan has, and that nothing is left of it.
check "borrow" borrow
equal "claims" "$(donor_claims A 1)" 1
host ctl A --json claim list | grep -q '"type_code": 7' || fail "the claim is of another type"
equal "its key" "$(host ctl A --json claim list | grep -o '"key": "[^"]*"')" "\"key\": \"0x$(record key)\""
at_least "MiB committed" "$(donor_mebibytes A 1)" 100
equal "disks: only what was borrowed" "$(all_disks | wc -l)" 1
equal "the record's mode" "$(find /etc/iscsi/nodes -type f -printf %m)" 600
equal "patience with the donor" "$(cat "$(session A)/recovery_tmo")" 120
check "the same again" borrow
check "return" memloan return lv
nothing_left
equal "claims" "$(donor_claims A 1)" 0
equal "MiB of the donor" "$(donor_mebibytes A 1)" 0

# Somebody else has claimed the LUN: he is not disturbed.
other_logs_in
check "it registers" sg_persist --no-inquiry --out --register --param-sark=0xb0b "$disk"
check_fails "borrow" borrow
equal "its claim" "$(host ctl A --json claim list | grep -o '"key": "[^"]*"')" '"key": "0x0000000000000b0b"'
check "it gives it back" sg_persist --no-inquiry --out --clear --param-rk=0xb0b "$disk"

# Its data, without a claim, is not taken either, but by force.
mebibytes_of_noise 1 /tmp/noise
check "it writes" dd if=/tmp/noise of="$disk" bs=1M oflag=direct
check_fails "borrow" borrow
said "foreign data on the LUN"
check "the data is there" compare /tmp/noise "$disk"
equal "claims" "$(donor_claims A 1)" 0
check "an ext4 file system" mkfs.ext4 -q "$disk"
check_fails "borrow" borrow
said "an ext file system"
other_logs_out
check "borrow by force" borrow --force
check "return" memloan return lv
nothing_left
equal "MiB of the donor" "$(donor_mebibytes A 1)" 0

# The disk has become another one: it is not used, whatever is on it.
check "borrow" borrow
was=$(record naa)
check "stop, as before a reboot" memloan stop
another=$(tr 0123456789abcdef 123456789abcdef0 <<<"$was")
sed -i "s/\"naa\": \"$was\"/\"naa\": \"$another\"/" "$loans/lv.json"
check_fails "borrow" borrow
said "another disk than the loan's"
equal "disks" "$(all_disks)" ""
sed -i "s/\"naa\": \"[^\"]*\"/\"naa\": \"$was\"/" "$loans/lv.json"
equal "claims" "$(donor_claims A 1)" 1
check "return" memloan return lv
nothing_left
equal "claims" "$(donor_claims A 1)" 0
equal "MiB of the donor" "$(donor_mebibytes A 1)" 0

# The donor's operator has ended the claim, and somebody uses the LUN: what he has written is not emptied.
check "borrow" borrow
check "stop" memloan stop
check "its claim goes" host ctl A claim clear "$name" 1
other_logs_in
check "it writes" dd if=/tmp/noise of="$disk" bs=1M oflag=direct
check "return" memloan return lv
equal "sessions" "$(sessions | wc -l)" 1
check "no loan" no_loan_left
check "the data is there" compare /tmp/noise "$disk"
equal "claims" "$(donor_claims A 1)" 0
check "it empties the LUN" blkdiscard "$disk"
other_logs_out
nothing_left

# The operator's session is used, and stays.
login A
check "borrow" borrow
equal "sessions" "$(sessions | wc -l)" 1
check "return" memloan return lv
equal "sessions" "$(sessions | wc -l)" 1
equal "claims" "$(donor_claims A 1)" 0
logout A
check "the operator's record goes" iscsiadm --mode node --targetname "$name" --op delete
nothing_left

# A donor that knows secrets.
host restart A secret
know_donors A
echo wrong-secret-of-alpha >/tmp/secret
chmod 600 /tmp/secret
sed -i 's|portals = |chap_user = "alpha"; chap_secret_file = "/tmp/secret"; portals = |' $conf
check_fails "borrow with a wrong secret" borrow
nothing_left
echo alpha-and-its-secret >/tmp/secret
check "borrow" borrow
grep -q "^node.session.auth.password = alpha-and-its-secret\$" "$(find /etc/iscsi/nodes -type f)"
equal "the record's mode" "$(find /etc/iscsi/nodes -type f -printf %m)" 600
check "return" memloan return lv
nothing_left
host restart A
know_donors A

# Nothing waits for a donor that says nothing any more.
check "borrow" borrow
host freeze A
begun=$SECONDS
check "return by force" memloan return lv --force
echo "it took $((SECONDS - begun)) s"
nothing_left
host thaw A
