// SPDX-License-Identifier: MIT
/* test_scsi_stripe.c - when a LU is shared, who waits for whom, and copies of what is read. */
#include <limits.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "lib/test_main.h"
#include "scsi/stripe.h"
#include "unit/scsi_fixture.h"

static struct scsi_nexus other, third;
static struct scsi_attentions more[2][SCSI_LUNS_MAX];
static struct scsi_task task; /* of `other` */

static struct scsi_sharing *sharing(void)
{
	return &fx.lus[0].sharing;
}

static void setup(void)
{
	fx_open_512();
	scsi_nexus_init(&other, &fx.target, more[0]);
	scsi_nexus_init(&third, &fx.target, more[1]);
	memset(more, 0, sizeof(more));
}

static void begin(struct scsi_task *t, struct scsi_nexus *n, uint8_t opcode, uint32_t blocks)
{
	memset(t, 0, sizeof(*t));
	t->worker = &fx.worker;
	t->nexus = n;
	t->cdb_len = 16;
	t->out_limit = opcode == 0x8a ? blocks * FX_BLOCK : 0;
	fx_cdb(t->cdb, opcode, 0, 0, blocks);
}

static enum scsi_step start(struct scsi_nexus *n, uint8_t opcode)
{
	begin(&task, n, opcode, 1);
	return scsi_start(&task);
}

/* A READ of one block by this nexus, which is done at once, and sent in place or not. */
static void sends(struct scsi_nexus *n)
{
	struct iovec iov[2];
	size_t niov = 2;

	ck_assert_int_eq(start(n, 0x88), SCSI_IN);
	if (!scsi_data_moves(&task))
		ck_assert_uint_eq(scsi_data_in(&task, 0, FX_BLOCK, iov, &niov), FX_BLOCK);
	scsi_end(&task);
}

static void reads(struct scsi_nexus *n)
{
	sends(n);
	scsi_data_sent(n, &fx.worker);
}

static void takes(size_t bytes)
{
	static const uint8_t data[512] = {1};

	ck_assert_uint_eq(scsi_data_out(&task, data, sizeof(data)), bytes);
}

START_TEST(one_nexus_needs_no_lock)
{
	reads(&fx.nexus);
	/* Whoever took a lock would wait for ever. */
	for (unsigned i = 0; i < STRIPES; i++)
		pthread_mutex_lock(&sharing()->stripes[i].lock);
	pthread_mutex_lock(&sharing()->lock);
	fx_run_range(0x8a, 0, 0, 8, fx.medium);
	fx_good();
	fx_run_range(0x88, 0, 0, 8, NULL);
	fx_good();
	ck_assert(!scsi_data_moves(&fx.task));
	pthread_mutex_unlock(&sharing()->lock);
	for (unsigned i = 0; i < STRIPES; i++)
		pthread_mutex_unlock(&sharing()->stripes[i].lock);
	ck_assert_uint_eq(fx.points, 0);
}
END_TEST

/* What does not touch the medium makes nobody a user. */
START_TEST(other_commands_do_not_count)
{
	static const uint8_t ops[] = {0x00, 0x12, 0x25, 0x9e, 0x35, 0x34, 0x1a};

	reads(&fx.nexus);
	for (size_t i = 0; i < sizeof(ops); i++) {
		begin(&task, &other, ops[i], 0);
		if (ops[i] == 0x9e)
			task.cdb[1] = 0x10;
		ck_assert_int_ne(scsi_start(&task), SCSI_RUN);
		scsi_end(&task);
	}
	ck_assert_uint_eq(sharing()->users, 1);
	ck_assert_int_eq(sharing()->state, SHARING_NOT);
}
END_TEST

/* The newcomer reads when all know of it, and writes when what was sent in place is gone. */
START_TEST(the_second_waits)
{
	sends(&fx.nexus);
	ck_assert(!scsi_nexus_tick(&fx.nexus, &fx.worker));
	fx.passed = 0;
	ck_assert_int_eq(start(&other, 0x88), SCSI_RUN);
	ck_assert(!task.starved); /* within a turn or two */
	ck_assert(scsi_nexus_tick(&fx.nexus, &fx.worker));
	ck_assert_int_eq(scsi_run(&task), SCSI_RUN);
	ck_assert_uint_eq(fx.points, 1);
	ck_assert(stripe_is_shared(&fx.lus[0]));
	sends(&fx.nexus); /* who was there waits for nobody */
	ck_assert_int_eq(start(&fx.nexus, 0x8a), SCSI_OUT);
	takes(FX_BLOCK);
	scsi_end(&task);

	begin(&task, &other, 0x88, 1);
	fx.passed = 1;
	ck_assert_int_eq(scsi_start(&task), SCSI_IN);
	ck_assert(scsi_data_moves(&task));
	scsi_end(&task);
	ck_assert_int_eq(start(&other, 0x8a), SCSI_OUT);
	takes(0);
	ck_assert(task.starved); /* the store will call */
	ck_assert_uint_eq(fx.wakes, 0);
	scsi_data_sent(&fx.nexus, &fx.worker);
	ck_assert_uint_eq(fx.wakes, 1);
	takes(FX_BLOCK);
	ck_assert_int_eq(scsi_run(&task), SCSI_DONE);
	ck_assert_uint_eq(task.status, SCSI_GOOD);
	scsi_end(&task);
	ck_assert_int_eq(sharing()->state, SHARING_NOW);
	ck_assert_uint_eq(fx.points, 1);
}
END_TEST

