// SPDX-License-Identifier: MIT
/*
 * test_claims.c - registrations over the end of a process: with the memory, without it, damaged;
 * and LUNs that are emptied when the last registration goes.
 */
#include "luns/claims.h"

#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/log.h"
#include "lib/test_main.h"
#include "store/records.h"
#include "unit/luns_rig.h"

#define LUN(more)                                                                           \
	"( { name = \"" RIG_TARGET "\"; luns = ( { id = 1; size = \"16M\"; provisioning = " \
	"\"thin\"; " more " } ); } )"
#define PLAIN	 LUN("")
#define SCRUBS	 LUN("scrub = \"release\";")
#define PATIENCE 30000 /* ms */

static struct luns_rig rig;
static struct scsi_nexus nexus;

static void setup(void)
{
	luns_rig_init(&rig);
}

static void teardown(void)
{
	luns_rig_free(&rig);
}

static void name(unsigned i)
{
	nexus.target = &rig.luns.targets[0];
	snprintf(nexus.port_name, sizeof(nexus.port_name), "iqn.2026-01.org:%u,i,0x80000000%04x", i,
		 i);
}

static struct scsi_result change(unsigned who, enum claim_action action, unsigned type,
				 uint64_t key, uint64_t new)
{
	const struct claim_request q = {
		.action = action, .type = type, .key = key, .new_key = new, .aptpl = new % 2};
	struct scsi_fence f = {.target = NULL};

	name(who);
	struct scsi_result r = scsi_claims_change(luns_rig_lu(&rig, 1), &nexus, &q, &f);
	if (f.release)
		f.release(&f);
	return r;
}

static void do_change(unsigned who, enum claim_action action, unsigned type, uint64_t key,
		      uint64_t new)
{
	ck_assert_int_eq(change(who, action, type, key, new).outcome, SENSE_OK);
}

static struct claims *now(void)
{
	return scsi_claims_get(luns_rig_lu(&rig, 1), NULL);
}

static void check_same(const struct claims *a, const struct claims *b)
{
	ck_assert_uint_eq(a->n, b->n);
	ck_assert_uint_eq(a->generation, b->generation);
	ck_assert_int_eq(a->type, b->type);
	ck_assert_uint_eq(a->holder, b->holder);
	ck_assert(a->aptpl == b->aptpl && a->scrubs == b->scrubs);
	for (uint32_t i = 0; i < a->n; i++) {
		ck_assert_uint_eq(a->at[i].key, b->at[i].key);
		ck_assert_uint_eq(a->at[i].port.target_port, b->at[i].port.target_port);
		ck_assert_str_eq(a->at[i].port.name, b->at[i].port.name);
	}
}

/* With APTPL asked for last or not. */
START_TEST(kept_with_the_memory)
{
	luns_rig_start(&rig, PLAIN);
	ck_assert_uint_eq(rig.luns.targets[0].port_groups, 1u << 1);
	for (unsigned i = 0; i < 40; i++)
		do_change(i, CLAIM_REGISTER, 0, 0, 100 + i);
	do_change(7, CLAIM_RESERVE, CLAIM_WRITE_REGISTRANTS, 107, 0);
	do_change(3, CLAIM_REGISTER, 0, 103, (unsigned)_i);
	for (int turn = 0; turn < 3; turn++) {
		struct claims *was = now();
		luns_rig_keep(&rig);
		luns_rig_start(&rig, PLAIN);
		struct claims *is = now();
		check_same(was, is);
		ck_assert_uint_ne(luns_rig_lu(&rig, 1)->reserve.change, 0);
		free(was);
		free(is);
		do_change(50, CLAIM_REGISTER_IGNORE, 0, 0, 1000 + (unsigned)turn);
	}
	luns_rig_lose(&rig);
	luns_rig_start(&rig, PLAIN);
	struct claims *is = now();
	ck_assert_uint_eq(is->n + is->generation, 0);
	free(is);
	luns_rig_lose(&rig);
}
END_TEST

