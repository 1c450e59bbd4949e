// SPDX-License-Identifier: MIT
/* data_in.c - where data-in lies, and copies of it that no write runs through. */
#include <assert.h>
#include <string.h>

#include "scsi/data.h"
#include "scsi/range.h"
#include "scsi/scsi.h"
#include "scsi/stripe.h"
#include "store/store.h"

static size_t medium_in(const struct scsi_task *t, uint64_t off, size_t len, struct iovec *iov,
			size_t *niov)
{
	size_t sum = 0, used = 0;

	while (sum < len && used < *niov) {
		size_t have;
		const uint64_t at = t->off + off + sum;
		const uint8_t *p = store_at(t->lu->store, at, len - sum, &have);
		const size_t good = (size_t)store_readable(t->lu->store, at, have);

		if (!good)
			break;
		iov[used].iov_base = (void *)(uintptr_t)p; /* iovecs are not const; only read */
		iov[used++].iov_len = good;
		sum += good;
		if (good < have)
			break;
	}
	*niov = used;
	return sum;
}

/* The command ends after `off` bytes, which the residual count goes by. */
static void end(struct scsi_task *t, uint64_t off, struct scsi_result r)
{
	sense_finish(t, r);
	t->in_len = off;
}

void scsi_data_lost(struct scsi_task *t, uint64_t off)
{
	end(t, off, scsi_medium_error(t, SENSE_READ_ERROR, t->off + off));
}

size_t scsi_data_in(struct scsi_task *t, uint64_t off, size_t len, struct iovec *iov, size_t *niov)
{
	assert(off <= t->in_len && len <= t->in_len - off);
	if (!len || !*niov) {
		*niov = 0;
		return 0;
	}
	if (!t->buf) {
		const size_t n = medium_in(t, off, len, iov, niov);

		if (!n)
			scsi_data_lost(t, off);
		else
			stripe_sends(t->nexus, t->lu);
		return n;
	}
	iov[0] = (struct iovec){.iov_base = t->buf + off, .iov_len = len};
	*niov = 1;
	return len;
}

size_t scsi_data_copy(void *to, const void *from, size_t n)
{
	return store_copy(to, from, n);
}

void scsi_data_refused(const struct iovec *iov, size_t niov)
{
	for (size_t i = 0; i < niov; i++)
		store_look(iov[i].iov_base, iov[i].iov_len);
}

/* ---- copies ---- */

static bool is_medium(const struct scsi_task *t)
{
	return !t->buf && t->lu;
}

bool scsi_data_moves(const struct scsi_task *t)
{
	return is_medium(t) && stripe_is_shared(t->lu);
}

void scsi_data_sent(struct scsi_nexus *n, struct scsi_worker *w)
{
	stripe_sent(n, w);
}

bool scsi_nexus_tick(const struct scsi_nexus *n, const struct scsi_worker *w)
{
	stripe_tick(n, w);
	return stripe_waits_for(n);
}

uint32_t scsi_data_unit(const struct scsi_task *t)
{
	return is_medium(t) ? t->lu->block_size : 1;
}

void scsi_cut_put(struct scsi_task *t)
{
	if (t->cut)
		arena_put(&t->worker->bufs, t->cut);
	t->cut = NULL;
}

/* From where they lie, which may be the medium. */
static size_t copy(struct scsi_task *t, uint64_t off, uint8_t *to, size_t len)
{
	size_t sum = 0;

	while (sum < len) {
		struct iovec iov;
		size_t one = 1;
		const size_t n = medium_in(t, off + sum, len - sum, &iov, &one);
		const size_t got = n ? scsi_data_copy(to + sum, iov.iov_base, n) : 0;

		sum += got;
		if (!got || got < n)
			break;
	}
	return sum;
}

/* The rest of a block that was cut. */
static size_t copy_cut(struct scsi_task *t, uint64_t off, uint8_t *to, size_t len)
{
	const size_t block = t->lu->block_size, from = (size_t)(off - t->cut_at);

	assert(off > t->cut_at && from < block);
	if (len > block - from)
		len = block - from;
	memcpy(to, t->cut + from, len);
	if (from + len == block)
		scsi_cut_put(t);
	return len;
}

/* The front of a block, all of which is kept for the next call: so it is of one moment. */
static size_t cut(struct scsi_task *t, uint64_t off, uint8_t *to, size_t len)
{
	const size_t block = t->lu->block_size;

	t->cut = arena_get(&t->worker->bufs);
	if (!t->cut)
		return 0;
	t->cut_at = off;
	if (copy(t, off, t->cut, block) < block) {
		scsi_cut_put(t);
		return 0;
	}
	memcpy(to, t->cut, len);
	return len;
}

/* Begins at the border of a block, and is all in one hold. */
static size_t copy_blocks(struct scsi_task *t, uint64_t off, uint8_t *to, size_t len)
{
	const uint64_t block = t->lu->block_size, up = (len + block - 1) & ~(block - 1);
	struct scsi_result r = scsi_ok();
	struct stripe_hold h;
	const uint64_t held = stripe_take(t, STRIPE_READ, t->off + off, up, &h, &r);

	if (len > held)
		len = (size_t)held;
	const size_t whole = len & ~(size_t)(block - 1);
	size_t n = copy(t, off, to, whole);

	if (n == whole && whole < len)
		n += cut(t, off + whole, to + whole, len - whole);
	stripe_drop(&h);
	return n;
}

size_t scsi_data_in_copy(struct scsi_task *t, uint64_t off, void *to, size_t len)
{
	uint8_t *at = to;
	size_t n = 0;

	assert(off <= t->in_len && len <= t->in_len - off);
	if (!is_medium(t)) {
		memcpy(to, t->buf + off, len);
		return len;
	}
	if (t->cut)
		n = copy_cut(t, off, at, len);
	if (n < len)
		n += copy_blocks(t, off + n, at + n, len - n);
	if (n)
		return n;
	if (store_readable(t->lu->store, t->off + off, t->lu->block_size) < t->lu->block_size)
		scsi_data_lost(t, off);
	else
		end(t, off, scsi_fail(SENSE_BUSY)); /* no buffer for a block that is cut */
	return 0;
}
