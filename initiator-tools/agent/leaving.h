/* SPDX-License-Identifier: MIT */
/*
 * leaving.h - which donors are to be left: those that take no new logins (status 0301h: draining,
 * or full of sessions), twice in succession. All donors are asked now and then in a process of its
 * own, as "memloan donors" asks them, but nothing is measured.
 */
#ifndef MEMTGT_LEAVING_H
#define MEMTGT_LEAVING_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "initiator-tools/command.h"
#include "initiator-tools/donor.h"

#define LEAVING_EVERY_S 30u /* between two questions */
#define LEAVING_AGAIN_S 5u  /* if one is refused; or the kernel told of a donor short of memory */
#define LEAVING_TIMES	2u

struct leaving_answers;

struct leaving {
	const struct command_line *command;
	struct leaving_answers *answers; /* shared with the process */
	pid_t pid;			 /* 0: none asks */
	uint64_t next, limit;		 /* question; end of the present one */
	struct {
		char name[DONOR_NAME_MAX + 1];
		unsigned times;
	} refusing[DONORS_MAX];
	size_t nrefusing;
};

/* 0 or -ENOMEM. */
int leaving_begin(struct leaving *l, const struct command_line *c)
	__attribute__((warn_unused_result));
/* To be called often: begins a question, takes its answers. Does not wait. */
void leaving_turn(struct leaving *l, uint64_t now);
/* The next question is wanted soon. */
void leaving_hurry(struct leaving *l, uint64_t now);
bool leaving_has(const struct leaving *l, const char *donor);
void leaving_end(struct leaving *l);

/* For tests: one donor's answer to one question. */
void leaving_take(struct leaving *l, const char *donor, bool is_refusing);

#endif
