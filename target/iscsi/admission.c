// SPDX-License-Identifier: MIT
/* admission.c - counting connections against the limits. */
#include "iscsi/admission.h"

#include <assert.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/config.h"

struct admission_host {
	uint8_t address[16];
	unsigned count; /* 0: the place is free */
};

/* IPv4 is kept as an IPv4-mapped address, so that one host is one host on either kind of socket. */
static void key_of(const struct sockaddr_storage *ss, uint8_t key[static 16])
{
	memset(key, 0, 16);
	if (ss->ss_family == AF_INET6) {
		memcpy(key, &((const struct sockaddr_in6 *)(const void *)ss)->sin6_addr, 16);
	} else if (ss->ss_family == AF_INET) {
		key[10] = key[11] = 0xff;
		memcpy(key + 12, &((const struct sockaddr_in *)(const void *)ss)->sin_addr, 4);
	}
}

static size_t hash(const uint8_t key[static 16])
{
	uint64_t h = 0xcbf29ce484222325u;
	for (int i = 0; i < 16; i++)
		h = (h ^ key[i]) * 0x100000001b3u;
	return (size_t)(h ^ h >> 32);
}

int admission_init(struct admission *a, const struct config_limits *limits)
{
	size_t cap = 64;
	while (cap < (size_t)limits->connections * 2)
		cap *= 2;
	*a = (struct admission){.limits = limits, .cap = cap};
	a->hosts = calloc(cap, sizeof(*a->hosts));
	if (!a->hosts)
		return -ENOMEM;
	pthread_mutex_init(&a->lock, NULL);
	return 0;
}

void admission_free(struct admission *a)
{
	free(a->hosts);
	pthread_mutex_destroy(&a->lock);
}

/* The host's place, or the free one where it belongs. The table is never more than half full. */
static struct admission_host *find(struct admission *a, const uint8_t key[static 16])
{
	size_t i = hash(key) & (a->cap - 1);
	while (a->hosts[i].count && memcmp(a->hosts[i].address, key, 16))
		i = (i + 1) & (a->cap - 1);
	return &a->hosts[i];
}

/* Close the gap at `hole`, so that no probe sequence is cut: those after it move up. */
static void remove_host(struct admission *a, struct admission_host *hole)
{
	size_t i = (size_t)(hole - a->hosts);
	hole->count = 0;
	for (;;) {
		i = (i + 1) & (a->cap - 1);
		struct admission_host moved = a->hosts[i];
		if (!moved.count)
			return;
		a->hosts[i].count = 0;
		*find(a, moved.address) = moved;
	}
}

static const struct admission_limit connections = {"limits.connections", COUNT_REFUSED_CONNECTIONS},
				    per_address = {"limits.connections_per_address",
						   COUNT_REFUSED_PER_ADDRESS},
				    logins = {"limits.logins", COUNT_REFUSED_LOGINS};

const struct admission_limit *admission_enter(struct admission *a,
					      const struct sockaddr_storage *peer)
{
	const struct config_limits *l = a->limits;
	const struct admission_limit *why = NULL;
	uint8_t key[16];
	key_of(peer, key);

	pthread_mutex_lock(&a->lock);
	struct admission_host *h = find(a, key);
	if (a->connections >= l->connections)
		why = &connections;
	else if (h->count >= l->connections_per_address)
		why = &per_address;
	else if (a->logins >= l->logins)
		why = &logins;
	if (!why) {
		memcpy(h->address, key, 16);
		h->count++;
		a->connections++;
		a->logins++;
	}
	pthread_mutex_unlock(&a->lock);
	return why;
}

void admission_logged_in(struct admission *a)
{
	pthread_mutex_lock(&a->lock);
	a->logins--;
	pthread_mutex_unlock(&a->lock);
}

void admission_leave(struct admission *a, const struct sockaddr_storage *peer, _Bool in_login)
{
	uint8_t key[16];
	key_of(peer, key);
	pthread_mutex_lock(&a->lock);
	struct admission_host *h = find(a, key);
	assert(h->count && a->connections && a->logins >= in_login);
	if (--h->count == 0)
		remove_host(a, h);
	a->connections--;
	if (in_login)
		a->logins--;
	pthread_mutex_unlock(&a->lock);
}
