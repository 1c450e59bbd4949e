// SPDX-License-Identifier: MIT
/*
 * test_scrub.c - LUNs with scrub = "release" where it is not plain: a second time, beside one that
 * cannot be emptied, read-only, with a transfer, at the final end.
 */
#include "luns/scrub.h"

#include <check.h>
#include <dirent.h>
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "lib/test_main.h"
#include "luns/claims.h"
#include "luns/transfer.h"
#include "spill/spill.h"
#include "store/records.h"
#include "unit/luns_rig.h"

#define LUN(id)	 "{ id = " #id "; size = \"16M\"; provisioning = \"thin\"; scrub = \"release\"; }"
#define TWO	 "( { name = \"" RIG_TARGET "\"; luns = ( " LUN(1) ", " LUN(2) " ); } )"
#define ONE	 "( { name = \"" RIG_TARGET "\"; luns = ( " LUN(2) " ); } )"
#define BYTES	 (16 * MIB)
#define PATIENCE 30000 /* ms */

/* APTPL is asked for with keys that are odd. */
#define KEY	  6u
#define KEY_APTPL 7u

static struct luns_rig rig;

static void setup(void)
{
	luns_rig_init(&rig);
	luns_rig_start(&rig, TWO);
}

static void teardown(void)
{
	luns_rig_lose(&rig);
	luns_rig_free(&rig);
}

/* ---- who uses a LUN ---- */

static enum scsi_outcome change(unsigned id, uint64_t key, uint64_t new)
{
	const struct claim_request q = {
		.action = CLAIM_REGISTER, .key = key, .new_key = new, .aptpl = new % 2};
	struct scsi_nexus n = {.target = &rig.luns.targets[0],
			       .port_name = "iqn.2026-01.org:b,i,0x800000000001"};
	struct scsi_fence f = {.target = NULL};
	const struct scsi_result r = scsi_claims_change(luns_rig_lu(&rig, id), &n, &q, &f);

	if (f.release)
		f.release(&f);
	return r.outcome;
}

static void enter(unsigned id, uint64_t key)
{
	ck_assert_int_eq(change(id, 0, key), SENSE_OK);
}

static void leave(unsigned id)
{
	ck_assert_int_eq(change(id, KEY, 0), SENSE_OK);
}

static void fill(unsigned id)
{
	uint8_t block[4096];

	memset(block, 'x', sizeof(block));
	for (uint64_t off = 0; off < BYTES; off += MIB)
		luns_rig_write(&rig, id, off, block, sizeof(block));
}

static void use(unsigned id)
{
	fill(id);
	enter(id, KEY);
	leave(id);
}

static bool is_empty(unsigned id)
{
	uint8_t block[4096];

	for (uint64_t off = 0; off < BYTES; off += MIB) {
		luns_rig_read(&rig, id, off, block, sizeof(block));
		for (size_t i = 0; i < sizeof(block); i++)
			if (block[i])
				return false;
	}
	return true;
}

static void wait_for(unsigned id)
{
	const struct timespec ms = {.tv_nsec = 1000000};

	for (int i = 0; scsi_scrubs(luns_rig_lu(&rig, id)); i++) {
		ck_assert_int_lt(i, PATIENCE);
		nanosleep(&ms, NULL);
	}
}

static void turn(void)
{
	ck_assert_int_eq(luns_enter(&rig.luns, LUNS_CHANGE, PATIENCE, rig.why, LUNS_WHY), 0);
}

static void hook(unsigned id, int (*on_change)(struct scsi_lu *lu, const struct claims *now))
{
	struct scsi_lu *lu = luns_rig_lu(&rig, id);

	pthread_mutex_lock(&lu->reserve.lock);
	lu->reserve.on_change = on_change;
	pthread_mutex_unlock(&lu->reserve.lock);
}

/* ---- a second time ---- */

static atomic_bool is_over;

/* When all is gone, somebody waits for his turn before the thread's next step. */
static int wait_for_turn(struct scsi_lu *lu, const struct claims *now)
{
	unsigned waiting = 0;

	if (!now->n && !now->scrubs && !atomic_exchange(&is_over, true))
		while (!waiting) {
			pthread_mutex_lock(&rig.luns.lock);
			waiting = rig.luns.waiting;
			pthread_mutex_unlock(&rig.luns.lock);
			sched_yield();
		}
	return luns_claims_keep(lu, now);
}

