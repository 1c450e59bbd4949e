/* SPDX-License-Identifier: MIT */
/*
 * iscsi_proto.h - the PDUs of RFC 7143 section 11, as they lie on the wire.
 *
 * Field names follow the RFC's. Every header is 48 bytes (11.2.1).
 */
#ifndef MEMTGT_ISCSI_PROTO_H
#define MEMTGT_ISCSI_PROTO_H

#include "memtgt/wire.h"

#define ISCSI_BHS_LEN	     48u
#define ISCSI_DIGEST_LEN     4u
#define ISCSI_AHS_MAX	     (255u * 4u)
#define ISCSI_TAG_NONE	     0xffffffffu /* reserved ITT and TTT */
#define ISCSI_NAME_MAX	     223u	 /* 4.2.7.1, without the NUL */
#define ISCSI_LOGIN_DATA_MAX 8192u	 /* default MaxRecvDataSegmentLength, 13.12 */
#define ISCSI_PORT	     3260u
#define ISCSI_PAD(n)	     (-(size_t)(n)&3u) /* bytes that fill n up to a word, 11.2.3 */

/* 11.2.1.2: opcodes. Bit 6 of the first byte is I, immediate delivery. */
enum iscsi_opcode {
	ISCSI_OP_NOP_OUT = 0x00,
	ISCSI_OP_SCSI_CMD = 0x01,
	ISCSI_OP_TMF_REQ = 0x02,
	ISCSI_OP_LOGIN_REQ = 0x03,
	ISCSI_OP_TEXT_REQ = 0x04,
	ISCSI_OP_DATA_OUT = 0x05,
	ISCSI_OP_LOGOUT_REQ = 0x06,
	ISCSI_OP_SNACK_REQ = 0x10,
	ISCSI_OP_NOP_IN = 0x20,
	ISCSI_OP_SCSI_RSP = 0x21,
	ISCSI_OP_TMF_RSP = 0x22,
	ISCSI_OP_LOGIN_RSP = 0x23,
	ISCSI_OP_TEXT_RSP = 0x24,
	ISCSI_OP_DATA_IN = 0x25,
	ISCSI_OP_LOGOUT_RSP = 0x26,
	ISCSI_OP_R2T = 0x31,
	ISCSI_OP_ASYNC = 0x32,
	ISCSI_OP_REJECT = 0x3f,
};
#define ISCSI_OP_MASK	0x3fu
#define ISCSI_IMMEDIATE 0x40u
#define ISCSI_FINAL	0x80u /* F bit of byte 1 */

/* The fields every header has. 11.2.1 */
struct bhs {
	uint8_t opcode, flags, specific[2], ahs_words;
	be24 data_len;
	uint8_t lun[8];
	be32 itt;
	uint8_t rest[28];
};
WIRE_SIZE(struct bhs, 48);
WIRE_AT(struct bhs, itt, 16);

/* 11.3 SCSI Command */
#define ISCSI_CMD_READ	0x40u
#define ISCSI_CMD_WRITE 0x20u
#define ISCSI_CMD_ATTR	0x07u /* task attribute, 11.3.1 */
struct bhs_scsi_cmd {
	uint8_t opcode, flags, rsvd[2], ahs_words;
	be24 data_len;
	uint8_t lun[8];
	be32 itt, edtl, cmdsn, exp_statsn;
	uint8_t cdb[16];
};
WIRE_SIZE(struct bhs_scsi_cmd, 48);
WIRE_AT(struct bhs_scsi_cmd, cdb, 32);

enum iscsi_task_attr {
	ISCSI_ATTR_UNTAGGED = 0,
	ISCSI_ATTR_SIMPLE = 1,
	ISCSI_ATTR_ORDERED = 2,
	ISCSI_ATTR_HEAD_OF_QUEUE = 3,
	ISCSI_ATTR_ACA = 4,
};

/* 11.2.2: additional header segments */
#define ISCSI_AHS_EXT_CDB  1u
#define ISCSI_AHS_BIDI_LEN 2u

/* 11.4 SCSI Response */
#define ISCSI_RSP_OVERFLOW  0x04u /* O */
#define ISCSI_RSP_UNDERFLOW 0x02u /* U */
struct bhs_scsi_rsp {
	uint8_t opcode, flags, response, status, ahs_words;
	be24 data_len;
	uint8_t rsvd[8];
	be32 itt, snack_tag, statsn, exp_cmdsn, max_cmdsn, exp_datasn, bidi_resid, resid;
};
WIRE_SIZE(struct bhs_scsi_rsp, 48);
WIRE_AT(struct bhs_scsi_rsp, resid, 44);

