// SPDX-License-Identifier: MIT
/* image.c - writes the format of image.h, and reads it with every check that can be made. */
#include "base/image.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/config.h"
#include "base/crc32c.h"

#define VERSION_OF_NOBODY 1u

static uint32_t crc_of(const void *p, size_t n)
{
	return ~crc32c_update(CRC32C_INIT, p, n);
}

/* ---- writing ---- */

static int put(struct image_out *o, const void *p, size_t n)
{
	o->crc = crc32c_update(o->crc, p, n);
	return o->write(o->arg, p, n);
}

static int put_record(struct image_out *o, const char *tag, size_t length, uint64_t place,
		      uint32_t digest)
{
	struct image_record r = {0};

	memcpy(r.tag, tag, sizeof(r.tag));
	put32(&r.length, (uint32_t)length);
	put64(&r.place, place);
	put32(&r.digest, digest);
	put32(&r.crc, crc_of(&r, offsetof(struct image_record, crc)));
	return put(o, &r, sizeof(r));
}

static int put_label(struct image_out *o, const struct image_lun *lun)
{
	be32 crc;
	int err = put(o, lun->label, lun->label_len);

	put32(&crc, crc_of(lun->label, lun->label_len));
	return err ? err : put(o, &crc, sizeof(crc));
}

static int put_identity(struct image_out *o, const struct image_lun *lun)
{
	struct image_identity i = {0};

	memcpy(i.target, lun->target, strlen(lun->target));
	put32(&i.id, lun->id);
	memcpy(i.uuid, lun->uuid, sizeof(i.uuid));
	put32(&i.label_length, (uint32_t)lun->label_len);
	i.kind = (uint8_t)lun->kind;
	put32(&i.crc, crc_of(&i, offsetof(struct image_identity, crc)));
	int err = put(o, &i, sizeof(i));
	return err || !lun->label_len ? err : put_label(o, lun);
}

int image_out_begin(struct image_out *o, image_write *write, void *arg, const struct image_lun *lun)
{
	struct image_header h = {0};
	bool is_of_somebody = lun->target[0] != '\0';

	*o = (struct image_out){.write = write, .arg = arg, .crc = CRC32C_INIT};
	memcpy(h.magic, IMAGE_MAGIC, sizeof(h.magic));
	put32(&h.version, is_of_somebody ? IMAGE_VERSION : VERSION_OF_NOBODY);
	put32(&h.block_bytes, lun->block_bytes);
	put64(&h.lun_bytes, lun->bytes);
	put32(&h.crc, crc_of(&h, offsetof(struct image_header, crc)));
	int err = put(o, &h, sizeof(h));
	return err || !is_of_somebody ? err : put_identity(o, lun);
}

static int put_extent(struct image_out *o, uint64_t off, const uint8_t *p, size_t n)
{
	int err = put_record(o, IMAGE_TAG_DATA, n, off, crc_of(p, n));

	o->extents++;
	o->data_bytes += n;
	return err ? err : put(o, p, n);
}

static bool is_zero(const uint8_t *p, size_t n)
{
	return !p[0] && !memcmp(p, p + 1, n - 1);
}

/* The grain that begins at p, or what there is of it. */
static size_t grain(size_t left)
{
	return left < IMAGE_GRAIN ? left : IMAGE_GRAIN;
}

/* Bytes from p that are all of one kind. */
static size_t run(const uint8_t *p, size_t n, bool zero)
{
	size_t done = 0;

	while (done < n && is_zero(p + done, grain(n - done)) == zero)
		done += grain(n - done);
	return done;
}

int image_out_data(struct image_out *o, uint64_t off, const uint8_t *p, size_t n)
{
	size_t at = 0;

	while (at < n) {
		at += run(p + at, n - at, true);
		size_t part = run(p + at, n - at, false);
		int err = part ? put_extent(o, off + at, p + at, part) : 0;
		if (err)
			return err;
		at += part;
	}
	return 0;
}

