// SPDX-License-Identifier: MIT
/*
 * test_transfer.c - pieces of a LUN while its sessions and its operator do something: what ends a
 * transfer, what it is refused for, who waits for whom. Run it under ThreadSanitizer as well.
 */
#include "luns/transfer.h"

#include <check.h>
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "integration/luns_fixture.h"
#include "lib/test_main.h"
#include "store/store.h"

#define PIECE ((size_t)1 << 20)

static uint8_t bytes[PIECE], back[PIECE];

static int begin(unsigned id, enum luns_use use, bool force, struct luns_transfer *t)
{
	return luns_transfer_begin(&in.luns, DAEMON_TARGET, id, use, force, t, why, sizeof(why));
}

static void must_begin(unsigned id, enum luns_use use, bool force, struct luns_transfer *t)
{
	int rc = begin(id, use, force, t);

	ck_assert_msg(!rc, "%d: %s", rc, why);
}

static void says(const char *text)
{
	ck_assert_msg(strstr(why, text) != NULL, "no \"%s\" in: %s", text, why);
}

static int read_piece(struct luns_transfer *t, uint64_t off, uint64_t *n, bool *is_hole)
{
	int rc;

	while ((rc = luns_transfer_read(t, off, back, PIECE, n, is_hole, why, sizeof(why))) ==
	       -EAGAIN)
		;
	return rc;
}

static int try_read(struct luns_transfer *t)
{
	uint64_t n;
	bool is_hole;

	return read_piece(t, 0, &n, &is_hole);
}

static int write_piece(struct luns_transfer *t, uint64_t off, const void *p, size_t len)
{
	const uint8_t *from = p;
	size_t n;
	int rc = 0;

	for (size_t done = 0; done < len && (!rc || rc == -EAGAIN); done += n)
		rc = luns_transfer_write(t, off + done, from + done, len - done, &n, why,
					 sizeof(why));
	return rc;
}

static int clear_all(struct luns_transfer *t, uint64_t off, uint64_t end)
{
	uint64_t n;
	int rc = 0;

	for (; off < end && (!rc || rc == -EAGAIN); off += n)
		rc = luns_transfer_clear(t, off, end - off, &n, why, sizeof(why));
	return rc;
}

static int check(struct luns_transfer *t)
{
	int rc;

	while ((rc = luns_transfer_check(t, why, sizeof(why))) == -EAGAIN)
		;
	return rc;
}

/* ---- pieces ---- */

START_TEST(what_was_written_is_read)
{
	struct luns_transfer t, e;
	uint64_t n;
	bool is_hole;

	memset(bytes, 0x5a, sizeof(bytes));
	must_begin(0, LUNS_IMPORT, false, &t);
	ck_assert_uint_eq(t.bytes, 8 * MIB);
	ck_assert_uint_eq(t.block_bytes, BLOCK);
	ck_assert_int_eq(write_piece(&t, 3 * MIB, bytes, PIECE), 0);
	luns_transfer_end(&t);
	must_begin(0, LUNS_EXPORT, false, &e);
	ck_assert_int_eq(read_piece(&e, 0, &n, &is_hole), 0);
	ck_assert(is_hole);
	ck_assert_uint_eq(n, 2 * MIB);
	ck_assert_int_eq(read_piece(&e, 3 * MIB, &n, &is_hole), 0);
	ck_assert(!is_hole);
	ck_assert_uint_eq(n, PIECE);
	ck_assert_mem_eq(back, bytes, PIECE);
	ck_assert_int_eq(read_piece(&e, 4 * MIB, &n, &is_hole), 0);
	ck_assert(is_hole);
	ck_assert_uint_eq(n, 4 * MIB);
	ck_assert_int_eq(check(&e), 0);
	luns_transfer_end(&e);
	inside_check_pages(&in, 1);
	must_begin(0, LUNS_IMPORT, false, &t);
	ck_assert_int_eq(clear_all(&t, 0, 8 * MIB), 0);
	luns_transfer_end(&t);
	inside_check_pages(&in, 0);
}
END_TEST

/* The pool ends before the LUN does. */
START_TEST(no_memory)
{
	struct luns_transfer t;
	uint64_t off = 0;
	int rc = 0;

	memset(bytes, 1, sizeof(bytes));
	ck_assert_int_eq(add(5, 256 * MIB, false), 0);
	must_begin(5, LUNS_IMPORT, false, &t);
	for (; off < 256 * MIB && !rc; off += PIECE)
		rc = write_piece(&t, off, bytes, PIECE);
	ck_assert_int_eq(rc, -ENOSPC);
	says("no memory is left for LUN 5");
	ck_assert_uint_gt(off, 64 * MIB);
	luns_transfer_end(&t);
	ck_assert_int_eq(take(5), 0);
}
END_TEST

/* ---- what it rests on ---- */

