// SPDX-License-Identifier: MIT
/*
 * test_poison.c - memory of a LUN fails, as initiators and an export see it: through real sockets,
 * since the kernel sends READ data from where it lies, and is the one who finds it gone.
 */
#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "integration/luns_fixture.h"
#include "lib/logged.h"
#include "lib/lose.h"
#include "lib/test_main.h"
#include "luns/transfer.h"
#include "memtgt/wire.h"
#include "store/store.h"

#define READ_ERROR  0x031100u
#define WRITE_ERROR 0x030c00u
#define MISCOMPARE  0x0e1d00u

#define PAGE	    ((uint64_t)STORE_PAGE_SIZE)
#define PAGE_BLOCKS ((uint32_t)(PAGE / BLOCK))
#define UNIT_BLOCKS (4096u / BLOCK)
#define LOST	    (5u * UNIT_BLOCKS) /* the first block that fails, in the first page */
#define ALL	    ((uint32_t)(256 * 1024))
#define DIGESTS	    "HeaderDigest=CRC32C\nDataDigest=CRC32C\n"

static uint8_t bytes[2 << 20], back[2 << 20], ones[4096];

/* LUN 0 has two pages of a pattern, in the first of which memory fails. False: not here. */
static bool begin(struct raw *r, const char *keys)
{
	const struct store_lun *l = in.luns.owned[0].lu[0]->store;
	const char *missing;
	size_t have;

	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (uint8_t)(i / BLOCK * 7 + i % 251 + 1);
	memset(ones, 1, sizeof(ones));
	raw_session(r, in.port, keys);
	for (uint32_t at = 0; at < 2 * PAGE; at += ALL)
		ck_assert_uint_eq(write_at(r, 0, at / BLOCK, bytes + at % PAGE, ALL), GOOD);
	void *at = (void *)(uintptr_t)store_at(l, (uint64_t)LOST * BLOCK, 1, &have);
	if (lose(at, 4096, &missing))
		return true;
	test_skip("memory cannot be made to fail: %s", missing);
	raw_close(r);
	return false;
}

static void again(struct raw *r, const char *keys)
{
	raw_close(r);
	raw_session(r, in.port, keys);
}

static uint32_t info(const struct raw *r)
{
	ck_assert_uint_ge(r->len, 2 + 18);
	ck_assert_uint_eq(r->data[2], 0xf0); /* fixed format, and INFORMATION is valid */
	return ld32(r->data + 2 + 3);
}

/* A READ that covers what is lost: MEDIUM ERROR, and where; what lies before it came whole. */
static void expect_lost(struct raw *r)
{
	memset(back, 0, ALL);
	ck_assert_uint_eq(read_at(r, 0, 0, back, ALL), READ_ERROR);
	ck_assert_uint_eq(info(r), LOST);
	ck_assert_uint_eq(read_at(r, 0, LOST + UNIT_BLOCKS - 1, back, 2 * BLOCK), READ_ERROR);
	ck_assert_uint_eq(info(r), LOST + UNIT_BLOCKS - 1);
}

/* All else is there. */
static void expect_rest(struct raw *r)
{
	const uint32_t behind = LOST + UNIT_BLOCKS;

	ck_assert_uint_eq(read_at(r, 0, 0, back, LOST * BLOCK), GOOD);
	ck_assert_mem_eq(back, bytes, LOST * BLOCK);
	ck_assert_uint_eq(read_at(r, 0, behind, back, ALL), GOOD);
	ck_assert_mem_eq(back, bytes + behind * BLOCK, ALL);
	ck_assert_uint_eq(read_at(r, 0, PAGE_BLOCKS, back, ALL), GOOD);
	ck_assert_mem_eq(back, bytes, ALL);
}

static struct store_stats stats(void)
{
	struct store_stats st;

	store_get_stats(in.store, &st);
	return st;
}

static uint64_t counted(enum counter which)
{
	uint64_t sum[COUNTERS];

	iscsi_node_counters(&in.node, sum);
	return sum[which];
}

/* A command with a list or data, which goes with it. */
static uint32_t command(struct raw *r, const uint8_t cdb[static 16], const void *p, uint32_t n)
{
	union raw_bhs h = raw_command(
		r, (uint8_t)(ISCSI_FINAL | ISCSI_ATTR_SIMPLE | (n ? ISCSI_CMD_WRITE : 0)), cdb, n);

	ck_assert(raw_send(r, &h, p, n));
	raw_expect(r, ISCSI_OP_SCSI_RSP);
	return outcome(r, r->bhs.rsp.status);
}

static uint32_t unmap(struct raw *r, uint64_t lba, uint32_t blocks)
{
	uint8_t cdb[16] = {0x42}, list[24] = {0};

	st16(cdb + 7, sizeof(list));
	st16(list, sizeof(list) - 2);
	st16(list + 2, 16);
	st64(list + 8, lba);
	st32(list + 16, blocks);
	return command(r, cdb, list, sizeof(list));
}

