// SPDX-License-Identifier: MIT
/* test_keeper.c - what a keeper keeps, and what it does when its daemon ends, hangs, or is to end.
 */
#include "keeper/keeper.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "keeper/kept.h"
#include "keeper/socket.h"
#include "lib/puppet.h"
#include "lib/test_main.h"

#define HOUR_NS (3600 * NS_PER_S)
#define MIB	(1 << 20)

/* No end is a quick one, nothing need give a sign of life. */
static const struct keeper_options calm = {
	.abort_ns = HOUR_NS, .pause_ns = HOUR_NS, .pause_max_ns = HOUR_NS};
/* Every end is quick, and the second pause does not end. */
static const struct keeper_options patient = {
	.quick_ns = HOUR_NS, .pause_ns = HOUR_NS, .pause_max_ns = HOUR_NS};

static struct stage stage;
static char self_name[256];

#define NOTHING_KEPT "start none none FDSTORE=128 WATCHDOG_USEC=0 "

static void expect_start(const char *kept)
{
	char text[5000];

	snprintf(text, sizeof(text), "start %s FDSTORE=128 WATCHDOG_USEC=0 %s", kept, self_name);
	puppet_expect(&stage, text);
}

static void begin(const struct keeper_options *o)
{
	stage_open(&stage, o, NULL);
	expect_start("none none");
}

static void teardown(void)
{
	stage_close(&stage);
}

/* Ends with nothing kept, so that nothing keeps it from ending. */
static void end(void)
{
	ck_assert_int_eq(kill(stage.keeper, SIGTERM), 0);
	puppet_expect(&stage, "signal USR2");
	puppet_order(&stage, "exit 0");
	ck_assert_int_eq(stage_end(&stage), 0);
}

/* ---- keeping ---- */

START_TEST(gives_back_what_was_stored)
{
	begin(&calm);
	puppet_do(&stage, "memory memtgt-pool %d", MIB);
	puppet_do(&stage, "memory memtgt-tables 4096");
	puppet_order(&stage, "raise %d", SIGKILL);
	expect_start("2 memtgt-pool:memtgt-tables");
	puppet_order(&stage, "show memtgt-pool");
	puppet_expect(&stage, "1048576 bytes");
	/* And again, to one that ends in order. */
	puppet_order(&stage, "exit 0");
	expect_start("2 memtgt-pool:memtgt-tables");
	puppet_order(&stage, "show memtgt-tables");
	puppet_expect(&stage, "4096 bytes");
	puppet_do(&stage, "send FDSTOREREMOVE=1\nFDNAME=memtgt-pool");
	puppet_order(&stage, "exit 1");
	expect_start("1 memtgt-tables");
	puppet_do(&stage, "send FDSTOREREMOVE=1\nFDNAME=memtgt-tables");
	puppet_do(&stage, "send FDSTOREREMOVE=1\nFDNAME=never-there");
	end();
}
END_TEST

/* It dies before the keeper, which is asleep, has heard what it said. */
START_TEST(last_words_count)
{
	char names[2000] = "", expected[2100];

	begin(&calm);
	for (int i = 0; i < 20; i++) {
		kill(stage.keeper, SIGSTOP);
		puppet_order(&stage, "last last-%d 4096", i);
		(void)nanosleep(&(struct timespec){.tv_nsec = 10 * (long)NS_PER_MS}, NULL);
		kill(stage.keeper, SIGCONT);
		sprintf(names + strlen(names), "%slast-%d", i ? ":" : "", i);
		snprintf(expected, sizeof(expected), "%d %s", i + 1, names);
		expect_start(expected);
	}
}
END_TEST

START_TEST(same_name_replaces)
{
	begin(&calm);
	puppet_do(&stage, "memory a 4096");
	puppet_do(&stage, "memory b 4096");
	puppet_do(&stage, "memory a 8192");
	puppet_order(&stage, "exit 0");
	expect_start("2 a:b");
	puppet_order(&stage, "show a");
	puppet_expect(&stage, "8192 bytes");
}
END_TEST

START_TEST(no_more_than_the_limit)
{
	begin(&calm);
	for (unsigned i = 0; i < KEEPER_KEPT_MAX; i++)
		puppet_do(&stage, "memory n%u 4096", i);
	ck_assert(!stage_log_has(&stage, "cannot be kept"));
	puppet_do(&stage, "memory one-more 4096");
	ck_assert(stage_log_has(&stage, "\"one-more\" cannot be kept beside 128 descriptors"));
	puppet_do(&stage, "memory n0 8192"); /* in place of another it may */
	puppet_order(&stage, "exit 0");
	ck_assert_ptr_nonnull(strstr(puppet_report(&stage), "start 128 n0:n1:n2:"));
}
END_TEST

