/* SPDX-License-Identifier: MIT */
/*
 * lu.h - a LUN with what is kept of it: between the luns*.c.
 *
 * Its label (luns/label.h) is written whenever something changes that the next process must know,
 * before whoever asked for the change is answered.
 */
#ifndef MEMTGT_LUNS_LU_H
#define MEMTGT_LUNS_LU_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "luns/label.h"
#include "scsi/scsi.h"

struct config_lun;
struct luns;

/* scsi.owner points to it. From malloc(); freed by luns_lu_free(). */
struct luns_lu {
	struct scsi_lu scsi;
	const struct scsi_target *target;
	struct luns *luns;
	pthread_mutex_t lock; /* of the label; before that of scsi.starters, and the store's */
	uint32_t generation;
	bool by_config, is_damaged;
	bool is_frozen;	    /* read-only for this daemon's end alone: luns_freeze() */
	bool is_saved;	    /* elsewhere; for the log at the end */
	uint64_t held_back; /* luns/scrub.c, in turns: the reserve.change of which that was said */
	struct label_configured configured;
};

/* What makes a LUN. */
struct luns_recipe {
	const struct config_lun *how;
	const uint8_t *seed; /* 16 bytes: makes its names */
	uint32_t generation;
	bool stopped, by_config;
};

/* A LU with its memory and its label, that no target shows yet. 0 or -errno and `why`. */
int luns_make(struct luns *l, size_t target, const struct luns_recipe *r, struct scsi_lu **out,
	      char *why, size_t why_len) __attribute__((warn_unused_result));
/* The same of kept memory; *out has no more than what label and store tell. */
int luns_take_kept(struct luns *l, size_t target, const struct luns_label *label, unsigned slot,
		   struct scsi_lu **out, char *why, size_t why_len)
	__attribute__((warn_unused_result));
/* Its memory is gone, or left. */
void luns_lu_free(struct scsi_lu *lu);
/* Writes the label anew. A failure, which is a bug or a lack of memory, is logged. */
void luns_lu_label(struct scsi_lu *lu);

/* What the configuration says, as labels have it. */
struct label_configured luns_configured(const struct config_lun *how);

/* NULL: of a test, which keeps nothing. */
static inline struct luns_lu *luns_lu_of(const struct scsi_lu *lu)
{
	return lu->owner;
}

/*
 * The generation that new content has under this name, and whether somebody may still expect what
 * was there before: then it is to be stopped, and the state is to be saved before it is shown.
 */
uint32_t luns_next_generation(const struct luns *l, const char *target, unsigned id,
			      bool *was_used);
/* Remembers it. 0, or -errno and `why`: the LUN must not be shown. */
int luns_remember(struct luns *l, const char *target, unsigned id, uint32_t generation, char *why,
		  size_t why_len) __attribute__((warn_unused_result));

#endif
