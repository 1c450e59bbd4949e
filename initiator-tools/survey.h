/* SPDX-License-Identifier: MIT */
/*
 * survey.h - all donors asked at once, then measured one after another, in one loop.
 *
 * Asking is many small answers from many hosts and goes on in parallel. Measuring would measure the
 * neighbours if it did: two streams share this host's link, and two pings its CPU. So it begins
 * when everybody has answered or failed, and each donor has a turn of its own, shorter the more
 * they are; the fittest come first, since the whole has a limit. What could not be measured is told
 * as that.
 */
#ifndef MEMTGT_SURVEY_H
#define MEMTGT_SURVEY_H

#include "initiator-tools/donor.h"
#include "initiator-tools/probe.h"

#define SURVEY_TIMEOUT_S 3u   /* for a donor's answers, unless told otherwise */
#define SURVEY_AT_ONCE	 512u /* connections, at most; fewer if the limit of files is lower */

struct own_luns;

/* How long measuring may take: READs of 4 KiB from one donor, of 1 MiB, and both from all. */
struct survey_limits {
	uint64_t small_ns, large_ns, all_ns;
};
#define SURVEY_LIMITS                                                              \
	{                                                                          \
		.small_ns = 300000000, .large_ns = 500000000, .all_ns = 4000000000 \
	}

struct survey {
	struct probe_rules rules;
	const struct own_luns *own; /* what this host lends; NULL: nothing */
	uint64_t asked;		    /* bytes that are wanted; 0: any */
	unsigned at_once;
	struct survey_limits limits;
	unsigned *serving; /* guard.h: 1 + the place of the donor whose bytes are read; or NULL */
};

/*
 * Asks, measures and judges all of them; returns at the latest after the timeout for each
 * `at_once` donors and limits.all_ns. 0 or -errno, if there is no memory.
 */
int survey_run(const struct survey *s, struct donor *donors, size_t n)
	__attribute__((warn_unused_result));

/* How long that may take at most, for n donors. */
uint64_t survey_limit(const struct survey *s, size_t n);

#endif
