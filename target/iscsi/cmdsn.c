// SPDX-License-Identifier: MIT
/* cmdsn.c - the numbering of requests: see cmdsn.h. */
#include "iscsi/cmdsn.h"

#include "iscsi/session.h"

uint32_t cmdsn_max(const struct session *s)
{
	return s->exp_cmdsn + s->w->node->config->limits.queue_depth - s->in_flight - 1;
}

static unsigned find_skipped(const struct session *s, uint32_t cmdsn)
{
	unsigned i = 0;

	while (i < s->skips && s->skipped[i] != cmdsn)
		i++;
	return i;
}

/* The expected one was received; so were those behind it that are skipped. */
static void advance(struct session *s)
{
	unsigned i;

	s->exp_cmdsn++;
	while ((i = find_skipped(s, s->exp_cmdsn)) < s->skips) {
		s->skipped[i] = s->skipped[--s->skips];
		s->exp_cmdsn++;
	}
}

enum cmdsn_verdict cmdsn_take(struct session *s, uint32_t cmdsn, bool immediate)
{
	if (immediate)
		return CMDSN_TAKE;
	if (sn_lt(cmdsn, s->exp_cmdsn) || sn_lt(cmdsn_max(s), cmdsn) ||
	    find_skipped(s, cmdsn) < s->skips)
		return CMDSN_IGNORE;
	if (cmdsn != s->exp_cmdsn)
		return CMDSN_GAP;
	advance(s);
	return CMDSN_TAKE;
}

bool cmdsn_is_ahead(const struct session *s, uint32_t cmdsn, uint32_t before)
{
	return !sn_lt(cmdsn, s->exp_cmdsn) && !sn_lt(cmdsn_max(s), cmdsn) && sn_lt(cmdsn, before) &&
	       find_skipped(s, cmdsn) == s->skips;
}

bool cmdsn_overtook(const struct session *s, uint32_t cmdsn)
{
	return sn_lt(s->exp_cmdsn, cmdsn) && !sn_lt(cmdsn_max(s), cmdsn - 1);
}

bool cmdsn_skip(struct session *s, uint32_t cmdsn)
{
	if (cmdsn == s->exp_cmdsn) {
		advance(s);
		return true;
	}
	if (s->skips == CMDSN_SKIPS_MAX)
		return false;
	s->skipped[s->skips++] = cmdsn;
	return true;
}
