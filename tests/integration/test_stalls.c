// SPDX-License-Identifier: MIT
/*
 * test_stalls.c - sessions that stop in the middle of their data: on one reactor with sessions that
 * work, which see nothing of it; each is dropped after its limit, with one line and one count.
 */
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "lib/daemon.h"
#include "lib/neighbour.h"
#include "lib/rawinit.h"
#include "lib/test_main.h"
#include "lib/watch.h"

#define BLOCK	   512u
#define MIB	   (1u << 20)
#define NEIGHBOURS 2
#define STALL_MS   3000

static struct daemon d;
static struct neighbour n[NEIGHBOURS];

static void start(void)
{
	daemon_start(&d, "{ id = 0; size = \"16M\"; }",
		     "reactor = { count = 1; };"
		     "limits = { rx_stall = 3; tx_stall = 3; };");
	for (unsigned i = 0; i < NEIGHBOURS; i++)
		neighbour_start(&n[i], d.port, i);
}

static void stop(void)
{
	for (unsigned i = 0; i < NEIGHBOURS; i++) {
		neighbour_wait(&n[i], 50);
		neighbour_stop(&n[i]);
	}
	daemon_check_alive(&d);
	daemon_stop(&d);
}

/* A session whose window is small, so that little of what waits for it is in the kernel. */
static void slow_session(struct raw *r, const char *keys)
{
	static unsigned counter;
	int size = 64 << 10;

	raw_open(r, d.port);
	raw_set_isid(r, 0x57a110 + counter++);
	ck_assert_int_eq(setsockopt(r->fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size)), 0);
	ck_assert_uint_eq(raw_login(r, DAEMON_TARGET, keys), 0);
	for (int i = 0; i < 4 && raw_test_unit_ready(r, 0) != 0; i++)
		;
}

static void read_8_mib(struct raw *r)
{
	uint8_t cdb[16];

	raw_cdb_rw16(cdb, 0x88, 8 * MIB / BLOCK, MIB / BLOCK);
	for (int i = 0; i < 8; i++) {
		union raw_bhs h =
			raw_command(r, ISCSI_FINAL | ISCSI_CMD_READ | ISCSI_ATTR_SIMPLE, cdb, MIB);
		ck_assert(raw_send(r, &h, NULL, 0));
	}
}

/* Half of a WRITE, by a Data-Out that is whole or, `cut`, by a part of one. */
static void write_half(struct raw *r, bool cut)
{
	static uint8_t data[MIB], pdu[MIB];
	uint8_t cdb[16];

	raw_cdb_rw16(cdb, 0x8a, 8 * MIB / BLOCK, MIB / BLOCK);
	union raw_bhs h =
		raw_command(r, ISCSI_FINAL | ISCSI_CMD_WRITE | ISCSI_ATTR_SIMPLE, cdb, MIB);
	ck_assert(raw_send(r, &h, NULL, 0));
	raw_expect(r, ISCSI_OP_R2T);
	union raw_bhs out = {.out = {.opcode = ISCSI_OP_DATA_OUT}};
	out.out.itt = r->bhs.r2t.itt;
	out.out.ttt = r->bhs.r2t.ttt;
	put32(&out.out.exp_statsn, r->exp_statsn);
	size_t len = raw_make(r, &out, data, 128 << 10, pdu);
	ck_assert(raw_bytes(r, pdu, cut ? len / 2 : len, 0));
}

static void stop_reading(struct raw *r)
{
	slow_session(r, NULL);
	read_8_mib(r);
}

static void withhold_data(struct raw *r)
{
	slow_session(r, "ImmediateData=No\nInitialR2T=Yes\n");
	write_half(r, false);
}

static void send_half_a_pdu(struct raw *r)
{
	slow_session(r, "ImmediateData=No\nInitialR2T=Yes\n");
	write_half(r, true);
}

static const struct {
	void (*begin)(struct raw *r);
	const char *counter, *line;
} stalls[] = {
	{stop_reading, "ended_tx_stall", "took no data for limits.tx_stall"},
	{withhold_data, "ended_rx_stall", "withheld data of a WRITE for limits.rx_stall"},
	{send_half_a_pdu, "ended_rx_stall", "sent half a PDU and nothing for limits.rx_stall"},
};
#define STALLS (sizeof(stalls) / sizeof(stalls[0]))

START_TEST(one_stalls_and_the_others_go_on)
{
	struct raw r;
	unsigned commands[NEIGHBOURS];
	unsigned descriptors = watch_descriptors(&d);

	for (int i = 0; i < NEIGHBOURS; i++)
		commands[i] = n[i].commands;
	stalls[_i].begin(&r);
	unsigned long long since = test_now_ms();
	while (watch_counter(&d, stalls[_i].counter) == 0) {
		ck_assert_msg(test_now_ms() - since < DAEMON_PATIENCE_MS, "it is not dropped");
		test_sleep_ms(20);
	}
	unsigned long long ms = test_now_ms() - since;
	printf("# %s: dropped after %llu ms, the limit is %d ms\n", stalls[_i].counter, ms,
	       STALL_MS);
	for (int i = 0; i < NEIGHBOURS; i++) {
		printf("# neighbour %d: %u commands meanwhile\n", i, n[i].commands - commands[i]);
		ck_assert_uint_ge(n[i].commands - commands[i], 20);
	}
	fflush(stdout);
	ck_assert_uint_ge(ms, STALL_MS - 100); /* the last byte went before the clock was read */
	raw_expect_closed(&r);
	raw_close(&r);
	watch_descriptors_wait(&d, descriptors);
	ck_assert_uint_eq(watch_counter(&d, stalls[_i].counter), 1);
	ck_assert_uint_eq(watch_counters(&d, "ended_"), 1);
	ck_assert_uint_eq(watch_lines(&d, stalls[_i].line), 1);
	ck_assert_uint_eq(watch_lines(&d, "connection closed"), 1);
}
END_TEST

/* All kinds at once, several of each. */
START_TEST(many_stall_at_once)
{
	struct raw r[3 * STALLS];
	unsigned descriptors = watch_descriptors(&d);

	for (unsigned i = 0; i < 3 * STALLS; i++)
		stalls[i % STALLS].begin(&r[i]);
	watch_counter_wait(&d, "ended_tx_stall", 3);
	watch_counter_wait(&d, "ended_rx_stall", 6);
	for (unsigned i = 0; i < 3 * STALLS; i++) {
		raw_expect_closed(&r[i]);
		raw_close(&r[i]);
	}
	for (unsigned i = 0; i < STALLS; i++)
		ck_assert_uint_eq(watch_lines(&d, stalls[i].line), 3);
	watch_descriptors_wait(&d, descriptors);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("stalls");
	TCase *t = tcase_create("stalls");

	tcase_set_timeout(t, 60);
	tcase_add_checked_fixture(t, start, stop);
	tcase_add_loop_test(t, one_stalls_and_the_others_go_on, 0, STALLS);
	tcase_add_test(t, many_stall_at_once);
	suite_add_tcase(s, t);
	return s;
}

int main(void)
{
	return test_main(suite());
}
