// SPDX-License-Identifier: MIT
/*
 * engine_uring.c - receive, send and wait by io_uring.
 *
 * recv() and send() only put the io on a list; wait() makes the SQEs, all of them, and enters the
 * kernel once. Callbacks therefore never run between an SQE and its submission.
 *
 * Inline sends. A send that will probably fit the socket is submitted with MSG_DONTWAIT and
 * IOSQE_CQE_SKIP_SUCCESS: the kernel runs it inside the submission and posts a CQE only if not all
 * of it was sent. No CQE after that submission means success; such a send is completed by
 * settle(), which therefore runs only when every SQE was consumed and every CQE was read. It costs
 * no CQE and no second entry into the kernel, but also wakes nobody: the thread must not sleep
 * before settle() ran. This rests on IORING_SETUP_DEFER_TASKRUN: kernels that have it (6.1) report
 * the length of a partial send that failed, older ones may not.
 *
 * Completions are matched by slot and generation.
 */
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "reactor/uring.h"

/* Larger sends hardly ever fit the socket at once. */
#define INLINE_MAX ((size_t)256 << 10)
/* After the kernel refused SQEs for lack of memory. */
#define RETRY_NS NS_PER_MS

#define SEND_FLAGS   (MSG_WAITALL | MSG_NOSIGNAL)
#define INLINE_FLAGS (MSG_WAITALL | MSG_NOSIGNAL | MSG_DONTWAIT)

enum op { OP_WAKE = 1, OP_TIMEOUT, OP_RECV, OP_SEND };

static uint64_t key_of(enum op op, const struct engine_io *io)
{
	return (uint64_t)op << 56 | (uint64_t)io->generation << 32 | io->slot;
}

/* ---- ios ---- */

static int uring_add(struct engine *e, struct engine_io *io)
{
	struct uring *u = uring_of(e);

	assert(io->slot < u->max_ios && !u->slots[io->slot].io);
	/* The ring waits for a blocking socket, and may not for the other kind. */
	int flags = fcntl(io->fd, F_GETFL);
	if (flags < 0 || (flags & O_NONBLOCK && fcntl(io->fd, F_SETFL, flags & ~O_NONBLOCK) < 0))
		return -errno;
	engine_io_init(io);
	u->slots[io->slot].io = io;
	io->generation = u->slots[io->slot].generation;
	return 0;
}

static void uring_recv(struct engine *e, struct engine_io *io, uint8_t *buf, size_t len)
{
	assert(!io->receiving && len);
	io->receiving = true;
	io->rx_buf = buf;
	io->rx_len = len;
	list_add_tail(&uring_of(e)->rx_todo, &io->rx_link);
}

static void uring_send(struct engine *e, struct engine_io *io, struct msghdr *msg, size_t bytes)
{
	assert(!io->sending && bytes);
	io->sending = true;
	io->tx_msg = msg;
	io->tx_left = bytes;
	io->tx_wait = false;
	list_add_tail(&uring_of(e)->tx_todo, &io->tx_link);
}

static void uring_shutdown(struct engine *e, struct engine_io *io)
{
	(void)e;
	shutdown(io->fd, SHUT_RDWR);
}

static void uring_end_send(struct engine *e, struct engine_io *io)
{
	(void)e;
	assert(!io->sending);
	shutdown(io->fd, SHUT_WR);
}

static void uring_close_io(struct engine *e, struct engine_io *io)
{
	struct slot *s = &uring_of(e)->slots[io->slot];

	assert(s->io == io && !io->receiving && !io->sending);
	s->io = NULL;
	s->generation = (s->generation + 1) & GENERATION_MASK;
	close(io->fd);
	io->fd = -1;
}

/* ---- submission ---- */

static unsigned sq_flags(struct uring *u)
{
	return __atomic_load_n(u->ring.sq.kflags, __ATOMIC_RELAXED);
}

/* The kernel has completions that it hands over only to who enters it. */
static bool kernel_has_work(struct uring *u)
{
	return sq_flags(u) & (IORING_SQ_TASKRUN | IORING_SQ_CQ_OVERFLOW);
}

/*
 * Temporary refusals (-EINTR, -EAGAIN, -EBUSY, -ENOMEM) leave SQEs in the SQ, for the next call.
 * Anything else is a ring that does not work, and nothing would ever complete on it.
 */
static void submit(struct uring *u)
{
	int rc = io_uring_submit_and_get_events(&u->ring);

	if (rc >= 0 || rc == -EINTR || rc == -EAGAIN || rc == -EBUSY || rc == -ENOMEM)
		return;
	log_peer(LOG_LEVEL_ERROR, "io_uring_enter: %s", strerror(-rc));
}

static struct io_uring_sqe *get_sqe(struct uring *u)
{
	struct io_uring_sqe *sqe = io_uring_get_sqe(&u->ring);

