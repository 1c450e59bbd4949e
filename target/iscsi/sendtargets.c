// SPDX-License-Identifier: MIT
/*
 * sendtargets.c - lines of a SendTargets answer. RFC 7143 13.3, 13.8, appendix C.
 *
 * Line i of the answer belongs to target i / (portals + 1): first its name, then its addresses.
 */
#include "iscsi/sendtargets.h"

#include <arpa/inet.h>
#include <assert.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/config_addr.h"
#include "iscsi/access.h"
#include "iscsi/text.h"

/* An address in numbers, as the initiator would have to write it. */
struct place {
	char host[INET6_ADDRSTRLEN];
	sa_family_t family; /* of the socket */
	bool six;
	uint16_t port;
};

bool sendtargets_allowed(const struct sendtargets *q)
{
	if (!q->own)
		return q->value[0] != '\0';
	return !q->value[0] || strcasecmp(q->value, q->own->name) == 0;
}

/* Where this connection came in. An IPv4 client of a socket on :: is at a mapped address. */
static void place_of(const struct sockaddr_storage *a, struct place *out)
{
	*out = (struct place){.family = a->ss_family};
	if (a->ss_family == AF_INET) {
		const struct sockaddr_in *in = (const void *)a;
		out->port = ntohs(in->sin_port);
		inet_ntop(AF_INET, &in->sin_addr, out->host, sizeof(out->host));
	} else if (a->ss_family == AF_INET6) {
		const struct sockaddr_in6 *in6 = (const void *)a;
		const uint8_t *b = in6->sin6_addr.s6_addr;
		out->port = ntohs(in6->sin6_port);
		out->six = !IN6_IS_ADDR_V4MAPPED(&in6->sin6_addr);
		if (out->six)
			inet_ntop(AF_INET6, b, out->host, sizeof(out->host));
		else
			inet_ntop(AF_INET, b + 12, out->host, sizeof(out->host));
	}
}

/*
 * The place a portal is reached at, or false: it cannot be told. A portal on any address is at the
 * address that this initiator found; one whose port is not known is told only to who found it.
 */
static bool portal_place(const struct config_portal *p, uint16_t port, const struct place *here,
			 struct place *out)
{
	bool any4 = strcmp(p->address, "0.0.0.0") == 0;
	bool any6 = strcmp(p->address, "::") == 0;

	*out = (struct place){.six = strchr(p->address, ':'), .port = port};
	/* Without the name that we have for the link: the initiator has another one. */
	snprintf(out->host, sizeof(out->host), "%.*s", (int)strcspn(p->address, "%"), p->address);
	if (any4 || any6) {
		if (here->family != (any4 ? AF_INET : AF_INET6))
			return false;
		memcpy(out->host, here->host, sizeof(out->host));
		out->six = here->six;
	}
	if (port)
		return true;
	out->port = here->port;
	return here->port && strcmp(out->host, here->host) == 0;
}

/* 13.8: domainname[:port][,portal-group-tag] */
#define VALUE_MAX (SENDTARGETS_LINE_MAX - sizeof("TargetAddress="))

/*
 * What the initiator is told of a portal, or false: it is none of the target's, cannot be reached
 * from there, or cannot be named. What the operator announces he knows better.
 */
static bool portal_value(const struct sendtargets *q, const struct config_target *t,
			 const struct config_portal *p, char value[static VALUE_MAX])
{
	const size_t i = (size_t)(p - q->config->portals);
	struct place here, there;

	if (!access_by_group(t, p->group))
		return false;
	if (p->announce) {
		snprintf(value, VALUE_MAX, "%s,%u", p->announce, p->group);
		return true;
	}
	place_of(q->local, &here);
	if (!config_addr_reachable(p->address, q->peer, q->local) ||
	    !portal_place(p, q->ports && q->ports[i] ? q->ports[i] : p->port, &here, &there))
		return false;
	snprintf(value, VALUE_MAX, there.six ? "[%s]:%u,%u" : "%s:%u,%u", there.host, there.port,
		 p->group);
	return true;
}

/* Without an address a target is where it was asked for: appendix C. */
static bool is_somewhere(const struct sendtargets *q, const struct config_target *t)
{
	char value[VALUE_MAX];

	if (access_by_group(t, q->portal_group))
		return true;
	for (size_t i = 0; i < q->config->nportals; i++)
		if (portal_value(q, t, &q->config->portals[i], value))
			return true;
	return false;
}

static bool is_shown(const struct sendtargets *q, const struct config_target *t)
{
	if (q->own)
		return t == q->own;
	if (strcmp(q->value, "All") != 0 && strcasecmp(q->value, t->name) != 0)
		return false;
	return config_may_access(&t->access, q->initiator, q->peer) && is_somewhere(q, t);
}

static bool put(struct writer *w, const char *key, const char *value)
{
	return text_put(w, key, strlen(key), value);
}

/* false: there is no room for it. */
static bool put_line(const struct sendtargets *q, const struct config_target *t, size_t line,
		     struct writer *w)
{
	char value[VALUE_MAX];

	if (!line)
		return put(w, "TargetName", t->name);
	if (!portal_value(q, t, &q->config->portals[line - 1], value))
		return true;
	return put(w, "TargetAddress", value);
}

size_t sendtargets_read(const struct sendtargets *q, size_t *at, uint8_t *buf, size_t cap,
			bool *more)
{
	const struct config *c = q->config;
	struct writer w = writer_of(buf, cap);
	size_t lines = c->nportals + 1;

	assert(cap >= SENDTARGETS_LINE_MAX);
	*more = false;
	while (*at < c->ntargets * lines) {
		const struct config_target *t = &c->targets[*at / lines];
		if (!is_shown(q, t)) {
			*at += lines; /* it is at the first line of this one */
			continue;
		}
		*more = !put_line(q, t, *at % lines, &w);
		if (*more)
			break;
		++*at;
	}
	return writer_len(&w);
}
