/* SPDX-License-Identifier: MIT */
/*
 * attention.h - the unit attention conditions that wait for one I_T nexus on one LU.
 *
 * Each kind is there at most once, so the queue is bounded by the number of kinds. SAM-5 5.14.
 */
#ifndef MEMTGT_ATTENTION_H
#define MEMTGT_ATTENTION_H

#include <stdbool.h>
#include <stdint.h>

#include "scsi/sense.h"

/* Falling precedence. */
enum scsi_attention {
#define X(name, is_reset) SCSI_UA_##name,
#include "tbl/scsi_attention.def"
#undef X
	SCSI_UA_KINDS
};

struct scsi_attentions {
	uint8_t n;
	uint8_t queue[SCSI_UA_KINDS]; /* enum scsi_attention; the first is reported next */
};

/* A reset goes to the front and speaks for lesser ones; the rest queue up in order. */
void attention_add(struct scsi_attentions *q, enum scsi_attention a);
/* Takes the first one out. false: none waits. */
bool attention_take(struct scsi_attentions *q, enum scsi_attention *out);
void attention_clear(struct scsi_attentions *q, enum scsi_attention a);

/* What the sense data says for it. */
enum scsi_outcome attention_outcome(enum scsi_attention a);

#endif
