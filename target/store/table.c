// SPDX-License-Identifier: MIT
/* table.c - tables of page numbers, in one sparse memfd. */
#include "store/table.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

int tables_open(struct tables *ts)
{
	int rc;

	*ts = (struct tables){.fd = memfd_create("memtgt-tables", MFD_CLOEXEC)};
	if (ts->fd < 0)
		return -errno;
	if (ftruncate(ts->fd, (off_t)(TABLES_MAX * TABLE_STRIDE)) < 0) {
		rc = -errno;
		goto err_fd;
	}
	rc = -pthread_mutex_init(&ts->lock, NULL);
	if (!rc)
		return 0;
err_fd:
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

int table_open(struct table *t, struct tables *ts, uint64_t pages)
{
	int rc;

	*t = (struct table){.fd = ts->fd, .pages = pages};
	rc = slot_get(ts, &t->slot);
	if (rc)
		return rc;
	t->leaf = calloc(TABLE_LEAVES / 64, sizeof(*t->leaf));
	if (!t->leaf) {
		rc = -ENOMEM;
		goto err_slot;
	}
	void *at = mmap(NULL, TABLE_STRIDE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE,
			ts->fd, (off_t)(t->slot * TABLE_STRIDE));
	if (at == MAP_FAILED) {
		rc = -ENOMEM;
		goto err_leaf;
	}
	madvise(at, TABLE_STRIDE, MADV_DONTDUMP);
	t->entry = at;
	return 0;

err_leaf:
	free(t->leaf);
err_slot:
	slot_put(ts, t->slot);
	return rc;
}

void table_close(struct table *t, struct tables *ts)
{
	off_t at = (off_t)(t->slot * TABLE_STRIDE);

	munmap(t->entry, TABLE_STRIDE);
	free(t->leaf);
	/* All entries are 0 by now; this gives the leaves back. */
	while (fallocate(ts->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, at,
			 (off_t)TABLE_STRIDE) < 0 &&
	       errno == EINTR)
		;
	slot_put(ts, t->slot);
}

int table_leaf_make(struct table *t, uint64_t page)
{
	uint64_t leaf = page >> TABLE_LEAF_SHIFT;
	uint64_t bytes = TABLE_LEAF * sizeof(*t->entry);
	off_t at = (off_t)(t->slot * TABLE_STRIDE + leaf * bytes);
	int rc;

	if (table_leaf(t, page))
		return 0;
	do {
		rc = fallocate(t->fd, 0, at, (off_t)bytes);
	} while (rc < 0 && errno == EINTR);
	if (rc < 0)
		return -ENOSPC;
	atomic_fetch_or_explicit(&t->leaf[leaf / 64], (uint64_t)1 << leaf % 64,
				 memory_order_release);
	return 0;
}