/* 11.5 Task Management Function Request; the function is in the low bits of flags */
enum iscsi_tmf {
	ISCSI_TMF_ABORT_TASK = 1,
	ISCSI_TMF_ABORT_TASK_SET = 2,
	ISCSI_TMF_CLEAR_ACA = 3,
	ISCSI_TMF_CLEAR_TASK_SET = 4,
	ISCSI_TMF_LUN_RESET = 5,
	ISCSI_TMF_TARGET_WARM_RESET = 6,
	ISCSI_TMF_TARGET_COLD_RESET = 7,
	ISCSI_TMF_TASK_REASSIGN = 8,
	/* RFC 7144 */
	ISCSI_TMF_QUERY_TASK = 9,
	ISCSI_TMF_QUERY_TASK_SET = 10,
	ISCSI_TMF_NEXUS_RESET = 11,
	ISCSI_TMF_QUERY_EVENT = 12,
};
#define ISCSI_TMF_MASK 0x7fu
struct bhs_tmf_req {
	uint8_t opcode, flags, rsvd[2], ahs_words;
	be24 data_len;
	uint8_t lun[8];
	be32 itt, ref_itt, cmdsn, exp_statsn, ref_cmdsn, exp_datasn;
	uint8_t rsvd2[8];
};
WIRE_SIZE(struct bhs_tmf_req, 48);

/* 11.6 Task Management Function Response */
enum iscsi_tmf_response {
	ISCSI_TMF_COMPLETE = 0,
	ISCSI_TMF_NO_TASK = 1,
	ISCSI_TMF_NO_LUN = 2,
	ISCSI_TMF_TASK_ALLEGIANT = 3,
	ISCSI_TMF_NO_REASSIGN = 4,
	ISCSI_TMF_NOT_SUPPORTED = 5,
	ISCSI_TMF_NOT_AUTHORIZED = 6,
	ISCSI_TMF_SUCCEEDED = 7, /* RFC 7144 */
	ISCSI_TMF_REJECTED = 255,
};
struct bhs_tmf_rsp {
	uint8_t opcode, flags, response, rsvd, ahs_words;
	be24 data_len;
	uint8_t info[3]; /* Additional Response Information, RFC 7144 */
	uint8_t rsvd2[5];
	be32 itt;
	uint8_t rsvd3[4];
	be32 statsn, exp_cmdsn, max_cmdsn;
	uint8_t rsvd4[12];
};
WIRE_SIZE(struct bhs_tmf_rsp, 48);
WIRE_AT(struct bhs_tmf_rsp, info, 8);
WIRE_AT(struct bhs_tmf_rsp, statsn, 24);

/* 11.7 SCSI Data-Out */
struct bhs_data_out {
	uint8_t opcode, flags, rsvd[2], ahs_words;
	be24 data_len;
	uint8_t lun[8];
	be32 itt, ttt;
	uint8_t rsvd2[4];
	be32 exp_statsn;
	uint8_t rsvd3[4];
	be32 datasn, offset;
	uint8_t rsvd4[4];
};
WIRE_SIZE(struct bhs_data_out, 48);
WIRE_AT(struct bhs_data_out, offset, 40);

/* 11.7 SCSI Data-In */
#define ISCSI_DATA_ACK	  0x40u /* A */
#define ISCSI_DATA_STATUS 0x01u /* S */
struct bhs_data_in {
	uint8_t opcode, flags, rsvd, status, ahs_words;
	be24 data_len;
	uint8_t lun[8];
	be32 itt, ttt, statsn, exp_cmdsn, max_cmdsn, datasn, offset, resid;
};
WIRE_SIZE(struct bhs_data_in, 48);
WIRE_AT(struct bhs_data_in, resid, 44);

/* 11.8 Ready To Transfer */
struct bhs_r2t {
	uint8_t opcode, flags, rsvd[2], ahs_words;
	be24 data_len;
	uint8_t lun[8];
	be32 itt, ttt, statsn, exp_cmdsn, max_cmdsn, r2tsn, offset, desired_len;
};
WIRE_SIZE(struct bhs_r2t, 48);