/* Nothing of them is followed, each is one line, and the keeper goes on. */
START_TEST(strange_messages)
{
	static const struct {
		const char *order, *why;
	} rows[] = {
		{"send_other FDSTOREREMOVE=1\nFDNAME=kept", "it is not the daemon"},
		{"send FDSTORE=1\nFDNAME=a", "more or fewer descriptors"},
		{"send_fds 2 FDSTORE=1\nFDNAME=b", "more or fewer descriptors"},
		{"send_fds 1 READY=1", "more or fewer descriptors"},
		{"send_fds 1 FDSTOREREMOVE=1\nFDNAME=kept", "more or fewer descriptors"},
		{"send_fds 5 FDSTORE=1\nFDNAME=c", "too many descriptors"},
		{"send_fds 16 FDSTORE=1\nFDNAME=c", "too many descriptors"},
		{"send_fds 1 FDSTORE=1", "no FDNAME"},
		{"send_fds 1 FDSTORE=1\nFDNAME=x y", "no name"},
		{"send nonsense", "without \"=\""},
	};

	begin(&calm);
	puppet_do(&stage, "memory kept 4096");
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		ck_assert_int_eq(ftruncate(stage.log, 0), 0);
		puppet_do(&stage, "%s", rows[i].order);
		ck_assert_msg(stage_log_has(&stage, rows[i].why), "%s", rows[i].order);
	}
	puppet_order(&stage, "exit 0");
	expect_start("1 kept");
}
END_TEST

/* At and above the longest. */
START_TEST(long_messages)
{
	static char text[KEEPER_MESSAGE_MAX];

	begin(&calm);
	memset(text, 'x', sizeof(text) - 1);
	puppet_do(&stage, "send X=%.*s", (int)KEEPER_MESSAGE_MAX - 2, text);
	ck_assert(!stage_log_has(&stage, "ignored"));
	puppet_do(&stage, "send X=%.*s", (int)KEEPER_MESSAGE_MAX - 1, text);
	ck_assert(stage_log_has(&stage, "ignored: it is too long"));
	end();
}
END_TEST

/* ---- starting again ---- */

START_TEST(pauses_grow)
{
	const struct keeper_options o = {
		.quick_ns = HOUR_NS, .pause_ns = 2 * NS_PER_MS, .pause_max_ns = 7 * NS_PER_MS};
	static const char *const said[] = {
		"ended 3 times in a row soon after its start. What it gave to be kept (1 "
		"descriptor, 1 MiB) stays here; it is started again in 4 ms",
		"ended 4 times in a row soon after its start. What it gave to be kept (1 "
		"descriptor, 1 MiB) stays here; it is started again in 7 ms",
		"ended 5 times in a row soon after its start. What it gave to be kept (1 "
		"descriptor, 1 MiB) stays here; it is started again in 7 ms",
	};

	begin(&o);
	puppet_do(&stage, "memory memtgt-pool %d", MIB);
	for (int i = 0; i < 5; i++) {
		puppet_order(&stage, i & 1 ? "exit 1" : "raise 9");
		expect_start("1 memtgt-pool");
		ck_assert_int_eq(stage_log_has(&stage, "in a row"), i >= 2);
		if (i >= 2)
			ck_assert_msg(stage_log_has(&stage, said[i - 2]), "%d", i);
	}
	ck_assert(stage_log_has(&stage, "was killed by signal 9, Killed"));
	ck_assert(stage_log_has(&stage, "ended with status 1"));
}
END_TEST

/* One that was ready each time serves in between. */
START_TEST(pauses_do_not_grow_after_ready)
{
	const struct keeper_options o = {
		.quick_ns = HOUR_NS, .pause_ns = 2 * NS_PER_MS, .pause_max_ns = HOUR_NS};

	begin(&o);
	puppet_do(&stage, "memory memtgt-pool %d", MIB);
	for (int i = 0; i < 30; i++) {
		puppet_do(&stage, "send READY=1");
		puppet_order(&stage, "raise 9");
		expect_start("1 memtgt-pool");
	}
	ck_assert(stage_log_has(&stage, "ended 30 times in a row"));
	ck_assert(stage_log_has(&stage, "it is started again in 2 ms"));
	ck_assert(!stage_log_has(&stage, "it is started again in 4 ms"));
}
END_TEST

