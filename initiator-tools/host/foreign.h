/* SPDX-License-Identifier: MIT */
/* foreign.h - is anything on a disk that somebody may want back? */
#ifndef MEMTGT_FOREIGN_H
#define MEMTGT_FOREIGN_H

#include <stddef.h>
#include <stdint.h>

#include "initiator-tools/host/disk.h"

/* Of a disk its first bytes are looked at, and as many of its end. */
#define FOREIGN_BYTES (1u << 20)

/* NULL: all zeroes; or what it is, in words that stay. `p` is the beginning of a disk. */
const char *foreign_kind(const uint8_t *p, size_t n);

/*
 * 0 and *kind: the words, or NULL; -EBUSY: the disk is in use on this host; -errno: it cannot be
 * read. `size` of the disk in bytes. Data with one of the marks is not foreign (NULL: there is
 * none).
 */
int foreign_look(const struct disk *k, uint64_t size, const char *mark, const char **kind)
	__attribute__((warn_unused_result));

/* Writes zeroes to what is looked at. 0 or -errno. */
int foreign_wipe(const struct disk *k, uint64_t size) __attribute__((warn_unused_result));

#endif