/* 11.9 Asynchronous Message */
enum iscsi_async_event {
	ISCSI_ASYNC_SCSI = 0,
	ISCSI_ASYNC_LOGOUT_REQUEST = 1,
	ISCSI_ASYNC_DROP_CONNECTION = 2,
	ISCSI_ASYNC_DROP_SESSION = 3,
	ISCSI_ASYNC_RENEGOTIATE = 4,
};
struct bhs_async {
	uint8_t opcode, flags, rsvd[2], ahs_words;
	be24 data_len;
	uint8_t lun[8];
	be32 itt;
	uint8_t rsvd2[4];
	be32 statsn, exp_cmdsn, max_cmdsn;
	uint8_t event, vcode;
	be16 param1, param2, param3;
	uint8_t rsvd3[4];
};
WIRE_SIZE(struct bhs_async, 48);
WIRE_AT(struct bhs_async, event, 36);

/* 11.10 Text Request, 11.11 Text Response; C is bit 6 of flags */
#define ISCSI_TEXT_CONTINUE 0x40u
struct bhs_text_req {
	uint8_t opcode, flags, rsvd[2], ahs_words;
	be24 data_len;
	uint8_t lun[8];
	be32 itt, ttt, cmdsn, exp_statsn;
	uint8_t rsvd2[16];
};
WIRE_SIZE(struct bhs_text_req, 48);
struct bhs_text_rsp {
	uint8_t opcode, flags, rsvd[2], ahs_words;
	be24 data_len;
	uint8_t lun[8];
	be32 itt, ttt, statsn, exp_cmdsn, max_cmdsn;
	uint8_t rsvd2[12];
};
WIRE_SIZE(struct bhs_text_rsp, 48);

/* 11.12 Login Request, 11.13 Login Response */
#define ISCSI_LOGIN_TRANSIT  0x80u /* T */
#define ISCSI_LOGIN_CONTINUE 0x40u /* C */
#define ISCSI_LOGIN_CSG(f)   ((f) >> 2 & 3u)
#define ISCSI_LOGIN_NSG(f)   ((f)&3u)
enum iscsi_stage {
	ISCSI_STAGE_SECURITY = 0,
	ISCSI_STAGE_OPERATIONAL = 1,
	ISCSI_STAGE_FULL_FEATURE = 3,
};
struct bhs_login_req {
	uint8_t opcode, flags, version_max, version_min, ahs_words;
	be24 data_len;
	uint8_t isid[6];
	be16 tsih;
	be32 itt;
	be16 cid;
	uint8_t rsvd[2];
	be32 cmdsn, exp_statsn;
	uint8_t rsvd2[16];
};
WIRE_SIZE(struct bhs_login_req, 48);
WIRE_AT(struct bhs_login_req, cmdsn, 24);
struct bhs_login_rsp {
	uint8_t opcode, flags, version_max, version_active, ahs_words;
	be24 data_len;
	uint8_t isid[6];
	be16 tsih;
	be32 itt;
	uint8_t rsvd[4];
	be32 statsn, exp_cmdsn, max_cmdsn;
	uint8_t status_class, status_detail, rsvd2[10];
};
WIRE_SIZE(struct bhs_login_rsp, 48);
WIRE_AT(struct bhs_login_rsp, status_class, 36);

/* 11.13.5: Status-Class << 8 | Status-Detail */
enum iscsi_login_status {
	ISCSI_LOGIN_SUCCESS = 0x0000,
	ISCSI_LOGIN_INITIATOR_ERROR = 0x0200,
	ISCSI_LOGIN_AUTH_FAILURE = 0x0201,
	ISCSI_LOGIN_AUTHZ_FAILURE = 0x0202,
	ISCSI_LOGIN_NOT_FOUND = 0x0203,
	ISCSI_LOGIN_TARGET_REMOVED = 0x0204,
	ISCSI_LOGIN_UNSUPPORTED_VERSION = 0x0205,
	ISCSI_LOGIN_TOO_MANY_CONNECTIONS = 0x0206,
	ISCSI_LOGIN_MISSING_PARAMETER = 0x0207,
	ISCSI_LOGIN_CANNOT_INCLUDE = 0x0208,
	ISCSI_LOGIN_SESSION_TYPE = 0x0209,
	ISCSI_LOGIN_NO_SESSION = 0x020a,
	ISCSI_LOGIN_INVALID_DURING_LOGIN = 0x020b,
	ISCSI_LOGIN_TARGET_ERROR = 0x0300,
	ISCSI_LOGIN_SERVICE_UNAVAILABLE = 0x0301,
	ISCSI_LOGIN_OUT_OF_RESOURCES = 0x0302,
};

