# shellcheck shell=bash
# functions.sh - what test scripts share. Source it:
#
#	. "$(dirname "$0")/../lib/functions.sh"
#
# MEMTGT_SRC is the source tree; MEMTGT_BUILD, where a script needs one, a build.

set -euo pipefail
MEMTGT_SRC=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
export LC_ALL=C

fail()
{
	printf 'FAIL: %s\n' "$*" >&2
	exit 1
}

# Missing is a tool or a right, not the thing that is tested.
skip()
{
	printf 'SKIP: %s\n' "$*"
	exit 77
}

need()
{
	local tool
	for tool; do
		command -v "$tool" >/dev/null || skip "$tool is not installed"
	done
}

# Files of the source tree below these folders with these endings, sorted: sources "target include" c h
sources()
{
	local folder folders='' ending match=()
	for folder in $1; do
		[[ ! -d $MEMTGT_SRC/$folder ]] || folders+=" $folder"
	done
	shift
	for ending; do
		match+=(-o -name "*.$ending")
	done
	cd "$MEMTGT_SRC"
	# shellcheck disable=SC2086
	find $folders \( "${match[@]:1}" \) -type f -print | sort
}

# The last line of a check: how many things it looked at. None is a failure.
looked_at()
{
	(($1 > 0)) || fail "looked at no $2: the check is broken"
	printf 'looked at %d %s\n' "$1" "$2"
}
