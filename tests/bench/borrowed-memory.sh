#!/bin/bash
# SPDX-License-Identifier: MIT
#
# borrowed-memory.sh - measures in a guest what docs/borrowed-memory.md shows, and makes its tables and
# pictures anew.
#
#	borrowed-memory.sh [PART...]	in a build's folder, after make all check-programs; a part is apps, read,
#					move, or host, which is without a guest; default: all, half an hour
#	TEST_DIR=DIR borrowed-memory.sh --tables [PART...]
#					only the tables and pictures, of what was measured in DIR
#
# Prints the tables. The rows of each round stay in the folder that it names at the end.
set -euo pipefail

src=${MEMTGT_SRC:-$(cd "$(dirname "$0")/../.." && pwd)}
out=$src/docs
export MEMTGT_BUILD=${MEMTGT_BUILD:-.}

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

# One row for what is equal in two columns; of each disk or swap "median (least-most)".
# pivot FILE COLUMN OTHER BESIDE SCALE [MORE]: BESIDE is the column that becomes many; MORE one that is
# told behind.
pivot()
{
	awk -F, -v a="$2" -v b="$3" -v beside="$4" -v scale="$5" -v more="${6-}" '
		function number(x) { x /= scale; return sprintf(x < 0.01 ? "%.4f" : x < 10 ? "%.2f" : "%.0f", x) }
		NR == 1 { head = $a " | " $b; next }
		!(($a, $b) in known) { known[$a, $b]; row[++rows] = $a SUBSEP $b }
		!($beside in place) { place[$beside]; column[++columns] = $beside }
		{
			cell[$a, $b, $beside] = number($4) " (" number($5) "-" number($6) ")" \
				(more ? ", " $more : "")
		}
		END {
			printf "| %s |", head
			for (c = 1; c <= columns; c++)
				printf " %s |", column[c]
			printf "\n|---|---|"
			for (c = 1; c <= columns; c++)
				printf "---|"
			for (r = 1; r <= rows; r++) {
				split(row[r], key, SUBSEP)
				printf "\n| %s | %s |", key[1], key[2]
				for (c = 1; c <= columns; c++)
					printf " %s |", cell[row[r], column[c]]
			}
			print ""
		}' "$1"
}

phases()
{
	echo '| phase | touches | p50, ms | p99, ms | longest, ms | bad pages |'
	echo '|---|---|---|---|---|---|'
	awk -F, 'NR > 1 {
		name = $1 % 2 ? "during move " ($1 + 1) / 2 : $1 ? "after it" : "before"
		printf "| %s | %d | %.1f | %.1f | %.0f | %d |\n", name, $2, $3 / 1e3, $4 / 1e3, $5 / 1e3, $6
	}' "$1"
}

# The table that people read.
markdown()
{
	case $1 in
	apps) pivot "$out/borrowed-apps.csv" 1 3 2 1 7 ;;
	read | host) pivot "$out/borrowed-$1.csv" 2 3 1 1024 ;;
	move) phases "$out/borrowed-move.csv" ;;
	esac
}

# Into docs/borrowed-memory.md, between the lines that hold it.
insert()
{
	local page=$out/borrowed-memory.md
	markdown "$1" >"$TEST_DIR/$1.md"
	awk -v begin="<!-- table $1 -->" -v table="$TEST_DIR/$1.md" '
		$0 == "<!-- end -->" { inside = 0 }
		!inside
		$0 == begin { inside = 1; while ((getline line <table) > 0) print line }' "$page" >"$TEST_DIR/page.md"
	cp "$TEST_DIR/page.md" "$page"
	cat "$TEST_DIR/$1.md"
}

tables()
{
	case $1 in
	apps)
		echo program,swap,local_percent,seconds,least,most,faults
		medians "$TEST_DIR/bench-apps.csv" 3 5 6 | sort -s -t, -k1,1r
		;;
	read)
		echo disk,reads,kib,kib_s,least,most,mean_us
		medians "$TEST_DIR/bench-read.csv" 3 5 7
		;;
	move) cat "$TEST_DIR/bench-phases.csv" ;;
	host)
		echo disk,reads,kib,kib_s,least,most
		medians "$TEST_DIR/bench-host.csv" 3 5
		;;
	esac
}

measure()
{
	if [[ $1 == host ]]; then
		"$src/tests/bench/read-host.sh" >"$TEST_DIR/bench-host.csv"
	else
		"$src/tests/guest/run-guest" --verbose "bench-$1" >&2
	fi
}

# What was measured, its picture and its table.
publish()
{
	local name=borrowed-$1
	tables "$1" >"$TEST_DIR/$name.csv"
	cp "$TEST_DIR/$name.csv" "$out/"
	if [[ $1 == move ]]; then
		cp "$TEST_DIR/bench-move.csv" "$out/$name-times.csv"
	fi
	[[ ! -e $out/$name.gnuplot ]] || (cd "$src" && gnuplot "docs/$name.gnuplot")
	insert "$1"
}

measured=''
[[ ${1-} != --tables ]] || { measured=yes && shift; }
(($# > 0)) || set -- apps read move host
command -v gnuplot >/dev/null || { echo "gnuplot is missing" >&2 && exit 1; }
for part; do
	[[ $part =~ ^(apps|read|move|host)$ ]] || { sed -n '4,13s/^# \{0,1\}//p' "$0" >&2 && exit 2; }
done
export TEST_DIR=${TEST_DIR:-$(mktemp -d "${TMPDIR:-/tmp}/memtgt-bench.XXXXXX")}
for part; do
	[[ $measured ]] || measure "$part"
	publish "$part"
done
echo "what was measured: $TEST_DIR; this host's load now: $(cut -d' ' -f1-3 /proc/loadavg)"
