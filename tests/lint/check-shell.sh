#!/bin/bash
# SPDX-License-Identifier: MIT
# Shell scripts, with an ending or without, through shellcheck.
. "$(dirname "$0")/../lib/functions.sh"
need shellcheck

cd "$MEMTGT_SRC"
mapfile -t files < <(find bootstrap .ci etc tests initiator-tools -type f -print |
	while read -r file; do
		if [[ $file == *.sh ]] || head -n 1 "$file" 2>/dev/null | grep -aq '^#!.*sh$'; then
			echo "$file"
		fi
	done | sort)
looked_at "${#files[@]}" "scripts"
shellcheck --external-sources --source-path=SCRIPTDIR "${files[@]}" || fail "see above"
