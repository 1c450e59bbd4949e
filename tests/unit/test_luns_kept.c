// SPDX-License-Identifier: MIT
/* test_luns_kept.c - what a LUN is after a restart: with its memory, and without it. */
#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/test_main.h"
#include "luns/held.h"
#include "luns/kept.h"
#include "luns/lu.h"
#include "luns/pool.h"
#include "luns/transfer.h"
#include "store/records.h"
#include "unit/luns_rig.h"

#define ONE(luns)  "( { name = \"" RIG_TARGET "\"; luns = ( " luns " ); } )"
#define LUN0	   "{ id = 0; size = \"8M\"; provisioning = \"thin\"; }"
#define LUN1	   "{ id = 1; size = \"8M\"; provisioning = \"thin\"; }"
#define LUN1_SERVE "{ id = 1; size = \"8M\"; provisioning = \"thin\"; on_loss = \"serve\"; }"
#define BOTH	   ONE(LUN0 ", " LUN1)

static struct luns_rig rig;

static void setup(void)
{
	luns_rig_init(&rig);
}

static void teardown(void)
{
	luns_rig_free(&rig);
}

static void put(unsigned id, char c)
{
	luns_rig_write(&rig, id, 4096, &c, 1);
}

static char get(unsigned id)
{
	char c;

	luns_rig_read(&rig, id, 4096, &c, 1);
	return c;
}

/* ---- the rules, as a table ---- */

enum { L = 1, N = 2, T = 4, C = 8, B = 16, P = 32, U = 64 };
static const struct {
	enum store_kept_state state;
	unsigned facts; /* label, newest, target, configured, by config, pages, used */
	enum kept_fate fate;
} rules[] = {
	{STORE_KEPT_WHOLE, L | N | T | C | B | P | U, KEPT_SERVE},
	{STORE_KEPT_WHOLE, L | N | T | C | B, KEPT_SERVE},
	{STORE_KEPT_WHOLE, L | N | T | C | P | U, KEPT_SERVE}, /* by memtgtctl, now written down */
	{STORE_KEPT_WHOLE, L | N | T | P | U, KEPT_SERVE},     /* by memtgtctl */
	{STORE_KEPT_WHOLE, L | N | T, KEPT_SERVE},
	{STORE_KEPT_READ_ONLY, L | N | T | C | B | P | U, KEPT_SERVE},
	{STORE_KEPT_WHOLE, L | N | T | B | P | U, KEPT_HOLD_GONE},
	{STORE_KEPT_READ_ONLY, L | N | T | B | P | U, KEPT_HOLD_GONE},
	{STORE_KEPT_WHOLE, L | N | T | B | P, KEPT_DROP}, /* full, and never written */
	{STORE_KEPT_WHOLE, L | N | T | B | U, KEPT_DROP}, /* discarded */
	{STORE_KEPT_WHOLE, L | N | P | U, KEPT_HOLD_GONE},
	{STORE_KEPT_WHOLE, L | N | B | P | U, KEPT_HOLD_GONE},
	{STORE_KEPT_WHOLE, L | N, KEPT_DROP},
	{STORE_KEPT_WHOLE, L | T | C | B | P | U, KEPT_HOLD_OLD},
	{STORE_KEPT_WHOLE, L | T | C | B | P, KEPT_DROP},
	{STORE_KEPT_WHOLE, N | T | C | B | P | U, KEPT_HOLD_DAMAGED},
	{STORE_KEPT_WHOLE, P, KEPT_HOLD_DAMAGED},
	{STORE_KEPT_WHOLE, 0, KEPT_DROP},
	{STORE_KEPT_HELD, L | N | T | C | B | P | U, KEPT_HOLD_DAMAGED},
	{STORE_KEPT_HELD, L | N | T | C | B | P, KEPT_HOLD_DAMAGED}, /* who knows */
	{STORE_KEPT_HELD, P, KEPT_HOLD_DAMAGED},
	{STORE_KEPT_HELD, 0, KEPT_DROP},
};

START_TEST(fates)
{
	const unsigned f = rules[_i].facts;
	const struct kept_facts facts = {.state = rules[_i].state,
					 .has_label = f & L,
					 .is_newest = f & N,
					 .has_target = f & T,
					 .is_configured = f & C,
					 .by_config = f & B,
					 .has_pages = f & P,
					 .was_used = f & U};

	ck_assert_int_eq(kept_fate(&facts), rules[_i].fate);
}
END_TEST

/* ---- with its memory ---- */

