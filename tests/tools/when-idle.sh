#!/bin/bash
# SPDX-License-Identifier: MIT
#
# when-idle.sh - runs a command whose result is judged by the clock, once nothing else needs the CPUs.
#
#	when-idle.sh COMMAND [ARG...]
#
# Waits a while for that. On a machine that stays busy the command would measure the others: skipped.
set -euo pipefail

pressure=/proc/pressure/cpu

# Percent of the last ten seconds in which somebody waited for a CPU. 0: the kernel does not tell.
waited()
{
	local percent
	percent=$(sed -n 's/^some avg10=\([0-9]*\)\..*/\1/p' "$pressure" 2>/dev/null) || true
	echo "${percent:-0}"
}

for ((i = 0; $(waited) > 5; i++)); do
	if ((i == 60)); then
		echo "SKIP: other programs keep the CPUs busy"
		exit 77
	fi
	sleep 1
done
exec "$@"
