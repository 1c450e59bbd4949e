// SPDX-License-Identifier: MIT
/* access.c - from a rule of the configuration to a session: LUNs, limits, words for the log. */
#include "iscsi/access.h"

#include <stdio.h>

void access_explain(const struct config_target *t, const struct config_rule *r, char *out, size_t n)
{
	if (r)
		snprintf(out, n, "the rule at %s denies it", r->place);
	else if (t->access.nrules)
		snprintf(out, n, "no rule of target %s matches", t->name);
	else
		snprintf(out, n, "target %s has no access rules, so only this host may use it",
			 t->name);
}

bool access_by_group(const struct config_target *t, unsigned group)
{
	return !t->portal_groups || (group <= CONFIG_GROUP_MAX && t->portal_groups >> group & 1);
}

void access_luns(const struct config_rule *r, struct scsi_lun_map *out)
{
	if (!r->nluns) {
		scsi_lun_map_whole(out, r->read_only);
		return;
	}
	scsi_lun_map_none(out);
	for (size_t i = 0; i < r->nluns; i++) {
		const struct config_shown *s = &r->luns[i];
		scsi_lun_map_add(out, s->as, s->id, s->read_only || r->read_only);
	}
}

struct directory_limits access_limits(const struct config *c, const struct config_target *t,
				      const struct config_rule *r)
{
	return (struct directory_limits){
		.target = t->sessions ? t->sessions : c->limits.sessions_per_target,
		.initiator = r->sessions ? r->sessions : c->limits.sessions_per_initiator,
	};
}

void access_full(const struct config_target *t, const struct config_rule *r,
		 const struct directory_limits *limits, enum directory_result which, char *out,
		 size_t n)
{
	if (which == DIRECTORY_TARGET_FULL)
		snprintf(out, n, "target %s has %u sessions, as many as %s allows", t->name,
			 limits->target,
			 t->sessions ? "its key sessions" : "limits.sessions_per_target");
	else if (r->sessions)
		snprintf(out, n, "it has %u sessions, as many as the rule at %s allows",
			 limits->initiator, r->place);
	else
		snprintf(out, n,
			 "it has %u sessions, as many as limits.sessions_per_initiator allows",
			 limits->initiator);
}