START_TEST(all_of_it_stays)
{
	luns_rig_start(&rig, BOTH);
	put(1, 'x');
	struct luns_info was = luns_rig_info(&rig, RIG_TARGET, 1);
	luns_rig_keep(&rig);
	luns_rig_start(&rig, BOTH);
	struct luns_info is = luns_rig_info(&rig, RIG_TARGET, 1);
	ck_assert_int_eq(get(1), 'x');
	ck_assert_str_eq(is.serial, was.serial);
	ck_assert_str_eq(is.naa, was.naa);
	ck_assert_uint_eq(is.bytes, was.bytes);
	ck_assert(is.is_used && !is.is_stopped && is.is_thin && !is.generation);
	ck_assert(luns_rig_lu(&rig, 1)->is_kept && luns_rig_lu(&rig, 0)->is_kept);
	ck_assert(!luns_rig_info(&rig, RIG_TARGET, 0).is_used);
	luns_rig_lose(&rig);
}
END_TEST

START_TEST(what_was_changed_at_run_time_stays)
{
	struct luns_new n = {.id = 7, .bytes = 4 * MIB, .block_size = 4096, .serial = "MINE"};

	luns_rig_start(&rig, BOTH);
	ck_assert_int_eq(luns_add(&rig.luns, RIG_TARGET, &n, NULL, rig.why, LUNS_WHY), 0);
	put(7, 'y');
	ck_assert_int_eq(luns_resize(&rig.luns, RIG_TARGET, 0, 16 * MIB, false, rig.why, LUNS_WHY),
			 0);
	ck_assert_int_eq(luns_set_read_only(&rig.luns, RIG_TARGET, 1, true, rig.why, LUNS_WHY), 0);
	luns_rig_keep(&rig);
	luns_rig_start(&rig, BOTH);
	ck_assert_uint_eq(luns_rig_info(&rig, RIG_TARGET, 0).bytes, 16 * MIB);
	ck_assert(luns_rig_info(&rig, RIG_TARGET, 1).is_read_only);
	struct luns_info seven = luns_rig_info(&rig, RIG_TARGET, 7);
	ck_assert(seven.bytes == 4 * MIB && seven.block_size == 4096);
	ck_assert_str_eq(seven.serial, "MINE");
	ck_assert_int_eq(get(7), 'y');
	ck_assert_int_eq(luns_set_read_only(&rig.luns, RIG_TARGET, 1, false, rig.why, LUNS_WHY), 0);
	ck_assert_int_eq(luns_remove(&rig.luns, RIG_TARGET, 7, rig.why, LUNS_WHY), 0);
	luns_rig_keep(&rig);
	luns_rig_start(&rig, BOTH);
	ck_assert(!luns_rig_info(&rig, RIG_TARGET, 1).is_read_only);
	ck_assert_ptr_null(luns_rig_lu(&rig, 7));
	luns_rig_lose(&rig);
}
END_TEST

#define SIZED(s, more) ONE("{ id = 0; size = \"" s "\"; " more " }")
static const struct {
	const char *before, *after;
	bool written; /* in the last of 8 MiB */
	uint64_t bytes;
	unsigned block;
	bool is_thin, is_kept;
	const char *serial; /* NULL: the same as before */
} changes[] = {
	{SIZED("8M", ""), SIZED("16M", ""), true, 16 * MIB, 512, false, true, NULL},
	{SIZED("8M", ""), SIZED("4M", ""), true, 8 * MIB, 512, false, true, NULL},
	{SIZED("8M", "provisioning=\"thin\";"), SIZED("4M", "provisioning=\"thin\";"), false,
	 4 * MIB, 512, true, true, NULL},
	{SIZED("8M", ""), SIZED("8M", "serial=\"S\";"), true, 8 * MIB, 512, false, true, "S"},
	{SIZED("8M", "serial=\"A\";"), SIZED("8M", "serial=\"B\";"), false, 8 * MIB, 512, false,
	 true, "B"},
	{SIZED("8M", ""), SIZED("8M", "block_size=4096;"), true, 8 * MIB, 512, false, true, NULL},
	{SIZED("8M", ""), SIZED("8M", "block_size=4096;"), false, 8 * MIB, 4096, false, false,
	 NULL},
	{SIZED("8M", ""), SIZED("8M", "provisioning=\"thin\";"), true, 8 * MIB, 512, false, true,
	 NULL},
	{SIZED("8M", ""), SIZED("8M", "provisioning=\"thin\";"), false, 8 * MIB, 512, true, false,
	 NULL},
	{SIZED("8M", ""), SIZED("8M", "on_loss=\"serve\";"), true, 8 * MIB, 512, false, true, NULL},
};

