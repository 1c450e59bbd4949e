#!/bin/bash
# SPDX-License-Identifier: MIT
# memloan-readme.sh - the commands of README.md's "Five commands" as they stand there: from two fresh hosts to one
# that swaps to the other's memory.
#
# Both hosts are this guest: the donor has a network of its own, and the borrower, which would not borrow from a
# memtgtd of its own host, does not see the donor's control socket.
# guest: 1280 systemd
. "$(dirname "$0")/../inside/lib.sh"
. "$(dirname "$0")/../inside/loan.sh"

readme=/job/README.md
donor=192.0.2.7 borrower=192.0.2.8 # the first is README.md's
group=/sys/fs/cgroup/hog

# What is not run as it stands, and what is in its place.
declare -A instead=(
	# There is no compiler here, and no network to get one. The host that runs this guest has built all, and
	# "make install" has put it into /job/installed; it is not built with --sysconfdir=/etc.
	["./bootstrap install"]=install_built
)

install_built()
{
	cp -a /job/installed/. /
	add_libraries
	if [[ -d /usr/local/etc/memtgt ]]; then
		mv /usr/local/etc/memtgt /etc/
		ln -s /etc/memtgt /usr/local/etc/memtgt
	fi
	systemd-sysusers
	systemctl daemon-reload
}

# The block of README.md below that heading; nothing, if there is none.
block()
{
	awk '/^## / { is_in = $0 == "## Five commands"; fences = 0 }
		is_in && /^```/ { fences++; next }
		is_in && fences == 1' $readme
}

# Sets the arrays hosts and commands. A line "# on HOST..." says where the next ones are run; a command goes
# on until the shell takes it for whole.
read_commands()
{
	local line host='' command=''
	hosts=() commands=()
	while IFS= read -r line; do
		if [[ ! $command && $line == '# on '* ]]; then
			host=${line#'# on '}
			host=${host%%[:,]*}
			continue
		fi
		[[ $command || $line ]] || continue
		command+=${command:+$'\n'}$line
		if bash -n <<<"$command" 2>/dev/null; then
			hosts+=("$host")
			commands+=("$command")
			command=
		fi
	done < <(block)
	[[ ! $command ]] || fail "README.md has half a command: $command"
}

prepare_hosts()
{
	modprobe veth
	mkdir -p /run/netns
	check "the donor's network" ip netns add donor
	check "a cable" ip link add borrower type veth peer name donor netns donor
	ip address add $borrower/24 dev borrower
	ip link set borrower up
	ip -n donor address add $donor/24 dev donor
	ip -n donor link set lo up
	ip -n donor link set donor up
	mkdir -p /run/systemd/system/memtgtd.service.d
	cat >/run/systemd/system/memtgtd.service.d/donor.conf <<-END
		[Service]
		NetworkNamespacePath=/run/netns/donor
	END
}

hide_socket()
{
	mountpoint -q /run/memtgt || mount -t tmpfs none /run/memtgt
}

show_socket()
{
	! mountpoint -q /run/memtgt || umount /run/memtgt
}

# on HOST COMMAND
on()
{
	case $1 in
	"both hosts") "$2" ;; # they have one file system
	"the donor") show_socket && bash -ec "$2" ;;
	"the borrower") hide_socket && bash -ec "$2" ;;
	*) fail "README.md has a command on \"$1\"" ;;
	esac
}

swaps()
{
	awk 'NR > 1 { print $1 }' /proc/swaps
}

lent_mebibytes()
{
	on "the donor" "memtgtctl --json lun list" | grep -oE '"used_bytes": [0-9]+' | awk '{ sum += $2 } END { print int(sum / 1048576) }'
}

# A program that has more than this group may keep in memory.
swapping_hog()
{
	echo +memory >/sys/fs/cgroup/cgroup.subtree_control
	mkdir $group
	echo 32M >$group/memory.high
	(
		echo "$BASHPID" >$group/cgroup.procs
		exec /job/hog 96 2
	)
}

read_commands
equal "commands" "${#commands[@]}" 5
prepare_hosts
for ((i = 0; i < ${#commands[@]}; i++)); do
	check "on ${hosts[i]}: ${commands[i]}" on "${hosts[i]}" "${instead[${commands[i]}]-${commands[i]}}"
	cat /tmp/check.out
done

equal "what swaps" "$(swaps)" "$(readlink -f /dev/mapper/memtgt_swap-data)"
equal "where the session ends" "$(cat /sys/class/iscsi_connection/*/persistent_address)" $donor
at_least "MiB that the donor lends" "$(lent_mebibytes)" 200
out=$(awk '$1 == "pswpout" { print $2 }' /proc/vmstat)
check "the hog's pages are right" swapping_hog
at_least "pages swapped out" $(($(awk '$1 == "pswpout" { print $2 }' /proc/vmstat) - out)) $((64 << 8))
rmdir $group
check "return" on "the borrower" "memloan return swap"
equal "loans" "$(memloan list | awk 'NR > 1')" ""
equal "what swaps" "$(swaps)" ""
equal "MiB that the donor lends" "$(lent_mebibytes)" 0
check "the donor ends" on "the donor" "systemctl disable --now memtgtd"
