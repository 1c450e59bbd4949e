// SPDX-License-Identifier: MIT
/* shortage.c - memory gets short: the store is told to hold back, and initiators are told. */
#include "shortage.h"

#include <string.h>

#include "base/config.h"
#include "base/log.h"
#include "iscsi/live.h"
#include "pressure/watch.h"
#include "store/store.h"

#define MIB ((uint64_t)1 << 20)

static const enum store_gate gates[PRESSURE_STATES] = {
	[PRESSURE_GREEN] = STORE_GATE_OPEN,
	[PRESSURE_YELLOW] = STORE_GATE_LEAN,
	[PRESSURE_ORANGE] = STORE_GATE_LEAN,
	[PRESSURE_RED] = STORE_GATE_SHUT,
};

static void told(void *arg, unsigned found)
{
	(void)arg;
	(void)found;
}

static void tell_initiators(struct shortage *s)
{
	const struct live_change c = {.event = LIVE_SHORT};

	if (live_start(s->node, &c, told, NULL))
		log_error("no memory to tell initiators that memory is short");
}

/* From the store's thread. */
static void pool_is_short(void *arg)
{
	struct shortage *s = arg;
	struct store_stats st;

	store_get_stats(s->store, &st);
	log_warn("memory: %llu of %llu MiB are used, and thin LUNs may ask for %llu MiB more: the "
		 "pool, or what the host can give, is used to %u percent (pool.soft_threshold)",
		 (unsigned long long)(st.pages_used * STORE_PAGE_SIZE / MIB),
		 (unsigned long long)(st.pages_max * STORE_PAGE_SIZE / MIB),
		 (unsigned long long)((st.pages_lent - st.pages_used) * STORE_PAGE_SIZE / MIB),
		 s->config->pool.soft_threshold);
	tell_initiators(s);
}

/* From the thread that watches the host. */
static void host_changed(void *arg, enum pressure_state from, enum pressure_state to,
			 const struct pressure_sample *sample)
{
	struct shortage *s = arg;

	log_line(to > from ? LOG_LEVEL_WARNING : LOG_LEVEL_INFO,
		 "memory of the host: %s, was %s: %llu MiB available", pressure_name(to),
		 pressure_name(from), (unsigned long long)(sample->available / MIB));
	store_set_gate(s->store, gates[to]);
	if (to == PRESSURE_ORANGE && to > from)
		tell_initiators(s);
}

/* Without it memtgtd serves as well: the store asks for available memory at each page. */
static void watch_host(struct shortage *s)
{
	const struct pressure_watch_options o = {.headroom = s->config->pool.headroom,
						 .meminfo = "/proc/meminfo",
						 .stalls = "/proc/pressure/memory",
						 .trigger = true,
						 .interval_ns = NS_PER_S,
						 .changed = host_changed,
						 .arg = s};
	int err = pressure_watch_start(&s->watch, &o);

	if (err)
		log_warn("the host's memory cannot be watched: %s", strerror(-err));
}

void shortage_start(struct shortage *s, const struct config *c, struct store *store,
		    struct iscsi_node *node)
{
	*s = (struct shortage){.config = c, .store = store, .node = node};
	store_on_threshold(store, pool_is_short, s);
	if (c->pool.reclaim)
		watch_host(s);
}

const char *shortage_host(const struct shortage *s)
{
	struct pressure_sample sample;

	return s->watch ? pressure_name(pressure_watch_state(s->watch, &sample)) : "off";
}

void shortage_stop(struct shortage *s)
{
	pressure_watch_stop(s->watch);
	s->watch = NULL;
	if (s->store)
		store_on_threshold(s->store, NULL, NULL);
}
