// SPDX-License-Identifier: MIT
/* engine.c - the choice of an engine, and what all engines share. */
#include "reactor/engine_impl.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"

/* In the order in which "auto" tries them. */
static const struct engine_ops *const engines[] = {&engine_uring, &engine_epoll};
#define NENGINES (sizeof(engines) / sizeof(engines[0]))

bool engine_refused(const char *feature)
{
	const char *list = getenv("MEMTGT_ENGINE_REFUSE");
	size_t n = strlen(feature);

	while (list && *list) {
		size_t word = strcspn(list, ",");
		if (word == n && !memcmp(list, feature, n))
			return true;
		list += word;
		list += *list == ',';
	}
	return false;
}

void engine_advance(struct msghdr *msg, size_t n)
{
	while (n) {
		assert(msg->msg_iovlen);
		struct iovec *v = msg->msg_iov;
		size_t part = n < v->iov_len ? n : v->iov_len;
		v->iov_base = (uint8_t *)v->iov_base + part;
		v->iov_len -= part;
		n -= part;
		if (!v->iov_len) {
			msg->msg_iov++;
			msg->msg_iovlen--;
		}
	}
}

void engine_io_init(struct engine_io *io)
{
	io->receiving = io->sending = io->inline_send = io->tx_wait = false;
	list_init(&io->rx_link);
	list_init(&io->tx_link);
}

static int open_first(struct engine **out, const struct engine_options *o)
{
	int rc = -ENOSYS;

	for (size_t i = 0; i < NENGINES; i++) {
		rc = engines[i]->open(out, o);
		if (!rc)
			return 0;
		log_info("engine %s: %s", engines[i]->name, strerror(-rc));
	}
	return rc;
}

int engine_open(struct engine **out, const char *name, const struct engine_options *o)
{
	if (!strcmp(name, "auto"))
		return open_first(out, o);
	for (size_t i = 0; i < NENGINES; i++)
		if (!strcmp(name, engines[i]->name))
			return engines[i]->open(out, o);
	return -EINVAL;
}