START_TEST(a_session_that_may_write)
{
	struct luns_transfer t;
	struct raw r;

	raw_session(&r, in.port, NULL);
	for (int use = LUNS_EXPORT; use <= LUNS_IMPORT; use++) {
		ck_assert_int_eq(begin(0, (enum luns_use)use, false, &t), -EBUSY);
		says("1 session with its target may write");
		must_begin(0, (enum luns_use)use, true, &t);
		ck_assert_int_eq(try_read(&t), 0);
		luns_transfer_end(&t);
	}
	ck_assert_int_eq(read_only(0, true), 0);
	must_begin(0, LUNS_EXPORT, false, &t);
	ck_assert_int_eq(try_read(&t), 0);
	ck_assert_int_eq(check(&t), 0);
	luns_transfer_end(&t);
	raw_close(&r);
}
END_TEST

/* Also if it is gone again: what it wrote is not. */
START_TEST(a_login_meanwhile)
{
	struct luns_transfer t, forced;
	struct raw r;

	must_begin(0, LUNS_EXPORT, false, &t);
	must_begin(0, LUNS_EXPORT, true, &forced);
	ck_assert_int_eq(try_read(&t), 0);
	raw_session(&r, in.port, NULL);
	raw_close(&r);
	while (find(0).sessions)
		test_sleep_ms(1);
	ck_assert_int_eq(try_read(&t), -ECANCELED);
	says("logged in meanwhile");
	ck_assert_int_eq(check(&t), -ECANCELED);
	ck_assert_int_eq(try_read(&forced), 0);
	luns_transfer_end(&t);
	luns_transfer_end(&forced);
	must_begin(0, LUNS_EXPORT, false, &t);
	ck_assert_int_eq(check(&t), 0);
	luns_transfer_end(&t);
}
END_TEST

/* One that cannot write does no harm. */
START_TEST(a_login_to_what_is_read_only)
{
	struct luns_transfer t;
	struct raw r;

	ck_assert_int_eq(read_only(0, true), 0);
	must_begin(0, LUNS_EXPORT, false, &t);
	raw_session(&r, in.port, NULL);
	ck_assert_int_eq(try_read(&t), 0);
	ck_assert_int_eq(check(&t), 0);
	luns_transfer_end(&t);
	raw_close(&r);
}
END_TEST

/* Also if it is read-only again when the next piece is asked for. */
START_TEST(writable_meanwhile)
{
	struct luns_transfer t, alone;

	must_begin(0, LUNS_EXPORT, false, &alone);
	ck_assert_int_eq(read_only(0, true), 0);
	must_begin(0, LUNS_EXPORT, false, &t);
	ck_assert_int_eq(read_only(0, false), 0);
	ck_assert_int_eq(read_only(0, true), 0);
	ck_assert_int_eq(try_read(&t), -ECANCELED);
	says("was made writable");
	ck_assert_int_eq(try_read(&alone), 0); /* nobody was there to write */
	luns_transfer_end(&t);
	luns_transfer_end(&alone);
}
END_TEST

/* ---- changes ---- */

START_TEST(removed_meanwhile)
{
	struct luns_transfer t, other;

	ck_assert_int_eq(add(5, 8 * MIB, false), 0);
	must_begin(5, LUNS_EXPORT, true, &t);
	must_begin(0, LUNS_EXPORT, false, &other);
	ck_assert_int_eq(take(5), 0);
	ck_assert_int_eq(try_read(&t), -ECANCELED);
	says("LUN 5 was removed meanwhile");
	/* Another of that number is another. */
	ck_assert_int_eq(add(5, 8 * MIB, true), 0);
	ck_assert_int_eq(try_read(&t), -ECANCELED);
	ck_assert_int_eq(write_piece(&t, 0, bytes, BLOCK), -ECANCELED);
	ck_assert_int_eq(clear_all(&t, 0, BLOCK), -ECANCELED);
	ck_assert_int_eq(try_read(&other), 0);
	luns_transfer_end(&t);
	luns_transfer_end(&other);
	ck_assert_int_eq(take(5), 0);
}
END_TEST

START_TEST(resized_meanwhile)
{
	static const uint64_t sizes[] = {4 * MIB, 16 * MIB};

	for (size_t i = 0; i < 2; i++) {
		struct luns_transfer t;
		ck_assert_int_eq(resize(0, 8 * MIB, false), 0);
		must_begin(0, LUNS_EXPORT, true, &t);
		ck_assert_int_eq(resize(0, 8 * MIB, false), 0); /* no other size */
		ck_assert_int_eq(resize(0, 1, false), -EINVAL);
		ck_assert_int_eq(try_read(&t), 0);
		ck_assert_int_eq(resize(0, sizes[i], false), 0);
		ck_assert_int_eq(try_read(&t), -ECANCELED);
		says("was resized");
		luns_transfer_end(&t);
	}
}
END_TEST

