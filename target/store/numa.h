/* SPDX-License-Identifier: MIT */
/*
 * numa.h - take memory from given NUMA nodes, for the length of one system call.
 *
 * mbind(2) on the pool's mapping would not do: fallocate(2) of a hugetlb file heeds the calling
 * task's policy only.
 */
#ifndef MEMTGT_STORE_NUMA_H
#define MEMTGT_STORE_NUMA_H

#include <stdint.h>

#define NUMA_WORDS 16 /* of the kernel's node mask: 1024 nodes */

struct numa_policy {
	int mode;
	unsigned long nodes[NUMA_WORDS];
};

/* Bind the calling thread to `nodes` (a bit each), and tell what held before. 0 or -errno. */
int numa_bind(uint64_t nodes, struct numa_policy *before) __attribute__((warn_unused_result));
void numa_restore(const struct numa_policy *before);

#endif
