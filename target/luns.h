/* SPDX-License-Identifier: MIT */
/* luns.h - from the configuration to memory: the LUNs and the SCSI targets that show them. */
#ifndef MEMTGT_LUNS_H
#define MEMTGT_LUNS_H

#include <stdbool.h>
#include <stddef.h>

struct config;
struct scsi_target;
struct store;
struct store_options;

struct luns {
	const struct config *config;
	struct scsi_target *targets; /* as many as the configuration has, in its order */
};

/* What the pool must hold. */
void luns_store_options(const struct config *c, unsigned readers, struct store_options *o);

/* Says what the memory is made of, and where the host gives less than the configuration counts on.
 */
void luns_report_pool(const struct config *c, struct store *s);

/* 0 or -errno, after a log line that says what to do. */
int luns_create(struct luns *l, const struct config *c, struct store *s)
	__attribute__((warn_unused_result));

/* `log_loss`: what the LUNs held is gone now; the log says how much. */
void luns_destroy(struct luns *l, bool log_loss);

#endif
