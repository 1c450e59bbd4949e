/* SPDX-License-Identifier: MIT */
/*
 * bulk.h - lun export --all and lun import --all: every LUN, each in a file of a folder.
 *
 * What goes wrong with one LUN is said, and the others go on.
 */
#ifndef MEMTGT_BULK_H
#define MEMTGT_BULK_H

#include <stdbool.h>
#include <stddef.h>

#include "memtgtctl/call.h"

#define BULK_SUFFIX ".image"
#define BULK_PATH   4096u

struct command;

struct bulk {
	const char *socket;
	unsigned timeout_s;
	const char *folder;
	bool force; /* overwrites files, or LUNs that hold data */
	bool json;
	const struct command *command; /* its parameters are each LUN's, which adds its own */
};

/* Prints what became of each. CALL_REFUSED: not all were done; then, and after CALL_FAILED, `why`
 * is a sentence. */
enum call_result bulk_run(const struct bulk *b, char *why, size_t n);

/* "TARGET.lun3.image". 0, or -1: this is no target's name, or a path in the folder is too long. */
int bulk_path(const char *folder, const char *target, unsigned id, char out[static BULK_PATH])
	__attribute__((warn_unused_result));
/* The target and id in such a name, which may be a path. false: it is none. */
bool bulk_parse(const char *path, char *target, size_t n, unsigned *id);

#endif