static uint32_t verify(struct raw *r, uint8_t bytchk, uint32_t lba, uint16_t blocks, const void *p)
{
	uint8_t cdb[16] = {0x2f, (uint8_t)(bytchk << 1)};

	st32(cdb + 2, lba);
	st16(cdb + 7, blocks);
	return command(r, cdb, p, p ? blocks * BLOCK : 0);
}

/* It is looked at after the connection has ended. */
static void wait_known(unsigned pages)
{
	const unsigned long long limit = test_now_ms() + DAEMON_PATIENCE_MS;

	while (stats().pages_poisoned != pages) {
		ck_assert_msg(test_now_ms() < limit, "the loss is not known");
		test_sleep_ms(1);
	}
}

/* The kernel meets it first, when GOOD is under way: the connection ends before that gets there,
 * and who comes again is told. */
START_TEST(reads)
{
	struct raw r;
	uint8_t cdb[16];

	if (!begin(&r, NULL))
		return;
	raw_cdb_rw16(cdb, 0x88, 0, ALL / BLOCK);
	union raw_bhs h =
		raw_command(&r, ISCSI_FINAL | ISCSI_CMD_READ | ISCSI_ATTR_SIMPLE, cdb, ALL);
	ck_assert(raw_send(&r, &h, NULL, 0));
	raw_expect_closed(&r);
	ck_assert_uint_eq(counted(COUNT_ENDED_ERROR), 1);
	wait_known(1);
	ck_assert_uint_eq(counted(COUNT_MEDIUM_ERRORS), 0);
	log_catch();
	again(&r, NULL);
	expect_lost(&r);
	expect_rest(&r);
	expect_lost(&r);
	ck_assert_uint_eq(counted(COUNT_MEDIUM_ERRORS), 4);
	const char *text = logged();
	const char *line = strstr(text, DAEMON_TARGET " LUN 0: memory of this host failed");
	ck_assert_msg(line != NULL, "the log says: %s", text);
	ck_assert_ptr_nonnull(strstr(line, "blocks 0 to 4095 "));
	ck_assert_ptr_null(strstr(strchr(line, '\n'), "memory of this host failed"));
	log_release();
	raw_ping(&r);
	raw_close(&r);
}
END_TEST

/* Under DataDigest we meet it ourselves, before anything is said: the command fails, and no more.
 */
START_TEST(reads_with_digests)
{
	struct raw r;

	if (!begin(&r, DIGESTS))
		return;
	for (int i = 0; i < 2; i++) {
		expect_lost(&r);
		expect_rest(&r);
	}
	raw_ping(&r);
	ck_assert_uint_eq(counted(COUNT_ENDED_ERROR), 0);
	ck_assert_uint_eq(stats().pages_poisoned, 1);
	raw_close(&r);
}
END_TEST

START_TEST(verifies)
{
	struct raw r;

	if (!begin(&r, NULL))
		return;
	/* Nobody looks, so nobody knows; then who compares does. */
	ck_assert_uint_eq(verify(&r, 0, LOST, 1, NULL), GOOD);
	ck_assert_uint_eq(verify(&r, 1, LOST - 1, 8, bytes + (LOST - 1) * BLOCK), READ_ERROR);
	ck_assert_uint_eq(info(&r), LOST);
	ck_assert_uint_eq(verify(&r, 0, LOST, 1, NULL), READ_ERROR);
	ck_assert_uint_eq(info(&r), LOST);
	ck_assert_uint_eq(verify(&r, 0, 0, LOST, NULL), GOOD);
	ck_assert_uint_eq(verify(&r, 1, 8, 8, bytes + 8 * BLOCK), GOOD);
	ck_assert_uint_eq(verify(&r, 1, 8, 8, bytes), MISCOMPARE);
	raw_close(&r);
}
END_TEST

/* What is written around it is; it heals with all that the LUN has of the page. */
START_TEST(writes)
{
	struct raw r;

	if (!begin(&r, NULL))
		return;
	ck_assert_uint_eq(write_at(&r, 0, LOST - 1, ones, 8 * BLOCK), WRITE_ERROR);
	ck_assert_uint_eq(info(&r), LOST);
	ck_assert_uint_eq(write_at(&r, 0, LOST + UNIT_BLOCKS, ones, BLOCK), GOOD);
	ck_assert_uint_eq(unmap(&r, LOST, 1), WRITE_ERROR);
	expect_lost(&r);
	ck_assert_uint_eq(read_at(&r, 0, LOST + UNIT_BLOCKS, back, 2 * BLOCK), GOOD);
	ck_assert_mem_eq(back, ones, BLOCK);
	ck_assert_mem_eq(back + BLOCK, bytes + (LOST + UNIT_BLOCKS + 1) * BLOCK, BLOCK);
	/* WRITE SAME of all of the page. */
	uint8_t cdb[16] = {0x93};
	st32(cdb + 10, PAGE_BLOCKS);
	ck_assert_uint_eq(command(&r, cdb, ones, BLOCK), GOOD);
	for (uint32_t lba = 0; lba < PAGE_BLOCKS; lba += 8) {
		ck_assert_uint_eq(read_at(&r, 0, lba, back, 8 * BLOCK), GOOD);
		ck_assert_mem_eq(back, ones, 8 * BLOCK);
	}
	raw_close(&r);
	inside_check_pages(&in, 2);
	ck_assert_uint_eq(stats().pages_aside, 1);
}
END_TEST