int image_out_end(struct image_out *o)
{
	return put_record(o, IMAGE_TAG_END, 0, o->extents, ~o->crc);
}

int image_out_stop(struct image_out *o)
{
	return put_record(o, IMAGE_TAG_STOP, 0, o->extents, 0);
}

/* ---- reading ---- */

static int bad(struct image_in *i, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

static int bad(struct image_in *i, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(i->why, sizeof(i->why), fmt, ap);
	va_end(ap);
	return -EINVAL;
}

static int get(struct image_in *i, void *p, size_t n)
{
	int err = i->read(i->arg, p, n);

	if (err == -ENODATA)
		return bad(i, "the image is cut off");
	if (err)
		snprintf(i->why, sizeof(i->why), "%s", strerror(-err));
	return err;
}

static int check_header(struct image_in *i)
{
	const struct image_header *h = &i->front.header;
	uint32_t version = get32(h->version);

	if (memcmp(h->magic, IMAGE_MAGIC, sizeof(h->magic)) != 0)
		return bad(i, "this is no image of a LUN");
	if (!version || version > IMAGE_VERSION)
		return bad(i, "the image has version %" PRIu32 "; versions 1 to %u are known",
			   version, IMAGE_VERSION);
	if (get32(h->crc) != crc_of(h, offsetof(struct image_header, crc)))
		return bad(i, "the image is damaged: its header has a wrong checksum");
	i->lun.block_bytes = get32(h->block_bytes);
	i->lun.bytes = get64(h->lun_bytes);
	if (i->lun.block_bytes != 512 && i->lun.block_bytes != 4096)
		return bad(i, "the image has blocks of %" PRIu32 " bytes", i->lun.block_bytes);
	if (!i->lun.bytes || i->lun.bytes % i->lun.block_bytes || i->lun.bytes > INT64_MAX ||
	    !is_zero(h->reserved, sizeof(h->reserved)))
		return bad(i, "the image is damaged: its header makes no sense");
	return 0;
}

/* A name that a target may have, and only NULs behind it. */
static bool take_name(struct image_in *i)
{
	const uint8_t *name = i->front.identity.target;
	size_t n = strnlen((const char *)name, ISCSI_NAME_MAX);

	memcpy(i->lun.target, name, n);
	i->lun.target[n] = '\0';
	return is_zero(name + n, sizeof(i->front.identity.target) - n) &&
	       !config_bad_iscsi_name(i->lun.target);
}

static int read_label(struct image_in *i, size_t n)
{
	be32 crc;

	if (!n)
		return 0;
	int err = get(i, i->front.label, n + sizeof(crc));
	if (err)
		return err;
	i->front_bytes += n + sizeof(crc);
	memcpy(&crc, i->front.label + n, sizeof(crc));
	if (get32(crc) != crc_of(i->front.label, n))
		return bad(i, "the image is damaged: the label of its LUN has a wrong checksum");
	memcpy(i->lun.label, i->front.label, n);
	i->lun.label_len = n;
	return 0;
}

static int read_identity(struct image_in *i)
{
	const struct image_identity *d = &i->front.identity;
	int err = get(i, &i->front.identity, sizeof(i->front.identity));

	if (err)
		return err;
	i->front_bytes += sizeof(*d);
	if (get32(d->crc) != crc_of(d, offsetof(struct image_identity, crc)))
		return bad(i, "the image is damaged: the name of its LUN has a wrong checksum");
	i->lun.id = get32(d->id);
	i->lun.kind = (enum image_kind)d->kind;
	memcpy(i->lun.uuid, d->uuid, sizeof(i->lun.uuid));
	if (!take_name(i) || d->kind >= IMAGE_KINDS || get32(d->label_length) > IMAGE_LABEL ||
	    !is_zero(d->reserved, sizeof(d->reserved))) {
		i->lun.target[0] = '\0';
		return bad(i, "the image is damaged: the name of its LUN makes no sense");
	}
	return read_label(i, get32(d->label_length));
}

int image_in_open(struct image_in *i, image_read *read, void *arg)
{
	*i = (struct image_in){.read = read, .arg = arg, .data = malloc(IMAGE_DATA_MAX)};
	if (!i->data) {
		bad(i, "out of memory");
		return -ENOMEM;
	}
	int err = get(i, &i->front.header, sizeof(i->front.header));
	i->front_bytes = sizeof(i->front.header);
	if (!err)
		err = check_header(i);
	if (!err && get32(i->front.header.version) != VERSION_OF_NOBODY)
		err = read_identity(i);
	if (!err)
		i->crc = crc32c_update(CRC32C_INIT, &i->front, i->front_bytes);
	return err;
}

void image_in_close(struct image_in *i)
{
	free(i->data);
	i->data = NULL;
}

static bool has_tag(const struct image_record *r, const char *tag)
{
	return !memcmp(r->tag, tag, sizeof(r->tag));
}

/* An extent lies behind the one before it, and within the LUN. */
static int check_extent(struct image_in *i, const struct image_record *r)
{
	uint64_t place = get64(r->place);
	uint32_t length = get32(r->length);

	if (!length || length > IMAGE_DATA_MAX || length % i->lun.block_bytes ||
	    place % i->lun.block_bytes)
		return bad(i, "the image is damaged: extent %" PRIu64 " makes no sense",
			   i->extents);
	if (place < i->next)
		return bad(i,
			   "the image is damaged: extent %" PRIu64 " is not behind the one "
			   "before it",
			   i->extents);
	if (place > i->lun.bytes || length > i->lun.bytes - place)
		return bad(i, "the image is damaged: extent %" PRIu64 " is beyond the LUN's end",
			   i->extents);
	return 0;
}

static int take_extent(struct image_in *i)
{
	const struct image_record *r = &i->record;
	int err = check_extent(i, r);

	if (err)
		return err;
	i->place = get64(r->place);
	i->length = get32(r->length);
	err = get(i, i->data, i->length);
	if (err)
		return err;
	if (get32(r->digest) != crc_of(i->data, i->length))
		return bad(i,
			   "the image is damaged: the data of extent %" PRIu64
			   " has a wrong checksum",
			   i->extents);
	i->crc = crc32c_update(i->crc, r, sizeof(*r));
	i->crc = crc32c_update(i->crc, i->data, i->length);
	i->next = i->place + i->length;
	i->data_bytes += i->length;
	i->extents++;
	return 1;
}

static int take_end(struct image_in *i)
{
	const struct image_record *r = &i->record;

	if (get32(r->length) || get64(r->place) != i->extents)
		return bad(i,
			   "the image is damaged: %" PRIu64 " extents are there, and %" PRIu64
			   " were written",
			   i->extents, get64(r->place));
	if (get32(r->digest) != ~i->crc)
		return bad(i, "the image is damaged: its checksum over all is wrong");
	return 0;
}

int image_in_next(struct image_in *i)
{
	const struct image_record *r = &i->record;
	int err = get(i, &i->record, sizeof(i->record));

	if (err)
		return err;
	if (get32(r->crc) != crc_of(r, offsetof(struct image_record, crc)))
		return bad(i,
			   "the image is damaged: the record after extent %" PRIu64
			   " has a wrong checksum",
			   i->extents);
	if (!is_zero(r->reserved, sizeof(r->reserved)))
		return bad(i, "the image is of a newer version");
	if (has_tag(r, IMAGE_TAG_DATA))
		return take_extent(i);
	if (has_tag(r, IMAGE_TAG_END))
		return take_end(i);
	if (!has_tag(r, IMAGE_TAG_STOP))
		return bad(i, "the image is damaged: a record of an unknown kind");
	bad(i, "the image was not completed");
	return -ECONNABORTED;
}
