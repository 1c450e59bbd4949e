// SPDX-License-Identifier: MIT
/*
 * agent.c - "memloan agent": one loop, which never waits for anything but time and the kernel's
 * events. What may wait is done by children: asking disks (poller.c), failing them (fail.c), making
 * copies (mend.c), asking donors (leaving.c), writing files.
 */
#include "initiator-tools/agent/agent.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/notify.h"
#include "initiator-tools/agent/leaving.h"
#include "initiator-tools/agent/metrics.h"
#include "initiator-tools/agent/safety.h"
#include "initiator-tools/agent/say.h"
#include "initiator-tools/agent/since.h"
#include "initiator-tools/agent/uevent.h"
#include "initiator-tools/agent/watch.h"
#include "initiator-tools/asking.h"
#include "initiator-tools/donors.h"
#include "initiator-tools/host/child.h"
#include "initiator-tools/loan/record.h"
#include "initiator-tools/loan/work.h"

#define TICK_MS 500
#define SYNC_NS (2 * NS_PER_S)
/* --once: beyond the time in which a silent donor is found out. */
#define ONCE_MORE_S 5
#define LAST_NS	    (2 * NS_PER_S)

static volatile sig_atomic_t is_ending;

struct agent {
	const struct command_line *command;
	struct conf conf;
	char boot[LOAN_UUID_SIZE];
	bool is_dry, is_once;
	struct watch watch;
	struct leaving leaving;
	struct metrics metrics;
	int events; /* netlink; -1: none */
	uint64_t begun, next_sync, next_write, next_sign;
	pid_t writing; /* 0: nobody writes metrics */
	bool is_quiet; /* at the last turn nothing was to be done */
};

static void on_signal(int number)
{
	(void)number;
	is_ending = 1;
}

static bool leaves(void *arg, const char *donor)
{
	return leaving_has(arg, donor);
}

/* ---- what is decided ---- */

static bool is_told(const struct watch_loan *l, const struct judge_verdict *v)
{
	return l->told.act == v->act && l->told.leg == v->leg;
}

static void tell(const struct agent *a, struct watch_loan *l, const struct judge_verdict *v)
{
	const char *dry = a->is_dry ? "would " : "", *name = l->loan.wish.name;

	if (v->act == JUDGE_FAIL && !v->silent)
		say("%s: a disk of %s is not what it was (its name, or our claim on it): %sfail: "
		    "%s",
		    name, l->of[v->leg]->donor, dry, judge_text(v->act));
	else if (v->act == JUDGE_FAIL)
		say("%s: %s has not answered for %.1f s while another copy did: %sfail: %s", name,
		    l->of[v->leg]->donor, (double)v->silent / NS_PER_S, dry, judge_text(v->act));
	else if (v->act == JUDGE_REBUILD)
		say("%s: %u of %u copies: %srebuild: %s", name, l->copies, l->loan.wish.copies, dry,
		    judge_text(v->act));
	else
		say("%s: %s: %s%s: %s", name, l->of[v->leg]->donor, dry, judge_word(v->act),
		    judge_text(v->act));
}

static int fail(struct watch_loan *l, size_t leg)
{
	struct fail_order order;

	watch_order(l, leg, &order);
	l->of[leg]->is_failed = true;
	return fail_leg(&order);
}

static int mend(struct agent *a, struct watch_loan *l, const struct judge_verdict *v)
{
	l->mend = (struct mend){.command = a->command, .act = v->act};
	memcpy(l->mend.name, l->loan.wish.name, sizeof(l->mend.name));
	memcpy(l->mend.uuid, l->loan.uuid, sizeof(l->mend.uuid));
	if (v->act != JUDGE_REBUILD)
		l->mend.leg = l->of[v->leg]->id;
	pid_t pid = mend_start(&l->mend);
	if (pid < 0)
		return pid;
	l->mending = pid;
	/* One at a time: it has the lock as soon as it can. */
	a->watch.is_busy = true;
	return 0;
}

