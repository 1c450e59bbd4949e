// SPDX-License-Identifier: MIT
/* restore.c - from a file to memory, before anybody could take old data for current: spill/spill.h.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fail_point.h"
#include "base/image.h"
#include "base/io.h"
#include "base/log.h"
#include "base/signals.h"
#include "luns/label.h"
#include "spill/spill.h"
#include "state/file.h"
#include "store/store.h"

#define WHY	   512u
#define RETRY_MS   5
#define PATIENCE_S 60u /* without a page for one extent */

/* The label of a LUN that is half made. No other label begins so. */
static const struct store_label half = {.p = "mtSPILL", .n = 7};

/* What was read, or is not needed. */
struct spill_back {
	struct spill_back *next;
	struct state_spilled of;
	bool removes; /* the file is of no more use */
};

#define SAY(...) snprintf(why, why_len, __VA_ARGS__)

/* ---- what is in the store ---- */

static bool is_half(const struct store_kept *k)
{
	return k->label_len == half.n && !memcmp(k->label, half.p, half.n);
}

/* What is held of an earlier content does not count. */
static bool is_of(const struct spill *s, const struct store_kept *k, const struct state_spilled *e)
{
	struct luns_label label;
	struct state_lun lun;

	return !label_read(k->label, k->label_len, &label) && label.id == e->id &&
	       !strcasecmp(label.target, e->target) &&
	       state_find(s->state, e->target, e->id, &lun) && label.generation >= lun.generation;
}

/* Whoever made them died; their images are still there. */
static int drop_half_made(const struct spill *s)
{
	struct store_kept *all;
	char why[WHY];
	size_t n;
	int err = store_kept_list(s->store, &all, &n);

	for (size_t i = 0; !err && i < n; i++) {
		struct store_lun *l;
		if (!is_half(&all[i]) ||
		    store_lun_adopt(s->store, all[i].slot, &l, why, sizeof(why)))
			continue;
		store_lun_destroy(l);
		FAIL_POINT(RESTORE_DROPPED);
	}
	if (!err)
		free(all);
	return err;
}

/* What the store had when the start began. */
struct memory {
	struct store_kept *all;
	size_t n;
};

enum found { FOUND_NONE, FOUND_PART, FOUND_WHOLE };

static enum found find_memory(const struct spill *s, const struct memory *m,
			      const struct state_spilled *e)
{
	for (size_t i = 0; i < m->n; i++)
		if (is_of(s, &m->all[i], e))
			return m->all[i].state == STORE_KEPT_WHOLE ? FOUND_WHOLE : FOUND_PART;
	return FOUND_NONE;
}

/* ---- a file ---- */

static int read_file(void *arg, void *p, size_t n)
{
	const int *fd = arg;

	return io_read_all(*fd, p, n);
}

/* It must be the very image that the state names, with what is needed to make the LUN again. */
static int check_image(const struct image_lun *lun, const struct state_spilled *e, char *why,
		       size_t why_len)
{
	struct luns_label label;
	char uuid[37];

	spill_uuid_text(lun->uuid, uuid);
	if (strcmp(uuid, e->uuid) != 0)
		SAY("it is another image than the one that was written, %s", uuid);
	else if (strcasecmp(lun->target, e->target) != 0 || lun->id != e->id)
		SAY("it is of another LUN: %s LUN %u", lun->target, lun->id);
	else if (lun->kind == IMAGE_NOT_TOLD || label_read(lun->label, lun->label_len, &label) ||
		 label.id != e->id || strcasecmp(label.target, e->target) != 0 ||
		 label.block_size != lun->block_bytes)
		SAY("it does not tell what the LUN was");
	else
		return 0;
	return -EINVAL;
}

/* A page may have to be made first. */
static int write_extent(const struct spill *s, struct store_lun *l, const struct image_in *i,
			char *why, size_t why_len)
{
	uint64_t until = clock_now() + PATIENCE_S * NS_PER_S;

	for (size_t done = 0; done < i->length;) {
		store_reader_online(s->reader);
		int64_t n = store_write(s->reader, l, i->place + done, i->data + done,
					i->length - done);
		store_reader_offline(s->reader);
		if (n > 0) {
			done += (size_t)n;
			continue;
		}
		if (n != -EAGAIN || clock_now() > until) {
			SAY("there is not enough memory for it");
			return -ENOSPC;
		}
		(void)poll(NULL, 0, RETRY_MS);
	}
	return 0;
}

