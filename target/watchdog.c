// SPDX-License-Identifier: MIT
/* watchdog.c - messages to all reactors, and a sign of life when they were run. */
#include "watchdog.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/notify.h"

/* A reactor that was only slow is not to cost a whole turn. */
#define LOOK_AGAIN_NS (200 * NS_PER_MS)

int watchdog_start(struct watchdog *w, uint64_t us, size_t reactors, uint64_t now)
{
	*w = (struct watchdog){.every = us * NS_PER_US / 2, .next = now};
	if (!us)
		return 0;
	w->probes = calloc(reactors, sizeof(*w->probes));
	w->n = reactors;
	return w->probes ? 0 : -ENOMEM;
}

static void answer(struct reactor *r, struct reactor_msg *m)
{
	struct watchdog_probe *p = container_of(m, struct watchdog_probe, msg);

	(void)r;
	atomic_store(&p->out, false);
}

void watchdog_add(struct watchdog *w, size_t i, struct reactor *r)
{
	if (!w->every)
		return;
	w->probes[i].reactor = r;
	w->probes[i].msg.run = answer;
}

void watchdog_free(struct watchdog *w)
{
	free(w->probes);
	*w = (struct watchdog){0};
}

static const struct watchdog_probe *find_silent(const struct watchdog *w)
{
	for (size_t i = 0; i < w->n; i++)
		if (atomic_load(&w->probes[i].out))
			return &w->probes[i];
	return NULL;
}

static void ask_all(struct watchdog *w)
{
	for (size_t i = 0; i < w->n; i++) {
		atomic_store(&w->probes[i].out, true);
		reactor_post(w->probes[i].reactor, &w->probes[i].msg);
	}
}

void watchdog_turn(struct watchdog *w, uint64_t now)
{
	if (!w->every || now < w->next)
		return;
	const struct watchdog_probe *silent = find_silent(w);
	if (silent) {
		if (!w->late)
			log_warn("reactor %u has not answered for %llu ms",
				 silent->reactor->o.index,
				 (unsigned long long)(w->every / NS_PER_MS));
		w->late = true;
		w->next = now + (w->every < LOOK_AGAIN_NS ? w->every : LOOK_AGAIN_NS);
		return;
	}
	notify_watchdog();
	ask_all(w);
	w->late = false;
	w->next = now + w->every;
}

int watchdog_wait_ms(const struct watchdog *w, uint64_t now)
{
	if (!w->every)
		return -1;
	uint64_t ms = w->next > now ? (w->next - now + NS_PER_MS - 1) / NS_PER_MS : 0;
	return ms < 3600000 ? (int)ms : 3600000;
}
