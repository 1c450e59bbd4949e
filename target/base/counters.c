// SPDX-License-Identifier: MIT
/* counters.c - the names of the counters, and reading them. */
#include "base/counters.h"

#include <assert.h>

static const struct {
	const char *name, *text;
} rows[COUNTERS] = {
#define COUNTER(id, name_, text_) [COUNT_##id] = {#name_, text_},
#include "tbl/counters.def"
};

void counters_get(const struct counters *c, uint64_t sum[static COUNTERS])
{
	for (int i = 0; i < COUNTERS; i++)
		sum[i] += atomic_load_explicit(&c->n[i], memory_order_relaxed);
}

const char *counter_name(enum counter which)
{
	assert(which < COUNTERS);
	return rows[which].name;
}

const char *counter_text(enum counter which)
{
	assert(which < COUNTERS);
	return rows[which].text;
}
