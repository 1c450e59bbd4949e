#!/bin/bash
# SPDX-License-Identifier: MIT
# memloan-one-copy.sh - a loan with one copy, on a host that memloan check --fix has made fit: a donor that is
# restarted and keeps its memory loses nothing; one that loses it hits the processes with pages there, and no
# others, as memloan(8) says under "Without copies".
# guest: 768 systemd
. "$(dirname "$0")/../inside/lib.sh"
. "$(dirname "$0")/../inside/loan.sh"
. "$(dirname "$0")/../inside/loss.sh"

groups=/sys/fs/cgroup
said=/var/tmp/hog # on a disk: pages of tmpfs would be swapped out, and lost, too
declare -A hogs=()

no_daemon()
{
	[[ ! $(ps -C iscsid -o pid=) ]]
}

# What an operator does on a host that is to borrow swap.
make_fit()
{
	local pid
	cp -a /job/installed/. /
	prepare_memloan
	know_donors A
	ln -sf $conf /usr/local/etc/memtgt/memloan.conf
	check "units are known" systemctl daemon-reload
	# init.sh has started it by hand.
	for pid in $(ps -C iscsid -o pid=); do kill "$pid"; done
	wait_for "the end of iscsid" no_daemon
	check "iscsid as a unit" systemctl start iscsid
	memloan check --fix >/tmp/check.out || true
	sed 's/^/| /' /tmp/check.out
	check "the agent" systemctl start memloan-agent
	echo 1 >/proc/sys/kernel/print-fatal-signals
	# The scenario itself is no part of it.
	echo 0 >$groups/system.slice/memtgt-job.service/memory.swap.max
}

# Those that the manual page says have no page on swap, as "NAME PID"; the image has no sshd.
protected()
{
	echo "systemd 1"
	ps -C iscsid -o comm=,pid=
	echo "memloan $(systemctl show --property=MainPID --value memloan-agent)"
}

swapped_kib()
{
	awk '/^VmSwap:/ { print $2 }' "/proc/$1/status"
}

# press GROUP: the kernel takes all the memory from it that it can.
press()
{
	echo 1G 2>/dev/null >"$groups/$1/memory.reclaim" || true
}

# What was swapped out and is still in memory, too, is not lost.
is_all_out()
{
	press "$1"
	grep -qx 'swapcached 0' "$groups/$1/memory.stat"
}

# hog GROUP MEBIBYTES [SWAP.MAX]
hog()
{
	mkdir -p "$groups/$1"
	[[ ! ${3-} ]] || echo "$3" >"$groups/$1/memory.swap.max"
	rm -f "$said.$1"
	(
		echo "$BASHPID" >"$groups/$1/cgroup.procs"
		exec /job/hog "$2" 1 100000
	) >"$said.$1" 2>&1 &
	hogs[$1]=$!
	wait_for "the hog" test -s "$said.$1"
	equal "the hog $1" "$(cat "$said.$1")" "0 bad pages of $(($2 * 256))"
	wait_for "all of it is out" is_all_out "$1"
}

# Sets status, of the hog that looks at its pages again and ends.
end_hog()
{
	status=0
	kill -USR1 "${hogs[$1]}"
	wait "${hogs[$1]}" || status=$?
	unset "hogs[$1]"
	cat "$said.$1"
}

# The processes that have something on swap.
on_swap()
{
	awk '/^VmSwap:/ && $2 { split(FILENAME, part, "/"); print part[3] }' /proc/[0-9]*/status 2>/dev/null | sort
}

# Those that ended by SIGBUS (7), as the kernel tells.
hit()
{
	kernel_log | awk '/fatal signal 7\./ { is_next = 1 }
		is_next && match($0, /PID: [0-9]+/) { print substr($0, RSTART + 5, RLENGTH - 5); is_next = 0 }' | sort
}

end()
{
	((!${#hogs[@]})) || kill -KILL "${hogs[@]}" || true
	finish "$1"
}
trap 'end $?' EXIT

# Nothing of those who must go on is on swap, though the kernel was asked to take it.
none_is_swapped()
{
	local name pid
	press init.scope
	press memloan.slice
	press system.slice/iscsid.service
	while read -r name pid; do
		equal "KiB of $name ($pid) on swap" "$(swapped_kib "$pid")" 0
	done < <(protected)
	at_least "those that must not be" "$(protected | wc -l)" 4
}

start()
{
	echo +memory >$groups/cgroup.subtree_control
	check "borrow" memloan borrow 64M
	hog large 24
	hog small 2
	hog spared 2 0
	for name in large small; do
		at_least "KiB of $name on swap" "$(swapped_kib "${hogs[$name]}")" 1024
	done
	equal "KiB of spared on swap" "$(swapped_kib "${hogs[spared]}")" 0
	none_is_swapped
}

make_fit

echo "the donor keeps its memory"
host restart A kept
start
for ((i = 0; i < 3; i++)); do
	host crash A
done
check "upgrade" host ctl A upgrade
for name in large small spared; do
	end_hog $name
	equal "the hog's end" "$status" 0
done
check "return" memloan return swap

echo "the donor loses its memory"
host restart A remembered
start
with_pages=$(printf '%s\n' "${hogs[large]}" "${hogs[small]}" | sort)
equal "who has pages there" "$(on_swap)" "$with_pages"
protected >/tmp/protected
lose A
for name in large small; do
	pages=$(($(swapped_kib "${hogs[$name]}") / 4))
	end_hog $name
	equal "the hog's end is that by SIGBUS" "$status" $((128 + $(kill -l BUS)))
	equal "what it says" "$(tail -n 1 "$said.$name" | sed 's/of [0-9]*/of .../')" "0 bad pages of ..., $pages lost"
done
equal "who was hit" "$(hit)" "$with_pages"
none_is_swapped
check "those that must live do" diff /tmp/protected <(protected)
end_hog spared
equal "the end of the hog without pages there" "$status" 0
check "the agent ends" systemctl stop memloan-agent
check "return" memloan return swap
rm -f "$loans/degraded" # the agent's
check "nothing is left here" no_loan_left
equal "sessions" "$(sessions)" ""
equal "claims on the LUN" "$(donor_claims A 1)" 0
equal "MiB of the donor" "$(donor_mebibytes A 1)" 0
