#!/bin/bash
# SPDX-License-Identifier: MIT
# init.sh - process 1 of the guest: prepares it, runs the scenarios of /job/names, switches it off.
#
# Arguments of the kernel: memtgt.udev runs udevd, as a real machine does; without, device mapper and
# LVM are quicker. memtgt.systemd hands over to systemd, which runs this script again as a unit.
# memtgt.shell gives a shell instead of scenarios.
export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/job/inside HOME=/root LC_ALL=C TERM=${TERM:-linux}

asked()
{
	grep -qw "memtgt\.$1" /proc/cmdline
}

mount_folders()
{
	local folder
	mkdir -p /dev/pts /dev/shm
	mount -t devpts devpts /dev/pts
	for folder in /run /tmp /dev/shm; do
		mount -t tmpfs tmpfs "$folder"
	done
	mkdir -p /run/lock /run/lvm /run/mdadm
	ln -sf /proc/self/fd /dev/fd
}

# From here systemd is process 1. It finds the folders mounted and leaves them so.
become_systemd()
{
	mkdir -p /run/systemd/system
	cat >/run/systemd/system/memtgt-job.service <<-END
		[Unit]
		After=basic.target
		[Service]
		ExecStart=/job/inside/init.sh
		KillMode=process
		TimeoutStartSec=infinity
	END
	cat >/run/systemd/system/memtgt-job.target <<-END
		[Unit]
		Requires=basic.target memtgt-job.service
		AllowIsolate=yes
	END
	exec /usr/lib/systemd/systemd --unit=memtgt-job.target
}

# The device of a port of virtio-serial. udev would give it a name. QEMU tells of ports one after another.
port()
{
	local names
	until names=$(grep -lx "$1" /sys/class/virtio-ports/*/name 2>/dev/null); do
		sleep 0.1
	done
	names=${names%/name}
	echo "/dev/${names##*/}"
}

network()
{
	ip link set lo up
	ip address add 10.0.2.15/24 dev eth0
	ip link set eth0 up
	ip route add default via 10.0.2.2
}

without_udev()
{
	cat >/etc/lvm/lvmlocal.conf <<-END
		global { event_activation = 0 use_lvmpolld = 0 }
		backup { backup = 0 archive = 0 }
		devices { obtain_device_list_from_udev = 0 external_device_info_source = "none" }
		activation { monitoring = 0 udev_sync = 0 udev_rules = 0 verify_udev_operations = 0 }
	END
	export DM_DISABLE_UDEV=1 MDADM_NO_UDEV=1
}

udev()
{
	/usr/lib/systemd/systemd-udevd --daemon
	udevadm trigger --action=add
	udevadm settle
}

# QEMU's network tries again only after 5 s when the guest has had no room for its bytes: so sockets
# have more room than the target ever has under way.
initiator()
{
	echo 8388608 >/proc/sys/net/core/rmem_max
	echo 'InitiatorName=iqn.2026-01.org.memtgt:guest' >/etc/iscsi/initiatorname.iscsi
	echo 'node.conn[0].tcp.window_size = 4194304' >>/etc/iscsi/iscsid.conf
	modprobe -a iscsi_tcp sd_mod
	iscsid
}

# What a failed scenario has left, so that the next one can be trusted. False if that cannot be had.
sweep()
{
	local folder
	umount --recursive --lazy /mnt 2>/dev/null
	swapoff --all
	timeout 60 vgchange --activate n
	timeout 60 mdadm --stop --scan
	timeout 60 iscsiadm --mode node --logoutall all
	rm -rf /tmp/* /etc/iscsi/nodes /etc/iscsi/send_targets
	for folder in /sys/class/iscsi_session/*; do
		[[ ! -e $folder ]] || return 1
	done
}

# One line to the host per event: "begin NAME", "# TEXT", "passed NAME TEXT", "failed NAME TEXT".
run_scenario()
{
	local name=$1 status
	echo "begin $name"
	echo "memtgt scenario $name" >/dev/kmsg
	setsid "/job/scenarios/$name.sh" </dev/null 2>&1 | sed -u 's/^/# /'
	status=${PIPESTATUS[0]}
	if ((status == 0)); then
		echo "passed $name $(</tmp/checks) checks"
	else
		echo "failed $name exit status $status"
		sweep >/dev/null 2>&1
	fi
}

run_scenarios()
{
	local name
	while read -r name; do
		host fresh >/dev/null
		run_scenario "$name" || break
		rm -rf /tmp/*
	done </job/names
	echo end
}

switch_off()
{
	sync
	echo o >/proc/sysrq-trigger
	sleep 100
}

if (($$ == 1)); then
	mount_folders
	! asked systemd || become_systemd
fi
modprobe -a virtio_net virtio_console virtio_rng
MEMTGT_CONTROL=$(port control)
export MEMTGT_CONTROL
dmesg --follow >"$(port dmesg)" &
network
if asked udev; then
	udev
elif ! asked systemd; then
	without_udev
fi
initiator
if asked shell; then
	cd /job || exit
	setsid --ctty --wait bash </dev/ttyS0 >/dev/ttyS0 2>&1
else
	run_scenarios >"$(port report)"
fi
switch_off
