// SPDX-License-Identifier: MIT
/*
 * test_slices.c - commands over gigabytes on a LUN of 16 TiB, and the sessions beside them on the
 * same reactor: long commands run in slices, so that others are served meanwhile.
 *
 * MEMTGT_SLICES_PAGES: pages of the LUN that have memory, every second one; default 64. With
 * MEMTGT_P99_MS=N the waits are judged, not only printed.
 */
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "lib/daemon.h"
#include "lib/neighbour.h"
#include "lib/rawinit.h"
#include "lib/test_main.h"
#include "lib/watch.h"
#include "memtgt/wire.h"

#define BLOCK	    512u
#define PAGE	    ((uint64_t)2 << 20)
#define PAGE_BLOCKS (PAGE / BLOCK)
#define LUN	    1u
#define LUN_BLOCKS  (((uint64_t)16 << 40) / BLOCK)
#define DESCRIPTORS 256u /* of one UNMAP */
#define SAMPLES	    200000u

static struct daemon d;
static struct neighbour neighbour;
static struct raw worker, pinger;
static unsigned pages;
static uint32_t us[SAMPLES];

static void start(void)
{
	const char *wish = getenv("MEMTGT_SLICES_PAGES");

	pages = wish ? (unsigned)strtoul(wish, NULL, 10) : 64;
	daemon_start(&d,
		     "{ id = 0; size = \"16M\"; },"
		     "{ id = 1; size = \"16T\"; provisioning = \"thin\"; }",
		     /* TSan of gcc 14 has no room for a pool of 16 TiB. */
		     "reactor = { count = 1; }; pool = { pages = \"plain\"; size = \"64G\"; };");
	neighbour_start(&neighbour, d.port, 0);
	raw_session(&pinger, d.port, NULL);
	raw_session(&worker, d.port, NULL);
	raw_test_unit_ready(&worker, LUN);
	raw_test_unit_ready(&pinger, LUN);
}

static void stop(void)
{
	neighbour_wait(&neighbour, 100);
	neighbour_stop(&neighbour);
	raw_close(&worker);
	raw_close(&pinger);
	daemon_stop(&d);
}

/* A block in the first half and one in the second half of every second page. */
static void map_pages(void)
{
	uint8_t block[BLOCK];

	memset(block, 0x5a, sizeof(block));
	for (unsigned i = 0; i < pages; i++) {
		uint64_t lba = 2 * i * PAGE_BLOCKS;
		ck_assert_uint_eq(raw_write(&worker, LUN, lba, block, BLOCK, BLOCK), 0);
		lba += PAGE_BLOCKS - 1;
		ck_assert_uint_eq(raw_write(&worker, LUN, lba, block, BLOCK, BLOCK), 0);
	}
}

static uint8_t byte_of(struct raw *r, uint64_t lba)
{
	uint8_t block[BLOCK];

	ck_assert_uint_eq(raw_read(r, LUN, lba, block, BLOCK, BLOCK), 0);
	for (unsigned i = 1; i < BLOCK; i++)
		ck_assert_uint_eq(block[i], block[0]);
	return block[0];
}

static uint8_t byte_at(uint64_t lba)
{
	return byte_of(&worker, lba);
}

/* ---- what others see of it ---- */

static int by_size(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
	return (x > y) - (x < y);
}

static void judge(const char *what, unsigned n, uint64_t took_ms)
{
	const char *most = getenv("MEMTGT_P99_MS");

	qsort(us, n, sizeof(us[0]), by_size);
	uint32_t p99 = us[n * 99 / 100];
	printf("# %s: %llu ms, %u pings meanwhile, p50 %u us, p99 %u us, max %u us\n", what,
	       (unsigned long long)took_ms, n, us[n / 2], p99, us[n - 1]);
	fflush(stdout);
	if (most)
		ck_assert_msg(p99 < strtoul(most, NULL, 10) * 1000, "%s: p99 is %u us, not %s ms",
			      what, p99, most);
}

static bool has_answer(const struct raw *r)
{
	struct pollfd fd = {.fd = r->fd, .events = POLLIN};

	return poll(&fd, 1, 0) > 0;
}

/* Pings another session until `commands` have all been answered GOOD. */
static void ping_meanwhile(const char *what, unsigned commands)
{
	unsigned n = 0;
	uint64_t begin = clock_now();

	while (commands) {
		uint64_t since = clock_now();
		raw_ping(&pinger);
		if (n < SAMPLES)
			us[n++] = (uint32_t)((clock_now() - since) / NS_PER_US);
		while (commands && has_answer(&worker)) {
			raw_expect(&worker, ISCSI_OP_SCSI_RSP);
			ck_assert_uint_eq(worker.bhs.rsp.status, 0);
			commands--;
		}
	}
	judge(what, n, (clock_now() - begin) / NS_PER_MS);
}

/* It took more than one turn of the loop for each so many bytes of work. */
static void check_slices(uint64_t before, uint64_t least)
{
	uint64_t slices = watch_counter(&d, "slices") - before;

	printf("# slices: %llu\n", (unsigned long long)slices);
	fflush(stdout);
	ck_assert_uint_ge(slices, least);
}

/* ---- the commands ---- */

static void send_command(const uint8_t cdb[static 16], const void *data, uint32_t n)
{
	union raw_bhs h =
		raw_command(&worker, ISCSI_FINAL | ISCSI_CMD_WRITE | ISCSI_ATTR_SIMPLE, cdb, n);

	raw_set_lun(&h, LUN);
	ck_assert(raw_send(&worker, &h, data, n));
}

static void put_descriptor(uint8_t *list, unsigned i, uint64_t lba, uint32_t blocks)
{
	st64(list + 8 + 16 * i, lba);
	st32(list + 8 + 16 * i + 8, blocks);
}

