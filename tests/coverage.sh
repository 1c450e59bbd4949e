#!/bin/bash
# SPDX-License-Identifier: MIT
#
# coverage.sh - which lines the tests reach, by folder, from lcov's coverage.info.
#
#	coverage.sh INFO MISSING
#
# Prints a line for each folder of target/, writes to MISSING each line that no test reaches, with its
# text, and fails if a folder that peers speak to has less than `least` per cent.
set -euo pipefail

src=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
least=90
spoken_to='control iscsi pdu scsi'

# "FOLDER FILE LINE COUNT" of each line that has code.
lines_of()
{
	awk -v root="$src/" '
		/^SF:/ {
			file = substr($0, 4)
			if (index(file, root) != 1) file = ""
			else file = substr(file, length(root) + 1)
			n = split(file, part, "/")
			folder = n > 2 ? part[2] : "."
		}
		/^DA:/ && file ~ /^target\// {
			split(substr($0, 4), da, ",")
			print folder, file, da[1], da[2]
		}' "$1"
}

by_folder()
{
	awk -v least="$least" -v must="$spoken_to" '
		{ all[$1]++; if ($4 > 0) hit[$1]++ }
		END {
			split(must, names, " ")
			for (i in names) needed[names[i]] = 1
			for (f in all) {
				rate = 100 * hit[f] / all[f]
				bad = f in needed && rate < least
				if (bad) failed = 1
				printf "%-8s %5.1f %% of %4d lines%s\n", f, rate, all[f], \
					bad ? ", too few" : ""
			}
			for (f in needed) {
				if (f in all) continue
				failed = 1
				printf "%-8s has no lines\n", f
			}
			exit failed
		}'
}

# The text beside each line, for who reads the list.
missing()
{
	local file line
	awk '$4 == 0 { print $2, $3 }' | sort -k1,1 -k2,2n | while read -r file line; do
		printf '%s:%s:%s\n' "$file" "$line" "$(sed -n "${line}p" "$src/$file")"
	done
}

lines_of "$1" | missing >"$2"
lines_of "$1" | by_folder | sort
echo "$(wc -l <"$2") lines that no test reaches are in $2"
