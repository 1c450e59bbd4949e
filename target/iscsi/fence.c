// SPDX-License-Identifier: MIT
/* fence.c - see fence.h. */
#include "iscsi/fence.h"

#include <errno.h>

#include "iscsi/ask.h"
#include "iscsi/session.h"
#include "iscsi/task.h"

struct fence {
	struct ask ask; /* first */
	struct scsi_fence what;
	struct session_ref origin; /* of the task that waits; reactor NULL: nobody's */
	uint32_t itt;
};

static bool is_origin(const struct fence *f, const struct session *s)
{
	const struct session_ref me = session_ref(s);

	return me.reactor == f->origin.reactor && me.id == f->origin.id;
}

static void tell_session(struct fence *f, struct session *s)
{
	switch (f->what.tell(&f->what, &s->nexus)) {
	case FENCE_NOTHING:
		return;
	case FENCE_CHECK:
		task_changed_all(s, f->what.lu, SCSI_CHANGE_RESERVED);
		return;
	case FENCE_ABORT:
		/* SAM-5 5.14: who lost commands without an answer (TAS 0) by another one learns of
		 * it. */
		if (task_abort_others(s, f->what.id, f) && !is_origin(f, s))
			scsi_attention_raise(&s->nexus, f->what.id, SCSI_UA_COMMANDS_CLEARED);
	}
}

static void run(struct ask *a, struct ask_part *p, struct reactor *reactor)
{
	struct fence *f = container_of(a, struct fence, ask);
	(void)p;

	list_for_each_safe (it, next, &reactor->all) {
		struct session *s = session_of(container_of(it, struct conn, link));
		if (!s->conn.is_dead && s->nexus.ua && s->target == f->what.target)
			tell_session(f, s);
	}
}

/* The task may be gone: aborted, or with its session. */
static void all(struct ask *a)
{
	struct fence *f = container_of(a, struct fence, ask);
	struct session *s = f->origin.reactor ? session_at(f->origin) : NULL;
	struct task *t = s ? task_by_itt(s, f->itt) : NULL;

	if (t && t->fence == f)
		task_unfenced(t);
	if (f->what.release)
		f->what.release(&f->what);
}

static const struct ask_kind fence_kind = {
	.size = sizeof(struct fence),
	.part_size = sizeof(struct ask_part),
	.run = run,
	.all = all,
};

static struct fence *fence_new(struct iscsi_node *n)
{
	struct ask *a = ask_new(n, &fence_kind);

	return a ? container_of(a, struct fence, ask) : NULL;
}

/* It was not asked. */
static void fence_drop(struct fence *f)
{
	ask_leave(&f->ask);
	ask_leave(&f->ask);
}

struct fence *fence_start(struct task *t)
{
	struct fence *f = fence_new(t->s->w->node);

	if (!f) {
		scsi_data_failed(&t->scsi, SENSE_BUSY);
		return NULL;
	}
	if (scsi_fence(&t->scsi, &f->what) != SCSI_FENCE) {
		fence_drop(f);
		return NULL;
	}
	f->origin = session_ref(t->s);
	f->itt = t->itt;
	f->ask.home = f->origin.reactor;
	ask_post(&f->ask);
	ask_leave(&f->ask);
	return f;
}

int fence_tell(struct iscsi_node *n, int (*make)(void *arg, struct scsi_fence *f), void *arg,
	       unsigned limit_ms)
{
	struct fence *f = fence_new(n);

	if (!f)
		return -ENOMEM;
	int rc = make(arg, &f->what);
	if (rc || !f->what.tell) {
		fence_drop(f);
		return rc;
	}
	ask_post(&f->ask);
	rc = ask_wait(&f->ask, limit_ms);
	ask_leave(&f->ask);
	return rc;
}