/* A reservation of all registrants, by each way in which one of three leaves. */
START_TEST(all_registrants_kept)
{
	static const struct {
		const char *what;
		unsigned who;
		enum claim_action action;
		uint64_t key, new;
		unsigned left;
	} leave[] = {
		{"who reserved unregisters", 2, CLAIM_REGISTER, 12, 0, 2},
		{"the first one unregisters", 0, CLAIM_REGISTER, 10, 0, 2},
		{"the same, whatever the key", 0, CLAIM_REGISTER_IGNORE, 0, 0, 2},
		{"the first is preempted", 2, CLAIM_PREEMPT, 12, 10, 2},
		{"who reserved is preempted", 0, CLAIM_PREEMPT_ABORT, 10, 12, 2},
		{"who reserved does it to himself", 2, CLAIM_PREEMPT, 12, 12, 2},
		{"all others are preempted", 2, CLAIM_PREEMPT, 12, 0, 1},
	};

	for (size_t k = 0; k < sizeof(leave) / sizeof(leave[0]); k++) {
		luns_rig_start(&rig, PLAIN);
		for (unsigned i = 0; i < 3; i++)
			do_change(i, CLAIM_REGISTER, 0, 0, 10 + i);
		do_change(2, CLAIM_RESERVE, (unsigned)_i, 12, 0);
		do_change(leave[k].who, leave[k].action, (unsigned)_i, leave[k].key, leave[k].new);
		struct claims *was = now();
		luns_rig_keep(&rig);
		luns_rig_start(&rig, PLAIN);
		struct claims *is = now();
		ck_assert_msg(!luns_rig_lu(&rig, 1)->read_only, "%s", leave[k].what);
		ck_assert_uint_eq(is->n, leave[k].left);
		ck_assert_uint_eq(is->type, (unsigned)_i);
		check_same(was, is);
		free(was);
		free(is);
		luns_rig_lose(&rig);
	}
}
END_TEST

/* The next LUN in the same place has nothing of it. */
START_TEST(gone_with_the_lun)
{
	struct luns_new n = {.id = 1, .bytes = 4 * MIB};

	luns_rig_start(&rig, PLAIN);
	do_change(1, CLAIM_REGISTER, 0, 0, 5);
	do_change(1, CLAIM_RESERVE, CLAIM_EXCLUSIVE, 5, 0);
	ck_assert_int_eq(luns_remove(&rig.luns, RIG_TARGET, 1, rig.why, LUNS_WHY), 0);
	n.force = true;
	ck_assert_int_eq(luns_add(&rig.luns, RIG_TARGET, &n, NULL, rig.why, LUNS_WHY), 0);
	for (int turn = 0; turn < 2; turn++) {
		struct claims *is = now();
		ck_assert_uint_eq(is->n, 0);
		free(is);
		luns_rig_keep(&rig);
		luns_rig_start(&rig, PLAIN);
	}
	luns_rig_lose(&rig);
}
END_TEST

static void damage(unsigned half)
{
	const off_t at = RECORDS_BYTES + ((off_t)half << 18) + 50;
	uint8_t byte;

	ck_assert_int_eq(pread(rig.files.records, &byte, 1, at), 1);
	byte ^= 1;
	ck_assert_int_eq(pwrite(rig.files.records, &byte, 1, at), 1);
}

/* Damaged: nobody gets in who may have been kept out, however often the process ends, or registers,
 * before the operator has cleared that. */
START_TEST(damaged)
{
	unsigned had;

	luns_rig_start(&rig, PLAIN);
	do_change(1, CLAIM_REGISTER, 0, 0, 5);
	do_change(1, CLAIM_RESERVE, CLAIM_EXCLUSIVE, 5, 0);
	luns_rig_keep(&rig);
	damage((unsigned)_i);
	for (int life = 0; life < 2; life++) {
		luns_rig_start(&rig, PLAIN);
		struct claims *is = now();
		ck_assert(is->lost);
		free(is);
		ck_assert_uint_ne(luns_rig_lu(&rig, 1)->reserve.change, 0);
		ck_assert_int_eq(change(1, CLAIM_REGISTER_IGNORE, 0, 0, 5).outcome,
				 SENSE_RESERVATION_CONFLICT);
		luns_rig_keep(&rig);
	}
	luns_rig_start(&rig, PLAIN);
	ck_assert_int_eq(luns_claims_clear(&rig.luns, RIG_TARGET, 1, &had, rig.why, LUNS_WHY), 0);
	ck_assert_uint_eq(had, 0);
	luns_rig_keep(&rig);
	luns_rig_start(&rig, PLAIN);
	ck_assert_uint_eq(luns_rig_lu(&rig, 1)->reserve.change, 0);
	do_change(1, CLAIM_REGISTER, 0, 0, 5);
	luns_rig_lose(&rig);
}
END_TEST

