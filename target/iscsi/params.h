/* SPDX-License-Identifier: MIT */
/* params.h - what a login agreed on. RFC 7143 13. */
#ifndef MEMTGT_PARAMS_H
#define MEMTGT_PARAMS_H

#include <stdbool.h>
#include <stdint.h>

#include "memtgt/iscsi_proto.h"

struct iscsi_params {
	char initiator_name[ISCSI_NAME_MAX + 1];
	char initiator_alias[256];
	char target_name[ISCSI_NAME_MAX + 1]; /* empty in a discovery session */
	bool discovery;
	bool header_digest, data_digest;       /* CRC32C */
	uint32_t max_recv_data_segment_length; /* ours: what the initiator may send */
	uint32_t max_xmit_data_segment_length; /* the initiator's MaxRecvDataSegmentLength */
	uint32_t max_burst_length, first_burst_length;
	uint32_t max_outstanding_r2t;
	bool initial_r2t, immediate_data;
	uint32_t default_time2wait, default_time2retain;
	uint32_t protocol_level; /* iSCSIProtocolLevel: 2 brings RFC 7144 */
};

#endif
