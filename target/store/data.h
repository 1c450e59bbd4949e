/* SPDX-License-Identifier: MIT */
/* data.h - what the files share that change a LUN's bytes. */
#ifndef MEMTGT_STORE_DATA_H
#define MEMTGT_STORE_DATA_H

#include "store/intents.h"
#include "store/internal.h"

bool data_is_zero(const struct store *s, const void *p, size_t n);
bool data_mapped(const struct store_lun *l, uint64_t off);
/* Where the byte `off` is, in the page of this entry: for who changes it. */
struct intent_at data_place(const struct store_lun *l, uint64_t off, uint32_t entry);
/* If the page is anchored, or was anchored by somebody meanwhile, it is so no more: see table.h. */
void data_written(struct store_lun *l, uint64_t off);
/* Is this share of a page all that the LUN has of it? */
bool data_whole_page(const struct store_lun *l, uint64_t off, size_t n);
/*
 * The memory of this page failed, and all that the LUN has of it is written anew: a fresh page
 * takes its place, once it has what is to be there (`block`: copies of that, NULL: zeroes), since a
 * reader in between must find neither old data nor none.
 */
int data_renew(struct store_lun *l, uint64_t off, size_t n, uint32_t entry, uint32_t flags,
	       const uint8_t *block, size_t block_size, struct page_list *out);
/* Pages that a call took out, if there are any. */
void data_retire(struct store_reader *r, struct page_list *out);

#endif
