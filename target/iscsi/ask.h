/* SPDX-License-Identifier: MIT */
/*
 * ask.h - one question to every reactor, and what is done when all have answered.
 *
 * The question is a struct that begins with struct ask, and has a part for each reactor. Each
 * reactor runs the question's run() between two commands, on its own part, which nobody else looks
 * at until all have answered; the question itself they share. Questions of one caller are run in
 * the order of their ask_post(). A reactor that is busy is late, but never leaves one out: also
 * those that are under way when the reactors end are run, and freed.
 *
 * The memory has two holders: who asked, until ask_leave(), and the reactors together, until the
 * last of them has answered. The second to leave frees it. So who stops waiting simply leaves; what
 * run() and all() look at must therefore lie in the question, or live as long as the reactors.
 */
#ifndef MEMTGT_ASK_H
#define MEMTGT_ASK_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

#include "reactor/reactor.h"

struct iscsi_node;
struct ask;

struct ask_part {
	struct reactor_msg msg; /* first */
	struct ask *whole;
};

struct ask_kind {
	size_t size;	  /* of the struct that begins with struct ask */
	size_t part_size; /* of the struct that begins with struct ask_part */
	/* In each reactor. */
	void (*run)(struct ask *a, struct ask_part *p, struct reactor *r);
	/* Once, after all have run it and before anybody's wait is over: in ask.home, or else in
	 * the reactor that was last. NULL: nothing is left to do. */
	void (*all)(struct ask *a);
};

struct ask {
	const struct ask_kind *kind;
	struct reactor *home; /* see all(); set before ask_post() */
	/* ask.c's own */
	struct iscsi_node *node;
	struct reactor_msg at_home;
	_Atomic unsigned left;	  /* reactors that have not run it */
	_Atomic unsigned holders; /* see above */
	pthread_mutex_t lock;	  /* of is_over; a leaf */
	pthread_cond_t over;
	bool is_over;
};

/* Zeroes behind struct ask, and in the parts. The caller holds it. NULL: no memory. */
struct ask *ask_new(struct iscsi_node *n, const struct ask_kind *k);
/* To all reactors, once. From any thread; without a reactor all() is called at once, from here. */
void ask_post(struct ask *a);
/* From any thread but the reactors, after ask_post(). 0: all have answered, and the caller may look
 * at the question and its parts until ask_leave(); -ETIMEDOUT: not within `ms`, but they will. */
int ask_wait(struct ask *a, unsigned ms) __attribute__((warn_unused_result));
/* The caller holds it no more. */
void ask_leave(struct ask *a);

/* Part i < node.nworkers. */
struct ask_part *ask_part(const struct ask *a, unsigned i);

#endif
