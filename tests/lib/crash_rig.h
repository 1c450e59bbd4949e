/* SPDX-License-Identifier: MIT */
/*
 * crash_rig.h - memtgtd under its keeper, with a load on two LUNs and a control socket.
 *
 * LUN 0 is full, LUN 1 thin. All files are in one folder, which is removed at the end.
 */
#ifndef MEMTGT_TEST_CRASH_RIG_H
#define MEMTGT_TEST_CRASH_RIG_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/ctl.h"
#include "lib/daemon.h"
#include "lib/load.h"

#define CRASH_SESSIONS	 4
#define CRASH_FULL_BYTES "32M" /* of LUN 0: 8 MiB for each session */
/* Of LUN 1: almost no place is never written, so that the reserve gets smaller when LUNs go. */
#define CRASH_THIN_BYTES "34M"

struct crash_rig {
	struct daemon d;
	struct load *load;
	char folder[64];
	char state[80], spill[80]; /* folders in it, made anew: of the configuration */
	char more[2048];
};

/* Makes the folder, and the names. */
void crash_folder(struct crash_rig *c);
/* Starts keeper and daemon; `more` settings at the top level, or NULL. */
void crash_start(struct crash_rig *c, const char *more);
/* SIGTERM to the keeper, its end, and another on the same port, with the same settings. */
void crash_restart(struct crash_rig *c);
/* Starts the load, which may meet with a port where nobody listens. */
void crash_load(struct crash_rig *c, bool may_be_refused);
/* Waits until memtgtctl is answered. */
void crash_served(const struct crash_rig *c);
/* The process that the keeper has now, which may be dead; 0: none. */
pid_t crash_child(const struct crash_rig *c);
/* SIGKILL to it, as soon as there is one; returns it. */
pid_t crash_kill_child(const struct crash_rig *c);
/* And waits until the keeper has another. */
void crash_kill(const struct crash_rig *c);
/* The load rests, each block is compared, and no page is lost or left over: the LUNs' make what is
 * used; and that, the reserve and what is coming is all that the host spends. Then it goes on. */
void crash_check(struct crash_rig *c);
/* The last part of it, alone. */
void crash_check_pages(const struct crash_rig *c);
/* The load's end, if there is one, with its figures; SIGTERM to the keeper; the folder goes. */
void crash_stop(struct crash_rig *c, const char *what);

/* A copy of the memtgtd that is tested. */
void crash_copy_program(const char *to);

/* The first number of this name in what memtgtctl --json printed last. */
uint64_t crash_number(const char *name);
/* The sum of all. */
uint64_t crash_sum(const char *name);

/* No daemon runs between these two; the keeper stands still. */
void crash_halt(const struct crash_rig *c);
void crash_resume(const struct crash_rig *c);
/* Is there a record of the store at this place (store/record.h)? Then a byte of one of its copies
 * becomes another. */
bool crash_damage_copy(const struct crash_rig *c, unsigned place, unsigned copy, unsigned at);
/* Both copies, of a LUN that has this size; false: there is none. */
bool crash_damage(const struct crash_rig *c, uint64_t bytes);

/* The descriptor with which the keeper holds this ("memtgt-records"), opened by this process. */
int crash_open_kept(const struct crash_rig *c, const char *name);

#endif
