// SPDX-License-Identifier: MIT
/* guard.c - a child that asks, and whom to blame if it does not come to an end. */
#include "initiator-tools/guard.h"

#include <errno.h>
#include <sys/mman.h>

#include "initiator-tools/host/child.h"

int guard_run(struct survey *s, struct donor *donors, size_t n, uint64_t limit_ns,
	      int (*ask)(void *arg), void *arg)
{
	unsigned *serving = mmap(NULL, sizeof(*serving), PROT_READ | PROT_WRITE,
				 MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	int result = -EIO;

	if (serving == MAP_FAILED)
		return -ENOMEM;
	s->serving = serving;
	for (unsigned i = 0; i < GUARD_TRIES && result == -EIO; i++) {
		*serving = 0;
		pid_t pid = child_start(ask, arg);
		result = pid < 0 ? pid : child_wait(pid, limit_ns);
		if (result == -ETIMEDOUT)
			result = -EIO;
		if (result != -EIO)
			break;
		if (!*serving || *serving > n)
			break;
		donors[*serving - 1].is_left_out = true;
	}
	s->serving = NULL;
	munmap(serving, sizeof(*serving));
	return result;
}
