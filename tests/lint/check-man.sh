#!/bin/bash
# SPDX-License-Identifier: MIT
# Each program's manual page tells the options of its --help, memtgtctl(8) its commands, memtgtd(8)
# the counters of the table; and the manual pages are sound. (memloan's tables: check-loan-man.sh.)
. "$(dirname "$0")/../lib/functions.sh"
need podchecker
: "${MEMTGT_BUILD:?the build whose programs are asked}"

mapfile -t pages < <(sources "target initiator-tools" pod)
looked_at "${#pages[@]}" "manual pages"
cd "$MEMTGT_SRC"
podchecker -warnings "${pages[@]}" || fail "see above"

options_in()
{
	grep -oE '(^|[^[:alnum:]-])--?[[:alpha:]][[:alnum:]-]*' | grep -oE -- '--?[[:alpha:]].*' | sort -u
}

# The program and its page. An option's own entry: "=item B<-c> I<FILE>, B<--config> I<FILE>".
check_options()
{
	local told written
	told=$("$MEMTGT_BUILD/$1" --help | sed '/^Commands/,$d' | options_in)
	written=$(sed -n 's/^=item //p' "$2" | sed 's/[BICF]<\(-[^>]*\)>/\1/g' | grep '^-' | options_in)
	diff <(echo "$told") <(echo "$written") || fail "options of $1 --help (<) and of $2 (>) differ"
	looked_at "$(wc -w <<<"$told")" "options"
}

check_options target/memtgtd target/memtgtd.pod
check_options target/memtgtctl/memtgtctl target/memtgtctl/memtgtctl.pod
check_options initiator-tools/memloan initiator-tools/memloan.pod

# "  lun list [TARGET]    the LUNs" and "=item B<lun list> [I<TARGET>]".
commands=$("$MEMTGT_BUILD/target/memtgtctl/memtgtctl" --help |
	sed -n '/^Commands/,/^$/s/^  \([^ ].*\)/\1/p' | sed 's/  .*//')
looked_at "$(wc -l <<<"$commands")" "commands"
diff <(echo "$commands") <(sed -n '/^=head1 COMMANDS/,/^=head1 EXIT/s/^=item //p' \
	target/memtgtctl/memtgtctl.pod | sed 's/[BI]<\([^>]*\)>/\1/g') ||
	fail "commands of memtgtctl --help (<) and of memtgtctl(8) (>) differ"

# The table of counters and memtgtd(8), COUNTERS.
counters=$(sed -nE 's/^(COUNTER|CONN_END)\([A-Z_]+, *([a-z_]+),.*/\2/p' target/tbl/counters.def | sort)
looked_at "$(wc -w <<<"$counters")" "counters"
[[ $(wc -w <<<"$counters") == $(grep -cE '^(COUNTER|CONN_END)\(' target/tbl/counters.def) ]] ||
	fail "counters.def has rows of another form"
diff <(echo "$counters") <(sed -n '/^=head1 COUNTERS/,/^=head1 EXIT/s/^=item //p' target/memtgtd.pod |
	grep -oE '[a-z_]+' | sort) || fail "counters of the table (<) and of memtgtd(8) (>) differ"
