// SPDX-License-Identifier: MIT
/* judge.c - silence, witnesses, and what follows from them. */
#include "initiator-tools/agent/judge.h"

#include <assert.h>
#include <string.h>

#include "base/clock.h"

/* Of the time after which a leg is failed: who has answered within it answers now; and if this host
 * stands still for less, the rest of the time was silence in earnest. */
#define PAUSE_PART 4

const char *judge_word(enum judge_act act)
{
	static const char *const words[] = {
#define X(id, word, text) [JUDGE_##id] = word,
		JUDGE_ACTS(X)
#undef X
	};

	return words[act];
}

const char *judge_text(enum judge_act act)
{
	static const char *const texts[] = {
#define X(id, word, text) [JUDGE_##id] = text,
		JUDGE_ACTS(X)
#undef X
	};

	return texts[act];
}

void judge_begin(struct judge *j, uint64_t timeout)
{
	*j = (struct judge){.timeout = timeout};
}

uint64_t judge_pause(const struct judge *j)
{
	return j->timeout / PAUSE_PART;
}

bool judge_is_stalled(const struct judge *j)
{
	return j->stalled && j->stalled == j->last;
}

/* ---- what is remembered ---- */

static struct judge_leg *find(struct judge *j, unsigned id)
{
	for (size_t i = 0; i < LOAN_LEGS_MAX; i++)
		if (j->legs[i].is_used && j->legs[i].id == id)
			return &j->legs[i];
	return NULL;
}

/* One that was looked at. */
static struct judge_leg *known(struct judge *j, unsigned id)
{
	struct judge_leg *leg = find(j, id);

	assert(leg);
	return leg;
}

static struct judge_leg *add(struct judge *j, const struct leg_seen *seen)
{
	struct judge_leg *leg = j->legs;

	/* There are never more legs than places: those that went are forgotten before. */
	while (leg->is_used)
		leg++;
	*leg = (struct judge_leg){.id = seen->id, .is_used = true, .ndisks = seen->ndisks};
	for (size_t d = 0; d < seen->ndisks; d++) {
		leg->disks[d].good = seen->disks[d].good;
		leg->disks[d].bad = seen->disks[d].bad;
	}
	return leg;
}

static void forget_gone(struct judge *j, const struct loan_seen *seen)
{
	for (size_t i = 0; i < LOAN_LEGS_MAX; i++)
		j->legs[i].is_here = false;
	for (size_t i = 0; i < seen->nlegs; i++) {
		struct judge_leg *leg = find(j, seen->legs[i].id);
		if (leg)
			leg->is_here = true;
	}
	for (size_t i = 0; i < LOAN_LEGS_MAX; i++)
		j->legs[i].is_used &= j->legs[i].is_here;
}

/* ---- silence ---- */

/* Since when one of its disks has been silent; 0: none is. */
static uint64_t silent_since(const struct judge_leg *leg)
{
	uint64_t first = 0;

	for (size_t d = 0; d < leg->ndisks; d++) {
		uint64_t since = leg->disks[d].silent;
		if (since && (!first || since < first))
			first = since;
	}
	return first;
}

uint64_t judge_silence(const struct judge *j, unsigned id)
{
	for (size_t i = 0; i < LOAN_LEGS_MAX; i++)
		if (j->legs[i].is_used && j->legs[i].id == id && silent_since(&j->legs[i]))
			return j->last - silent_since(&j->legs[i]);
	return 0;
}

bool judge_is_disk_silent(const struct judge *j, unsigned id, size_t disk)
{
	for (size_t i = 0; i < LOAN_LEGS_MAX; i++)
		if (j->legs[i].is_used && j->legs[i].id == id)
			return j->legs[i].disks[disk].silent != 0;
	return false;
}

static void look_at_disk(struct judge_disk *d, uint64_t now, const struct disk_seen *seen)
{
	/* Counts that are lower are those of another who asks. */
	bool is_good = seen->good > d->good, is_bad = seen->bad > d->bad;

	if (is_good) {
		/* Several since the last look are as good as two. */
		d->answers[0] = seen->good - d->good > 1 ? now : d->answers[1];
		d->answers[1] = now;
		d->silent = 0;
	} else if ((is_bad || seen->is_pending) && !d->silent) {
		d->silent = now;
	}
	/* Else it was not asked: this host was late, and nothing has changed. */
	d->good = seen->good;
	d->bad = seen->bad;
}

static void look_at_leg(struct judge_leg *leg, uint64_t now, const struct leg_seen *seen)
{
	for (size_t d = 0; d < leg->ndisks; d++)
		look_at_disk(&leg->disks[d], now, &seen->disks[d]);
}

/* What was silent until now is so from now on. */
static void restart(struct judge_leg *leg, uint64_t now)
{
	for (size_t d = 0; d < leg->ndisks; d++)
		if (leg->disks[d].silent)
			leg->disks[d].silent = now;
}

/* This host stood still: nothing that was seen before says anything about now. */
static void restart_all(struct judge *j, uint64_t now)
{
	for (size_t i = 0; i < LOAN_LEGS_MAX; i++) {
		restart(&j->legs[i], now);
		for (size_t d = 0; d < j->legs[i].ndisks; d++)
			memset(j->legs[i].disks[d].answers, 0, sizeof(uint64_t[2]));
	}
	j->stalled = now;
}

/* ---- witnesses ---- */

static bool is_in_use(const struct leg_seen *leg)
{
	return !leg->is_failed && !leg->is_gone && leg->health != LEG_DEAD;
}

