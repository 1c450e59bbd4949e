#!/bin/bash
# SPDX-License-Identifier: MIT
#
# qd32.sh - 4 KiB random reads, queue depth 32, one client: memtgtd beside tgt.
#
#	qd32.sh [ROUNDS [SECONDS]]	default: 5 rounds of 5 s for each
#
# Both run at once, idle but for the one that is measured, in turns; servers on CPU 0, the client
# (fio with the libiscsi engine) on CPU 1; cubic congestion control while it runs; both serve 256 MiB
# that were written before. Prints a Markdown table of the medians, with the lowest and the highest.
set -euo pipefail

src=${MEMTGT_SRC:-$(cd "$(dirname "$0")/../.." && pwd)}
# shellcheck source=tests/lib/daemon.sh
. "$src/tests/lib/daemon.sh"
rounds=${1:-5} seconds=${2:-5}
size=256M
requires taskset tgtd tgtadm
fio=$("$src/tests/bench/fio-libiscsi.sh")

tgt_pid='' tgt_file='' old_congestion=''
restore()
{
	if [[ $tgt_pid ]]; then
		kill -KILL "$tgt_pid" 2>/dev/null || true
	fi
	rm -f "$tgt_file"
	if [[ $old_congestion ]]; then
		sysctl -q -w net.ipv4.tcp_congestion_control="$old_congestion"
	fi
	daemon_cleanup
}
trap restore EXIT

use_cubic()
{
	old_congestion=$(sysctl -n net.ipv4.tcp_congestion_control)
	if ! sysctl -q -w net.ipv4.tcp_congestion_control=cubic 2>/dev/null; then
		echo "not root: measured with $old_congestion, not cubic" >&2
		old_congestion=
	fi
}

tgtadm_ours()
{
	tgtadm -C "$tgt_control" --lld iscsi "$@"
}

tgt_answers()
{
	tgtadm_ours --op show --mode sys >/dev/null 2>&1
}

# tgt has no port 0: a free one is looked for.
start_tgt()
{
	local name=iqn.2026-01.org.memtgt:tgt
	tgt_port=$((20000 + RANDOM % 10000))
	while [[ $(ss -Hltn "sport = :$tgt_port") ]]; do
		tgt_port=$((tgt_port + 1))
	done
	tgt_control=$tgt_port
	tgt_file=$(mktemp /dev/shm/memtgt-bench.XXXXXX)
	truncate -s "$size" "$tgt_file"
	taskset -c 0 tgtd -f -C "$tgt_control" --iscsi "portal=127.0.0.1:$tgt_port" \
		>"$test_dir/tgtd.log" 2>&1 &
	tgt_pid=$!
	wait_until tgt_answers || die "tgtd does not answer: $(cat "$test_dir/tgtd.log")"
	tgtadm_ours --op new --mode target --tid 1 --targetname "$name"
	tgtadm_ours --op new --mode logicalunit --tid 1 --lun 1 --backing-store "$tgt_file"
	tgtadm_ours --op bind --mode target --tid 1 --initiator-address ALL
	tgt_url=iscsi://127.0.0.1:$tgt_port/$name/1
}

start_memtgt()
{
	daemon_config "{ id = 0; size = \"$size\"; }" 'reactor = { count = 1; };' \
		>"$test_dir/memtgtd.conf"
	taskset -c 0 "$daemon_program" -c "$test_dir/memtgtd.conf" 2>"$daemon_log" &
	daemon_pid=$!
	wait_until daemon_ready_or_dead || die "memtgtd did not become ready"
	daemon_port=$(sed -n 's/^memtgtd: ready on 127\.0\.0\.1:\([0-9]*\)$/\1/p' "$daemon_log")
	[[ $daemon_port ]] || die "memtgtd ended before it was ready"
	daemon_url=iscsi://127.0.0.1:$daemon_port/$daemon_target/0
}

# Nanoseconds that all threads of a process have run.
cpu_ns()
{
	cat /proc/"$1"/task/*/schedstat | awk '{ n += $1 } END { printf "%.0f\n", n }'
}

run_fio()
{
	(cd "$test_dir" && taskset -c 1 timeout 300 "$fio" --name=x --thread --ioengine=libiscsi \
		--filename="${1//:/\\:}" --bs="$2" --iodepth="$3" "${@:4}" --output-format=json \
		2>>"$test_dir/fio.err")
}

# A number of fio's JSON: of the first key after the given ones, each searched after the one before.
json_number()
{
	local file=$1
	shift
	awk -v path="$*" '
		BEGIN { n = split(path, want, " "); i = 1 }
		index($0, "\"" want[i] "\"") {
			if (i < n) { i++; next }
			sub(/.*: */, ""); sub(/,.*/, ""); print; exit
		}' "$file"
}

# measure NAME PID URL: adds "kIOPS us-per-IO p50 p99" to the name's file.
measure()
{
	local before after ios
	before=$(cpu_ns "$2")
	run_fio "$3" 4k 32 --rw=randread --size="$size" --time_based --runtime="$seconds" \
		--randrepeat=0 --norandommap >"$test_dir/fio.json"
	after=$(cpu_ns "$2")
	ios=$(json_number "$test_dir/fio.json" read total_ios)
	[[ $ios && $ios -gt 0 ]] || die "fio read nothing: $(cat "$test_dir/fio.err")"
	awk -v ios="$ios" -v cpu="$((after - before))" \
		-v ms="$(json_number "$test_dir/fio.json" read runtime)" \
		-v p50="$(json_number "$test_dir/fio.json" read clat_ns percentile 50.000000)" \
		-v p99="$(json_number "$test_dir/fio.json" read clat_ns percentile 99.000000)" \
		'BEGIN { print ios / ms, cpu / ios / 1000, p50 / 1000, p99 / 1000 }' >>"$test_dir/$1.rounds"
}

# spread NAME COLUMN DIGITS: "median (lowest-highest)"
spread()
{
	cut -d' ' -f"$2" "$test_dir/$1.rounds" | sort -g | awk -v f="%.$3f" '
		{ v[NR] = $1 }
		END {
			m = NR % 2 ? v[(NR + 1) / 2] : (v[NR / 2] + v[NR / 2 + 1]) / 2
			printf f " (" f "-" f ")", m, v[1], v[NR]
		}'
}

row()
{
	printf '| %s | %s | %s | %s | %s |\n' "$1" "$(spread "$1" 1 1)" "$(spread "$1" 2 2)" \
		"$(spread "$1" 3 0)" "$(spread "$1" 4 0)"
}

(($(nproc) > 1)) || die "needs two CPUs"
use_cubic
start_memtgt
start_tgt
for url in "$daemon_url" "$tgt_url"; do
	run_fio "$url" 1M 4 --rw=write --size="$size" >/dev/null
done
for ((i = 0; i < rounds; i++)); do
	measure memtgtd "$daemon_pid" "$daemon_url"
	measure tgt "$tgt_pid" "$tgt_url"
done

echo "4 KiB random read, queue depth 32, one client; $rounds rounds of $seconds s, in turns;" \
	"median (lowest-highest); load at the end: $(cut -d' ' -f1 /proc/loadavg)"
echo
echo '| target | kIOPS | server CPU per I/O, us | p50, us | p99, us |'
echo '|---|---|---|---|---|'
row memtgtd
row tgt
awk -v a="$(spread tgt 2 4)" -v b="$(spread memtgtd 2 4)" \
	'BEGIN { printf "\ntgt needs %.1f times the CPU of memtgtd for an I/O\n", a / b }'
daemon_stop
