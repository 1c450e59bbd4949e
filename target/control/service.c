// SPDX-License-Identifier: MIT
/* service.c - accepting clients, seating them, and sending away those for whom there is no seat. */
#include "control/service.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/log.h"
#include "base/thread.h"

/* Signals are the main thread's. */
static int make_thread(pthread_t *thread, void *(*run)(void *), void *arg)
{
	sigset_t old;

	thread_block_signals(&old);
	int rc = pthread_create(thread, NULL, run, arg);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	return -rc;
}

/* ---- seats ---- */

static void *client_main(void *arg)
{
	struct control_seat *seat = arg;

	pthread_setname_np(pthread_self(), "control-client");
	client_serve(&seat->service->clients, seat->fd);
	close(seat->fd);
	atomic_store(&seat->ended, true);
	return NULL;
}

/* Those who left. */
static void clear_seats(struct control_service *s)
{
	for (unsigned i = 0; i < CONTROL_CLIENTS_MAX; i++) {
		struct control_seat *seat = &s->seats[i];
		if (!seat->taken || !atomic_load(&seat->ended))
			continue;
		pthread_join(seat->thread, NULL);
		seat->taken = false;
	}
}

static struct control_seat *free_seat(struct control_service *s)
{
	clear_seats(s);
	for (unsigned i = 0; i < CONTROL_CLIENTS_MAX; i++)
		if (!s->seats[i].taken)
			return &s->seats[i];
	return NULL;
}

static void send_away(struct control_service *s, int fd, const char *message)
{
	pthread_mutex_lock(&s->lock);
	counter_add(s->clients.counters, COUNT_CONTROL_REFUSED, 1);
	pthread_mutex_unlock(&s->lock);
	log_peer(LOG_LEVEL_WARNING, "control: a client is sent away: %s", message);
	client_send_away(fd, CONTROL_ERR_CLIENTS, message);
	close(fd);
}

static void seat_client(struct control_service *s, int fd)
{
	struct control_seat *seat = free_seat(s);

	if (!seat) {
		send_away(s, fd, "there are as many clients as may be; try again later");
		return;
	}
	seat->service = s;
	seat->fd = fd;
	seat->ended = false;
	int err = make_thread(&seat->thread, client_main, seat);
	if (err)
		send_away(s, fd, "no thread can be had for it");
	else
		seat->taken = true;
}

/* ---- accepting ---- */

static void accept_one(struct control_service *s)
{
	int fd = accept4(s->socket.fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

	if (fd >= 0) {
		seat_client(s, fd);
	} else if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
		log_peer(LOG_LEVEL_ERROR, "control: cannot accept a client: %s", strerror(errno));
		(void)poll(NULL, 0, 100); /* it stays in the queue: do not spin on it */
	}
}

static void *accept_main(void *arg)
{
	struct control_service *s = arg;
	struct pollfd fds[] = {{.fd = s->socket.fd, .events = POLLIN},
			       {.fd = s->clients.stop, .events = POLLIN}};

	pthread_setname_np(pthread_self(), "control");
	for (;;) {
		if (poll(fds, 2, -1) < 0 && errno != EINTR) {
			log_error("control: poll: %s", strerror(errno));
			return NULL;
		}
		if (fds[1].revents)
			return NULL;
		if (fds[0].revents)
			accept_one(s);
	}
}

/* ---- start and stop ---- */

int control_service_start(struct control_service *s, const struct control_socket *socket,
			  const struct rpc *rpc, struct counters *counters, unsigned idle_ms)
{
	memset(s, 0, sizeof(*s));
	s->socket = *socket;
	pthread_mutex_init(&s->lock, NULL);
	s->clients = (struct control_clients){.rpc = *rpc,
					      .idle_ms = idle_ms,
					      .stop = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK),
					      .counters = counters,
					      .lock = &s->lock};
	int err = s->clients.stop < 0 ? -errno : make_thread(&s->thread, accept_main, s);
	s->runs = !err;
	if (err) {
		if (s->clients.stop >= 0)
			close(s->clients.stop);
		control_socket_close(&s->socket);
		pthread_mutex_destroy(&s->lock);
	}
	return err;
}

void control_service_stop(struct control_service *s)
{
	if (!s->runs)
		return;
	s->runs = false;
	/* Nobody new finds it from here on. */
	(void)eventfd_write(s->clients.stop, 1);
	pthread_join(s->thread, NULL);
	control_socket_close(&s->socket);
	for (unsigned i = 0; i < CONTROL_CLIENTS_MAX; i++)
		if (s->seats[i].taken)
			pthread_join(s->seats[i].thread, NULL);
	close(s->clients.stop);
	pthread_mutex_destroy(&s->lock);
}
