// SPDX-License-Identifier: MIT
/* donor.c - portals as texts, and the life of what is known of a donor. */
#include "initiator-tools/donor.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"

static const struct {
	const char *word, *text;
	bool usable;
} states[] = {
#define X(id, w, u, t) [DONOR_##id] = {.word = w, .text = t, .usable = u},
	DONOR_STATES(X)
#undef X
};

const char *donor_state_word(enum donor_state s)
{
	assert(s < DONOR_STATES_COUNT);
	return states[s].word;
}

const char *donor_state_text(enum donor_state s)
{
	assert(s < DONOR_STATES_COUNT);
	return states[s].text;
}

bool donor_state_usable(enum donor_state s)
{
	assert(s < DONOR_STATES_COUNT);
	return states[s].usable;
}

/* Letters and digits of names and addresses; what a resolver or a terminal might take otherwise is
 * not among them. */
static bool host_chars(const char *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (!strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_:%",
			    p[i]))
			return false;
	return n > 0;
}

const char *donor_parse_portal(const char *text, char host[static DONOR_PORTAL_MAX + 1],
			       uint16_t *port)
{
	const char *colon = strrchr(text, ':'), *begin = text, *end = text + strlen(text);
	uint64_t n = ISCSI_PORT;

	if (end - text > DONOR_PORTAL_MAX)
		return "a portal has at most 255 bytes";
	if (*text == '[') {
		begin = text + 1;
		end = strchr(text, ']');
		if (!end || (end[1] && end[1] != ':'))
			return "an IPv6 address with a port is written [2001:db8::1]:3260";
		colon = end[1] ? end + 1 : NULL;
	} else if (colon && strchr(text, ':') != colon) {
		colon = NULL; /* an IPv6 address alone */
	} else if (colon) {
		end = colon;
	}
	if (colon && (!text_number(colon + 1, 65535, &n) || !n))
		return "a port is a number from 1 to 65535";
	if (!host_chars(begin, (size_t)(end - begin)))
		return "a portal is an address or a name, with or without :PORT behind it";
	memcpy(host, begin, (size_t)(end - begin));
	host[end - begin] = '\0';
	*port = (uint16_t)n;
	return NULL;
}

const char *donor_bad_portal(const char *text)
{
	char host[DONOR_PORTAL_MAX + 1];
	uint16_t port;

	return donor_parse_portal(text, host, &port);
}

void donor_forget(struct donor *d)
{
	free(d->luns);
	d->luns = NULL;
	d->nluns = d->ntargets = d->free_luns = 0;
	d->state = DONOR_NO_LUNS;
	d->why[0] = d->address[0] = '\0';
	d->is_own = d->is_cut = d->has_free = false;
	d->free = 0;
	d->path = (struct donor_path){0};
}

void donor_free(struct donor *d)
{
	donor_forget(d);
	for (size_t i = 0; i < d->nportals; i++)
		free(d->portals[i]);
	d->nportals = 0;
	free(d->chap_user);
	free(d->chap_secret_file);
	d->chap_user = d->chap_secret_file = NULL;
}

struct donor_lun *donor_add_lun(struct donor *d)
{
	if (d->nluns == DONOR_LUNS_MAX) {
		d->is_cut = true;
		return NULL;
	}
	struct donor_lun *luns = reallocarray(d->luns, d->nluns + 1, sizeof(*luns));
	if (!luns)
		return NULL;
	d->luns = luns;
	luns[d->nluns] = (struct donor_lun){0};
	return &luns[d->nluns++];
}

/* SBC-3 6.3.4.2: in threshold sets of 2^exponent blocks. */
bool donor_lun_bytes(const struct donor_lun *l, uint32_t count, uint64_t *bytes)
{
	if (!l->threshold_exponent || l->threshold_exponent > 48 || !l->block_size)
		return false;
	uint64_t set = (uint64_t)l->block_size << l->threshold_exponent;
	if (set >> l->threshold_exponent != l->block_size)
		return false;
	if (__builtin_mul_overflow(set, (uint64_t)count, bytes))
		*bytes = UINT64_MAX;
	return true;
}
