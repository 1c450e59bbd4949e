// SPDX-License-Identifier: MIT
/* pressure.c - when the host's shortage of memory gets worse, and when it is over. */
#include "pressure/pressure.h"

/* A state is entered when one of its limits is passed. */
static const struct level {
	const char *name;
	double headroom; /* less than this share of it is available */
	double stalled;	 /* tasks stalled for more than this part of the time... */
	uint64_t for_ns; /* ...for so long; 0: any time */
} levels[PRESSURE_STATES] = {
	[PRESSURE_GREEN] = {.name = "GREEN"},
	[PRESSURE_YELLOW] = {.name = "YELLOW", .headroom = 1.25, .stalled = 0.01},
	[PRESSURE_ORANGE] = {.name = "ORANGE",
			     .headroom = 1.0,
			     .stalled = 0.05,
			     .for_ns = 3 * NS_PER_S},
	/* Stalls alone never stop new pages: they may come of something that we do not use. */
	[PRESSURE_RED] = {.name = "RED", .headroom = 0.5, .stalled = 2.0},
};

/* To get better, limits must be kept by this much. */
#define BETTER_AVAILABLE 1.1
#define BETTER_STALLED	 0.5

const char *pressure_name(enum pressure_state s)
{
	return levels[s].name;
}

void pressure_init(struct pressure *p, uint64_t headroom)
{
	*p = (struct pressure){.headroom = headroom};
}

static double smooth(double old, double value, uint64_t ns)
{
	double weight = ns < PRESSURE_SMOOTH_NS ? (double)ns / (double)PRESSURE_SMOOTH_NS : 1.0;

	return old + (value - old) * weight;
}

static void watch_stalls(struct pressure *p, uint64_t now)
{
	for (enum pressure_state s = PRESSURE_YELLOW; s < PRESSURE_STATES; s++) {
		if (p->stalled <= levels[s].stalled)
			p->stalled_since[s] = 0;
		else if (!p->stalled_since[s])
			p->stalled_since[s] = now;
	}
}

static void take(struct pressure *p, const struct pressure_sample *s)
{
	uint64_t ns = s->now - p->last.now;

	if (!p->fed) {
		p->fed = true;
		p->available = (double)s->available;
	} else if (ns) {
		uint64_t stalled = s->stalled_us - p->last.stalled_us;
		p->available = smooth(p->available, (double)s->available, ns);
		p->stalled = smooth(p->stalled, (double)(stalled * NS_PER_US) / (double)ns, ns);
		watch_stalls(p, s->now);
	}
	p->last = *s;
}

/* What there is now counts, not an average: memory goes faster than an average can tell. */
static bool is_passed(const struct pressure *p, enum pressure_state s)
{
	const struct level *l = &levels[s];
	uint64_t since = p->stalled_since[s];

	if ((double)p->last.available < l->headroom * (double)p->headroom)
		return true;
	return since && p->last.now - since >= l->for_ns;
}

static bool is_calm(const struct pressure *p)
{
	const struct level *l = &levels[p->state];
	double enough = l->headroom * (double)p->headroom * BETTER_AVAILABLE;

	return p->available >= enough && (double)p->last.available >= enough &&
	       p->stalled <= l->stalled * BETTER_STALLED;
}

static bool is_over(struct pressure *p)
{
	uint64_t now = p->last.now;

	if (!is_calm(p)) {
		p->calm_since = 0;
		return false;
	}
	if (!p->calm_since)
		p->calm_since = now;
	return now - p->calm_since >= PRESSURE_CALM_NS;
}

enum pressure_state pressure_step(struct pressure *p, const struct pressure_sample *s)
{
	bool worse = false;

	take(p, s);
	for (enum pressure_state i = p->state + 1; i < PRESSURE_STATES; i++)
		worse |= is_passed(p, i);
	if (worse) {
		p->state++;
		p->calm_since = 0;
	} else if (p->state != PRESSURE_GREEN && is_over(p)) {
		p->state--;
		p->calm_since = 0;
	}
	return p->state;
}
