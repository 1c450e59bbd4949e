// SPDX-License-Identifier: MIT
/* claims_admin.c - registrations as the operator sees and clears them: see luns/claims.h. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/config.h"
#include "base/log.h"
#include "iscsi/fence.h"
#include "luns/claims.h"
#include "luns/luns.h"

/* Those of one LU behind what is there. 0 or -ENOMEM. */
static int append(const struct scsi_target *t, struct scsi_lu *lu, struct luns_claim **all,
		  size_t *n)
{
	struct claims *c = scsi_claims_get(lu, NULL);
	struct luns_claim *more = c ? reallocarray(*all, *n + c->n + 1, sizeof(**all)) : NULL;

	if (!more) {
		free(c);
		return -ENOMEM;
	}
	*all = more;
	for (uint32_t i = 0; i < c->n; i++) {
		struct luns_claim *to = &more[(*n)++];
		*to = (struct luns_claim){.target = t->name,
					  .id = lu->id,
					  .key = c->at[i].key,
					  .all_ports = c->at[i].all_ports,
					  .holds = claims_holds(c, i),
					  .type = c->type,
					  .generation = c->generation};
		memcpy(to->port, c->at[i].port.name, sizeof(to->port));
	}
	free(c);
	return 0;
}

int luns_claims_list(struct luns *l, struct luns_claim **out, size_t *n)
{
	int rc = 0;

	*out = NULL;
	*n = 0;
	pthread_mutex_lock(&l->lock);
	for (size_t i = 0; i < l->config->ntargets && !rc; i++)
		for (unsigned id = 0; id < SCSI_LUNS_MAX && !rc; id++)
			if (l->owned[i].lu[id])
				rc = append(&l->targets[i], l->owned[i].lu[id], out, n);
	pthread_mutex_unlock(&l->lock);
	if (rc)
		free(*out);
	return rc;
}

struct clearing {
	const struct scsi_target *target;
	struct scsi_lu *lu;
	unsigned had;
	bool was_lost;
};

static int make(void *arg, struct scsi_fence *f)
{
	struct clearing *c = arg;
	int rc = scsi_claims_clear(c->target, c->lu, f);

	if (!rc && f->tell) {
		const struct claims *was = f->arg;
		c->had = was->n;
		c->was_lost = was->lost;
	}
	return rc;
}

/* In a turn. */
static int clear(struct luns *l, size_t target, struct scsi_lu *lu, unsigned *had, char *why,
		 size_t why_len)
{
	struct clearing c = {.target = &l->targets[target], .lu = lu};
	int rc = fence_tell(l->node, make, &c, l->limit_ms);

	*had = c.had;
	if (c.had)
		log_warn("%s LUN %u: %u registration%s cleared by the operator",
			 l->targets[target].name, lu->id, c.had, c.had == 1 ? "" : "s");
	if (c.was_lost)
		log_warn("%s LUN %u: who had registered with it was not known; the operator "
			 "cleared that",
			 l->targets[target].name, lu->id);
	if (rc == -ETIMEDOUT)
		snprintf(why, why_len,
			 "a reactor did not answer in time; the registrations are "
			 "gone, and sessions are told of it as soon as it does");
	else if (rc)
		snprintf(why, why_len, "out of memory");
	return rc;
}

int luns_claims_clear(struct luns *l, const char *target, unsigned id, unsigned *had, char *why,
		      size_t why_len)
{
	const size_t t = luns_target(l, target);

	*had = 0;
	if (t == l->config->ntargets || id >= SCSI_LUNS_MAX)
		return luns_unknown(l, target, id, why, why_len);
	int rc = luns_enter(l, LUNS_CHANGE, l->limit_ms, why, why_len);
	if (rc)
		return rc;
	struct scsi_lu *lu = l->owned[t].lu[id];
	if (lu && l->targets[t].by_id[id] == lu)
		rc = clear(l, t, lu, had, why, why_len);
	else
		rc = luns_unknown(l, target, id, why, why_len);
	luns_leave(l);
	return rc;
}
