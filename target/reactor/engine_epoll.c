// SPDX-License-Identifier: MIT
/*
 * engine_epoll.c - recvmsg and sendmsg tried directly, epoll for what would block.
 *
 * For kernels that refuse io_uring. Descriptors are watched edge-triggered, for both directions,
 * from add() to close(), so that no operation costs an epoll_ctl(). An operation is first tried;
 * only after EAGAIN does it wait for an edge, and an edge that comes in between is kept by epoll
 * until it is read. An edge for which no operation waits is forgotten: the next one is tried.
 */
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "reactor/engine_impl.h"

#define EVENTS_PER_WAIT 256

struct epoll {
	struct engine base;
	int fd, wake_fd;
	struct spin spin;
	struct list rx_try, tx_try; /* engine_io.rx_link, tx_link: to be tried */
	uint32_t max_ios;
};

static struct epoll *epoll_of(struct engine *e)
{
	return container_of(e, struct epoll, base);
}

static int watch(struct epoll *p, int fd, uint32_t events, void *ptr)
{
	struct epoll_event ev = {.events = events, .data.ptr = ptr};

	return epoll_ctl(p->fd, EPOLL_CTL_ADD, fd, &ev) ? -errno : 0;
}

static int epoll_open(struct engine **out, const struct engine_options *o)
{
	int rc;
	struct epoll *p = calloc(1, sizeof(*p));

	if (!p)
		return -ENOMEM;
	p->base.ops = &engine_epoll;
	p->max_ios = o->max_ios;
	spin_init(&p->spin, o->spin_us);
	list_init(&p->rx_try);
	list_init(&p->tx_try);
	p->fd = epoll_create1(EPOLL_CLOEXEC);
	if (p->fd < 0) {
		rc = -errno;
		goto err_free;
	}
	p->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (p->wake_fd < 0) {
		rc = -errno;
		goto err_epoll;
	}
	rc = watch(p, p->wake_fd, EPOLLIN, NULL);
	if (rc)
		goto err_wake;
	strcpy(p->base.how, "edge-triggered");
	*out = &p->base;
	return 0;
err_wake:
	close(p->wake_fd);
err_epoll:
	close(p->fd);
err_free:
	free(p);
	return rc;
}

static void epoll_close(struct engine *e)
{
	struct epoll *p = epoll_of(e);

	close(p->wake_fd);
	close(p->fd);
	free(p);
}

static int epoll_add(struct engine *e, struct engine_io *io)
{
	struct epoll *p = epoll_of(e);

	assert(io->slot < p->max_ios);
	engine_io_init(io);
	int flags = fcntl(io->fd, F_GETFL);
	if (flags < 0 || fcntl(io->fd, F_SETFL, flags | O_NONBLOCK) < 0)
		return -errno;
	return watch(p, io->fd, EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET, io);
}

static void epoll_recv(struct engine *e, struct engine_io *io, uint8_t *buf, size_t len)
{
	assert(!io->receiving && len);
	io->receiving = true;
	io->rx_buf = buf;
	io->rx_len = len;
	list_add_tail(&epoll_of(e)->rx_try, &io->rx_link);
}

static void epoll_send(struct engine *e, struct engine_io *io, struct msghdr *msg, size_t bytes)
{
	assert(!io->sending && bytes);
	io->sending = true;
	io->tx_msg = msg;
	io->tx_left = bytes;
	io->tx_wait = false;
	list_add_tail(&epoll_of(e)->tx_try, &io->tx_link);
}

/* What waits for an edge is tried again: it fails at once, whether an edge comes or not. */
static void epoll_shutdown(struct engine *e, struct engine_io *io)
{
	struct epoll *p = epoll_of(e);

	shutdown(io->fd, SHUT_RDWR);
	if (io->receiving && list_empty(&io->rx_link))
		list_add_tail(&p->rx_try, &io->rx_link);
	if (io->sending && list_empty(&io->tx_link))
		list_add_tail(&p->tx_try, &io->tx_link);
}

static void epoll_end_send(struct engine *e, struct engine_io *io)
{
	(void)e;
	assert(!io->sending);
	shutdown(io->fd, SHUT_WR);
}

static void epoll_close_io(struct engine *e, struct engine_io *io)
{
	(void)e;
	assert(!io->receiving && !io->sending);
	close(io->fd);
	io->fd = -1;
}

static bool try_recv(struct epoll *p, struct engine_io *io)
{
	ssize_t n;

	do
		n = recv(io->fd, io->rx_buf, io->rx_len, MSG_DONTWAIT);
	while (n < 0 && errno == EINTR);
	if (n < 0 && errno == EAGAIN)
		return false;
	int64_t result = n < 0 ? -errno : n;
	p->base.stats.recvs++;
	io->receiving = false;
	io->ops->received(io, result);
	return true;
}

