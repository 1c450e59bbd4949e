// SPDX-License-Identifier: MIT
/*
 * config_addr.c - addresses of the configuration, and what they have to do with those of peers.
 *
 * IPv4-mapped IPv6 addresses (an IPv4 peer on a portal "::") count as the IPv4 addresses they are.
 */
#include "base/config_addr.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <net/if.h>
#include <stdlib.h>
#include <string.h>

#include "base/config.h"

struct addr {
	int family;
	uint8_t bytes[16];
	char scope[IF_NAMESIZE];
};

_Static_assert(CONFIG_SCOPE_MAX == IF_NAMESIZE, "an interface's name fits");

#define V4_BITS 32u
#define V6_BITS 128u

static const uint8_t v4_mapped[12] = {[10] = 0xff, [11] = 0xff};

static unsigned bits_of(const struct addr *a)
{
	return a->family == AF_INET ? V4_BITS : V6_BITS;
}

static void unmap(struct addr *a)
{
	if (a->family == AF_INET6 && !memcmp(a->bytes, v4_mapped, sizeof(v4_mapped))) {
		a->family = AF_INET;
		memmove(a->bytes, a->bytes + 12, 4);
		memset(a->bytes + 4, 0, 12);
	}
}

static bool is_link_local(const struct addr *a)
{
	return a->family == AF_INET6 && a->bytes[0] == 0xfe && (a->bytes[1] & 0xc0) == 0x80;
}

static bool is_loopback(const struct addr *a)
{
	static const uint8_t v6_loopback[16] = {[15] = 1};

	if (a->family == AF_INET)
		return a->bytes[0] == 127;
	return !memcmp(a->bytes, v6_loopback, sizeof(v6_loopback));
}

static bool is_any(const struct addr *a)
{
	static const uint8_t zero[16];

	return !memcmp(a->bytes, zero, bits_of(a) / 8);
}

/* n bytes of text, with or without %INTERFACE; NULL, or what is wrong. */
static const char *parse(const char *text, size_t n, struct addr *out)
{
	char buf[INET6_ADDRSTRLEN + IF_NAMESIZE + 1];

	*out = (struct addr){0};
	if (n >= sizeof(buf))
		return "this is longer than any address";
	memcpy(buf, text, n);
	buf[n] = '\0';
	char *percent = strchr(buf, '%');
	if (percent) {
		*percent++ = '\0';
		if (!*percent || strlen(percent) >= sizeof(out->scope))
			return "after % stands the name of a network interface";
		memcpy(out->scope, percent, strlen(percent) + 1);
	}
	out->family = strchr(buf, ':') ? AF_INET6 : AF_INET;
	if (buf[0] == '[')
		return "an IPv6 address is written without brackets here";
	if (inet_pton(out->family, buf, out->bytes) != 1)
		return "an address is numeric, like 192.0.2.1 or 2001:db8::1; host names are "
		       "refused because what they mean can change while the daemon serves";
	if (percent && !is_link_local(out))
		return "only a link-local IPv6 address (fe80::) has %INTERFACE behind it";
	unmap(out);
	return NULL;
}

const char *config_addr_bad(const char *text)
{
	struct addr a;
	const char *bad = parse(text, strlen(text), &a);

	if (!bad && is_link_local(&a) && !a.scope[0])
		return "a link-local IPv6 address needs its interface: fe80::1%eth0";
	return bad;
}

static const char *bad_port(const char *text)
{
	size_t n = strlen(text);

	if (n < 1 || n > 5 || strspn(text, "0123456789") != n)
		return "an announced portal is ADDRESS:PORT, or [ADDRESS]:PORT for IPv6";
	long port = strtol(text, NULL, 10);
	return port >= 1 && port <= 65535 ? NULL : "an announced port is from 1 to 65535";
}

const char *config_addr_bad_announce(const char *text)
{
	struct addr a;
	bool v6 = text[0] == '[';
	const char *end = v6 ? strstr(text, "]:") : strrchr(text, ':');

	if (!end)
		return bad_port("");
	const char *bad = bad_port(end + (v6 ? 2 : 1));
	if (bad)
		return bad;
	bad = parse(text + v6, (size_t)(end - text) - v6, &a);
	if (bad)
		return bad;
	if (!v6 && memchr(text, ':', (size_t)(end - text)))
		return "an announced IPv6 address stands in brackets: [2001:db8::1]:3260";
	if (is_link_local(&a))
		return "a link-local address means nothing to an initiator on another link";
	return is_any(&a) ? "initiators cannot connect to a wildcard address" : NULL;
}

static bool any_bit(const uint8_t *bytes, unsigned from, unsigned to)
{
	for (unsigned i = from; i < to; i++)
		if (bytes[i / 8] & 0x80 >> i % 8)
			return true;
	return false;
}