/* The store's side of it: each length, over and over, and one too many. */
START_TEST(notes_of_the_store)
{
	static const size_t lengths[] = {1, 0, STORE_NOTE_MAX, 5000, STORE_NOTE_MAX, 2};
	uint8_t *p = malloc(STORE_NOTE_MAX + 1), *got;
	size_t n;

	luns_rig_start(&rig, PLAIN);
	for (unsigned i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
		memset(p, (int)(i + 1), STORE_NOTE_MAX + 1);
		ck_assert_int_eq(store_lun_set_note(luns_rig_lu(&rig, 1)->store, p, lengths[i]), 0);
		ck_assert_int_eq(
			store_lun_set_note(luns_rig_lu(&rig, 1)->store, p, STORE_NOTE_MAX + 1),
			-EINVAL);
		log_set_level(LOG_LEVEL_ERROR);
		luns_rig_keep(&rig);
		luns_rig_start(&rig, PLAIN);
		ck_assert_int_eq(store_lun_note(luns_rig_lu(&rig, 1)->store, &got, &n), 0);
		ck_assert_uint_eq(n, lengths[i]);
		ck_assert_mem_eq(got, p, n);
		free(got);
	}
	luns_rig_lose(&rig);
	free(p);
}
END_TEST

/* As many as there may be, with the longest names. */
START_TEST(all_that_may_be)
{
	luns_rig_start(&rig, PLAIN);
	struct scsi_lu *lu = luns_rig_lu(&rig, 1);
	lu->reserve.max = SCSI_REGISTRANTS_MAX;
	struct claims *c = claims_new(SCSI_REGISTRANTS_MAX);
	for (c->n = 0; c->n < SCSI_REGISTRANTS_MAX; c->n++) {
		struct claim_registrant *r = &c->at[c->n];
		r->key = c->n + 1;
		r->port.target_port = 1;
		memset(r->port.name, 'x', SCSI_PORT_NAME_MAX);
		snprintf(r->port.name + SCSI_PORT_NAME_MAX - 4, 5, "%04u", c->n);
	}
	/* The scrub thread may look at any LU just now. */
	pthread_mutex_lock(&lu->reserve.lock);
	scsi_reserve_free(lu);
	scsi_claims_set(lu, c);
	pthread_mutex_unlock(&lu->reserve.lock);
	do_change(1, CLAIM_REGISTER, 0, 0, 0); /* nothing */
	ck_assert_int_eq(change(1, CLAIM_REGISTER, 0, 0, 5).outcome, SENSE_REGISTRATION_ROOM);
	ck_assert_int_eq(luns_claims_keep(lu, c), 0);
	struct claims *was = now();
	luns_rig_keep(&rig);
	luns_rig_start(&rig, PLAIN);
	struct claims *is = now();
	check_same(was, is);
	free(was);
	free(is);
	luns_rig_lose(&rig);
}
END_TEST

/* ---- bytes ---- */

