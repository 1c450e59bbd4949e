// SPDX-License-Identifier: MIT
/*
 * test_reservations.c - reservations on a running memtgtd: nothing of who was fenced lands after
 * GOOD, and registrations outlive connections and daemons.
 *
 * MEMTGT_RESERVE_ROUNDS sets how often one is fenced who writes without pause, MEMTGT_RESERVE_MS
 * how long it is looked at afterwards.
 */
#include <check.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/ctl.h"
#include "lib/daemon.h"
#include "lib/rawinit.h"
#include "lib/test_main.h"
#include "memtgt/wire.h"

#define BLOCK	   512u
#define PIECE	   8192u
#define PIECES	   16u
#define AREA	   (PIECES * PIECE)
#define DEPTH	   32
#define KEY_A	   0xaaaau
#define KEY_B	   0xbbbbu
#define TYPE_WERO  5u
#define CONFLICT   0x18u
#define REGISTER   0u
#define RESERVE	   1u
#define CLEAR	   3u
#define PREEMPT	   4u
#define PREEMPT_AB 5u
#define IGNORE	   6u

static struct daemon d;
static char dir[64];

static const char luns[] =
	"{ id = 0; size = \"8M\"; provisioning = \"thin\"; },"
	"{ id = 1; size = \"8M\"; provisioning = \"thin\"; scrub = \"release\"; }";

static const char *settings(void)
{
	static char text[512];

	snprintf(text, sizeof(text),
		 "state_dir = \"%s\"; control = { socket = \"%s\"; };"
		 "pool = { pages = \"plain\"; headroom = 0; }; reactor = { count = 2; };",
		 dir, ctl_path);
	return text;
}

