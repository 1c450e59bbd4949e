// SPDX-License-Identifier: MIT
/* lose.c - see lose.h. */
#include "lib/lose.h"

#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <stdint.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Headers older than Linux 6.6 do not know it. */
struct poison_range {
	struct uffdio_range range;
	uint64_t mode;
	int64_t updated;
};
#define POISON_IOCTL	_IOWR(UFFDIO, 0x08, struct poison_range)
#define DONTNEED_LOCKED 24 /* MADV_DONTNEED_LOCKED of Linux 5.18: the pool may be locked */
#define POISON_FEATURE	((uint64_t)1 << 14)

static const char *put_marker(int fd, void *at, size_t n)
{
	struct uffdio_api api = {.api = UFFD_API, .features = POISON_FEATURE};
	struct uffdio_register reg = {.range = {(uintptr_t)at, n},
				      .mode = UFFDIO_REGISTER_MODE_MISSING};
	struct poison_range poison = {.range = reg.range};

	if (ioctl(fd, UFFDIO_API, &api) < 0)
		return "the kernel has no UFFDIO_POISON";
	if (ioctl(fd, UFFDIO_REGISTER, &reg) < 0)
		return "userfaultfd takes no such memory";
	bool ok = madvise(at, n, DONTNEED_LOCKED) == 0 && ioctl(fd, POISON_IOCTL, &poison) == 0;
	(void)ioctl(fd, UFFDIO_UNREGISTER, &reg.range);
	return ok ? NULL : "UFFDIO_POISON is refused";
}

bool lose(void *at, size_t n, const char **why)
{
	int fd = (int)syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK);

	*why = fd < 0 ? "userfaultfd is refused" : put_marker(fd, at, n);
	if (fd >= 0)
		close(fd);
	return !*why;
}

void lose_undo(void *at, size_t n)
{
	(void)madvise(at, n, DONTNEED_LOCKED);
}
