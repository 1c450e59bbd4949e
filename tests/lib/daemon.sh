#!/bin/bash
# SPDX-License-Identifier: MIT
#
# daemon.sh - a real memtgtd for one shell test, to be sourced. It runs on a port of its own.
#
#	daemon_start LUNS [MORE]	sets daemon_pid, daemon_port, daemon_url (of the target)
#	daemon_start_on FILE		the same with a configuration of its own
#	daemon_stop			SIGTERM, exit status 0 within 5 s, no sanitizer report
#
# The program is $MEMTGTD, or target/memtgtd in $MEMTGT_BUILD or the current folder. Files go to
# $TEST_DIR, or a folder that is removed at the end. Whatever runs is killed at the end.

daemon_target=iqn.2026-01.org.memtgt:test
daemon_program=${MEMTGTD:-${MEMTGT_BUILD:-.}/target/memtgtd}
daemon_pid=
test_dir=${TEST_DIR:-}
if [[ ! $test_dir ]]; then
	test_dir=$(mktemp -d "${TMPDIR:-/tmp}/memtgt-test.XXXXXX")
	test_dir_is_ours=yes
fi
daemon_log=$test_dir/memtgtd.log

die()
{
	echo "FAILED: $*" >&2
	if [[ -s $daemon_log ]]; then
		echo "the end of memtgtd's log:" >&2
		tail -n 30 "$daemon_log" >&2
	fi
	exit 1
}

# What a test needs beyond the build; without it, it is skipped by name.
requires()
{
	local tool
	for tool; do
		if ! command -v "$tool" >/dev/null; then
			echo "SKIP: $tool is not installed"
			exit 77
		fi
	done
}

daemon_cleanup()
{
	if [[ $daemon_pid ]]; then
		kill -KILL "$daemon_pid" 2>/dev/null || true
	fi
	if [[ ${test_dir_is_ours-} ]]; then
		rm -rf "$test_dir"
	fi
}
trap daemon_cleanup EXIT
trap 'exit 1' HUP INT TERM

# A configuration on a free port of 127.0.0.1: LUNS are the entries of one target's list.
daemon_config()
{
	cat <<-END
		portals = ( { address = "127.0.0.1"; port = 0; } );
		targets = ( { name = "$daemon_target"; luns = ( $1 ); } );
		${2-}
	END
	# Never what is in the host's own folder.
	[[ ${2-} == *state_dir* ]] || echo 'state_dir = "";'
}

# Waits up to 30 s, in steps of 20 ms, until a command is true.
wait_until()
{
	local i
	for ((i = 0; i < 1500; i++)); do
		if "$@"; then
			return 0
		fi
		sleep 0.02
	done
	return 1
}

daemon_ready_or_dead()
{
	grep -q '^memtgtd: ready on ' "$daemon_log" || ! kill -0 "$daemon_pid" 2>/dev/null
}

daemon_start_on()
{
	# Here, not by the child: the last one's line must not be read as this one's.
	: >"$daemon_log"
	"$daemon_program" -c "$1" 2>>"$daemon_log" &
	daemon_pid=$!
	wait_until daemon_ready_or_dead || die "memtgtd did not become ready"
	daemon_port=$(sed -n 's/^memtgtd: ready on 127\.0\.0\.1:\([0-9]*\)\(, .*\)\?$/\1/p' "$daemon_log")
	[[ $daemon_port ]] || die "memtgtd ended before it was ready"
	# shellcheck disable=SC2034 # for those who source this
	daemon_url=iscsi://127.0.0.1:$daemon_port/$daemon_target
}

daemon_start()
{
	daemon_config "$@" >"$test_dir/memtgtd.conf"
	daemon_start_on "$test_dir/memtgtd.conf"
}

# No sanitizer has spoken, no assertion failed.
daemon_log_clean()
{
	! grep -E 'ERROR: (Address|Leak)Sanitizer|WARNING: ThreadSanitizer|runtime error:|Assertion `' \
		"$daemon_log"
}

daemon_gone()
{
	! kill -0 "$daemon_pid" 2>/dev/null
}

daemon_stop()
{
	local status=0 begun ended
	daemon_gone && die "memtgtd ended during the test"
	begun=$(date +%s%N)
	kill -TERM "$daemon_pid"
	wait_until daemon_gone || die "memtgtd did not end"
	ended=$(date +%s%N)
	wait "$daemon_pid" || status=$?
	daemon_pid=
	((status == 0)) || die "memtgtd's exit status is $status"
	daemon_log_clean || die "a sanitizer's report"
	((ended - begun < 5000000000)) || die "memtgtd took more than 5 s to end"
}
