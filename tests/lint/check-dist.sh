#!/bin/bash
# SPDX-License-Identifier: MIT
# The release tarball holds what git holds or would add, and no more than autotools adds.
. "$(dirname "$0")/../lib/functions.sh"
: "${MEMTGT_BUILD:?the build whose tarball is looked at}"
need git
[[ $(git -C "$MEMTGT_SRC" rev-parse --show-toplevel 2>/dev/null) == "$MEMTGT_SRC" ]] ||
	skip "the sources are no git checkout"

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
make -s -C "$MEMTGT_BUILD" distdir distdir="$work/tree" >"$work/log" 2>&1 || {
	tail -n 20 "$work/log"
	fail "make distdir"
}
(cd "$work/tree" && find . -type f | sed 's|^\./||' |
	grep -vE '^(configure|aclocal\.m4|Makefile\.in|build-aux/.*)$' | sort) >"$work/shipped"
# .gitignore is for checkouts only.
git -C "$MEMTGT_SRC" ls-files --cached --others --exclude-standard |
	grep -vE '(^|/)\.gitignore$' | sort >"$work/tracked"
diff "$work/tracked" "$work/shipped" || fail "git (<) and the tarball (>) differ"
looked_at "$(wc -l <"$work/shipped")" "files"
