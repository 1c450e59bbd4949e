// SPDX-License-Identifier: MIT
/* proc.c - a number in a small file. */
#include "base/proc.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

bool proc_number(int fd, const char *key, uint64_t *out)
{
	char buf[2048];
	ssize_t n = pread(fd, buf, sizeof(buf) - 1, 0);

	if (n <= 0)
		return false;
	buf[n] = '\0';
	const char *at = strstr(buf, key);
	if (at)
		*out = strtoull(at + strlen(key), NULL, 10);
	return at != NULL;
}
