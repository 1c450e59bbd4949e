// SPDX-License-Identifier: MIT
/* survey.c - the sessions of every reactor, put together. */
#include "iscsi/survey.h"

#include <errno.h>
#include <string.h>

#include "iscsi/ask.h"
#include "iscsi/session.h"

/* What one reactor finds: rows[order[0..n)] by rising TSIH, and whether there were more. */
struct survey_part {
	struct ask_part ask; /* first */
	unsigned n, taken;
	bool more;
	uint8_t order[SURVEY_MAX];
	struct survey_session rows[SURVEY_MAX];
};

struct inquiry {
	struct ask ask; /* first */
	uint16_t from;
	char target[ISCSI_NAME_MAX + 1]; /* empty: any */
};

static struct survey_part *part_of(const struct inquiry *q, unsigned i)
{
	return container_of(ask_part(&q->ask, i), struct survey_part, ask);
}

/* ---- on a reactor ---- */

void survey_describe(struct survey_session *out, const struct session *s)
{
	const struct reactor *r = s->conn.reactor;

	out->params = s->params;
	memcpy(out->isid, s->entry.isid, sizeof(out->isid));
	out->tsih = s->tsih;
	out->portal_group = s->conn.portal;
	out->rule = s->rule;
	memcpy(out->address, s->conn.peer_name, sizeof(out->address));
	out->reactor = r->o.index;
	out->age = r->now > s->began ? r->now - s->began : 0;
	out->in_flight = s->in_flight + s->immediates;
}

static bool is_asked_for(const struct inquiry *q, const struct session *s)
{
	return s->state == SESSION_FULL && !s->conn.is_dead && s->tsih >= q->from &&
	       (!q->target[0] || !strcmp(q->target, s->params.target_name));
}

/* Among those found so far, of which the one with the highest TSIH may have to go. */
static void insert(struct survey_part *p, const struct session *s)
{
	unsigned row = p->n;

	if (p->n == SURVEY_MAX) {
		p->more = true;
		row = p->order[SURVEY_MAX - 1];
		if (p->rows[row].tsih < s->tsih)
			return;
		p->n--;
	}
	unsigned at = p->n++;
	for (; at && p->rows[p->order[at - 1]].tsih > s->tsih; at--)
		p->order[at] = p->order[at - 1];
	p->order[at] = (uint8_t)row;
	survey_describe(&p->rows[row], s);
}

static void run(struct ask *a, struct ask_part *part, struct reactor *reactor)
{
	const struct inquiry *q = container_of(a, struct inquiry, ask);
	struct survey_part *p = container_of(part, struct survey_part, ask);

	list_for_each (it, &reactor->all) {
		const struct session *s = session_of(container_of(it, struct conn, link));
		if (is_asked_for(q, s))
			insert(p, s);
	}
}

static const struct ask_kind survey_kind = {
	.size = sizeof(struct inquiry),
	.part_size = sizeof(struct survey_part),
	.run = run,
};

/* ---- who asks ---- */

/* The row of the lowest TSIH that was not taken yet, of all parts; NULL: none is left. */
static const struct survey_session *lowest(const struct inquiry *q, unsigned nparts)
{
	const struct survey_session *best = NULL;
	struct survey_part *from = NULL;

	for (unsigned i = 0; i < nparts; i++) {
		struct survey_part *p = part_of(q, i);
		if (p->taken == p->n)
			continue;
		const struct survey_session *s = &p->rows[p->order[p->taken]];
		if (best && best->tsih < s->tsih)
			continue;
		best = s;
		from = p;
	}
	if (from)
		from->taken++;
	return best;
}

/* A part that had more than it could hold has filled the answer alone, up to its last row. */
static void merge(const struct inquiry *q, unsigned nparts, struct survey *out)
{
	const struct survey_session *s;

	out->n = 0;
	out->next = 0;
	while (out->n < SURVEY_MAX && (s = lowest(q, nparts)))
		out->at[out->n++] = *s;
	bool more = lowest(q, nparts) != NULL;
	for (unsigned i = 0; i < nparts; i++)
		more |= part_of(q, i)->more;
	if (more && out->n && out->at[out->n - 1].tsih < UINT16_MAX)
		out->next = out->at[out->n - 1].tsih + 1u;
}

int survey_take(struct iscsi_node *n, uint16_t from, const char *target, unsigned ms,
		struct survey *out)
{
	struct ask *a = ask_new(n, &survey_kind);

	if (!a)
		return -ENOMEM;
	struct inquiry *q = container_of(a, struct inquiry, ask);
	q->from = from;
	if (target)
		strncpy(q->target, target, sizeof(q->target) - 1);
	ask_post(a);
	int err = ask_wait(a, ms);
	if (!err)
		merge(q, n->nworkers, out);
	ask_leave(a);
	return err;
}
