#!/bin/bash
# SPDX-License-Identifier: MIT
# memloan-check.sh - memloan check on a host that was not made for borrowed swap: it finds what is unsafe here,
# cures what it may, and is content when the operator has done the rest. Without systemd and udev.
. "$(dirname "$0")/../inside/lib.sh"
. "$(dirname "$0")/../inside/loan.sh"

examples=/usr/local/share/memtgt
group=/sys/fs/cgroup/vital
lvm=/etc/lvm/lvmlocal.conf

# What is found, as "min-free watermark ...": of this severity, or all.
found()
{
	memloan check --json >/tmp/found.json || true
	tr -d '\n' </tmp/found.json | grep -oE '"id": "[^"]*", *"severity": "'"${1-[a-z]*}"'"' |
		cut -d '"' -f 4 | tr '\n' ' '
}

# memloan check [OPTION...] ends with this status.
status_is()
{
	local want=$1 status=0
	shift
	memloan check "$@" >/tmp/check.out || status=$?
	sed 's/^/| /' /tmp/check.out
	equal "exit status" $status "$want"
}

daemons()
{
	ps -C iscsid -o pid=
}

protect()
{
	mount -t cgroup2 cgroup2 /sys/fs/cgroup
	echo +memory >/sys/fs/cgroup/cgroup.subtree_control
	mkdir $group
	echo 0 >$group/memory.swap.max
	for pid in 1 $(daemons); do
		echo "$pid" >$group/cgroup.procs
	done
	cp $lvm /tmp/lvm.before
	sed -n '/global_filter/s/^\t*/devices { /; s/\(global_filter.*\)/\1 }/p' $examples/lvm-memtgt.conf >>$lvm
}

unprotect()
{
	local pid
	swapoff --all
	sysctl -q "vm.min_free_kbytes=$min_free" vm.watermark_scale_factor=10
	rm -rf /etc/sysctl.d/60-memloan.conf $examples
	[[ ! -e /tmp/lvm.before ]] || mv /tmp/lvm.before $lvm
	for pid in $(daemons); do echo -17 >"/proc/$pid/oom_score_adj"; done
	[[ -d $group ]] || return 0
	for pid in $(<$group/cgroup.procs); do echo "$pid" >/sys/fs/cgroup/cgroup.procs || true; done
	rmdir $group || true
	umount /sys/fs/cgroup || true
}

end()
{
	unprotect
	[[ ! ${own-} ]] || kill "$own" || true
	finish "$1"
}

prepare_memloan
min_free=$(</proc/sys/vm/min_free_kbytes)
trap 'end $?' EXIT
mkdir -p $examples
cp "$(dirname "$0")"/../etc/*.{rules,conf} $examples
know_donors A

echo "before anything is borrowed"
equal "unsafe" "$(found unsafe)" "min-free iscsid-oom iscsid-swappable swappable "
equal "advice" "$(found advice)" "watermark "
equal "notes" "$(found note)" "lvm-disks "
status_is 1

echo "with swap that the operator made"
login A
disk=$(disk A 1)
check "mkswap" mkswap "$disk"
check "swapon" swapon "$disk"
equal "found" "$(found)" "min-free iscsid-oom iscsid-swappable swappable watermark scheduler no-discard unmanaged lvm-disks "

echo "what memloan may cure"
status_is 1 --fix
wanted=$(sed -n 's/.*set vm.min_free_kbytes to \([0-9]*\)$/\1/p' /tmp/check.out)
equal "vm.min_free_kbytes" "$(</proc/sys/vm/min_free_kbytes)" "$wanted"
at_least "vm.min_free_kbytes" "$wanted" 32768
equal "for each boot" "$(grep -v '^#' /etc/sysctl.d/60-memloan.conf | tr '\n' ';')" \
	"vm.min_free_kbytes = $wanted;vm.watermark_scale_factor = 50;"
equal "scheduler" "$(queue "$disk" scheduler | grep -o '\[.*\]')" '[none]'
for pid in $(daemons); do
	equal "oom_score_adj of $pid" "$(<"/proc/$pid/oom_score_adj")" -1000
done
equal "found" "$(found)" "iscsid-swappable swappable no-discard unmanaged lvm-disks "
status_is 1 --fix
check_fails "nothing is left to be cured so" grep '^fix' /tmp/check.out

echo "what the operator decides"
protect
check "LVM understands our example" lvmconfig devices/global_filter
check "swapoff" swapoff "$disk"
check "swapon" swapon --discard "$disk"
equal "found" "$(found)" "unmanaged "
status_is 0
check "swapoff" swapoff "$disk"
equal "found" "$(found)" ""

echo "short timers"
session=$(session A)
echo 5 >"$session/recovery_tmo"
equal "found" "$(found)" "recovery-short "
echo 120 >"$session/recovery_tmo"
echo 10 >"/sys/block/${disk##*/}/device/timeout"
equal "found" "$(found)" "command-short "
echo 30 >"/sys/block/${disk##*/}/device/timeout"
equal "found" "$(found)" ""
logout A

echo "this host as its own donor"
cat >/tmp/own.conf <<'END'
portals = ( { address = "127.0.0.1"; } );
targets = ( { name = "iqn.2026-01.org.memtgt:own"; luns = ( { id = 0; size = "8M"; } ); } );
pool = { pages = "plain"; headroom = 0; };
state_dir = "";
END
/job/memtgtd -c /tmp/own.conf 2>/tmp/own.log &
own=$!
wait_for "memtgtd" grep -q 'ready on' /tmp/own.log
check "discovery" iscsiadm --mode discovery --type sendtargets --portal 127.0.0.1
check "login" iscsiadm --mode node --targetname iqn.2026-01.org.memtgt:own --login
wait_for "the disk" compgen -G "$iscsi/*/device/target*/*:0/block/*"
equal "unsafe" "$(found unsafe)" "own-memory "
logout_all
