/* SPDX-License-Identifier: MIT */
/* luns_fixture.h - for the tests of luns/luns.h: changes, and commands of sessions, with their
 * outcomes.
 */
#ifndef MEMTGT_LUNS_FIXTURE_H
#define MEMTGT_LUNS_FIXTURE_H

#include <check.h>
#include <stdint.h>

#include "lib/daemon.h"
#include "lib/inside.h"
#include "lib/rawinit.h"

#define BLOCK	512u
#define MIB	((uint64_t)1 << 20)
#define GIVE_UP 200 /* unit attentions in a row */

#define GOOD	      0u
#define LBA_RANGE     0x052100u
#define NO_LU	      0x052500u
#define POWER_ON      0x062900u
#define MODE_CHANGED  0x062a01u
#define SIZE_CHANGED  0x062a09u
#define LUNS_CHANGED  0x063f0eu
#define WRITE_PROTECT 0x072700u
#define BUSY	      0xffffffu /* no sense: the status */

static struct inside in;
static char why[LUNS_WHY];

/* ---- what a change answers ---- */

static inline int add(unsigned id, uint64_t bytes, bool force)
{
	struct luns_new n = {.id = id, .bytes = bytes, .force = force};

	return luns_add(&in.luns, DAEMON_TARGET, &n, NULL, why, sizeof(why));
}

static inline int take(unsigned id)
{
	return luns_remove(&in.luns, DAEMON_TARGET, id, why, sizeof(why));
}

static inline int resize(unsigned id, uint64_t bytes, bool force)
{
	return luns_resize(&in.luns, DAEMON_TARGET, id, bytes, force, why, sizeof(why));
}

static inline int read_only(unsigned id, bool on)
{
	return luns_set_read_only(&in.luns, DAEMON_TARGET, id, on, why, sizeof(why));
}

static inline struct luns_info find(unsigned id)
{
	struct luns_info i;

	ck_assert_int_eq(luns_find(&in.luns, DAEMON_TARGET, id, &i, why, sizeof(why)), 0);
	return i;
}

/* ---- what a command answers ---- */

static inline uint32_t outcome(const struct raw *r, uint8_t status)
{
	if (status == 0)
		return GOOD;
	return status == 8 ? BUSY : raw_sense(r);
}

static inline uint32_t tur(struct raw *r, unsigned lun)
{
	uint8_t status = raw_test_unit_ready(r, lun);

	return outcome(r, status);
}

static inline void clear(struct raw *r, unsigned lun)
{
	for (int i = 0; tur(r, lun) >> 16 == 0x6; i++)
		ck_assert_int_lt(i, GIVE_UP);
}

static inline uint32_t write_at(struct raw *r, unsigned lun, uint64_t lba, const void *p,
				uint32_t n)
{
	uint8_t status = raw_write(r, lun, lba, p, n, BLOCK);

	return outcome(r, status);
}

static inline uint32_t read_at(struct raw *r, unsigned lun, uint64_t lba, void *p, uint32_t n)
{
	uint8_t status = raw_read(r, lun, lba, p, n, BLOCK);

	return outcome(r, status);
}

/* LUN 0 is there before and after, and serves as the place where unit attentions are seen. */
static inline void start(void)
{
	inside_start(&in, 2, "{ id = 0; size = \"8M\"; provisioning = \"thin\"; }",
		     "limits = { tx_stall = 600; rx_stall = 600; };"
		     "pool = { size = \"128M\"; pages = \"plain\"; };");
}

static inline void stop(void)
{
	inside_stop(&in);
}

#endif
