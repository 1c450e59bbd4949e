// SPDX-License-Identifier: MIT
/*
 * test_shortage.c - a pool that gets full, seen by initiators: told in time, new pages refused, all
 * else goes on, and space that is freed ends it.
 */
#include <string.h>

#include "lib/daemon.h"
#include "lib/rawinit.h"
#include "lib/test_main.h"
#include "memtgt/wire.h"

#define BLOCK	    512u
#define PAGE	    ((uint64_t)2 << 20)
#define PAGE_BLOCKS (PAGE / BLOCK)
#define PAGES	    20u /* of the pool; 16 are the soft threshold, and below 15 it is armed again */
#define SESSIONS    3u

#define THIN 0u
#define FULL 1u

#define GOOD	     0u
#define MEMORY_SHORT 0x063807u
#define NO_SPACE     0x072707u

static struct daemon d;
static struct raw s[SESSIONS];

static uint32_t outcome(const struct raw *r, uint8_t status)
{
	return status ? raw_sense(r) : GOOD;
}

/* Until no unit attention waits. */
static void be_ready(struct raw *r, unsigned lun)
{
	while (raw_test_unit_ready(r, lun))
		ck_assert_uint_eq(raw_sense(r) >> 16, 6);
}

static void start(void)
{
	daemon_start(&d,
		     "{ id = 0; size = \"1G\"; provisioning = \"thin\"; },"
		     "{ id = 1; size = \"4M\"; }",
		     "pool = { pages = \"plain\"; size = \"40M\"; };");
	for (unsigned i = 0; i < SESSIONS; i++) {
		raw_open(&s[i], d.port);
		raw_set_isid(&s[i], 0x5047 + i);
		ck_assert_uint_eq(raw_login(&s[i], DAEMON_TARGET, NULL), 0);
		be_ready(&s[i], THIN);
		be_ready(&s[i], FULL);
	}
}

static void stop(void)
{
	for (unsigned i = 0; i < SESSIONS; i++)
		raw_close(&s[i]);
	daemon_stop(&d);
}

/* A block of the page. */
static uint32_t put(struct raw *r, uint64_t page, uint8_t value)
{
	uint8_t block[BLOCK];

	memset(block, value, sizeof(block));
	return outcome(r, raw_write(r, THIN, page * PAGE_BLOCKS + page, block, BLOCK, BLOCK));
}

/* The first byte of it; the rest must be the same. */
static uint8_t get(struct raw *r, uint64_t page)
{
	uint8_t block[BLOCK];

	ck_assert_uint_eq(raw_read(r, THIN, page * PAGE_BLOCKS + page, block, BLOCK, BLOCK), 0);
	ck_assert(!memcmp(block, block + 1, BLOCK - 1));
	return block[0];
}

static void unmap(struct raw *r, uint64_t page, uint32_t pages)
{
	uint8_t cdb[16] = {0x42, [8] = 24}, list[24] = {0, 22, 0, 16};

	st64(list + 8, page * PAGE_BLOCKS);
	st32(list + 16, (uint32_t)(pages * PAGE_BLOCKS));
	union raw_bhs h = raw_command(r, ISCSI_FINAL | ISCSI_CMD_WRITE | ISCSI_ATTR_SIMPLE, cdb,
				      sizeof(list));
	ck_assert(raw_send(r, &h, list, sizeof(list)));
	raw_expect(r, ISCSI_OP_SCSI_RSP);
	ck_assert_uint_eq(r->bhs.rsp.status, 0);
}

/* LOG SENSE, page 0Ch: the count of that parameter. SBC-3 6.3.4 */
static uint32_t count(struct raw *r, unsigned lun, uint8_t parameter)
{
	uint8_t cdb[16] = {0x4d, 0, 0x0c, 0, 0, 0, parameter, 0, 28};
	union raw_bhs h = raw_command(r, ISCSI_FINAL | ISCSI_CMD_READ | ISCSI_ATTR_SIMPLE, cdb, 28);

	raw_set_lun(&h, lun);
	ck_assert(raw_send(r, &h, NULL, 0));
	raw_expect(r, ISCSI_OP_DATA_IN);
	uint32_t n = ld32(r->data + 8);
	if (!(r->bhs.in.flags & ISCSI_DATA_STATUS))
		raw_expect(r, ISCSI_OP_SCSI_RSP);
	return n;
}

