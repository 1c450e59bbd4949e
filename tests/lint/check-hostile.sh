#!/bin/bash
# SPDX-License-Identifier: MIT
# tests/HOSTILE.md: each row names a test that exists, an issue, or says that there is no such thing
# here; and each bad_input_ test is named there.
. "$(dirname "$0")/../lib/functions.sh"
cd "$MEMTGT_SRC"

page=tests/HOSTILE.md
wrong=0
complain()
{
	echo "$page: $*" >&2
	wrong=$((wrong + 1))
}

mapfile -t sources < <(sources "tests/unit tests/integration" c)
mapfile -t tests < <(sed -n 's/^START_TEST(\([a-z0-9_]*\))$/\1/p' "${sources[@]}" | sort -u)
looked_at "${#tests[@]}" "tests"
declare -A exists
for name in "${tests[@]}"; do
	exists[$name]=1
done

rows=0
declare -A named
while IFS='|' read -r _ source _ _ where _; do
	rows=$((rows + 1))
	mapfile -t names < <(tr -s '\140' '\n' <<<"$where" | grep -xE '[a-z0-9]+(_[a-z0-9]+)+')
	for name in "${names[@]}"; do
		named[$name]=1
		[[ ${exists[$name]:-} ]] || complain "no test is named $name"
	done
	((${#names[@]})) || [[ $where == *"issue "[0-9]* || $where == *" no "* ]] ||
		complain "nothing is said of$source"
done < <(grep '^|' "$page" | tail -n +3)
looked_at "$rows" "rows"

for name in "${tests[@]}"; do
	[[ $name != bad_input_* || ${named[$name]:-} ]] || complain "$name has no row"
done
((wrong == 0)) || fail "$wrong faults"
