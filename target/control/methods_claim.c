// SPDX-License-Identifier: MIT
/* methods_claim.c - claim.list, claim.clear: registrations of PERSISTENT RESERVE OUT. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

#include "base/config.h"
#include "control/clean.h"
#include "control/methods.h"
#include "luns/claims.h"
#include "luns/luns.h"

/* Rows of one answer. */
#define PAGE_MAX 256u

/* SPC-4 table 65 */
static const char *const types[] = {
	[CLAIM_NONE] = "",
	[CLAIM_WRITE_EXCLUSIVE] = "write exclusive",
	[CLAIM_EXCLUSIVE] = "exclusive access",
	[CLAIM_WRITE_REGISTRANTS] = "write exclusive, registrants only",
	[CLAIM_EXCLUSIVE_REGISTRANTS] = "exclusive access, registrants only",
	[CLAIM_WRITE_ALL] = "write exclusive, all registrants",
	[CLAIM_EXCLUSIVE_ALL] = "exclusive access, all registrants",
};

static json_t *row(const struct luns_claim *k)
{
	char key[2 + 16 + 1];

	snprintf(key, sizeof(key), "0x%016" PRIx64, k->key);
	return json_pack("{s:s, s:i, s:o, s:s, s:b, s:s, s:i, s:b, s:I}", "target", k->target, "id",
			 (int)k->id, "initiator", control_json_text(k->port), "key", key, "holds",
			 (int)k->holds, "type", types[k->type], "type_code", (int)k->type,
			 "all_ports", (int)k->all_ports, "generation", (json_int_t)k->generation);
}

static bool is_asked(const struct luns_claim *k, const char *target)
{
	return !target || !strcasecmp(k->target, target);
}

/* From the place on; *next: where the next page begins, 0: nowhere. */
static json_t *rows(const struct luns_claim *all, size_t n, const char *target, size_t from,
		    size_t *next)
{
	json_t *list = json_array();

	*next = 0;
	for (size_t i = from; list && i < n; i++) {
		if (!is_asked(&all[i], target))
			continue;
		if (json_array_size(list) == PAGE_MAX) {
			*next = i;
			break;
		}
		if (json_array_append_new(list, row(&all[i]))) {
			json_decref(list);
			return NULL;
		}
	}
	return list;
}

json_t *method_claim_list(struct rpc_call *c)
{
	struct luns *l = control_daemon_of(c)->luns;
	const char *target = rpc_text(c, "target", NULL);
	struct luns_claim *all;
	size_t n, next;

	if (target && luns_target(l, target) == l->config->ntargets)
		return rpc_refuse(c, CONTROL_ERR_NOT_FOUND, "there is no target \"%s\"", target);
	if (luns_claims_list(l, &all, &n))
		return NULL;
	json_t *list = rows(all, n, target, (size_t)rpc_number(c, "from", 0), &next);
	free(all);
	if (!list)
		return NULL;
	return next ? json_pack("{s:o, s:I}", "claims", list, "next", (json_int_t)next)
		    : json_pack("{s:o}", "claims", list);
}

json_t *method_claim_clear(struct rpc_call *c)
{
	const char *target = rpc_text(c, "target", "");
	const unsigned id = (unsigned)rpc_number(c, "id", 0);
	char why[LUNS_WHY] = "";
	unsigned had;
	int err = luns_claims_clear(control_daemon_of(c)->luns, target, id, &had, why, sizeof(why));

	if (err)
		return rpc_refuse(c,
				  err == -ENOENT      ? CONTROL_ERR_NOT_FOUND
				  : err == -ETIMEDOUT ? CONTROL_ERR_TIMEOUT
						      : CONTROL_ERR_REFUSED,
				  "%s", why);
	return json_pack("{s:s, s:i, s:i}", "target", target, "id", (int)id, "cleared", (int)had);
}
