# shellcheck shell=bash
# SPDX-License-Identifier: MIT
# lib.sh - what scenarios share; they source it first.
#
# A scenario is a script that ends with status 0 when each check was true. At its end, it is checked
# that nothing is left: no session, no disk, and no error in the kernel's log, unless
# io_errors_expected is set.
set -euo pipefail
checks=0
io_errors_expected=

fail()
{
	echo "FAILED: $*"
	exit 1
}

# check WHAT COMMAND...: the command succeeds.
check()
{
	local what=$1 status=0
	shift
	"$@" >/tmp/check.out 2>&1 || status=$?
	if ((status != 0)); then
		tail -n 20 /tmp/check.out
		fail "$what: exit status $status of: $*"
	fi
	checks=$((checks + 1))
	echo "$what"
}

# check_fails WHAT COMMAND...: it does not.
check_fails()
{
	local what=$1
	shift
	! "$@" >/tmp/check.out 2>&1 || fail "$what: should fail: $*"
	checks=$((checks + 1))
	echo "$what"
}

# said WORDS: the last command did.
said()
{
	grep -qF -- "$1" /tmp/check.out || fail "\"$1\" is not in: $(cat /tmp/check.out)"
	checks=$((checks + 1))
	echo "it says: $1"
}

# equal WHAT GOT WANTED
equal()
{
	[[ $2 == "$3" ]] || fail "$1: got \"$2\", not \"$3\""
	checks=$((checks + 1))
	echo "$1: $2"
}

# at_least WHAT GOT WANTED
at_least()
{
	(($2 >= $3)) || fail "$1: got $2, less than $3"
	checks=$((checks + 1))
	echo "$1: $2, at least $3"
}

# wait_for WHAT COMMAND...: until it succeeds. How long that takes says nothing: the guest is emulated.
wait_for()
{
	local what=$1 tries
	shift
	for ((tries = 0; tries < 1200; tries++)); do
		! "$@" >/tmp/check.out 2>&1 || return 0
		sleep 0.2
	done
	tail -n 20 /tmp/check.out
	fail "waited in vain: $what"
}

mebibytes_of_noise()
{
	dd if=/dev/urandom of="$2" bs=1M count="$1" status=none
}

# The files below a folder, with what is in them.
hashes()
{
	(cd "$1" && find . -type f -exec sha256sum {} + | sort -k 2)
}

# The kernel's log since the scenario began.
kernel_log()
{
	dmesg | tac | sed '/memtgt scenario/q' | tac
}

# A logout may meet the kernel's own fault: it flushes a queue of disks' power management from one
# that must not wait for memory (scsi_remove_target() in Linux 6.1). No target has to do with it.
no_kernel_fault()
{
	! kernel_log | grep -E 'BUG:|WARNING:|Oops|blocked for more than' | grep -v check_flush_dependency
}

no_io_error()
{
	! kernel_log | grep -E 'I/O error|EXT4-fs (error|warning)|Sense Key|FAILED Result|Unhandled'
}

finish()
{
	local status=${1:-$?}
	trap - EXIT
	if ((status == 0)); then
		logout_all
		equal "sessions left" "$(sessions)" ""
		equal "disks left" "$(all_disks)" ""
		check "no fault of the kernel" no_kernel_fault
		[[ $io_errors_expected ]] || check "no I/O error in its log" no_io_error
		echo "$checks" >/tmp/checks
	fi
	exit "$status"
}
trap finish EXIT

# shellcheck source=tests/guest/inside/disks.sh
. "${BASH_SOURCE[0]%/*}/disks.sh"
