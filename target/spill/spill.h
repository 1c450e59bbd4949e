/* SPDX-License-Identifier: MIT */
/*
 * spill.h - what LUNs hold goes to files in `spill_dir` when memtgtd ends for good, and comes back.
 *
 * An image (base/image.h) is named by a UUID of its own, UUID.image. It counts only while the state
 * file (state/file.h) names it; what is not named is never read. So old data cannot come back:
 *
 *	end	no write lands any more; the image is written, synced, renamed, its folder synced;
 *		then the state names it.
 *	start	the image is copied to a new LUN in the store, whose label says that it is half
 *		made; then it gets its own label; when the start cannot fail any more, the state
 *		names the image no more, and that is on the disk; then the file is removed; then
 *		initiators may write.
 *
 * Wherever that breaks off, the next start finds the memory whole (with its own label: it is not
 * older than the image), or half made (it is dropped), or not there, and goes on from there.
 *
 * In the main thread, with no reactor running.
 */
#ifndef MEMTGT_SPILL_H
#define MEMTGT_SPILL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct state_file;
struct store;
struct store_lun;
struct store_reader;

#define SPILL_SUFFIX ".image"

struct spill_back;

struct spill {
	const char *dir; /* NULL: nothing can be written or read, but what is named is still
			    forgotten */
	struct state_file *state;
	struct store *store;
	struct store_reader *reader; /* offline before and after */
	/* Called now and then while something takes long; may be NULL. */
	void (*tick)(void *arg);
	void *arg;
	bool with_note;		 /* spill_lun(): the LUN's note goes along */
	uint64_t told_at;	 /* ns; begins as 0 */
	struct spill_back *back; /* what spill_forget() is to forget */
};

/* A LUN of this name to a file. 0: the state file names it. Else -errno, after log lines: what it
 * holds is lost with its memory. */
int spill_lun(struct spill *s, const char *target, unsigned id, uint32_t block_bytes,
	      struct store_lun *l) __attribute__((warn_unused_result));
/* The same of what another LUN has the name of: the state does not name it, so it will not be taken
 * by itself. */
int spill_aside(struct spill *s, const char *target, unsigned id, uint32_t block_bytes,
		struct store_lun *l) __attribute__((warn_unused_result));

struct luns;

/* All LUNs that have data, and what is held with a label. Each failure is told; the others go on.
 */
void spill_luns(struct spill *s, struct luns *l);

/*
 * At the start, before anybody looks at what the store kept: all that was spilled is among that
 * afterwards, as if its memory had been kept. What cannot be read is a line in the log, is left
 * where it is, and named no more: then the LUN's memory is lost. Returns 0, or -errno after a log
 * line: the start must fail. spill_forget() or spill_drop() is needed in any case.
 */
int spill_restore(struct spill *s) __attribute__((warn_unused_result));
/*
 * When nothing of the start can fail any more, and nobody could write yet: the images are named no
 * more, and removed. 0, or -errno after a log line: the state cannot be written, so nobody may
 * write.
 */
int spill_forget(struct spill *s) __attribute__((warn_unused_result));
/* In its place: the start failed, and the next finds the images. */
void spill_drop(struct spill *s);

/* ---- between spill/spill.c and spill/restore.c ---- */

#define SPILL_PATH 4200u
/* Of a file that is being written, behind its name. */
#define SPILL_BESIDE ".part"
/* Of what a LUN's note was; nobody misses it where there was none. */
#define SPILL_NOTE ".note"

/* A path in the folder: the UUID, then the suffix, then `more`. -EINVAL: this is no UUID. */
int spill_path(const struct spill *s, const char *uuid, const char *more,
	       char out[static SPILL_PATH]) __attribute__((warn_unused_result));
/* spill/note.c. 0 or -errno; 0 as well if there is none. */
int spill_put_note(const struct spill *s, const char *uuid, struct store_lun *l)
	__attribute__((warn_unused_result));
int spill_get_note(const struct spill *s, const char *uuid, struct store_lun *l)
	__attribute__((warn_unused_result));
void spill_drop_note(const struct spill *s, const char *uuid);
/* The UUID as text, 36 characters and NUL. */
void spill_uuid_text(const uint8_t uuid[static 16], char out[static 37]);
/* Lets others know that it goes on: `done` of `of` bytes. */
void spill_progress(struct spill *s, const char *verb, const char *target, unsigned id,
		    uint64_t done, uint64_t of);

#endif
