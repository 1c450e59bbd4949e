// SPDX-License-Identifier: MIT
/* config_access.c - which rule decides about an initiator: the first that it matches. */
#include "base/config_access.h"

#include <errno.h>
#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>

#include "base/config_addr.h"

/* Of who needs no rule: all LUNs, without limits of its own. */
static const struct config_rule no_rule;

const struct config_rule *config_access_find(const struct config_access *a, const char *initiator,
					     const struct sockaddr_storage *from)
{
	if (a->any)
		return &no_rule;
	if (!a->nrules)
		return config_addr_from_loopback(from) ? &no_rule : NULL;
	for (size_t i = 0; i < a->nrules; i++) {
		const struct config_rule *r = &a->rules[i];
		if (config_addr_in_network(r, from) &&
		    (!r->initiator || !fnmatch(r->initiator, initiator, FNM_NOESCAPE)))
			return r;
	}
	return NULL;
}

bool config_may_access(const struct config_access *a, const char *initiator,
		       const struct sockaddr_storage *from)
{
	const struct config_rule *r = config_access_find(a, initiator, from);

	return r && !r->deny;
}

/* All that is on the heap is the copy's own. */
static int copy_rule(struct config_rule *to, const struct config_rule *from)
{
	*to = *from;
	to->initiator = from->initiator ? strdup(from->initiator) : NULL;
	to->place = from->place ? strdup(from->place) : NULL;
	to->luns = from->nluns ? calloc(from->nluns, sizeof(*to->luns)) : NULL;
	if ((from->initiator && !to->initiator) || (from->place && !to->place) ||
	    (from->nluns && !to->luns))
		return -ENOMEM;
	if (from->nluns)
		memcpy(to->luns, from->luns, from->nluns * sizeof(*to->luns));
	return 0;
}

int config_access_copy(struct config_access *to, const struct config_access *from)
{
	int err = 0;

	to->any = from->any;
	to->rules = from->nrules ? calloc(from->nrules, sizeof(*to->rules)) : NULL;
	if (from->nrules && !to->rules)
		return -ENOMEM;
	for (; !err && to->nrules < from->nrules; to->nrules++)
		err = copy_rule(&to->rules[to->nrules], &from->rules[to->nrules]);
	return err;
}

void config_access_free(struct config_access *a)
{
	for (size_t i = 0; i < a->nrules; i++) {
		free(a->rules[i].initiator);
		free(a->rules[i].place);
		free(a->rules[i].luns);
	}
	free(a->rules);
}
