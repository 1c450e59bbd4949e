/* SPDX-License-Identifier: MIT */
/* mirror.h - how patient the step "mirror" is: constants, but for tests. */
#ifndef MEMTGT_MIRROR_H
#define MEMTGT_MIRROR_H

/* How often it looks; and after which time without any progress it gives the leg up: longer than
 * open-iscsi holds commands for a session that is away. */
extern unsigned mirror_tick_ms, mirror_stall_ms;

#endif
