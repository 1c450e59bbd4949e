/* SPDX-License-Identifier: MIT */
/*
 * inherit.h - descriptors that a process gets from the one before it, each with a name.
 *
 * sd_listen_fds(3): they lie from 3 on, $LISTEN_FDS tells how many, $LISTEN_FDNAMES their names,
 * $LISTEN_PID for which process. systemd passes what its store kept in this way, `memtgtd --keeper`
 * what it kept, and a daemon all it has when another program takes its place.
 */
#ifndef MEMTGT_INHERIT_H
#define MEMTGT_INHERIT_H

#include <stddef.h>
#include <sys/types.h>

#define INHERIT_FIRST 3
#define INHERIT_MAX   253u

struct inherit_fd {
	const char *name;
	int fd;
};

/*
 * Reads the variables, once at the start, and removes them; the descriptors are closed at the next
 * execve(2). 0, also if they are for another process or are not there, or -errno after a log line:
 * what they say cannot be, so nothing may be concluded from what is missing.
 */
int inherit_read(void) __attribute__((warn_unused_result));
/* The descriptor of that name, from then on the caller's; -1: none. Of several, the first. */
int inherit_take(const char *name);
/* Closes what nobody took, and asks whoever keeps it to forget it. */
void inherit_close_rest(void);

/*
 * Runs the program in place of this process, with these descriptors and no other that is closed at
 * execve(2). From one thread, when no other uses the environment. Returns -errno: then fds[] tells
 * where the descriptors are now, if any was moved, and what else was from INHERIT_FIRST to
 * INHERIT_FIRST + n - 1 is closed; the caller may try another program. n <= INHERIT_MAX.
 */
int inherit_exec(const char *path, char *const argv[], struct inherit_fd *fds, size_t n);

/*
 * What the variables say, any may be NULL. `names` is cut in place, and out[] points into it; a
 * name is NULL if there are no names. Returns how many there are, 0 if they are not for `self`, or
 * -EINVAL.
 */
int inherit_parse(const char *pid, const char *count, char *names, pid_t self,
		  struct inherit_fd out[static INHERIT_MAX]) __attribute__((warn_unused_result));

#endif
