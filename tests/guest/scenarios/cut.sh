#!/bin/bash
# SPDX-License-Identifier: MIT
# cut.sh - the connection is cut while data is on its way, in writes and in reads: the initiator logs in
# again, and who writes or reads sees no error.
. "$(dirname "$0")/../inside/lib.sh"

# cut_during BYTES COMMAND...: cuts when so many bytes have passed; the command must not notice.
cut_during()
{
	local bytes=$1 accepted resets
	shift
	accepted=$(host accepted A) resets=$(host resets A)
	host cut A "$bytes"
	check "cut after $bytes bytes, the command ends well: ${1##*/}" "$@"
	equal "connections cut" $(($(host resets A) - resets)) 1
	at_least "new connections" $(($(host accepted A) - accepted)) 1
}

login A
disk=$(disk A 0)
mebibytes_of_noise 8 /tmp/noise
for bytes in 100 1000000 3333333 7777777; do
	mebibytes_of_noise 1 /tmp/more
	dd if=/tmp/more of=/tmp/noise bs=1M seek=3 conv=notrunc status=none
	cut_during $bytes dd if=/tmp/noise of="$disk" bs=256k oflag=direct
	check "what was written" compare /tmp/noise "$disk"
	cut_during $bytes compare /tmp/noise "$disk"
done
equal "replacement_timeout" "$(cat "$(session A)/recovery_tmo")" 120
