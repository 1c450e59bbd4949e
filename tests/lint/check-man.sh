#!/bin/bash
# SPDX-License-Identifier: MIT
# memtgtd(8) tells the options of `memtgtd --help` and the counters of the table, and the manual
# pages are sound.
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

# The table of counters and memtgtd(8), COUNTERS.
counters=$(sed -nE 's/^(COUNTER|CONN_END)\([A-Z_]+, *([a-z_]+),.*/\2/p' target/tbl/counters.def | sort)
looked_at "$(wc -w <<<"$counters")" "counters"
[[ $(wc -w <<<"$counters") == $(grep -cE '^(COUNTER|CONN_END)\(' target/tbl/counters.def) ]] ||
	fail "counters.def has rows of another form"
diff <(echo "$counters") <(sed -n '/^=head1 COUNTERS/,/^=head1 EXIT/s/^=item //p' target/memtgtd.pod |
	grep -oE '[a-z_]+' | sort) || fail "counters of the table (<) and of memtgtd(8) (>) differ"
