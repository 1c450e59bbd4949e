/* SPDX-License-Identifier: MIT */
/* clock.h - time in nanoseconds of CLOCK_MONOTONIC. */
#ifndef MEMTGT_CLOCK_H
#define MEMTGT_CLOCK_H

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

/* The time in `ms`, for pthread_cond_timedwait() with CLOCK_MONOTONIC. */
static inline struct timespec clock_after(unsigned ms)
{
	uint64_t at = clock_now() + ms * NS_PER_MS;

	return (struct timespec){.tv_sec = (time_t)(at / NS_PER_S),
				 .tv_nsec = (long)(at % NS_PER_S)};
}

#endif
