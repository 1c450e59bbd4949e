/* SPDX-License-Identifier: MIT */
/*
 * ctl.h - memtgtctl and other clients of a control socket, for tests.
 *
 * The program is $MEMTGTCTL (default target/memtgtctl/memtgtctl).
 */
#ifndef MEMTGT_TEST_CTL_H
#define MEMTGT_TEST_CTL_H

#include <stdbool.h>
#include <sys/types.h>

#define CTL_PATH 128
#define CTL_OUT	 65536

/* The socket; and all that was printed, or heard, last. */
extern char ctl_path[CTL_PATH], ctl_out[CTL_OUT];

/* Words are separated by one blank. Returns the pid; what it prints goes to `to`. */
pid_t ctl_start(const char *words, int to, bool as_nobody);
/* Its exit status, which it must reach by itself. */
int ctl_wait(pid_t pid);
/* Both, and what it printed is in ctl_out. */
int ctl_run(const char *words, bool as_nobody);
/* The same; another status fails the test. */
void ctl(const char *words, int status);
/* ctl_out has this text, or the test fails. */
void ctl_has(const char *text);
unsigned ctl_lines(void);

/* A connection. */
int ctl_client(void);
bool ctl_say(int fd, const char *text);
/* A line into ctl_out; false: the end. */
bool ctl_hear(int fd);

#endif
