// SPDX-License-Identifier: MIT
/*
 * test_luns.c - LUNs that come, go and change: what sessions see, what is refused, who waits.
 *
 * The sessions are of real sockets; the changes are calls of luns/luns.h, which no client can make.
 * Run it under ThreadSanitizer as well.
 */
#include <check.h>
#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdlib.h>
#include <string.h>

#include "integration/luns_fixture.h"
#include "lib/test_main.h"
#include "store/store.h"

/* ---- one after the other ---- */

START_TEST(unit_attentions_of_two_sessions)
{
	struct raw r[2];

	for (int i = 0; i < 2; i++)
		raw_session(&r[i], in.port, NULL);
	ck_assert_int_eq(add(7, 16 * MIB, false), 0);
	for (int i = 0; i < 2; i++) {
		ck_assert_uint_eq(tur(&r[i], 0), LUNS_CHANGED);
		ck_assert_uint_eq(tur(&r[i], 0), GOOD);
		ck_assert_uint_eq(tur(&r[i], 7), POWER_ON);
		ck_assert_uint_eq(tur(&r[i], 7), GOOD);
	}
	ck_assert_int_eq(read_only(7, true), 0);
	ck_assert_int_eq(resize(7, 32 * MIB, false), 0);
	for (int i = 0; i < 2; i++) {
		ck_assert_uint_eq(tur(&r[i], 7), MODE_CHANGED);
		ck_assert_uint_eq(tur(&r[i], 7), SIZE_CHANGED);
		ck_assert_uint_eq(tur(&r[i], 7), GOOD);
		ck_assert_uint_eq(tur(&r[i], 0), GOOD);
	}
	ck_assert_int_eq(take(7), 0);
	for (int i = 0; i < 2; i++) {
		ck_assert_uint_eq(tur(&r[i], 7), NO_LU);
		ck_assert_uint_eq(tur(&r[i], 0), LUNS_CHANGED);
		raw_close(&r[i]);
	}
}
END_TEST

START_TEST(what_a_list_shows)
{
	struct luns_new full = {
		.id = LUNS_ANY_ID, .bytes = 4 * MIB, .is_full = true, .block_size = 4096};
	struct luns_info *all, made;
	struct raw r;
	size_t n;

	raw_session(&r, in.port, NULL);
	full.serial = "SER-1";
	ck_assert_int_eq(luns_add(&in.luns, DAEMON_TARGET, &full, &made, why, sizeof(why)), 0);
	ck_assert_uint_eq(made.id, 1);
	ck_assert_int_eq(read_only(1, true), 0);
	ck_assert_int_eq(luns_list(&in.luns, &all, &n), 0);
	ck_assert_uint_eq(n, 2);
	ck_assert_str_eq(all[1].target, DAEMON_TARGET);
	ck_assert_uint_eq(all[1].id, 1);
	ck_assert_uint_eq(all[1].bytes, 4 * MIB);
	ck_assert_uint_eq(all[1].block_size, 4096);
	ck_assert(!all[1].is_thin && all[1].is_read_only && !all[1].is_going);
	ck_assert_uint_eq(all[1].used, 4 * MIB);
	ck_assert_uint_eq(all[1].sessions, 1);
	ck_assert_str_eq(all[1].serial, "SER-1");
	ck_assert_uint_eq(strlen(all[1].naa), 16);
	ck_assert_int_eq(all[1].naa[0], '3');
	ck_assert(all[0].is_thin && !all[0].is_read_only);
	ck_assert_uint_eq(all[0].used, 0);
	ck_assert_str_ne(all[0].naa, all[1].naa);
	free(all);
	raw_close(&r);
}
END_TEST

