#!/bin/bash
# SPDX-License-Identifier: MIT
#
# with-hugepages.sh - runs a command while the host lends that many more hugepages of 2 MiB.
#
#	with-hugepages.sh PAGES COMMAND [ARG...]
#
# Surplus pages: nothing is reserved. What others change meanwhile stays.
set -euo pipefail

setting=/proc/sys/vm/nr_overcommit_hugepages

change()
{
	echo $(($(<"$setting") + $1)) 2>/dev/null >"$setting"
}

pages=$1
shift
if ! change "$pages"; then
	echo "hugepages: $setting cannot be written"
	exit 77
fi
trap 'change "-$pages"' EXIT
"$@"
