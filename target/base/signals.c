// SPDX-License-Identifier: MIT
/* signals.c - see signals.h. */
#include "base/signals.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stddef.h>
#include <sys/signalfd.h>

static const int ends[] = {SIGTERM, SIGINT, SIGHUP, SIGUSR2};
#define ENDS (sizeof(ends) / sizeof(*ends))

int signals_open(void)
{
	sigset_t set;

	sigemptyset(&set);
	for (size_t i = 0; i < ENDS; i++)
		sigaddset(&set, ends[i]);
	sigaddset(&set, SIGUSR1);
	pthread_sigmask(SIG_BLOCK, &set, NULL);
	signal(SIGPIPE, SIG_IGN);
	signal(SIGXFSZ, SIG_IGN); /* a limit of files is an error like others */
	const int fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	return fd < 0 ? -errno : fd;
}

bool signals_tell_to_end(void)
{
	sigset_t pending;
	bool any = false;

	if (sigpending(&pending))
		return false;
	for (size_t i = 0; i < ENDS; i++)
		any |= sigismember(&pending, ends[i]) == 1;
	return any;
}
