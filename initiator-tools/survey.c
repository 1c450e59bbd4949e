// SPDX-License-Identifier: MIT
/* survey.c - the loop. */
#include "initiator-tools/survey.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>

#include "base/clock.h"
#include "initiator-tools/own_luns.h"
#include "initiator-tools/path.h"
#include "initiator-tools/rank.h"

#define TICK_MS	    20
#define FILES_SPARE 64 /* descriptors for all else */

struct run {
	const struct survey *s;
	struct probe *probes;
	struct probe **order; /* to be measured, the fittest first */
	struct pollfd *fds;
	struct probe **polled; /* by place in fds */
	size_t n, started, at_once;
	uint8_t *buf;
};

/* As many as there may be files open, after asking for more. */
static size_t files_limit(size_t wanted)
{
	struct rlimit l;

	if (getrlimit(RLIMIT_NOFILE, &l))
		return wanted;
	if (l.rlim_cur < wanted + FILES_SPARE) {
		rlim_t more = wanted + FILES_SPARE;
		l.rlim_cur = more < l.rlim_max ? more : l.rlim_max;
		if (setrlimit(RLIMIT_NOFILE, &l) || getrlimit(RLIMIT_NOFILE, &l))
			return 16;
	}
	if (l.rlim_cur >= wanted + FILES_SPARE)
		return wanted;
	return l.rlim_cur > FILES_SPARE ? (size_t)l.rlim_cur - FILES_SPARE : 1;
}

/* One donor has two sessions at most. */
static size_t at_once(const struct survey *s)
{
	size_t most = s->at_once && s->at_once < SURVEY_AT_ONCE ? s->at_once : SURVEY_AT_ONCE;
	size_t n = files_limit(2 * most) / 2;

	return n ? n : 1;
}

uint64_t survey_limit(const struct survey *s, size_t n)
{
	return (n / at_once(s) + 1) * s->rules.timeout_ns + s->limits.all_ns;
}

static int open_run(struct run *r, const struct survey *s, size_t n)
{
	*r = (struct run){.s = s, .n = n, .at_once = at_once(s)};
	r->probes = calloc(n, sizeof(*r->probes));
	r->order = calloc(n, sizeof(struct probe *));
	r->fds = calloc(n, sizeof(*r->fds));
	r->polled = calloc(n, sizeof(struct probe *));
	r->buf = malloc(PATH_LARGE);
	return r->probes && r->order && r->fds && r->polled && r->buf ? 0 : -ENOMEM;
}

static void close_run(struct run *r)
{
	for (size_t i = 0; r->probes && i < r->n; i++)
		probe_end(&r->probes[i]);
	free(r->probes);
	free(r->order);
	free(r->fds);
	free(r->polled);
	free(r->buf);
}

/* Whoever reads over our shoulder knows whose bytes these are. NULL: nobody's. */
static void serving(const struct run *r, const struct probe *p)
{
	if (r->s->serving)
		*(volatile unsigned *)r->s->serving = p ? 1u + (unsigned)(p - r->probes) : 0;
}

/* One poll of all that are open, and what follows from it. */
static void turn(struct run *r, int wait_ms)
{
	nfds_t n = 0;

	for (size_t i = 0; i < r->n; i++) {
		short events = 0;
		int fd = probe_fd(&r->probes[i], &events);
		if (fd < 0)
			continue;
		r->fds[n] = (struct pollfd){.fd = fd, .events = events};
		r->polled[n++] = &r->probes[i];
	}
	if (poll(r->fds, n, wait_ms) <= 0)
		return;
	for (nfds_t i = 0; i < n; i++)
		if (r->fds[i].revents) {
			serving(r, r->polled[i]);
			probe_service(r->polled[i], r->fds[i].revents);
		}
	serving(r, NULL);
}

/* ---- asking ---- */

static bool is_busy(const struct probe *p)
{
	return p->phase != PROBE_WAITING && p->phase < PROBE_IDLE;
}

