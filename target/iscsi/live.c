// SPDX-License-Identifier: MIT
/* live.c - tells all sessions of a target what became of a LUN. */
#include "iscsi/live.h"

#include <errno.h>

#include "iscsi/ask.h"
#include "iscsi/async.h"
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
	[LIVE_STARTED]   = { .tells = true, .told = SCSI_UA_READY },
	[LIVE_SHORT]     = { .ends = false },
	[LIVE_ASK]       = { .ends = false },
};
/* clang-format on */

struct live {
	struct ask ask; /* first */
	struct live_change change;
	void (*done)(void *arg, unsigned found);
	void *arg;
	_Atomic unsigned found;
};

static void tell_session(struct session *s, struct live *v)
{
	const struct live_change *c = &v->change;
	const struct event *e = &events[c->event];

	if (c->event == LIVE_ASK && scsi_lu_was_other(&s->nexus, c->id))
		v->found++;
	if (c->event == LIVE_SHORT)
		scsi_memory_short(&s->nexus);
	if (e->ends && c->lu)
		task_changed_all(s, c->lu, e->change);
	if (e->replaces) {
		scsi_lu_replaced(&s->nexus, c->id, e->is_there);
		scsi_luns_changed(&s->nexus, c->id);
		async_scsi_event(s, c->id, SCSI_UA_LUNS_CHANGED);
	}
	if (e->tells) {
		scsi_attention_raise(&s->nexus, c->id, e->told);
		async_scsi_event(s, c->id, e->told);
	}
}

/* What a nexus does not see it never knew, and is not told of. */
static bool is_meant(const struct session *s, const struct live_change *c)
{
	if (c->event == LIVE_SHORT)
		return true;
	return s->target == c->target && scsi_lun_map_sees(&s->nexus.luns, c->id);
}

static void run(struct ask *a, struct ask_part *p, struct reactor *reactor)
{
	struct live *v = container_of(a, struct live, ask);
	(void)p;

	list_for_each (it, &reactor->all) {
		struct session *s = session_of(container_of(it, struct conn, link));
		/* A session has a nexus from the end of its login on: pdu_login.c. */
		if (!s->nexus.ua || !is_meant(s, &v->change))
			continue;
		if (!s->conn.is_dead)
			tell_session(s, v);
		else if (events[v->change.event].replaces)
			scsi_lu_replaced(&s->nexus, v->change.id, false);
	}
}

static void all(struct ask *a)
{
	const struct live *v = container_of(a, struct live, ask);

	if (v->done)
		v->done(v->arg, v->found);
}

static const struct ask_kind live_kind = {
	.size = sizeof(struct live),
	.part_size = sizeof(struct ask_part),
	.run = run,
	.all = all,
};

static struct live *live_new(struct iscsi_node *n, const struct live_change *c)
{
	struct ask *a = ask_new(n, &live_kind);

	if (!a)
		return NULL;
	struct live *v = container_of(a, struct live, ask);
	v->change = *c;
	return v;
}

int live_start(struct iscsi_node *n, const struct live_change *c,
	       void (*done)(void *arg, unsigned found), void *arg)
{
	struct live *v = live_new(n, c);

	if (!v)
		return -ENOMEM;
	v->done = done;
	v->arg = arg;
	ask_post(&v->ask);
	ask_leave(&v->ask);
	return 0;
}

int live_tell(struct iscsi_node *n, const struct live_change *c, unsigned limit_ms, unsigned *found)
{
	struct live *v = live_new(n, c);

	if (!v)
		return -ENOMEM;
	ask_post(&v->ask);
	int rc = ask_wait(&v->ask, limit_ms);
	if (!rc && found)
		*found = v->found;
	ask_leave(&v->ask);
	return rc;
}
