#!/bin/bash
# SPDX-License-Identifier: MIT
#
# borrowed-memory.sh - measures in a guest what docs/borrowed-memory.md shows, and makes its tables and
# pictures anew.
#
#	borrowed-memory.sh [apps|read|move...]	in a build's folder, after make all check-programs;
#						default: all three, about an hour
#
# Prints the tables. The rows of each round stay in the folder that it names at the end.
set -euo pipefail

src=${MEMTGT_SRC:-$(cd "$(dirname "$0")/../.." && pwd)}
out=$src/docs
export MEMTGT_BUILD=${MEMTGT_BUILD:-.}
export TEST_DIR=${TEST_DIR:-$(mktemp -d "${TMPDIR:-/tmp}/memtgt-bench.XXXXXX")}

# medians FILE KEYS COLUMN...: of rows that are equal in their first columns, of which one more tells the
# round: the medians of these columns, behind the first its least and its most. The order stays.
medians()
{
	local file=$1 keys=$2
	shift 2
	awk -F, -v keys="$keys" -v columns="$*" '
		function sorted(key, column, values, n, i, j, x) {
			n = split(seen[key, column], values, " ")
			for (i = 2; i <= n; i++) {
				x = values[i]
				for (j = i; j > 1 && values[j - 1] + 0 > x + 0; j--)
					values[j] = values[j - 1]
				values[j] = x
			}
			return n
		}
		NR == 1 { next }
		{
			key = $1
			for (i = 2; i <= keys; i++)
				key = key "," $i
			if (!(key in known)) { known[key]; order[++n_keys] = key }
			for (i = keys + 2; i <= NF; i++)
				seen[key, i] = seen[key, i] " " $i
		}
		END {
			n_columns = split(columns, column, " ")
			for (k = 1; k <= n_keys; k++) {
				row = order[k]
				for (c = 1; c <= n_columns; c++) {
					n = sorted(order[k], column[c], values)
					m = int((n + 1) / 2)
					row = row "," (n % 2 ? values[m] : (values[m] + values[m + 1]) / 2)
					if (c == 1)
						row = row "," values[1] "," values[n]
				}
				print row
			}
		}' "$file"
}

# markdown FILE: a table of it.
markdown()
{
	awk -F, '
		{ printf "|"; for (i = 1; i <= NF; i++) printf " %s |", $i; print "" }
		NR == 1 { printf "|"; for (i = 1; i <= NF; i++) printf "---|"; print "" }' "$1"
	echo
}

tables()
{
	case $1 in
	apps)
		echo program,swap,local_percent,seconds,least,most,faults
		medians "$TEST_DIR/bench-apps.csv" 3 5 6
		;;
	read)
		echo disk,reads,kib,kib_s,least,most,mean_us
		medians "$TEST_DIR/bench-read.csv" 3 5 7
		;;
	move) cat "$TEST_DIR/bench-phases.csv" ;;
	esac
}

# What the guest has measured, and its picture.
publish()
{
	local name=borrowed-$1
	tables "$1" >"$TEST_DIR/$name.csv"
	cp "$TEST_DIR/$name.csv" "$out/"
	if [[ $1 == move ]]; then
		cp "$TEST_DIR/bench-move.csv" "$out/$name-times.csv"
	fi
	(cd "$src" && gnuplot "docs/$name.gnuplot")
	markdown "$out/$name.csv"
}

(($# > 0)) || set -- apps read move
command -v gnuplot >/dev/null || { echo "gnuplot is missing" >&2 && exit 1; }
for part; do
	[[ $part =~ ^(apps|read|move)$ ]] || { sed -n '4,10s/^# \{0,1\}//p' "$0" >&2 && exit 2; }
done
for part; do
	"$src/tests/guest/run-guest" --verbose "bench-$part" >&2
	publish "$part"
done
echo "what was measured: $TEST_DIR; the load of this host at the end: $(cut -d' ' -f1-3 /proc/loadavg)"
