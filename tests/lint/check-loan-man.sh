#!/bin/bash
# SPDX-License-Identifier: MIT
# The tables of memloan and its manual pages tell the same commands, options, states, findings and keys.
. "$(dirname "$0")/../lib/functions.sh"
cd "$MEMTGT_SRC"

commands=initiator-tools/commands.def
page=initiator-tools/memloan.pod
keys=initiator-tools/conf_keys.def
keys_page=initiator-tools/memloan.conf.pod

# The rows of a table as "MACRO, column, ...".
rows()
{
	sed -n "s/^\($1\)(\(.*\))\$/\1, \2/p" "$2"
}

# "move NAME", "donors: -s SIZE --size SIZE", "move: --to DONOR".
options()
{
	rows 'COMMAND\|OPTION' "$commands" | awk -F', *' '
		function bare(text) { gsub(/^"|"$/, "", text); return text }
		$1 == "COMMAND" {
			name[$2] = bare($3)
			print name[$2] ($4 == "\"\"" ? "" : " " bare($4))
		}
		$1 == "OPTION" {
			letter = $5 == "0" ? "" : substr($5, 2, 1)
			argument = bare($6)
			long = argument ~ /^\[/ ? "[=" substr(argument, 2) : argument == "" ? "" : " " argument
			text = (letter == "" ? "" : "-" letter (argument == "" ? "" : " " argument) " ") \
			       "--" bare($4) long
			if ($3 == "ALL")
				print text
			for (n = $3 == "ALL" ? 0 : split($3, whose, / *\| */); n; n--) {
				gsub(/^FOR\(|\)$/, "", whose[n])
				print name[whose[n]] ": " text
			}
		}' | sort
}

told_options()
{
	awk '
		/^=head1/ { commands = $2 == "COMMANDS"; all = $2 == "OPTIONS" }
		/^=head2/ { command = $2; if (commands) print substr($0, 8) }
		/^=item B<-/ && (commands || all) {
			text = substr($0, 7)
			while (match(text, /[BI]<[^>]*>/))
				text = substr(text, 1, RSTART - 1) \
				       substr(text, RSTART + 2, RLENGTH - 3) substr(text, RSTART + RLENGTH)
			sub(/, --/, " --", text)
			if (text !~ /^--version|^-h --help/)
				print (commands ? command ": " : "") text
		}' "$page" | sort
}

count=$(options | wc -l)
looked_at "$count" "commands and options"
(($(rows 'COMMAND\|OPTION' "$commands" | wc -l) == $(grep -cE '^(COMMAND|OPTION)\(' "$commands"))) ||
	fail "$commands has rows of another form"
diff <(options) <(told_options) || fail "$commands (<) and $page (>) differ"

# The states of donors, and of loans, in their order.
states=$(sed -n 's/^\tX([A-Z_]*, "\([^"]*\)".*/\1/p' initiator-tools/donor.h)
looked_at "$(wc -l <<<"$states")" "states"
diff <(echo "$states") <(sed -n '/^=head1 STATES/,/^=head1 JSON/s/^=item B<\(.*\)>$/\1/p' "$page") ||
	fail "initiator-tools/donor.h (<) and $page (>) differ"

states=$(sed -n 's/^\tX([A-Z_]*, *"\([^"]*\)".*/\1/p' initiator-tools/loan/look.h)
looked_at "$(wc -l <<<"$states")" "states of loans"
diff <(echo "$states") <(sed -n '/^=head1 LOANS/,/^=head1 AGENT/s/^=item B<\(.*\)>$/\1/p' "$page") ||
	fail "initiator-tools/loan/look.h (<) and $page (>) differ"

# The findings, in their order: "min-free (unsafe, --fix)".
findings=initiator-tools/check/findings.def
finding_rows()
{
	awk -F', *' '
		/^FINDING\(/ { severity = tolower($2); word = $3; gsub(/"/, "", word) }
		/^\tlook_/ { print word " (" severity ($2 ~ /^fix_none\)/ ? "" : ", --fix") ")" }' "$findings"
}

count=$(finding_rows | wc -l)
looked_at "$count" "findings"
((count == $(grep -c '^FINDING(' "$findings"))) || fail "$findings has rows of another form"
diff <(finding_rows) <(sed -n '/^=head1 FINDINGS/,/^=head1 EXIT/s/^=item B<\(.*\)> \((.*)\)$/\1 \2/p' "$page") ||
	fail "$findings (<) and $page (>) differ"

# "Top level: initiator (string, 1 to 223)".
key_rows()
{
	rows CONF "$keys" | awk -F', *' '
		function number(text)
		{
			sub(/^ISCSI_NAME_MAX$/, "223", text)
			sub(/^CONTROL_PATH_MAX$/, "107", text)
			sub(/^DONORS_MAX$/, "1024", text)
			sub(/^DONOR_NAME_MAX$/, "63", text)
			sub(/^DONOR_PORTALS_MAX$/, "8", text)
			sub(/^LOAN_NAME_MAX$/, "31", text)
			sub(/^LOAN_COPIES_MAX$/, "3", text)
			sub(/^LOAN_FROM_MAX$/, "8", text)
			sub(/^CONF_LOANS_MAX$/, "64", text)
			sub(/^CONFIG_SIZE_MAX$/, "64T", text)
			return text
		}
		BEGIN { place["TOP"] = "Top level"; place["DONOR"] = "donors"; place["LOAN"] = "loans" }
		{
			print place[$2] ": " $3 " (" tolower($4) ", " \
			      number($6) " to " number($7) ($5 == "REQ" ? ", required" : "") ")"
		}' | sort
}

told_keys()
{
	awk '
		/^=head1/ { keys = $2 == "KEYS" }
		/^=head2/ { scope = substr($0, 8) }
		keys && /^=item B</ {
			text = substr($0, 9)
			sub(/>/, "", text)
			print scope ": " text
		}' "$keys_page" | sort
}

count=$(key_rows | wc -l)
looked_at "$count" "keys"
((count == $(grep -c '^CONF(' "$keys"))) || fail "$keys has rows of another form"
diff <(key_rows) <(told_keys) || fail "$keys (<) and $keys_page (>) differ"

# "memloan_loan_copies (gauge; loan)".
metrics=initiator-tools/agent/metrics.def
metric_rows()
{
	rows METRIC "$metrics" | sed 's/^METRIC, *[A-Z_]*, *\([a-z_]*\), *\([a-z]*\), *"\([^"]*\)".*/\1 (\2; \3)/; s/; )/)/'
}

count=$(metric_rows | wc -l)
looked_at "$count" "metrics"
((count == $(grep -c '^METRIC(' "$metrics"))) || fail "$metrics has rows of another form"
diff <(metric_rows) <(sed -n '/^=head1 METRICS/,/^=head1 VIRTUAL/s/^=item B<\(.*\)> \(.*\)$/\1 \2/p' "$page") ||
	fail "$metrics (<) and $page (>) differ"

# What the agent decides.
decisions=$(sed -n '/define JUDGE_ACTS/,/^$/s/.*X([A-Z]*, "\([^"]*\)".*/\1/p' initiator-tools/agent/judge.h | grep -v '^nothing$')
looked_at "$(wc -l <<<"$decisions")" "decisions"
diff <(echo "$decisions") <(sed -n '/^=head1 AGENT/,/^=head1 METRICS/s/^=item B<\(.*\)>$/\1/p' "$page") ||
	fail "initiator-tools/agent/judge.h (<) and $page (>) differ"
