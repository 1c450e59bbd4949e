/* SPDX-License-Identifier: MIT */
/*
 * outlive.h - programs that change this host end even if memloan is killed: LVM that is killed with
 * a device held still stops all who use it.
 *
 * Another process of memloan, which has what memloan has locked, waits for the program. So the next
 * run does not begin beside it. It takes what the program says, too: nobody must die of a pipe.
 */
#ifndef MEMTGT_OUTLIVE_H
#define MEMTGT_OUTLIVE_H

#include "base/spawn.h"

/* As spawn_run(). */
int outlive_run(const char *const argv[], unsigned limit_ms, bool errors, struct spawn_result *r)
	__attribute__((warn_unused_result));

/* As spawn_watch(). Without memloan it goes on. */
int outlive_watch(const char *const argv[], unsigned tick_ms, bool errors, bool (*go_on)(void *arg),
		  void *arg, struct spawn_result *r) __attribute__((warn_unused_result));

#endif
