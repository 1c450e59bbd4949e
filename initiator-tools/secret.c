// SPDX-License-Identifier: MIT
/* secret.c - the file of a secret. */
#include "initiator-tools/secret.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Others must not be able to read it, or it is none. The file is small: it does not wait. */
const char *secret_read(const char *path, char out[static CHAP_SECRET_MAX + 1], char *why,
			size_t why_len)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	struct stat st;

	memset(out, 0, CHAP_SECRET_MAX + 1);
	if (fd < 0) {
		snprintf(why, why_len, "chap_secret_file: %s", strerror(errno));
		return why;
	}
	ssize_t n = 0;
	const char *bad = NULL;
	if (fstat(fd, &st) || !S_ISREG(st.st_mode))
		bad = "chap_secret_file is no file";
	else if (st.st_mode & 077)
		bad = "chap_secret_file can be read by others: chmod 600";
	else
		n = read(fd, out, CHAP_SECRET_MAX + 1);
	close(fd);
	if (n < 0 || n == CHAP_SECRET_MAX + 1)
		bad = "chap_secret_file holds more than a secret, or cannot be read";
	size_t end = bad ? 0 : strcspn(out, "\r\n");
	memset(out + end, 0, CHAP_SECRET_MAX + 1 - end);
	return bad || end ? bad : "chap_secret_file is empty";
}
