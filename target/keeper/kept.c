// SPDX-License-Identifier: MIT
/* kept.c - a short list of names and descriptors. */
#include "keeper/kept.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static struct inherit_fd *find(struct keeper_kept *k, const char *name)
{
	for (size_t i = 0; i < k->n; i++)
		if (!strcmp(k->fds[i].name, name))
			return &k->fds[i];
	return NULL;
}

int keeper_kept_put(struct keeper_kept *k, const char *name, int fd)
{
	struct inherit_fd *there = find(k, name);

	if (there) {
		close(there->fd);
		there->fd = fd;
		return 0;
	}
	char *own = k->n < KEEPER_KEPT_MAX ? strdup(name) : NULL;
	if (!own) {
		close(fd);
		return k->n < KEEPER_KEPT_MAX ? -ENOMEM : -ENOSPC;
	}
	k->fds[k->n++] = (struct inherit_fd){.name = own, .fd = fd};
	return 0;
}

static void drop(struct keeper_kept *k, struct inherit_fd *f)
{
	close(f->fd);
	free((char *)(uintptr_t)f->name);
	size_t behind = k->n - (size_t)(f - k->fds) - 1;
	memmove(f, f + 1, behind * sizeof(*f));
	k->n--;
}

bool keeper_kept_drop(struct keeper_kept *k, const char *name)
{
	struct inherit_fd *f = find(k, name);

	if (f)
		drop(k, f);
	return f != NULL;
}

void keeper_kept_close(struct keeper_kept *k)
{
	while (k->n)
		drop(k, &k->fds[k->n - 1]);
}

uint64_t keeper_kept_bytes(const struct keeper_kept *k)
{
	uint64_t sum = 0;
	struct stat st;

	for (size_t i = 0; i < k->n; i++)
		if (!fstat(k->fds[i].fd, &st) && S_ISREG(st.st_mode))
			sum += (uint64_t)st.st_blocks * 512;
	return sum;
}
