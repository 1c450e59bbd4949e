// SPDX-License-Identifier: MIT
/* metrics.c - lines of OpenMetrics text. */
#include "initiator-tools/agent/metrics.h"

#include <errno.h>
#include <limits.h>
#include <string.h>

#include "base/clock.h"
#include "initiator-tools/agent/since.h"
#include "initiator-tools/host/swaps.h"
#include "initiator-tools/measure.h"

#define LABELS_BYTES 256

static const struct {
	const char *name, *type, *text;
} rows[] = {
#define METRIC(id, n, t, labels, help) {#n, #t, help},
#include "initiator-tools/agent/metrics.def"
};

enum metric_id {
#define METRIC(id, n, t, labels, help) METRIC_##id,
#include "initiator-tools/agent/metrics.def"
};

static void head(FILE *out, enum metric_id id)
{
	fprintf(out, "# HELP %s %s\n# TYPE %s %s\n", rows[id].name, rows[id].text, rows[id].name,
		rows[id].type);
}

static void put(FILE *out, enum metric_id id, const char *labels, double value)
{
	fprintf(out, *labels ? "%s{%s} %.9g\n" : "%s%s %.9g\n", rows[id].name, labels, value);
}

/* ---- of a loan ---- */

static uint64_t swap_used(const struct loan *l)
{
	static struct swaps swaps;
	char path[LOAN_PATH_BYTES];

	loan_used_path(l, path);
	if (swaps_read(&swaps))
		return 0;
	const struct swap_area *a = swaps_find(&swaps, strrchr(path, '/') + 1);
	return a ? a->used : 0;
}

static double of_loan(const struct metrics *m, const struct watch_loan *l, enum metric_id id)
{
	switch (id) {
	case METRIC_SIZE:
		return (double)l->loan.wish.size;
	case METRIC_PROMISED:
		return l->loan.wish.copies;
	case METRIC_COPIES:
		return l->copies;
	case METRIC_DEGRADED:
		return l->degraded_since ? (double)(m->now - l->degraded_since) : 0;
	default:
		return (double)swap_used(&l->loan);
	}
}

static void put_loans(FILE *out, const struct metrics *m, enum metric_id id)
{
	char labels[LABELS_BYTES];

	head(out, id);
	for (size_t i = 0; i < m->watch->n; i++) {
		const struct watch_loan *l = m->watch->loans[i];
		if (!watch_is_live(m->watch, l) ||
		    (id == METRIC_SWAP_USED && l->loan.wish.kind != LOAN_SWAP))
			continue;
		snprintf(labels, sizeof(labels), "loan=\"%s\"", l->loan.wish.name);
		put(out, id, labels, of_loan(m, l, id));
	}
}

/* ---- of a donor ---- */

static void put_latency(FILE *out, const struct watch_loan *l, const struct watch_leg *leg)
{
	static const unsigned percents[] = {50, 99};
	static struct measure times;
	char labels[LABELS_BYTES];

	for (size_t i = 0; i < l->loan.nlegs; i++)
		for (size_t d = 0; l->loan.legs[i].id == leg->id && d < leg->ndisks; d++) {
			const struct loan_disk *disk = &l->loan.legs[i].disks[d];
			times.n = 0;
			poller_times(&leg->pollers[d], &times);
			measure_sort(&times);
			for (size_t k = 0; times.n && k < 2; k++) {
				snprintf(labels, sizeof(labels),
					 "loan=\"%s\",donor=\"%s\",lun=\"%u\",quantile=\"0.%u\"",
					 l->loan.wish.name, disk->donor, disk->lun, percents[k]);
				put(out, METRIC_LATENCY, labels,
				    (double)measure_percentile(&times, percents[k]) / NS_PER_S);
			}
		}
}

static void put_donors(FILE *out, const struct metrics *m, enum metric_id id)
{
	char labels[LABELS_BYTES];

	head(out, id);
	for (size_t i = 0; i < m->watch->n; i++)
		for (size_t k = 0; k < m->watch->loans[i]->nseen; k++) {
			const struct watch_loan *l = m->watch->loans[i];
			const struct watch_leg *leg = l->of[k];
			snprintf(labels, sizeof(labels), "loan=\"%s\",donor=\"%s\"",
				 l->loan.wish.name, leg->donor);
			if (id == METRIC_LATENCY)
				put_latency(out, l, leg);
			else if (id == METRIC_SILENT)
				put(out, id, labels,
				    (double)judge_silence(&l->judge, leg->id) / NS_PER_S);
			else
				put(out, id, labels, m->leaves(m->arg, leg->donor));
		}
}

/* ---- of the agent ---- */

static void put_counts(FILE *out, enum metric_id id, const uint64_t counts[JUDGE_ACTS_COUNT])
{
	char labels[LABELS_BYTES];

	head(out, id);
	for (unsigned a = JUDGE_NOTHING + 1; a < JUDGE_ACTS_COUNT; a++) {
		snprintf(labels, sizeof(labels), "decision=\"%s\"", judge_word((enum judge_act)a));
		put(out, id, labels, (double)counts[a]);
	}
}

void metrics_print(FILE *out, const struct metrics *m)
{
	for (enum metric_id id = METRIC_SIZE; id <= METRIC_SWAP_USED; id++)
		put_loans(out, m, id);
	for (enum metric_id id = METRIC_LATENCY; id <= METRIC_LEAVING; id++)
		put_donors(out, m, id);
	put_counts(out, METRIC_DECISIONS, m->decisions);
	put_counts(out, METRIC_FAILURES, m->failures);
	head(out, METRIC_STALLS);
	put(out, METRIC_STALLS, "", (double)m->stalls);
	head(out, METRIC_LOOK);
	fprintf(out, "%s %lld\n", rows[METRIC_LOOK].name, (long long)m->now);
}

static int write_textfile(const struct metrics *m)
{
	char next[PATH_MAX];

	if ((size_t)snprintf(next, sizeof(next), "%s.new", m->path) >= sizeof(next))
		return -ENAMETOOLONG;
	FILE *f = fopen(next, "we");
	if (!f)
		return -errno;
	metrics_print(f, m);
	bool is_bad = ferror(f);
	if (fclose(f) || is_bad)
		return -EIO;
	return rename(next, m->path) ? -errno : 0;
}

static int write_since(const struct metrics *m)
{
	char text[SINCE_MAX];
	size_t n = 0;

	for (size_t i = 0; i < m->watch->n; i++) {
		const struct watch_loan *l = m->watch->loans[i];
		if (l->degraded_since && n < sizeof(text))
			n += (size_t)snprintf(text + n, sizeof(text) - n, "%s %lld\n",
					      l->loan.wish.name, (long long)l->degraded_since);
	}
	return since_write(m->watch->dir, text, n < sizeof(text) ? n : sizeof(text));
}

int metrics_write(const struct metrics *m)
{
	int err = write_since(m);

	if (m->path) {
		int other = write_textfile(m);
		err = err ? err : other;
	}
	return err;
}
