#!/bin/bash
# SPDX-License-Identifier: MIT
# donor.sh - the guest is a donor: it lends surplus hugepages, while a program beside it wants the memory
# itself. memtgtd takes less and less, and nothing that was written is lost.
# guest: 2048
. "$(dirname "$0")/../inside/lib.sh"

name=iqn.2026-01.org.memtgt:donor
headroom=256 # MiB
lent=600     # MiB written at first
io_errors_expected=yes

available()
{
	awk '/^MemAvailable:/ { printf "%d\n", $2 / 1024 }' /proc/meminfo
}

oom_kills()
{
	awk '$1 == "oom_kill" { print $2 }' /proc/vmstat
}

told()
{
	grep -q "memory of the host: $1, was" /tmp/donor.log
}

# leave MIB: takes memory until so much is available.
leave()
{
	local take=$(($(available) - $1))
	((take > 0)) || fail "only $(available) MiB are available"
	/job/hog "$take" 1 100000 >/dev/null &
	hogs+=($!)
}

fio_verify()
{
	fio --name=blocks --filename="$disk" --direct=1 --bs=64k --size=${lent}M --verify=crc32c \
		--verify_fatal=1 --do_verify=1 --output-format=terse "$@"
}

fill()
{
	head -c "${2}M" /dev/zero | tr '\0' '\252' |
		dd of="$disk" bs=1M seek="$1" iflag=fullblock oflag=direct
}

# refused SEEK COUNT: the write fails for want of space.
refused()
{
	local said
	said=$(fill "$@" 2>&1) && return 1
	[[ $said == *'No space left'* ]]
}

end()
{
	cat /tmp/donor.log
	kill "$daemon" "${hogs[@]}" 2>/dev/null || true
	finish "$1"
}

hogs=()
echo 700 >/proc/sys/vm/nr_overcommit_hugepages
cat >/tmp/donor.conf <<END
portals = ( { address = "127.0.0.1"; } );
limits = { rx_stall = 600; tx_stall = 600; ping_timeout = 600; };
targets = ( { name = "$name"; luns = ( { id = 0; size = "8G"; provisioning = "thin"; } ); } );
pool = { pages = "huge"; headroom = "${headroom}M"; };
state_dir = "";
END
LD_LIBRARY_PATH=/job/lib /job/memtgtd -c /tmp/donor.conf 2>/tmp/donor.log &
daemon=$!
trap 'end $?' EXIT
wait_for "the donor" grep -q 'ready on' /tmp/donor.log
check "discovery" iscsiadm --mode discovery --type sendtargets --portal 127.0.0.1
check "login" iscsiadm --mode node --targetname "$name" --login
wait_for "its disk" compgen -G "$iscsi/*/device/target*/*:0/block/*"
disk=/dev/$(basename "$iscsi"/*/device/target*/*:0/block/*)
killed=$(oom_kills)

check "write $lent MiB" fio_verify --rw=write
check "a disk has more room" fill 2048 64
leave $((headroom * 120 / 100))
wait_for "YELLOW" told YELLOW
leave $((headroom * 90 / 100))
wait_for "ORANGE" told ORANGE
check "reads are right" fio_verify --rw=read
wait_for "the kernel was told" grep -q 'soft threshold' <(kernel_log)
leave $((headroom * 35 / 100))
wait_for "RED" told RED

check "no new page" refused 4096 64
check "what is there can be overwritten" fio_verify --rw=randwrite --randseed=2
before=$(available)
check "give back 300 MiB" blkdiscard --offset 300M --length 300M "$disk"
lent=300
more() { (($(available) - before >= 260)); }
wait_for "the host has them" more
wait_for "it is better" grep -q 'memory of the host: .*, was RED' /tmp/donor.log
check "the rest is right" fio_verify --rw=read

kill "${hogs[@]}"
hogs=()
wait_for "GREEN" told GREEN
check "room again" fill 4096 64
check "the rest is right" fio_verify --rw=read
equal "processes killed for want of memory" $(($(oom_kills) - killed)) 0
states=$(sed -n 's/.*memory of the host: \([A-Z]*\), was .*/\1/p' /tmp/donor.log | tr '\n' ' ')
echo "states: $states"
equal "they came in order" "${states%%RED*}RED" "YELLOW ORANGE RED"
check "logout" iscsiadm --mode node --logoutall all
