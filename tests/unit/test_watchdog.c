// SPDX-License-Identifier: MIT
/* test_watchdog.c - a sign of life as long as every reactor runs its messages. */
#include "watchdog.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/notify.h"
#include "keeper/socket.h"
#include "lib/fake_engine.h"
#include "lib/logged.h"
#include "lib/test_main.h"
#include "reactor/conn.h"

#define REACTORS 3u
#define USEC	 30000000u
#define EVERY	 (USEC / 2 * NS_PER_US)

static const struct conn_ops no_conns;
static struct reactor reactors[REACTORS];
static struct watchdog w;
static int manager;
static uint64_t now;

static void open_reactor(unsigned i)
{
	const struct reactor_options o = {.index = i,
					  .cpu = -1,
					  .max_conns = 1,
					  .conn_ops = &no_conns,
					  .conn_size = sizeof(struct conn)};

	ck_assert_int_eq(reactor_init(&reactors[i], &o, fake_engine(1)), 0);
}

static void setup(void)
{
	char name[64];

	manager = keeper_socket_open(name, sizeof(name));
	ck_assert_int_ge(manager, 0);
	setenv("NOTIFY_SOCKET", name, 1);
	notify_open();
	log_catch();
	now = clock_now();
	ck_assert_int_eq(watchdog_start(&w, USEC, REACTORS, now), 0);
	for (unsigned i = 0; i < REACTORS; i++) {
		open_reactor(i);
		watchdog_add(&w, i, &reactors[i]);
	}
}

static void teardown(void)
{
	for (unsigned i = 0; i < REACTORS; i++)
		reactor_fini(&reactors[i]);
	watchdog_free(&w);
	log_release();
	notify_close();
	close(manager);
}

static unsigned heard(void)
{
	static struct keeper_datagram d;
	unsigned n = 0;

	for (; keeper_socket_receive(manager, &d); n++)
		ck_assert_mem_eq(d.text, "WATCHDOG=1", d.n);
	return n;
}

/* All but `silent` run what they were sent. */
static void turns(unsigned silent)
{
	for (unsigned i = 0; i < REACTORS; i++)
		if (i != silent)
			reactor_turn(&reactors[i], false);
}

#define NONE REACTORS

START_TEST(all_is_well)
{
	watchdog_turn(&w, now);
	ck_assert_uint_eq(heard(), 1);
	for (int i = 0; i < 10; i++) {
		turns(NONE);
		ck_assert_int_eq(watchdog_wait_ms(&w, now), USEC / 2000);
		watchdog_turn(&w, now + EVERY - 1);
		ck_assert_uint_eq(heard(), 0);
		now += EVERY;
		watchdog_turn(&w, now);
		ck_assert_uint_eq(heard(), 1);
	}
	ck_assert_str_eq(logged(), "");
}
END_TEST

/* Each of them alone. */
START_TEST(a_reactor_that_hangs)
{
	unsigned silent = (unsigned)_i;

	watchdog_turn(&w, now);
	ck_assert_uint_eq(heard(), 1);
	for (int i = 0; i < 10; i++) {
		turns(silent);
		now += EVERY;
		watchdog_turn(&w, now);
		ck_assert_uint_eq(heard(), 0);
	}
	const char *log = logged();
	char line[64];
	snprintf(line, sizeof(line), "memtgtd: reactor %u has not answered for 15000 ms\n", silent);
	ck_assert_str_eq(log, line);
	/* It was only slow: a moment later all is well. */
	turns(NONE);
	ck_assert_int_le(watchdog_wait_ms(&w, now), 1000);
	now += NS_PER_S;
	watchdog_turn(&w, now);
	ck_assert_uint_eq(heard(), 1);
}
END_TEST

START_TEST(nobody_wants_to_know)
{
	struct watchdog none;

	ck_assert_int_eq(watchdog_start(&none, 0, REACTORS, now), 0);
	watchdog_add(&none, 0, &reactors[0]);
	watchdog_turn(&none, now + EVERY);
	ck_assert_int_eq(watchdog_wait_ms(&none, now), -1);
	ck_assert_uint_eq(heard(), 0);
	watchdog_free(&none);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("watchdog");
	TCase *t = tcase_create("watchdog");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, all_is_well);
	tcase_add_loop_test(t, a_reactor_that_hangs, 0, REACTORS);
	tcase_add_test(t, nobody_wants_to_know);
	suite_add_tcase(s, t);
	return test_main(s);
}