static void act(struct agent *a, struct watch_loan *l, const struct judge_verdict *v, uint64_t now)
{
	if (!is_told(l, v)) {
		tell(a, l, v);
		a->metrics.decisions[v->act]++;
	}
	l->told = *v;
	if (a->is_dry)
		return;
	int err = v->act == JUDGE_FAIL ? fail(l, v->leg) : mend(a, l, v);
	if (!err)
		return;
	say("%s: %s could not be begun: %s", l->loan.wish.name, judge_word(v->act), strerror(-err));
	a->metrics.failures[v->act]++;
	if (v->act != JUDGE_FAIL)
		judge_ended(&l->judge, now, false);
}

/* ---- what has ended ---- */

static void look_after_mending(struct agent *a, struct watch_loan *l, uint64_t now)
{
	int status = 0;

	if (!l->mending || !waitpid(l->mending, &status, WNOHANG))
		return;
	bool ok = WIFEXITED(status) && !WEXITSTATUS(status);
	l->mending = 0;
	a->next_sync = 0;
	l->told = (struct judge_verdict){0};
	judge_ended(&l->judge, now, ok);
	if (!ok)
		a->metrics.failures[l->mend.act]++;
	say("%s: %s: %s", l->loan.wish.name, judge_word(l->mend.act),
	    ok ? "done" : "it could not be done now; it is tried again");
}

static void look_since_when(struct agent *a, struct watch_loan *l, int64_t now)
{
	bool is_degraded =
		watch_is_live(&a->watch, l) && l->nseen && l->copies < l->loan.wish.copies;

	if (is_degraded != (l->degraded_since != 0))
		a->next_write = 0; /* others are to know at once */
	if (is_degraded && !l->degraded_since) {
		/* An agent that was here before may know. */
		l->degraded_since = since_read(a->watch.dir, l->loan.wish.name);
		if (!l->degraded_since || l->degraded_since > now)
			l->degraded_since = now;
		say("%s: degraded: %u of %u copies", l->loan.wish.name, l->copies,
		    l->loan.wish.copies);
	} else if (!is_degraded && l->degraded_since) {
		say("%s: %u copies again after %lld s", l->loan.wish.name, l->copies,
		    (long long)(now - l->degraded_since));
		l->degraded_since = 0;
	}
}

static void look_at_loan(struct agent *a, struct watch_loan *l, uint64_t now)
{
	look_after_mending(a, l, now);
	struct judge_verdict v = watch_look(&a->watch, l, now, leaves, &a->leaving);
	if (judge_is_stalled(&l->judge))
		a->metrics.stalls++;
	look_since_when(a, l, a->metrics.now);
	if (v.act != JUDGE_NOTHING)
		act(a, l, &v, now);
	else if (!l->mending)
		l->told = v;
	a->is_quiet &= v.act == JUDGE_NOTHING && !l->mending;
}

/* ---- events ---- */

/* Whose disk is it? NULL: none of ours. */
static const char *donor_of(const struct watch *w, const struct uevent *e)
{
	for (size_t i = 0; i < w->n; i++)
		for (size_t k = 0; k < w->loans[i]->nseen; k++) {
			const struct watch_leg *leg = w->loans[i]->of[k];
			for (size_t d = 0; d < leg->ndisks; d++)
				if (leg->pollers[d].pid &&
				    leg->pollers[d].disk.host == (int)e->host &&
				    leg->pollers[d].disk.channel == e->channel &&
				    leg->pollers[d].disk.target == e->target)
					return leg->donor;
		}
	return NULL;
}

static void take_events(struct agent *a, uint64_t now)
{
	struct uevent e;
	bool is_lost = false;

	while (a->events >= 0 && uevent_next(a->events, &e, &is_lost)) {
		const char *donor = donor_of(&a->watch, &e);
		if (!donor)
			continue;
		a->next_sync = 0;
		if (e.is_removed)
			continue;
		say("%s: %s", donor, uevent_text(e.attention));
		if (e.attention == UEVENT_THRESHOLD)
			leaving_hurry(&a->leaving, now);
	}
	if (is_lost)
		leaving_hurry(&a->leaving, now);
}

/* ---- signs of life ---- */

static int write_in_child(void *arg)
{
	safety_in_child(STDERR_FILENO + 1);
	int err = metrics_write(arg);
	if (err)
		say("metrics cannot be written: %s", strerror(-err));
	return err ? LOAN_FAILED : LOAN_OK;
}

