#!/bin/bash
# SPDX-License-Identifier: MIT
# bench-move.sh - how long a program waits for its pages before, during and after moves of the swap on which
# they are: bench-move.csv, and bench-phases.csv, whose odd phases are moves.
# guest: 512
. "$(dirname "$0")/../inside/lib.sh"
. "$(dirname "$0")/../inside/loan.sh"
. "$(dirname "$0")/../inside/bench.sh"

mebibytes=32 # a quarter of them in memory
quiet=30     # seconds before, between and after the moves

phases_ended()
{
	(($(grep -c ^phase /tmp/touch) > $1))
}

# end_phase NUMBER [SIGNAL]
end_phase()
{
	kill -"${2:-USR1}" "$touch"
	wait_for "the end of phase $1" phases_ended "$1"
}

touches()
{
	[[ -s /tmp/touch ]]
}

end()
{
	kill -KILL "$touch" 2>/dev/null || true
	finish "$1"
}

echo 32768 >/proc/sys/vm/min_free_kbytes
prepare_memloan
know_donors A B C
prepare_group
check "borrow" memloan borrow 100M --from A
limit_memory $((mebibytes / 4))
in_group /job/appmem touch $mebibytes >/tmp/touch &
touch=$!
trap 'end $?' EXIT
wait_for "all pages are there" touches
phase=0
for to in A-B B-C; do
	sleep $quiet
	end_phase $phase
	check "move from ${to%-*} to ${to#*-}" memloan move swap --from "${to%-*}" --to "${to#*-}"
	end_phase $((phase + 1))
	phase=$((phase + 2))
done
sleep $quiet
end_phase $phase TERM
check "all pages were right" wait "$touch"

host table bench-move seconds,phase,touches,p50_us,p99_us,most_us
host table bench-phases phase,touches,p50_us,p99_us,most_us,bad
while IFS=, read -r word row; do
	if [[ $word == phase ]]; then
		echo "phase $row"
		host row bench-phases "$row"
	else
		host row bench-move "$word,$row"
	fi
done </tmp/touch
check "return" memloan return swap
remove_group
