#!/bin/bash
# SPDX-License-Identifier: MIT
# freeze.sh - no byte passes for some seconds in the middle of a write, then all goes on where it was.
. "$(dirname "$0")/../inside/lib.sh"

passed_more_than()
{
	(($(host passed A) > $1))
}

# The initiator is not to give the connection up, however slow this machine is.
login A "node.conn[0].timeo.noop_out_timeout=600"
disk=$(disk A 0)
mebibytes_of_noise 16 /tmp/noise
connections=$(host accepted A)
begin=$(host passed A)
dd if=/tmp/noise of="$disk" bs=256k oflag=direct status=none &
writer=$!
wait_for "the write has begun" passed_more_than $((begin + 1000000))
host freeze A
frozen=$(host passed A)
sleep 4
equal "bytes that passed meanwhile" $(($(host passed A) - frozen)) 0
check "the write waits" kill -0 "$writer"
host thaw A
check "the write goes on" wait "$writer"
check "what was written" compare /tmp/noise "$disk"
equal "connections" "$(host accepted A)" "$connections"
