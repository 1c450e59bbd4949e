// SPDX-License-Identifier: MIT
/* outlive.c - the process between memloan and a program; what they share. */
#include "initiator-tools/host/outlive.h"

#include <errno.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/clock.h"
#include "initiator-tools/host/child.h"

/* How often it is looked whether the program is to be ended. */
#define LOOK_MS 100u
/* For the watcher's own end. */
#define END_NS (5 * NS_PER_S)

struct watcher {
	const char *const *argv;
	bool errors;
	uint64_t until; /* of clock_now(); UINT64_MAX: no limit */
	atomic_bool is_ended;
	int err;
	struct spawn_result r;
};

/* ---- the watcher ---- */

static bool goes_on(void *arg)
{
	struct watcher *w = arg;

	return !atomic_load(&w->is_ended) && clock_now() < w->until;
}

static int keep(void *arg)
{
	struct watcher *w = arg;

	w->err = spawn_watch(w->argv, LOOK_MS, w->errors, goes_on, w, &w->r);
	_exit(0); /* nothing of memloan's is to be done twice */
}

/* ---- memloan ---- */

/* Until it has ended. Asks go_on() after each tick. */
static int wait_for_watcher(pid_t pid, struct watcher *w, unsigned tick_ms,
			    bool (*go_on)(void *arg), void *arg)
{
	bool has_ended = false;

	while (!(has_ended = child_has_ended(pid, tick_ms * NS_PER_MS)) && go_on(arg))
		;
	atomic_store(&w->is_ended, true);
	int err = has_ended ? 0 : child_wait(pid, END_NS);
	return err > 0 ? -EIO : err;
}

static int run(struct watcher *w, unsigned tick_ms, bool (*go_on)(void *arg), void *arg,
	       struct spawn_result *r)
{
	pid_t pid = child_start_lasting(keep, w);

	*r = (struct spawn_result){.status = -1};
	int err = pid < 0 ? pid : wait_for_watcher(pid, w, tick_ms, go_on, arg);
	if (err)
		return err;
	memcpy(r, &w->r, sizeof(*r));
	return w->err;
}

static int share_and_run(const struct watcher *wish, unsigned tick_ms, bool (*go_on)(void *arg),
			 void *arg, struct spawn_result *r)
{
	struct watcher *w =
		mmap(NULL, sizeof(*w), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (w == MAP_FAILED)
		return -ENOMEM;
	*w = *wish;
	w->err = -EIO; /* somebody has killed it */
	int err = run(w, tick_ms, go_on, arg, r);
	munmap(w, sizeof(*w));
	return err;
}

int outlive_watch(const char *const argv[], unsigned tick_ms, bool errors, bool (*go_on)(void *arg),
		  void *arg, struct spawn_result *r)
{
	struct watcher wish = {.argv = argv, .errors = errors, .until = UINT64_MAX};

	return share_and_run(&wish, tick_ms, go_on, arg, r);
}

static bool no_more(void *arg)
{
	(void)arg;
	return false;
}

/* The watcher has the limit; here it is waited a little longer. */
int outlive_run(const char *const argv[], unsigned limit_ms, bool errors, struct spawn_result *r)
{
	struct watcher wish = {
		.argv = argv, .errors = errors, .until = clock_now() + limit_ms * NS_PER_MS};

	return share_and_run(&wish, limit_ms, no_more, NULL, r);
}
