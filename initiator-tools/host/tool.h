/* SPDX-License-Identifier: MIT */
/*
 * tool.h - the programs that memloan runs: iscsiadm, LVM's, cryptsetup, mkswap. One at a time, each
 * with a limit of time, by outlive.h.
 */
#ifndef MEMTGT_TOOL_H
#define MEMTGT_TOOL_H

#include <stdbool.h>
#include <stddef.h>

#include "base/spawn.h"

/* Where programs are looked for; tests put others there. */
extern const char *tool_path; /* "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin" */

/* Of each, in milliseconds; tests shorten it. */
extern unsigned tool_limit_ms;

#define TOOL_LIMIT_MS 120000u
#define TOOL_TICK_MS  500u
/* So many times the limit for what must not be ended while it holds a device of device mapper
 * still: it waits for a silent disk as long as the kernel does. */
#define TOOL_PATIENT  4
#define TOOL_PATH_MAX 256

/* Where the program is. 0, or -ENOENT with `why`. */
int tool_find(const char *name, char path[static TOOL_PATH_MAX], char *why, size_t why_len)
	__attribute__((warn_unused_result));

/*
 * argv[0] is a program's name. What it printed (both streams) is in r->out. 0: it ended with status
 * 0; -ENOENT: it is not installed; -EREMOTEIO: another status; -ETIMEDOUT: it was killed, or given
 * up. After an error `why` says which program, and its last line.
 */
int tool_run(const char *const argv[], struct spawn_result *r, char *why, size_t why_len)
	__attribute__((warn_unused_result));

/* The same with TOOL_PATIENT times the limit. */
int tool_run_patiently(const char *const argv[], struct spawn_result *r, char *why, size_t why_len)
	__attribute__((warn_unused_result));

/* The same for what it prints to be read: standard output only; -EMSGSIZE: it said too much. */
int tool_ask(const char *const argv[], struct spawn_result *r, char *why, size_t why_len)
	__attribute__((warn_unused_result));

/* The same without a limit, for what must not be ended half way: after each TOOL_TICK_MS it is
 * asked whether it goes on; if not, -ETIMEDOUT. */
int tool_watch(const char *const argv[], bool (*go_on)(void *arg), void *arg,
	       struct spawn_result *r, char *why, size_t why_len)
	__attribute__((warn_unused_result));

#endif
