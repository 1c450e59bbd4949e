# shellcheck shell=bash
# SPDX-License-Identifier: MIT
# agent.sh - what scenarios share in which memloan's agent watches a loan under a program that swaps to
# it. Sourced after lib.sh and loan.sh.

agent_log=/tmp/agent.log
metrics=/tmp/memloan.prom
groups=/sys/fs/cgroup
agent='' hogs=''

# What must go on while the host waits for its swap has no page there: as etc/ has it for systemd.
protect()
{
	local pid
	mountpoint -q $groups || mount -t cgroup2 none $groups
	echo +memory >$groups/cgroup.subtree_control
	mkdir -p $groups/safe $groups/hog
	echo 0 >$groups/safe/memory.swap.max
	for pid in 1 $PPID $$ $(pidof iscsid); do
		echo "$pid" >$groups/safe/cgroup.procs
	done
	echo 32768 >/proc/sys/vm/min_free_kbytes
}

# What it decided tells most about a failure.
show_agent()
{
	local status=$?
	((status == 0)) || cat $agent_log
	finish "$status"
}

start_agent()
{
	trap show_agent EXIT
	# shellcheck disable=SC2154 # loan.sh sets it
	/job/memloan -c "$conf" agent --metrics $metrics >>$agent_log 2>&1 &
	agent=$!
	wait_for "the agent" test -s $metrics
}

stop_agent()
{
	kill "$agent"
	check "the agent ends" wait "$agent"
	agent=
}

# start_hogs MEBIBYTES LIMIT: one after another; of each, what is beyond its limit is swapped out.
start_hogs()
{
	echo "$2M" >$groups/hog/memory.high
	rm -f /tmp/hogs.end
	: >/tmp/hogs
	(
		echo "$BASHPID" >$groups/hog/cgroup.procs
		while [[ ! -e /tmp/hogs.end ]]; do
			/job/hog "$1" 1 >>/tmp/hogs || echo "failed: $?" >>/tmp/hogs
		done
	) &
	hogs=$!
	echo 0 >/tmp/pause
	watch_pauses &
}

# The longest time without a page going out or coming in, in tenths of a second, is in /tmp/pause; who
# wants a new one writes 0 there.
watch_pauses()
{
	local name value moved last='' since now most
	while [[ ! -e /tmp/hogs.end ]]; do
		read -r now _ </proc/uptime
		now=${now/./} now=${now%?} moved=''
		while read -r name value; do
			[[ $name != pswp* ]] || moved+=" $value"
		done </proc/vmstat
		[[ $moved == "$last" ]] || since=$now
		last=$moved most=$(</tmp/pause)
		((now - since <= ${most:-0})) || echo $((now - since)) >/tmp/pause
		sleep 0.3
	done
}

hogs_so_far()
{
	wc -l </tmp/hogs
}

more_hogs_than()
{
	(($(hogs_so_far) > $1))
}

# One that began after this has ended: the loan is alive.
another_hog()
{
	wait_for "another two hogs" more_hogs_than $(($(hogs_so_far) + 1))
}

stop_hogs()
{
	touch /tmp/hogs.end
	check "the last hog ends" wait "$hogs"
	at_least "hogs" "$(hogs_so_far)" 2
	equal "hogs with bad pages, or killed" "$(grep -cv '^0 bad pages' /tmp/hogs)" 0
}

# is_whole_on NAME "B C"
is_whole_on()
{
	[[ $(donors_of "$1") == "$2" && $(memloan list | awk -v n="$1" '$1 == n') == *" ready "* ]]
}

metric()
{
	awk -v name="$1" '$1 == name { print $2 }' $metrics
}
