// SPDX-License-Identifier: MIT
/* spill.c - from memory to a file: see spill/spill.h. */
#include "spill/spill.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fail_point.h"
#include "base/image.h"
#include "base/io.h"
#include "base/log.h"
#include "state/file.h"
#include "store/store.h"

_Static_assert(STORE_LABEL_MAX <= IMAGE_LABEL, "an image takes every label");

#define MIB	((uint64_t)1 << 20)
#define TELL_NS (10 * NS_PER_S)
#define WHY	512u
/* What was written goes to the disk in such pieces, so that it does not fill the host's memory. */
#define SYNC_BYTES (64 * MIB)

/* ---- names ---- */

void spill_uuid_text(const uint8_t u[static 16], char out[static 37])
{
	snprintf(out, 37, "%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x",
		 u[0], u[1], u[2], u[3], u[4], u[5], u[6], u[7], u[8], u[9], u[10], u[11], u[12],
		 u[13], u[14], u[15]);
}

static bool is_uuid(const char *text)
{
	for (unsigned i = 0; i < 36; i++) {
		bool is_dash = i == 8 || i == 13 || i == 18 || i == 23;
		if (is_dash ? text[i] != '-'
			    : !isdigit((unsigned char)text[i]) && (text[i] < 'a' || text[i] > 'f'))
			return false;
	}
	return !text[36];
}

int spill_path(const struct spill *s, const char *uuid, const char *more,
	       char out[static SPILL_PATH])
{
	if (!is_uuid(uuid) || !s->dir)
		return -EINVAL;
	int n = snprintf(out, SPILL_PATH, "%s/%s" SPILL_SUFFIX "%s", s->dir, uuid, more);
	return n < (int)SPILL_PATH ? 0 : -ENAMETOOLONG;
}

void spill_progress(struct spill *s, const char *verb, const char *target, unsigned id,
		    uint64_t done, uint64_t of)
{
	uint64_t now = clock_now();

	if (now - s->told_at < NS_PER_S / 2)
		return;
	if (s->tick)
		s->tick(s->arg);
	if (s->told_at && now - s->told_at < TELL_NS)
		return;
	s->told_at = now;
	log_info("%s LUN %u: %llu of %llu MiB %s", target, id, (unsigned long long)(done / MIB),
		 (unsigned long long)(of / MIB), verb);
}

/* ---- bytes ---- */

struct writing {
	int fd;
	uint64_t bytes, synced;
};

static int write_file(void *arg, const void *p, size_t n)
{
	struct writing *w = arg;
	int err = io_write_all(w->fd, p, n);

	if (err)
		return err;
	w->bytes += n;
	if (w->bytes - w->synced < SYNC_BYTES)
		return 0;
	if (fdatasync(w->fd))
		return -errno;
	(void)posix_fadvise(w->fd, 0, 0, POSIX_FADV_DONTNEED);
	w->synced = w->bytes;
	return 0;
}

/* Right out of the LUN's pages: nobody writes there any more. */
static int put_piece(struct image_out *o, const struct store_lun *l, uint64_t off, uint64_t n)
{
	while (n) {
		size_t want = n < IMAGE_DATA_MAX ? (size_t)n : IMAGE_DATA_MAX, have;
		const uint8_t *p = store_at(l, off, want, &have);
		int err = image_out_data(o, off, p, have);
		if (err)
			return err;
		off += have;
		n -= have;
	}
	return 0;
}

static int put_all(struct spill *s, struct image_out *o, const struct image_lun *lun,
		   const struct store_lun *l)
{
	int err = 0;

	store_reader_online(s->reader);
	for (uint64_t off = 0, n; !err && off < lun->bytes; off += n) {
		bool is_data = store_state(l, off, lun->bytes - off, &n) == STORE_MAPPED;
		if (is_data && n > STORE_PAGE_SIZE)
			n = STORE_PAGE_SIZE;
		if (is_data)
			err = put_piece(o, l, off, n);
		FAIL_POINT(SPILL_HALF);
		spill_progress(s, "saved", lun->target, lun->id, off, lun->bytes);
	}
	store_reader_offline(s->reader);
	return err ? err : image_out_end(o);
}

/* ---- a file ---- */

static int write_image(struct spill *s, const struct image_lun *lun, const struct store_lun *l,
		       int fd)
{
	struct writing w = {.fd = fd};
	struct image_out o;
	int err = image_out_begin(&o, write_file, &w, lun);

	if (!err)
		err = put_all(s, &o, lun, l);
	if (!err && fsync(fd))
		err = -errno;
	return err;
}