static void setup(void)
{
	strcpy(dir, "/tmp/memtgt-test-reserve-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(dir));
	snprintf(ctl_path, sizeof(ctl_path), "%s/control.sock", dir);
}

static void teardown(void)
{
	char command[128];

	snprintf(command, sizeof(command), "rm -rf %s", dir);
	ck_assert_int_eq(system(command), 0);
}

/* ---- commands ---- */

static void log_in(struct raw *r, uint32_t isid, unsigned lun)
{
	raw_open(r, d.port);
	raw_set_isid(r, isid);
	ck_assert_uint_eq(raw_login(r, DAEMON_TARGET, NULL), 0);
	for (int i = 0; raw_test_unit_ready(r, lun) == 2; i++)
		ck_assert_int_lt(i, 10);
}

/* PERSISTENT RESERVE OUT; SCSI status. */
static uint8_t pr_out(struct raw *r, unsigned lun, unsigned action, unsigned type, uint64_t key,
		      uint64_t new)
{
	uint8_t cdb[16] = {0x5f, (uint8_t)action, (uint8_t)type, [8] = 24}, list[24] = {0};

	st64(list, key);
	st64(list + 8, new);
	for (;;) {
		union raw_bhs h =
			raw_command(r, ISCSI_FINAL | ISCSI_CMD_WRITE | ISCSI_ATTR_SIMPLE, cdb, 24);
		raw_set_lun(&h, lun);
		ck_assert(raw_send(r, &h, list, sizeof(list)));
		raw_expect(r, ISCSI_OP_SCSI_RSP);
		if (raw_sense(r) >> 16 != 6) /* unit attentions are looked at elsewhere */
			return r->bhs.rsp.status;
	}
}

static void pr_good(struct raw *r, unsigned lun, unsigned action, unsigned type, uint64_t key,
		    uint64_t new)
{
	ck_assert_uint_eq(pr_out(r, lun, action, type, key, new), 0);
}

/* ---- who writes without pause ---- */

struct writer {
	pthread_t thread;
	uint32_t isid;
	_Atomic bool is_over;
	_Atomic unsigned long good, refused;
};

static void send_write(struct raw *r, unsigned n)
{
	static _Thread_local uint8_t data[PIECE];
	uint8_t cdb[16];

	memset(data, (int)(n & 0xff), sizeof(data));
	memcpy(data, &n, sizeof(n));
	raw_cdb_rw16(cdb, 0x8a, n % PIECES * (PIECE / BLOCK), PIECE / BLOCK);
	union raw_bhs h =
		raw_command(r, ISCSI_FINAL | ISCSI_CMD_WRITE | ISCSI_ATTR_SIMPLE, cdb, PIECE);
	(void)raw_send(r, &h, data, sizeof(data));
}

/* In segments, so that the daemon mostly has a part of a WRITE. */
static void *write_on(void *arg)
{
	struct writer *w = arg;
	struct raw r;
	unsigned n = 0, out = 0;

	log_in(&r, w->isid, 0);
	pr_good(&r, 0, IGNORE, 0, 0, KEY_A);
	r.step = 1400;
	while (!w->is_over) {
		struct pollfd p = {.fd = r.fd, .events = POLLIN};

		if (out < DEPTH) {
			send_write(&r, n++);
			out++;
		}
		/* What was aborted is never answered. */
		if (poll(&p, 1, out < DEPTH ? 0 : 10) <= 0)
			continue;
		if (!raw_recv(&r))
			break;
		ck_assert_uint_eq(r.bhs.any.opcode, ISCSI_OP_SCSI_RSP);
		out--;
		if (r.bhs.rsp.status)
			w->refused++;
		else
			w->good++;
	}
	raw_close(&r);
	return NULL;
}

static void read_area(struct raw *r, uint8_t *to)
{
	ck_assert_uint_eq(raw_read(r, 0, 0, to, AREA, BLOCK), 0);
}

static void fence_once(struct raw *b, unsigned round, unsigned action)
{
	static uint8_t first[AREA], second[AREA];
	struct writer w = {.isid = 0x1000 + round};

	pr_good(b, 0, IGNORE, 0, 0, KEY_B);
	pr_good(b, 0, RESERVE, TYPE_WERO, KEY_B, 0);
	ck_assert_int_eq(pthread_create(&w.thread, NULL, write_on, &w), 0);
	while (w.good < 20 + round % 7)
		test_sleep_ms(1);
	pr_good(b, 0, action, TYPE_WERO, KEY_B, KEY_A);
	read_area(b, first);
	test_sleep_ms((unsigned)test_number("MEMTGT_RESERVE_MS", 20));
	read_area(b, second);
	ck_assert_msg(!memcmp(first, second, AREA), "round %u: a write landed after GOOD", round);
	w.is_over = true;
	ck_assert_int_eq(pthread_join(w.thread, NULL), 0);
	pr_good(b, 0, CLEAR, 0, KEY_B, 0);
}

START_TEST(nothing_lands_after_good)
{
	const unsigned rounds = (unsigned)test_number("MEMTGT_RESERVE_ROUNDS", 60);
	struct raw b;

	daemon_start(&d, luns, settings());
	log_in(&b, 2, 0);
	for (unsigned i = 0; i < rounds; i++)
		fence_once(&b, i, i % 2 ? PREEMPT_AB : PREEMPT);
	raw_close(&b);
	daemon_stop(&d);
}
END_TEST

/* ---- what stays ---- */

static void check_claim(const char *initiator, const char *key, const char *type)
{
	ctl("claim list", 0);
	ctl_has(initiator);
	ctl_has(key);
	ctl_has(type);
}

/* A connection that is lost, a daemon that is killed, one that is asked to end. */
START_TEST(registrations_stay)
{
	static const int signals[] = {0, SIGKILL, SIGTERM};
	uint8_t block[BLOCK] = {1};
	unsigned starts = 1;
	struct raw a, b;

	daemon_start_kept(&d, luns, settings());
	log_in(&a, 1, 0);
	pr_good(&a, 0, REGISTER, 0, 0, KEY_A);
	pr_good(&a, 0, RESERVE, 7, KEY_A, 0);
	raw_close(&a);
	for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++) {
		if (signals[i]) {
			ck_assert_int_eq(kill(daemon_child(&d), signals[i]), 0);
			daemon_wait_ready(&d, ++starts);
		}
		check_claim(",i,0x8", "0x000000000000aaaa", "write exclusive, all registrants");
		log_in(&b, 2, 0);
		ck_assert_uint_eq(raw_read(&b, 0, 0, block, BLOCK, BLOCK), 0);
		ck_assert_uint_eq(raw_write(&b, 0, 0, block, BLOCK, BLOCK), CONFLICT);
		raw_close(&b);
		log_in(&a, 1, 0);
		ck_assert_uint_eq(raw_write(&a, 0, 0, block, BLOCK, BLOCK), 0);
		raw_close(&a);
	}
	/* Another ISID with the same key takes over. */
	log_in(&b, 3, 0);
	pr_good(&b, 0, REGISTER, 0, 0, KEY_A);
	pr_good(&b, 0, PREEMPT, 7, KEY_A, 0);
	ck_assert_uint_eq(raw_write(&b, 0, 0, block, BLOCK, BLOCK), 0);
	log_in(&a, 1, 0);
	ck_assert_uint_eq(raw_write(&a, 0, 0, block, BLOCK, BLOCK), CONFLICT);
	ctl("claim clear " DAEMON_TARGET " 0", 0);
	ctl_has("1");
	ck_assert_uint_eq(raw_write(&a, 0, 0, block, BLOCK, BLOCK), 0);
	ck_assert(raw_test_unit_ready(&b, 0) == 2 && raw_sense(&b) == 0x062a03);
	ctl("claim list", 0);
	ck_assert_ptr_null(strstr(ctl_out, "aaaa"));
	raw_close(&a);
	raw_close(&b);
	daemon_stop(&d);
}
END_TEST

