// SPDX-License-Identifier: MIT
/* ask.c - one question to every reactor: see ask.h. */
#include "iscsi/ask.h"

#include <errno.h>
#include <stdlib.h>
#include <time.h>

#include "base/clock.h"
#include "iscsi/node.h"

/* The parts lie behind the question. */
static size_t aligned(size_t n)
{
	const size_t to = _Alignof(max_align_t);

	return (n + to - 1) / to * to;
}

struct ask_part *ask_part(const struct ask *a, unsigned i)
{
	const struct ask_kind *k = a->kind;

	return (void *)((uintptr_t)a + aligned(k->size) + i * aligned(k->part_size));
}

/* The reactors are done. */
static void finish(struct ask *a)
{
	if (a->kind->all)
		a->kind->all(a);
	pthread_mutex_lock(&a->lock);
	a->is_over = true;
	pthread_cond_signal(&a->over);
	pthread_mutex_unlock(&a->lock);
	ask_leave(a);
}

static void run_at_home(struct reactor *reactor, struct reactor_msg *m)
{
	(void)reactor;
	finish(container_of(m, struct ask, at_home));
}

/* Who is not the last must not touch it after he has counted himself out. */
static void run_part(struct reactor *reactor, struct reactor_msg *m)
{
	struct ask_part *p = container_of(m, struct ask_part, msg);
	struct ask *a = p->whole;

	a->kind->run(a, p, reactor);
	if (atomic_fetch_sub(&a->left, 1) != 1)
		return;
	if (a->home)
		reactor_post(a->home, &a->at_home);
	else
		finish(a);
}

struct ask *ask_new(struct iscsi_node *n, const struct ask_kind *k)
{
	struct ask *a = calloc(1, aligned(k->size) + n->nworkers * aligned(k->part_size));

	if (!a)
		return NULL;
	a->kind = k;
	a->node = n;
	a->at_home.run = run_at_home;
	a->left = n->nworkers;
	a->holders = 2;
	pthread_mutex_init(&a->lock, NULL);
	clock_cond_init(&a->over);
	return a;
}

void ask_leave(struct ask *a)
{
	if (atomic_fetch_sub(&a->holders, 1) != 1)
		return;
	pthread_cond_destroy(&a->over);
	pthread_mutex_destroy(&a->lock);
	free(a);
}

/* The caller holds it, so it is there until all are posted. */
void ask_post(struct ask *a)
{
	struct iscsi_node *n = a->node;

	for (unsigned i = 0; i < n->nworkers; i++) {
		struct ask_part *p = ask_part(a, i);

		p->msg.run = run_part;
		p->whole = a;
		reactor_post(&n->workers[i].reactor, &p->msg);
	}
	if (!n->nworkers)
		finish(a);
}

int ask_wait(struct ask *a, unsigned ms)
{
	const struct timespec until = clock_after(ms);
	int rc = 0;

	pthread_mutex_lock(&a->lock);
	while (!a->is_over && rc != ETIMEDOUT)
		rc = pthread_cond_timedwait(&a->over, &a->lock, &until);
	bool over = a->is_over;
	pthread_mutex_unlock(&a->lock);
	return over ? 0 : -ETIMEDOUT;
}
