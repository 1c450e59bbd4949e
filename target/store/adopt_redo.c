// SPDX-License-Identifier: MIT
/*
 * adopt_redo.c - changes of blocks that an earlier process was in the middle of, done again.
 *
 * All of it may be interrupted and be done by the next: nobody uses the pages before all intents
 * are gone, so what is done twice is the same twice. They go before anybody can write, or a page
 * get another owner: one that stayed would bring old data back.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fail_point.h"
#include "base/log.h"
#include "store/adopt.h"
#include "store/intent.h"

/* Where the range is, if the page is still where it was: else the blocks are another's, or none's.
 */
static uint8_t *find(const struct adoption *a, unsigned slot, const struct intent_range *r)
{
	const struct store_lun *l = a->s->kept[slot];

	if (!l || r->page >= l->table.pages || r->num > a->file_pages ||
	    table_entry(&l->table, r->page) != r->num)
		return NULL;
	return pool_page(&a->s->pool, r->num) + r->from;
}

/* `data` has INTENT_MOST. */
static void redo(struct adoption *a, const struct intent *i, const uint8_t *data)
{
	for (unsigned k = 0; k < i->n; k++) {
		const size_t n = i->range[k].len;
		uint8_t *at = find(a, i->slot, &i->range[k]);

		if (at)
			(void)intent_do(i, at, n, data);
		FAIL_POINT(ADOPT_REDONE);
		data += i->kind == INTENT_COPY ? n : 0;
	}
}

static bool read_all(int fd, uint8_t *to, size_t n, off_t at)
{
	while (n) {
		const ssize_t got = pread(fd, to, n, at);

		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return false;
		to += got;
		n -= (size_t)got;
		at += got;
	}
	return true;
}

/* By read(2): of memory that failed it tells an error. */
static void redo_one(struct adoption *a, off_t place, uint8_t *data)
{
	const int fd = a->s->records.fd;
	uint8_t raw[INTENT_BYTES];
	struct intent i;
	enum intent_is is = INTENT_BAD;

	if (read_all(fd, raw, sizeof(raw), place))
		is = intent_get(raw, &i);
	if (is == INTENT_NONE)
		return;
	if (is == INTENT_GOOD && read_all(fd, data, intent_data(&i), place + (off_t)INTENT_DATA)) {
		redo(a, &i, data);
		a->redone++;
		return;
	}
	log_error("store: what a thread was doing when the last process ended cannot be read: one "
		  "block that was being written may have a part of the old data and a part of the "
		  "new");
}

/* The first place from this one on that has memory, or INTENTS_MAX. */
static unsigned next_place(int fd, unsigned i)
{
	const off_t at = lseek(fd, intent_place(i), SEEK_DATA);

	return at < intent_place(0) ? INTENTS_MAX
				    : (unsigned)((size_t)(at - intent_place(0)) / INTENT_PLACE);
}

/* The word that makes it valid first; then its memory, which is for as many readers as there were.
 */
static int forget_one(int fd, off_t place)
{
	static const uint8_t none[sizeof(((struct intent_wire *)0)->seal)];
	ssize_t n;

	do {
		n = pwrite(fd, none, sizeof(none), place);
	} while (n < 0 && errno == EINTR);
	FAIL_POINT(ADOPT_FORGOTTEN);
	if (fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, place, (off_t)INTENT_PLACE) ==
	    0)
		return 0;
	return n == (ssize_t)sizeof(none) ? 0 : -EIO;
}

static int each_place(struct adoption *a, uint8_t *data, bool forget)
{
	const int fd = a->s->records.fd;
	int rc = 0;

	for (unsigned i = next_place(fd, 0); i < INTENTS_MAX && !rc; i = next_place(fd, i + 1)) {
		if (forget)
			rc = forget_one(fd, intent_place(i));
		else
			redo_one(a, intent_place(i), data);
	}
	return rc;
}

int adopt_redo(struct adoption *a)
{
	uint8_t *data = malloc(INTENT_MOST);

	if (!data)
		return -ENOMEM;
	/* Where memory is missing, a page must not come of looking at it; and nothing is served. */
	if (!a->missing)
		(void)each_place(a, data, false);
	free(data);
	return each_place(a, NULL, true);
}
