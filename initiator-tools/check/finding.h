/* SPDX-License-Identifier: MIT */
/*
 * finding.h - what can be wrong with a host that swaps to donors: the rows of findings.def, and
 * what they look at.
 *
 * A look is a function of facts that were gathered once. It changes nothing, and waits for nobody.
 */
#ifndef MEMTGT_FINDING_H
#define MEMTGT_FINDING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "initiator-tools/check/area.h"
#include "initiator-tools/check/cure.h"
#include "initiator-tools/check/process.h"
#include "initiator-tools/check/sessions.h"
#include "initiator-tools/own_luns.h"

/* Each row: word. Only what is unsafe makes the command fail. */
#define SEVERITIES(X)                                                              \
	X(UNSAFE, "unsafe") /* the host may stop for good, or lose processes */    \
	X(ADVICE, "advice") /* a loan is slower than need be, or cannot be made */ \
	X(NOTE, "note")	    /* worth knowing */

enum severity {
#define X(id, word) SEVERITY_##id,
	SEVERITIES(X)
#undef X
		SEVERITIES_COUNT,
};

enum finding_id {
#define FINDING(id, severity, word, text, cure, look, fix) FINDING_##id,
#include "initiator-tools/check/findings.def"
	FINDINGS,
};

/* What cannot be found out counts as if it were so. */
enum finding_result { FOUND_NOT, FOUND, FOUND_UNKNOWN };

#define FINDING_WHAT_BYTES 512

struct finding {
	enum finding_result result;
	char what[FINDING_WHAT_BYTES]; /* which, how much: printable; things are divided by "; " */
};

struct facts {
	uint64_t ram; /* bytes; 0: unknown */
	bool is_systemd;
	struct processes processes;
	struct sessions sessions;
	struct areas areas;
	struct own_luns own;
	/* 0, or -errno: then the thing above has nothing in it, and is not known. */
	int processes_err, sessions_err, areas_err, own_err;
};

/* `socket`: of this host's memtgtd. Who cannot be read leaves an error in the facts. */
void facts_read(struct facts *f, const char *socket);
void facts_free(struct facts *f);

typedef void look_fn(const struct facts *facts, struct finding *out);
/* Cures what can be cured without a decision; says what it does. */
typedef void fix_fn(const struct facts *facts, struct cure *cure);

struct finding_row {
	enum severity severity;
	const char *word, *text, *cure;
	look_fn *look;
	fix_fn *fix; /* NULL: needs a decision */
};

extern const struct finding_row finding_rows[FINDINGS];

const char *severity_word(enum severity s);

/* For looks: it is so, with a particular; again for each thing. */
void finding_add(struct finding *out, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* It could not be found out. */
void finding_unknown(struct finding *out, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

#define FINDING(id, severity, word, text, cure, look, fix) look_fn look;
#include "initiator-tools/check/findings.def"

/* The fixes of findings.def. */
fix_fn fix_min_free, fix_watermark, fix_iscsid, fix_vital, fix_udev, fix_scheduler;
#define fix_none NULL

/* The value of vm.min_free_kbytes that a host with so much memory should have at least. */
uint64_t memory_min_free_kib(uint64_t ram);

/* Where units and drop-ins may be; with the most important first. `path` below one of them. */
bool unit_exists(const char *path);

#endif
