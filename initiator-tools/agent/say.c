// SPDX-License-Identifier: MIT
/* say.c - one write(2) or send(2) that does not wait. */
#include "initiator-tools/agent/say.h"

#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define LINE_BYTES 1024

static bool put(const char *line, size_t n)
{
	struct pollfd p = {.fd = STDERR_FILENO, .events = POLLOUT};

	/* The journal's is a socket; a pipe that can be written takes a line of this length. */
	if (send(STDERR_FILENO, line, n, MSG_DONTWAIT | MSG_NOSIGNAL) == (ssize_t)n)
		return true;
	if (errno != ENOTSOCK || poll(&p, 1, 0) != 1 || !(p.revents & POLLOUT))
		return false;
	return write(STDERR_FILENO, line, n) == (ssize_t)n;
}

void say(const char *fmt, ...)
{
	static unsigned dropped;
	char line[LINE_BYTES];
	va_list args;
	int n = 0;

	if (dropped)
		n = snprintf(line, sizeof(line), "memloan: agent: %u lines were not taken; ",
			     dropped);
	else
		n = snprintf(line, sizeof(line), "memloan: agent: ");
	va_start(args, fmt);
	n += vsnprintf(line + n, sizeof(line) - (size_t)n - 1, fmt, args);
	va_end(args);
	if (n > (int)sizeof(line) - 2)
		n = (int)sizeof(line) - 2;
	for (int i = 0; i < n; i++)
		if ((unsigned char)line[i] < ' ' || line[i] == 0x7f)
			line[i] = '?';
	line[n++] = '\n';
	dropped = put(line, (size_t)n) ? 0 : dropped + 1;
}