static void tell_others(struct agent *a, uint64_t now)
{
	if (a->writing && waitpid(a->writing, NULL, WNOHANG))
		a->writing = 0;
	if (!a->writing && now >= a->next_write) {
		a->next_write = now + METRICS_EVERY_S * NS_PER_S;
		pid_t pid = child_start(write_in_child, &a->metrics);
		a->writing = pid > 0 ? pid : 0;
	}
	if (notify_watchdog_us() && now >= a->next_sign) {
		a->next_sign = now + notify_watchdog_us() / 3 * NS_PER_US;
		notify_watchdog();
	}
}

/* ---- the loop ---- */

static void turn(struct agent *a)
{
	uint64_t now = clock_now();

	a->metrics.now = (int64_t)time(NULL);
	a->is_quiet = true;
	poller_reap();
	take_events(a, now);
	if (now >= a->next_sync) {
		watch_sync(&a->watch);
		a->next_sync = now + SYNC_NS;
	}
	leaving_turn(&a->leaving, now);
	for (size_t i = 0; i < a->watch.n; i++)
		look_at_loan(a, a->watch.loans[i], now);
	if (!a->is_dry && fail_prepare())
		say("no process could be made that is to fail a disk when that is needed");
	tell_others(a, now);
}

static bool is_over(const struct agent *a)
{
	uint64_t enough = a->begun + a->watch.timeout + ONCE_MORE_S * NS_PER_S;

	return is_ending || (a->is_once && clock_now() >= enough && (a->is_quiet || a->is_dry));
}

static int loop(struct agent *a)
{
	struct pollfd p = {.fd = a->events, .events = POLLIN};
	bool is_ready = false;

	while (!is_over(a)) {
		turn(a);
		if (!is_ready)
			notify_ready();
		is_ready = true;
		(void)poll(&p, 1, TICK_MS);
	}
	for (size_t i = 0; i < a->watch.n; i++)
		if (watch_is_live(&a->watch, a->watch.loans[i]) &&
		    a->watch.loans[i]->copies < a->watch.loans[i]->loan.wish.copies)
			return a->is_once ? LOAN_NONE : LOAN_OK;
	return LOAN_OK;
}

/* ---- begin and end ---- */

static int begin(struct agent *a, const struct command_line *c)
{
	*a = (struct agent){.command = c,
			    .is_dry = c->given[OPTION_DRY_RUN],
			    .is_once = c->given[OPTION_ONCE],
			    .events = -1,
			    .begun = clock_now()};
	int status = asking_conf(c, &a->conf);
	if (status)
		return status;
	if (geteuid() || work_boot(a->boot) || leaving_begin(&a->leaving, c)) {
		say(geteuid() ? "only root can watch the host's loans" : "out of memory");
		return LOAN_FAILED;
	}
	a->watch = (struct watch){.dir = a->conf.state_dir ? a->conf.state_dir : RECORD_DIR,
				  .boot = a->boot,
				  .timeout = a->conf.leg_timeout * NS_PER_S};
	a->metrics = (struct metrics){.watch = &a->watch,
				      .path = c->value[OPTION_METRICS],
				      .leaves = leaves,
				      .arg = &a->leaving};
	signal(SIGTERM, on_signal);
	signal(SIGINT, on_signal);
	safety_begin();
	notify_open();
	a->events = uevent_open();
	if (a->events < 0)
		say("warning: no events of the kernel: %s", strerror(-a->events));
	say("watches the loans of %s; a donor may be silent for %u s%s", a->watch.dir,
	    a->conf.leg_timeout, a->is_dry ? "; nothing is done, only told" : "");
	return LOAN_OK;
}

/* What others are told last is how it was at the end. */
static void tell_last(struct agent *a)
{
	pid_t pid = a->watch.dir ? child_start(write_in_child, &a->metrics) : 0;

	if (pid > 0 && child_wait(pid, LAST_NS) < 0)
		say("metrics could not be written in time");
}

static void end(struct agent *a)
{
	notify_stopping();
	tell_last(a);
	fail_end();
	watch_end(&a->watch);
	leaving_end(&a->leaving);
	if (a->events >= 0)
		close(a->events);
	conf_free(&a->conf);
	poller_reap();
}

/* Too large for the stack of a process that locks it. */
int agent_run(const struct command_line *c)
{
	static struct agent a;
	int status = begin(&a, c);

	if (!status)
		status = loop(&a);
	end(&a);
	return status;
}
