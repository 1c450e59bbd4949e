/* SPDX-License-Identifier: MIT */
/*
 * hostile.h - peers of the session rig that send what they should not: what became of it, and that
 * nothing was left behind by it.
 */
#ifndef MEMTGT_HOSTILE_H
#define MEMTGT_HOSTILE_H

#include "lib/session_rig.h"

/* The keys of a login of a normal session, without the last NUL: more may follow. */
#define HOSTILE_NAMES                                    \
	"InitiatorName=iqn.2026-01.org.memtgt:hostile\0" \
	"SessionType=Normal\0TargetName=iqn.2026-01.org.memtgt:rig"

/* Where a peer is when it begins to be bad. */
enum hostile_place { BEFORE_LOGIN, IN_LOGIN_PHASE, IN_DISCOVERY_SESSION, IN_NORMAL_SESSION };

/* What became of PDUs; a set. Ignored: nothing came, and the connection is open. */
enum hostile_fate {
	FATE_ANSWERED = 1,
	FATE_REJECTED = 2,
	FATE_CLOSED = 4,
	FATE_IGNORED = 8,
};

/* All that the target said to what was sent since the last look. */
struct hostile_look {
	unsigned fate;
	unsigned answers;    /* PDUs, Rejects not counted */
	struct rig_pdu last; /* without its data */
	uint32_t sense;	     /* of the last SCSI Response: 0xKKAAQQ */
};

/* Connects and goes to that place; keys are for a normal session. Needs a rig that was started. */
struct rig_peer hostile_peer(struct rig *r, enum hostile_place at, const char *keys, size_t n);
#define HOSTILE_PEER(r, at, keys) hostile_peer(r, at, keys, sizeof(keys) - 1)

/* Sends a Login Request with the peer's CmdSN. */
void hostile_login(struct rig_peer *p, uint8_t flags, const void *text, size_t n);

/* An answer with text, "|" for NUL. */
struct hostile_said {
	struct rig_pdu pdu; /* without its data */
	char text[ISCSI_LOGIN_DATA_MAX + 1];
};
/* These wait for the answer; good until the next. */
const struct hostile_said *hostile_hear(struct rig_peer *p);
const struct hostile_said *hostile_say_login(struct rig_peer *p, uint8_t flags, const void *text,
					     size_t n);
const struct hostile_said *hostile_say_text(struct rig_peer *p, const void *text, size_t n);
/* Status-Class << 8 | Status-Detail of a Login Response. */
unsigned hostile_status(const struct hostile_said *s);
/* Sends an immediate Text Request. */
void hostile_text(struct rig_peer *p, uint8_t flags, uint32_t ttt, const void *text, size_t n);

/*
 * Runs until nothing moves, and reads all that came. In the Full Feature Phase a ping follows
 * what was sent, and must be answered unless the connection was closed; the peer's CmdSN is then
 * what the target expects.
 */
struct hostile_look hostile_look(struct rig_peer *p, enum hostile_place at);

/* How a command ended. */
struct hostile_end {
	uint8_t status;
	uint8_t flags;	/* with its O and U bits, 11.4.1 */
	uint32_t resid; /* 11.4.5 */
	uint32_t sense; /* 0xKKAAQQ */
	uint32_t len;	/* bytes of data-in; the first of them in `data` */
	uint8_t data[8192];
};
/* Sends a command, gives its R2Ts what they ask for (of `out`, then zeroes), and reads to its
 * end. It must come to one. Good until the next call. */
const struct hostile_end *hostile_run(struct rig_peer *p, struct bhs_scsi_cmd *c, const void *out,
				      size_t n);

/* A normal session still writes and reads. */
void hostile_serves(struct rig_peer *p);
/* The only peer leaves: no task, no buffer, no connection and no login is left. */
void hostile_leave(struct rig_peer *p);

/* "answered+closed", in a static buffer. */
const char *hostile_fate_text(unsigned fate);

#endif