static int fill(struct spill *s, struct store_lun *l, struct image_in *i, int fd, char *why,
		size_t why_len)
{
	int more, err = 0;

	while (!err && (more = image_in_next(i)) > 0) {
		err = write_extent(s, l, i, why, why_len);
		if (!err && signals_tell_to_end()) {
			SAY("memtgtd is about to end");
			err = -ECANCELED;
		}
		FAIL_POINT(RESTORE_HALF);
		(void)posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
		spill_progress(s, "read", i->lun.target, i->lun.id, i->next, i->lun.bytes);
	}
	if (!err && more) {
		SAY("%s", i->why);
		err = more;
	}
	return err;
}

/* ---- a LUN ---- */

/* From here on it is as if its memory had been kept. */
static int make_known(struct store_lun *l, const struct image_lun *lun, char *why, size_t why_len)
{
	int err = store_lun_set_label(l, lun->label, lun->label_len);

	if (err) {
		SAY("its memory cannot be labelled: %s", strerror(-err));
		return err;
	}
	FAIL_POINT(RESTORE_KNOWN);
	err = store_lun_offer(l);
	if (err)
		SAY("out of memory");
	return err;
}

static int take_note(const struct spill *s, struct store_lun *l, const struct image_lun *lun,
		     char *why, size_t why_len)
{
	char uuid[37];

	spill_uuid_text(lun->uuid, uuid);
	int err = spill_get_note(s, uuid, l);
	if (err)
		SAY("who had registered with it cannot be read: %s", strerror(-err));
	return err;
}

static int make_lun(struct spill *s, struct image_in *i, int fd, char *why, size_t why_len)
{
	struct store_lun *l;
	enum store_provisioning p = i->lun.kind == IMAGE_FULL ? STORE_FULL : STORE_THIN;
	int err = store_lun_create(s->store, i->lun.bytes, p, &half, NULL, NULL, &l, why, why_len);

	if (err)
		return err;
	FAIL_POINT(RESTORE_BEGUN);
	err = fill(s, l, i, fd, why, why_len);
	if (!err)
		store_lun_set_used(l); /* also if all of it was zeroes */
	FAIL_POINT(RESTORE_FILLED);
	if (!err)
		err = take_note(s, l, &i->lun, why, why_len);
	if (!err)
		err = make_known(l, &i->lun, why, why_len);
	if (err)
		store_lun_destroy(l);
	return err;
}

static int read_image(struct spill *s, const struct state_spilled *e, const char *path, char *why,
		      size_t why_len)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	struct image_in i;

	if (fd < 0) {
		int err = -errno;
		SAY("%s", strerror(-err));
		return err;
	}
	int err = image_in_open(&i, read_file, &fd);
	if (err)
		SAY("%s", i.why);
	else
		err = check_image(&i.lun, e, why, why_len);
	if (!err)
		err = make_lun(s, &i, fd, why, why_len);
	image_in_close(&i);
	close(fd);
	return err;
}

/* ---- forgetting ---- */

/* The state names it no more, and then it goes, if it is of no more use. */
static int forget(const struct spill *s, const struct state_spilled *e, const char *path,
		  bool removes)
{
	char why[WHY];
	int err = state_set_spilled(s->state, e->target, e->id, "");

	if (err)
		snprintf(why, sizeof(why), "%s", strerror(-err));
	else
		err = state_save(s->state, why, sizeof(why));
	if (err) {
		log_error("%s LUN %u: %s: no LUN can be offered until that works, since its image "
			  "could come back as current data",
			  e->target, e->id, why);
		return err;
	}
	FAIL_POINT(RESTORE_FORGOTTEN);
	if (removes && unlink(path))
		log_warn("%s: cannot be removed, and is of no more use: %s", path, strerror(errno));
	if (removes)
		spill_drop_note(s, e->uuid);
	FAIL_POINT(RESTORE_REMOVED);
	return 0;
}

/* ---- the folder ---- */

/* A note whose image never got its name. */
static bool is_alone(int dir, const char *name, size_t n)
{
	const size_t note = strlen(SPILL_NOTE), image = 36 + strlen(SPILL_SUFFIX);
	char of[64] = "";

	if (n != image + note || strcmp(name + 36, SPILL_SUFFIX SPILL_NOTE) != 0)
		return false;
	memcpy(of, name, image);
	return faccessat(dir, of, F_OK, 0) != 0;
}

