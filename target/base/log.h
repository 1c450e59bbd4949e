/* SPDX-License-Identifier: MIT */
/*
 * log.h - one line per event, to stderr.
 *
 * A line says what happened, to whom (peer, target, LUN) and with which values, once, where the
 * cause is known. Safe from any thread. If stderr is the journal's stream (JOURNAL_STREAM names it)
 * lines begin with <priority>, else with "memtgtd: ". Control characters become '?', lines are cut
 * at 1 KiB.
 */
#ifndef MEMTGT_LOG_H
#define MEMTGT_LOG_H

#include <stdbool.h>
#include <stdint.h>

enum log_level { LOG_LEVEL_ERROR, LOG_LEVEL_WARNING, LOG_LEVEL_INFO, LOG_LEVEL_DEBUG };

/* Lines above this level are dropped. Default: LOG_LEVEL_INFO. */
void log_set_level(enum log_level level);

/* The names in the configuration, by enum log_level: "error", "warning", "info", "debug", NULL. */
extern const char *const log_level_names[];
/* The level of that name, -1 if there is none. */
int log_level_of(const char *name);

void log_line(enum log_level level, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* A line that no log level leaves out: what scripts wait for. */
void log_always(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

#define log_error(...) log_line(LOG_LEVEL_ERROR, __VA_ARGS__)
#define log_warn(...)  log_line(LOG_LEVEL_WARNING, __VA_ARGS__)
#define log_info(...)  log_line(LOG_LEVEL_INFO, __VA_ARGS__)
#define log_debug(...) log_line(LOG_LEVEL_DEBUG, __VA_ARGS__)

/*
 * For lines that a peer can cause at will: at most LOG_BURST lines per LOG_WINDOW_S seconds from
 * one place; the first line after a pause says how many were left out. log_line_limited() says
 * whether the limit let the line pass; with a NULL for the limit, it always does.
 */
#define LOG_BURST    10
#define LOG_WINDOW_S 10
struct log_limit {
	_Atomic uint64_t window; /* start, seconds of CLOCK_MONOTONIC_COARSE */
	_Atomic unsigned sent, dropped;
};
bool log_limit_pass(struct log_limit *l, unsigned *dropped);
bool log_line_limited(struct log_limit *l, enum log_level level, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
#define log_peer(level, ...)                                   \
	do {                                                   \
		static struct log_limit limit_;                \
		log_line_limited(&limit_, level, __VA_ARGS__); \
	} while (0)

#endif