/* Slices wait like data; each kind of command that touches blocks. */
START_TEST(the_second_waits_with_all_commands)
{
	static const struct {
		uint8_t opcode, flags;
		size_t out;
	} t[] = {{0x88, 0, 0},	    {0x8a, 0, 512}, {0x8e, 0, 512}, {0x8f, 0x02, 512},
		 {0x8f, 0x06, 512}, {0x93, 0, 512}, {0x93, 1, 0},   {0x93, 8, 512},
		 {0x89, 0, 1024},   {0x8b, 0, 512}, {0x9c, 0, 512}};
	static const uint8_t data[1024];

	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		fx.passed = UINT_MAX;
		reads(&fx.nexus);
		reads(&other);
		scsi_nexus_end(&other, &fx.worker);
		fx.passed = fx.points;
		begin(&task, &other, t[i].opcode, 1);
		task.cdb[1] = t[i].flags;
		task.out_limit = t[i].out;
		if (t[i].opcode == 0x89 || t[i].opcode == 0x9c)
			task.cdb[13] = 1;
		enum scsi_step step = scsi_start(&task);
		if (step == SCSI_OUT && scsi_data_out(&task, data, t[i].out) == t[i].out)
			step = scsi_run(&task);
		ck_assert_int_ne(step, SCSI_DONE);
		ck_assert_int_ne(step, SCSI_IN);
		ck_assert_uint_eq(fx.writes + fx.fills + fx.unmaps, 0);
		scsi_end(&task);
	}
}
END_TEST

START_TEST(unmap_waits)
{
	uint8_t list[24] = {[1] = 22, [3] = 16, [19] = 1};

	reads(&fx.nexus);
	fx.passed = 0;
	begin(&task, &other, 0x42, 0);
	task.cdb[8] = task.out_limit = sizeof(list);
	ck_assert_int_eq(scsi_start(&task), SCSI_OUT);
	ck_assert_uint_eq(scsi_data_out(&task, list, sizeof(list)), sizeof(list));
	ck_assert_int_eq(scsi_run(&task), SCSI_RUN);
	ck_assert_uint_eq(fx.unmaps, 0);
	fx.passed = 1;
	ck_assert_int_eq(scsi_run(&task), SCSI_DONE);
	ck_assert_uint_eq(fx.unmaps, 1);
	scsi_end(&task);
}
END_TEST

/* A peer that takes no data does not hold it up for ever. */
START_TEST(the_wait_is_bounded)
{
	reads(&fx.nexus);
	fx.passed = 0;
	ck_assert_int_eq(start(&other, 0x8a), SCSI_OUT);
	takes(0);
	task.waits_since = clock_now() - (SHARING_WAIT_S + 1) * NS_PER_S;
	takes(FX_BLOCK); /* dropped */
	ck_assert_int_eq(scsi_run(&task), SCSI_DONE);
	ck_assert_uint_eq(task.status, SCSI_BUSY);
	ck_assert_uint_eq(fx.writes, 0);
	scsi_end(&task);
	ck_assert_int_eq(start(&other, 0x88), SCSI_RUN);
	task.waits_since = clock_now() - (SHARING_WAIT_S + 1) * NS_PER_S;
	ck_assert_int_eq(scsi_run(&task), SCSI_DONE);
	ck_assert_uint_eq(task.status, SCSI_BUSY);
	scsi_end(&task);
}
END_TEST

START_TEST(alone_again)
{
	reads(&fx.nexus);
	reads(&other);
	reads(&third);
	ck_assert_int_eq(sharing()->state, SHARING_NOW);
	scsi_nexus_end(&fx.nexus, &fx.worker);
	ck_assert_int_eq(sharing()->state, SHARING_NOW);
	scsi_nexus_end(&third, &fx.worker);
	ck_assert_int_eq(sharing()->state, SHARING_NOT);
	reads(&other);
	scsi_nexus_end(&other, &fx.worker);
	scsi_nexus_end(&other, &fx.worker);
	ck_assert_uint_eq(sharing()->users, 0);
	const unsigned points = fx.points;
	reads(&third); /* nobody was there */
	ck_assert_uint_eq(fx.points, points);
	ck_assert_int_eq(sharing()->state, SHARING_NOT);
}
END_TEST

