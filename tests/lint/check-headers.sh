#!/bin/bash
# SPDX-License-Identifier: MIT
# Each header compiles alone, and has a guard that is named for its file.
. "$(dirname "$0")/../lib/functions.sh"
cd "$MEMTGT_SRC"
need gcc clang

flags=(-std=gnu11 -D_GNU_SOURCE -Wall -Wextra -Werror -fsyntax-only -Iinclude -Itarget -Itests -I.)
headers=0 wrong=0
while read -r header; do
	headers=$((headers + 1))
	name=${header##*/}
	guard=${name%.h}
	guard=${guard^^}_H
	guard=${guard//-/_}
	if ! grep -qE "^#ifndef MEMTGT_([A-Z]+_)?${guard}\$" "$header"; then
		echo "$header: has no guard MEMTGT_$guard" >&2
		wrong=$((wrong + 1))
	fi
	for cc in gcc clang; do
		# Twice, so that a header without a working guard shows.
		printf '#include "%s"\n' "$PWD/$header" "$PWD/$header" |
			"$cc" "${flags[@]}" -I"$(dirname "$header")" -x c - ||
			wrong=$((wrong + 1))
	done
done < <(sources "include target tests initiator-tools" h)

looked_at "$headers" "headers"
((wrong == 0)) || fail "$wrong faults"