/* Who comes next sees nothing of it, also where the daemon is killed at once. */
START_TEST(released_and_emptied)
{
	static uint8_t data[1 << 20], back[1 << 20], none[1 << 20];
	unsigned starts = 1;
	struct raw a, b;

	daemon_start_kept(&d, luns, settings());
	memset(data, 'x', sizeof(data));
	for (int turn = 0; turn < 4; turn++) {
		log_in(&a, 1, 1);
		pr_good(&a, 1, REGISTER, 0, 0, KEY_A);
		for (unsigned i = 0; i < 8; i++)
			ck_assert_uint_eq(raw_write(&a, 1, i * 2048, data, sizeof(data), BLOCK), 0);
		raw_close(&a);
		log_in(&a, 1, 1); /* a connection that is lost gives up nothing */
		ck_assert_uint_eq(raw_read(&a, 1, 0, back, sizeof(back), BLOCK), 0);
		ck_assert_mem_eq(back, data, sizeof(back));
		pr_good(&a, 1, REGISTER, 0, KEY_A, 0);
		if (turn % 2) {
			ck_assert_int_eq(kill(daemon_child(&d), SIGKILL), 0);
			daemon_wait_ready(&d, ++starts);
		}
		raw_close(&a);
		log_in(&b, 2, 1);
		for (unsigned i = 0; i < 8; i++) {
			uint8_t status;
			while ((status = raw_read(&b, 1, i * 2048, back, sizeof(back), BLOCK)) == 8)
				test_sleep_ms(1);
			ck_assert_uint_eq(status, 0);
			ck_assert_mem_eq(back, none, sizeof(back));
		}
		raw_close(&b);
	}
	daemon_stop(&d);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("reservations");
	TCase *t = tcase_create("reservations");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_set_timeout(t, 3600);
	tcase_add_test(t, nothing_lands_after_good);
	tcase_add_test(t, registrations_stay);
	tcase_add_test(t, released_and_emptied);
	suite_add_tcase(s, t);
	return s;
}

int main(void)
{
	return test_main(suite());
}
