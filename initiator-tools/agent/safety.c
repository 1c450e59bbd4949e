// SPDX-License-Identifier: MIT
/* safety.c - mlockall(2), oom_score_adj, PR_SET_IO_FLUSHER. */
#include "initiator-tools/agent/safety.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "initiator-tools/agent/say.h"
#include "initiator-tools/check/process.h"

#ifndef PR_SET_IO_FLUSHER
#define PR_SET_IO_FLUSHER 57
#endif
#define STACK_BYTES (256 << 10)
#define OOM_NEVER   "-1000"

/* The shadow memory of sanitizers is larger than any host: all of it would be locked. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define CAN_LOCK 0
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define CAN_LOCK 0
#endif
#endif
#ifndef CAN_LOCK
#define CAN_LOCK 1
#endif

/* So much stack is there and stays. */
static void touch_stack(void)
{
	volatile char room[STACK_BYTES];

	for (size_t i = 0; i < sizeof(room); i += 4096)
		room[i] = 0;
}

static int lock_all(int flags)
{
	if (!CAN_LOCK)
		return 0;
	touch_stack();
	return mlockall(flags) ? -errno : 0;
}

static int never_killed(void)
{
	int fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC), err = 0;

	if (fd < 0 || write(fd, OOM_NEVER, strlen(OOM_NEVER)) < 0)
		err = -errno;
	if (fd >= 0)
		close(fd);
	return err;
}

void safety_begin(void)
{
	int err = lock_all(MCL_CURRENT | MCL_FUTURE);

	if (err)
		say("warning: its memory cannot be locked (%s): it may stand still when the host "
		    "swaps",
		    strerror(-err));
	err = never_killed();
	if (err)
		say("warning: oom_score_adj cannot be set (%s): the kernel may end it when memory "
		    "is short",
		    strerror(-err));
	/* So that "memloan check" finds it where there is no unit. */
	(void)prctl(PR_SET_NAME, PROCESS_AGENT, 0, 0, 0);
	if (prctl(PR_SET_IO_FLUSHER, 1, 0, 0, 0))
		say("warning: PR_SET_IO_FLUSHER cannot be set (%s): it may wait for the swap that "
		    "it is to mend",
		    strerror(errno));
}

void safety_in_child(int first)
{
	sigset_t none;

	(void)syscall(SYS_close_range, (unsigned)first, ~0u, 0);
	signal(SIGTERM, SIG_DFL);
	signal(SIGINT, SIG_DFL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	(void)lock_all(MCL_CURRENT);
}
