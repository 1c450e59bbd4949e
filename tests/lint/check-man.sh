#!/bin/bash
# SPDX-License-Identifier: MIT
# memtgtd(8) and `memtgtd --help` tell the same options, and the manual pages are sound.
. "$(dirname "$0")/../lib/functions.sh"
need podchecker
: "${MEMTGT_BUILD:?the build whose memtgtd is asked}"

mapfile -t pages < <(sources "target initiator-tools" pod)
looked_at "${#pages[@]}" "manual pages"
cd "$MEMTGT_SRC"
podchecker -warnings "${pages[@]}" || fail "see above"

options_in()
{
	grep -oE '(^|[^[:alnum:]-])--?[[:alpha:]][[:alnum:]-]*' | grep -oE -- '--?[[:alpha:]].*' | sort -u
}

told=$("$MEMTGT_BUILD/target/memtgtd" --help | options_in)
# An option's own entry: "=item B<-c> I<FILE>, B<--config> I<FILE>".
written=$(sed -n 's/^=item //p' target/memtgtd.pod | sed 's/[BICF]<\(-[^>]*\)>/\1/g' | grep '^-' |
	options_in)
diff <(echo "$told") <(echo "$written") ||
	fail "options of --help (<) and of memtgtd(8) (>) differ"
looked_at "$(wc -w <<<"$told")" "options"
