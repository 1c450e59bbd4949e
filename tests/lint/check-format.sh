#!/bin/bash
# SPDX-License-Identifier: MIT
# The sources are as clang-format 14 makes them: other versions differ in details.
. "$(dirname "$0")/../lib/functions.sh"
cd "$MEMTGT_SRC"

format=
for tool in clang-format-14 clang-format; do
	if command -v "$tool" >/dev/null && [[ $("$tool" --version) == *"version 14."* ]]; then
		format=$tool
		break
	fi
done
[[ $format ]] || skip "clang-format 14 is not installed"

mapfile -t files < <(sources "include target tests initiator-tools" c h)
looked_at "${#files[@]}" "files"
"$format" --dry-run -Werror "${files[@]}" || fail "run: $format -i FILE"
