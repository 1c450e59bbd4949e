// SPDX-License-Identifier: MIT
/*
 * survey.c - a message to every reactor, and their answers put together.
 *
 * Who asks may stop waiting while a reactor still writes its part: so the last of them frees it.
 */
#include "iscsi/survey.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "iscsi/session.h"

struct inquiry;

/* What one reactor finds: rows[order[0..n)] by rising TSIH, and whether there were more. */
struct survey_part {
	struct reactor_msg msg; /* first */
	struct inquiry *whole;
	unsigned n, taken;
	bool more;
	uint8_t order[SURVEY_MAX];
	struct survey_session rows[SURVEY_MAX];
};

struct inquiry {
	uint16_t from;
	char target[ISCSI_NAME_MAX + 1]; /* empty: any */
	pthread_mutex_t lock;
	pthread_cond_t answered;
	unsigned left;	  /* under lock: reactors that have not answered */
	unsigned holders; /* under lock: those, and who asked */
	unsigned nparts;
	struct survey_part parts[];
};

static struct inquiry *inquiry_new(unsigned nparts, uint16_t from, const char *target)
{
	struct inquiry *q = calloc(1, sizeof(*q) + nparts * sizeof(q->parts[0]));

	if (!q)
		return NULL;
	q->from = from;
	q->nparts = q->left = nparts;
	q->holders = nparts + 1;
	if (target)
		strncpy(q->target, target, sizeof(q->target) - 1);
	pthread_mutex_init(&q->lock, NULL);
	clock_cond_init(&q->answered);
	return q;
}

/* Called with the lock held, which is gone afterwards. */
static void leave(struct inquiry *q)
{
	bool last = --q->holders == 0;

	pthread_mutex_unlock(&q->lock);
	if (!last)
		return;
	pthread_cond_destroy(&q->answered);
	pthread_mutex_destroy(&q->lock);
	free(q);
}

/* ---- on a reactor ---- */

static void describe(struct survey_session *out, const struct session *s)
{
	const struct reactor *r = s->conn.reactor;

	out->params = s->params;
	memcpy(out->isid, s->entry.isid, sizeof(out->isid));
	out->tsih = s->tsih;
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
	describe(&p->rows[row], s);
}

static void run_part(struct reactor *reactor, struct reactor_msg *m)
{
	struct survey_part *p = container_of(m, struct survey_part, msg);
	struct inquiry *q = p->whole;

	list_for_each (it, &reactor->all) {
		const struct session *s = session_of(container_of(it, struct conn, link));
		if (is_asked_for(q, s))
			insert(p, s);
	}
	pthread_mutex_lock(&q->lock);
	if (--q->left == 0)
		pthread_cond_signal(&q->answered);
	leave(q);
}

/* ---- who asks ---- */

/* The row of the lowest TSIH that was not taken yet, of all parts; NULL: none is left. */
static const struct survey_session *lowest(struct inquiry *q)
{
	const struct survey_session *best = NULL;
	struct survey_part *from = NULL;

	for (unsigned i = 0; i < q->nparts; i++) {
		struct survey_part *p = &q->parts[i];
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
static void merge(struct inquiry *q, struct survey *out)
{
	const struct survey_session *s;

	out->n = 0;
	out->next = 0;
	while (out->n < SURVEY_MAX && (s = lowest(q)))
		out->at[out->n++] = *s;
	bool more = lowest(q) != NULL;
	for (unsigned i = 0; i < q->nparts; i++)
		more |= q->parts[i].more;
	if (more && out->n && out->at[out->n - 1].tsih < UINT16_MAX)
		out->next = out->at[out->n - 1].tsih + 1u;
}

static int wait_for_all(struct inquiry *q, unsigned ms)
{
	const struct timespec until = clock_after(ms);
	int err = 0;

	while (q->left && !err)
		err = pthread_cond_timedwait(&q->answered, &q->lock, &until);
	return q->left ? -ETIMEDOUT : 0;
}

int survey_take(struct iscsi_node *n, uint16_t from, const char *target, unsigned ms,
		struct survey *out)
{
	struct inquiry *q = inquiry_new(n->nworkers, from, target);

	if (!q)
		return -ENOMEM;
	for (unsigned i = 0; i < n->nworkers; i++) {
		q->parts[i].msg.run = run_part;
		q->parts[i].whole = q;
		reactor_post(&n->workers[i].reactor, &q->parts[i].msg);
	}
	pthread_mutex_lock(&q->lock);
	int err = wait_for_all(q, ms);
	if (!err)
		merge(q, out);
	leave(q);
	return err;
}