	if (sqe)
		return sqe;
	submit(u);
	return io_uring_get_sqe(&u->ring);
}

static void arm_wake(struct uring *u)
{
	if (u->wake_armed)
		return;
	struct io_uring_sqe *sqe = get_sqe(u);
	if (!sqe)
		return;
	io_uring_prep_read(sqe, u->wake_fd, &u->wake_count, sizeof(u->wake_count), 0);
	io_uring_sqe_set_data64(sqe, (uint64_t)OP_WAKE << 56);
	u->wake_armed = true;
}

static void prepare_send(struct uring *u, struct io_uring_sqe *sqe, struct engine_io *io)
{
	io->inline_send = u->skip && !io->tx_wait && io->tx_left <= INLINE_MAX;
	io_uring_prep_sendmsg(sqe, io->fd, io->tx_msg, io->inline_send ? INLINE_FLAGS : SEND_FLAGS);
	io_uring_sqe_set_data64(sqe, key_of(OP_SEND, io));
	if (io->inline_send) {
		io_uring_sqe_set_flags(sqe, IOSQE_CQE_SKIP_SUCCESS);
		list_add_tail(&u->inlined, &io->tx_link);
	}
}

static void prepare_recv(struct io_uring_sqe *sqe, struct engine_io *io)
{
	io_uring_prep_recv(sqe, io->fd, io->rx_buf, io->rx_len, 0);
	io_uring_sqe_set_data64(sqe, key_of(OP_RECV, io));
}

/* Answers first: the peer can work on them while receives are armed. */
static void prepare_all(struct uring *u)
{
	struct io_uring_sqe *sqe;

	arm_wake(u);
	while (!list_empty(&u->tx_todo) && (sqe = get_sqe(u))) {
		struct engine_io *io = container_of(u->tx_todo.next, struct engine_io, tx_link);
		list_del(&io->tx_link);
		prepare_send(u, sqe, io);
	}
	while (!list_empty(&u->rx_todo) && (sqe = get_sqe(u))) {
		struct engine_io *io = container_of(u->rx_todo.next, struct engine_io, rx_link);
		list_del(&io->rx_link);
		prepare_recv(sqe, io);
	}
}

/* ---- completion ---- */

static bool recv_completed(struct uring *u, struct engine_io *io, int res)
{
	if (res == -EINTR || res == -EAGAIN) {
		list_add_tail(&u->rx_todo, &io->rx_link);
		return false;
	}
	u->base.stats.recvs++;
	io->receiving = false;
	io->ops->received(io, res);
	return true;
}

static void send_done(struct uring *u, struct engine_io *io, int err)
{
	u->base.stats.sends++;
	u->base.stats.sends_inline += io->inline_send;
	io->inline_send = io->sending = false;
	io->ops->sent(io, err);
}

static bool send_completed(struct uring *u, struct engine_io *io, int res)
{
	list_del(&io->tx_link); /* from `inlined` */
	io->inline_send = false;
	if (res > 0) {
		assert((size_t)res <= io->tx_left);
		engine_advance(io->tx_msg, (size_t)res);
		io->tx_left -= (size_t)res;
	}
	if ((res > 0 && io->tx_left) || res == -EINTR || res == -EAGAIN) {
		io->tx_wait = true;
		list_add_tail(&u->tx_todo, &io->tx_link);
		return false;
	}
	send_done(u, io, res > 0 ? 0 : res ? res : -EPIPE);
	return true;
}

static struct engine_io *io_of(struct uring *u, uint64_t key)
{
	uint32_t slot = (uint32_t)key, generation = (uint32_t)(key >> 32) & GENERATION_MASK;

	if (slot < u->max_ios && u->slots[slot].io && u->slots[slot].generation == generation)
		return u->slots[slot].io;
	u->base.stats.stale++;
	return NULL;
}

/* True: something was completed that the caller of wait() should look at. */
static bool complete(struct uring *u, uint64_t key, int res)
{
	enum op op = (enum op)(key >> 56);

	if (op == OP_WAKE) {
		u->wake_armed = false;
		return true;
	}
	if (op == OP_TIMEOUT) {
		u->timeout_at = UINT64_MAX;
		return true;
	}
	struct engine_io *io = io_of(u, key);
	if (!io)
		return false;
	if (op == OP_RECV && io->receiving)
		return recv_completed(u, io, res);
	if (op == OP_SEND && io->sending)
		return send_completed(u, io, res);
	u->base.stats.stale++;
	return false;
}

static bool reap(struct uring *u)
{
	struct io_uring_cqe *cqe;
	unsigned head, n = 0;
	bool any = false;

	io_uring_for_each_cqe(&u->ring, head, cqe)
	{
		any |= complete(u, cqe->user_data, cqe->res);
		n++;
	}
	io_uring_cq_advance(&u->ring, n);
	return any;
}

