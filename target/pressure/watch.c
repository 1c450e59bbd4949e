// SPDX-License-Identifier: MIT
/*
 * watch.c - reads /proc/meminfo and /proc/pressure/memory, and feeds the state machine.
 *
 * The kernel tells of a stall by a PSI trigger (Documentation/accounting/psi.rst), so that a calm
 * host is looked at seldom. Files stay open: a host without memory may not be able to open one.
 */
#include "pressure/watch.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/log.h"
#include "base/proc.h"
#include "base/thread.h"

/* 50 ms of stalls in 2 s, the shortest window that needs no privilege. */
static const char trigger[] = "some 50000 2000000";

struct pressure_watch {
	struct pressure_watch_options o;
	int meminfo, stalls, stop; /* stalls may be -1 */
	bool has_trigger;
	pthread_t thread;
	pthread_mutex_t lock; /* of the machine */
	struct pressure machine;
};

/* "some" is the first line; the first total is its. */
static bool read_sample(const struct pressure_watch *w, struct pressure_sample *s)
{
	uint64_t kib;

	*s = (struct pressure_sample){.now = clock_now()};
	if (!proc_number(w->meminfo, "MemAvailable:", &kib))
		return false;
	s->available = kib << 10;
	if (w->stalls >= 0 && !proc_number(w->stalls, "total=", &s->stalled_us))
		s->stalled_us = w->machine.last.stalled_us;
	return true;
}

/* Until the state stays: each change is told. */
static enum pressure_state feed(struct pressure_watch *w)
{
	struct pressure_sample s;
	enum pressure_state from, to;

	if (!read_sample(w, &s)) {
		log_peer(LOG_LEVEL_WARNING, "cannot read how much memory the host has");
		return w->machine.state;
	}
	do {
		pthread_mutex_lock(&w->lock);
		from = w->machine.state;
		to = pressure_step(&w->machine, &s);
		pthread_mutex_unlock(&w->lock);
		if (from != to)
			w->o.changed(w->o.arg, from, to, &s);
	} while (from != to);
	return to;
}

static void *watch(void *arg)
{
	struct pressure_watch *w = arg;
	struct pollfd fds[] = {{.fd = w->stop, .events = POLLIN},
			       {.fd = w->has_trigger ? w->stalls : -1, .events = POLLPRI}};

	while (!(fds[0].revents & POLLIN)) {
		uint64_t ns = w->o.interval_ns;
		if (feed(w) != PRESSURE_GREEN)
			ns /= 10;
		if (poll(fds, 2, (int)(ns / NS_PER_MS)) < 0 && errno != EINTR) {
			log_error("the host's memory is watched no more: poll: %s",
				  strerror(errno));
			return NULL;
		}
		if (fds[1].revents & (POLLERR | POLLNVAL))
			fds[1].fd = -1; /* the trigger is gone; the interval stays */
	}
	return NULL;
}

/* Without the right to a trigger the file is still read. */
static void open_stalls(struct pressure_watch *w)
{
	w->stalls = -1;
	if (!w->o.stalls)
		return;
	if (w->o.trigger)
		w->stalls = open(w->o.stalls, O_RDWR | O_CLOEXEC | O_NONBLOCK);
	w->has_trigger =
		w->stalls >= 0 && write(w->stalls, trigger, sizeof(trigger)) == sizeof(trigger);
	if (w->has_trigger)
		return;
	if (w->stalls >= 0)
		close(w->stalls);
	w->stalls = open(w->o.stalls, O_RDONLY | O_CLOEXEC);
	if (w->stalls < 0)
		log_info("%s: %s: stalls for memory are not watched, only what is available",
			 w->o.stalls, strerror(errno));
}

static int start_thread(struct pressure_watch *w)
{
	sigset_t before;

	thread_block_signals(&before);
	int rc = -pthread_create(&w->thread, NULL, watch, w);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return rc;
}

static void free_watch(struct pressure_watch *w)
{
	if (w->meminfo >= 0)
		close(w->meminfo);
	if (w->stalls >= 0)
		close(w->stalls);
	if (w->stop >= 0)
		close(w->stop);
	pthread_mutex_destroy(&w->lock);
	free(w);
}

int pressure_watch_start(struct pressure_watch **out, const struct pressure_watch_options *o)
{
	struct pressure_watch *w = calloc(1, sizeof(*w));
	int rc;

	if (!w)
		return -ENOMEM;
	rc = -pthread_mutex_init(&w->lock, NULL);
	if (rc) {
		free(w);
		return rc;
	}
	w->o = *o;
	pressure_init(&w->machine, o->headroom);
	w->meminfo = open(o->meminfo, O_RDONLY | O_CLOEXEC);
	rc = w->meminfo < 0 ? -errno : 0;
	w->stop = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (!rc && w->stop < 0)
		rc = -errno;
	open_stalls(w);
	w->o.meminfo = w->o.stalls = NULL;
	if (!rc)
		rc = start_thread(w);
	if (rc)
		free_watch(w);
	else
		*out = w;
	return rc;
}

void pressure_watch_stop(struct pressure_watch *w)
{
	if (!w)
		return;
	eventfd_write(w->stop, 1);
	pthread_join(w->thread, NULL);
	free_watch(w);
}

enum pressure_state pressure_watch_state(struct pressure_watch *w, struct pressure_sample *s)
{
	pthread_mutex_lock(&w->lock);
	enum pressure_state state = w->machine.state;
	*s = w->machine.last;
	pthread_mutex_unlock(&w->lock);
	return state;
}
