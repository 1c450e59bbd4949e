// SPDX-License-Identifier: MIT
/* keeper.c - the process between memloan and a program; what they share. */
#include "initiator-tools/host/keeper.h"

#include <errno.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/clock.h"
#include "initiator-tools/host/child.h"

/* How often it is looked whether the program is to be ended. */
#define LOOK_MS 100u
/* For the keeper's own end. */
#define END_NS (5 * NS_PER_S)

struct keeper {
	const char *const *argv;
	bool errors;
	uint64_t until; /* of clock_now(); UINT64_MAX: no limit */
	atomic_bool is_ended;
	int err;
	struct spawn_result r;
};

/* ---- the keeper ---- */

static bool goes_on(void *arg)
{
	struct keeper *k = arg;

	return !atomic_load(&k->is_ended) && clock_now() < k->until;
}

static int keep(void *arg)
{
	struct keeper *k = arg;

	k->err = spawn_watch(k->argv, LOOK_MS, k->errors, goes_on, k, &k->r);
	_exit(0); /* nothing of memloan's is to be done twice */
}

/* ---- memloan ---- */

/* Until it has ended. Asks go_on() after each tick. */
static int wait_for_keeper(pid_t pid, struct keeper *k, unsigned tick_ms, bool (*go_on)(void *arg),
			   void *arg)
{
	bool has_ended = false;

	while (!(has_ended = child_has_ended(pid, tick_ms * NS_PER_MS)) && go_on(arg))
		;
	atomic_store(&k->is_ended, true);
	int err = has_ended ? 0 : child_wait(pid, END_NS);
	return err > 0 ? -EIO : err;
}

static int run(struct keeper *k, unsigned tick_ms, bool (*go_on)(void *arg), void *arg,
	       struct spawn_result *r)
{
	pid_t pid = child_start_lasting(keep, k);

	*r = (struct spawn_result){.status = -1};
	int err = pid < 0 ? pid : wait_for_keeper(pid, k, tick_ms, go_on, arg);
	if (err)
		return err;
	memcpy(r, &k->r, sizeof(*r));
	return k->err;
}

static int share_and_run(const struct keeper *wish, unsigned tick_ms, bool (*go_on)(void *arg),
			 void *arg, struct spawn_result *r)
{
	struct keeper *k =
		mmap(NULL, sizeof(*k), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (k == MAP_FAILED)
		return -ENOMEM;
	*k = *wish;
	k->err = -EIO; /* somebody has killed it */
	int err = run(k, tick_ms, go_on, arg, r);
	munmap(k, sizeof(*k));
	return err;
}

int keeper_watch(const char *const argv[], unsigned tick_ms, bool errors, bool (*go_on)(void *arg),
		 void *arg, struct spawn_result *r)
{
	struct keeper wish = {.argv = argv, .errors = errors, .until = UINT64_MAX};

	return share_and_run(&wish, tick_ms, go_on, arg, r);
}

static bool no_more(void *arg)
{
	(void)arg;
	return false;
}

/* The keeper has the limit; here it is waited a little longer. */
int keeper_run(const char *const argv[], unsigned limit_ms, bool errors, struct spawn_result *r)
{
	struct keeper wish = {
		.argv = argv, .errors = errors, .until = clock_now() + limit_ms * NS_PER_MS};

	return share_and_run(&wish, limit_ms, no_more, NULL, r);
}
