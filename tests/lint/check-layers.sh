#!/bin/bash
# SPDX-License-Identifier: MIT
# Includes go one way: a folder of target/, or initiator-tools/, may include only itself and what the table
# allows.
. "$(dirname "$0")/../lib/functions.sh"
cd "$MEMTGT_SRC"

# Folder: what it may include besides itself. memtgt/ is include/memtgt, which knows no folder.
declare -A may=(
	[memtgt]=""
	[base]="memtgt"
	[tbl]="memtgt"
	[store]="memtgt base"
	[pressure]="memtgt base"
	[scsi]="memtgt base tbl store"
	[pdu]="memtgt base tbl"
	[reactor]="memtgt base tbl"
	[iscsi]="memtgt base tbl reactor pdu scsi"
	[state]="memtgt base"
	[luns]="memtgt base tbl store scsi iscsi state"
	[keeper]="memtgt base"
	[spill]="memtgt base tbl store scsi luns state"
	[upgrade]="memtgt base store"
	[shortage]="memtgt base tbl store pressure iscsi"
	[control]="memtgt base tbl store scsi pdu iscsi reactor luns shortage state upgrade"
	[memtgtctl]="memtgt base tbl control"
	[initiator-tools]="memtgt base tbl"
	[top]="memtgt base tbl store scsi pdu iscsi reactor control luns shortage state upgrade spill keeper"
)
# The reader of the configuration is made from a table.
may[base]+=" tbl"

layer_of()
{
	case $1 in
	include/memtgt/*) echo memtgt ;;
	initiator-tools/*) echo initiator-tools ;;
	target/*/*)
		local folder=${1#target/}
		echo "${folder%%/*}"
		;;
	target/shortage*) echo shortage ;;
	target/*) echo top ;;
	esac
}

files=0 includes=0 wrong=0
while read -r file; do
	layer=$(layer_of "$file")
	files=$((files + 1))
	[[ -v "may[$layer]" ]] || fail "$file: the folder is not in the table of this check"
	while IFS=: read -r line included; do
		includes=$((includes + 1))
		to=${included%/*}
		if [[ $included != */* ]]; then # beside it, or beside the folders
			to=nowhere
			[[ ! -f ${file%/*}/$included ]] || to=$(layer_of "${file%/*}/$included")
			[[ $to != nowhere || ! -f target/$included ]] || to=$(layer_of "target/$included")
		fi
		[[ $to != initiator-tools/* ]] || to=initiator-tools
		if [[ " $layer ${may[$layer]} " != *" $to "* ]]; then
			echo "$file:$line: $layer may not include \"$included\"" >&2
			wrong=$((wrong + 1))
		fi
	done < <(sed -n 's/^#[[:space:]]*include[[:space:]]*"\([^"]*\)".*/\1/;t found;b;:found;=;p' \
		"$MEMTGT_SRC/$file" | paste -d: - -)
done < <(sources "target include initiator-tools" c h def)

looked_at "$files" "files"
looked_at "$includes" "includes"
((wrong == 0)) || fail "$wrong includes go the wrong way"
