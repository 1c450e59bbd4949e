// SPDX-License-Identifier: MIT
/*
 * methods_image.c - lun.export and lun.import: a LUN as an image (base/image.h) over the
 * connection of the call.
 *
 * The daemon opens no file: a full disk or a file server that hangs is the client's alone. Between
 * two pieces nothing of the LUN is held, so a client that stalls holds its thread and no more, and
 * that no longer than its limit of time.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "base/clock.h"
#include "base/image.h"
#include "control/methods.h"
#include "luns/transfer.h"
#include "memtgt/control.h"

/* How often something that cannot be done just now is tried again, and for how long if it is memory
 * that is wanted. */
#define RETRY_MS   5u
#define PATIENCE_S 60u

struct transfer {
	struct rpc_stream *stream;
	struct luns_transfer of;
	char why[LUNS_WHY];
	bool has_changed; /* an import: what the LUN held is not whole any more */
};

static json_t *refuse(struct rpc_call *c, int err, const char *why)
{
	return rpc_refuse(c,
			  err == -ENOENT      ? CONTROL_ERR_NOT_FOUND
			  : err == -ETIMEDOUT ? CONTROL_ERR_TIMEOUT
					      : CONTROL_ERR_REFUSED,
			  "%s", why);
}

static int begin(struct rpc_call *c, enum luns_use use, struct transfer *t)
{
	t->stream = c->stream;
	if (!c->stream) {
		snprintf(t->why, sizeof(t->why),
			 "this needs an id, since its answer tells how it ended");
		return -EINVAL;
	}
	return luns_transfer_begin(control_daemon_of(c)->luns, rpc_text(c, "target", ""),
				   (unsigned)rpc_number(c, "id", 0), use,
				   rpc_bool(c, "force", false), &t->of, t->why, sizeof(t->why));
}

/* Why bytes of the client could not be had, or not be given to it. */
static int lost(struct transfer *t, int err)
{
	t->stream->is_lost = true;
	snprintf(t->why, sizeof(t->why), "%s",
		 err == -ECANCELED   ? "memtgtd is about to end"
		 : err == -ETIMEDOUT ? "the client stalled"
				     : "the client has gone");
	return err == -ETIMEDOUT ? -EPIPE : err;
}

static json_t *result(const struct transfer *t, uint64_t data, uint64_t extents)
{
	const struct luns_transfer *of = &t->of;

	return json_pack("{s:s, s:i, s:I, s:I, s:I}", "target", of->name, "id", (int)of->id,
			 "bytes", (json_int_t)of->bytes, "data_bytes", (json_int_t)data, "extents",
			 (json_int_t)extents);
}

/* ---- export ---- */

static int write_stream(void *arg, const void *p, size_t n)
{
	struct transfer *t = arg;
	int err = t->stream->write(t->stream, p, n);

	return err ? lost(t, err) : 0;
}

/* A piece: hole, or data that goes out. *n: its bytes. */
static int export_piece(struct transfer *t, struct image_out *o, uint64_t off, uint8_t *buffer,
			uint64_t *n)
{
	bool is_hole;
	int err = luns_transfer_read(&t->of, off, buffer, IMAGE_DATA_MAX, n, &is_hole, t->why,
				     sizeof(t->why));

	if (err)
		*n = 0;
	if (err == -EAGAIN) {
		err = t->stream->rest(t->stream, RETRY_MS);
		return err ? lost(t, err) : 0;
	}
	return err || is_hole ? err : image_out_data(o, off, buffer, *n);
}

/* After the last byte was read: a login that comes later changes nothing of what was. */
static int check_end(struct transfer *t)
{
	int err;

	while ((err = luns_transfer_check(&t->of, t->why, sizeof(t->why))) == -EAGAIN) {
		err = t->stream->rest(t->stream, RETRY_MS);
		if (err)
			return lost(t, err);
	}
	return err;
}

/* A random UUID, as no image before it has. What is held is of nobody: another LUN may have the
 * name that it had, with other data. */
static void describe(const struct luns_transfer *of, struct image_lun *out)
{
	*out = (struct image_lun){.bytes = of->bytes, .block_bytes = of->block_bytes, .id = of->id};
	if (of->lu)
		snprintf(out->target, sizeof(out->target), "%s", of->name);
	if (getrandom(out->uuid, sizeof(out->uuid), 0) != (ssize_t)sizeof(out->uuid))
		memset(out->uuid, 0, sizeof(out->uuid)); /* of use only to those who know it */
}

static int export_all(struct transfer *t, struct image_out *o, uint8_t *buffer)
{
	struct image_lun lun;
	uint64_t n;

	describe(&t->of, &lun);
	int err = image_out_begin(o, write_stream, t, &lun);

	for (uint64_t off = 0; !err && off < t->of.bytes; off += n)
		err = export_piece(t, o, off, buffer, &n);
	if (!err)
		err = check_end(t);
	if (!err)
		return image_out_end(o);
	/* That it is no image stands in it, and why in the answer. */
	if (!t->stream->is_lost && image_out_stop(o))
		t->stream->is_lost = true;
	return err;
}

