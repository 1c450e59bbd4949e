// SPDX-License-Identifier: MIT
/* listen.c - listening sockets. */
#include "reactor/listen.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define BACKLOG 1024

static void explain(int err, const char *address, unsigned port, char *why, size_t len)
{
	switch (err) {
	case EADDRINUSE:
		snprintf(why, len,
			 "%s port %u is in use by another program: stop it (ss -ltnp shows it), or "
			 "set another port in portals",
			 address, port);
		break;
	case EADDRNOTAVAIL:
		snprintf(why, len, "%s is no address of this host (ip address shows them)",
			 address);
		break;
	case EACCES:
		snprintf(why, len,
			 "port %u may be opened by root only: set one above 1023 in portals", port);
		break;
	default:
		snprintf(why, len, "cannot listen on %s port %u: %s", address, port, strerror(err));
	}
}

static int open_one(const struct addrinfo *ai)
{
	int one = 1;
	int fd = socket(ai->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	/* A portal on :: does not take the port from one on 0.0.0.0. */
	if (ai->ai_family == AF_INET6)
		(void)setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof(one));
	(void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (bind(fd, ai->ai_addr, ai->ai_addrlen) || listen(fd, BACKLOG)) {
		int err = errno;
		close(fd);
		return -err;
	}
	return fd;
}

int listen_open(const char *address, uint16_t port, char *why, size_t why_len)
{
	struct addrinfo hints = {.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV | AI_PASSIVE,
				 .ai_socktype = SOCK_STREAM};
	struct addrinfo *ai;
	char service[8];

	snprintf(service, sizeof(service), "%u", port);
	int err = getaddrinfo(address, service, &hints, &ai);
	if (err) {
		snprintf(why, why_len, "%s: %s", address, gai_strerror(err));
		return -EINVAL;
	}
	int fd = open_one(ai);
	freeaddrinfo(ai);
	if (fd < 0)
		explain(-fd, address, port, why, why_len);
	return fd;
}
