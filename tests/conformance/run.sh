#!/bin/bash
# SPDX-License-Identifier: MIT
#
# run.sh - all tests of iscsi-test-cu against memtgtd: each in a process of its own, then the whole
# list in one, since results depend on what ran before.
#
#	run.sh			compares with expected-RELEASE.txt; any difference fails
#	run.sh --update RELEASE	writes expected-RELEASE.txt
#
# The release of libiscsi is told by its list of tests, which must be that of one of these files.
# A result is pass, skip, out or FAIL. CUnit counts a skipped test as passed, so a test is a skip if it
# printed [SKIPPED]. A skip is in order only if the LUN does not support (by its own REPORT SUPPORTED
# OPERATION CODES) a command that the test needs, or if opcodes.txt says why. A test that asks for what
# the standard forbids is left out: "wrong" in opcodes.txt.
#
# $CONFORMANCE_URLS, "VARIANT=iscsi://..." words, tests another target instead.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=tests/lib/daemon.sh
. "$here/../lib/daemon.sh"
requires iscsi-test-cu
list_opcodes=${LIST_OPCODES:-${MEMTGT_BUILD:-.}/tests/conformance/list_opcodes}
least_passes=150
# The second path, over IPv6 where the host has it.
second_portal='' second_address=127.0.0.1
if grep -qs '^00000000000000000000000000000001 ' /proc/net/if_inet6; then
	second_address=::1
fi
one_limit=60 all_limit=600

# Names of the tests: FAMILY.SUITE.TEST, of which the family ALL has every test once.
test_names()
{
	iscsi-test-cu --list | awk -F. '$1 == "ALL" && NF == 3'
}

# run_cu LIMIT PATTERN VARIANT URL: iscsi-test-cu's output, without blame for its exit status. The
# tests of SANITIZE run only where it is supported: without --allow-sanitize they skip, with it some
# do not look before they use other commands. The second URL is for the tests of several paths: the
# same LUN by the portal of the other group, which is another target port.
run_cu()
{
	local limit=$1 pattern=$2 variant=$3 url=$4 status=0 options=(--dataloss)
	local second=$url user=''
	if [[ $second_portal ]]; then
		[[ $url != *@* ]] || user=${url#iscsi://} user=${user%%@*}@
		second=iscsi://$user$second_portal/${url#iscsi://*/}
	fi
	if grep -q ^48/ "$test_dir/opcodes.$variant"; then
		options+=(--allow-sanitize)
	fi
	# Line by line, or its lines and the library's come in another order than they were written.
	timeout -k 5 "$limit" stdbuf -oL iscsi-test-cu "${options[@]}" --test="$pattern" \
		"$url" "$second" 2>&1 || status=$?
	echo "exit status $status"
}

# What to run for a test: itself, but for one of libiscsi 1.19 whose client asserts on a variable that
# another test of the suite has to set first (test_async_lu_reset_simple.c: reconnect_succeeded).
pattern_for()
{
	case $release:$1 in
	1.19:ALL.iSCSITMF.LUNResetSimpleAsync) echo ALL.iSCSITMF ;;
	*) echo "$1" ;;
	esac
}

# What to run for the whole list: all, but for the suite that is wrong. A pattern is one of fnmatch(3),
# so that takes two of them; and one more for the suite that has a target of its own.
whole_list()
{
	case $release in
	1.19) echo ALL ;;
	*) printf '%s\n' 'ALL.[!i]*' 'ALL.iSCSI[!CS]*' ALL.iSCSICHAP ;;
	esac
}

