/* SPDX-License-Identifier: MIT */
/* test_kept.h - for tests of memory that outlives a store: its files are kept by the test. */
#ifndef MEMTGT_TEST_KEPT_H
#define MEMTGT_TEST_KEPT_H

#include <fcntl.h>
#include <unistd.h>

#include "store/internal.h"
#include "test_store.h"

/* Those of the store and the test's are the same files. */
static inline struct store_files keep_files(const struct store *s)
{
	struct store_files own, kept;

	store_get_files(s, &own);
	kept.pool = fcntl(own.pool, F_DUPFD_CLOEXEC, 3);
	kept.tables = fcntl(own.tables, F_DUPFD_CLOEXEC, 3);
	kept.records = fcntl(own.records, F_DUPFD_CLOEXEC, 3);
	ck_assert(kept.pool >= 0 && kept.tables >= 0 && kept.records >= 0);
	return kept;
}

static inline void drop_files(const struct store_files *k)
{
	close(k->pool);
	close(k->tables);
	close(k->records);
}

static inline struct store_options kept_options(const struct store_files *kept, uint64_t pages,
						unsigned readers)
{
	return (struct store_options){.kind = STORE_AUTO,
				      .ceiling = pages * PAGE,
				      .readers = readers,
				      .no_filler = true,
				      .kept = kept};
}

/* The store owns what it is given, and the test keeps its own. */
static inline int open_kept(struct store **s, const struct store_files *kept,
			    struct store_options o, char *why, size_t why_len)
{
	struct store_files given = {fcntl(kept->pool, F_DUPFD_CLOEXEC, 3),
				    fcntl(kept->tables, F_DUPFD_CLOEXEC, 3),
				    fcntl(kept->records, F_DUPFD_CLOEXEC, 3)};

	o.kept = &given;
	int rc = store_open(s, &o, why, why_len);
	if (rc)
		drop_files(&given);
	return rc;
}

static inline struct store *adopt_store(const struct store_files *kept, uint64_t pages,
					unsigned readers)
{
	struct store *s = NULL;
	char why[512] = "";
	int rc = open_kept(&s, kept, kept_options(NULL, pages, readers), why, sizeof(why));

	ck_assert_msg(rc == 0, "%s", why);
	return s;
}

static inline struct store_lun *adopt_lun(struct store *s, unsigned slot)
{
	struct store_lun *l = NULL;
	char why[512] = "";
	int rc = store_lun_adopt(s, slot, &l, why, sizeof(why));

	ck_assert_msg(rc == 0, "%s", why);
	return l;
}

/*
 * Right after adoption: each page that a table names is named once, is there, and is counted, and
 * no other page is there. `luns` are all LUNs. Returns the pages.
 */
static inline uint64_t expect_no_leak(struct store *s, struct store_lun **luns, size_t n)
{
	uint64_t *seen = calloc(s->pool.pages_mapped / 64 + 1, sizeof(*seen)), named = 0;
	struct store_stats st = stats_of(s);

	for (size_t i = 0; i < n; i++) {
		uint64_t own = 0;

		for (uint64_t page = 0; page < luns[i]->table.pages; page++) {
			uint32_t e = table_entry(&luns[i]->table, page);

			if (!e || e == TABLE_LOST)
				continue;
			ck_assert_uint_le(e, s->pool.pages_mapped); /* and is not anchored */
			ck_assert_msg(!pool_bit(seen, e), "page %u is named twice", e);
			pool_set_bit(seen, e);
			own++;
		}
		ck_assert_uint_eq(store_lun_pages(luns[i]), own);
		named += own;
	}
	free(seen);
	ck_assert_uint_eq(st.pages_used, named);
	ck_assert_uint_eq(st.host_bytes, named * PAGE);
	ck_assert_uint_eq(st.pages_reserve + st.pages_coming + st.pages_anchored, 0);
	return named;
}

#endif
