#!/bin/bash
# SPDX-License-Identifier: MIT
# config.sh - memtgtd --check-config on the samples of tests/config: bad-*.conf make exactly the
# errors of bad-*.expected, good-*.conf none; nor does the installed example with all of its
# proposals taken.
. "${MEMTGT_SRC:-$(dirname "$0")/../..}/tests/lib/functions.sh"
: "${MEMTGT_BUILD:?the build whose memtgtd is asked}"
memtgtd=$(realpath "$MEMTGT_BUILD")/target/memtgtd
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

cd "$MEMTGT_SRC/tests/config"
good=0 bad=0
for conf in good-*.conf; do
	"$memtgtd" --check-config -c "$conf" >"$work/out" 2>&1 || fail "$conf: $(<"$work/out")"
	good=$((good + 1))
done
for conf in bad-*.conf; do
	status=0
	"$memtgtd" --check-config -c "$conf" >"$work/out" 2>"$work/err" || status=$?
	((status == 1)) || fail "$conf: exit status $status"
	diff "${conf%.conf}.expected" "$work/err" || fail "$conf: other errors (>) than expected (<)"
	bad=$((bad + 1))
done

# Prose follows "# "; a proposed setting follows "#" at once, or is indented.
sed 's/^#\([a-z@}]\|   \)/\1/' "$MEMTGT_SRC/etc/memtgtd.conf" >"$work/all.conf"
mkdir "$work/conf.d"
(($(grep -c '^#' "$work/all.conf") < $(grep -c '^#' "$MEMTGT_SRC/etc/memtgtd.conf"))) ||
	fail "etc/memtgtd.conf proposes nothing"
"$memtgtd" --check-config -c "$work/all.conf" || fail "etc/memtgtd.conf: a proposal is wrong"
looked_at "$((good + 1))" "right configurations"
looked_at "$bad" "wrong configurations"