START_TEST(emptied_again_between_two_steps)
{
	hook(1, wait_for_turn);
	use(1);
	while (!atomic_load(&is_over))
		sched_yield();
	turn();
	ck_assert(!scsi_scrubs(luns_rig_lu(&rig, 1)));
	use(1);
	ck_assert(scsi_scrubs(luns_rig_lu(&rig, 1)));
	luns_leave(&rig.luns);
	wait_for(1);
	ck_assert(is_empty(1));
}
END_TEST

/* ---- others that cannot be emptied ---- */

static int refuse_end(struct scsi_lu *lu, const struct claims *now)
{
	return !now->n && !now->scrubs ? -EIO : luns_claims_keep(lu, now);
}

START_TEST(one_that_fails_stops_no_other)
{
	hook(1, refuse_end);
	use(1);
	use(2);
	wait_for(2);
	ck_assert(is_empty(2));
	ck_assert(scsi_scrubs(luns_rig_lu(&rig, 1)));
	use(2); /* and again, behind it */
	wait_for(2);
	hook(1, luns_claims_keep);
	wait_for(1);
	ck_assert(is_empty(1));
}
END_TEST

static void set_read_only(bool on)
{
	ck_assert_int_eq(luns_set_read_only(&rig.luns, RIG_TARGET, 1, on, rig.why, LUNS_WHY), 0);
}

/* Nobody reads it meanwhile, and no restart changes that. */
START_TEST(read_only_is_held_back)
{
	fill(1);
	enter(1, KEY);
	set_read_only(true);
	leave(1);
	for (int life = 0; life < 2; life++) {
		use(2); /* it looks at the first one before this */
		wait_for(2);
		ck_assert(is_empty(2));
		ck_assert(!is_empty(1));
		ck_assert(scsi_scrubs(luns_rig_lu(&rig, 1)));
		ck_assert_uint_ne(luns_rig_lu(&rig, 1)->reserve.change, 0);
		luns_rig_keep(&rig);
		luns_rig_start(&rig, TWO);
	}
	set_read_only(false);
	wait_for(1);
	ck_assert(is_empty(1));
}
END_TEST

/* ---- transfers ---- */

static int begin(struct luns_transfer *t, enum luns_use how, bool force)
{
	return luns_transfer_begin(&rig.luns, RIG_TARGET, 1, how, force, t, rig.why, LUNS_WHY);
}

START_TEST(no_transfer_begins)
{
	struct luns_transfer t;

	fill(1);
	enter(1, KEY);
	set_read_only(true);
	leave(1);
	for (int i = 0; i < 4; i++) {
		ck_assert_int_eq(begin(&t, i % 2 ? LUNS_EXPORT : LUNS_IMPORT, i / 2), -EBUSY);
		ck_assert_ptr_nonnull(strstr(rig.why, "last registration"));
	}
	set_read_only(false);
	wait_for(1);
	ck_assert_int_eq(begin(&t, LUNS_EXPORT, false), 0);
	luns_transfer_end(&t);
}
END_TEST

START_TEST(transfer_under_way_ends)
{
	struct luns_transfer t;
	char block[4096];
	uint64_t n;
	size_t written;
	bool is_hole;

	fill(1);
	enter(1, KEY);
	ck_assert_int_eq(begin(&t, _i ? LUNS_EXPORT : LUNS_IMPORT, true), 0);
	ck_assert_int_eq(
		luns_transfer_read(&t, 0, block, sizeof(block), &n, &is_hole, rig.why, LUNS_WHY),
		0);
	leave(1);
	wait_for(1);
	if (_i)
		ck_assert_int_eq(luns_transfer_read(&t, MIB, block, sizeof(block), &n, &is_hole,
						    rig.why, LUNS_WHY),
				 -ECANCELED);
	else
		ck_assert_int_eq(luns_transfer_write(&t, MIB, block, sizeof(block), &written,
						     rig.why, LUNS_WHY),
				 -ECANCELED);
	ck_assert_int_eq(luns_transfer_check(&t, rig.why, LUNS_WHY), -ECANCELED);
	luns_transfer_end(&t);
	ck_assert(is_empty(1));
}
END_TEST