START_TEST(what_the_configuration_changed_is_applied)
{
	char c = 'z', now;

	luns_rig_start(&rig, changes[_i].before);
	struct luns_info was = luns_rig_info(&rig, RIG_TARGET, 0);
	if (changes[_i].written)
		luns_rig_write(&rig, 0, 8 * MIB - 1, &c, 1);
	luns_rig_keep(&rig);
	for (int again = 0; again < 2; again++) { /* once applied it is no change any more */
		luns_rig_start(&rig, changes[_i].after);
		struct luns_info is = luns_rig_info(&rig, RIG_TARGET, 0);
		ck_assert_uint_eq(is.bytes, changes[_i].bytes);
		ck_assert_uint_eq(is.block_size, changes[_i].block);
		ck_assert_int_eq(is.is_thin, changes[_i].is_thin);
		ck_assert_str_eq(is.serial, changes[_i].serial ? changes[_i].serial : was.serial);
		ck_assert_str_eq(is.naa, was.naa);
		ck_assert(again || luns_rig_lu(&rig, 0)->is_kept == changes[_i].is_kept);
		ck_assert(!is.is_stopped);
		if (changes[_i].written) {
			luns_rig_read(&rig, 0, 8 * MIB - 1, &now, 1);
			ck_assert_int_eq(now, c);
		}
		luns_rig_keep(&rig);
	}
	luns_rig_start(&rig, changes[_i].after);
	luns_rig_lose(&rig);
}
END_TEST

START_TEST(what_the_operator_resized_is_not_undone)
{
	luns_rig_start(&rig, BOTH);
	ck_assert_int_eq(luns_resize(&rig.luns, RIG_TARGET, 0, 16 * MIB, false, rig.why, LUNS_WHY),
			 0);
	for (int i = 0; i < 2; i++) {
		luns_rig_keep(&rig);
		luns_rig_start(&rig, BOTH);
		ck_assert_uint_eq(luns_rig_info(&rig, RIG_TARGET, 0).bytes, 16 * MIB);
	}
	luns_rig_lose(&rig);
}
END_TEST

static uint64_t pool_max(void)
{
	struct store_stats st;

	store_get_stats(rig.store, &st);
	return st.pages_max * STORE_PAGE_SIZE;
}

START_TEST(the_pool_keeps_its_size)
{
	luns_rig_start(&rig, BOTH);
	ck_assert_uint_eq(pool_max(), 256 * MIB);
	ck_assert_int_eq(luns_set_ceiling(&rig.luns, 64 * MIB, rig.why, LUNS_WHY), 0);
	for (int i = 0; i < 2; i++) {
		luns_rig_keep(&rig);
		luns_rig_start(&rig, BOTH);
		ck_assert_uint_eq(pool_max(), 64 * MIB);
	}
	luns_rig_keep(&rig);
	rig.pool = "128M"; /* written anew: that counts */
	for (int i = 0; i < 2; i++) {
		luns_rig_start(&rig, BOTH);
		ck_assert_uint_eq(pool_max(), 128 * MIB);
		luns_rig_keep(&rig);
	}
	luns_rig_start(&rig, BOTH);
	luns_rig_lose(&rig);
	luns_rig_start(&rig, BOTH);
	ck_assert_uint_eq(pool_max(), 128 * MIB);
	luns_rig_lose(&rig);
}
END_TEST

/* ---- held ---- */

static uint8_t piece[4 * MIB];

/* The bytes at 4096 of what is held, by an export. */
static char held_byte(const char *target, unsigned id)
{
	struct luns_transfer t;
	bool is_hole;
	uint64_t n;
	int rc = luns_transfer_begin(&rig.luns, target, id, LUNS_EXPORT, false, &t, rig.why,
				     LUNS_WHY);
	ck_assert_msg(!rc, "%s", rig.why);
	rc = luns_transfer_read(&t, 0, piece, sizeof(piece), &n, &is_hole, rig.why, LUNS_WHY);
	ck_assert_msg(!rc && !is_hole && n > 4096, "%s", rig.why);
	luns_transfer_end(&t);
	return (char)piece[4096];
}

START_TEST(what_left_the_configuration_is_held)
{
	struct luns_info *all;
	size_t n;

	luns_rig_start(&rig, BOTH);
	put(1, 'h');
	luns_rig_keep(&rig);
	for (int i = 0; i < 2; i++) { /* and stays so */
		luns_rig_start(&rig, ONE(LUN0));
		ck_assert_ptr_null(luns_rig_lu(&rig, 1));
		ck_assert_ptr_null(rig.luns.targets[0].by_id[1]);
		ck_assert_int_eq(luns_list(&rig.luns, &all, &n), 0);
		ck_assert_uint_eq(n, 2);
		ck_assert_str_eq(all[1].target, LUNS_HELD);
		ck_assert_str_eq(all[1].was, RIG_TARGET " LUN 1");
		ck_assert(all[1].is_held && all[1].is_used && all[1].used == 2 * MIB);
		ck_assert_int_eq(held_byte(LUNS_HELD, all[1].id), 'h');
		ck_assert_int_eq(held_byte(RIG_TARGET, 1), 'h');
		free(all);
		luns_rig_keep(&rig);
	}
	luns_rig_start(&rig, BOTH); /* the line is back */
	ck_assert_int_eq(get(1), 'h');
	ck_assert(!luns_rig_info(&rig, RIG_TARGET, 1).is_stopped);
	luns_rig_lose(&rig);
}
END_TEST

