#!/bin/bash
# SPDX-License-Identifier: MIT
# The table of keys and memtgtd.conf(5) tell the same keys, and the same limits and defaults.
. "$(dirname "$0")/../lib/functions.sh"
cd "$MEMTGT_SRC"

table=target/tbl/config_keys.def
page=target/memtgtd.conf.pod

# Scopes of the table by the headings of the page.
heading='
	function heading(scope)
	{
		if (scope == "TOP") return "Top level"
		if (scope == "PORTAL") return "portals"
		if (scope == "TARGET") return "targets"
		if (scope == "LUN") return "luns"
		if (scope == "RULE") return "access"
		if (scope == "SECRETS") return "The file of secrets"
		if (scope == "CREDENTIAL") return "credentials"
		if (scope == "SHOWN") return "luns of a rule"
		return tolower(scope)
	}'

# Rows as "heading: key", and what the page must say of plain numbers.
rows()
{
	sed -n 's/^\(CONFIG_[A-Z]*\)(\(.*\))$/\1, \2/p' "$table" | awk -F', *' "$heading"'
		function number(text)
		{
			sub(/^ISCSI_PORT$/, "3260", text)
			sub(/^CONFIG_CPUS_MAX$/, "256", text)
			sub(/^CONFIG_GROUP_MAX$/, "63", text)
			return text
		}
		{
			says = ""
			if ($1 == "CONFIG_NUM" && $4 == "UINT" && $3 != "block_size")
				says = " (number, " number($7) " to " number($8) ", " \
				       ($5 == "REQ" ? "required" : $3 == "as" ? "default: id" : \
					"default " number($9)) ")"
			print heading($2) ": " $3 says
		}' | sort
}

# Items of the page in the same form: text behind the key only where rows() says some.
items()
{
	awk "$heading"'
		/^=head1/ { keys = $2 == "KEYS" }
		/^=head2/ { scope = substr($0, 8) }
		keys && /^=item B</ {
			key = substr($2, 3, length($2) - 3)
			says = ""
			if ($3 == "(number," && $5 == "to")
				says = substr($0, length("=item ") + length($2) + 1)
			print scope ": " key says
		}' "$page" | sort
}

keys=$(rows | wc -l)
looked_at "$keys" "keys"
((keys == $(grep -c '^CONFIG_' "$table"))) || fail "$table has rows of another form"
diff <(rows) <(items) || fail "$table (<) and $page (>) differ"