/* Data of who left may still be on its way from the medium: then who comes waits for that. */
START_TEST(who_left_may_still_send)
{
	sends(&fx.nexus);
	fx.passed = 0;
	scsi_nexus_end(&fx.nexus, &fx.worker);
	ck_assert_int_eq(sharing()->state, SHARING_SOON);
	fx.passed = 1;
	ck_assert_int_eq(start(&other, 0x8a), SCSI_OUT);
	takes(0);
	scsi_data_sent(&fx.nexus, &fx.worker);
	takes(FX_BLOCK);
	ck_assert_int_eq(scsi_run(&task), SCSI_DONE);
	scsi_end(&task);
	ck_assert_int_eq(sharing()->state, SHARING_NOT); /* it is alone */
}
END_TEST

/* The first one leaves while the second waits: what it sent is waited for all the same. */
START_TEST(left_in_between)
{
	sends(&fx.nexus);
	fx.passed = 0;
	ck_assert_int_eq(start(&other, 0x8a), SCSI_OUT);
	takes(0);
	scsi_nexus_end(&fx.nexus, &fx.worker);
	takes(0);
	fx.passed = 1;
	takes(0);
	scsi_data_sent(&fx.nexus, &fx.worker);
	takes(FX_BLOCK);
	scsi_end(&task);
	ck_assert_int_eq(sharing()->state, SHARING_NOT);
}
END_TEST

/* The second one leaves while it waits: who stays takes locks for no longer than it must. */
START_TEST(the_newcomer_leaves)
{
	sends(&fx.nexus);
	fx.passed = 0;
	ck_assert_int_eq(start(&other, 0x8a), SCSI_OUT);
	takes(0);
	scsi_end(&task);
	scsi_nexus_end(&other, &fx.worker);
	fx.passed = 1;
	(void)scsi_nexus_tick(&fx.nexus, &fx.worker);
	ck_assert_int_eq(sharing()->state, SHARING_SOON);
	scsi_data_sent(&fx.nexus, &fx.worker);
	ck_assert(!scsi_nexus_tick(&fx.nexus, &fx.worker));
	ck_assert_int_eq(sharing()->state, SHARING_NOT);
}
END_TEST

/* A LUN that becomes another LU: nobody used that. */
START_TEST(another_lu)
{
	sends(&fx.nexus);
	fx.target.by_id[0] = NULL;
	scsi_lu_replaced(&fx.nexus, 0, false);
	fx.lus[1].id = 0;
	fx.target.by_id[0] = &fx.lus[1];
	scsi_nexus_end(&fx.nexus, &fx.worker);
	scsi_data_sent(&fx.nexus, &fx.worker);
	ck_assert_uint_eq(fx.lus[1].sharing.users, 0);
	ck_assert_uint_eq(fx.lus[1].sharing.unsent, 0);
	memset(fx.ua, 0, sizeof(fx.ua));
	sends(&fx.nexus);
	/* It was used before the message came that it is there. */
	scsi_lu_replaced(&fx.nexus, 0, true);
	scsi_nexus_end(&fx.nexus, &fx.worker);
	scsi_data_sent(&fx.nexus, &fx.worker);
	ck_assert_uint_eq(fx.lus[1].sharing.users, 0);
	ck_assert_uint_eq(fx.lus[1].sharing.unsent, 0);
}
END_TEST

/* Holds of ranges that meet exclude each other, and those of others do not. */
START_TEST(holds)
{
	const struct {
		uint64_t off, len, held;
		unsigned stripes;
	} t[] = {{0, 512, 512, 1},
		 {STORE_PAGE_SIZE - 512, 1024, 1024, 2},
		 {31 * STORE_PAGE_SIZE, 2 * STORE_PAGE_SIZE, 2 * STORE_PAGE_SIZE, 2},
		 {512, UINT64_MAX / 2, STRIPE_SPAN - 512, STRIPES / 2},
		 {0, STRIPE_SPAN, STRIPE_SPAN, STRIPES / 2}};

	reads(&fx.nexus);
	reads(&other);
	begin(&task, &other, 0x88, 1);
	ck_assert_int_eq(scsi_start(&task), SCSI_IN);
	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		struct scsi_result r = scsi_ok();
		struct stripe_hold h;
		unsigned taken = 0;

		ck_assert_uint_eq(stripe_take(&task, STRIPE_WRITE, t[i].off, t[i].len, &h, &r),
				  t[i].held);
		for (unsigned s = 0; s < STRIPES; s++) {
			const bool is_free = !pthread_mutex_trylock(&sharing()->stripes[s].lock);
			if (is_free)
				pthread_mutex_unlock(&sharing()->stripes[s].lock);
			taken += !is_free;
		}
		ck_assert_uint_eq(taken, t[i].stripes);
		stripe_drop(&h);
		for (unsigned s = 0; s < STRIPES; s++) {
			ck_assert_int_eq(pthread_mutex_trylock(&sharing()->stripes[s].lock), 0);
			pthread_mutex_unlock(&sharing()->stripes[s].lock);
		}
	}
	scsi_end(&task);
}
END_TEST

