/* SPDX-License-Identifier: MIT */
/* io.h - all of a file's next bytes, however many calls that takes, and all of it to the disk. */
#ifndef MEMTGT_IO_H
#define MEMTGT_IO_H

#include <stddef.h>

/* n bytes to a descriptor that blocks. 0 or -errno; then some of them may be written. */
int io_write_all(int fd, const void *p, size_t n) __attribute__((warn_unused_result));
/* n bytes from it. 0, -ENODATA (it ended before) or -errno. */
int io_read_all(int fd, void *p, size_t n) __attribute__((warn_unused_result));

/* What was written is on the disk. 0, also where there is none to bring it to (a pipe, a file
 * system that cannot), or -errno. */
int io_sync(int fd) __attribute__((warn_unused_result));
/* The same for the names in a folder. */
int io_sync_folder(const char *path) __attribute__((warn_unused_result));

#endif