/* Whoever lived for long is started at once, however often. */
START_TEST(no_pause_after_a_long_life)
{
	begin(&calm);
	for (int i = 0; i < 10; i++) {
		puppet_order(&stage, "exit 1");
		expect_start("none none");
	}
	ck_assert(!stage_log_has(&stage, "in a row"));
	end();
}
END_TEST

START_TEST(another_binary)
{
	char dir[] = "/tmp/memtgt-test-keeper-XXXXXX", path[64], command[700], program[512] = "";

	begin(&calm);
	ck_assert_ptr_nonnull(mkdtemp(dir));
	ck_assert_int_gt(readlink("/proc/self/exe", program, sizeof(program) - 1), 0);
	snprintf(path, sizeof(path), "%s/newer", dir);
	snprintf(command, sizeof(command), "cp '%s' %s", program, path);
	ck_assert_int_eq(system(command), 0);
	puppet_do(&stage, "send X_MEMTGT_BINARY=%s", path);
	puppet_order(&stage, "exit 0");
	puppet_expect(&stage, NOTHING_KEPT "newer");
	/* It is there no more: better an old one than none. */
	unlink(path);
	rmdir(dir);
	puppet_order(&stage, "exit 0");
	expect_start("none none");
	ck_assert(stage_log_has(&stage, "/newer cannot be run: No such file or directory"));
	end();
}
END_TEST

/* ---- hanging ---- */

START_TEST(silent_after_ready)
{
	const struct keeper_options o = {.watchdog_us = 50000, .abort_ns = HOUR_NS};
	const char *start;

	stage_open(&stage, &o, NULL);
	start = puppet_report(&stage);
	ck_assert_ptr_nonnull(strstr(start, "WATCHDOG_USEC=50000"));
	puppet_do(&stage, "send WATCHDOG=1"); /* not ready: it may take its time */
	puppet_do(&stage, "memory memtgt-pool 4096");
	puppet_do(&stage, "send READY=1");
	ck_assert_ptr_nonnull(strstr(puppet_report(&stage), "start 1 memtgt-pool"));
	ck_assert(stage_log_has(&stage, "gives no sign of life"));
	ck_assert(stage_log_has(&stage, "was killed by signal 6"));
}
END_TEST

START_TEST(deaf_to_sigabrt)
{
	const struct keeper_options o = {.watchdog_us = 50000, .abort_ns = NS_PER_MS};

	stage_open(&stage, &o, NULL);
	puppet_report(&stage);
	puppet_do(&stage, "deaf");
	puppet_do(&stage, "send READY=1");
	ck_assert_ptr_nonnull(strstr(puppet_report(&stage), "start none"));
	ck_assert(stage_log_has(&stage, "was killed by signal 9"));
}
END_TEST

START_TEST(knows_that_it_hangs)
{
	const struct keeper_options o = {.watchdog_us = 3600000000, .abort_ns = HOUR_NS};

	stage_open(&stage, &o, NULL);
	puppet_report(&stage);
	puppet_do(&stage, "send READY=1");
	puppet_order(&stage, "send WATCHDOG=trigger");
	while (!strncmp(puppet_report(&stage), "done", 4)) /* if it was quick enough */
		;
	ck_assert(stage_log_has(&stage, "was killed by signal 6"));
}
END_TEST

/* One that asks for more time gets it; the next sign of life is for the usual time again. */
START_TEST(signs_of_life)
{
	const struct keeper_options o = {.watchdog_us = 50000, .abort_ns = HOUR_NS};

	stage_open(&stage, &o, NULL);
	puppet_report(&stage);
	puppet_do(&stage, "send READY=1\nEXTEND_TIMEOUT_USEC=3600000000");
	(void)nanosleep(&(struct timespec){.tv_nsec = 300 * (long)NS_PER_MS}, NULL);
	ck_assert(!stage_log_has(&stage, "no sign of life"));
	puppet_order(&stage, "send WATCHDOG=1");
	while (!strncmp(puppet_report(&stage), "done", 4))
		;
	ck_assert(stage_log_has(&stage, "was killed by signal 6"));
}
END_TEST

/* ---- signals, and the end ---- */

