/* SPDX-License-Identifier: MIT */
/*
 * session_rig.h - the session layer, SCSI and memory below it, on the fake engine.
 *
 * One reactor without a thread, one target with a LUN of RIG_BLOCKS blocks, and peers that are the
 * test: it sends PDUs, in splits that it chooses, and reads what comes back. Time is virtual.
 */
#ifndef MEMTGT_SESSION_RIG_H
#define MEMTGT_SESSION_RIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/config.h"
#include "iscsi/node.h"
#include "memtgt/iscsi_proto.h"

#define RIG_BLOCKS 8192u
#define RIG_BLOCK  512u

struct rig {
	struct config config;
	struct config_target target_config;
	struct sockaddr_storage peer; /* of who connects next: nobody's address */
	uint16_t portal_group;	      /* by which it comes: 1 */
	uint64_t blocks;	      /* of the LUN: RIG_BLOCKS */
	bool thin;		      /* no: it has all its pages */
	uint64_t pool;		      /* bytes of all pages */
	struct store *store;
	struct scsi_lu lu;
	struct scsi_target target;
	struct iscsi_node node;
	struct iscsi_worker worker;
	struct engine *engine;
	bool filler_rests; /* no pages are made */
};

/* A peer: an initiator's end of one connection. */
struct rig_peer {
	struct rig *rig;
	int fd;
	uint32_t cmdsn, itt;
	uint8_t isid; /* another one: another session, not the same again */
	bool header_digest, data_digest;
};

/* A PDU that was received; data in a buffer that rig_pdu_free() frees. */
struct rig_pdu {
	union {
		struct bhs bhs;
		struct bhs_scsi_rsp scsi_rsp;
		struct bhs_data_in data_in;
		struct bhs_r2t r2t;
		struct bhs_nop_in nop_in;
		struct bhs_tmf_rsp tmf_rsp;
		struct bhs_login_rsp login_rsp;
		struct bhs_text_rsp text_rsp;
		struct bhs_logout_rsp logout_rsp;
		struct bhs_reject reject;
		struct bhs_async async;
	};
	uint8_t *data;
	uint32_t data_len;
};

/* Defaults into rig->config and the LUN's size, which the test may change before rig_start(). */
void rig_init(struct rig *r);
void rig_start(struct rig *r);
/* Closes what is open; whatever the test did, nothing may be left behind. */
void rig_stop(struct rig *r);
/* Starts it, connects a peer, logs in with these keys, and takes the first unit attention. */
struct rig_peer rig_begin(struct rig *r, const char *keys, size_t n);
#define RIG_BEGIN(r, keys) rig_begin(r, keys, sizeof(keys) - 1)
/* Turns of the loop, enough for whatever waits. */
void rig_run(struct rig *r);
void rig_advance(struct rig *r, unsigned seconds);
/* What was counted so far. */
uint64_t rig_counter(const struct rig *r, enum counter which);

struct rig_peer rig_connect(struct rig *r);
/* Logs in with these keys ("Key=value\0...", besides the names), straight to full feature. */
void rig_login(struct rig_peer *p, const char *keys, size_t n);
#define RIG_LOGIN(p, keys) rig_login(p, keys, sizeof(keys) - 1)

/* Queues a PDU for the target; header and data digests as the peer has them. */
void rig_send(struct rig_peer *p, void *bhs, const void *data, uint32_t n);
/* The same, without the bytes beyond `cut`. */
void rig_send_cut(struct rig_peer *p, void *bhs, const void *data, uint32_t n, size_t cut);

/* The next PDU from the target, after running; false: there is none. */
bool rig_recv(struct rig_peer *p, struct rig_pdu *out);
/* The next PDU, which must have this opcode. */
struct rig_pdu rig_expect(struct rig_peer *p, enum iscsi_opcode opcode);
void rig_pdu_free(struct rig_pdu *pdu);
void rig_expect_nothing(struct rig_peer *p);
/* A SCSI Response with this status. */
void rig_expect_status(struct rig_peer *p, uint8_t status);
/* An R2T; returns its Target Transfer Tag. `out` may be NULL. */
uint32_t rig_expect_r2t(struct rig_peer *p, struct bhs_r2t *out);
void rig_expect_tmf(struct rig_peer *p, uint8_t response);
bool rig_is_closed(struct rig_peer *p);

/* n bytes of v, good until the next call. */
uint8_t *rig_filled(uint8_t v, size_t n);
/* A Data-Out of n bytes of v for command c. */
void rig_data_out(struct rig_peer *p, const struct bhs_scsi_cmd *c, uint32_t ttt, uint32_t sn,
		  uint32_t offset, uint32_t n, bool final, uint8_t v);
/* An immediate Task Management Function Request. */
void rig_send_tmf(struct rig_peer *p, enum iscsi_tmf f, be32 ref_itt);

/* A SCSI Command for LUN 0 with the next CmdSN and ITT; not sent. */
struct bhs_scsi_cmd rig_command(struct rig_peer *p, uint8_t flags, uint32_t edtl);
/* READ(10), WRITE(10) into a command's CDB. */
void rig_rw10(struct bhs_scsi_cmd *c, bool write, uint32_t lba, uint16_t blocks);
/* Reads blocks by one command; every byte must be `want`. */
void rig_check_blocks(struct rig_peer *p, uint32_t lba, uint16_t blocks, uint8_t want);
/* TEST UNIT READY until the unit attention of a new nexus is gone. */
void rig_clear_attention(struct rig_peer *p);

#endif
