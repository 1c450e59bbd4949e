/* SPDX-License-Identifier: MIT */
/*
 * daemon.h - a real memtgtd for one test, on a port of its own.
 *
 * The program is $MEMTGTD (default target/memtgtd). It dies with the process that started it, so
 * that a failed test leaves nothing behind. Its log is kept in the folder $DAEMON_LOGS, if set. If
 * $DAEMON_ENGINE is set, the reactors must run on that, as the log says it: "epoll
 * (edge-triggered)".
 */
#ifndef MEMTGT_TEST_DAEMON_H
#define MEMTGT_TEST_DAEMON_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#define DAEMON_TARGET "iqn.2026-01.org.memtgt:test"
/* Every wait for something that must come: generous, for sanitizers on a busy machine. */
#define DAEMON_PATIENCE_MS 30000

struct daemon {
	pid_t pid; /* of the keeper, if it has one */
	unsigned port;
	int log;	 /* an unlinked file */
	char config[40]; /* its name, until it was read */
};

/*
 * Starts it and waits until it is ready; fails the test if it does not get there. The
 * configuration has a portal on a free port of 127.0.0.1, one target DAEMON_TARGET with these
 * `luns` (the entries between the parentheses), and `more` settings at the top level.
 */
void daemon_start(struct daemon *d, const char *luns, const char *more);

/* The same; the configuration stays, as in the next. */
void daemon_start_lasting(struct daemon *d, const char *luns, const char *more);

/* The same, with a SIGTERM that waits for it from the beginning; its start is not waited for. */
void daemon_start_ending(struct daemon *d, const char *luns, const char *more);

/*
 * The same with `memtgtd --keeper`. The configuration stays, in d->config, to be read at each
 * start. Whatever the keeper leaves behind ends with the test's process.
 */
void daemon_start_kept(struct daemon *d, const char *luns, const char *more);
/* The process of the daemon that the keeper started last. */
pid_t daemon_child(const struct daemon *d);
/* Waits until a daemon has become ready `n` times in all. */
void daemon_wait_ready(struct daemon *d, unsigned n);

/* SIGKILL, and the memory is lost. */
void daemon_kill(struct daemon *d);
/* Another, on the port of one that has ended; with a keeper if `kept`. */
void daemon_start_again(struct daemon *d, const char *luns, const char *more, bool kept);

/* Sends SIGTERM. */
void daemon_ask_to_end(const struct daemon *d);
/* Waits for its end within `ms`, which must be exit status 0 without a sanitizer's report. */
void daemon_wait_end(struct daemon *d, unsigned ms);
/* Both. */
void daemon_stop(struct daemon *d);
/* It runs, and no sanitizer has spoken. */
void daemon_check_alive(const struct daemon *d);

bool daemon_log_has(const struct daemon *d, const char *text);
/* Waits for a line in the log; fails the test if it does not come. */
void daemon_log_wait(const struct daemon *d, const char *text);

/* "127.0.0.1:PORT" in a static buffer. */
const char *daemon_portal(const struct daemon *d);
/* The port of portal i, in the order of the configuration. */
unsigned daemon_port(const struct daemon *d, unsigned i);

/* Milliseconds of CLOCK_MONOTONIC, for limits. */
unsigned long long test_now_ms(void);
void test_sleep_ms(unsigned ms);

#endif
