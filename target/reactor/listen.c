// SPDX-License-Identifier: MIT
/* listen.c - listening sockets. */
#include "reactor/listen.h"

#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/proc.h"

/* All that may come back at once when a daemon was restarted, and more; the kernel takes no more
 * than net.core.somaxconn, 4096 since Linux 5.4. */
#define BACKLOG 4096

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

/* 0 or what getaddrinfo(3) says. */
static int look_up(const char *address, uint16_t port, struct addrinfo **ai)
{
	static const struct addrinfo hints = {.ai_flags =
						      AI_NUMERICHOST | AI_NUMERICSERV | AI_PASSIVE,
					      .ai_socktype = SOCK_STREAM};
	char service[8];

	snprintf(service, sizeof(service), "%u", port);
	return getaddrinfo(address, service, &hints, ai);
}

int listen_open(const char *address, uint16_t port, char *why, size_t why_len)
{
	struct addrinfo *ai;

	const char *interface = strchr(address, '%');

	if (interface && !if_nametoindex(interface + 1)) {
		snprintf(why, why_len, "%s: there is no network interface %s (ip link shows them)",
			 address, interface + 1);
		return -ENODEV;
	}
	int err = look_up(address, port, &ai);
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

/* ---- sockets of an earlier process ---- */

static bool same_v4(const struct sockaddr_in *a, const struct sockaddr_in *b, bool any_port)
{
	return a->sin_addr.s_addr == b->sin_addr.s_addr && (any_port || a->sin_port == b->sin_port);
}

static bool same_v6(const struct sockaddr_in6 *a, const struct sockaddr_in6 *b, bool any_port)
{
	return !memcmp(&a->sin6_addr, &b->sin6_addr, sizeof(a->sin6_addr)) &&
	       a->sin6_scope_id == b->sin6_scope_id && (any_port || a->sin6_port == b->sin6_port);
}

static bool same(const struct sockaddr_storage *at, const struct sockaddr *want, bool any_port)
{
	if (at->ss_family != want->sa_family)
		return false;
	if (at->ss_family == AF_INET)
		return same_v4((const void *)at, (const void *)want, any_port);
	return at->ss_family == AF_INET6 && same_v6((const void *)at, (const void *)want, any_port);
}

static int option(int fd, int name)
{
	int value = 0;
	socklen_t len = sizeof(value);

	return getsockopt(fd, SOL_SOCKET, name, &value, &len) ? -1 : value;
}

bool listen_is(int fd, const char *address, uint16_t port)
{
	struct sockaddr_storage at = {0};
	socklen_t len = sizeof(at);
	struct addrinfo *ai;

	if (option(fd, SO_TYPE) != SOCK_STREAM || option(fd, SO_ACCEPTCONN) != 1 ||
	    getsockname(fd, (struct sockaddr *)&at, &len) || look_up(address, port, &ai))
		return false;
	bool is = same(&at, ai->ai_addr, port == 0);
	freeaddrinfo(ai);
	/* accept(2) must not wait, whoever made it. */
	return is && !listen(fd, BACKLOG) && !fcntl(fd, F_SETFL, O_NONBLOCK);
}

unsigned listen_backlog(void)
{
	int fd = open("/proc/sys/net/core/somaxconn", O_RDONLY | O_CLOEXEC);
	uint64_t most = BACKLOG;

	if (fd >= 0) {
		(void)proc_number(fd, "", &most);
		close(fd);
	}
	return most < BACKLOG ? (unsigned)most : BACKLOG;
}