/* It comes by another thread: until then commands are GOOD. Once, and only where memory may grow.
 */
static void expect_told(void)
{
	unsigned long long limit = test_now_ms() + DAEMON_PATIENCE_MS;

	for (unsigned i = 0; i < SESSIONS; i++) {
		uint32_t got;
		while (!(got = outcome(&s[i], raw_test_unit_ready(&s[i], THIN))))
			ck_assert_msg(test_now_ms() < limit, "session %u is not told", i);
		ck_assert_uint_eq(got, MEMORY_SHORT);
		ck_assert_uint_eq(raw_test_unit_ready(&s[i], THIN), 0);
		ck_assert_uint_eq(raw_test_unit_ready(&s[i], FULL), 0);
	}
}

static void expect_silence(void)
{
	test_sleep_ms(100); /* what would be told wrongly */
	for (unsigned i = 0; i < SESSIONS; i++)
		ck_assert_uint_eq(raw_test_unit_ready(&s[i], THIN), 0);
}

START_TEST(told_once_per_crossing)
{
	for (unsigned page = 0; page < 13; page++) /* the full LUN has two */
		ck_assert_uint_eq(put(&s[0], page, 1), GOOD);
	expect_silence();
	ck_assert_uint_eq(put(&s[0], 13, 1), GOOD);
	expect_told();
	ck_assert_uint_eq(put(&s[0], 14, 1), GOOD);
	expect_silence();
	unmap(&s[1], 12, 3);
	while (count(&s[1], THIN, 2) != 12)
		;
	expect_silence();
	for (unsigned page = 12; page < 14; page++)
		ck_assert_uint_eq(put(&s[0], page, 2), GOOD);
	expect_told();
}
END_TEST

START_TEST(full_and_free_again)
{
	uint64_t page = 0;
	uint32_t got;

	for (; page < 14; page++)
		ck_assert_uint_eq(put(&s[0], page, (uint8_t)(page + 1)), GOOD);
	expect_told(); /* on the way to the end: later it would come between */
	while (!(got = put(&s[0], page, (uint8_t)(page + 1))))
		page++;
	ck_assert_uint_eq(got, NO_SPACE);
	ck_assert_uint_eq(page, PAGES - 2);
	ck_assert_uint_eq(count(&s[1], THIN, 1), 0);
	ck_assert_uint_eq(count(&s[1], THIN, 2), PAGES - 2);
	ck_assert_uint_eq(count(&s[1], FULL, 2), 2);

	ck_assert_uint_eq(put(&s[1], 100, 1), NO_SPACE);
	ck_assert_uint_eq(put(&s[2], 5, 0xee), GOOD); /* there is a page */
	ck_assert_uint_eq(put(&s[2], 200, 0), GOOD);  /* zeroes need none */
	for (uint64_t i = 0; i < page; i++)
		ck_assert_uint_eq(get(&s[1], i), i == 5 ? 0xee : i + 1);
	ck_assert_uint_eq(get(&s[1], 100), 0);

	unmap(&s[2], 3, 2);
	ck_assert_uint_eq(put(&s[1], 100, 7), GOOD);
	ck_assert_uint_eq(put(&s[1], 101, 8), GOOD);
	ck_assert_uint_eq(put(&s[1], 102, 9), NO_SPACE);
	ck_assert_uint_eq(get(&s[0], 100), 7);
	ck_assert_uint_eq(get(&s[0], 3), 0);
	ck_assert_uint_eq(get(&s[0], 5), 0xee);
}
END_TEST

static Suite *suite(void)
{
	Suite *su = suite_create("shortage");
	TCase *t = tcase_create("shortage");

	tcase_set_timeout(t, 60);
	tcase_add_checked_fixture(t, start, stop);
	tcase_add_test(t, told_once_per_crossing);
	tcase_add_test(t, full_and_free_again);
	suite_add_tcase(su, t);
	return su;
}

int main(void)
{
	return test_main(suite());
}