START_TEST(what_is_held_is_deleted)
{
	struct luns_transfer t;
	struct store_stats st;
	bool is_hole;
	uint64_t n;

	luns_rig_start(&rig, BOTH);
	put(1, 'h');
	luns_rig_keep(&rig);
	luns_rig_start(&rig, ONE(LUN0));
	ck_assert_int_eq(luns_transfer_begin(&rig.luns, RIG_TARGET, 1, LUNS_IMPORT, true, &t,
					     rig.why, LUNS_WHY),
			 -EROFS);
	ck_assert_int_eq(luns_resize(&rig.luns, RIG_TARGET, 1, MIB, true, rig.why, LUNS_WHY),
			 -ENOENT);
	ck_assert_int_eq(luns_transfer_begin(&rig.luns, RIG_TARGET, 1, LUNS_EXPORT, false, &t,
					     rig.why, LUNS_WHY),
			 0);
	ck_assert_int_eq(luns_remove(&rig.luns, LUNS_HELD, 999, rig.why, LUNS_WHY), -ENOENT);
	ck_assert_int_eq(luns_remove(&rig.luns, RIG_TARGET, 1, rig.why, LUNS_WHY), 0);
	ck_assert_int_eq(
		luns_transfer_read(&t, 0, piece, sizeof(piece), &n, &is_hole, rig.why, LUNS_WHY),
		-ECANCELED);
	luns_transfer_end(&t);
	ck_assert_int_eq(luns_remove(&rig.luns, RIG_TARGET, 1, rig.why, LUNS_WHY), -ENOENT);
	store_get_stats(rig.store, &st);
	ck_assert_uint_eq(st.pages_used, 0);
	luns_rig_keep(&rig);
	luns_rig_start(&rig, BOTH); /* its data is gone, and that is known */
	ck_assert(luns_rig_info(&rig, RIG_TARGET, 1).is_stopped);
	luns_rig_lose(&rig);
}
END_TEST

START_TEST(what_is_empty_is_not_held)
{
	luns_rig_start(&rig, ONE("{ id = 0; size = \"8M\"; }, { id = 1; size = \"8M\"; }"));
	luns_rig_keep(&rig);
	luns_rig_start(&rig, ONE(LUN0));
	ck_assert_ptr_null(rig.luns.held);
	ck_assert_uint_eq(luns_rig_info(&rig, RIG_TARGET, 0).used, 0);
	luns_rig_lose(&rig);
}
END_TEST

START_TEST(a_target_that_left_the_configuration)
{
	struct luns_new n = {.id = 7, .bytes = 4 * MIB};

	luns_rig_start(&rig, BOTH);
	put(0, 'a');
	ck_assert_int_eq(luns_add(&rig.luns, RIG_TARGET, &n, NULL, rig.why, LUNS_WHY), 0);
	put(7, 'b');
	luns_rig_keep(&rig);
	luns_rig_start(&rig, "( { name = \"iqn.2026-01.org.memtgt:b\"; luns = ( " LUN0 " ); } )");
	ck_assert_int_eq(held_byte(RIG_TARGET, 0), 'a');
	ck_assert_int_eq(held_byte(RIG_TARGET, 7), 'b');
	luns_rig_keep(&rig);
	luns_rig_start(&rig, BOTH);
	ck_assert_int_eq(get(0), 'a');
	ck_assert_int_eq(get(7), 'b');
	luns_rig_lose(&rig);
}
END_TEST

static void spoil(unsigned id)
{
	static const char wrong[] = "no label";

	ck_assert_int_eq(store_lun_set_label(luns_rig_lu(&rig, id)->store, wrong, sizeof(wrong)),
			 0);
}

