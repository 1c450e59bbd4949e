#!/bin/bash
# SPDX-License-Identifier: MIT
# The tables of the control socket and memtgt-control(7) tell the same methods, parameters with their
# limits, fields with their kinds, and error codes.
. "$(dirname "$0")/../lib/functions.sh"
cd "$MEMTGT_SRC"

table=target/tbl/control_methods.def
errors=target/tbl/control_errors.def
page=target/control/memtgt-control.pod

# Rows as "method", "method: parameter (limits)", "method: field (kind)", "error: code".
rows()
{
	sed -n 's/^\(CONTROL_[A-Z]*\)(\(.*\))$/\1, \2/p' "$table" "$errors" | awk -F', *' '
		function bytes(text)
		{
			sub(/^ISCSI_NAME_MAX$/, "223", text)
			sub(/^CONFIG_SERIAL_MAX$/, "20", text)
			sub(/^CONFIG_SIZE_MAX$/, "64T", text)
			return text
		}
		BEGIN {
			kind["TEXT"] = "text"
			kind["NUMBER"] = "number"
			kind["BYTES"] = "number of bytes"
			kind["SECONDS"] = "number of seconds"
			kind["FLAG"] = "true or false"
			what["TEXT"] = "text"
			what["UINT"] = "number"
			what["SIZE"] = "size"
			unit["TEXT"] = " bytes"
		}
		$1 == "CONTROL_METHOD" {
			name[$2] = substr($4, 2, length($4) - 2)
			print name[$2]
		}
		$1 == "CONTROL_PARAM" && $5 == "LOCAL" { next } # of memtgtctl(8)
		$1 == "CONTROL_PARAM" && $4 == "BOOL" {
			print name[$2] ": " $3 " (true or false" ($5 == "REQ" ? ", required" : "") ")"
		}
		$1 == "CONTROL_PARAM" && $4 != "BOOL" {
			print name[$2] ": " $3 " (" what[$4] ", " $6 " to " bytes($7) unit[$4] \
			      ($5 == "REQ" ? ", required" : "") ")"
		}
		$1 == "CONTROL_FIELD" { print name[$2] ": " $3 " (" kind[$4] ")" }
		$1 == "CONTROL_ERROR" { print "error: " $3 }
	' | sort
}

items()
{
	awk '
		/^=head1/ { methods = $2 == "METHODS"; errors = $2 == "ERRORS" }
		methods && /^=head2/ { method = $2; print method }
		/^=item B</ && (methods || errors) {
			text = substr($0, 9)
			sub(/>/, "", text)
			print (methods ? method : "error") ": " text
		}' "$page" | sort
}

count=$(rows | wc -l)
looked_at "$count" "methods, parameters, fields and errors"
((count == $(cat "$table" "$errors" | grep '^CONTROL_' | grep -vc ', *LOCAL,'))) || fail "the tables have rows of another form"
diff <(rows) <(items) || fail "the tables (<) and $page (>) differ"

# The limits of the protocol, as numbers.
limits=0
while read -r name value; do
	limits=$((limits + 1))
	grep -qE "(^|[^0-9])$value([^0-9]|\$)" "$page" || fail "$page does not tell $name, $value"
done < <(sed -nE 's/^#define (CONTROL_(REQUEST_MAX|DEPTH_MAX|CLIENTS_MAX|IDLE_S|PROTOCOL)) +([0-9]+)u?$/\1 \3/p' \
	include/memtgt/control.h)
looked_at "$limits" "limits"
((limits == 5)) || fail "include/memtgt/control.h has other limits than this check knows"
