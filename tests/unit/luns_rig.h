/* SPDX-License-Identifier: MIT */
/*
 * luns_rig.h - LUNs over real memory without a reactor, that end and begin again: with their
 * memory, or without it.
 */
#ifndef MEMTGT_LUNS_RIG_H
#define MEMTGT_LUNS_RIG_H

#include <check.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/config.h"
#include "iscsi/node.h"
#include "luns/luns.h"
#include "state/file.h"
#include "store/store.h"

#define RIG_TARGET "iqn.2026-01.org.memtgt:a"
#define MIB	   ((uint64_t)1 << 20)

struct luns_rig {
	char dir[64]; /* the state's; "" before the first start */
	bool no_state;
	const char *pool; /* its size */
	struct config *config;
	struct state_file *state;
	struct store *store;
	struct store_reader *reader; /* the test's, offline */
	struct luns luns;
	struct iscsi_node node;
	struct store_files files; /* what is kept between two starts; pool -1: nothing */
	char why[LUNS_WHY];
};

/* A folder for the state, and nothing kept. */
void luns_rig_init(struct luns_rig *r);
void luns_rig_free(struct luns_rig *r);
/* `targets`: the value of that key. What luns_create() returns. */
int luns_rig_try(struct luns_rig *r, const char *targets);
void luns_rig_start(struct luns_rig *r, const char *targets);
/* Its end, and what was in memory is for the next start. */
void luns_rig_keep(struct luns_rig *r);
/* Its end, and that of what was in memory. */
void luns_rig_lose(struct luns_rig *r);

/* NULL: there is none. */
struct scsi_lu *luns_rig_lu(struct luns_rig *r, unsigned id);
struct luns_info luns_rig_info(struct luns_rig *r, const char *target, unsigned id);
/* Waits for memory, and for the first write to be remembered. */
void luns_rig_write(struct luns_rig *r, unsigned id, uint64_t off, const void *p, size_t n);
void luns_rig_read(struct luns_rig *r, unsigned id, uint64_t off, void *p, size_t n);

#endif
