// SPDX-License-Identifier: MIT
/*
 * test_load.c - does the load of the tests of crashes (lib/load.h) come back by itself, and does it
 * see what it is to see? Against daemons whose memory goes with them.
 */
#include <stdio.h>
#include <string.h>

#include "lib/daemon.h"
#include "lib/load.h"
#include "lib/rawinit.h"
#include "lib/test_main.h"

#define SESSIONS 4
#define CUTS	 12u
#define BLOCKS	 ((4u << 20) / 512) /* of a session */
#define LUNS                                                    \
	"{ id = 0; size = \"16M\"; provisioning = \"full\"; }," \
	"{ id = 1; size = \"16M\"; provisioning = \"thin\"; }"
#define POOL "pool = { size = \"64M\"; pages = \"plain\"; }; "
#define MORE POOL "reactor = { count = 2; };"

static struct daemon d;
static struct load *load;

static void start_load(bool may_be_refused)
{
	const struct load_options o = {.port = d.port,
				       .sessions = SESSIONS,
				       .depth = 8,
				       .luns = {0, 1},
				       .n_luns = 2,
				       .blocks = BLOCKS,
				       .seed = 5,
				       .may_be_refused = may_be_refused};

	load = load_start(&o);
}

/* Takes a session's name, which ends that; and goes. Or that was quicker in coming back. */
static void replace(unsigned index)
{
	char keys[128], text[1024];
	union raw_bhs h;
	struct raw r;

	/* Without an offer of the target, or the first answer is not the last. */
	snprintf(keys, sizeof(keys),
		 "InitiatorName=iqn.2026-01.org.memtgt:load-%u\nDefaultTime2Retain=0\n", index);
	raw_open(&r, d.port);
	memcpy(r.isid, (uint8_t[]){0x80, 0, 0, (uint8_t)(index + 1), 0, 0}, sizeof(r.isid));
	size_t n = raw_login_request(&r, DAEMON_TARGET, keys, &h, text, sizeof(text));
	if (raw_send(&r, &h, text, n))
		raw_recv(&r);
	raw_close(&r);
}

START_TEST(sessions_that_are_cut_come_back)
{
	struct load_sums sums;

	daemon_start(&d, LUNS, MORE);
	start_load(false);
	for (unsigned i = 0; i < CUTS; i++) {
		load_wait(load, 10);
		replace(i % SESSIONS);
	}
	load_wait(load, 10);
	load_look(load);
	load_go(load);
	load_wait(load, 10);
	load_tell(load, "cut");
	load_check_well(load);
	load_sum(load, &sums);
	ck_assert_uint_gt(sums.logins, SESSIONS);
	ck_assert_uint_gt(sums.unanswered, 0);
	ck_assert_uint_gt(sums.settled, 0);
	ck_assert_uint_eq(sums.blocks_bad, 0);
	load_end(load, true);
	daemon_stop(&d);
}
END_TEST

static void wait_wrong(const char *text)
{
	unsigned long long limit = test_now_ms() + DAEMON_PATIENCE_MS;

	while (!load_wrong(load)) {
		ck_assert_msg(test_now_ms() < limit, "nothing is wrong for the load");
		test_sleep_ms(5);
	}
	ck_assert_msg(strstr(load_wrong(load), text) != NULL, "%s", load_wrong(load));
}

/* Somebody else writes where only a session of the load may, to all of it: whatever that reads
 * next is wrong. */
START_TEST(a_changed_block_is_seen)
{
	struct load_sums sums;
	static uint8_t data[1 << 20];
	struct raw r;

	daemon_start(&d, LUNS, POOL "reactor = { count = 1; };"); /* two would race */
	start_load(false);
	load_rest(load);
	raw_session(&r, d.port, NULL);
	for (int i = 0; i < 4 && raw_test_unit_ready(&r, 1) != 0; i++)
		;
	memset(data, 0x5a, sizeof(data));
	for (unsigned lba = BLOCKS; lba < 2 * BLOCKS; lba += sizeof(data) / 512)
		ck_assert_uint_eq(raw_write(&r, 1, lba, data, sizeof(data), 512), 0);
	raw_close(&r);
	load_go(load);
	wait_wrong("session 1, LUN 1, LBA ");
	ck_assert_ptr_nonnull(strstr(load_wrong(load), "found mixed"));
	load_sum(load, &sums);
	ck_assert_uint_ge(sums.blocks_bad, 1);
	load_end(load, false);
	daemon_stop(&d);
}
END_TEST

/* Killed without a keeper: connections are refused. */
START_TEST(a_daemon_that_is_gone_is_seen)
{
	daemon_start(&d, LUNS, MORE);
	start_load(false);
	daemon_kill(&d);
	wait_wrong("refused");
	load_end(load, false);
}
END_TEST

/* Another daemon is there at once, at the same address, but not with the same memory. */
START_TEST(lost_memory_is_seen)
{
	daemon_start(&d, LUNS, MORE);
	start_load(true);
	load_wait(load, 50);
	daemon_kill(&d);
	daemon_start_again(&d, LUNS, MORE, false);
	wait_wrong("found zeroes");
	load_end(load, false);
	daemon_stop(&d);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("load");
	TCase *t = tcase_create("load");

	tcase_set_timeout(t, 240);
	tcase_add_test(t, sessions_that_are_cut_come_back);
	tcase_add_test(t, a_changed_block_is_seen);
	tcase_add_test(t, a_daemon_that_is_gone_is_seen);
	tcase_add_test(t, lost_memory_is_seen);
	suite_add_tcase(s, t);
	return s;
}

int main(void)
{
	return test_main(suite());
}
