/* SPDX-License-Identifier: MIT */
/* access.h - what a rule of access gives to the session that logs in by it. */
#ifndef MEMTGT_ISCSI_ACCESS_H
#define MEMTGT_ISCSI_ACCESS_H

#include <stddef.h>

#include "base/config.h"
#include "iscsi/directory.h"
#include "scsi/lun_map.h"

/* Who decided, in words: "the rule at FILE:LINE". For log lines; cut if it is too long. */
void access_explain(const struct config_target *t, const struct config_rule *r, char *out,
		    size_t n);

/* Is the target offered by this portal group? */
bool access_by_group(const struct config_target *t, unsigned group);

/* The LUs that it sees, and may write. */
void access_luns(const struct config_rule *r, struct scsi_lun_map *out);

/* How many sessions there may be. */
struct directory_limits access_limits(const struct config *c, const struct config_target *t,
				      const struct config_rule *r);

/* Which of them refused a session, in words, and where it is set. */
void access_full(const struct config_target *t, const struct config_rule *r,
		 const struct directory_limits *limits, enum directory_result which, char *out,
		 size_t n);

#endif
