/* SPDX-License-Identifier: MIT */
/*
 * process.h - the processes of this host on which borrowed swap depends, by /proc.
 *
 * Only files are read for which the kernel needs nothing of the process (no cmdline, no smaps): one
 * that waits for a page of a donor that is gone must not make us wait.
 */
#ifndef MEMTGT_PROCESS_H
#define MEMTGT_PROCESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define PROCESS_NAME_MAX 15 /* of the kernel's "comm" */
#define PROCESSES_MAX	 256

/* The agent is the memloan of this unit, or one that calls itself so (PR_SET_NAME). */
#define PROCESS_AGENT	   "memloan-agent"
#define PROCESS_AGENT_UNIT "/memloan-agent.service"

enum process_kind {
	PROCESS_OTHER,
	PROCESS_INIT,
	PROCESS_ISCSID,
	PROCESS_SSHD,
	PROCESS_OWN_AGENT,
	PROCESS_MULTIPATHD,
	PROCESS_GUEST, /* a virtual machine */
};

struct process {
	pid_t pid;
	enum process_kind kind;
	char name[PROCESS_NAME_MAX + 1];
	uint64_t swapped, locked, resident, huge; /* bytes */
	bool has_oom;
	long oom;	  /* oom_score_adj */
	bool is_swapless; /* its cgroup, or one above, may have no swap */
};

struct processes {
	struct process *all; /* of every kind but OTHER */
	size_t n;
	bool is_cut; /* there are more */
};

/* 0 or -errno: /proc could not be read. */
int processes_read(struct processes *p) __attribute__((warn_unused_result));
void processes_free(struct processes *p);

/* By the name of the process; pid 1 is INIT however it is called. */
enum process_kind process_kind(pid_t pid, const char *name);

/* No page of it can be on swap from now on. */
bool process_is_safe(const struct process *p);
/* Must it never wait for a borrowed page? */
bool process_is_vital(const struct process *p);

#endif
