/* SPDX-License-Identifier: MIT */
/*
 * block.h - block devices by sysfs: what a device is made of, and whether a donor's disk is below
 * it. Names are the kernel's ("sda1", "dm-3"). No device is opened.
 */
#ifndef MEMTGT_BLOCK_H
#define MEMTGT_BLOCK_H

#include <stdbool.h>
#include <stddef.h>

#define BLOCK_NAME_MAX	31
#define BLOCK_DEPTH_MAX 8	  /* of device mapper, md and partitions on each other */
#define BLOCK_GROUP	"memtgt_" /* what a loan's devices are called begins so: loan.h */

/* Of the disk of `name`, which may be a partition: an attribute such as "queue/rotational". */
bool block_attribute(const char *name, const char *attribute, char *out, size_t n);

/*
 * Calls fn for each disk that is made of no other, below `name` or `name` itself; or for everything
 * that is above it (holders and partitions). Stops at BLOCK_DEPTH_MAX, and when fn returns true;
 * was it so?
 */
typedef bool block_each_fn(const char *name, void *arg);
bool block_below(const char *name, block_each_fn *fn, void *arg);
bool block_above(const char *name, block_each_fn *fn, void *arg);

/* Is it, or is a disk below it, one of an iSCSI session? */
bool block_is_remote(const char *name);
/* A loan's device, by its name in device mapper. */
bool block_is_loan(const char *name);
/* A multipath map. */
bool block_is_multipath(const char *name);

/* The kernel's name of "/dev/dm-3", "/dev/mapper/x", below the root; false: it has none. */
bool block_of_path(const char *path, char out[static BLOCK_NAME_MAX + 1]);

#endif