START_TEST(signals_are_passed_on)
{
	begin(&calm);
	kill(stage.keeper, SIGHUP);
	puppet_expect(&stage, "signal HUP");
	kill(stage.keeper, SIGUSR1);
	puppet_expect(&stage, "signal USR1");
	kill(stage.keeper, SIGQUIT);
	kill(stage.keeper, SIGPIPE);
	kill(stage.keeper, SIGINT);
	puppet_expect(&stage, "signal USR2");
	puppet_order(&stage, "exit 3");
	ck_assert_int_eq(stage_end(&stage), 3);
}
END_TEST

/* It takes as long as it takes, and says when it has dealt with what is kept. */
START_TEST(ends_when_the_daemon_has_saved)
{
	const struct keeper_options o = {.watchdog_us = 20000, .abort_ns = NS_PER_MS};

	stage_open(&stage, &o, NULL);
	puppet_report(&stage);
	puppet_do(&stage, "memory memtgt-pool %d", MIB);
	puppet_do(&stage, "send EXTEND_TIMEOUT_USEC=3600000000\nREADY=1");
	kill(stage.keeper, SIGTERM);
	puppet_expect(&stage, "signal USR2");
	(void)nanosleep(&(struct timespec){.tv_nsec = 100 * (long)NS_PER_MS}, NULL);
	puppet_do(&stage, "send FDSTOREREMOVE=1\nFDNAME=memtgt-pool");
	puppet_order(&stage, "exit 0");
	ck_assert_int_eq(stage_end(&stage), 0);
	ck_assert(!stage_log_has(&stage, "are lost"));
}
END_TEST

/* The last one left the data there: another gets its chance, and one only. */
START_TEST(ends_without_having_saved)
{
	begin(&calm);
	puppet_do(&stage, "memory memtgt-pool %d", MIB);
	kill(stage.keeper, SIGTERM);
	puppet_expect(&stage, "signal USR2");
	puppet_order(&stage, "exit 0");
	expect_start("1 memtgt-pool");
	puppet_expect(&stage, "signal USR2");
	if (_i == 0) {
		puppet_do(&stage, "send FDSTOREREMOVE=1\nFDNAME=memtgt-pool");
		puppet_order(&stage, "exit 0");
		ck_assert_int_eq(stage_end(&stage), 0);
		ck_assert(!stage_log_has(&stage, "are lost"));
	} else {
		puppet_order(&stage, "raise 9");
		ck_assert_int_eq(stage_end(&stage), EXIT_FAILURE);
		ck_assert(stage_log_has(&stage, "1048576 bytes of memory are lost"));
	}
}
END_TEST

START_TEST(killed_at_the_second_request)
{
	begin(&calm);
	puppet_do(&stage, "memory memtgt-pool %d", MIB);
	kill(stage.keeper, SIGTERM);
	puppet_expect(&stage, "signal USR2");
	kill(stage.keeper, SIGTERM);
	ck_assert_int_eq(stage_end(&stage), EXIT_FAILURE);
	ck_assert(stage_log_has(&stage, "1048576 bytes of memory are lost"));
}
END_TEST

/* Two quick ends: the keeper is in a pause, and holds data. */
static void begin_pause(bool with_data)
{
	begin(&patient);
	if (with_data)
		puppet_do(&stage, "memory memtgt-pool %d", MIB);
	puppet_order(&stage, "exit 1");
	expect_start(with_data ? "1 memtgt-pool" : "none none");
	puppet_order(&stage, "exit 4");
	stage_log_wait(&stage, "ended with status 4");
	kill(stage.keeper, SIGTERM);
}

START_TEST(asked_to_end_in_a_pause)
{
	begin_pause(true);
	expect_start("1 memtgt-pool");
	puppet_expect(&stage, "signal USR2");
	puppet_do(&stage, "send FDSTOREREMOVE=1\nFDNAME=memtgt-pool");
	puppet_order(&stage, "exit 0");
	ck_assert_int_eq(stage_end(&stage), 0);
}
END_TEST

START_TEST(asked_to_end_in_a_pause_without_data)
{
	begin_pause(false);
	ck_assert_int_eq(stage_end(&stage), 4);
}
END_TEST

START_TEST(killed_keeper_is_noticed)
{
	begin(&calm);
	puppet_order(&stage, "watch");
	puppet_expect(&stage, "watching");
	kill(stage.keeper, SIGKILL);
	puppet_expect(&stage, "lost");
	ck_assert_int_eq(stage_end(&stage), 128 + SIGKILL);
}
END_TEST