/* It is not known which one it was: that one is taken for lost. */
START_TEST(a_label_that_cannot_be_read)
{
	luns_rig_start(&rig, BOTH);
	put(0, 'a');
	put(1, 'b');
	spoil(1);
	luns_rig_keep(&rig);
	luns_rig_start(&rig, BOTH);
	ck_assert_int_eq(get(0), 'a');
	ck_assert_int_eq(get(1), 0);
	ck_assert(luns_rig_info(&rig, RIG_TARGET, 1).is_stopped);
	ck_assert_ptr_nonnull(rig.luns.held);
	ck_assert(!rig.luns.held->has_label);
	ck_assert_int_eq(held_byte(LUNS_HELD, rig.luns.held->slot), 'b');
	luns_rig_lose(&rig);
}
END_TEST

/* ---- damage ---- */

/* A byte of each of the two copies. */
static void spoil_record(uint32_t place)
{
	for (int i = 0; i < 2; i++)
		ck_assert_int_eq(pwrite(rig.files.records, "\xff", 1,
					(off_t)place * RECORD_BYTES + i * RECORDS_COPY + 40),
				 1);
}

/* None is served: what was used is taken for lost, and what is held stays so. */
START_TEST(a_store_whose_own_record_is_lost)
{
	struct luns_info *all;
	size_t n;

	luns_rig_start(&rig, BOTH);
	put(0, 'a');
	put(1, 'b');
	luns_rig_keep(&rig);
	spoil_record(0);
	for (int i = 0; i < 3; i++) {
		luns_rig_start(&rig, BOTH);
		ck_assert_int_eq(luns_list(&rig.luns, &all, &n), 0);
		ck_assert_uint_eq(n, 4);
		for (unsigned id = 0; id < 2; id++) {
			ck_assert(all[id].is_stopped && all[id].generation == 1);
			ck_assert(all[2 + id].is_held && all[2 + id].used == 2 * MIB);
			ck_assert_int_eq(held_byte(LUNS_HELD, all[2 + id].id), (char)('a' + id));
			if (i)
				ck_assert_int_eq(get(id), (char)('A' + id));
			else
				put(id, (char)('A' + id));
		}
		free(all);
		luns_rig_keep(&rig);
	}
	luns_rig_start(&rig, BOTH);
	luns_rig_lose(&rig);
}
END_TEST

/* Entries that name no page there is, in the first two tables. */
static void spoil_tables(uint64_t page)
{
	const uint32_t wrong = TABLE_NUMBER;

	for (off_t i = 0; i < 2; i++)
		ck_assert_int_eq(pwrite(rig.files.tables, &wrong, sizeof(wrong),
					i * (off_t)TABLE_STRIDE + (off_t)(page * sizeof(wrong))),
				 sizeof(wrong));
}

/* 0, or what the export of the piece at 4 MiB says. */
static int export_lost(bool force)
{
	struct luns_transfer t;
	bool is_hole = false;
	uint64_t n;

	ck_assert_int_eq(luns_transfer_begin(&rig.luns, RIG_TARGET, 1, LUNS_EXPORT, force, &t,
					     rig.why, LUNS_WHY),
			 0);
	int rc = luns_transfer_read(&t, 4 * MIB, piece, sizeof(piece), &n, &is_hole, rig.why,
				    LUNS_WHY);
	ck_assert(rc || is_hole || !piece[0]);
	luns_transfer_end(&t);
	return rc;
}

START_TEST(a_table_with_wrong_places)
{
	luns_rig_start(&rig, BOTH);
	put(0, 'a');
	put(1, 'b');
	luns_rig_keep(&rig);
	spoil_tables(2);
	for (int i = 0; i < 2; i++) {
		luns_rig_start(&rig, BOTH);
		struct luns_info is = luns_rig_info(&rig, RIG_TARGET, 1);
		ck_assert(is.is_read_only && !is.is_held && !is.is_stopped && is.why[0]);
		ck_assert_int_eq(get(1), 'b');
		ck_assert(store_lost(luns_rig_lu(&rig, 1)->store, 4 * MIB, 512));
		ck_assert_int_eq(
			luns_set_read_only(&rig.luns, RIG_TARGET, 1, false, rig.why, LUNS_WHY),
			-EROFS);
		ck_assert_int_eq(export_lost(false), -EIO);
		ck_assert_int_eq(export_lost(true), 0);
		luns_rig_keep(&rig);
	}
	luns_rig_start(&rig, BOTH);
	ck_assert_int_eq(luns_remove(&rig.luns, RIG_TARGET, 1, rig.why, LUNS_WHY), 0);
	luns_rig_lose(&rig);
}
END_TEST