/* 11.14 Logout Request; the reason is in the low bits of flags */
enum iscsi_logout_reason {
	ISCSI_LOGOUT_SESSION = 0,
	ISCSI_LOGOUT_CONNECTION = 1,
	ISCSI_LOGOUT_RECOVERY = 2,
};
struct bhs_logout_req {
	uint8_t opcode, flags, rsvd[2], ahs_words;
	be24 data_len;
	uint8_t rsvd2[8];
	be32 itt;
	be16 cid;
	uint8_t rsvd3[2];
	be32 cmdsn, exp_statsn;
	uint8_t rsvd4[16];
};
WIRE_SIZE(struct bhs_logout_req, 48);

/* 11.15 Logout Response */
enum iscsi_logout_response {
	ISCSI_LOGOUT_OK = 0,
	ISCSI_LOGOUT_NO_CID = 1,
	ISCSI_LOGOUT_NO_RECOVERY = 2,
	ISCSI_LOGOUT_CLEANUP_FAILED = 3,
};
struct bhs_logout_rsp {
	uint8_t opcode, flags, response, rsvd, ahs_words;
	be24 data_len;
	uint8_t rsvd2[8];
	be32 itt;
	uint8_t rsvd3[4];
	be32 statsn, exp_cmdsn, max_cmdsn;
	uint8_t rsvd4[4];
	be16 time2wait, time2retain;
	uint8_t rsvd5[4];
};
WIRE_SIZE(struct bhs_logout_rsp, 48);
WIRE_AT(struct bhs_logout_rsp, time2wait, 40);

/* 11.17 Reject */
enum iscsi_reject_reason {
	ISCSI_REJECT_DATA_DIGEST = 0x02,
	ISCSI_REJECT_SNACK = 0x03,
	ISCSI_REJECT_PROTOCOL_ERROR = 0x04,
	ISCSI_REJECT_NOT_SUPPORTED = 0x05,
	ISCSI_REJECT_TOO_MANY_IMMEDIATE = 0x06,
	ISCSI_REJECT_TASK_IN_PROGRESS = 0x07,
	ISCSI_REJECT_INVALID_DATA_ACK = 0x08,
	ISCSI_REJECT_INVALID_PDU_FIELD = 0x09,
	ISCSI_REJECT_LONG_OPERATION = 0x0a,
	ISCSI_REJECT_NEGOTIATION_RESET = 0x0b,
	ISCSI_REJECT_WAITING_FOR_LOGOUT = 0x0c,
};
struct bhs_reject {
	uint8_t opcode, flags, reason, rsvd, ahs_words;
	be24 data_len;
	uint8_t rsvd2[8];
	be32 itt; /* always ISCSI_TAG_NONE */
	uint8_t rsvd3[4];
	be32 statsn, exp_cmdsn, max_cmdsn, datasn;
	uint8_t rsvd4[8];
};
WIRE_SIZE(struct bhs_reject, 48);

/* 11.18 NOP-Out, 11.19 NOP-In */
struct bhs_nop_out {
	uint8_t opcode, flags, rsvd[2], ahs_words;
	be24 data_len;
	uint8_t lun[8];
	be32 itt, ttt, cmdsn, exp_statsn;
	uint8_t rsvd2[16];
};
WIRE_SIZE(struct bhs_nop_out, 48);
struct bhs_nop_in {
	uint8_t opcode, flags, rsvd[2], ahs_words;
	be24 data_len;
	uint8_t lun[8];
	be32 itt, ttt, statsn, exp_cmdsn, max_cmdsn;
	uint8_t rsvd2[12];
};
WIRE_SIZE(struct bhs_nop_in, 48);

/* RFC 1982 serial arithmetic, as 4.2.2.1 asks for CmdSN, StatSN and DataSN. */
static inline _Bool sn_lt(uint32_t a, uint32_t b)
{
	return (int32_t)(a - b) < 0;
}

static inline _Bool sn_le(uint32_t a, uint32_t b)
{
	return (int32_t)(a - b) <= 0;
}

#endif
