/* SPDX-License-Identifier: MIT */
/*
 * memory.h - the memory behind all LUNs, from the start of a process to its end: adopted or made,
 * filled with what was spilled, handed to whoever keeps it, and left there or given up.
 *
 * In the main thread.
 */
#ifndef MEMTGT_MEMORY_H
#define MEMTGT_MEMORY_H

#include <stdbool.h>
#include <stddef.h>

#include "base/inherit.h"
#include "spill/spill.h"

struct config;
struct luns;
struct state_file;
struct store;
struct store_reader;

/* Descriptors that are the memory. */
#define MEMORY_FILES 3u

/* Longer than this nobody is waited for who is to keep something; ms. */
#define MEMORY_KEEP_MS 5000

struct memory {
	const struct config *config;
	unsigned readers; /* of the reactors; one more is for changes */
	struct state_file *state;
	struct store *store;
	struct spill spill; /* from memory_restore() to memory_offer() */
	bool is_forgotten;  /* what was spilled is nowhere but here */
};

/* With what an earlier process left, if it left anything. `config` is borrowed. 0 or -errno, after
 * a log line; memory_end() in any case. */
int memory_open(struct memory *m, const struct config *config, unsigned readers)
	__attribute__((warn_unused_result));
/* The reader of who changes LUNs, in the main thread or in a turn of the changes. */
struct store_reader *memory_reader(const struct memory *m);
/* What was spilled is there. Before luns_create(). 0 or -errno, after a log line. */
int memory_restore(struct memory *m) __attribute__((warn_unused_result));
/* Gives it to whoever keeps it: what is acknowledged later must be kept already. */
void memory_keep(const struct memory *m);
/* The start cannot fail any more, and nobody could write yet: what was spilled is here and nowhere
 * else. 0 or -errno, after a log line. */
int memory_offer(struct memory *m) __attribute__((warn_unused_result));
/* In its place, or after it: no more is restored in this process. */
void memory_settle(struct memory *m);

/* Its files and their names, for who keeps them and for a program that takes this one's place;
 * returns how many. They are the store's. */
size_t memory_fds(const struct memory *m, struct inherit_fd out[static MEMORY_FILES]);
/* Something would be lost with this process if nobody kept it. */
bool memory_has_data(const struct memory *m);

/*
 * The final end: no initiator is there any more, no command is under way, and the LUNs still hold
 * all. Here is where they are saved elsewhere; after this nothing of them is kept.
 */
void memory_save(struct memory *m, struct luns *l);
/* Kept: it stays where it is kept. Else it is gone with the process; `log_loss`: the log says what
 * was in it. */
void memory_end(struct memory *m, struct luns *l, bool kept, bool log_loss);

#endif