static const char *parse_network(const char *text, struct addr *a, unsigned *prefix)
{
	const char *slash = strchrnul(text, '/');
	const char *bad = parse(text, (size_t)(slash - text), a);

	if (bad)
		return bad;
	bool mapped = a->family == AF_INET && memchr(text, ':', (size_t)(slash - text));
	*prefix = bits_of(a);
	if (!*slash)
		return NULL;
	const char *p = slash + 1;
	size_t n = strlen(p);
	if (n < 1 || n > 3 || strspn(p, "0123456789") != n)
		return "a network is ADDRESS/PREFIX, like 10.0.0.0/8 or 2001:db8::/32";
	unsigned long v = strtoul(p, NULL, 10);
	if (mapped && v >= V6_BITS - V4_BITS)
		v -= V6_BITS - V4_BITS;
	if (v > bits_of(a))
		return "a prefix has at most 32 bits for IPv4, 128 for IPv6";
	*prefix = (unsigned)v;
	if (any_bit(a->bytes, *prefix, bits_of(a)))
		return "the address has bits beyond the prefix: write 10.0.0.0/8, not 10.1.2.3/8";
	return NULL;
}

const char *config_addr_bad_network(const char *text)
{
	struct addr a;
	unsigned prefix;

	return parse_network(text, &a, &prefix);
}

void config_addr_set_network(struct config_rule *rule, const char *network)
{
	struct addr a;

	if (parse_network(network, &a, &rule->prefix))
		return;
	rule->family = a.family;
	memcpy(rule->network, a.bytes, sizeof(rule->network));
	memcpy(rule->scope, a.scope, sizeof(rule->scope));
}

bool config_addr_is_loopback(const char *address)
{
	struct addr a;

	return !parse(address, strlen(address), &a) && is_loopback(&a);
}

bool config_addr_clash(const struct config_portal *p, const struct config_portal *q)
{
	struct addr a, b;

	/* Two portals that take any free port get different ones. */
	if (p->port != q->port || !p->port)
		return false;
	if (parse(p->address, strlen(p->address), &a) || parse(q->address, strlen(q->address), &b))
		return false;
	if (a.family != b.family)
		return false;
	return is_any(&a) || is_any(&b) ||
	       (!memcmp(a.bytes, b.bytes, sizeof(a.bytes)) && !strcmp(a.scope, b.scope));
}

/* false: no Internet address. */
static bool addr_of(const struct sockaddr_storage *from, struct addr *out)
{
	*out = (struct addr){.family = from->ss_family};
	if (from->ss_family == AF_INET)
		memcpy(out->bytes, &((const struct sockaddr_in *)(const void *)from)->sin_addr, 4);
	else if (from->ss_family == AF_INET6)
		memcpy(out->bytes, &((const struct sockaddr_in6 *)(const void *)from)->sin6_addr,
		       16);
	else
		return false;
	unmap(out);
	return true;
}

bool config_addr_from_loopback(const struct sockaddr_storage *from)
{
	struct addr a;

	return addr_of(from, &a) && is_loopback(&a);
}

static bool same_addr(const struct sockaddr_storage *x, const struct sockaddr_storage *y)
{
	struct addr a, b;

	return addr_of(x, &a) && addr_of(y, &b) && a.family == b.family &&
	       !memcmp(a.bytes, b.bytes, sizeof(a.bytes));
}

/* 0: none, or not a link-local address. */
static unsigned link_of(const struct sockaddr_storage *at)
{
	struct addr a;

	if (!addr_of(at, &a) || !is_link_local(&a))
		return 0;
	return ((const struct sockaddr_in6 *)(const void *)at)->sin6_scope_id;
}

bool config_addr_reachable(const char *address, const struct sockaddr_storage *peer,
			   const struct sockaddr_storage *local)
{
	struct addr a;

	if (parse(address, strlen(address), &a))
		return false;
	/* Who comes from an address of this host is on it. */
	if (is_loopback(&a))
		return config_addr_from_loopback(peer) || same_addr(peer, local);
	if (!is_link_local(&a))
		return true;
	const unsigned link = link_of(peer);
	return link && link == if_nametoindex(a.scope);
}

/* Interfaces come and go, and with them their numbers. */
static bool in_scope(const struct config_rule *r, const struct sockaddr_storage *from)
{
	const struct sockaddr_in6 *in6 = (const void *)from;

	return !r->scope[0] ||
	       (in6->sin6_scope_id && in6->sin6_scope_id == if_nametoindex(r->scope));
}

bool config_addr_in_network(const struct config_rule *r, const struct sockaddr_storage *from)
{
	struct addr a;

	if (!addr_of(from, &a))
		return false;
	if (!r->family)
		return true;
	if (r->family != a.family)
		return false;
	for (size_t i = 0; i < sizeof(a.bytes); i++)
		a.bytes[i] ^= r->network[i];
	return !any_bit(a.bytes, 0, r->prefix) && in_scope(r, from);
}