/* Whoever started the keeper hears of the daemon. */
START_TEST(tells_its_own_manager)
{
	static struct keeper_datagram d;
	char name[64];
	int manager = keeper_socket_open(name, sizeof(name));

	ck_assert_int_ge(manager, 0);
	setenv("NOTIFY_SOCKET", name, 1);
	begin(&calm);
	puppet_do(&stage, "send READY=1\nSTATUS=all is well");
	ck_assert(keeper_socket_receive(manager, &d));
	ck_assert_mem_eq(d.text, "READY=1", d.n);
	ck_assert_int_eq(d.from, stage.keeper);
	ck_assert(keeper_socket_receive(manager, &d));
	ck_assert_mem_eq(d.text, "STATUS=all is well", d.n);
	puppet_do(&stage, "send EXTEND_TIMEOUT_USEC=30000000");
	ck_assert(keeper_socket_receive(manager, &d));
	ck_assert_mem_eq(d.text, "EXTEND_TIMEOUT_USEC=31000000", d.n);
	end();
	ck_assert(keeper_socket_receive(manager, &d));
	ck_assert_mem_eq(d.text, "STOPPING=1", d.n);
	ck_assert(!keeper_socket_receive(manager, &d));
	close(manager);
	unsetenv("NOTIFY_SOCKET");
}
END_TEST

/* ---- the list ---- */

START_TEST(list_of_what_is_kept)
{
	struct keeper_kept k = {0};
	int ends[2];

	ck_assert_int_eq(pipe(ends), 0);
	ck_assert_int_eq(keeper_kept_put(&k, "a", ends[0]), 0);
	ck_assert_int_eq(keeper_kept_put(&k, "b", ends[1]), 0);
	ck_assert_uint_eq(keeper_kept_bytes(&k), 0); /* no files */
	ck_assert(keeper_kept_drop(&k, "a"));
	ck_assert(!keeper_kept_drop(&k, "a"));
	ck_assert_uint_eq(k.n, 1);
	ck_assert_str_eq(k.fds[0].name, "b");
	ck_assert_int_eq(k.fds[0].fd, ends[1]);
	ck_assert_int_eq(close(ends[0]), -1);
	keeper_kept_close(&k);
	ck_assert_int_eq(close(ends[1]), -1);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("keeper");
	TCase *t = tcase_create("keeper"), *list = tcase_create("list");

	tcase_set_timeout(t, 120);
	tcase_add_checked_fixture(t, NULL, teardown);
	tcase_add_test(t, gives_back_what_was_stored);
	tcase_add_test(t, last_words_count);
	tcase_add_test(t, same_name_replaces);
	tcase_add_test(t, no_more_than_the_limit);
	tcase_add_test(t, strange_messages);
	tcase_add_test(t, long_messages);
	tcase_add_test(t, pauses_grow);
	tcase_add_test(t, pauses_do_not_grow_after_ready);
	tcase_add_test(t, no_pause_after_a_long_life);
	tcase_add_test(t, another_binary);
	tcase_add_test(t, silent_after_ready);
	tcase_add_test(t, deaf_to_sigabrt);
	tcase_add_test(t, knows_that_it_hangs);
	tcase_add_test(t, signs_of_life);
	tcase_add_test(t, signals_are_passed_on);
	tcase_add_test(t, ends_when_the_daemon_has_saved);
	tcase_add_loop_test(t, ends_without_having_saved, 0, 2);
	tcase_add_test(t, killed_at_the_second_request);
	tcase_add_test(t, asked_to_end_in_a_pause);
	tcase_add_test(t, asked_to_end_in_a_pause_without_data);
	tcase_add_test(t, killed_keeper_is_noticed);
	tcase_add_test(t, tells_its_own_manager);
	tcase_add_test(list, list_of_what_is_kept);
	suite_add_tcase(s, t);
	suite_add_tcase(s, list);
	return s;
}

int main(void)
{
	char program[4096] = "";

	if (puppet_is_one())
		return puppet_main();
	if (readlink("/proc/self/exe", program, sizeof(program) - 1) < 0)
		return EXIT_FAILURE;
	snprintf(self_name, sizeof(self_name), "%s", strrchr(program, '/') + 1);
	unsetenv("NOTIFY_SOCKET");
	return test_main(suite());
}
