/* SPDX-License-Identifier: MIT */
/*
 * rawinit.h - a small initiator for hostile and for precise tests: any bytes, in any split.
 *
 * A PDU goes out as the test made it; only CmdSN and ExpStatSN are kept by the helpers that say
 * so. Its CRC32C is its own, bit by bit, so that it cannot share a mistake with the daemon.
 */
#ifndef MEMTGT_TEST_RAWINIT_H
#define MEMTGT_TEST_RAWINIT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "memtgt/iscsi_proto.h"

#define RAW_DATA_MAX (1u << 20) /* of one PDU */

/* A header, seen as whichever PDU it is. */
union raw_bhs {
	struct bhs any;
	struct bhs_scsi_cmd cmd;
	struct bhs_scsi_rsp rsp;
	struct bhs_tmf_req tmf;
	struct bhs_tmf_rsp tmf_rsp;
	struct bhs_data_out out;
	struct bhs_data_in in;
	struct bhs_r2t r2t;
	struct bhs_async async;
	struct bhs_text_req text;
	struct bhs_text_rsp text_rsp;
	struct bhs_login_req login;
	struct bhs_login_rsp login_rsp;
	struct bhs_logout_req logout;
	struct bhs_logout_rsp logout_rsp;
	struct bhs_reject reject;
	struct bhs_nop_out nop;
	struct bhs_nop_in nop_in;
	uint8_t raw[ISCSI_BHS_LEN];
};

struct raw {
	int fd;
	unsigned port;
	uint32_t itt, cmdsn, exp_statsn; /* of the next command; of what was received */
	uint32_t exp_cmdsn, max_cmdsn;	 /* as the target last told */
	bool header_digest, data_digest; /* in force */
	size_t step;			 /* bytes a segment in raw_send(), 0: all at once */
	bool keep_pings;		 /* hand NOP-In pings to the test instead of answering */
	uint8_t isid[6];
	uint16_t tsih;
	/* What the login agreed on. */
	uint32_t max_send, max_burst, first_burst;
	bool initial_r2t, immediate_data;
	/* The PDU received last. */
	union raw_bhs bhs;
	uint8_t *data; /* RAW_DATA_MAX + 1, NUL after the data */
	size_t len;
};

/* Connects; no login. */
void raw_open(struct raw *r, unsigned port);
/* The same from this address of the loopback, such as "127.0.0.2". */
void raw_open_from(struct raw *r, unsigned port, const char *source);
/* Goes on with a socket that is connected, from then on its own. */
void raw_use(struct raw *r, unsigned port, int fd);
void raw_close(struct raw *r);

/* Bytes as they are; false: the target has closed. `step` bytes a segment, 0: all in one. */
bool raw_bytes(struct raw *r, const void *p, size_t n, size_t step);
/* A whole PDU with its padding and the digests in force, into `out`; returns its length. The
 * length of the data is put into the header. */
size_t raw_make(const struct raw *r, const union raw_bhs *h, const void *data, size_t n,
		uint8_t *out);
/* raw_make() and raw_bytes(). */
bool raw_send(struct raw *r, const union raw_bhs *h, const void *data, size_t n);

/* The next PDU into r->bhs, r->data; false: the connection was closed. Fails the test if neither
 * happens. Checks digests, StatSN and the order of the CmdSN window. */
bool raw_recv(struct raw *r);
/* Receives a PDU of this opcode, or fails the test. */
void raw_expect(struct raw *r, uint8_t opcode);
/* The target closes the connection (what it sends before is dropped), or the test fails. */
void raw_expect_closed(struct raw *r);
/* Nothing comes for `ms`. */
bool raw_silent(struct raw *r, unsigned ms);

/*
 * Login in one step, from the operational stage. `target` NULL: a discovery session. `keys`: more
 * pairs, each ended by '\n', or NULL; keys given here replace the ones sent otherwise. Returns
 * Status-Class << 8 | Status-Detail.
 */
uint16_t raw_login(struct raw *r, const char *target, const char *keys);
/* Opens, logs in to DAEMON_TARGET, clears the unit attention of LUN 0. */
void raw_session(struct raw *r, unsigned port, const char *keys);
/* The value of a key in the text of the PDU received last, or NULL. */
const char *raw_key(const struct raw *r, const char *key);
void raw_set_isid(struct raw *r, uint32_t qualifier);
/* The Login Request that raw_login() sends first, and its text; returns the text's length. */
size_t raw_login_request(struct raw *r, const char *target, const char *keys, union raw_bhs *h,
			 char *text, size_t cap);

/* A SCSI Command header with the next ITT and CmdSN, LUN 0. */
union raw_bhs raw_command(struct raw *r, uint8_t flags, const uint8_t cdb[static 16],
			  uint32_t edtl);
void raw_set_lun(union raw_bhs *h, unsigned lun);
/* CDBs. */
void raw_cdb_rw16(uint8_t cdb[static 16], uint8_t opcode, uint64_t lba, uint32_t blocks);
/* An immediate or ordinary header of another kind, with ITT and CmdSN. */
union raw_bhs raw_request(struct raw *r, uint8_t opcode, uint8_t flags);

/* WRITE(16) and READ(16) with whatever burst rules the login agreed on. SCSI status. */
uint8_t raw_write(struct raw *r, unsigned lun, uint64_t lba, const void *p, uint32_t bytes,
		  uint32_t block);
uint8_t raw_read(struct raw *r, unsigned lun, uint64_t lba, void *p, uint32_t bytes,
		 uint32_t block);
/* Answers the R2T received last with Data-Out PDUs from the command's data. */
void raw_answer_r2t(struct raw *r, const uint8_t *all);
/* TEST UNIT READY; SCSI status. */
uint8_t raw_test_unit_ready(struct raw *r, unsigned lun);
/* NOP-Out with data, the echo is compared: the session lives. */
void raw_ping(struct raw *r);
/* A SCSI Response's sense key, ASC and ASCQ as 0xKKAAQQ, 0 without sense. */
uint32_t raw_sense(const struct raw *r);

#endif
