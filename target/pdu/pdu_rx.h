/* SPDX-License-Identifier: MIT */
/*
 * pdu_rx.h - bytes in, PDUs out: assembles what arrives in any split.
 *
 * A pure function over bytes: no socket, no clock. Checks what can be known without a session:
 * length limits, header digest, data digest, padding. RFC 7143 11.2.
 *
 * Data is handed on as it arrives, except under DataDigest, where a PDU's data is handed on whole
 * and only after its CRC was right; then the caller's buffer must be able to hold one whole PDU
 * (it returns "taken" for nothing of it until then).
 */
#ifndef MEMTGT_PDU_RX_H
#define MEMTGT_PDU_RX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "memtgt/iscsi_proto.h"

enum pdu_error {
	PDU_OK = 0,
	PDU_STOP,	   /* a callback asked to stop taking bytes for now */
	PDU_TOO_LONG,	   /* DataSegmentLength above the limit */
	PDU_AHS_TOO_LONG,  /* TotalAHSLength above the limit */
	PDU_HEADER_DIGEST, /* the stream cannot be followed any more: 7.3 */
	PDU_CLOSED,	   /* a callback closed the connection */
};

struct pdu_rx;

struct pdu_rx_ops {
	/* BHS and AHS are whole: rx->bhs, rx->ahs. */
	enum pdu_error (*header)(void *arg, struct pdu_rx *rx);
	/*
	 * The next n bytes (without padding) of the data segment, at `offset` in it. Returns the
	 * bytes taken; fewer than n: stop for now, the rest is offered again. Not called for an
	 * empty data segment.
	 */
	size_t (*data)(void *arg, struct pdu_rx *rx, uint32_t offset, const uint8_t *p, size_t n);
	/* The PDU is complete. `digest_ok` false: DataDigest was wrong, data() was not called. */
	enum pdu_error (*end)(void *arg, struct pdu_rx *rx, bool digest_ok);
};

struct pdu_rx {
	/* Set by the owner; digests change only between PDUs. */
	bool header_digest, data_digest;
	uint32_t max_data; /* longest data segment accepted */
	uint32_t max_ahs;  /* longest AHS accepted, bytes */

	/* The PDU at hand. */
	struct bhs bhs;
	uint8_t ahs[ISCSI_AHS_MAX];
	uint32_t ahs_len, data_len;

	/* Progress. */
	uint8_t state;
	uint32_t have; /* bytes of the current part that are in */
};

void pdu_rx_init(struct pdu_rx *rx, uint32_t max_data, uint32_t max_ahs);

/* Is a PDU begun and not complete? (for the stall limit) */
bool pdu_rx_partial(const struct pdu_rx *rx);

/*
 * Takes bytes and calls back for what is complete, for at most *pdus PDUs (counted down). Returns
 * the error that stopped it, or PDU_OK when it needs more bytes or *pdus is 0; *taken tells how far
 * it came. After an error other than PDU_STOP the stream is dead.
 */
enum pdu_error pdu_rx_feed(struct pdu_rx *rx, const struct pdu_rx_ops *ops, void *arg,
			   const uint8_t *p, size_t n, unsigned *pdus, size_t *taken);

#endif
