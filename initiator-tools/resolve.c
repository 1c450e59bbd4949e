// SPDX-License-Identifier: MIT
/* resolve.c - getaddrinfo_a(3). */
#include "initiator-tools/resolve.h"

#include <errno.h>
#include <netdb.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "initiator-tools/donor.h"

struct resolve {
	struct gaicb question;
	struct addrinfo hints;
	char host[DONOR_PORTAL_MAX + 1], service[8];
	int failed;	      /* it could not be asked: an EAI_ number */
	struct resolve *left; /* the next of those left behind */
};

/* Their threads may still write to them; the list keeps them reachable. */
static struct resolve *left_behind;

static bool is_numeric(struct resolve *r)
{
	r->hints.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV;
	return !getaddrinfo(r->host, r->service, &r->hints, &r->question.ar_result);
}

struct resolve *resolve_start(const char *host, uint16_t port)
{
	struct resolve *r = calloc(1, sizeof(*r));

	if (!r)
		return NULL;
	snprintf(r->host, sizeof(r->host), "%s", host);
	snprintf(r->service, sizeof(r->service), "%u", port);
	r->hints.ai_socktype = SOCK_STREAM;
	if (is_numeric(r))
		return r;
	r->hints.ai_flags = AI_NUMERICSERV | AI_ADDRCONFIG;
	r->question.ar_name = r->host;
	r->question.ar_service = r->service;
	r->question.ar_request = &r->hints;
	r->failed = getaddrinfo_a(GAI_NOWAIT, (struct gaicb *[]){&r->question}, 1, NULL);
	return r;
}

static int error_of(struct resolve *r)
{
	if (r->failed)
		return r->failed;
	return r->question.ar_name ? gai_error(&r->question) : 0;
}

static int print(const struct addrinfo *a, char *out, size_t n)
{
	char host[128], port[8];
	int err = getnameinfo(a->ai_addr, a->ai_addrlen, host, sizeof(host), port, sizeof(port),
			      NI_NUMERICHOST | NI_NUMERICSERV);

	if (err) {
		snprintf(out, n, "its address cannot be written: %s", gai_strerror(err));
		return -EINVAL;
	}
	snprintf(out, n, a->ai_family == AF_INET6 ? "[%s]:%s" : "%s:%s", host, port);
	return 0;
}

int resolve_result(struct resolve *r, char *out, size_t n)
{
	int err = error_of(r);

	if (err == EAI_INPROGRESS)
		return -EAGAIN;
	if (err || !r->question.ar_result) {
		snprintf(out, n, "the name %.80s is not known: %s", r->host,
			 err ? gai_strerror(err) : "no address");
		return -ENOENT;
	}
	return print(r->question.ar_result, out, n);
}

void resolve_drop(struct resolve *r)
{
	if (!r)
		return;
	if (error_of(r) == EAI_INPROGRESS && gai_cancel(&r->question) != EAI_CANCELED) {
		r->left = left_behind;
		left_behind = r;
		return;
	}
	if (r->question.ar_result)
		freeaddrinfo(r->question.ar_result);
	free(r);
}
