/* SPDX-License-Identifier: MIT */
/* clock.h - time in nanoseconds of CLOCK_MONOTONIC. */
#ifndef MEMTGT_CLOCK_H
#define MEMTGT_CLOCK_H

#include <pthread.h>
#include <stdint.h>
#include <time.h>

#define NS_PER_S  1000000000ull
#define NS_PER_MS 1000000ull
#define NS_PER_US 1000ull

static inline uint64_t clock_now(void)
{
	struct timespec ts;
	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * NS_PER_S + (uint64_t)ts.tv_nsec;
}

static inline struct timespec clock_timespec(uint64_t ns)
{
	return (struct timespec){.tv_sec = (time_t)(ns / NS_PER_S),
				 .tv_nsec = (long)(ns % NS_PER_S)};
}

/* A condition whose pthread_cond_timedwait() goes by this clock. 0 or -errno. */
static inline int clock_cond_init(pthread_cond_t *c)
{
	pthread_condattr_t attr;

	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	int rc = -pthread_cond_init(c, &attr);
	pthread_condattr_destroy(&attr);
	return rc;
}

/* The time in `ms`, for a wait. */
static inline struct timespec clock_after(unsigned ms)
{
	return clock_timespec(clock_now() + ms * NS_PER_MS);
}

#endif