/* Every refusal says what was wrong, and changes nothing. */
START_TEST(what_is_refused)
{
	/* clang-format off */
	const struct { struct luns_new how; int rc; const char *says; } t[] = {
		{ { .id = 0, .bytes = MIB },                        -EEXIST, "another id" },
		{ { .id = 256, .bytes = MIB },                      -EINVAL, "0 to 255" },
		{ { .id = 1, .bytes = 0 },                          -EINVAL, "multiples" },
		{ { .id = 1, .bytes = 512 + 1 },                    -EINVAL, "multiples" },
		{ { .id = 1, .bytes = 512, .block_size = 4096 },    -EINVAL, "multiples" },
		{ { .id = 1, .bytes = MIB, .block_size = 1024 },    -EINVAL, "512 and 4096" },
		{ { .id = 1, .bytes = MIB, .serial = "SER-0" },     -EINVAL, "multipath" },
		{ { .id = 1, .bytes = MIB, .serial = "123456789012345678901" }, -EINVAL, "20" },
		{ { .id = 1, .bytes = STORE_LUN_MAX + 512 },        -EINVAL, "64 TiB" },
		{ { .id = 1, .bytes = 256 * MIB, .is_full = true }, -ENOSPC, "pool.size" },
	};
	/* clang-format on */
	struct luns_new named = {.id = 9, .bytes = MIB, .serial = "SER-0"};
	struct luns_info *all;
	size_t n;

	ck_assert_int_eq(luns_add(&in.luns, DAEMON_TARGET, &named, NULL, why, sizeof(why)), 0);
	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		ck_assert_int_eq(
			luns_add(&in.luns, DAEMON_TARGET, &t[i].how, NULL, why, sizeof(why)),
			t[i].rc);
		ck_assert_msg(strstr(why, t[i].says), "\"%s\" does not say \"%s\"", why, t[i].says);
	}
	ck_assert_int_eq(luns_add(&in.luns, "iqn.2026-01.org:none", &named, NULL, why, sizeof(why)),
			 -ENOENT);
	ck_assert_ptr_nonnull(strstr(why, "no target"));
	ck_assert_int_eq(take(3), -ENOENT);
	ck_assert_ptr_nonnull(strstr(why, "no LUN 3"));
	ck_assert_int_eq(take(256), -ENOENT);
	ck_assert_int_eq(resize(3, MIB, false), -ENOENT);
	ck_assert_int_eq(read_only(3, true), -ENOENT);
	ck_assert_int_eq(resize(9, 0, true), -EINVAL);
	ck_assert_int_eq(resize(9, MIB + 1, true), -EINVAL);
	ck_assert_uint_eq(find(9).bytes, MIB);
	ck_assert_int_eq(luns_list(&in.luns, &all, &n), 0);
	ck_assert_uint_eq(n, 2);
	free(all);
}
END_TEST

/* An id that was another LUN for a session is free again when that is gone, or by force. */
START_TEST(an_id_that_was_another_lun)
{
	struct raw r;
	char before[17];

	ck_assert_int_eq(add(1, MIB, false), 0);
	memcpy(before, find(1).naa, sizeof(before));
	raw_session(&r, in.port, NULL);
	ck_assert_int_eq(take(1), 0);
	ck_assert_int_eq(add(1, MIB, false), -EBUSY);
	ck_assert_ptr_nonnull(strstr(why, "1 session that still runs"));
	ck_assert_int_eq(add(LUNS_ANY_ID, MIB, false), 0);
	ck_assert_uint_eq(find(2).bytes, MIB);
	ck_assert_int_eq(add(1, MIB, true), 0);
	ck_assert_str_ne(find(1).naa, before);
	ck_assert_uint_eq(tur(&r, 1), POWER_ON);
	ck_assert_int_eq(take(1), 0);
	raw_close(&r);
	for (int i = 0; find(0).sessions; i++) {
		ck_assert_int_lt(i, DAEMON_PATIENCE_MS);
		test_sleep_ms(1);
	}
	ck_assert_int_eq(add(1, MIB, false), 0);
}
END_TEST

/* Who made a change holds no memory back: what sessions unmap later returns to the host. */
START_TEST(memory_returns_after_a_change)
{
	uint8_t cdb[16] = {[0] = 0x42, [8] = 24}, list[24] = {[1] = 22, [3] = 16};
	uint8_t buf[BLOCK] = {1};
	struct raw r;

	raw_session(&r, in.port, NULL);
	ck_assert_int_eq(resize(0, 4 * MIB, false), 0);
	clear(&r, 0);
	for (int i = 0; i < 3; i++) {
		ck_assert_uint_eq(write_at(&r, 0, 0, buf, sizeof(buf)), GOOD);
		ck_assert_uint_eq(find(0).used, STORE_PAGE_SIZE);
		st32(list + 16, 4 * MIB / BLOCK);
		union raw_bhs h = raw_command(&r, ISCSI_FINAL | ISCSI_CMD_WRITE | ISCSI_ATTR_SIMPLE,
					      cdb, sizeof(list));
		ck_assert(raw_send(&r, &h, list, sizeof(list)));
		raw_expect(&r, ISCSI_OP_SCSI_RSP);
		ck_assert_uint_eq(r.bhs.rsp.status, 0);
		inside_check_pages(&in, 0);
	}
	raw_close(&r);
}
END_TEST