/* Memory of before that comes back late is not what initiators had since. */
START_TEST(an_older_content_never_comes_back)
{
	struct store_files old;

	luns_rig_start(&rig, BOTH);
	put(1, 'o');
	luns_rig_keep(&rig);
	old = rig.files;
	rig.files = (struct store_files){-1, -1, -1};
	luns_rig_start(&rig, BOTH); /* somebody started it by hand */
	put(1, 'n');
	luns_rig_lose(&rig);
	rig.files = old;
	luns_rig_start(&rig, BOTH);
	ck_assert_int_eq(held_byte(LUNS_HELD, rig.luns.held->slot), 'o');
	ck_assert_int_eq(get(1), 0);
	struct luns_info i = luns_rig_info(&rig, RIG_TARGET, 1);
	ck_assert(i.is_stopped && i.generation == 2);
	put(1, '2');
	luns_rig_keep(&rig);
	luns_rig_start(&rig, BOTH);
	ck_assert_int_eq(get(1), '2');
	ck_assert_int_eq(held_byte(LUNS_HELD, rig.luns.held->slot), 'o');
	luns_rig_lose(&rig);
}
END_TEST

/* Without a state the generations of kept memory tell. */
START_TEST(held_and_new_without_a_state)
{
	struct luns_new n = {.id = 1, .bytes = 4 * MIB};

	rig.no_state = true;
	luns_rig_start(&rig, BOTH);
	put(1, 'h');
	luns_rig_keep(&rig);
	luns_rig_start(&rig, ONE(LUN0));
	ck_assert_int_eq(luns_add(&rig.luns, RIG_TARGET, &n, NULL, rig.why, LUNS_WHY), 0);
	ck_assert(luns_rig_info(&rig, RIG_TARGET, 1).is_stopped);
	ck_assert_uint_eq(luns_rig_info(&rig, RIG_TARGET, 1).generation, 1);
	put(1, 'n');
	luns_rig_keep(&rig);
	luns_rig_start(&rig, BOTH);
	ck_assert_int_eq(get(1), 'n');
	ck_assert_int_eq(held_byte(LUNS_HELD, rig.luns.held->slot), 'h');
	luns_rig_lose(&rig);
}
END_TEST

/* ---- without its memory ---- */

START_TEST(what_had_data_is_stopped)
{
	uint8_t zero[sizeof(((struct scsi_lu *)0)->naa)];
	struct state_lun state;

	luns_rig_start(&rig, BOTH);
	put(1, 'x');
	ck_assert(state_find(rig.state, RIG_TARGET, 1, &state) && state.used);
	struct luns_info was[2] = {luns_rig_info(&rig, RIG_TARGET, 0),
				   luns_rig_info(&rig, RIG_TARGET, 1)};
	for (unsigned loss = 1; loss < 4; loss++) { /* also if nobody wrote since */
		luns_rig_lose(&rig);
		luns_rig_start(&rig, BOTH);
		struct luns_info a = luns_rig_info(&rig, RIG_TARGET, 0);
		struct luns_info b = luns_rig_info(&rig, RIG_TARGET, 1);
		ck_assert(!a.is_stopped && !a.generation && !strcmp(a.naa, was[0].naa));
		ck_assert(b.is_stopped && b.generation == loss);
		ck_assert_str_ne(b.naa, was[1].naa);
		ck_assert_str_ne(b.serial, was[1].serial);
		ck_assert_int_eq(get(1), 0);
		was[1] = b;
	}
	memcpy(zero, luns_rig_lu(&rig, 1)->naa, sizeof(zero));
	luns_rig_keep(&rig); /* a restart changes none of that */
	luns_rig_start(&rig, BOTH);
	ck_assert(luns_rig_info(&rig, RIG_TARGET, 1).is_stopped);
	ck_assert_mem_eq(luns_rig_lu(&rig, 1)->naa, zero, sizeof(zero));
	luns_rig_lose(&rig);
}
END_TEST

START_TEST(on_loss_serve)
{
	luns_rig_start(&rig, ONE(LUN0 ", " LUN1_SERVE));
	put(1, 'x');
	luns_rig_lose(&rig);
	luns_rig_start(&rig, ONE(LUN0 ", " LUN1_SERVE));
	struct luns_info i = luns_rig_info(&rig, RIG_TARGET, 1);
	ck_assert(!i.is_stopped && i.generation == 1);
	luns_rig_lose(&rig);
}
END_TEST

/* Without a state nothing is known; that is what state_dir = "" means. */
START_TEST(no_state_no_stop)
{
	rig.no_state = true;
	luns_rig_start(&rig, BOTH);
	put(1, 'x');
	luns_rig_lose(&rig);
	luns_rig_start(&rig, BOTH);
	ck_assert(!luns_rig_info(&rig, RIG_TARGET, 1).is_stopped);
	luns_rig_lose(&rig);
}
END_TEST

