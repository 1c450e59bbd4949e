/* SPDX-License-Identifier: MIT */
/* impl.h - what file.c, text.c and disk.c share. */
#ifndef MEMTGT_STATE_IMPL_H
#define MEMTGT_STATE_IMPL_H

#include <pthread.h>

#include "state/file.h"

struct state_entry {
	char target[ISCSI_NAME_MAX + 1];
	unsigned id;
	struct state_lun lun;
};

struct state_file {
	pthread_mutex_t lock;		    /* of host, entries, n, changes */
	char host[2 * STATE_HOST_SIZE + 1]; /* hex; "": nobody asked for it */
	struct state_entry *entries;
	size_t n;
	uint64_t changes;

	pthread_mutex_t saving; /* of what follows; taken before `lock` */
	uint64_t saved;		/* which of the changes are on the disk */
	char *path;
	int dir, locked; /* descriptors */
};

/* Empty, on no disk. NULL: no memory. */
struct state_file *state_new(void);

/* Under the lock. NULL: there is none; no memory for another. */
struct state_entry *state_entry(const struct state_file *f, const char *target, unsigned id);
struct state_entry *state_entry_add(struct state_file *f, const char *target, unsigned id);

/* As state_text(); sets *changes to what the text holds. */
char *state_text_of(struct state_file *f, uint64_t *changes);

#endif
