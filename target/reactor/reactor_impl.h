/* SPDX-License-Identifier: MIT */
/* reactor_impl.h - what the connection's files ask of the reactor. */
#ifndef MEMTGT_REACTOR_IMPL_H
#define MEMTGT_REACTOR_IMPL_H

#include "reactor/engine_impl.h"
#include "reactor/reactor.h"

/* In the engine's callbacks: `now` may be of before a long sleep. */
static inline void reactor_refresh_now(struct reactor *r)
{
	if (!r->now_stale)
		return;
	r->now_stale = false;
	r->now = r->engine->ops->now(r->engine);
}

#endif