START_TEST(unmaps)
{
	struct raw r;

	if (!begin(&r, DIGESTS))
		return;
	expect_lost(&r);
	ck_assert_uint_eq(unmap(&r, 0, PAGE_BLOCKS), GOOD);
	ck_assert_uint_eq(read_at(&r, 0, 0, back, ALL), GOOD);
	for (uint32_t i = 0; i < ALL; i++)
		ck_assert_uint_eq(back[i], 0);
	for (uint32_t at = 0; at < PAGE; at += ALL)
		ck_assert_uint_eq(write_at(&r, 0, at / BLOCK, bytes + at, ALL), GOOD);
	ck_assert_uint_eq(read_at(&r, 0, 0, back, ALL), GOOD);
	ck_assert_mem_eq(back, bytes, ALL);
	raw_close(&r);
	inside_check_pages(&in, 2);
	ck_assert_uint_eq(stats().pages_aside, 1);
}
END_TEST

static int transfer(enum luns_use use, bool force, uint64_t off, uint64_t *n)
{
	struct luns_transfer t;
	bool is_hole = false;
	int rc = luns_transfer_begin(&in.luns, DAEMON_TARGET, 0, use, force, &t, why, sizeof(why));

	ck_assert_msg(!rc, "%s", why);
	do
		rc = use == LUNS_EXPORT ? luns_transfer_read(&t, off, back, PAGE, n, &is_hole, why,
							     sizeof(why))
					: luns_transfer_clear(&t, off, BLOCK, n, why, sizeof(why));
	while (rc == -EAGAIN);
	ck_assert(!is_hole);
	luns_transfer_end(&t);
	return rc;
}

START_TEST(exports)
{
	const uint64_t at = (uint64_t)LOST * BLOCK;
	struct raw r;
	uint64_t n;

	if (!begin(&r, NULL))
		return;
	raw_close(&r);
	ck_assert_int_eq(read_only(0, true), 0);
	for (int i = 0; i < 2; i++) {
		ck_assert_int_eq(transfer(LUNS_EXPORT, false, 0, &n), -EIO);
		ck_assert_ptr_nonnull(strstr(why, "use force"));
	}
	ck_assert_int_eq(transfer(LUNS_EXPORT, true, 0, &n), 0);
	ck_assert_uint_eq(n, PAGE);
	ck_assert_mem_eq(back, bytes, at);
	for (uint64_t i = at; i < at + 4096; i++)
		ck_assert_uint_eq(back[i], 0);
	ck_assert_mem_eq(back + at + 4096, bytes + at + 4096, PAGE - at - 4096);
	ck_assert_int_eq(read_only(0, false), 0);
	ck_assert_int_eq(transfer(LUNS_IMPORT, true, at, &n), -EIO);
	ck_assert_ptr_nonnull(strstr(why, "failed"));
}
END_TEST

/* Others, of the same LUN and on other threads, go on. */
START_TEST(neighbours)
{
	struct raw r, others[3];

	if (!begin(&r, NULL))
		return;
	for (int i = 0; i < 3; i++) {
		raw_session(&others[i], in.port, NULL);
		ck_assert_uint_eq(read_at(&others[i], 0, PAGE_BLOCKS, back, ALL), GOOD);
	}
	ck_assert_uint_eq(write_at(&r, 0, LOST, ones, BLOCK), WRITE_ERROR);
	for (int i = 0; i < 3; i++) {
		expect_lost(&others[i]);
		expect_rest(&others[i]);
		raw_close(&others[i]);
	}
	raw_close(&r);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("poison");
	TCase *tc = tcase_create("poison");

	tcase_set_timeout(tc, 60);
	tcase_add_checked_fixture(tc, start, stop);
	tcase_add_test(tc, reads);
	tcase_add_test(tc, reads_with_digests);
	tcase_add_test(tc, verifies);
	tcase_add_test(tc, writes);
	tcase_add_test(tc, unmaps);
	tcase_add_test(tc, exports);
	tcase_add_test(tc, neighbours);
	suite_add_tcase(s, tc);
	return test_main(s);
}
