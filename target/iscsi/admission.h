/* SPDX-License-Identifier: MIT */
/*
 * admission.h - how many connections there may be: in all, from one address, before login.
 *
 * Asked by the acceptor before a connection gets any memory. RFC 7143 says nothing of it; without
 * it, a peer that only connects holds what others need.
 */
#ifndef MEMTGT_ADMISSION_H
#define MEMTGT_ADMISSION_H

#include <pthread.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include "base/counters.h"

struct config_limits;
struct admission_host;

struct admission {
	pthread_mutex_t lock;
	const struct config_limits *limits;
	unsigned connections, logins;
	struct admission_host *hosts; /* open addressing, `cap` a power of two */
	size_t cap;
};

struct admission_limit {
	const char *name; /* "limits.logins" */
	enum counter counter;
};

/* 0 or -ENOMEM. `limits` is borrowed. */
int admission_init(struct admission *a, const struct config_limits *limits)
	__attribute__((warn_unused_result));
void admission_free(struct admission *a);

/* NULL: the connection is counted, in login. Else the limit that refuses it. */
const struct admission_limit *admission_enter(struct admission *a,
					      const struct sockaddr_storage *peer)
	__attribute__((warn_unused_result));
/* It has logged in: no longer counted among the logins. */
void admission_logged_in(struct admission *a);
/* It is gone. `in_login`: admission_logged_in() was not called. */
void admission_leave(struct admission *a, const struct sockaddr_storage *peer, _Bool in_login);

#endif