/* Starts what there is room for; false: all have answered or failed. */
static bool start_more(struct run *r, uint64_t now)
{
	size_t busy = 0, open = 0;

	for (size_t i = 0; i < r->started; i++) {
		probe_tick(&r->probes[i], now);
		busy += is_busy(&r->probes[i]);
		open += r->probes[i].phase != PROBE_ENDED;
	}
	/* Sessions kept for measuring count, or there would be no end of them. */
	for (; open < r->at_once && r->started < r->n; r->started++, open++, busy++)
		probe_start(&r->probes[r->started], now);
	if (!busy && r->started < r->n) { /* all that are open wait: the oldest give way */
		for (size_t i = 0; i < r->started; i++)
			probe_end(&r->probes[i]);
		return true;
	}
	return busy > 0;
}

static void ask_all(struct run *r)
{
	while (start_more(r, clock_now()))
		turn(r, TICK_MS);
}

/* ---- measuring ---- */

static int compare(const void *a, const void *b)
{
	const struct probe *const *x = a, *const *y = b;

	return donor_compare((*x)->donor, (*y)->donor);
}

static size_t find_idle(struct run *r)
{
	size_t n = 0;

	for (size_t i = 0; i < r->n; i++)
		if (r->probes[i].phase == PROBE_IDLE)
			r->order[n++] = &r->probes[i];
	if (n)
		qsort(r->order, n, sizeof(struct probe *), compare);
	return n;
}

/* It answers about its LUNs, but who reads a page waits: no memory to swap to. */
static void stalled(struct donor *d, uint64_t limit)
{
	if (!donor_state_usable(d->state))
		return;
	d->state = DONOR_SILENT;
	snprintf(d->why, sizeof(d->why), "a READ of 4 KiB was not answered within %u ms",
		 (unsigned)(limit / NS_PER_MS));
}

/* One donor's turn. The others are looked after only now and then. */
static void measure_one(struct run *r, struct probe *p, bool is_large, struct path_limits limits)
{
	struct path path;
	uint64_t others = clock_now();

	serving(r, p);
	path_begin(&path, p->session, &p->donor->luns[p->kept_lun], is_large, limits, r->buf);
	while (!path.is_over) {
		struct pollfd fd = {.fd = iscsi_get_fd(p->session),
				    .events = (short)iscsi_which_events(p->session)};
		if (poll(&fd, 1, TICK_MS) > 0 && iscsi_service(p->session, fd.revents))
			path.is_over = path.is_broken = true;
		path_tick(&path, clock_now());
	}
	serving(r, NULL);
	path_result(&path, &p->donor->path);
	if (path.pending && !is_large && !p->donor->path.samples)
		stalled(p->donor, limits.most);
	if (path.pending || path.is_broken || is_large)
		probe_end(p); /* here, since answers may still go to `path` */
	if (clock_now() - others > TICK_MS * NS_PER_MS)
		turn(r, 0);
}

static void measure_all(struct run *r)
{
	uint64_t limit = clock_now() + r->s->limits.all_ns;

	for (int is_large = 0; is_large <= 1; is_large++) {
		size_t n = find_idle(r);
		struct path_limits limits = {
			.share = measure_share(NS_PER_S, n, 10 * NS_PER_MS, 250 * NS_PER_MS),
			.most = is_large ? r->s->limits.large_ns : r->s->limits.small_ns,
		};
		for (size_t i = 0; i < n && clock_now() < limit; i++)
			if (r->order[i]->phase == PROBE_IDLE)
				measure_one(r, r->order[i], is_large, limits);
	}
}

/* A way that leads back here ends at a disk that this host lends. */
static bool leads_back(const struct run *r, const struct donor *d)
{
	for (size_t i = 0; r->s->own && i < d->nluns; i++)
		if (own_luns_has(r->s->own, d->luns[i].naa))
			return true;
	return false;
}

static void judge_all(struct run *r)
{
	for (size_t i = 0; i < r->n; i++) {
		struct donor *d = r->probes[i].donor;
		d->is_own |= leads_back(r, d);
		donor_judge(d, r->s->asked, r->s->rules.initiator);
	}
}

int survey_run(const struct survey *s, struct donor *donors, size_t n)
{
	struct run r;
	int err = open_run(&r, s, n ? n : 1);

	r.n = n;
	if (!err) {
		for (size_t i = 0; i < n; i++)
			probe_init(&r.probes[i], &donors[i], &s->rules);
		ask_all(&r);
		judge_all(&r);
		measure_all(&r);
	}
	close_run(&r);
	return err;
}
