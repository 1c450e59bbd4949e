// SPDX-License-Identifier: MIT
/* table.c - tables of page numbers, in one sparse memfd. */
#include "store/table.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fail_point.h"

#define TABLES_BYTES ((off_t)(TABLES_MAX * TABLE_STRIDE))
#define LEAF_BYTES   (TABLE_LEAF * sizeof(uint32_t))

static int make_file(void)
{
	int fd = memfd_create("memtgt-tables", MFD_CLOEXEC);

	if (fd < 0)
		return -errno;
	if (ftruncate(fd, TABLES_BYTES) < 0) {
		int rc = -errno;
		close(fd);
		return rc;
	}
	return fd;
}

static int check_file(int fd)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return -errno;
	return S_ISREG(st.st_mode) && st.st_size == TABLES_BYTES ? 0 : -EINVAL;
}

int tables_open(struct tables *ts, int fd)
{
	int rc = fd < 0 ? make_file() : check_file(fd);

	*ts = (struct tables){.fd = fd < 0 ? rc : fd};
	if (rc < 0)
		return rc;
	rc = -pthread_mutex_init(&ts->lock, NULL);
	if (rc && fd < 0)
		close(ts->fd);
	return rc;
}

void tables_close(struct tables *ts)
{
	pthread_mutex_destroy(&ts->lock);
	close(ts->fd);
}

static int slot_get(struct tables *ts, unsigned *slot)
{
	int rc = -ENOSPC;

	pthread_mutex_lock(&ts->lock);
	for (unsigned i = 0; i < TABLES_MAX / 64 && rc; i++) {
		if (~ts->used[i] == 0)
			continue;
		unsigned bit = (unsigned)__builtin_ctzll(~ts->used[i]);
		ts->used[i] |= (uint64_t)1 << bit;
		*slot = i * 64 + bit;
		rc = 0;
	}
	pthread_mutex_unlock(&ts->lock);
	return rc;
}

static void slot_put(struct tables *ts, unsigned slot)
{
	pthread_mutex_lock(&ts->lock);
	ts->used[slot / 64] &= ~((uint64_t)1 << slot % 64);
	pthread_mutex_unlock(&ts->lock);
}

static int map(struct table *t)
{
	t->leaf = calloc(TABLE_LEAVES / 64, sizeof(*t->leaf));
	if (!t->leaf)
		return -ENOMEM;
	void *at = mmap(NULL, TABLE_STRIDE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE,
			t->fd, (off_t)(t->slot * TABLE_STRIDE));
	if (at == MAP_FAILED) {
		free(t->leaf);
		return -ENOMEM;
	}
	madvise(at, TABLE_STRIDE, MADV_DONTDUMP);
	t->entry = at;
	return 0;
}

int table_open(struct table *t, struct tables *ts, uint64_t pages)
{
	*t = (struct table){.fd = ts->fd, .pages = pages};
	int rc = slot_get(ts, &t->slot);

	if (rc)
		return rc;
	rc = map(t);
	if (rc)
		slot_put(ts, t->slot);
	return rc;
}

void table_leave(struct table *t)
{
	munmap(t->entry, TABLE_STRIDE);
	free(t->leaf);
}

void table_close(struct table *t, struct tables *ts)
{
	table_leave(t);
	slot_put(ts, t->slot);
}

static void punch(int fd, unsigned slot)
{
	while (fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
			 (off_t)(slot * TABLE_STRIDE), (off_t)TABLE_STRIDE) < 0 &&
	       errno == EINTR)
		;
}

void table_empty(struct table *t)
{
	punch(t->fd, t->slot);
}

void tables_empty_slot(const struct tables *ts, unsigned slot)
{
	punch(ts->fd, slot);
}

/* The first byte of the slot from `at` on that was written, or its end. */
static off_t next_data(int fd, unsigned slot, off_t at)
{
	const off_t end = (off_t)((slot + 1) * TABLE_STRIDE);
	off_t data = lseek(fd, at, SEEK_DATA);

	return data < 0 || data > end ? end : data;
}

unsigned tables_next(const struct tables *ts, unsigned slot)
{
	off_t at = lseek(ts->fd, (off_t)(slot * TABLE_STRIDE), SEEK_DATA);

	return at < 0 ? TABLES_MAX : (unsigned)((uint64_t)at / TABLE_STRIDE);
}

/* A leaf that was only reserved, never written, is a hole for the kernel, and for us. */
static void find_leaves(struct table *t)
{
	const off_t begin = (off_t)(t->slot * TABLE_STRIDE), end = begin + (off_t)TABLE_STRIDE;
	off_t at = begin;

	while ((at = next_data(t->fd, t->slot, at)) < end) {
		off_t hole = lseek(t->fd, at, SEEK_HOLE);

		if (hole <= at || hole > end)
			hole = end;
		for (; at < hole; at += (off_t)LEAF_BYTES) {
			uint64_t leaf = (uint64_t)(at - begin) / LEAF_BYTES;

			t->leaf[leaf / 64] |= (uint64_t)1 << leaf % 64;
		}
	}
}

int table_adopt(struct table *t, struct tables *ts, unsigned slot, uint64_t pages)
{
	*t = (struct table){.fd = ts->fd, .slot = slot, .pages = pages};
	int rc = map(t);

	if (rc)
		return rc;
	ts->used[slot / 64] |= (uint64_t)1 << slot % 64;
	find_leaves(t);
	return 0;
}

int table_leaf_make(struct table *t, uint64_t page)
{
	uint64_t leaf = page >> TABLE_LEAF_SHIFT;
	off_t at = (off_t)(t->slot * TABLE_STRIDE + leaf * LEAF_BYTES);
	int rc;

	if (table_leaf(t, page))
		return 0;
	do {
		rc = fallocate(t->fd, 0, at, (off_t)LEAF_BYTES);
	} while (rc < 0 && errno == EINTR);
	if (rc < 0)
		return -ENOSPC;
	FAIL_POINT(LEAF_MADE);
	atomic_fetch_or_explicit(&t->leaf[leaf / 64], (uint64_t)1 << leaf % 64,
				 memory_order_release);
	return 0;
}