START_TEST(the_operator_starts_it)
{
	luns_rig_start(&rig, BOTH);
	put(1, 'x');
	luns_rig_lose(&rig);
	luns_rig_start(&rig, BOTH);
	ck_assert_int_eq(luns_start(&rig.luns, RIG_TARGET, 1, rig.why, LUNS_WHY), 0);
	ck_assert(!luns_rig_info(&rig, RIG_TARGET, 1).is_stopped);
	rig.why[0] = '\0';
	ck_assert_int_eq(luns_start(&rig.luns, RIG_TARGET, 0, rig.why, LUNS_WHY), 0);
	ck_assert_msg(strstr(rig.why, "was not stopped") != NULL, "%s", rig.why);
	ck_assert_int_eq(luns_start(&rig.luns, RIG_TARGET, 2, rig.why, LUNS_WHY), -ENOENT);
	luns_rig_keep(&rig);
	luns_rig_start(&rig, BOTH);
	ck_assert(!luns_rig_info(&rig, RIG_TARGET, 1).is_stopped);
	put(1, 'y');
	luns_rig_lose(&rig);
	luns_rig_start(&rig, BOTH);
	ck_assert(luns_rig_info(&rig, RIG_TARGET, 1).is_stopped);
	luns_rig_lose(&rig);
}
END_TEST

/* Who started a LUN goes on after a restart: that was kept before the answer. */
START_TEST(who_started_it_is_kept)
{
	struct scsi_attentions ua[SCSI_LUNS_MAX];
	struct scsi_nexus nexus;

	luns_rig_start(&rig, BOTH);
	put(1, 'x');
	luns_rig_lose(&rig);
	luns_rig_start(&rig, BOTH);
	scsi_nexus_init(&nexus, &rig.luns.targets[0], ua);
	strcpy(nexus.port_name, "iqn.2026-01.org.memtgt:i,i,0x00023d000001");
	scsi_stopped_probe(&nexus, luns_rig_lu(&rig, 1));
	ck_assert_int_eq(scsi_stopped(&nexus, luns_rig_lu(&rig, 1)), SENSE_NOT_STARTED);
	ck_assert_int_eq(scsi_stopped_start(&nexus, luns_rig_lu(&rig, 1)), SENSE_OK);
	luns_rig_keep(&rig);
	luns_rig_start(&rig, BOTH);
	scsi_nexus_init(&nexus, &rig.luns.targets[0], ua);
	ck_assert_int_eq(scsi_stopped(&nexus, luns_rig_lu(&rig, 1)), SENSE_OK);
	strcpy(nexus.port_name, "iqn.2026-01.org.memtgt:i,i,0x00023d000002");
	memset(nexus.started, 0, sizeof(nexus.started));
	ck_assert_int_eq(scsi_stopped(&nexus, luns_rig_lu(&rig, 1)), SENSE_NOT_STARTED);
	luns_rig_lose(&rig);
}
END_TEST

/* A session from before a restart may still know the disk that was deleted. */
START_TEST(a_deleted_lun_made_again)
{
	struct luns_new n = {.id = 7, .bytes = 4 * MIB};
	struct luns_info i;

	luns_rig_start(&rig, BOTH);
	ck_assert_int_eq(luns_add(&rig.luns, RIG_TARGET, &n, NULL, rig.why, LUNS_WHY), 0);
	put(7, 'x');
	ck_assert_int_eq(luns_remove(&rig.luns, RIG_TARGET, 7, rig.why, LUNS_WHY), 0);
	luns_rig_keep(&rig);
	luns_rig_start(&rig, BOTH);
	rig.why[0] = '\0';
	ck_assert_int_eq(luns_add(&rig.luns, RIG_TARGET, &n, &i, rig.why, LUNS_WHY), 0);
	ck_assert(i.is_stopped && i.generation == 1);
	ck_assert_msg(strstr(rig.why, "stopped") != NULL, "%s", rig.why);
	ck_assert_int_eq(luns_remove(&rig.luns, RIG_TARGET, 7, rig.why, LUNS_WHY), 0);
	n.force = true;
	ck_assert_int_eq(luns_add(&rig.luns, RIG_TARGET, &n, &i, rig.why, LUNS_WHY), 0);
	ck_assert(!i.is_stopped);
	n.id = LUNS_ANY_ID; /* 0, 1 and 7 are there */
	ck_assert_int_eq(luns_remove(&rig.luns, RIG_TARGET, 7, rig.why, LUNS_WHY), 0);
	for (unsigned id = 2; id < 9; id++) {
		ck_assert_int_eq(luns_add(&rig.luns, RIG_TARGET, &n, &i, rig.why, LUNS_WHY), 0);
		ck_assert_uint_eq(i.id, id < 7 ? id : id + 1);
	}
	luns_rig_lose(&rig);
}
END_TEST

/* ---- the disk ---- */