/* The file has its name when all of it is on the disk. */
static int make_file(struct spill *s, const struct image_lun *lun, const struct store_lun *l,
		     const char *uuid)
{
	char beside[SPILL_PATH], path[SPILL_PATH];
	int err = spill_path(s, uuid, SPILL_BESIDE, beside);

	if (!err)
		err = spill_path(s, uuid, "", path);
	if (err)
		return err;
	int fd = open(beside, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0)
		return -errno;
	err = write_image(s, lun, l, fd);
	if (close(fd) && !err)
		err = -errno;
	FAIL_POINT(SPILL_WRITTEN);
	if (!err && rename(beside, path))
		err = -errno;
	FAIL_POINT(SPILL_RENAMED);
	if (!err)
		err = io_sync_folder(s->dir);
	if (err)
		(void)unlink(beside);
	return err;
}

/* ---- a LUN ---- */

static int describe(struct image_lun *lun, const char *target, unsigned id, uint32_t block_bytes,
		    const struct store_lun *l)
{
	*lun = (struct image_lun){.bytes = store_lun_bytes(l),
				  .block_bytes = block_bytes,
				  .id = id,
				  .kind = store_lun_provisioning(l) == STORE_FULL ? IMAGE_FULL
										  : IMAGE_THIN};
	snprintf(lun->target, sizeof(lun->target), "%s", target);
	lun->label_len = store_lun_label(l, lun->label);
	if (getrandom(lun->uuid, sizeof(lun->uuid), 0) != (ssize_t)sizeof(lun->uuid))
		return -EIO;
	lun->uuid[6] = (uint8_t)((lun->uuid[6] & 0x0f) | 0x40); /* RFC 9562 5.4 */
	lun->uuid[8] = (uint8_t)((lun->uuid[8] & 0x3f) | 0x80);
	return 0;
}

/* It is whole, on the disk, and of no use until this. */
static int name_it(struct spill *s, const struct image_lun *lun, const char *uuid)
{
	char why[WHY];
	int err = state_set_spilled(s->state, lun->target, lun->id, uuid);

	if (!err)
		err = state_set_used(s->state, lun->target, lun->id, true);
	if (err) {
		log_error("%s LUN %u: %s", lun->target, lun->id, strerror(-err));
		return err;
	}
	err = state_save(s->state, why, sizeof(why));
	FAIL_POINT(SPILL_NAMED);
	if (!err)
		return 0;
	if (state_set_spilled(s->state, lun->target, lun->id, ""))
		log_error("%s LUN %u: out of memory", lun->target, lun->id);
	log_error("%s LUN %u: %s; its image is whole, and will not be taken by itself: lun import "
		  "%s/%s" SPILL_SUFFIX,
		  lun->target, lun->id, why, s->dir, uuid);
	return err;
}

/* `uuid` is the image's, which is whole and on the disk, and of no use yet. */
static int save(struct spill *s, const char *target, unsigned id, uint32_t block_bytes,
		struct store_lun *l, struct image_lun *lun, char uuid[static 37])
{
	if (store_lun_state(l) != STORE_KEPT_WHOLE) {
		log_error("%s LUN %u: not saved to %s, since a part of it is lost already", target,
			  id, s->dir);
		return -EIO;
	}
	int err = describe(lun, target, id, block_bytes, l);
	if (!err) {
		spill_uuid_text(lun->uuid, uuid);
		err = s->with_note ? spill_put_note(s, uuid, l) : 0;
		if (!err)
			err = make_file(s, lun, l, uuid);
		if (err)
			spill_drop_note(s, uuid);
	}
	if (err)
		log_error("%s LUN %u: cannot be saved to %s: %s", target, id, s->dir,
			  strerror(-err));
	return err;
}

int spill_lun(struct spill *s, const char *target, unsigned id, uint32_t block_bytes,
	      struct store_lun *l)
{
	struct image_lun lun;
	char uuid[37];
	int err = save(s, target, id, block_bytes, l, &lun, uuid);

	if (!err)
		err = name_it(s, &lun, uuid);
	if (!err)
		log_info("%s LUN %u: saved, %s/%s" SPILL_SUFFIX, target, id, s->dir, uuid);
	return err;
}

int spill_aside(struct spill *s, const char *target, unsigned id, uint32_t block_bytes,
		struct store_lun *l)
{
	struct image_lun lun;
	char uuid[37];
	int err = save(s, target, id, block_bytes, l, &lun, uuid);

	if (!err)
		log_warn("%s LUN %u, which was held: saved, %s/%s" SPILL_SUFFIX
			 ", and not taken by itself: memtgtctl lun import",
			 target, id, s->dir, uuid);
	return err;
}