START_TEST(bytes_there_and_back)
{
	static const uint8_t naa[8] = {1, 2, 3}, other[8] = {4};
	struct claims *c = claims_new(2), *back;

	c->generation = 9;
	c->type = CLAIM_WRITE_ALL;
	c->n = 2;
	c->aptpl = true;
	for (unsigned i = 0; i < 2; i++) {
		c->at[i] = (struct claim_registrant){.key = i + 1, .all_ports = i};
		snprintf(c->at[i].port.name, sizeof(c->at[i].port.name), "port%u", i);
	}
	const size_t n = claims_length(c);
	uint8_t *p = malloc(n);
	claims_write(c, naa, p);
	ck_assert_int_eq(claims_read(p, n, naa, &back), 0);
	check_same(c, back);
	free(back);
	ck_assert_int_eq(claims_read(p, n, other, &back), 0);
	ck_assert_ptr_null(back);
	for (size_t cut = 0; cut < n; cut++) {
		uint8_t *less = malloc(cut + 1);
		memcpy(less, p, cut);
		ck_assert_int_eq(claims_read(less, cut, naa, &back), -EINVAL);
		free(less);
	}
	/* An older memtgtd wrote whoever had reserved it, gone or not. */
	p[15] = 2;
	ck_assert_int_eq(claims_read(p, n, naa, &back), 0);
	check_same(c, back);
	free(back);
	/* And names as initiators had said them. */
	for (size_t i = n - 5; i < n - 1; i++)
		p[i] -= 'a' - 'A';
	ck_assert_int_eq(claims_read(p, n, naa, &back), 0);
	check_same(c, back);
	free(back);
	p[7] = CLAIM_EXCLUSIVE;
	ck_assert_int_eq(claims_read(p, n, naa, &back), -EINVAL);
	p[5]++; /* the version */
	ck_assert_int_eq(claims_read(p, n, naa, &back), -ENOTSUP);
	free(p);
	free(c);
}
END_TEST

/* ---- scrub ---- */

static void fill(uint8_t v)
{
	uint8_t block[4096];

	memset(block, v, sizeof(block));
	for (uint64_t off = 0; off < 16 * MIB; off += MIB)
		luns_rig_write(&rig, 1, off, block, sizeof(block));
}

static bool is_empty(void)
{
	uint8_t block[4096];

	for (uint64_t off = 0; off < 16 * MIB; off += MIB) {
		luns_rig_read(&rig, 1, off, block, sizeof(block));
		for (size_t i = 0; i < sizeof(block); i++)
			if (block[i])
				return false;
	}
	return true;
}

static void wait_for_it(void)
{
	const struct timespec ms = {.tv_nsec = 1000000};

	for (int i = 0; scsi_scrubs(luns_rig_lu(&rig, 1)); i++) {
		ck_assert_int_lt(i, PATIENCE);
		nanosleep(&ms, NULL);
	}
}

START_TEST(emptied_when_the_last_one_goes)
{
	luns_rig_start(&rig, SCRUBS);
	for (int turn = 0; turn < 3; turn++) {
		fill('x');
		do_change(1, CLAIM_REGISTER, 0, 0, 5);
		do_change(2, CLAIM_REGISTER, 0, 0, 6);
		do_change(1, CLAIM_REGISTER, 0, 5, 0);
		ck_assert(!scsi_scrubs(luns_rig_lu(&rig, 1)));
		ck_assert(!is_empty());
		if (turn == 2) {
			unsigned had;
			ck_assert_int_eq(luns_claims_clear(&rig.luns, RIG_TARGET, 1, &had, rig.why,
							   LUNS_WHY),
					 0);
			ck_assert_uint_eq(had, 1);
		} else {
			do_change(2, turn ? CLAIM_CLEAR : CLAIM_REGISTER, 0, 6, 0);
		}
		wait_for_it();
		ck_assert(is_empty());
	}
	luns_rig_lose(&rig);
}
END_TEST

/* Where nothing is said of it, data stays. */
START_TEST(not_emptied_without_scrub)
{
	luns_rig_start(&rig, PLAIN);
	fill('x');
	do_change(1, CLAIM_REGISTER, 0, 0, 5);
	do_change(1, CLAIM_REGISTER, 0, 5, 0);
	ck_assert(!scsi_scrubs(luns_rig_lu(&rig, 1)));
	ck_assert(!is_empty());
	luns_rig_lose(&rig);
}
END_TEST

