#!/bin/bash
# SPDX-License-Identifier: MIT
# Static analysis by cppcheck. cppcheck-suppressions.txt says why a finding is not one.
. "$(dirname "$0")/../lib/functions.sh"
need cppcheck

cd "$MEMTGT_SRC"
mapfile -t files < <(sources "target tests/lib tests/tools tests/fuzz initiator-tools" c)
looked_at "${#files[@]}" "files"
# From 2.11 on a level to choose: the quicker one leaves branches out, and says so of each file.
level=()
if [[ $(cppcheck --help) == *--check-level* ]]; then
	level=(--check-level=exhaustive)
fi
cppcheck --quiet "${level[@]}" --std=c11 --enable=warning,portability,performance --error-exitcode=1 \
	--inline-suppr --suppressions-list=tests/lint/cppcheck-suppressions.txt \
	-D_GNU_SOURCE -D__GNUC__=12 -D__STDC_VERSION__=201112L '-DSYSCONFDIR="/etc"' \
	-Iinclude -Itarget -Itests -I. \
	--template='{file}:{line}: {severity}: {message} [{id}]' "${files[@]}" ||
	fail "see above"
