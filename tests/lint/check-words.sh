#!/bin/bash
# SPDX-License-Identifier: MIT
# Open work is an issue, not a comment; and every source says its licence in its first lines.
. "$(dirname "$0")/../lib/functions.sh"
cd "$MEMTGT_SRC"

# Written so that this file does not hold the words.
words='XX[X]|TO[D]O|FIXM[E]|HAC[K]'
mapfile -t files < <(sources "include target tests initiator-tools etc bootstrap .ci" \
	c h def sh py mk pod conf bootstrap run)
looked_at "${#files[@]}" "files"
wrong=0
if grep -nHE "\\b($words)\\b" "${files[@]}" >&2; then
	wrong=1
fi
for file in "${files[@]}"; do
	case $file in
	tests/lib/functions.sh) continue ;; # begins with a line for shellcheck
	*.c | *.h | *.sh | *.py) ;;
	*) continue ;;
	esac
	{ read -r first && read -r second; } <"$file" || true
	if [[ "$first$second" != *"SPDX-License-Identifier: MIT"* ]]; then
		echo "$file: no SPDX-License-Identifier in its first two lines" >&2
		wrong=1
	fi
done
((wrong == 0)) || fail "see above"