/* What nobody finished is of no use; what nobody names may be of some to the operator. */
static void tidy(const struct spill *s)
{
	DIR *dir = opendir(s->dir);
	const struct dirent *e;
	unsigned images = 0;

	while (dir && (e = readdir(dir))) {
		size_t n = strlen(e->d_name), part = strlen(SPILL_SUFFIX SPILL_BESIDE);
		if (n == 36 + part && !strcmp(e->d_name + 36, SPILL_SUFFIX SPILL_BESIDE))
			(void)unlinkat(dirfd(dir), e->d_name, 0);
		if (is_alone(dirfd(dir), e->d_name, n))
			(void)unlinkat(dirfd(dir), e->d_name, 0);
		images += n == 36 + strlen(SPILL_SUFFIX) && !strcmp(e->d_name + 36, SPILL_SUFFIX);
	}
	if (dir)
		closedir(dir);
	if (images)
		log_warn("%s: %u image%s of what LUNs held once %s still there: take what is of "
			 "use by memtgtctl lun import, and remove them",
			 s->dir, images, images == 1 ? "" : "s", images == 1 ? "is" : "are");
}

/* For spill_forget(). */
static int note(struct spill *s, const struct state_spilled *e, bool removes)
{
	struct spill_back *b = malloc(sizeof(*b));

	if (!b) {
		log_error("out of memory");
		return -ENOMEM;
	}
	*b = (struct spill_back){.next = s->back, .of = *e, .removes = removes};
	s->back = b;
	return 0;
}

int spill_forget(struct spill *s)
{
	bool any = s->back != NULL;
	int err = 0;

	for (const struct spill_back *b = s->back; b && !err; b = b->next) {
		char path[SPILL_PATH] = "";
		bool is_there = !spill_path(s, b->of.uuid, "", path);
		err = forget(s, &b->of, path, b->removes && is_there);
	}
	spill_drop(s);
	if (err || !s->dir)
		return err;
	tidy(s);
	/* If a file is back after a crash of the host, nobody names it. */
	if (any && io_sync_folder(s->dir))
		log_warn("%s cannot be brought to the disk", s->dir);
	return 0;
}

void spill_drop(struct spill *s)
{
	while (s->back) {
		struct spill_back *b = s->back;
		s->back = b->next;
		free(b);
	}
}

static int restore(struct spill *s, const struct memory *m, const struct state_spilled *e)
{
	char path[SPILL_PATH] = "", why[WHY];
	enum found found = find_memory(s, m, e);
	int err = spill_path(s, e->uuid, "", path);

	if (found) {
		/* Not older than the image: nobody could write since that was made, until this. */
		log_info("%s LUN %u: its memory was kept%s", e->target, e->id,
			 found == FOUND_WHOLE ? ", and its image is not needed" : "");
		if (found == FOUND_PART)
			log_warn("%s LUN %u: a part of its memory is lost; %s may have it",
				 e->target, e->id, path);
		return note(s, e, found == FOUND_WHOLE);
	}
	if (err)
		snprintf(why, sizeof(why), "%s",
			 s->dir ? "the state file names no image" : "spill_dir is not set");
	else
		err = read_image(s, e, path, why, sizeof(why));
	if (!err) {
		log_info("%s LUN %u: is as it was, from %s", e->target, e->id, path);
		return note(s, e, true);
	}
	if (err == -ECANCELED)
		return err; /* all is left to the next start */
	log_error("%s LUN %u: what it held is not back: %s%s%s: %s. That is left as it is; once it "
		  "is right, memtgtctl lun import %s %u FILE takes it",
		  e->target, e->id, e->uuid, *path ? ", " : "", path, why, e->target, e->id);
	return forget(s, e, path, false);
}

int spill_restore(struct spill *s)
{
	struct memory m = {0};
	struct state_spilled *all = NULL;
	size_t n;
	int err = drop_half_made(s);

	if (!err)
		err = store_kept_list(s->store, &m.all, &m.n);
	if (!err)
		err = state_list_spilled(s->state, &all, &n);
	if (err)
		log_error("no memory to look at what was kept");
	for (size_t i = 0; !err && i < n; i++)
		err = restore(s, &m, &all[i]);
	free(all);
	free(m.all);
	return err;
}
