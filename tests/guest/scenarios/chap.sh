#!/bin/bash
# SPDX-License-Identifier: MIT
# chap.sh - CHAP in both directions, by each digest that open-iscsi has; who lacks a secret, or meets a
# target that lacks one, does not get in.
. "$(dirname "$0")/../inside/lib.sh"

name=$(host name A)
host restart A chap
portal=$(portal A)

# Settings of iscsiadm(8): for asking which targets there are, and for the target.
find_with()
{
	iscsiadm --mode discoverydb --type sendtargets --portal "$portal" --op new >/dev/null
	local setting
	for setting; do
		iscsiadm --mode discoverydb --type sendtargets --portal "$portal" --op update \
			--name "discovery.sendtargets.auth.${setting%%=*}" --value "${setting#*=}"
	done
	iscsiadm --mode discoverydb --type sendtargets --portal "$portal" --discover
}

with()
{
	local setting
	for setting; do
		iscsiadm --mode node --targetname "$name" --op update \
			--name "node.session.auth.${setting%%=*}" --value "${setting#*=}"
	done
}

log_in()
{
	iscsiadm --mode node --targetname "$name" --login
}

# round_trip DIGEST: 16 MiB there and back in a session that was made with that.
round_trip()
{
	with "chap_algs=$1"
	check "login by $1" log_in
	wait_for "disks of A" all_there A
	disk=$(disk A 0)
	mebibytes_of_noise 16 /tmp/noise
	check_fails "other data before" compare /tmp/noise "$disk"
	check "write" dd if=/tmp/noise of="$disk" bs=1M oflag=direct
	check "the same is read" compare /tmp/noise "$disk"
	logout A
}

check_fails "discovery without a secret" discover A
check_fails "discovery with a wrong secret" find_with authmethod=CHAP username=finder \
	password=finder-secreT
check_fails "discovery with the target's" find_with authmethod=CHAP username=alpha \
	password=alpha-and-its-secret
equal "targets" "$(find_with authmethod=CHAP username=finder password=finder-secret)" \
	"$portal,1 $name"

check_fails "login without a secret" log_in
with authmethod=CHAP username=alpha password=alpha-and-its-secret \
	username_in=donor password_in=donor-and-its-secret
for digest in SHA3-256 SHA256 SHA1 MD5; do
	round_trip "$digest"
done

with chap_algs=SHA3-256,SHA256 password=alpha-or-a-secret
check_fails "login with a wrong secret" log_in
with password=alpha-and-its-secret username=beta
check_fails "login as an unknown user" log_in
with username=donor password=donor-and-its-secret
check_fails "login with the target's own secret" log_in
with username=alpha password=alpha-and-its-secret password_in=donor-or-a-secret
check_fails "login to a target that cannot prove itself" log_in
equal "sessions of those" "$(sessions)" ""

with password_in=donor-and-its-secret
round_trip SHA3-256,SHA256
with username_in= password_in=
round_trip SHA256

iscsiadm --mode node --targetname "$name" --op delete
iscsiadm --mode discoverydb --type sendtargets --portal "$portal" --op delete
