/* SPDX-License-Identifier: MIT */
/*
 * spawn.h - another program: it is run, what it prints is taken, and it has a limit of time.
 *
 * From any thread. It gets no descriptor of ours, no blocked signal, and nothing of what a service
 * manager told us in the environment, so it cannot speak in our name.
 */
#ifndef MEMTGT_SPAWN_H
#define MEMTGT_SPAWN_H

#include <stdbool.h>
#include <stddef.h>

#define SPAWN_OUT_MAX 32768u

struct spawn_result {
	int status;		     /* exit status; -1: a signal ended it */
	char out[SPAWN_OUT_MAX + 1]; /* what it printed, with a NUL behind it; more is dropped */
	size_t len;		     /* of that; a NUL may be in it */
	bool is_cut;		     /* it printed more */
};

/*
 * Until it has ended. argv[0] is a path, argv[] ends with NULL. Standard input is empty; standard
 * error is taken too if `errors`, and dropped else. 0, -ETIMEDOUT (it was killed; if it stands in
 * the kernel, where that does not reach it, it is left behind after a second), or -errno if it
 * could not be run.
 */
int spawn_run(const char *const argv[], unsigned limit_ms, bool errors, struct spawn_result *r)
	__attribute__((warn_unused_result));

/*
 * The same for what may take as long as it goes on: after each tick_ms it is asked, and killed if
 * the answer is false.
 */
int spawn_watch(const char *const argv[], unsigned tick_ms, bool errors, bool (*go_on)(void *arg),
		void *arg, struct spawn_result *r) __attribute__((warn_unused_result));

#endif
