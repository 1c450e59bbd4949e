/* SPDX-License-Identifier: MIT */
/* dm.h - devices of device mapper: which there are, by sysfs, and how far a mirror is. */
#ifndef MEMTGT_DM_H
#define MEMTGT_DM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define DM_NAME_BYTES 128
#define DM_LEGS_MAX   16
#define DM_ACTION_MAX 15

/* "254:3" and "dm-3" of the device with this name. 0, or -ENOENT. */
int dm_find(const char *name, dev_t *dev, char node[static DM_NAME_BYTES])
	__attribute__((warn_unused_result));

/* Bytes of the device with this name. 0, or -ENOENT. */
int dm_size(const char *name, uint64_t *out) __attribute__((warn_unused_result));

/* The first device whose name begins like this; false: there is none. */
bool dm_first(const char *prefix, char name[static DM_NAME_BYTES]);

/* 0, or -errno after `why`: -EBUSY: somebody has it open. */
int dm_remove(const char *name, char *why, size_t why_len) __attribute__((warn_unused_result));

/* A table that was loaded and is not used yet is dropped: it holds what it is to be made of. 0, or
 * -errno after `why`. */
int dm_clear(const char *name, char *why, size_t why_len) __attribute__((warn_unused_result));

/* dm-raid's status (the kernel's Documentation/admin-guide/device-mapper/dm-raid.rst). */
struct dm_mirror {
	unsigned n;
	char health[DM_LEGS_MAX + 1]; /* of each image: A whole, a being filled, D dead */
	uint64_t done, total;	      /* of what is going on, in sectors */
	char action[DM_ACTION_MAX + 1];
};

/* False: that is no mirror's status. */
bool dm_read_mirror(const char *text, size_t n, struct dm_mirror *out);

/* 0; -EINVAL: it is no mirror; or -errno after `why`. */
int dm_mirror_status(const char *name, struct dm_mirror *out, char *why, size_t why_len)
	__attribute__((warn_unused_result));

#endif
