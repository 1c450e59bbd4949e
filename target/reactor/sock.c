// SPDX-License-Identifier: MIT
/* sock.c - TCP options, names of peers, the progress of a peer that reads. */
#include "reactor/sock.h"

#include <linux/tcp.h>
#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

/* ::ffff:192.0.2.1 is what an IPv4 peer looks like on a socket that listens for both. */
static struct sockaddr_storage unmapped(const struct sockaddr_storage *a)
{
	const struct sockaddr_in6 *in6 = (const void *)a;
	struct sockaddr_storage out = *a;

	if (a->ss_family == AF_INET6 && IN6_IS_ADDR_V4MAPPED(&in6->sin6_addr)) {
		struct sockaddr_in in = {.sin_family = AF_INET, .sin_port = in6->sin6_port};
		memcpy(&in.sin_addr, &in6->sin6_addr.s6_addr[12], sizeof(in.sin_addr));
		memcpy(&out, &in, sizeof(in));
	}
	return out;
}

void sock_name(const struct sockaddr_storage *a, char *out, size_t n)
{
	char host[NI_MAXHOST], port[NI_MAXSERV];
	struct sockaddr_storage s = unmapped(a);

	if (s.ss_family != AF_INET && s.ss_family != AF_INET6) {
		snprintf(out, n, "%s", s.ss_family == AF_UNIX ? "local" : "unknown");
		return;
	}
	socklen_t len =
		s.ss_family == AF_INET ? sizeof(struct sockaddr_in) : sizeof(struct sockaddr_in6);
	if (getnameinfo((const struct sockaddr *)&s, len, host, sizeof(host), port, sizeof(port),
			NI_NUMERICHOST | NI_NUMERICSERV)) {
		snprintf(out, n, "unknown");
		return;
	}
	snprintf(out, n, s.ss_family == AF_INET6 ? "[%s]:%s" : "%s:%s", host, port);
}

void sock_tune(int fd)
{
	static const char congestion[] = "cubic";
	int one = 1;

	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	/* A pacing default, such as bbr, doubles the CPU time of large reads on fast paths. */
	(void)setsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, congestion, sizeof(congestion) - 1);
}

void sock_forget_unsent(int fd)
{
	struct linger l = {.l_onoff = 1, .l_linger = 0};

	(void)setsockopt(fd, SOL_SOCKET, SO_LINGER, &l, sizeof(l));
}

uint64_t sock_acked(int fd)
{
	struct tcp_info info = {0};
	socklen_t len = sizeof(info);

	if (getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &len))
		return 0;
	return info.tcpi_bytes_acked;
}
