/* SPDX-License-Identifier: MIT */
/* engine_impl.h - what the engines share: partial sends, spinning before sleep, sleeping safely. */
#ifndef MEMTGT_ENGINE_IMPL_H
#define MEMTGT_ENGINE_IMPL_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/list.h"
#include "reactor/engine.h"

/* Does MEMTGT_ENGINE_REFUSE name it? */
bool engine_refused(const char *feature);
/* Takes `n` bytes, which were sent, off the front of the message. */
void engine_advance(struct msghdr *msg, size_t n);
/* An engine_io that was not seen before. */
void engine_io_init(struct engine_io *io);

static inline bool engine_has_mail(struct engine *e)
{
	return e->mail && atomic_load(e->mail);
}

/*
 * Announces sleep. False: a message came, do not sleep. Both this store and the poster's push are
 * sequentially consistent and each side then looks at what the other wrote, so at least one of
 * them sees it: the poster wakes the thread, or the thread sees the message.
 */
static inline bool engine_sleep_begin(struct engine *e)
{
	atomic_store(&e->asleep, true);
	if (!engine_has_mail(e))
		return true;
	atomic_store(&e->asleep, false);
	return false;
}

static inline void engine_sleep_end(struct engine *e)
{
	atomic_store(&e->asleep, false);
}

/*
 * Busy waiting pays when work comes soon: a sleeper costs its peer a wake-up. It is tried only
 * while the average of recent waits is below the limit, so that it mostly ends with work, and never
 * longer than the limit: on a machine that others use an unbounded spinner is descheduled just when
 * work comes. (Up to twice the limit, as first proposed, cost 0.8 us of 4.5 per 4 KiB read at queue
 * depth 32, where waits are about 100 us, and won nothing.)
 */
struct spin {
	uint64_t limit, average; /* ns */
};

static inline void spin_init(struct spin *s, unsigned us)
{
	s->limit = us * NS_PER_US;
	s->average = 0;
}

static inline bool spin_pays(const struct spin *s)
{
	return s->average < s->limit;
}

/* One long wait must not end spinning for long: a sample counts at most four limits. */
static inline void spin_learn(struct spin *s, uint64_t waited)
{
	uint64_t sample = waited < 4 * s->limit ? waited : 4 * s->limit;

	s->average += sample / 8;
	s->average -= s->average / 8;
}

static inline void spin_relax(void)
{
#if defined(__x86_64__) || defined(__i386__)
	__builtin_ia32_pause();
#elif defined(__aarch64__)
	__asm__ __volatile__("yield" ::: "memory");
#else
	atomic_signal_fence(memory_order_seq_cst);
#endif
}

#endif
