/* SPDX-License-Identifier: MIT */
/*
 * claims.h - registrations and reservations of a LUN outlive the process with its memory.
 *
 * They are a note of the store's (store_lun_set_note()), written before PERSISTENT RESERVE OUT is
 * answered. A restart with the memory kept is no loss of power, so they are kept whether APTPL was
 * asked for or not; memory that is lost takes them along.
 */
#ifndef MEMTGT_LUNS_CLAIMS_H
#define MEMTGT_LUNS_CLAIMS_H

#include <stddef.h>
#include <stdint.h>

#include "memtgt/wire.h"
#include "scsi/scsi.h"
#include "store/store.h"

#define CLAIMS_MAGIC   "mtPR"
#define CLAIMS_VERSION 1u

/* ---- as they lie in memory: big-endian, then each registrant with its name ---- */

enum { CLAIMS_APTPL = 1, CLAIMS_SCRUBS = 2 };
#define CLAIMS_FLAGS 0x03u

struct claims_wire {
	uint8_t magic[4];
	be16 version;
	uint8_t flags;
	uint8_t type;
	be32 generation;
	be32 holder;
	be32 n;
	uint8_t naa[8]; /* of the LUN that they belong to */
};
WIRE_SIZE(struct claims_wire, 28);

struct claims_wire_entry {
	be64 key;
	be16 target_port;
	uint8_t all_ports;
	uint8_t name_len;
};
WIRE_SIZE(struct claims_wire_entry, 12);
_Static_assert(sizeof(struct claims_wire) +
			       SCSI_REGISTRANTS_MAX *
				       (sizeof(struct claims_wire_entry) + SCSI_PORT_NAME_MAX) <=
		       STORE_NOTE_MAX,
	       "as many registrants as there may be can be kept");

/* Bytes that claims_write() needs, and its result. */
size_t claims_length(const struct claims *c);
void claims_write(const struct claims *c, const uint8_t naa[static 8], uint8_t *out);
/* 0 and *out, to be free()d; NULL: they belong to another LUN. -EINVAL: they are none; -ENOTSUP: a
 * newer memtgtd wrote them; -ENOMEM. */
int claims_read(const uint8_t *p, size_t n, const uint8_t naa[static 8], struct claims **out)
	__attribute__((warn_unused_result));

/* scsi_reserve.on_change */
int luns_claims_keep(struct scsi_lu *lu, const struct claims *now);
/*
 * Of a kept LU, before it is shown. What cannot be read lets nobody in, to read or to write, before
 * the operator clears it: who was kept out may not get in, and with scrub = "release" what an
 * earlier one left may still be there. 0 or -ENOMEM.
 */
int luns_claims_adopt(struct scsi_lu *lu, const char *target) __attribute__((warn_unused_result));

/* ---- for the operator; from any thread but the reactors ---- */

struct luns;

struct luns_claim {
	const char *target; /* its name, which lives as long as the configuration */
	unsigned id;
	uint64_t key;
	bool all_ports, holds;
	enum claim_type type; /* of the LUN's reservation */
	uint32_t generation;
	char port[SCSI_PORT_NAME_MAX + 1]; /* of the initiator, as SPC-4 names it */
};

/* All registrations, by target and LUN: *out is to be free()d, and may be NULL. 0 or -ENOMEM. */
int luns_claims_list(struct luns *l, struct luns_claim **out, size_t *n)
	__attribute__((warn_unused_result));
/* All of one LUN go, and its reservation, as by CLEAR, also those that could not be read. *had: how
 * many were known. 0 or -errno and `why`. */
int luns_claims_clear(struct luns *l, const char *target, unsigned id, unsigned *had, char *why,
		      size_t why_len) __attribute__((warn_unused_result));

#endif