static void send_unmap(uint8_t *list, unsigned n)
{
	uint8_t cdb[16] = {0x42};

	st16(list, (uint16_t)(6 + 16 * n));
	st16(list + 2, (uint16_t)(16 * n));
	st16(cdb + 7, (uint16_t)(8 + 16 * n));
	send_command(cdb, list, 8 + 16 * n);
}

/* All pages, every other one only by its first half; returns the commands sent. */
static unsigned send_unmaps(void)
{
	static uint8_t list[8 + 16 * DESCRIPTORS];
	unsigned commands = 0, n = 0;

	memset(list, 0, sizeof(list));
	for (unsigned i = 0; i < pages; i++) {
		uint32_t blocks = i % 2 ? PAGE_BLOCKS / 2 : PAGE_BLOCKS;
		put_descriptor(list, n++, 2 * i * PAGE_BLOCKS, blocks);
		if (n < DESCRIPTORS && i + 1 < pages)
			continue;
		send_unmap(list, n);
		commands++;
		n = 0;
	}
	return commands;
}

/* Over all pages and the holes between them. */
static void send_write_same(bool unmap, uint8_t value)
{
	uint8_t cdb[16], block[BLOCK];

	raw_cdb_rw16(cdb, 0x93, 0, (uint32_t)(2 * pages * PAGE_BLOCKS));
	cdb[1] = unmap ? 0x08 : 0;
	memset(block, value, sizeof(block));
	send_command(cdb, block, BLOCK);
}

START_TEST(unmap)
{
	map_pages();
	uint64_t slices = watch_counter(&d, "slices");
	ping_meanwhile("UNMAP", send_unmaps());
	check_slices(slices, pages / 16);
	for (unsigned i = 0; i < pages; i++) {
		uint64_t lba = 2 * i * PAGE_BLOCKS;
		ck_assert_uint_eq(byte_at(lba), 0);
		ck_assert_uint_eq(byte_at(lba + PAGE_BLOCKS - 1), i % 2 ? 0x5a : 0);
	}
}
END_TEST

/* Eight commands of 2 TiB, nearly all of it holes. */
START_TEST(unmap_of_all_16_tib)
{
	static uint8_t list[8 + 16 * DESCRIPTORS];

	map_pages();
	for (unsigned i = 0; i < 8; i++)
		put_descriptor(list, i, i * (LUN_BLOCKS / 8), (uint32_t)(LUN_BLOCKS / 8 - 1));
	send_unmap(list, 8);
	ping_meanwhile("UNMAP of 16 TiB", 1);
	for (unsigned i = 0; i < pages; i++)
		ck_assert_uint_eq(byte_at(2 * i * PAGE_BLOCKS), 0);
}
END_TEST

START_TEST(write_same_with_unmap)
{
	map_pages();
	send_write_same(true, 0);
	ping_meanwhile("WRITE SAME with UNMAP", 1);
	for (unsigned i = 0; i < pages; i++)
		ck_assert_uint_eq(byte_at(2 * i * PAGE_BLOCKS + PAGE_BLOCKS - 1), 0);
}
END_TEST

START_TEST(write_same_of_a_pattern)
{
	pages /= 2; /* pages and the holes between them: as much memory as the other tests */
	uint64_t slices = watch_counter(&d, "slices");
	send_write_same(false, 0xa7);
	ping_meanwhile("WRITE SAME", 1);
	check_slices(slices, pages / 2);
	for (unsigned i = 0; i < 2 * pages; i++)
		ck_assert_uint_eq(byte_at(i * PAGE_BLOCKS + i), 0xa7);
	ck_assert_uint_eq(byte_at(2 * pages * PAGE_BLOCKS), 0);
}
END_TEST

/* RFC 7143 11.5: no answer to the command, and none of its writes after that of the reset. */
START_TEST(reset_in_the_middle)
{
	const char *judged = getenv("MEMTGT_P99_MS");

	send_write_same(false, 0xa7);
	while (!byte_of(&pinger, 0))
		;
	uint64_t since = clock_now();
	union raw_bhs h = raw_request(&worker, ISCSI_OP_TMF_REQ | ISCSI_IMMEDIATE,
				      ISCSI_FINAL | ISCSI_TMF_LUN_RESET);
	raw_set_lun(&h, LUN);
	ck_assert(raw_send(&worker, &h, NULL, 0));
	raw_expect(&worker, ISCSI_OP_TMF_RSP);
	uint64_t ms = (clock_now() - since) / NS_PER_MS;
	printf("# LUN RESET: %llu ms\n", (unsigned long long)ms);
	fflush(stdout);
	ck_assert_uint_eq(worker.bhs.tmf_rsp.response, ISCSI_TMF_COMPLETE);
	if (judged)
		ck_assert_uint_lt(ms, 100);

	uint64_t end = 0; /* the first page that was not written */
	while (raw_test_unit_ready(&worker, LUN))
		;
	while (end < 2 * pages && byte_at(end * PAGE_BLOCKS))
		end++;
	ck_assert_uint_lt(end, 2 * pages);
	test_sleep_ms(200);
	ck_assert_uint_eq(byte_at(end * PAGE_BLOCKS), 0);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("slices");
	TCase *t = tcase_create("slices");

	tcase_set_timeout(t, 300);
	tcase_add_checked_fixture(t, start, stop);
	tcase_add_test(t, unmap);
	tcase_add_test(t, unmap_of_all_16_tib);
	tcase_add_test(t, write_same_with_unmap);
	tcase_add_test(t, write_same_of_a_pattern);
	tcase_add_test(t, reset_in_the_middle);
	suite_add_tcase(s, t);
	return s;
}

int main(void)
{
	return test_main(suite());
}