#define IN 5u /* blocks */

/* Data-in in pieces of any size: a block that is cut is of one moment. */
START_TEST(copies_cut_no_block)
{
	const size_t size = 1 + (size_t)_i * 97, n = IN * FX_BLOCK;
	uint8_t *got = malloc(n), *want = malloc(n), value = 1;

	reads(&fx.nexus);
	reads(&other);
	memset(fx.medium, value, n);
	begin(&task, &other, 0x88, IN);
	ck_assert_int_eq(scsi_start(&task), SCSI_IN);
	ck_assert(scsi_data_moves(&task));
	for (size_t at = 0; at < n;) {
		const size_t part = size < n - at ? size : n - at;

		/* A block that this piece begins is of now. */
		for (size_t b = at; b < at + part; b++)
			if (b % FX_BLOCK == 0)
				memset(want + b, value, FX_BLOCK);
		ck_assert_uint_eq(scsi_data_in_copy(&task, at, got + at, part), part);
		at += part;
		memset(fx.medium, ++value, n);
	}
	ck_assert_mem_eq(got, want, n);
	scsi_end(&task);
	free(got);
	free(want);
}
END_TEST

START_TEST(copies_end_where_memory_is_lost)
{
	uint8_t got[IN * 512];

	fx.lus[0].sharing.users = 1;
	reads(&other);
	begin(&task, &other, 0x88, IN);
	ck_assert_int_eq(scsi_start(&task), SCSI_IN);
	fx.lost = 2 * FX_BLOCK;
	fx.lost_len = FX_BLOCK;
	ck_assert_uint_eq(scsi_data_in_copy(&task, 0, got, sizeof(got)), 2 * FX_BLOCK);
	ck_assert_uint_eq(scsi_data_in_copy(&task, 2 * FX_BLOCK, got, 512), 0);
	ck_assert_uint_eq(task.sense[2], 0x3);
	ck_assert_uint_eq(task.in_len, 2 * FX_BLOCK);
	scsi_end(&task);
}
END_TEST

/* No buffer for the block that is cut: BUSY, and no half. */
START_TEST(no_buffer_for_a_cut_block)
{
	uint8_t got[512];

	reads(&fx.nexus);
	reads(&other);
	begin(&task, &other, 0x88, IN);
	ck_assert_int_eq(scsi_start(&task), SCSI_IN);
	void *held[2] = {arena_get(&fx.worker.bufs), arena_get(&fx.worker.bufs)};
	ck_assert_uint_eq(scsi_data_in_copy(&task, 0, got, 100), 0);
	ck_assert_uint_eq(task.status, SCSI_BUSY);
	ck_assert_uint_eq(task.in_len, 0);
	arena_put(&fx.worker.bufs, held[0]);
	arena_put(&fx.worker.bufs, held[1]);
	scsi_end(&task);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("scsi_stripe");
	TCase *tc = tcase_create("stripe");

	tcase_add_checked_fixture(tc, setup, fx_close);
	tcase_add_test(tc, one_nexus_needs_no_lock);
	tcase_add_test(tc, other_commands_do_not_count);
	tcase_add_test(tc, the_second_waits);
	tcase_add_test(tc, the_second_waits_with_all_commands);
	tcase_add_test(tc, unmap_waits);
	tcase_add_test(tc, the_wait_is_bounded);
	tcase_add_test(tc, alone_again);
	tcase_add_test(tc, who_left_may_still_send);
	tcase_add_test(tc, left_in_between);
	tcase_add_test(tc, the_newcomer_leaves);
	tcase_add_test(tc, another_lu);
	tcase_add_test(tc, holds);
	tcase_add_loop_test(tc, copies_cut_no_block, 0, 24);
	tcase_add_test(tc, copies_end_where_memory_is_lost);
	tcase_add_test(tc, no_buffer_for_a_cut_block);
	suite_add_tcase(suite, tc);
	return test_main(suite);
}
