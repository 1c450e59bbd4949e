#!/bin/bash
# SPDX-License-Identifier: MIT
# systemd.sh - memtgtd is a unit of systemd in the guest, and what it lends is a disk of the same guest:
# what was acknowledged outlives restarts, kills and systemd's own restart, and a stop if there is a
# spill_dir; a stop without one is a loss that nobody takes for data.
# guest: 1024 systemd
. "$(dirname "$0")/../inside/lib.sh"

name=iqn.2026-01.org.memtgt:unit
portal=127.0.0.1
kills=20
spill=/var/lib/memtgt/spill
io_errors_expected=yes # of (v)
fio=

property()
{
	systemctl show --property="$1" --value memtgtd
}

# The log of the unit since the last call of new_log.
new_log()
{
	journalctl --quiet --sync
	cursor=$(journalctl --quiet --lines=0 --show-cursor | sed -n 's/^-- cursor: //p')
}

logged()
{
	journalctl --quiet --unit=memtgtd --output=cat --after-cursor="$cursor" | grep -E "$1"
}

# What the target says of a LUN now, as "NAA SERIAL".
identity()
{
	memtgtctl --json lun show "$name" "$1" |
		sed -n 's/^  "\(naa\|serial\)": "\(.*\)".*/\1 \2/p' | sort | awk '{ printf "%s ", $2 }'
}

# What the kernel has learnt of a disk when it found it.
probed()
{
	sha256sum <"/sys/block/${1##*/}/device/vpd_pg83"
}

session_name()
{
	grep -lx "$name" "$iscsi"/*/targetname
}

disk_of()
{
	local block
	block=$(echo "$iscsi"/*/device/target*/*:"$1"/block/*)
	[[ -b /dev/${block##*/} ]] && echo "/dev/${block##*/}"
}

log_in()
{
	check "discovery" iscsiadm --mode discovery --type sendtargets --portal $portal
	check "login" iscsiadm --mode node --targetname $name --login
	wait_for "disk 0" disk_of 0
	wait_for "disk 1" disk_of 1
	disk=$(disk_of 0) thin=$(disk_of 1)
}

log_out()
{
	check "logout" iscsiadm --mode node --targetname $name --logout
}

