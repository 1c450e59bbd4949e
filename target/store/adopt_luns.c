// SPDX-License-Identifier: MIT
/* adopt_luns.c - which LUNs an earlier process left, by their records. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fail_point.h"
#include "base/log.h"
#include "store/adopt.h"

static int refuse_newer(const uint8_t *raw, char *why, size_t why_len)
{
	snprintf(why, why_len,
		 "the memory that was kept has format %u, and this memtgtd reads %u to %u: start "
		 "the newer memtgtd that it comes from",
		 ld32(raw + offsetof(struct record_head, format)), STORE_FORMAT_OLDEST,
		 STORE_FORMAT_NEWEST);
	return -EPROTONOSUPPORT;
}

static int read_record(struct adoption *a, uint32_t place, uint8_t *raw, enum record_is *is,
		       char *why, size_t why_len)
{
	bool healed = false;
	int rc = records_read(&a->s->records, place, raw, is, &healed);

	FAIL_POINT(ADOPT_READ);
	a->healed += healed;
	if (rc)
		snprintf(why, why_len, "the memory that was kept cannot be read: %s",
			 strerror(-rc));
	else if (*is == RECORD_NEWER)
		rc = refuse_newer(raw, why, why_len);
	return rc;
}

/* Nothing but bad copies is changed before it is known that all can be read. */
int adopt_formats(struct adoption *a, char *why, size_t why_len)
{
	uint8_t raw[RECORD_BYTES];
	enum record_is is;
	int rc = read_record(a, 0, raw, &is, why, why_len);

	if (rc)
		return rc;
	a->store_lost = is != RECORD_GOOD;
	a->older = ld32(raw + offsetof(struct record_head, format)) < STORE_FORMAT_NEWEST;
	record_get_store(raw, &a->s->records.store);
	if (a->store_lost)
		log_error("store: both copies of the record of the memory that was kept are lost: "
			  "no LUN of it is served, but they can be exported");
	for (uint32_t place = 1; !rc; place++) {
		place = records_next(&a->s->records, place);
		if (place == RECORDS_PLACES)
			break;
		rc = read_record(a, place, raw, &is, why, why_len);
	}
	return rc;
}

static struct store_lun *lun_of(struct adoption *a, unsigned slot, const struct record_lun *rec)
{
	struct store_lun *l = calloc(1, sizeof(*l));

	if (!l)
		return NULL;
	l->store = a->s;
	l->record = *rec;
	l->bytes = rec->bytes;
	l->provisioning = rec->provisioning;
	l->used = rec->flags & RECORD_USED;
	l->held = rec->flags & RECORD_HELD;
	if (table_adopt(&l->table, &a->s->tables, slot, pages_of(rec->bytes))) {
		free(l);
		return NULL;
	}
	a->s->kept[slot] = l;
	a->luns++;
	return l;
}

/* The highest page that the table has an entry for, and one more; 0 if it has none. */
static uint64_t end_of_entries(const struct store_lun *l)
{
	uint64_t end = 0, page = 0;

	while (page < TABLE_LEAVES * TABLE_LEAF) {
		if (!table_leaf(&l->table, page)) {
			page = table_next_leaf(page);
			continue;
		}
		if (table_entry(&l->table, page++))
			end = page;
	}
	return end;
}

/* A table whose record is lost: its pages are kept, and nobody knows whose they are. */
static int take_lost(struct adoption *a, unsigned slot)
{
	struct record_lun rec = {.state = RECORD_LIVE,
				 .provisioning = STORE_THIN,
				 .flags = RECORD_USED | RECORD_HELD,
				 .bytes = STORE_LUN_MAX};
	struct store_lun *l = lun_of(a, slot, &rec);

	if (!l)
		return -ENOMEM;
	uint64_t end = end_of_entries(l);
	l->table.pages = end ? end : 1;
	l->bytes = l->table.pages << STORE_PAGE_SHIFT;
	log_error("store: both copies of the record of table %u are lost: its LUN is not served, "
		  "but can be exported",
		  slot);
	int rc = records_reserve(&a->s->records, slot + 1);
	if (!rc)
		rc = lun_record_bytes(l, l->bytes);
	FAIL_POINT(ADOPT_LOST);
	return rc;
}

/* A LUN that was not ready yet, or was being removed: its pages are given back with all others that
 * no table names. */
static int forget(struct adoption *a, unsigned slot, const struct record_lun *rec)
{
	struct record_lun free_one = {.sequence = rec->sequence + 1};
	uint8_t raw[RECORD_BYTES];

	tables_empty_slot(&a->s->tables, slot);
	FAIL_POINT(ADOPT_GONE);
	a->gone++;
	record_put_lun(&free_one, slot + 1, raw);
	return records_write(&a->s->records, slot + 1, raw);
}

static bool has_entries(struct adoption *a, unsigned slot)
{
	struct store_lun l = {.store = a->s};

	if (tables_next(&a->s->tables, slot) != slot)
		return false;
	if (table_adopt(&l.table, &a->s->tables, slot, 0))
		return true;
	bool any = end_of_entries(&l) > 0;
	table_close(&l.table, &a->s->tables);
	return any;
}

static int take_slot(struct adoption *a, unsigned slot)
{
	uint8_t raw[RECORD_BYTES];
	struct record_lun rec;
	enum record_is is;
	bool healed;
	int rc = records_read(&a->s->records, slot + 1, raw, &is, &healed);

	if (rc)
		return rc;
	record_get_lun(raw, slot + 1, &rec);
	if (is == RECORD_BAD)
		return take_lost(a, slot);
	if (rec.state == RECORD_MAKING || rec.state == RECORD_GOING)
		return forget(a, slot, &rec);
	if (rec.state == RECORD_LIVE)
		return lun_of(a, slot, &rec) ? 0 : -ENOMEM;
	/* No LUN begins or ends like this: the record was lost in such a way that it looks right.
	 */
	return has_entries(a, slot) ? take_lost(a, slot) : 0;
}

/* The first from this one on that has a record or a table. */
static unsigned next_slot(const struct adoption *a, unsigned slot)
{
	uint32_t place = records_next(&a->s->records, slot + 1);
	unsigned table = tables_next(&a->s->tables, slot);

	return place - 1 < table ? place - 1 : table;
}

int adopt_luns(struct adoption *a)
{
	unsigned slot = next_slot(a, 0);
	int rc = 0;

	for (; slot < TABLES_MAX && !rc; slot = next_slot(a, slot + 1))
		rc = take_slot(a, slot);
	return rc;
}