/* Has each disk answered so often since then, and does it now? */
static bool answers(const struct judge *j, const struct judge_leg *leg, unsigned times,
		    uint64_t since)
{
	for (size_t d = 0; d < leg->ndisks; d++) {
		const uint64_t *when = leg->disks[d].answers;
		uint64_t last = when[1], first = when[2 - times];
		if (!first || first < since || j->last - last > judge_pause(j))
			return false;
	}
	return leg->ndisks > 0;
}

static bool is_other(const struct leg_seen *leg)
{
	for (size_t d = 0; d < leg->ndisks; d++)
		if (leg->disks[d].is_other)
			return true;
	return false;
}

/* Another leg that has all of the data and has answered so often since. */
static bool has_witness(struct judge *j, const struct loan_seen *seen, size_t leg, unsigned times,
			uint64_t since)
{
	for (size_t i = 0; i < seen->nlegs; i++) {
		const struct leg_seen *other = &seen->legs[i];
		if (i != leg && other->health == LEG_SYNCED && is_in_use(other) &&
		    !is_other(other) && answers(j, known(j, other->id), times, since))
			return true;
	}
	return false;
}

/* ---- verdicts ---- */

/* It is in the array, so what it says may be read. */
static bool find_other(struct judge *j, const struct loan_seen *seen, struct judge_verdict *out)
{
	for (size_t i = 0; i < seen->nlegs; i++) {
		const struct leg_seen *leg = &seen->legs[i];
		if ((leg->health == LEG_SYNCED || leg->health == LEG_SYNCING) && is_in_use(leg) &&
		    is_other(leg) && has_witness(j, seen, i, 2, 0)) {
			*out = (struct judge_verdict){JUDGE_FAIL, i, 0};
			return true;
		}
	}
	return false;
}

static bool find_silent(struct judge *j, const struct loan_seen *seen, struct judge_verdict *out)
{
	for (size_t i = 0; i < seen->nlegs; i++) {
		struct judge_leg *leg = known(j, seen->legs[i].id);
		uint64_t since = silent_since(leg);
		if (!since || !is_in_use(&seen->legs[i]))
			continue;
		if (!has_witness(j, seen, i, 1, 0)) {
			restart(leg, j->last);
		} else if (j->last - since >= j->timeout && has_witness(j, seen, i, 2, since)) {
			*out = (struct judge_verdict){JUDGE_FAIL, i, j->last - since};
			return true;
		}
	}
	return false;
}

/* A copy that is not one any more. The last one is not given up, whatever has become of it. */
static bool find_lost(const struct loan_seen *seen, struct judge_verdict *out)
{
	for (size_t i = 0; i < seen->nlegs; i++) {
		if (!seen->legs[i].is_copy || is_in_use(&seen->legs[i]))
			continue;
		for (size_t k = 0; k < seen->nlegs; k++)
			if (k != i && seen->legs[k].health == LEG_SYNCED &&
			    is_in_use(&seen->legs[k]) && !is_other(&seen->legs[k])) {
				*out = (struct judge_verdict){JUDGE_REPLACE, i, 0};
				return true;
			}
	}
	return false;
}

static bool find_leaving(const struct loan_seen *seen, struct judge_verdict *out)
{
	for (size_t i = 0; i < seen->nlegs; i++)
		if (seen->legs[i].is_leaving && seen->legs[i].is_copy && seen->legs[i].is_wanted &&
		    seen->legs[i].health == LEG_SYNCED && is_in_use(&seen->legs[i])) {
			*out = (struct judge_verdict){JUDGE_MOVE, i, 0};
			return true;
		}
	return false;
}

/* What is lost first, and it waits for nothing: it may be the reason why work failed. */
static bool find_work(const struct judge *j, const struct loan_seen *seen,
		      struct judge_verdict *out)
{
	if (seen->is_working)
		return false;
	if (find_lost(seen, out))
		return true;
	if (j->last < j->not_before)
		return false;
	if (!seen->is_whole) {
		*out = (struct judge_verdict){JUDGE_REBUILD, 0, 0};
		return true;
	}
	return find_leaving(seen, out);
}

struct judge_verdict judge_look(struct judge *j, uint64_t now, const struct loan_seen *seen)
{
	struct judge_verdict v = {JUDGE_NOTHING, 0, 0};
	bool is_late = j->last && now - j->last > judge_pause(j);

	j->last = now;
	forget_gone(j, seen);
	for (size_t i = 0; i < seen->nlegs; i++) {
		struct judge_leg *leg = find(j, seen->legs[i].id);
		look_at_leg(leg ? leg : add(j, &seen->legs[i]), now, &seen->legs[i]);
	}
	if (is_late)
		restart_all(j, now);
	if (!find_other(j, seen, &v) && !find_silent(j, seen, &v))
		(void)find_work(j, seen, &v);
	return v;
}

void judge_ended(struct judge *j, uint64_t now, bool is_ok)
{
	uint64_t pause = JUDGE_RETRY_LEAST_S;

	j->failures = is_ok ? 0 : j->failures + 1;
	for (unsigned i = 1; i < j->failures && pause < JUDGE_RETRY_MOST_S; i++)
		pause *= 2;
	if (pause > JUDGE_RETRY_MOST_S)
		pause = JUDGE_RETRY_MOST_S;
	j->not_before = is_ok ? 0 : now + pause * NS_PER_S;
}
