// SPDX-License-Identifier: MIT
/* intents.c - readers write down what they change, do it, and take it back. */
#include "store/intents.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fail_point.h"
#include "store/store.h"

/* ---- the file ---- */

static int make_longer(int fd)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return -errno;
	if (st.st_size >= INTENTS_FILE)
		return 0;
	return ftruncate(fd, INTENTS_FILE) < 0 ? -errno : 0;
}

static int take_memory(int fd, off_t at, size_t n)
{
	int rc;

	do {
		rc = fallocate(fd, 0, at, (off_t)n);
	} while (rc < 0 && errno == EINTR);
	return rc < 0 ? -errno : 0;
}

int intents_open(struct intents *is, int fd, unsigned readers)
{
	const size_t bytes = readers * INTENT_PLACE;
	int rc = readers <= INTENTS_MAX ? make_longer(fd) : -EINVAL;

	for (unsigned i = 0; i < readers && !rc; i++)
		rc = take_memory(fd, intent_place(i), INTENT_DATA + INTENT_CHUNK);
	if (rc)
		return rc;
	void *at = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE, fd,
			intent_place(0));
	if (at == MAP_FAILED)
		return -errno;
	madvise(at, bytes, MADV_DONTDUMP);
	madvise(at, bytes, MADV_NOHUGEPAGE); /* a few KiB of each place are used */
	*is = (struct intents){.base = at, .n = readers};
	return 0;
}

void intents_close(struct intents *is)
{
	if (is->base)
		munmap(is->base, is->n * INTENT_PLACE);
	is->base = NULL;
}

struct intent_pen intents_pen(const struct intents *is, int fd, unsigned reader)
{
	return (struct intent_pen){.raw = is->base + reader * INTENT_PLACE,
				   .fd = fd,
				   .place = intent_place(reader),
				   .room = INTENT_CHUNK};
}

int intent_room(struct intent_pen *p, size_t n)
{
	assert(n <= INTENT_MOST);
	if (n <= p->room)
		return 0;
	if (take_memory(p->fd, p->place + (off_t)INTENT_DATA, n))
		return -ENOSPC;
	p->room = n;
	return 0;
}

/* ---- one change ---- */

static uint8_t *data_of(const struct intent_pen *p)
{
	return p->raw + INTENT_DATA;
}

/* The process that ends has done what stands before this, and nothing of what stands behind. */
static void in_order(void)
{
	atomic_signal_fence(memory_order_seq_cst);
}

static void set_seal(const struct intent_pen *p, uint64_t seal)
{
	in_order();
	atomic_store_explicit((_Atomic uint64_t *)(void *)p->raw, seal, memory_order_relaxed);
	in_order();
}

/* Where tests end processes: in the middle of a block, if they can. */
static void do_half(const struct intent *i, const struct intent_part *parts)
{
#ifdef FAIL_POINTS
	const size_t n = parts[i->n - 1].n, half = n > 300 ? n / 2 + 100 : n / 2;

	FAIL_POINT(INTENT_SET);
	if (i->n > 1)
		(void)intent_do(i, parts[0].to.at, parts[0].n, parts[0].data);
	(void)intent_do(i, parts[i->n - 1].to.at, half, parts[i->n - 1].data);
	FAIL_POINT(INTENT_HALF);
#else
	(void)i;
	(void)parts;
#endif
}

/* The data is in the pen's place. */
static void change(struct intent_pen *p, struct intent *i, struct intent_part *parts)
{
	i->slot = parts[0].to.slot;
	for (unsigned k = 0; k < i->n; k++) {
		const struct intent_at *to = &parts[k].to;

		i->range[k] = (struct intent_range){.num = to->num,
						    .page = to->page,
						    .from = to->from,
						    .len = (uint32_t)parts[k].n};
	}
	const uint64_t seal = intent_put(i, p->raw);

	FAIL_POINT(INTENT_WRITTEN);
	set_seal(p, seal);
	do_half(i, parts);
	for (unsigned k = 0; k < i->n; k++)
		parts[k].good = intent_do(i, parts[k].to.at, parts[k].n, parts[k].data);
	FAIL_POINT(INTENT_DONE);
	set_seal(p, 0);
}

size_t intent_zero(struct intent_pen *p, const struct intent_at *w, size_t n)
{
	struct intent i = {.kind = INTENT_ZERO, .n = 1};
	struct intent_part part = {.to = *w, .n = n};

	change(p, &i, &part);
	return part.good;
}

size_t intent_fill(struct intent_pen *p, const struct intent_at *w, size_t n, const uint8_t *block,
		   size_t block_size)
{
	struct intent i = {.kind = INTENT_FILL, .block_size = (uint32_t)block_size, .n = 1};
	struct intent_part part = {.to = *w, .data = data_of(p), .n = n};

	assert(block_size <= INTENT_BLOCK);
	memcpy(data_of(p), block, block_size);
	change(p, &i, &part);
	return part.good;
}

static size_t copy_chunk(struct intent_pen *p, const struct intent_at *w, size_t n,
			 const uint8_t *data)
{
	struct intent i = {.kind = INTENT_COPY, .n = 1};
	struct intent_part part = {.to = *w, .data = data_of(p), .n = n};

	memcpy(data_of(p), data, n);
	change(p, &i, &part);
	return part.good;
}

size_t intent_copy(struct intent_pen *p, const struct intent_at *w, size_t n, const uint8_t *data)
{
	struct intent_at to = *w;
	size_t good = n;

	for (size_t done = 0, part; done < n; done += part) {
		part = n - done < INTENT_CHUNK ? n - done : INTENT_CHUNK;
		size_t got = copy_chunk(p, &to, part, data + done);
		if (got < part && good == n)
			good = done + got;
		to.at += part;
		to.from += (uint32_t)part;
	}
	return good;
}

void intent_copy_whole(struct intent_pen *p, struct intent_part *parts, unsigned n)
{
	struct intent i = {.kind = INTENT_COPY, .n = n};
	uint8_t *to = data_of(p);

	assert(n && n <= INTENT_RANGES);
	for (unsigned k = 0; k < n; k++) {
		assert(parts[k].n <= p->room - (size_t)(to - data_of(p)));
		memcpy(to, parts[k].data, parts[k].n);
		parts[k].data = to;
		to += parts[k].n;
	}
	change(p, &i, parts);
}
