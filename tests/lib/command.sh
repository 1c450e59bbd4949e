# shellcheck shell=bash disable=SC2154 # who sources it sets program and test_dir
# SPDX-License-Identifier: MIT
# command.sh - what a program says to a command line. Sourced after daemon.sh; $program is the program.
checks=0

# run STATUS ARGUMENT...: the exit status; output in $out, errors in $err.
run()
{
	local want=$1 status=0
	shift
	timeout 60 "$program" "$@" >"$test_dir/out" 2>"$test_dir/err" || status=$?
	out=$(<"$test_dir/out") err=$(<"$test_dir/err")
	((status == want)) || die "exit status $status, not $want, of ${program##*/} $*: $out$err"
	checks=$((checks + 1))
}

# has TEXT PATTERN...: every pattern is in the text.
has()
{
	local text=$1 pattern
	shift
	for pattern; do
		grep -Eq -- "$pattern" <<<"$text" || die "no \"$pattern\" in: $text"
		checks=$((checks + 1))
	done
}
