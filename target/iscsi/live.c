// SPDX-License-Identifier: MIT
/* live.c - tells all sessions of a target what became of a LUN. */
#include "iscsi/live.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <time.h>

#include "base/clock.h"
#include "iscsi/session.h"
#include "iscsi/task.h"

/* clang-format off */
static const struct event {
	bool ends, tells, replaces;
	enum scsi_change change;    /* ends: which commands */
	enum scsi_attention told;   /* tells: by way of this LUN; SPC-4 5.14, SBC-3 4.5 */
	bool is_there;		    /* replaces: a LU; else none */
} events[LIVE_EVENTS] = {
	[LIVE_ADDED]     = { .replaces = true, .is_there = true },
	[LIVE_REMOVED]   = { .replaces = true, .ends = true, .change = SCSI_CHANGE_GONE },
	[LIVE_READ_ONLY] = { .ends = true, .change = SCSI_CHANGE_READ_ONLY,
			     .tells = true, .told = SCSI_UA_MODE_CHANGED },
	[LIVE_WRITABLE]  = { .tells = true, .told = SCSI_UA_MODE_CHANGED },
	[LIVE_HELD]      = { .ends = true, .change = SCSI_CHANGE_HELD },
	[LIVE_RESIZED]   = { .tells = true, .told = SCSI_UA_CAPACITY_CHANGED },
	[LIVE_SHORT]     = { .ends = false },
	[LIVE_ASK]       = { .ends = false },
};
/* clang-format on */

struct live;

struct live_part {
	struct reactor_msg msg; /* first */
	struct live *whole;
};

/* Freed by the reactor that is last. */
struct live {
	struct live_change change;
	void (*done)(void *arg, unsigned found);
	void *arg;
	_Atomic unsigned left; /* reactors that have not run it */
	_Atomic unsigned found;
	struct live_part parts[];
};

static void end_tasks(struct session *s, const struct scsi_lu *lu, enum scsi_change change)
{
	list_for_each (it, &s->tasks) {
		struct task *t = container_of(it, struct task, link);
		if (t->scsi.lu == lu)
			task_changed(t, change);
	}
}

static void tell_session(struct session *s, struct live *v)
{
	const struct live_change *c = &v->change;
	const struct event *e = &events[c->event];

	if (c->event == LIVE_ASK && scsi_lu_was_other(&s->nexus, c->id))
		v->found++;
	if (c->event == LIVE_SHORT)
		scsi_memory_short(&s->nexus);
	if (e->ends && c->lu)
		end_tasks(s, c->lu, e->change);
	if (e->replaces) {
		scsi_lu_replaced(&s->nexus, c->id, e->is_there);
		scsi_luns_changed(&s->nexus, c->id);
	}
	if (e->tells)
		scsi_attention_raise(&s->nexus, c->id, e->told);
}

static void finish(struct live *v)
{
	v->done(v->arg, v->found);
	free(v);
}

static void run_part(struct reactor *reactor, struct reactor_msg *m)
{
	struct live *v = container_of(m, struct live_part, msg)->whole;

	list_for_each (it, &reactor->all) {
		struct session *s = session_of(container_of(it, struct conn, link));
		/* A session has a nexus from the end of its login on: pdu_login.c. */
		bool is_meant = v->change.event == LIVE_SHORT || s->target == v->change.target;
		if (!s->conn.is_dead && s->nexus.ua && is_meant)
			tell_session(s, v);
	}
	if (atomic_fetch_sub(&v->left, 1) == 1)
		finish(v);
}

int live_start(struct iscsi_node *n, const struct live_change *c,
	       void (*done)(void *arg, unsigned found), void *arg)
{
	struct live *v = calloc(1, sizeof(*v) + n->nworkers * sizeof(v->parts[0]));
	unsigned workers = n->nworkers;

	if (!v)
		return -ENOMEM;
	v->change = *c;
	v->done = done;
	v->arg = arg;
	v->left = workers;
	for (unsigned i = 0; i < workers; i++) {
		v->parts[i] = (struct live_part){.msg.run = run_part, .whole = v};
		reactor_post(&n->workers[i].reactor, &v->parts[i].msg);
	}
	if (!workers)
		finish(v);
	return 0;
}

/* ---- waiting ---- */

/* Of the one who waits and of the one who answers: the second to leave frees it. */
struct wait {
	pthread_mutex_t lock;
	pthread_cond_t answered;
	bool is_over, is_abandoned;
	unsigned found;
};

static struct wait *wait_new(void)
{
	struct wait *w = calloc(1, sizeof(*w));

	if (!w)
		return NULL;
	pthread_mutex_init(&w->lock, NULL);
	clock_cond_init(&w->answered);
	return w;
}

static void wait_free(struct wait *w)
{
	pthread_cond_destroy(&w->answered);
	pthread_mutex_destroy(&w->lock);
	free(w);
}

static void answer(void *arg, unsigned found)
{
	struct wait *w = arg;

	pthread_mutex_lock(&w->lock);
	w->is_over = true;
	w->found = found;
	pthread_cond_signal(&w->answered);
	bool abandoned = w->is_abandoned;
	pthread_mutex_unlock(&w->lock);
	if (abandoned)
		wait_free(w);
}

static int wait_for(struct wait *w, unsigned limit_ms, unsigned *found)
{
	const struct timespec until = clock_after(limit_ms);
	int rc = 0;

	pthread_mutex_lock(&w->lock);
	while (!w->is_over && rc != ETIMEDOUT)
		rc = pthread_cond_timedwait(&w->answered, &w->lock, &until);
	bool over = w->is_over;
	w->is_abandoned = !over;
	if (over && found)
		*found = w->found;
	pthread_mutex_unlock(&w->lock);
	if (over)
		wait_free(w);
	return over ? 0 : -ETIMEDOUT;
}

int live_tell(struct iscsi_node *n, const struct live_change *c, unsigned limit_ms, unsigned *found)
{
	struct wait *w = wait_new();

	if (!w)
		return -ENOMEM;
	int rc = live_start(n, c, answer, w);
	if (rc) {
		wait_free(w);
		return rc;
	}
	return wait_for(w, limit_ms, found);
}