START_TEST(an_import_is_alone)
{
	struct luns_transfer a, b, c;

	ck_assert_int_eq(add(5, 8 * MIB, false), 0);
	must_begin(0, LUNS_EXPORT, false, &a);
	must_begin(0, LUNS_EXPORT, false, &b);
	ck_assert_int_eq(begin(0, LUNS_IMPORT, true, &c), -EBUSY);
	says("being imported or exported");
	must_begin(5, LUNS_IMPORT, false, &c);
	luns_transfer_end(&c);
	luns_transfer_end(&a);
	ck_assert_int_eq(begin(0, LUNS_IMPORT, true, &c), -EBUSY);
	luns_transfer_end(&b);
	must_begin(0, LUNS_IMPORT, false, &c);
	ck_assert_int_eq(begin(0, LUNS_IMPORT, true, &a), -EBUSY);
	ck_assert_int_eq(begin(0, LUNS_EXPORT, true, &a), -EBUSY);
	luns_transfer_end(&c);
	must_begin(0, LUNS_EXPORT, false, &a);
	luns_transfer_end(&a);
	ck_assert_int_eq(take(5), 0);
}
END_TEST

START_TEST(no_such)
{
	struct luns_transfer t;

	ck_assert_int_eq(begin(3, LUNS_EXPORT, true, &t), -ENOENT);
	ck_assert_int_eq(begin(256, LUNS_EXPORT, true, &t), -ENOENT);
	ck_assert_int_eq(luns_transfer_begin(&in.luns, "iqn.2026-01.org:none", 0, LUNS_EXPORT, true,
					     &t, why, sizeof(why)),
			 -ENOENT);
}
END_TEST

START_TEST(after_the_end)
{
	struct luns_transfer t, u;

	must_begin(0, LUNS_EXPORT, false, &t);
	luns_close(&in.luns);
	ck_assert_int_eq(try_read(&t), -ESHUTDOWN);
	ck_assert_int_eq(check(&t), -ESHUTDOWN);
	ck_assert_int_eq(begin(0, LUNS_EXPORT, false, &u), -ESHUTDOWN);
	luns_transfer_end(&t);
}
END_TEST

/* ---- at one time ---- */

static _Atomic bool is_over;
static _Atomic unsigned pieces;

static void *read_on(void *arg)
{
	struct luns_transfer *t = arg;
	uint64_t n;
	bool is_hole;
	uint8_t *p = malloc(PIECE);
	char no[LUNS_WHY];

	while (!is_over) {
		int rc = luns_transfer_read(t, 2 * MIB, p, PIECE, &n, &is_hole, no, sizeof(no));
		ck_assert(!rc || rc == -EAGAIN);
		pieces += !rc;
	}
	free(p);
	return NULL;
}

/* Changes come to their turn, though four read without pause; and so do sessions. */
START_TEST(beside_changes)
{
	struct luns_transfer t[4];
	pthread_t thread[4];
	struct raw r;

	is_over = false;
	pieces = 0;
	memset(bytes, 7, sizeof(bytes));
	must_begin(0, LUNS_IMPORT, false, &t[0]);
	ck_assert_int_eq(write_piece(&t[0], 2 * MIB, bytes, PIECE), 0);
	luns_transfer_end(&t[0]);
	raw_session(&r, in.port, NULL);
	for (int i = 0; i < 4; i++) {
		must_begin(0, LUNS_EXPORT, true, &t[i]);
		ck_assert_int_eq(pthread_create(&thread[i], NULL, read_on, &t[i]), 0);
	}
	for (unsigned i = 0; i < 50; i++) {
		ck_assert_int_eq(add(9, 4 * MIB, true), 0);
		clear(&r, 9);
		ck_assert_uint_eq(write_at(&r, 9, 0, bytes, 4096), GOOD);
		ck_assert_int_eq(take(9), 0);
	}
	while (pieces < 100)
		test_sleep_ms(1);
	is_over = true;
	for (int i = 0; i < 4; i++) {
		ck_assert_int_eq(pthread_join(thread[i], NULL), 0);
		luns_transfer_end(&t[i]);
	}
	raw_close(&r);
	inside_check_pages(&in, 1);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("transfer");
	TCase *t = tcase_create("transfer");

	tcase_set_timeout(t, 120);
	tcase_add_checked_fixture(t, start, stop);
	tcase_add_test(t, what_was_written_is_read);
	tcase_add_test(t, no_memory);
	tcase_add_test(t, a_session_that_may_write);
	tcase_add_test(t, a_login_meanwhile);
	tcase_add_test(t, a_login_to_what_is_read_only);
	tcase_add_test(t, writable_meanwhile);
	tcase_add_test(t, removed_meanwhile);
	tcase_add_test(t, resized_meanwhile);
	tcase_add_test(t, an_import_is_alone);
	tcase_add_test(t, no_such);
	tcase_add_test(t, after_the_end);
	tcase_add_test(t, beside_changes);
	suite_add_tcase(s, t);
	return test_main(s);
}
