#!/bin/bash
# SPDX-License-Identifier: MIT
# loan.sh - memloan's command line: what it prints, how it ends, what it refuses, its completion.
set -euo pipefail

# shellcheck source=tests/lib/daemon.sh
. "${MEMTGT_SRC:-$(dirname "$0")/../..}/tests/lib/daemon.sh"
src=${MEMTGT_SRC:-$(dirname "$0")/../..}
build=${MEMTGT_BUILD:-.}
memloan=$build/initiator-tools/memloan
conf=$test_dir/memloan.conf
# shellcheck source=tests/lib/command.sh
. "${MEMTGT_SRC:-$(dirname "$0")/../..}/tests/lib/command.sh"
program=$memloan
[[ -x $memloan ]] || { echo "SKIP: memloan was not built, since libiscsi is missing"; exit 77; }

run 0 --version
has "$out" '^memloan [0-9]'
run 0 --help
has "$out" '^memloan donors: ' '--portal ADDRESS' '--watch\[=SECONDS\]' '-c, --config FILE'
run 2
has "$err" 'no command is given'
run 2 lend
run 2 donors --size 4.5G
has "$err" 'fractions are refused'
run 2 donors --timeout 0
run 2 donors --portal a:0
has "$err" 'a port is a number from 1 to 65535'
run 2 -c "$test_dir/missing.conf" donors
has "$err" 'missing\.conf'

# All mistakes of a configuration at once.
printf 'donors = ( { name = "a"; portals = [ "x:0" ]; },\n { portals = 1; } );\n' >"$conf"
run 2 -c "$conf" donors
has "$err" "^$conf:1: donors.\[0\].portals.\[0\]: " "^$conf:2: donors.\[1\].portals: " \
	"^$conf:2: donors.\[1\].name: missing"

# The example, and with what it proposes (names of .example are never known).
run 1 -c "$src/etc/memloan.conf" donors
sed 's/^#\([a-z]\|   \)/\1/' "$src/etc/memloan.conf" >"$conf"
run 1 -c "$conf" donors --timeout 1
has "$out" '^attic ' '^cellar '

daemon_start '{ id = 0; size = "8M"; }, { id = 1; size = "1G"; provisioning = "thin"; }'
printf 'donors = ( { name = "here"; portals = [ "127.0.0.1:%s" ]; } );\n' "$daemon_port" >"$conf"
run 1 -c "$conf" donors
has "$out" '^DONOR +STATE +FREE +LUNS +P50 +P99 +RATE +WHY$' '^here +this host +.*/2 '
run 1 -c "$conf" donors --long
has "$out" '^DONOR +TARGET +LUN +SIZE +KIND +READY +CLAIM +BY$' \
	"^here +$daemon_target +0 +8 MiB +full +yes " "^here +$daemon_target +1 +1 GiB +thin +yes "
run 1 -c "$conf" donors --json --size 1M --portal "localhost:$daemon_port"
has "$out" '"asked_bytes": 1048576' '"name": "here"' "\"name\": \"localhost:$daemon_port\"" \
	'"this_host": true' '"usable": false' '"size": 8388608'
if command -v python3 >/dev/null; then
	python3 -m json.tool "$test_dir/out" >/dev/null || die "no JSON"
	checks=$((checks + 1))
fi

# Again and again, until it is interrupted.
"$memloan" -c "$conf" donors --watch=1 >"$test_dir/out" 2>&1 &
watcher=$!
twice()
{
	(($(grep -c '^here ' "$test_dir/out") >= 2))
}
wait_until twice || die "--watch asks only once"
kill "$watcher"
status=0
wait "$watcher" || status=$?
((status == 143)) || die "exit status $status of an interrupted --watch"
daemon_stop

# Nobody reads what it prints.
status=0
"$memloan" -c "$conf" donors >/dev/full 2>"$test_dir/err" || status=$?
((status == 3)) || die "exit status $status with a full disk"
has "$(<"$test_dir/err")" 'cannot write'

# The agent, where there is no loan: it looks, tells, and ends.
run 2 -c "$test_dir/missing.conf" agent --once
if ((EUID == 0)); then
	printf 'donors = ();\nleg_timeout = 10;\nstate_dir = "%s";\n' "$test_dir/loans" >"$conf"
	run 0 -c "$conf" agent --once --dry-run --metrics "$test_dir/memloan.prom"
	has "$err" '^memloan: agent: watches the loans of .*; a donor may be silent for 10 s; nothing is done, only told$'
	has "$(<"$test_dir/memloan.prom")" '^memloan_agent_stalls_total 0$' '^# TYPE memloan_loan_copies gauge$'
fi

# The completion.
# shellcheck disable=SC1091
. "$build/initiator-tools/completion/memloan"
# complete_with WORD...: the last one is being typed; the proposals are in $out.
complete_with()
{
	COMP_WORDS=("$@") COMP_CWORD=$(($# - 1))
	_memloan
	out=${COMPREPLY[*]}
}
complete_with memloan d
[[ $out == donors ]] || die "completion of d: $out"
complete_with memloan donors --s
[[ $out == --size ]] || die "completion of donors --s: $out"
complete_with memloan donors --size ''
[[ ! $out ]] || die "completion of a size: $out"
checks=$((checks + 3))

echo "$checks checks passed"
