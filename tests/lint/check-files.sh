#!/bin/bash
# SPDX-License-Identifier: MIT
# What the build's lists name is there, and what is there is named: a source that no makefile lists
# is not built, and a test that none lists is not run.
. "$(dirname "$0")/../lib/functions.sh"

cd "$MEMTGT_SRC"
mapfile -t files < <(sources "target include tests initiator-tools" c h def)
wrong=0
for file in "${files[@]}"; do
	name=${file##*/}
	# As a file of any makefile below the same top folder, or as a program made from it.
	if ! grep -rqE --include='*.mk' "(^|[[:space:]/])(${name//./\\.}|${name%.c})([[:space:]]|\$)" \
		"${file%%/*}"; then
		echo "$file: no local.mk names it" >&2
		wrong=$((wrong + 1))
	fi
done
looked_at "${#files[@]}" "files"

# A row of a test that has gone, or a test script without a row.
tests=0
while read -r script; do
	tests=$((tests + 1))
	grep -q "${script#tests/}" tests/tests.list || {
		echo "$script: not in tests/tests.list" >&2
		wrong=$((wrong + 1))
	}
done < <(find tests/lint tests/integration tests/conformance -name '*.sh' | sort)
looked_at "$tests" "test scripts"
((wrong == 0)) || fail "$wrong faults"