json_t *method_lun_export(struct rpc_call *c)
{
	struct transfer t = {0};
	struct image_out o = {0};
	int err = begin(c, LUNS_EXPORT, &t);

	if (err)
		return refuse(c, err, t.why);
	uint8_t *buffer = malloc(IMAGE_DATA_MAX);
	err = buffer ? export_all(&t, &o, buffer) : -ENOMEM;
	free(buffer);
	luns_transfer_end(&t.of);
	if (!buffer)
		return NULL;
	return err ? refuse(c, err, t.why) : result(&t, o.data_bytes, o.extents);
}

/* ---- import ---- */

static int read_stream(void *arg, void *p, size_t n)
{
	struct transfer *t = arg;

	return t->stream->read(t->stream, p, n);
}

/* Why the image ends here. */
static int explain(struct transfer *t, const struct image_in *i, int err)
{
	t->stream->is_lost = true;
	if (err != -EINVAL && err != -ECONNABORTED && err != -ENOMEM)
		return lost(t, err);
	snprintf(t->why, sizeof(t->why), "%s", i->why);
	return err;
}

/* After a piece that came to nothing. */
static int try_later(struct transfer *t, uint64_t until)
{
	int err = t->stream->rest(t->stream, RETRY_MS);

	if (err)
		return lost(t, err);
	if (clock_now() < until)
		return 0;
	snprintf(t->why, sizeof(t->why), "LUN %u got no memory in %u s", t->of.id, PATIENCE_S);
	return -ENOSPC;
}

static int clear(struct transfer *t, uint64_t off, uint64_t end)
{
	int err = 0;

	while (off < end && !err) {
		uint64_t n;
		err = luns_transfer_clear(&t->of, off, end - off, &n, t->why, sizeof(t->why));
		if (err == -EAGAIN)
			err = try_later(t, UINT64_MAX);
		t->has_changed |= n > 0;
		off += n;
	}
	return err;
}

static int write_extent(struct transfer *t, const struct image_in *i)
{
	uint64_t until = clock_now() + PATIENCE_S * NS_PER_S;
	size_t done = 0, n;
	int err = 0;

	while (done < i->length && !err) {
		err = luns_transfer_write(&t->of, i->place + done, i->data + done, i->length - done,
					  &n, t->why, sizeof(t->why));
		if (err == -EAGAIN)
			err = try_later(t, until);
		t->has_changed |= n > 0;
		done += n;
	}
	return err;
}

static int check_size(struct transfer *t, const struct image_in *i)
{
	if (i->lun.block_bytes != t->of.block_bytes)
		snprintf(t->why, sizeof(t->why),
			 "the image has blocks of %u bytes, and the LUN has blocks of %u",
			 i->lun.block_bytes, t->of.block_bytes);
	else if (i->lun.bytes > t->of.bytes)
		snprintf(t->why, sizeof(t->why),
			 "the image is of a LUN of %llu bytes, and this one has %llu: resize it",
			 (unsigned long long)i->lun.bytes, (unsigned long long)t->of.bytes);
	else
		return 0;
	return -EINVAL;
}

/* What the image does not name becomes zeroes. */
static int import_all(struct transfer *t, struct image_in *i)
{
	uint64_t done = 0;
	int more, err = check_size(t, i);

	if (err)
		return err;
	while ((more = image_in_next(i)) > 0) {
		err = clear(t, done, i->place);
		if (!err)
			err = write_extent(t, i);
		if (err)
			return err;
		done = i->place + i->length;
	}
	return more ? explain(t, i, more) : clear(t, done, t->of.bytes);
}

static int import(struct transfer *t, struct image_in *i)
{
	static const char ready[] = "{\"jsonrpc\":\"2.0\",\"method\":\"" CONTROL_READY "\"}\n";
	int err = write_stream(t, ready, sizeof(ready) - 1);

	if (err)
		return err;
	err = image_in_open(i, read_stream, t);
	err = err ? explain(t, i, err) : import_all(t, i);
	image_in_close(i);
	return err;
}

json_t *method_lun_import(struct rpc_call *c)
{
	struct transfer t = {0};
	struct image_in i = {0};
	char why[LUNS_WHY + 128];
	int err = begin(c, LUNS_IMPORT, &t);

	/* What the client still sends must not be taken for requests: a LUN may hold anything. */
	if (c->stream)
		c->stream->is_lost = true;
	if (err)
		return refuse(c, err, t.why);
	err = import(&t, &i);
	luns_transfer_end(&t.of);
	if (!err) {
		c->stream->is_lost = false;
		return result(&t, i.data_bytes, i.extents);
	}
	snprintf(why, sizeof(why), "%s; %s", t.why,
		 t.has_changed ? "what the LUN holds is incomplete now: import again, or delete it"
			       : "nothing was changed");
	return refuse(c, err, why);
}
