/* SPDX-License-Identifier: MIT */
/*
 * file.h - what is known of LUNs when their memory is gone: the file in `state_dir`.
 *
 * Memory that was lost must not come back as zeroes under the name of what it was. So this file
 * says of each LUN, named by its target and id, whether somebody may have data in it, which
 * generation of it that was, and which image of it lies in `spill_dir`. Where the host has no
 * identity of its own, it has that, too.
 *
 * It is replaced as a whole: whoever reads it finds one state or the next. A file that cannot be
 * understood is an error, never an empty one. One process has it at a time.
 *
 * All calls after state_open() from any thread. They take no other lock, and state_save() waits for
 * the disk.
 */
#ifndef MEMTGT_STATE_FILE_H
#define MEMTGT_STATE_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "memtgt/iscsi_proto.h"

#define STATE_FILE_NAME	   "luns.json"
#define STATE_FILE_VERSION 1
#define STATE_FILE_MAX	   ((size_t)64 << 20) /* bytes; a larger one is none of ours */
#define STATE_SPILLED_MAX  36u		      /* a UUID as text */
#define STATE_IDS	   256u
#define STATE_HOST_SIZE	   16u /* bytes */

struct state_file;

struct state_lun {
	uint32_t generation; /* grows when the content was lost */
	bool used;	     /* somebody may have written data, and may ask for it */
	char spilled[STATE_SPILLED_MAX +
		     1]; /* the image that has what it held; "": there is none */
};

/*
 * Reads the file in `dir`, or begins one if there is none. 0, or -errno with a sentence in `why`
 * that names the file: -EINVAL (broken), -ENOTSUP (made by a newer memtgtd), -EBUSY (another
 * process has it), ... The folder itself is never made.
 */
int state_open(const char *dir, struct state_file **out, char *why, size_t why_len)
	__attribute__((warn_unused_result));
void state_close(struct state_file *f); /* NULL: nothing */
const char *state_path(const struct state_file *f);

/* False: nothing is known of it, and *out is all 0. Names are compared without regard to case. */
bool state_find(struct state_file *f, const char *target, unsigned id, struct state_lun *out);
/* These change what state_save() will write. 0 or -ENOMEM, -EINVAL (id, or a text too long). */
int state_set_used(struct state_file *f, const char *target, unsigned id, bool used)
	__attribute__((warn_unused_result));
int state_set_generation(struct state_file *f, const char *target, unsigned id, uint32_t generation)
	__attribute__((warn_unused_result));
int state_set_spilled(struct state_file *f, const char *target, unsigned id, const char *uuid)
	__attribute__((warn_unused_result));

/* What tells this host from others, where nothing else does: made at random the first time that it
 * is asked for, and the same after each state_save(). 0 or -errno. */
int state_host(struct state_file *f, uint8_t id[static STATE_HOST_SIZE])
	__attribute__((warn_unused_result));

/* A LUN of which an image lies in `spill_dir`. */
struct state_spilled {
	char target[ISCSI_NAME_MAX + 1];
	unsigned id;
	char uuid[STATE_SPILLED_MAX + 1];
};
/* All of them; *out is the caller's to free(). 0 or -ENOMEM. */
int state_list_spilled(struct state_file *f, struct state_spilled **out, size_t *n)
	__attribute__((warn_unused_result));

/*
 * When it returns 0, all that was set before the call is on the disk. If nothing changed since the
 * last time, it writes nothing. Else -errno, a sentence in `why`, and the file is what it was.
 */
int state_save(struct state_file *f, char *why, size_t why_len) __attribute__((warn_unused_result));

/* ---- the text of the file, for state/disk.c and its fuzzer ---- */

/* 0, -EINVAL or -ENOTSUP, and a sentence without the file's name; -ENOMEM. */
int state_parse(const char *text, size_t n, struct state_file **out, char *why, size_t why_len)
	__attribute__((warn_unused_result));
/* To be freed; NULL: no memory. */
char *state_text(struct state_file *f);

#endif