/* While it is being emptied nobody uses it, and a process that ends leaves that to the next. */
START_TEST(interrupted)
{
	static const uint64_t other = 7;

	luns_rig_start(&rig, SCRUBS);
	fill('x');
	do_change(1, CLAIM_REGISTER, 0, 0, 5);
	/* In somebody's turn it cannot begin. */
	ck_assert_int_eq(luns_enter(&rig.luns, LUNS_CHANGE, 1000, rig.why, LUNS_WHY), 0);
	do_change(1, CLAIM_REGISTER, 0, 5, 0);
	ck_assert_int_eq(change(2, CLAIM_REGISTER, 0, 0, other).outcome, SENSE_BUSY);
	ck_assert_uint_ne(luns_rig_lu(&rig, 1)->reserve.change, 0);
	pthread_mutex_lock(&rig.luns.lock);
	rig.luns.is_closed = true;
	pthread_mutex_unlock(&rig.luns.lock);
	luns_leave(&rig.luns);
	ck_assert(!is_empty());
	luns_rig_keep(&rig);

	luns_rig_start(&rig, SCRUBS);
	wait_for_it();
	ck_assert(is_empty());
	do_change(2, CLAIM_REGISTER, 0, 0, other);
	luns_rig_lose(&rig);
}
END_TEST

/* An earlier one may have left it, and who clears is told that it goes. */
START_TEST(damaged_is_emptied_when_cleared)
{
	unsigned had;

	luns_rig_start(&rig, SCRUBS);
	fill('x');
	do_change(1, CLAIM_REGISTER, 0, 0, 5);
	luns_rig_keep(&rig);
	damage(0);
	damage(1);
	luns_rig_start(&rig, SCRUBS);
	ck_assert(!is_empty());
	ck_assert_int_eq(luns_claims_clear(&rig.luns, RIG_TARGET, 1, &had, rig.why, LUNS_WHY), 0);
	wait_for_it();
	ck_assert(is_empty());
	luns_rig_lose(&rig);
}
END_TEST

/* ---- as the operator sees them ---- */

START_TEST(list_and_clear)
{
	struct luns_claim *all;
	size_t n;
	unsigned had;

	luns_rig_start(&rig, PLAIN);
	ck_assert_int_eq(luns_claims_list(&rig.luns, &all, &n), 0);
	ck_assert_uint_eq(n, 0);
	free(all);
	do_change(1, CLAIM_REGISTER, 0, 0, 5);
	do_change(2, CLAIM_REGISTER, 0, 0, 6);
	do_change(2, CLAIM_RESERVE, CLAIM_EXCLUSIVE, 6, 0);
	ck_assert_int_eq(luns_claims_list(&rig.luns, &all, &n), 0);
	ck_assert_uint_eq(n, 2);
	ck_assert(!all[0].holds && all[1].holds && all[1].key == 6);
	ck_assert_str_eq(all[1].port, "iqn.2026-01.org:2,i,0x800000000002");
	free(all);
	ck_assert_int_eq(luns_claims_clear(&rig.luns, RIG_TARGET, 9, &had, rig.why, LUNS_WHY),
			 -ENOENT);
	ck_assert_int_eq(luns_claims_clear(&rig.luns, RIG_TARGET, 1, &had, rig.why, LUNS_WHY), 0);
	ck_assert_uint_eq(had, 2);
	ck_assert_int_eq(luns_claims_clear(&rig.luns, RIG_TARGET, 1, &had, rig.why, LUNS_WHY), 0);
	ck_assert_uint_eq(had, 0);
	luns_rig_lose(&rig);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("claims");
	TCase *t = tcase_create("claims");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_set_timeout(t, 120);
	tcase_add_loop_test(t, kept_with_the_memory, 1, 3);
	tcase_add_loop_test(t, all_registrants_kept, CLAIM_WRITE_ALL, CLAIM_EXCLUSIVE_ALL + 1);
	tcase_add_test(t, gone_with_the_lun);
	tcase_add_loop_test(t, damaged, 0, 2);
	tcase_add_test(t, notes_of_the_store);
	tcase_add_test(t, all_that_may_be);
	tcase_add_test(t, bytes_there_and_back);
	tcase_add_test(t, emptied_when_the_last_one_goes);
	tcase_add_test(t, not_emptied_without_scrub);
	tcase_add_test(t, interrupted);
	tcase_add_test(t, damaged_is_emptied_when_cleared);
	tcase_add_test(t, list_and_clear);
	suite_add_tcase(s, t);
	return s;
}

int main(void)
{
	return test_main(suite());
}
