/* SPDX-License-Identifier: MIT */
/* uring.h - the io_uring engine's own: its state, opened by uring_open.c, run by engine_uring.c. */
#ifndef MEMTGT_URING_H
#define MEMTGT_URING_H

#include <liburing.h>

#include "reactor/engine_impl.h"

/* Which io a slot belongs to; the generation grows when the io is closed. */
struct slot {
	struct engine_io *io;
	uint32_t generation;
};
#define GENERATION_MASK 0xffffffu

struct uring {
	struct engine base;
	struct io_uring ring;
	bool skip;    /* inline sends are possible */
	bool ext_arg; /* waiting with a timeout needs no SQE */
	bool wake_armed;
	int wake_fd;
	uint64_t wake_count;		  /* what the armed read of wake_fd writes */
	uint64_t timeout_at;		  /* without ext_arg: the earliest one armed */
	struct __kernel_timespec timeout; /* its argument */
	struct spin spin;
	struct list rx_todo, tx_todo; /* engine_io.rx_link, tx_link: no SQE yet */
	struct list inlined;	      /* engine_io.tx_link: SQE made, not known to be sent */
	uint32_t max_ios;
	struct slot slots[];
};

static inline struct uring *uring_of(struct engine *e)
{
	return container_of(e, struct uring, base);
}

/* An engine's open() and close(). */
int uring_open(struct engine **out, const struct engine_options *o);
void uring_close(struct engine *e);

#endif
