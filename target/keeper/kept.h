/* SPDX-License-Identifier: MIT */
/* kept.h - the descriptors that a keeper keeps for its daemon, by name. */
#ifndef MEMTGT_KEEPER_KEPT_H
#define MEMTGT_KEEPER_KEPT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/inherit.h"

/* The store's files and a portal for each that the configuration may have are fewer. */
#define KEEPER_KEPT_MAX 128u

struct keeper_kept {
	struct inherit_fd fds[KEEPER_KEPT_MAX]; /* names are its own */
	size_t n;
};

/* Takes the descriptor, in place of another of that name. 0, or -errno: then it is closed. */
int keeper_kept_put(struct keeper_kept *k, const char *name, int fd)
	__attribute__((warn_unused_result));
/* Closes what has that name; false: nothing has. */
bool keeper_kept_drop(struct keeper_kept *k, const char *name);
void keeper_kept_close(struct keeper_kept *k);

/* Memory in the files among them, bytes. */
uint64_t keeper_kept_bytes(const struct keeper_kept *k);

#endif
