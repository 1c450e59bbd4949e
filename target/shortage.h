/* SPDX-License-Identifier: MIT */
/*
 * shortage.h - what is done when memory gets short: the pool's own, or the host's.
 *
 *	used to pool.soft_threshold	a log line, and initiators are told (38/07)
 *	the host is YELLOW		no page is kept in reserve
 *	         ... ORANGE		and initiators are told
 *	         ... RED		and there are no new pages (27/07); all that is there goes
 *on
 */
#ifndef MEMTGT_SHORTAGE_H
#define MEMTGT_SHORTAGE_H

struct config;
struct iscsi_node;
struct pressure_watch;
struct store;

struct shortage {
	const struct config *config;
	struct store *store;
	struct iscsi_node *node;
	struct pressure_watch *watch; /* NULL: pool.reclaim is off */
};

/* The reactors run. From the main thread, as is the end. */
void shortage_start(struct shortage *s, const struct config *c, struct store *store,
		    struct iscsi_node *node);
/* How the host is: "GREEN", "YELLOW", "ORANGE", "RED", or "off": nobody watches it. From any thread
 * between the two. */
const char *shortage_host(const struct shortage *s);
/* While the reactors still run. Nothing to do if it was not started. */
void shortage_stop(struct shortage *s);

#endif