static void block_state(bool on)
{
	char path[128];

	snprintf(path, sizeof(path), "%s/" STATE_FILE_NAME ".new", rig.dir);
	ck_assert_int_eq(on ? mkdir(path, 0700) : rmdir(path), 0);
}

/* The write waits as long as the disk does not know of it. */
START_TEST(no_write_before_it_is_remembered)
{
	struct state_lun state;
	char c = 'x';

	luns_rig_start(&rig, BOTH);
	struct store_lun *s = luns_rig_lu(&rig, 1)->store;
	block_state(true);
	store_reader_online(rig.reader);
	for (int i = 0; i < 3; i++) {
		ck_assert_int_eq(store_write(rig.reader, s, 0, &c, 1), -EAGAIN);
		ck_assert(!store_lun_used(s));
		usleep(10000);
	}
	store_reader_offline(rig.reader);
	block_state(false);
	put(1, 'x');
	ck_assert(store_lun_used(s) && state_find(rig.state, RIG_TARGET, 1, &state) && state.used);
	luns_rig_lose(&rig);
	luns_rig_start(&rig, BOTH);
	ck_assert(luns_rig_info(&rig, RIG_TARGET, 1).is_stopped);
	luns_rig_lose(&rig);
}
END_TEST

/* Some that were removed while their first writes waited; the next may have the same address. */
START_TEST(removed_while_its_first_write_waits)
{
	struct luns_new n = {.bytes = 4 * MIB};
	char c = 'x';

	luns_rig_start(&rig, BOTH);
	block_state(true);
	for (n.id = 7; n.id < 11; n.id++) {
		ck_assert_int_eq(luns_add(&rig.luns, RIG_TARGET, &n, NULL, rig.why, LUNS_WHY), 0);
		store_reader_online(rig.reader);
		ck_assert_int_eq(store_write(rig.reader, luns_rig_lu(&rig, n.id)->store, 0, &c, 1),
				 -EAGAIN);
		store_reader_offline(rig.reader);
		if (n.id < 10)
			ck_assert_int_eq(
				luns_remove(&rig.luns, RIG_TARGET, n.id, rig.why, LUNS_WHY), 0);
	}
	block_state(false);
	put(10, 'x');
	luns_rig_lose(&rig);
}
END_TEST

/* A loss that cannot be remembered would be one name for two contents. */
START_TEST(a_loss_that_cannot_be_remembered)
{
	luns_rig_start(&rig, BOTH);
	put(1, 'x');
	luns_rig_lose(&rig);
	block_state(true);
	ck_assert_int_ne(luns_rig_try(&rig, BOTH), 0);
	luns_rig_lose(&rig);
	block_state(false);
	luns_rig_start(&rig, BOTH);
	ck_assert_uint_eq(luns_rig_info(&rig, RIG_TARGET, 1).generation, 1);
	luns_rig_lose(&rig);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("kept");
	TCase *t = tcase_create("all");

	tcase_set_timeout(t, 120);
	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_loop_test(t, fates, 0, (int)(sizeof(rules) / sizeof(rules[0])));
	tcase_add_test(t, all_of_it_stays);
	tcase_add_test(t, what_was_changed_at_run_time_stays);
	tcase_add_loop_test(t, what_the_configuration_changed_is_applied, 0,
			    (int)(sizeof(changes) / sizeof(changes[0])));
	tcase_add_test(t, what_the_operator_resized_is_not_undone);
	tcase_add_test(t, the_pool_keeps_its_size);
	tcase_add_test(t, what_left_the_configuration_is_held);
	tcase_add_test(t, what_is_held_is_deleted);
	tcase_add_test(t, what_is_empty_is_not_held);
	tcase_add_test(t, a_target_that_left_the_configuration);
	tcase_add_test(t, a_label_that_cannot_be_read);
	tcase_add_test(t, a_store_whose_own_record_is_lost);
	tcase_add_test(t, a_table_with_wrong_places);
	tcase_add_test(t, an_older_content_never_comes_back);
	tcase_add_test(t, held_and_new_without_a_state);
	tcase_add_test(t, what_had_data_is_stopped);
	tcase_add_test(t, on_loss_serve);
	tcase_add_test(t, no_state_no_stop);
	tcase_add_test(t, the_operator_starts_it);
	tcase_add_test(t, who_started_it_is_kept);
	tcase_add_test(t, a_deleted_lun_made_again);
	tcase_add_test(t, no_write_before_it_is_remembered);
	tcase_add_test(t, removed_while_its_first_write_waits);
	tcase_add_test(t, a_loss_that_cannot_be_remembered);
	suite_add_tcase(s, t);
	return test_main(s);
}
