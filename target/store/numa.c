// SPDX-License-Identifier: MIT
/* numa.c - the memory policy of the calling thread, by system call. */
#include "store/numa.h"

#include <assert.h>
#include <errno.h>
#include <linux/mempolicy.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Bits of a mask; the kernel looks at one less than it is told. */
#define MAX_NODE (NUMA_WORDS * 8 * sizeof(unsigned long))

int numa_bind(uint64_t nodes, struct numa_policy *before)
{
	unsigned long mask[NUMA_WORDS] = {(unsigned long)nodes};

	*before = (struct numa_policy){0};
	if (syscall(SYS_get_mempolicy, &before->mode, before->nodes, MAX_NODE, NULL, 0UL) < 0)
		return -errno;
	if (syscall(SYS_set_mempolicy, MPOL_BIND, mask, MAX_NODE) < 0)
		return -errno;
	return 0;
}

void numa_restore(const struct numa_policy *before)
{
	long rc = syscall(SYS_set_mempolicy, before->mode, before->nodes, MAX_NODE);

	assert(rc == 0);
	(void)rc;
}