logged_in()
{
	[[ $(<"$iscsi"/*/state) == LOGGED_IN ]] && dd if="$disk" of=/dev/null bs=4k count=1 iflag=direct
}

# Blocks that carry their checksum are written and read back all the while.
load_begin()
{
	fio --name=blocks --filename="$thin" --direct=1 --rw=randwrite --bs=4k --size=32M --verify=crc32c \
		--verify_fatal=1 --verify_backlog=64 --time_based --runtime=36000 \
		--output=/tmp/fio.out &
	fio=$!
}

load_end()
{
	kill -0 "$fio" || fail "fio ended: $(cat /tmp/fio.out)"
	kill -INT "$fio"
	wait "$fio" || true # its status is that of the signal
	fio=
	check "fio found no wrong block and no error" grep 'err= 0' /tmp/fio.out
}

# kept WHAT: the disk holds what was written, and is the same disk.
kept()
{
	wait_for "the session" logged_in
	check "$1: data is kept" compare /tmp/noise "$disk"
	equal "$1: NAA and serial" "$(identity 0)" "$before"
	equal "$1: same session" "$(session_name)" "$session"
}

# settings LINE: the configuration, with a line more.
settings()
{
	cat >"$config" <<-END
		portals = ( { address = "$portal"; } );
		limits = { rx_stall = 600; tx_stall = 600; ping_timeout = 600; };
		targets = ( { name = "$name"; luns = (
			{ id = 0; size = "64M"; provisioning = "full"; },
			{ id = 1; size = "256M"; provisioning = "thin"; } ); } );
		pool = { pages = "plain"; headroom = "64M"; };
		$1
	END
}

# As soon as the program runs, before it serves anybody; or when it does.
another()
{
	[[ $(pgrep -x memtgtd) != "$killed" ]] && pgrep -x memtgtd
}

kill_one()
{
	wait_for "another process" another
	[[ $1 == early ]] || wait_for "the unit" systemctl is-active memtgtd
	killed=$(pgrep -x memtgtd)
	kill -KILL "$killed"
}

end()
{
	[[ ! $fio ]] || kill -KILL "$fio" || true
	journalctl --quiet --unit=memtgtd --output=short-monotonic | tail -n 60
	systemctl kill --signal=KILL memtgtd 2>/dev/null || true
	systemctl stop memtgtd || true
	finish "$1"
}
trap 'end $?' EXIT

cp -a /job/installed/. /
mkdir -p /usr/local/lib
cp /job/lib/* /usr/local/lib/
ldconfig
check "the unit's user" systemd-sysusers
check "a folder for what is saved" install -d -m 700 -o memtgt -g memtgt /var/lib/memtgt $spill
config=$(find /job/installed -path '*/memtgt/memtgtd.conf')
config=${config#/job/installed}
settings "spill_dir = \"$spill\";"
killed=
new_log
check "the unit is known" systemctl daemon-reload
equal "systemd" "$(systemctl --version | awk 'NR == 1 { print ($2 >= 250) }')" 1
check "the unit starts" systemctl start memtgtd
equal "state" "$(property ActiveState)" active
check "on io_uring in its sandbox" logged 'reactors? on io_uring'
memtgtctl status
log_in
session=$(session_name)
before=$(identity 0)
mebibytes_of_noise 64 /tmp/noise
check "noise" dd if=/tmp/noise of="$disk" bs=1M oflag=direct
load_begin

# (i)
check "restart" systemctl restart memtgtd
kept "after a restart"

# (ii) As fast as systemd starts it again; it gives up on a unit that ends 5 times in 10 s by default.
restarts=$(property NRestarts)
begin=$EPOCHREALTIME
killed=
for ((i = 0; i < kills; i += 2)); do
	kill_one early
	kill_one late
done
wait_for "the unit" systemctl is-active memtgtd
echo "$kills kills took $(awk "BEGIN { print $EPOCHREALTIME - $begin }") s"
at_least "restarts" $(($(property NRestarts) - restarts)) $kills
kept "after $kills kills"

# (iii)
check "daemon-reexec" systemctl daemon-reexec
check "restart" systemctl restart memtgtd
kept "after daemon-reexec"
load_end
sum=$(sha256sum <"$thin")

# (iv)
check "stop" systemctl stop memtgtd
equal "state" "$(property ActiveState)" inactive
equal "descriptors with systemd" "$(property NFileDescriptorStore)" 0
check "what was written is in files" test -n "$(ls -A $spill)"
check "start" systemctl start memtgtd
kept "after a stop with spill_dir"
blockdev --flushbufs "$thin"
equal "the thin disk" "$(sha256sum <"$thin")" "$sum"
equal "files that are left" "$(ls -A $spill)" ""

# (v)
settings ''
check "restart" systemctl restart memtgtd
kept "after a restart without spill_dir"
old=$(probed "$disk")
new_log
check "stop" systemctl stop memtgtd
check "the loss is logged in bytes" logged "$name LUN 0: .*67108864 bytes"
check "start" systemctl start memtgtd
wait_for "the session" grep -x LOGGED_IN "$iscsi"/*/state
check_fails "a session from before reads nothing" dd if="$disk" of=/tmp/zero bs=4k count=1 iflag=direct
check_fails "and writes nothing" dd if=/tmp/noise of="$disk" bs=4k count=1 oflag=direct
[[ $(identity 0) != "$before" ]] || fail "NAA and serial are those of the lost disk"
log_out
log_in
[[ $(probed "$disk") != "$old" ]] || fail "the kernel takes the new disk for the old one"
check "it is empty" zeros "$disk" 0 $((64 << 8))
check "it can be written" dd if=/tmp/noise of="$disk" bs=1M oflag=direct
check "and read" compare /tmp/noise "$disk"
log_out
