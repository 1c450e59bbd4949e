// SPDX-License-Identifier: MIT
/* attention.c - queues of unit attention conditions. SAM-5 5.14. */
#include "scsi/attention.h"

#include <assert.h>
#include <string.h>

static const struct {
	enum scsi_outcome outcome;
	bool is_reset;
} kinds[SCSI_UA_KINDS] = {
#define X(name, reset) [SCSI_UA_##name] = {.outcome = SENSE_##name, .is_reset = (reset)},
#include "tbl/scsi_attention.def"
#undef X
};

static void remove_at(struct scsi_attentions *q, unsigned i)
{
	q->n--;
	memmove(q->queue + i, q->queue + i + 1, q->n - i);
}

static void add_reset(struct scsi_attentions *q, enum scsi_attention a)
{
	/* At most one reset is pending, and it is in front. */
	if (q->n && kinds[q->queue[0]].is_reset) {
		if (a < q->queue[0])
			q->queue[0] = (uint8_t)a;
		return;
	}
	memmove(q->queue + 1, q->queue, q->n);
	q->queue[0] = (uint8_t)a;
	q->n++;
}

void attention_add(struct scsi_attentions *q, enum scsi_attention a)
{
	assert(a < SCSI_UA_KINDS);
	if (kinds[a].is_reset) {
		add_reset(q, a);
		return;
	}
	if (!memchr(q->queue, (int)a, q->n))
		q->queue[q->n++] = (uint8_t)a;
}

bool attention_take(struct scsi_attentions *q, enum scsi_attention *out)
{
	if (!q->n)
		return false;
	*out = q->queue[0];
	remove_at(q, 0);
	return true;
}

void attention_clear(struct scsi_attentions *q, enum scsi_attention a)
{
	for (unsigned i = 0; i < q->n; i++) {
		if (q->queue[i] == a) {
			remove_at(q, i);
			return;
		}
	}
}

enum scsi_outcome attention_outcome(enum scsi_attention a)
{
	assert(a < SCSI_UA_KINDS);
	return kinds[a].outcome;
}