/* What one LUN gave up is there for the next, though its pages return a little later. */
START_TEST(room_that_was_just_made)
{
	struct luns_new full = {.id = 1, .bytes = 120 * MIB, .is_full = true, .force = true};

	for (int i = 0; i < 5; i++) {
		int rc = luns_add(&in.luns, DAEMON_TARGET, &full, NULL, why, sizeof(why));
		ck_assert_msg(!rc, "%s", why);
		ck_assert_int_eq(take(1), 0);
	}
	inside_check_pages(&in, 0);
}
END_TEST

START_TEST(after_the_end)
{
	luns_close(&in.luns);
	ck_assert_int_eq(add(1, MIB, false), -ESHUTDOWN);
	ck_assert_int_eq(take(0), -ESHUTDOWN);
	ck_assert_ptr_nonnull(strstr(why, "end"));
	ck_assert_uint_eq(find(0).bytes, 8 * MIB);
}
END_TEST

/* ---- several who change ---- */

static void *administrate(void *arg)
{
	unsigned seed = (unsigned)(uintptr_t)arg;
	char say[LUNS_WHY];

	for (unsigned i = 0; i < 40; i++) {
		struct luns_new how = {.id = LUNS_ANY_ID, .bytes = 4 * MIB, .force = true};
		struct luns_info made, *all;
		size_t n;

		ck_assert_int_eq(luns_add(&in.luns, DAEMON_TARGET, &how, &made, say, sizeof(say)),
				 0);
		ck_assert_int_eq(luns_set_read_only(&in.luns, DAEMON_TARGET, made.id,
						    rand_r(&seed) & 1, say, sizeof(say)),
				 0);
		ck_assert_int_eq(luns_resize(&in.luns, DAEMON_TARGET, made.id, 6 * MIB, false, say,
					     sizeof(say)),
				 0);
		ck_assert_int_eq(luns_list(&in.luns, &all, &n), 0);
		ck_assert(n >= 2 && n <= 4);
		free(all);
		ck_assert_int_eq(luns_remove(&in.luns, DAEMON_TARGET, made.id, say, sizeof(say)),
				 0);
	}
	return NULL;
}

START_TEST(administrators_take_turns)
{
	pthread_t thread[3];

	for (uintptr_t i = 0; i < 3; i++)
		ck_assert_int_eq(pthread_create(&thread[i], NULL, administrate, (void *)(i + 1)),
				 0);
	for (int i = 0; i < 3; i++)
		ck_assert_int_eq(pthread_join(thread[i], NULL), 0);
	inside_check_pages(&in, 0);
}
END_TEST

/* ---- a reactor that does not answer ---- */

struct stuck {
	struct reactor_msg msg; /* first */
	sem_t here, go;
};

static void wait_sem(sem_t *s)
{
	while (sem_wait(s) && errno == EINTR)
		;
}

static void stay(struct reactor *r, struct reactor_msg *m)
{
	struct stuck *s = container_of(m, struct stuck, msg);
	(void)r;

	sem_post(&s->here);
	wait_sem(&s->go);
}

static void stick(struct stuck *s)
{
	s->msg.run = stay;
	sem_init(&s->here, 0, 0);
	sem_init(&s->go, 0, 0);
	in.luns.limit_ms = 20;
	reactor_post(&in.node.workers[1].reactor, &s->msg);
	wait_sem(&s->here);
}

static void unstick(struct stuck *s)
{
	in.luns.limit_ms = DAEMON_PATIENCE_MS;
	sem_post(&s->go);
}