/* The number of bytes still to be sent, or -errno. */
static ssize_t send_some(struct engine_io *io)
{
	while (io->tx_left) {
		ssize_t n = sendmsg(io->fd, io->tx_msg, MSG_DONTWAIT | MSG_NOSIGNAL);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN)
			break;
		if (n < 0)
			return -errno;
		engine_advance(io->tx_msg, (size_t)n);
		io->tx_left -= (size_t)n;
	}
	return (ssize_t)io->tx_left;
}

static bool try_send(struct epoll *p, struct engine_io *io)
{
	ssize_t left = send_some(io);

	if (left > 0) {
		io->tx_wait = true;
		return false;
	}
	p->base.stats.sends++;
	p->base.stats.sends_inline += !io->tx_wait;
	io->sending = false;
	io->ops->sent(io, (int)left);
	return true;
}

/* Answers before new requests. What callbacks start is left for the next call. */
static bool try_all(struct epoll *p)
{
	struct list tx, rx;
	bool any = false;

	list_init(&tx);
	list_init(&rx);
	list_move_all(&tx, &p->tx_try);
	list_move_all(&rx, &p->rx_try);
	for (struct list *l; (l = list_pop(&tx));)
		any |= try_send(p, container_of(l, struct engine_io, tx_link));
	for (struct list *l; (l = list_pop(&rx));)
		any |= try_recv(p, container_of(l, struct engine_io, rx_link));
	return any;
}

static void drain_wake(struct epoll *p)
{
	uint64_t count;

	while (read(p->wake_fd, &count, sizeof(count)) < 0 && errno == EINTR)
		;
}

static void ready(struct epoll *p, struct engine_io *io, uint32_t events)
{
	const uint32_t broken = EPOLLERR | EPOLLHUP;

	if (events & (EPOLLIN | EPOLLRDHUP | broken) && io->receiving && list_empty(&io->rx_link))
		list_add_tail(&p->rx_try, &io->rx_link);
	if (events & (EPOLLOUT | broken) && io->sending && list_empty(&io->tx_link))
		list_add_tail(&p->tx_try, &io->tx_link);
}

/* Reads events; runs no callback. True: there was one. */
static bool poll_events(struct epoll *p, int timeout_ms)
{
	struct epoll_event ev[EVENTS_PER_WAIT];
	int n = epoll_wait(p->fd, ev, EVENTS_PER_WAIT, timeout_ms);

	for (int i = 0; i < n; i++) {
		if (ev[i].data.ptr)
			ready(p, ev[i].data.ptr, ev[i].events);
		else
			drain_wake(p);
	}
	return n > 0;
}

static int timeout_ms(uint64_t now, uint64_t until)
{
	if (until == UINT64_MAX)
		return -1;
	if (until <= now)
		return 0;
	uint64_t ms = (until - now + NS_PER_MS - 1) / NS_PER_MS;
	return ms < 60000 ? (int)ms : 60000;
}

/* Work came in the time for which spinning pays. */
static bool spin(struct epoll *p, uint64_t start, uint64_t until)
{
	if (!spin_pays(&p->spin))
		return false;
	uint64_t end = until - start < p->spin.limit ? until : start + p->spin.limit;
	do {
		if (poll_events(p, 0) || engine_has_mail(&p->base)) {
			p->base.stats.spins_won++;
			return true;
		}
		spin_relax();
	} while (clock_now() < end);
	return false;
}

static void epoll_sleep(struct epoll *p, uint64_t until)
{
	if (!engine_sleep_begin(&p->base))
		return;
	p->base.stats.sleeps++;
	poll_events(p, timeout_ms(clock_now(), until));
	engine_sleep_end(&p->base);
}

static void epoll_wait_work(struct engine *e, uint64_t until)
{
	struct epoll *p = epoll_of(e);

	e->stats.waits++;
	bool any = try_all(p);
	/* Also when busy, so that a stream of work on one connection does not hide the others. */
	if (poll_events(p, 0) || any || !until || !list_empty(&p->rx_try) ||
	    !list_empty(&p->tx_try)) {
		if (!any)
			try_all(p);
		return;
	}
	uint64_t start = clock_now();
	if (until <= start || engine_has_mail(e))
		return;
	if (!spin(p, start, until))
		epoll_sleep(p, until);
	spin_learn(&p->spin, clock_now() - start);
	try_all(p);
}

static void epoll_wake(struct engine *e)
{
	uint64_t one = 1;

	while (write(epoll_of(e)->wake_fd, &one, sizeof(one)) < 0 && errno == EINTR)
		;
}

static uint64_t epoll_now(struct engine *e)
{
	(void)e;
	return clock_now();
}

const struct engine_ops engine_epoll = {
	.name = "epoll",
	.open = epoll_open,
	.close = epoll_close,
	.add = epoll_add,
	.recv = epoll_recv,
	.send = epoll_send,
	.shutdown = epoll_shutdown,
	.end_send = epoll_end_send,
	.close_io = epoll_close_io,
	.wait = epoll_wait_work,
	.wake = epoll_wake,
	.now = epoll_now,
};
