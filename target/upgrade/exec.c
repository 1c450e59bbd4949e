// SPDX-License-Identifier: MIT
/* exec.c - one program ends, and the next begins, as the same process. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/inherit.h"
#include "base/log.h"
#include "upgrade/upgrade.h"

/* What the next one is told: our version, and since when nobody is served. */
#define PAST "X_MEMTGT_BEFORE"

static int try(const struct upgrade *u, const char *program, struct inherit_fd *fds, size_t n)
{
	char name[] = "-c", path[UPGRADE_PATH], file[UPGRADE_PATH];
	char *const argv[] = {path, name, file, NULL};

	snprintf(path, sizeof(path), "%s", program);
	snprintf(file, sizeof(file), "%s", u->config);
	int err = inherit_exec(program, argv, fds, n);

	log_error("%s cannot take over: %s", program, strerror(-err));
	return err;
}

void upgrade_exec(struct upgrade *u, struct inherit_fd *fds, size_t n, bool kept, uint64_t since)
{
	char past[64];

	snprintf(past, sizeof(past), "%s %" PRIu64, PACKAGE_VERSION, since);
	(void)setenv(PAST, past, 1);
	log_always("%s takes over", u->binary);
	(void)try(u, u->binary, fds, n);
	if (!kept) {
		log_always("going on with the program that ran");
		(void)try(u, "/proc/self/exe", fds, n);
	}
}

void upgrade_read_past(struct upgrade_past *out)
{
	const char *text = getenv(PAST);

	*out = (struct upgrade_past){0};
	if (text && sscanf(text, "%31s %" SCNu64, out->version, &out->since) != 2)
		*out = (struct upgrade_past){0};
	(void)unsetenv(PAST);
}
