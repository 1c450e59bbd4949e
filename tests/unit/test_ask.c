// SPDX-License-Identifier: MIT
/* test_ask.c - questions to reactors that run: answered, late, at home, and at the end. */
#include "iscsi/ask.h"

#include <errno.h>
#include <semaphore.h>
#include <stdlib.h>

#include "iscsi/node.h"
#include "lib/test_main.h"
#include "reactor/conn.h"

#define REACTORS 3u
#define MANY	 200u
#define LONG_MS	 60000u

static const struct conn_ops no_conns;
static struct iscsi_node node;
static _Atomic unsigned ran, answered;

struct sum_part {
	struct ask_part ask;
	unsigned index;
};

struct sum {
	struct ask ask;
	sem_t *until; /* run() waits for it */
	_Atomic unsigned total;
	pthread_t all_in;
};

static void run(struct ask *a, struct ask_part *p, struct reactor *r)
{
	struct sum *s = container_of(a, struct sum, ask);

	while (s->until && sem_wait(s->until))
		;
	container_of(p, struct sum_part, ask)->index = r->o.index;
	s->total += r->o.index + 1;
	ran++;
}

static void all(struct ask *a)
{
	struct sum *s = container_of(a, struct sum, ask);

	s->all_in = pthread_self();
	ck_assert_uint_eq(s->total, node.nworkers * (node.nworkers + 1) / 2);
	answered++;
}

static const struct ask_kind kind = {
	.size = sizeof(struct sum), .part_size = sizeof(struct sum_part), .run = run, .all = all};

static struct sum *sum_new(void)
{
	struct ask *a = ask_new(&node, &kind);

	ck_assert_ptr_nonnull(a);
	struct sum *s = container_of(a, struct sum, ask);
	ck_assert_uint_eq(s->total, 0);
	return s;
}

static void setup(void)
{
	ran = answered = 0;
	node = (struct iscsi_node){.nworkers = REACTORS};
	node.workers = calloc(REACTORS, sizeof(*node.workers));
	ck_assert_ptr_nonnull(node.workers);
	for (unsigned i = 0; i < REACTORS; i++) {
		struct reactor_options o = {.index = i,
					    .cpu = -1,
					    .engine = "auto",
					    .max_conns = 1,
					    .conn_ops = &no_conns,
					    .conn_size = sizeof(struct conn)};
		ck_assert_int_eq(reactor_start(&node.workers[i].reactor, &o), 0);
	}
}

static void teardown(void)
{
	struct reactor *all_of[REACTORS];

	for (unsigned i = 0; i < REACTORS; i++)
		all_of[i] = &node.workers[i].reactor;
	reactors_stop(all_of, REACTORS);
	free(node.workers);
}

/* Each reactor answers once, in its own part; all() is over before the wait is. */
START_TEST(all_answer)
{
	setup();
	for (unsigned n = 1; n <= MANY; n++) {
		struct sum *s = sum_new();

		ask_post(&s->ask);
		ck_assert_int_eq(ask_wait(&s->ask, LONG_MS), 0);
		ck_assert_uint_eq(ran, n * REACTORS);
		ck_assert_uint_eq(answered, n);
		ck_assert_uint_eq(s->total, 6);
		for (unsigned i = 0; i < REACTORS; i++) {
			struct ask_part *p = ask_part(&s->ask, i);
			ck_assert_uint_eq(container_of(p, struct sum_part, ask)->index, i);
		}
		ask_leave(&s->ask);
	}
	teardown();
}
END_TEST

/* Who stops waiting leaves; the reactors answer all the same, and the last one frees it. */
START_TEST(too_late)
{
	sem_t until;

	setup();
	sem_init(&until, 0, 0);
	struct sum *s = sum_new(), *next = sum_new();
	s->until = &until;
	ask_post(&s->ask);
	ask_post(&next->ask);
	ck_assert_int_eq(ask_wait(&s->ask, 1), -ETIMEDOUT);
	ask_leave(&s->ask);
	ck_assert_int_eq(ask_wait(&next->ask, 0), -ETIMEDOUT);
	ck_assert_uint_eq(ran, 0);
	for (unsigned i = 0; i < REACTORS; i++)
		sem_post(&until);
	/* Questions of one caller are run in order: the first is over, or in its last step. */
	ck_assert_int_eq(ask_wait(&next->ask, LONG_MS), 0);
	ck_assert_uint_eq(ran, 2 * REACTORS);
	ask_leave(&next->ask);
	teardown();
	ck_assert_uint_eq(answered, 2);
	sem_destroy(&until);
}
END_TEST

START_TEST(at_home)
{
	setup();
	for (unsigned n = 0; n < MANY; n++) {
		struct reactor *home = &node.workers[n % REACTORS].reactor;
		struct sum *s = sum_new();

		s->ask.home = home;
		ask_post(&s->ask);
		ck_assert_int_eq(ask_wait(&s->ask, LONG_MS), 0);
		ck_assert(pthread_equal(s->all_in, home->thread));
		ask_leave(&s->ask);
	}
	ck_assert_uint_eq(answered, MANY);
	teardown();
}
END_TEST

/* Nobody waits, and the reactors end: none is lost. */
START_TEST(at_the_end)
{
	setup();
	for (unsigned n = 0; n < MANY; n++) {
		struct sum *s = sum_new();

		s->ask.home = n % 2 ? &node.workers[n % REACTORS].reactor : NULL;
		ask_post(&s->ask);
		ask_leave(&s->ask);
	}
	teardown();
	ck_assert_uint_eq(ran, MANY * REACTORS);
	ck_assert_uint_eq(answered, MANY);
}
END_TEST

START_TEST(no_reactors)
{
	node = (struct iscsi_node){.nworkers = 0};
	answered = 0;
	struct sum *s = sum_new();

	ask_post(&s->ask);
	ck_assert_uint_eq(answered, 1);
	ck_assert_int_eq(ask_wait(&s->ask, 0), 0);
	ask_leave(&s->ask);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("ask");
	TCase *tc = tcase_create("ask");

	tcase_add_test(tc, all_answer);
	tcase_add_test(tc, too_late);
	tcase_add_test(tc, at_home);
	tcase_add_test(tc, at_the_end);
	tcase_add_test(tc, no_reactors);
	suite_add_tcase(suite, tc);
	return test_main(suite);
}
