// SPDX-License-Identifier: MIT
/* uring_open.c - a ring with the best features that this kernel has, and its end. */
#include "reactor/uring.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

/* A small SQ stays in cache; one that is full is submitted early. */
#define SQ_ENTRIES 256u

/* From the best to what the oldest kernel has. */
/* clang-format off */
static const struct mode {
	const char *feature; /* for MEMTGT_ENGINE_REFUSE */
	const char *how;
	unsigned flags;
} modes[] = {
	{"defer", "DEFER_TASKRUN", IORING_SETUP_SUBMIT_ALL | IORING_SETUP_TASKRUN_FLAG |
				   IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN},
	{"coop",  "COOP_TASKRUN",  IORING_SETUP_SUBMIT_ALL | IORING_SETUP_TASKRUN_FLAG |
				   IORING_SETUP_COOP_TASKRUN},
	{"plain", "plain",	   0},
};
/* clang-format on */
#define NMODES (sizeof(modes) / sizeof(modes[0]))

static uint32_t power_of_two(uint32_t n)
{
	uint32_t p = 1;

	while (p < n)
		p <<= 1;
	return p;
}

/* Room for every completion that can be outstanding, so that the CQ does not overflow. */
static uint32_t cq_entries(uint32_t max_ios)
{
	uint32_t n = max_ios < 1u << 15 ? 2 * max_ios + 8 : 1u << 16;

	return power_of_two(n < 2 * SQ_ENTRIES ? 2 * SQ_ENTRIES : n);
}

static int setup_ring(struct uring *u, const struct mode **mode)
{
	int rc = -ENOSYS;

	for (size_t i = 0; i < NMODES; i++) {
		if (engine_refused(modes[i].feature))
			continue;
		struct io_uring_params params = {
			.flags = modes[i].flags | IORING_SETUP_CQSIZE | IORING_SETUP_CLAMP,
			.cq_entries = cq_entries(u->max_ios),
		};
		rc = io_uring_queue_init_params(SQ_ENTRIES, &u->ring, &params);
		*mode = &modes[i];
		if (rc != -EINVAL)
			return rc;
	}
	return rc;
}

/* Linux 5.7, which has what is needed, has all of these features. */
static bool usable(struct uring *u)
{
	static const int ops[] = {IORING_OP_RECV, IORING_OP_SENDMSG, IORING_OP_READ,
				  IORING_OP_TIMEOUT};
	const unsigned need =
		IORING_FEAT_NODROP | IORING_FEAT_SUBMIT_STABLE | IORING_FEAT_FAST_POLL;

	if ((u->ring.features & need) != need)
		return false;
	struct io_uring_probe *probe = io_uring_get_probe_ring(&u->ring);
	bool ok = probe != NULL;
	for (size_t i = 0; ok && i < sizeof(ops) / sizeof(ops[0]); i++)
		ok = io_uring_opcode_supported(probe, ops[i]);
	io_uring_free_probe(probe);
	return ok;
}

static void tell_how(struct uring *u, const struct mode *mode)
{
	snprintf(u->base.how, sizeof(u->base.how), "%s%s%s", mode->how, u->skip ? ", CQE_SKIP" : "",
		 u->ext_arg ? ", EXT_ARG" : "");
}

static int open_ring(struct uring *u)
{
	const struct mode *mode = NULL;
	int rc = setup_ring(u, &mode);

	if (rc)
		return rc;
	if (!usable(u)) {
		io_uring_queue_exit(&u->ring);
		return -ENOSYS;
	}
	/* Without it each entry looks the descriptor up: slower, nothing else. */
	(void)io_uring_register_ring_fd(&u->ring);
	u->ext_arg = u->ring.features & IORING_FEAT_EXT_ARG && !engine_refused("ext_arg");
	u->skip = u->ring.features & IORING_FEAT_CQE_SKIP &&
		  u->ring.flags & IORING_SETUP_DEFER_TASKRUN && !engine_refused("skip");
	tell_how(u, mode);
	return 0;
}

int uring_open(struct engine **out, const struct engine_options *o)
{
	if (engine_refused("io_uring"))
		return -ENOSYS;
	struct uring *u = calloc(1, sizeof(*u) + o->max_ios * sizeof(u->slots[0]));
	if (!u)
		return -ENOMEM;
	u->base.ops = &engine_uring;
	u->max_ios = o->max_ios;
	u->timeout_at = UINT64_MAX;
	spin_init(&u->spin, o->spin_us);
	list_init(&u->rx_todo);
	list_init(&u->tx_todo);
	list_init(&u->inlined);
	int rc = 0;
	u->wake_fd = eventfd(0, EFD_CLOEXEC);
	if (u->wake_fd < 0) {
		rc = -errno;
		goto err_free;
	}
	rc = open_ring(u);
	if (rc)
		goto err_wake;
	*out = &u->base;
	return 0;
err_wake:
	close(u->wake_fd);
err_free:
	free(u);
	return rc;
}

void uring_close(struct engine *e)
{
	struct uring *u = uring_of(e);

	io_uring_queue_exit(&u->ring);
	close(u->wake_fd);
	free(u);
}