/* What a time-out leaves can be completed, and nothing is freed before. */
START_TEST(a_reactor_that_does_not_answer)
{
	struct stuck s;

	ck_assert_int_eq(add(1, 4 * MIB, false), 0);
	stick(&s);
	ck_assert_int_eq(resize(1, 2 * MIB, false), -ETIMEDOUT);
	ck_assert_ptr_nonnull(strstr(why, "nothing was changed"));
	ck_assert_uint_eq(find(1).bytes, 4 * MIB);
	ck_assert_int_eq(add(2, MIB, false), -ETIMEDOUT);
	ck_assert_int_eq(read_only(1, true), -ETIMEDOUT);
	ck_assert_ptr_nonnull(strstr(why, "may still land"));
	ck_assert(find(1).is_read_only);
	ck_assert_int_eq(take(1), -ETIMEDOUT);
	ck_assert_ptr_nonnull(strstr(why, "again"));
	ck_assert(find(1).is_going);
	ck_assert_int_eq(add(1, MIB, true), -EEXIST);
	ck_assert_int_eq(resize(1, 8 * MIB, false), -ENOENT);
	ck_assert_int_eq(read_only(1, false), -ENOENT);
	ck_assert_ptr_nonnull(strstr(why, "remove it again"));
	ck_assert_int_eq(take(1), -ETIMEDOUT);
	unstick(&s);
	ck_assert_int_eq(take(1), 0);
	ck_assert_int_eq(take(1), -ENOENT);
	ck_assert_int_eq(add(2, MIB, false), 0);
	sem_destroy(&s.go);
}
END_TEST

static void *add_slowly(void *arg)
{
	char say[LUNS_WHY];
	struct luns_new how = {.id = 1, .bytes = MIB};

	*(int *)arg = luns_add(&in.luns, DAEMON_TARGET, &how, NULL, say, sizeof(say));
	return NULL;
}

/* Who comes during a change waits for it, but not for ever. The list does not wait. */
START_TEST(a_change_that_takes_long)
{
	struct luns_info *all;
	struct stuck s;
	pthread_t thread;
	int rc = 1;
	size_t n;

	stick(&s);
	in.luns.limit_ms = DAEMON_PATIENCE_MS;
	ck_assert_int_eq(pthread_create(&thread, NULL, add_slowly, &rc), 0);
	/* It has told the reactors, and waits with the limit of before. */
	while (!atomic_load(&in.node.workers[1].reactor.mail))
		test_sleep_ms(1);
	in.luns.limit_ms = 20;
	ck_assert_int_eq(take(0), -EBUSY);
	ck_assert_ptr_nonnull(strstr(why, "another change"));
	ck_assert_int_eq(luns_list(&in.luns, &all, &n), 0);
	ck_assert_uint_eq(n, 1);
	free(all);
	unstick(&s);
	ck_assert_int_eq(pthread_join(thread, NULL), 0);
	ck_assert_int_eq(rc, 0);
	ck_assert_int_eq(take(0), 0);
	sem_destroy(&s.go);
}
END_TEST

static void *unstick_later(void *arg)
{
	test_sleep_ms(50);
	unstick(arg);
	return NULL;
}

/* When luns_close() returns nobody tells the reactors anything any more. */
START_TEST(the_end_waits_for_a_change)
{
	struct stuck s;
	pthread_t thread[2];
	int rc = 1;

	stick(&s);
	in.luns.limit_ms = DAEMON_PATIENCE_MS;
	ck_assert_int_eq(pthread_create(&thread[0], NULL, add_slowly, &rc), 0);
	while (!atomic_load(&in.node.workers[1].reactor.mail))
		test_sleep_ms(1);
	ck_assert_int_eq(pthread_create(&thread[1], NULL, unstick_later, &s), 0);
	luns_close(&in.luns);
	pthread_mutex_lock(&in.luns.lock);
	ck_assert(!in.luns.is_busy);
	pthread_mutex_unlock(&in.luns.lock);
	for (int i = 0; i < 2; i++)
		ck_assert_int_eq(pthread_join(thread[i], NULL), 0);
	ck_assert_int_eq(rc, 0);
	sem_destroy(&s.go);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("luns");
	TCase *t = tcase_create("luns");

	tcase_set_timeout(t, 240);
	tcase_add_checked_fixture(t, start, stop);
	tcase_add_test(t, unit_attentions_of_two_sessions);
	tcase_add_test(t, what_a_list_shows);
	tcase_add_test(t, what_is_refused);
	tcase_add_test(t, an_id_that_was_another_lun);
	tcase_add_test(t, memory_returns_after_a_change);
	tcase_add_test(t, room_that_was_just_made);
	tcase_add_test(t, after_the_end);
	tcase_add_test(t, administrators_take_turns);
	tcase_add_test(t, a_reactor_that_does_not_answer);
	tcase_add_test(t, a_change_that_takes_long);
	tcase_add_test(t, the_end_waits_for_a_change);
	suite_add_tcase(s, t);
	return s;
}

int main(void)
{
	return test_main(suite());
}