# The release whose file has the same tests.
find_release()
{
	local file
	for file in "$here"/expected-*.txt; do
		if [[ $(awk '!/^#/ { print $1 }' "$file") == "$names" ]]; then
			file=${file##*/expected-}
			echo "${file%.txt}"
			return
		fi
	done
	die "no expected-*.txt has the tests that iscsi-test-cu lists: run.sh --update RELEASE"
}

# Turns output into "ALL.SUITE.TEST RESULT" lines. Only what is printed between the test's name and
# its "passed" or "FAILED" is the test's own; around it the setup of suites speaks too. A test
# without either word did not end.
results()
{
	awk '
		function result(word) {
			if (test != "")
				print "ALL." suite "." test, word
			test = ""
		}
		/^Suite: / { result("FAIL"); suite = $2; next }
		/^  Test: / { result("FAIL"); test = $2; skipped = 0 }
		test == "" { next }
		match($0, /(^|\.\.\.)(passed|FAILED)/) {
			own = substr($0, 1, RSTART)
			word = substr($0, RSTART, RLENGTH)
			if (own ~ /\[SKIPPED\]/)
				skipped = 1
			result(word ~ /FAILED/ ? "FAIL" : skipped ? "skip" : "pass")
			next
		}
		/\[SKIPPED\]/ { skipped = 1 }
		END { result("FAIL") }
	'
}

# supported VARIANT OPCODES: the LUN supports all of them.
supported()
{
	local op
	for op in ${2//,/ }; do
		grep -qx -- "$op" "$test_dir/opcodes.$1" || return 1
	done
}

# is_wrong VARIANT NAME: does the test ask for what the standard forbids, of any LUN or of this one?
is_wrong()
{
	local row
	row=$(row_of "$2")
	[[ " ${row%%#*} " =~ [[:space:]]wrong(:$1)?[[:space:]] ]]
}

# url_for TEST URL: where it is run. "chap" in opcodes.txt: with the target that asks for CHAP.
url_for()
{
	local row
	row=$(row_of "$1")
	if [[ $chap_url && " ${row%%#*} " =~ [[:space:]]chap[[:space:]] ]]; then
		echo "$chap_url"
	else
		echo "$2"
	fi
}

# note_failure VARIANT NAME RESULT: the result, and the output kept if it is a failure. "unchecked"
# in opcodes.txt: the client does not look whether the command is there, so it cannot but fail.
note_failure()
{
	local variant=$1 name=$2 result=${3:-FAIL} needs excused
	if [[ $result == FAIL ]]; then
		read -r needs excused <<<"$(row_of "$name")"
		if [[ $excused == unchecked* ]] && ! supported "$variant" "$needs"; then
			result=skip
		else
			{
				echo "=== $variant: $name"
				cat "$test_dir/cu.$variant"
			} >>"$test_dir/failures.$variant"
		fi
	fi
	echo "$name $result"
}

# one_by_one VARIANT URL, all_in_one VARIANT URL: "NAME RESULT" for every test. One that did not
# run, since the process ended early, has failed.
one_by_one()
{
	local name result
	while read -r name; do
		if is_wrong "$1" "$name"; then
			echo "$name out"
			continue
		fi
		run_cu "$one_limit" "$(pattern_for "$name")" "$1" "$(url_for "$name" "$2")" \
			>"$test_dir/cu.$1" 2>&1
		result=$(results <"$test_dir/cu.$1" | awk -v name="$name" '$1 == name { print $2 }')
		note_failure "$1" "$name" "$result"
	done < <(test_names)
}

all_in_one()
{
	local name result pattern
	whole_list | while read -r pattern; do
		run_cu "$all_limit" "$pattern" "$1" "$(url_for "$pattern." "$2")"
	done >"$test_dir/cu.$1" 2>&1
	results <"$test_dir/cu.$1" >"$test_dir/results.$1"
	while read -r name; do
		if is_wrong "$1" "$name"; then
			echo "$name out"
			continue
		fi
		result=$(awk -v name="$name" '$1 == name { print $2 }' "$test_dir/results.$1")
		note_failure "$1" "$name" "$result"
	done < <(test_names)
}

# The row of opcodes.txt for a test: "ALL.Suite.Test", else "ALL.Suite". Prints its other columns.
row_of()
{
	awk -v test="${1#ALL.}" '
		/^#/ || !NF { next }
		$1 == test { best = $0; rank = 2 }
		index(test, $1 ".") == 1 && rank < 2 { best = $0; rank = 1 }
		END { if (rank) { sub(/^[^ \t]+[ \t]+/, "", best); print best } }
	' "$here/opcodes.txt"
}

# judge_skip VARIANT NAME: whether the skip is in order; says why not.
judge_skip()
{
	local variant=$1 name=$2 needs excused
	read -r needs excused <<<"$(row_of "$name")"
	if [[ ! $needs ]]; then
		echo "$variant $name: skipped, and opcodes.txt does not tell what it needs"
		return 1
	fi
	excused=" ${excused%%#*} "
	if [[ $excused == *" $variant "* || $excused == *" any "* ]]; then
		return 0
	fi
	if supported "$variant" "$needs"; then
		echo "$variant $name: skipped, though the LUN supports $needs"
		return 1
	fi
}

# A target for each kind of LUN, so that resets of one do not reach the others.
start_targets()
{
	local lun i=0
	{
		echo 'portals = ( { address = "127.0.0.1"; port = 0; group = 1; },'
		echo "            { address = \"$second_address\"; port = 0; group = 2; } );"
		echo 'targets = ('
		for lun in '' 'provisioning = "thin";' 'provisioning = "thin"; block_size = 4096;'; do
			echo "${lun:+,} { name = \"$daemon_target$((i++))\";"
			echo "luns = ( { id = 0; size = \"64M\"; $lun } ); }"
		done
		echo ", { name = \"$daemon_target-chap\"; access = ( { chap = \"conformance\"; } );"
		echo 'luns = ( { id = 0; size = "64M"; } ); } );'
		echo "secrets = \"$(realpath "$test_dir")/secrets.conf\";"
		echo 'state_dir = "";'
	} >"$test_dir/memtgtd.conf"
	(
		umask 077
		echo 'credentials = ( { name = "conformance"; secret = "conformance-secret"; } );' \
			>"$test_dir/secrets.conf"
	)
	daemon_start_on "$test_dir/memtgtd.conf"
	second_portal=$(sed -n 's/^memtgtd: ready on .*, //p' "$daemon_log")
	[[ $second_portal ]] || die "memtgtd is not ready on a second portal"
	urls=("full=${daemon_url}0/0" "thin=${daemon_url}1/0" "thin4k=${daemon_url}2/0")
	chap_url=${daemon_url/:\/\//:\/\/conformance%conformance-secret@}-chap/0
}

chap_url=
if [[ ${CONFORMANCE_URLS-} ]]; then
	read -ra urls <<<"$CONFORMANCE_URLS"
else
	start_targets
fi

names=$(test_names)
total=$(wc -l <<<"$names")
echo "$names" >"$test_dir/names"
if [[ ${1-} == --update ]]; then
	release=${2:?which release of libiscsi is it}
else
	release=$(find_release)
fi
expected=$here/expected-$release.txt
columns=() header=test jobs=()
for pair in "${urls[@]}"; do
	variant=${pair%%=*} url=${pair#*=}
	"$list_opcodes" "$url" >"$test_dir/opcodes.$variant" || die "no list of opcodes of $url"
	: >"$test_dir/failures.$variant"
	{
		one_by_one "$variant" "$url" >"$test_dir/one.$variant"
		all_in_one "$variant" "$url" >"$test_dir/all.$variant"
	} &
	jobs+=($!)
	columns+=("$test_dir/one.$variant" "$test_dir/all.$variant")
	header+=" $variant $variant-all"
done
for job in "${jobs[@]}"; do
	wait "$job" || die "a run ended with exit status $?"
done

# One row per test, one column per run.
{
	echo "# $header"
	for file in "${columns[@]}"; do
		cut -d' ' -f2 "$file" >"$file.result"
	done
	paste -d' ' "$test_dir/names" "${columns[@]/%/.result}"
} >"$test_dir/table"

bad=0
for pair in "${urls[@]}"; do
	variant=${pair%%=*}
	for run in one all; do
		while read -r name result; do
			[[ $result == skip ]] || continue
			judge_skip "$variant" "$name" || bad=$((bad + 1))
		done <"$test_dir/$run.$variant"
		awk -v run="$variant $run" '{ n[$2]++ }
			END { printf "%s: %d pass, %d skip, %d out, %d FAIL\n", run, n["pass"], n["skip"], n["out"],
				n["FAIL"] }' \
			"$test_dir/$run.$variant"
	done
	# Of each failure what is known about it, shortly.
	awk '/^===/ { n = 0 } /^===|FAILED|^ +[0-9]+\. |exit status [^0]/ && n++ < 6' \
		"$test_dir/failures.$variant"
done
passes=$(awk '!/^#/ { for (i = 2; i <= NF; i++) if ($i == "pass") { n++; break } } END { print n + 0 }' \
	"$test_dir/table")
echo "$total tests, $passes of them pass on a LUN"

if [[ ! ${CONFORMANCE_URLS-} ]]; then
	daemon_stop
fi
if [[ ${1-} == --update ]]; then
	cp "$test_dir/table" "$expected"
fi
if ! diff "$expected" "$test_dir/table" >"$test_dir/difference"; then
	echo "results differ from ${expected##*/} (<) :"
	cat "$test_dir/difference"
	bad=$((bad + 1))
fi
((total > 0)) || die "iscsi-test-cu lists no test"
((passes >= least_passes)) || die "fewer than $least_passes tests pass"
! grep -q FAIL "$expected" || die "${expected##*/} expects failures"
((bad == 0)) || die "$bad differences and wrong skips"
