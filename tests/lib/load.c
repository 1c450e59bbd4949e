// SPDX-License-Identifier: MIT
/* load.c - see load.h: what the test's thread does. */
#include "lib/load.h"

#include <check.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/daemon.h"
#include "lib/load_session.h"

struct load {
	struct load_shared shared;
	unsigned sessions;
	struct load_session *session;
};

struct load *load_start(const struct load_options *o)
{
	struct load *l = calloc(1, sizeof(*l));

	ck_assert(l && o->sessions && o->sessions <= LOAD_SESSIONS_MAX);
	ck_assert(o->n_luns <= LOAD_LUNS_MAX && o->depth <= LOAD_DEPTH_MAX);
	signal(SIGPIPE, SIG_IGN); /* libiscsi writes without asking for none */
	l->sessions = o->sessions;
	l->session = calloc(o->sessions, sizeof(*l->session));
	ck_assert_ptr_nonnull(l->session);
	l->shared.turn = LOAD_MODES + LOAD_RUN;
	l->shared.options = *o;
	ck_assert_int_eq(pthread_mutex_init(&l->shared.lock, NULL), 0);
	for (unsigned i = 0; i < o->sessions; i++)
		load_session_start(&l->session[i], &l->shared, i);
	load_wait(l, 1);
	return l;
}

const char *load_wrong(const struct load *l)
{
	for (unsigned i = 0; i < l->sessions; i++)
		if (l->session[i].is_wrong)
			return l->session[i].why;
	return NULL;
}

void load_check_well(const struct load *l)
{
	const char *why = load_wrong(l);

	if (why)
		ck_abort_msg("load: %s", why);
}

/* Acknowledged so far by this session. */
static uint64_t acknowledged(const struct load_session *s)
{
	return s->writes + s->reads + s->fills + s->unmaps;
}

void load_wait(struct load *l, unsigned commands)
{
	uint64_t want[LOAD_SESSIONS_MAX];

	for (unsigned i = 0; i < l->sessions; i++)
		want[i] = acknowledged(&l->session[i]) + commands;
	for (unsigned i = 0; i < l->sessions; i++)
		while (acknowledged(&l->session[i]) < want[i]) {
			load_check_well(l);
			test_sleep_ms(1);
		}
}

static void next_turn(struct load *l, enum load_mode mode)
{
	l->shared.turn = (l->shared.turn / LOAD_MODES + 1) * LOAD_MODES + mode;
}

/* Every session has done what this mode asks for. */
static void be(struct load *l, enum load_mode mode)
{
	next_turn(l, mode);
	for (unsigned i = 0; i < l->sessions; i++)
		while (l->session[i].turn != l->shared.turn) {
			load_check_well(l);
			test_sleep_ms(1);
		}
	load_check_well(l);
}

void load_rest(struct load *l)
{
	be(l, LOAD_REST);
}

void load_go(struct load *l)
{
	next_turn(l, LOAD_RUN);
}

void load_look(struct load *l)
{
	be(l, LOAD_REST);
	be(l, LOAD_LOOK);
}

void load_sum(const struct load *l, struct load_sums *sums)
{
	*sums = (struct load_sums){.longest_ms = l->shared.longest_ms};
	for (unsigned i = 0; i < l->sessions; i++) {
		const struct load_session *s = &l->session[i];
		sums->writes += s->writes;
		sums->reads += s->reads;
		sums->fills += s->fills;
		sums->unmaps += s->unmaps;
		sums->blocks_checked += s->blocks_checked;
		sums->blocks_bad += s->blocks_bad;
		sums->logins += s->logins;
		sums->unanswered += s->unanswered;
		sums->settled += s->settled;
		sums->attentions += s->attentions;
		sums->errors += s->errors;
		if (s->longest_ms > sums->longest_session_ms)
			sums->longest_session_ms = s->longest_ms;
	}
}

void load_tell(const struct load *l, const char *what)
{
	struct load_sums s;

	load_sum(l, &s);
	printf("# %s: %llu writes, %llu reads, %llu fills, %llu unmaps; %llu blocks compared, "
	       "%llu bad; %llu logins, %llu unit attentions, %llu changes unanswered, %llu of them "
	       "read; %llu errors; longest pause %u ms, of one session %u ms\n",
	       what, (unsigned long long)s.writes, (unsigned long long)s.reads,
	       (unsigned long long)s.fills, (unsigned long long)s.unmaps,
	       (unsigned long long)s.blocks_checked, (unsigned long long)s.blocks_bad,
	       (unsigned long long)s.logins, (unsigned long long)s.attentions,
	       (unsigned long long)s.unanswered, (unsigned long long)s.settled,
	       (unsigned long long)s.errors, s.longest_ms, s.longest_session_ms);
	fflush(stdout);
}

void load_end(struct load *l, bool logout)
{
	next_turn(l, logout ? LOAD_LOGOUT : LOAD_LEAVE);
	for (unsigned i = 0; i < l->sessions; i++)
		load_session_join(&l->session[i]);
	pthread_mutex_destroy(&l->shared.lock);
	free(l->session);
	free(l);
}
