// SPDX-License-Identifier: MIT
/* io.c - see io.h. */
#include "base/io.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

int io_write_all(int fd, const void *p, size_t n)
{
	const char *from = p;

	while (n) {
		ssize_t some = write(fd, from, n);
		if (some < 0 && errno != EINTR)
			return -errno;
		if (some > 0) {
			from += some;
			n -= (size_t)some;
		}
	}
	return 0;
}

int io_read_all(int fd, void *p, size_t n)
{
	char *to = p;

	while (n) {
		ssize_t some = read(fd, to, n);
		if (!some)
			return -ENODATA;
		if (some < 0 && errno != EINTR)
			return -errno;
		if (some > 0) {
			to += some;
			n -= (size_t)some;
		}
	}
	return 0;
}

int io_sync(int fd)
{
	if (!fsync(fd) || errno == EINVAL || errno == EROFS)
		return 0;
	return -errno;
}

int io_sync_folder(const char *path)
{
	const int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		return -errno;
	const int err = io_sync(fd);
	close(fd);
	return err;
}