/* Completes the inline sends that left no CQE. */
static bool settle(struct uring *u)
{
	struct list done;
	bool any = false;

	if (io_uring_sq_ready(&u->ring) || io_uring_cq_ready(&u->ring) ||
	    sq_flags(u) & IORING_SQ_CQ_OVERFLOW)
		return false;
	list_init(&done);
	list_move_all(&done, &u->inlined);
	for (struct list *l; (l = list_pop(&done)); any = true)
		send_done(u, container_of(l, struct engine_io, tx_link), 0);
	return any;
}

/* One exchange with the kernel. Enters it only if there is a reason. */
static bool pump(struct uring *u)
{
	prepare_all(u);
	if (io_uring_sq_ready(&u->ring) || kernel_has_work(u))
		submit(u);
	bool any = reap(u);
	return settle(u) || any;
}

/* Something that no completion will announce: do not sleep on it. */
static bool unfinished(struct uring *u)
{
	return !list_empty(&u->tx_todo) || !list_empty(&u->rx_todo) || !list_empty(&u->inlined) ||
	       !u->wake_armed || io_uring_sq_ready(&u->ring);
}

/* ---- waiting ---- */

static struct __kernel_timespec timespec_of(uint64_t ns)
{
	return (struct __kernel_timespec){
		.tv_sec = (long long)(ns / NS_PER_S),
		.tv_nsec = (long long)(ns % NS_PER_S),
	};
}

/* Work came in the time for which spinning pays. Enters the kernel not once. */
static bool spin(struct uring *u, uint64_t start, uint64_t until)
{
	if (!spin_pays(&u->spin))
		return false;
	uint64_t end = until - start < u->spin.limit ? until : start + u->spin.limit;
	do {
		for (int i = 0; i < 16; i++) {
			if (io_uring_cq_ready(&u->ring) || kernel_has_work(u) ||
			    engine_has_mail(&u->base)) {
				u->base.stats.spins_won++;
				return true;
			}
			spin_relax();
		}
	} while (clock_now() < end);
	return false;
}

/* A timeout as an SQE, for kernels that cannot wait with one (before 5.11). */
static void arm_timeout(struct uring *u, uint64_t until)
{
	if (until >= u->timeout_at)
		return;
	struct io_uring_sqe *sqe = get_sqe(u);
	if (!sqe)
		return;
	u->timeout = timespec_of(until);
	io_uring_prep_timeout(sqe, &u->timeout, 0, IORING_TIMEOUT_ABS);
	io_uring_sqe_set_data64(sqe, (uint64_t)OP_TIMEOUT << 56);
	u->timeout_at = until;
}

static void enter_and_wait(struct uring *u, uint64_t until)
{
	if (!u->ext_arg) {
		if (until != UINT64_MAX)
			arm_timeout(u, until);
		(void)io_uring_submit_and_wait(&u->ring, 1);
		return;
	}
	struct io_uring_cqe *cqe;
	uint64_t now = clock_now();
	struct __kernel_timespec ts = timespec_of(until > now ? until - now : 0);
	(void)io_uring_submit_and_wait_timeout(&u->ring, &cqe, 1, until == UINT64_MAX ? NULL : &ts,
					       NULL);
}

static void uring_sleep(struct uring *u, uint64_t until)
{
	if (!engine_sleep_begin(&u->base))
		return;
	u->base.stats.sleeps++;
	enter_and_wait(u, until);
	engine_sleep_end(&u->base);
}

static void uring_wait(struct engine *e, uint64_t until)
{
	struct uring *u = uring_of(e);

	e->stats.waits++;
	if (pump(u) || !until || engine_has_mail(e))
		return;
	uint64_t start = clock_now();
	if (unfinished(u)) {
		/* Either a send to be continued, which the next call submits, or a kernel out of
		 * memory. */
		if (!io_uring_sq_ready(&u->ring))
			return;
		until = until < start + RETRY_NS ? until : start + RETRY_NS;
	}
	if (until <= start)
		return;
	if (!spin(u, start, until))
		uring_sleep(u, until);
	spin_learn(&u->spin, clock_now() - start);
	pump(u);
}

static void uring_wake(struct engine *e)
{
	uint64_t one = 1;

	while (write(uring_of(e)->wake_fd, &one, sizeof(one)) < 0 && errno == EINTR)
		;
}

static uint64_t uring_now(struct engine *e)
{
	(void)e;
	return clock_now();
}

const struct engine_ops engine_uring = {
	.name = "io_uring",
	.open = uring_open,
	.close = uring_close,
	.add = uring_add,
	.recv = uring_recv,
	.send = uring_send,
	.shutdown = uring_shutdown,
	.end_send = uring_end_send,
	.close_io = uring_close_io,
	.wait = uring_wait,
	.wake = uring_wake,
	.now = uring_now,
};
