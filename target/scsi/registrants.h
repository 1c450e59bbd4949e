/* SPDX-License-Identifier: MIT */
/*
 * registrants.h - who has registered with a LU, who holds it, and what one PERSISTENT RESERVE OUT
 * makes of that. SPC-4 5.12.
 *
 * Knows no CDB, no lock and no session. A state is never changed: an action makes the next one, and
 * leaves in the old one what each of its registrants is to be told. So whoever tells them needs the
 * old state and nothing else.
 *
 * A registrant is an I_T nexus, also while there is no session of it: an initiator port by its name
 * (which has the ISID in it) and a target port. One that registered with ALL_TG_PT is one
 * registrant for all target ports, and if it holds the reservation it holds it through all of them.
 */
#ifndef MEMTGT_REGISTRANTS_H
#define MEMTGT_REGISTRANTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "scsi/sense.h"

/* All of them in one answer to READ KEYS fit the buffer of a command. */
#define SCSI_REGISTRANTS_MAX	 1000u
#define SCSI_REGISTRANTS_DEFAULT 256u
/* "iqn...,i,0x<ISID>": a name of 223 bytes, 5 and 12. SPC-4 7.6.4.6 */
#define SCSI_PORT_NAME_MAX 240u

/* SPC-4 table 65 */
enum claim_type {
	CLAIM_NONE = 0,
	CLAIM_WRITE_EXCLUSIVE = 1,
	CLAIM_EXCLUSIVE = 3,
	CLAIM_WRITE_REGISTRANTS = 5,
	CLAIM_EXCLUSIVE_REGISTRANTS = 6,
	CLAIM_WRITE_ALL = 7,
	CLAIM_EXCLUSIVE_ALL = 8,
};

/* Service actions of PERSISTENT RESERVE OUT, SPC-4 table 218 */
enum claim_action {
	CLAIM_REGISTER = 0,
	CLAIM_RESERVE = 1,
	CLAIM_RELEASE = 2,
	CLAIM_CLEAR = 3,
	CLAIM_PREEMPT = 4,
	CLAIM_PREEMPT_ABORT = 5,
	CLAIM_REGISTER_IGNORE = 6,
	CLAIM_REGISTER_MOVE = 7,
};

/* An I_T nexus. The name is in lower case (text_lower()). */
struct claim_port {
	uint16_t target_port; /* relative; SPC-4 7.8.6.7 */
	char name[SCSI_PORT_NAME_MAX + 1];
};

/* What a registrant of the old state is told: bits. */
#define CLAIM_TELL_RESERVATIONS_PREEMPTED  0x01u
#define CLAIM_TELL_RESERVATIONS_RELEASED   0x02u
#define CLAIM_TELL_REGISTRATIONS_PREEMPTED 0x04u
#define CLAIM_TELL_ABORT		   0x08u /* and its commands end without an answer */

struct claim_registrant {
	uint64_t key;
	bool all_ports;
	uint8_t tell;
	struct claim_port port;
};

/* One piece of memory from malloc(). */
struct claims {
	uint32_t generation; /* PRGENERATION */
	enum claim_type type;
	uint32_t holder; /* its place; 0 for CLAIM_NONE and the types *_ALL */
	bool aptpl;	 /* asked for last: PTPL_A */
	bool scrubs;	 /* the last registrant left, and what the LU held is being removed */
	bool lost;	 /* who had registered is not known: nobody may use the LU, or register */
	uint32_t n, room;
	struct claim_registrant at[];
};

struct claim_request {
	enum claim_action action;
	unsigned scope, type; /* of the CDB, unchecked */
	uint64_t key, new_key;
	bool spec_i_pt, all_tg_pt, aptpl, unregister;
	uint16_t move_port;    /* RELATIVE TARGET PORT IDENTIFIER of REGISTER AND MOVE */
	uint64_t target_ports; /* bits: which of them there are besides that of who asks */
	unsigned nports;
	const struct claim_port *ports; /* the TransportIDs'; their target port is not set */
};

/* A state with nobody in it and room for so many. NULL: no memory. */
struct claims *claims_new(uint32_t room);
/* A copy, with `more` places; NULL as well. */
struct claims *claims_copy(const struct claims *c, uint32_t more);

/* The place of a nexus, or c->n. */
uint32_t claims_find(const struct claims *c, const struct claim_port *who);
bool claims_same_port(const struct claim_registrant *r, const struct claim_port *who);
/* Does this registrant hold the reservation (there is one)? */
bool claims_holds(const struct claims *c, uint32_t i);
bool claims_is_type(unsigned type);
static inline bool claims_is_all(enum claim_type t)
{
	return t == CLAIM_WRITE_ALL || t == CLAIM_EXCLUSIVE_ALL;
}
static inline bool claims_is_registrants(enum claim_type t)
{
	return t >= CLAIM_WRITE_REGISTRANTS;
}

/* What a nexus may do. */
#define CLAIM_MAY_READ	0x01u
#define CLAIM_MAY_WRITE 0x02u
unsigned claims_may(const struct claims *c, const struct claim_port *who);

/*
 * `next` is a copy of `now` with room for req->nports + 1 more, and becomes what the action makes
 * of it; tell bits are set in `now`. `max`: registrants. After any outcome but OK neither means
 * anything, and nothing is to be changed. *same: GOOD, and nothing to be told or kept.
 */
struct scsi_result claims_apply(struct claims *now, const struct claim_port *who,
				const struct claim_request *req, uint32_t max, struct claims *next,
				bool *same) SCSI_CHECKED;
/* CLEAR by somebody who is no nexus. */
void claims_clear(struct claims *now, struct claims *next);

#endif
