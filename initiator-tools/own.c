// SPDX-License-Identifier: MIT
/* own.c - addresses of this host. */
#include "initiator-tools/own.h"

#include <ifaddrs.h>
#include <netdb.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

struct address {
	int family;
	uint8_t bytes[16];
};

/* IPv4-mapped IPv6 addresses are the IPv4 addresses they are. */
static bool address_of(const struct sockaddr *from, struct address *out)
{
	static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};

	*out = (struct address){.family = from ? from->sa_family : AF_UNSPEC};
	if (out->family == AF_INET) {
		memcpy(out->bytes, &((const struct sockaddr_in *)(const void *)from)->sin_addr, 4);
	} else if (out->family == AF_INET6) {
		memcpy(out->bytes, &((const struct sockaddr_in6 *)(const void *)from)->sin6_addr,
		       16);
		if (!memcmp(out->bytes, mapped, sizeof(mapped))) {
			out->family = AF_INET;
			memmove(out->bytes, out->bytes + 12, 4);
			memset(out->bytes + 4, 0, 12);
		}
	} else {
		return false;
	}
	return true;
}

static bool equal(const struct address *a, const struct address *b)
{
	return a->family == b->family && !memcmp(a->bytes, b->bytes, sizeof(a->bytes));
}

static bool is_loopback(const struct address *a)
{
	static const uint8_t v6[16] = {[15] = 1};

	return a->family == AF_INET ? a->bytes[0] == 127 : !memcmp(a->bytes, v6, sizeof(v6));
}

static bool is_on_interface(const struct address *a)
{
	struct ifaddrs *all;
	struct address own;
	bool found = false;

	if (getifaddrs(&all))
		return true;
	for (const struct ifaddrs *i = all; i && !found; i = i->ifa_next)
		found = address_of(i->ifa_addr, &own) && equal(&own, a);
	freeifaddrs(all);
	return found;
}

bool own_host(int fd)
{
	struct sockaddr_storage here, there;
	socklen_t nhere = sizeof(here), nthere = sizeof(there);
	struct address a, b;

	if (getsockname(fd, (struct sockaddr *)&here, &nhere) ||
	    getpeername(fd, (struct sockaddr *)&there, &nthere) ||
	    !address_of((struct sockaddr *)&here, &a) || !address_of((struct sockaddr *)&there, &b))
		return true;
	return equal(&a, &b) || is_loopback(&b) || is_on_interface(&b);
}

bool own_address(const char *text)
{
	struct addrinfo hints = {.ai_flags = AI_NUMERICHOST, .ai_socktype = SOCK_STREAM}, *found;
	struct address a;

	if (getaddrinfo(text, NULL, &hints, &found))
		return false;
	bool is_own = address_of(found->ai_addr, &a) && (is_loopback(&a) || is_on_interface(&a));
	freeaddrinfo(found);
	return is_own;
}
