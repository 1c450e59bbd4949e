#!/bin/bash
# SPDX-License-Identifier: MIT
# memloan-units.sh - a host with systemd and udev as it was installed becomes fit for borrowed swap by
# memloan check --fix and one unit, and stays so when iscsid is started again. A loan ends when the units of a
# shutdown stop, and is there again when those of a boot start.
# guest: 512 systemd
. "$(dirname "$0")/../inside/lib.sh"
. "$(dirname "$0")/../inside/loan.sh"

found()
{
	memloan check --json >/tmp/found.json || true
	tr -d '\n' </tmp/found.json | grep -oE '"id": "[^"]*", *"severity": "'"${1-[a-z]*}"'"' |
		cut -d '"' -f 4 | tr '\n' ' '
}

no_daemon()
{
	[[ ! $(ps -C iscsid -o pid=) ]]
}

protected()
{
	local pid
	for pid in $(ps -C iscsid -o pid=); do
		equal "oom_score_adj of $pid" "$(<"/proc/$pid/oom_score_adj")" -1000
		equal "control group of $pid" "$(<"/proc/$pid/cgroup")" "0::/system.slice/iscsid.service"
	done
	equal "its swap" "$(</sys/fs/cgroup/system.slice/iscsid.service/memory.swap.max)" 0
}

swaps()
{
	awk 'NR > 1 { print $1 }' /proc/swaps
}

cp -a /job/installed/. /
prepare_memloan
know_donors A
check "units are known" systemctl daemon-reload
# init.sh has started it by hand.
for pid in $(ps -C iscsid -o pid=); do kill "$pid"; done
wait_for "the end of iscsid" no_daemon
check "iscsid as a unit" systemctl start iscsid
equal "unsafe" "$(found unsafe)" "min-free iscsid-oom iscsid-swappable iscsid-unit swappable shutdown "
memloan check --fix >/tmp/check.out || true
sed 's/^/| /' /tmp/check.out
check_fails "all could be done" grep 'could not' /tmp/check.out
equal "found" "$(found)" "shutdown lvm-disks "
cp "$(dirname "$0")/../etc/lvm-memtgt.conf" /etc/lvm/lvmlocal.conf
check "LVM understands our example" lvmconfig devices/global_filter
check "the unit that ends loans" systemctl enable --now memloan-stop.service
equal "found" "$(found)" ""
check "memloan is content" memloan check
protected
check "another iscsid" systemctl restart iscsid
equal "found" "$(found)" ""
protected
equal "swap of process 1" "$(</sys/fs/cgroup/init.scope/memory.swap.max)" 0

echo "a disk gets its settings"
login A
check "udev has done its work" udevadm settle
equal "scheduler" "$(queue "$(disk A 0)" scheduler | grep -o '\[.*\]')" '[none]'
equal "found" "$(found)" ""
logout A

echo "a loan, and the agent"
know_donors A
ln -sf $conf /usr/local/etc/memtgt/memloan.conf
check "borrow" memloan borrow 64M
swap=$(swaps)
check "the agent" systemctl start memloan-agent
equal "its memory" "$(</sys/fs/cgroup/memloan.slice/memory.min)" $((96 << 20))
equal "found with it" "$(found)" ""
check "what boots start" systemctl start memloan
equal "swap" "$(swaps)" "$swap"

echo "what a shutdown stops"
check "stop" systemctl stop memloan-stop
equal "the agent" "$(systemctl is-active memloan-agent || true)" inactive
equal "swap" "$(swaps)" ""
equal "sessions" "$(sessions)" ""
equal "claims on the LUN" "$(donor_claims A 1)" 1

echo "what a boot starts"
check "start" systemctl start memloan
equal "what stops it" "$(systemctl is-active memloan-stop)" active
equal "swaps" "$(swaps | wc -l)" 1
check "return" memloan return swap
rm -f $loans/degraded # the agent's
check "nothing is left here" no_loan_left
equal "claims on the LUN" "$(donor_claims A 1)" 0
check "stop without loans" systemctl stop memloan-stop