/* ---- the final end ---- */

static bool is_saved(void)
{
	struct state_lun s;

	ck_assert(state_find(rig.state, RIG_TARGET, 1, &s) && s.used);
	return s.spilled[0];
}

/* Registrations without APTPL end with the memory, and that is the release. */
START_TEST(not_saved_without_aptpl)
{
	struct spill s = {
		.dir = rig.dir, .state = rig.state, .store = rig.store, .reader = rig.reader};
	const uint32_t generation = luns_rig_info(&rig, RIG_TARGET, 1).generation;

	fill(1);
	enter(1, _i ? KEY_APTPL : KEY);
	luns_close(&rig.luns);
	spill_luns(&s, &rig.luns);
	ck_assert_int_eq(is_saved(), _i);
	if (_i)
		return;
	/* To who knew it, it is a loss. */
	luns_rig_lose(&rig);
	luns_rig_start(&rig, TWO);
	const struct luns_info is = luns_rig_info(&rig, RIG_TARGET, 1);
	ck_assert_uint_eq(is.generation, generation + 1);
	ck_assert(is.is_stopped);
	ck_assert(is_empty(1));
}
END_TEST

/* A LUN that nobody ever registered with is saved as any other. */
START_TEST(saved_if_nobody_registered)
{
	struct spill s = {
		.dir = rig.dir, .state = rig.state, .store = rig.store, .reader = rig.reader};

	fill(1);
	luns_close(&rig.luns);
	spill_luns(&s, &rig.luns);
	ck_assert(is_saved());
}
END_TEST

static unsigned count_notes(void)
{
	DIR *d = opendir(rig.dir);
	const struct dirent *e;
	unsigned n = 0;

	while ((e = readdir(d)))
		n += strstr(e->d_name, SPILL_NOTE) != NULL;
	closedir(d);
	return n;
}

/* What the configuration has no more, and may have again: its registrations stay, and so does that
 * it is to be emptied. */
START_TEST(held_is_saved_with_its_note)
{
	fill(1);
	enter(1, KEY);
	luns_rig_keep(&rig);
	luns_rig_start(&rig, ONE);
	ck_assert_ptr_null(luns_rig_lu(&rig, 1));
	struct spill s = {
		.dir = rig.dir, .state = rig.state, .store = rig.store, .reader = rig.reader};
	luns_close(&rig.luns);
	spill_luns(&s, &rig.luns);
	ck_assert(is_saved());
	ck_assert_uint_eq(count_notes(), 1);
}
END_TEST

/* Damaged registrations come back as such, and let nobody in. */
START_TEST(damaged_is_saved_as_damaged)
{
	struct spill s = {.dir = rig.dir};

	fill(1);
	enter(1, KEY);
	luns_rig_keep(&rig);
	for (unsigned half = 0; half < 2; half++)
		ck_assert_int_eq(
			pwrite(rig.files.records, "?", 1, RECORDS_BYTES + ((off_t)half << 18) + 50),
			1);
	luns_rig_start(&rig, TWO);
	s.state = rig.state;
	s.store = rig.store;
	s.reader = rig.reader;
	luns_close(&rig.luns);
	spill_luns(&s, &rig.luns);
	ck_assert(is_saved());
	ck_assert_uint_eq(count_notes(), 1);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("scrub");
	TCase *t = tcase_create("scrub");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_set_timeout(t, 120);
	tcase_add_test(t, emptied_again_between_two_steps);
	tcase_add_test(t, one_that_fails_stops_no_other);
	tcase_add_test(t, read_only_is_held_back);
	tcase_add_test(t, no_transfer_begins);
	tcase_add_loop_test(t, transfer_under_way_ends, 0, 2);
	tcase_add_loop_test(t, not_saved_without_aptpl, 0, 2);
	tcase_add_test(t, saved_if_nobody_registered);
	tcase_add_test(t, held_is_saved_with_its_note);
	tcase_add_test(t, damaged_is_saved_as_damaged);
	suite_add_tcase(s, t);
	return test_main(s);
}
