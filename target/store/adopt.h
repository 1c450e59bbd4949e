/* SPDX-License-Identifier: MIT */
/* adopt.h - what the files share that go on with kept memory: adopt.c tells how. */
#ifndef MEMTGT_STORE_ADOPT_H
#define MEMTGT_STORE_ADOPT_H

#include "store/internal.h"

struct adoption {
	struct store *s;
	uint32_t file_pages;	 /* numbers go up to this */
	uint64_t *named, *twice; /* bits of page numbers */
	uint32_t highest, doubles;
	uint64_t used, given_back; /* pages */
	unsigned luns, healed, gone, redone;
	bool store_lost; /* the store's own record is */
	bool older;	 /* it has an older format */
	bool missing;	 /* not all pages that tables name are there */
	bool background; /* threads may be started */
};

/* Can all records be read? Heals those that have one bad copy. -EPROTONOSUPPORT (`why`): not by
 * this memtgtd. */
int adopt_formats(struct adoption *a, char *why, size_t why_len)
	__attribute__((warn_unused_result));
/* Makes the handles of all LUNs, and ends what was half done. 0 or -errno. */
int adopt_luns(struct adoption *a) __attribute__((warn_unused_result));
/* Puts their tables right, and finds which pages they name. 0 or -errno. */
int adopt_tables(struct adoption *a) __attribute__((warn_unused_result));

/* Does once more what a reader was in the middle of when the process ended, and forgets all
 * intents: adopt_redo.c. 0 or -errno. */
int adopt_redo(struct adoption *a) __attribute__((warn_unused_result));

void adopt_each_entry(struct adoption *a, void (*fn)(struct adoption *a, struct store_lun *l,
						     uint64_t page, uint32_t entry));
/* The place of a page whose data cannot be found. */
void adopt_lose(struct store_lun *l, uint64_t page);

#endif
