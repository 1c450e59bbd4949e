// SPDX-License-Identifier: MIT
/* server.c - start, serve, stop. */
#include "server.h"

#include <errno.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "accept.h"
#include "base/clock.h"
#include "base/config.h"
#include "base/counters.h"
#include "base/log.h"
#include "base/notify.h"
#include "control/methods.h"
#include "control/service.h"
#include "iscsi/node.h"
#include "luns.h"
#include "shortage.h"
#include "reactor/listen.h"
#include "store/store.h"

struct server {
	const struct config *config;
	struct store *store;
	struct luns luns;
	struct iscsi_node node;
	unsigned reactors; /* wanted; node.nworkers run */
	int signals;
	struct acceptor acceptor;
	struct shortage shortage;
	struct control_socket control_socket; /* until it is the service's */
	struct control_daemon control_daemon;
	struct control_service control;
};

/* Descriptors beside those of connections: rings, memfds, portals, stdio. */
#define SPARE_FILES 64u

static void raise_file_limit(const struct config *c)
{
	struct rlimit rl;
	rlim_t want = c->limits.connections + SPARE_FILES;
	if (getrlimit(RLIMIT_NOFILE, &rl) || rl.rlim_cur >= want)
		return;
	rl.rlim_cur = rl.rlim_max < want ? rl.rlim_max : want;
	(void)setrlimit(RLIMIT_NOFILE, &rl);
	if (rl.rlim_cur < want)
		log_warn("limits.connections is %u, but this process may open only %llu files: "
			 "raise LimitNOFILE or lower the limit",
			 c->limits.connections, (unsigned long long)rl.rlim_cur);
}

/* Signals come as a descriptor; no thread is ever interrupted. */
static int open_signals(void)
{
	sigset_t set;
	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGHUP);
	sigaddset(&set, SIGUSR1);
	pthread_sigmask(SIG_BLOCK, &set, NULL);
	signal(SIGPIPE, SIG_IGN);
	return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

/* ---- reactors ---- */

static unsigned usable_cpus(void)
{
	cpu_set_t set;
	if (sched_getaffinity(0, sizeof(set), &set))
		return 1;
	return (unsigned)CPU_COUNT(&set);
}

static int start_workers(struct server *s)
{
	const struct config_reactor *r = &s->config->reactor;
	for (unsigned i = 0; i < s->reactors; i++) {
		int cpu = r->ncpus ? (int)r->cpus[i % r->ncpus] : -1;
		s->node.workers[i].reader = store_reader(s->store, i);
		int err = iscsi_worker_start(&s->node, i, cpu);
		if (err) {
			log_error("cannot start reactor %u: %s", i, strerror(-err));
			return err;
		}
		s->node.nworkers++;
	}
	const struct engine *e = s->node.workers[0].reactor.engine;
	log_always("%u reactor%s on %s (%s)", s->reactors, s->reactors == 1 ? "" : "s",
		   e->ops->name, e->how);
	return 0;
}

/* A retired page waits for every reactor's quiet point: those asleep are woken. */
static void wake_all(void *arg)
{
	struct server *s = arg;
	for (unsigned i = 0; i < s->node.nworkers; i++)
		reactor_wake(&s->node.workers[i].reactor);
}

/* In the filler's thread. */
static int start_node(struct server *s)
{
	struct iscsi_node *n = &s->node;
	n->config = s->config;
	n->targets = s->luns.targets;
	n->ntargets = s->config->ntargets;
	n->workers = calloc(s->reactors, sizeof(*n->workers));
	if (!n->workers || iscsi_node_init(n)) {
		log_error("no memory for %u reactors", s->reactors);
		return -ENOMEM;
	}
	store_on_retire(s->store, wake_all, s);
	int err = start_workers(s);
	if (!err)
		luns_serve(&s->luns, n);
	return err;
}

/* ---- the control socket ---- */

/*
 * Before the LUNs get their memory, so that a wrong path is told at once. Who connects waits until
 * all is ready. What the configuration says must work; a default need not.
 */
static int open_control(struct server *s)
{
	const struct config_control *c = &s->config->control;
	bool is_written = c->socket || c->group;
	const char *path = c->socket ? c->socket : CONTROL_SOCKET;
	char why[512];

	if (!*path)
		return 0;
	int err = control_socket_open(&s->control_socket, path, c->group, why, sizeof(why));
	if (err && is_written) {
		log_error("control.socket: %s", why);
		return err;
	}
	if (err)
		log_info("no control socket, so memtgtctl finds nothing: %s", why);
	return 0;
}

static int start_control(struct server *s)
{
	const struct rpc rpc = {
		.table = &control_table, .run = control_run, .context = &s->control_daemon};

	if (s->control_socket.fd < 0)
		return 0;
	s->control_daemon = (struct control_daemon){.node = &s->node,
						    .store = s->store,
						    .luns = &s->luns,
						    .shortage = &s->shortage,
						    .ready_at = clock_now()};
	int err = control_service_start(&s->control, &s->control_socket, &rpc, &s->node.control,
					CONTROL_IDLE_S * 1000);
	s->control_socket.fd = -1;
	if (err)
		log_error("cannot serve the control socket: %s", strerror(-err));
	else
		log_info("control socket %s", s->control.socket.path);
	return err;
}

/* ---- start ---- */

static int open_store(struct server *s)
{
	struct store_options o;
	char why[512];

	luns_store_options(s->config, s->reactors, &o);
	int err = store_open(&s->store, &o, why, sizeof(why));
	if (err)
		log_error("%s", why);
	return err;
}

static int start(struct server *s)
{
	const struct config *c = s->config;
	raise_file_limit(c);
	s->reactors = c->reactor.count ? c->reactor.count : usable_cpus();
	s->signals = open_signals();
	if (s->signals < 0) {
		log_error("signalfd: %s", strerror(errno));
		return -errno;
	}
	int err = open_control(s);
	if (!err)
		err = open_store(s);
	if (!err)
		luns_report_pool(c, s->store);
	if (!err)
		err = luns_create(&s->luns, c, s->store, store_reader(s->store, s->reactors));
	if (!err)
		err = start_node(s);
	if (!err)
		err = acceptor_open(&s->acceptor, c, &s->node);
	if (!err) {
		shortage_start(&s->shortage, c, s->store, &s->node);
		err = start_control(s);
	}
	return err;
}

/* ---- serve and stop ---- */

/* Those that are not 0. `asked`: whatever the log level is. */
static void log_counters(const struct iscsi_node *n, bool asked)
{
	uint64_t sum[COUNTERS];
	iscsi_node_counters(n, sum);
	for (enum counter i = 0; i < COUNTERS; i++) {
		if (!sum[i])
			continue;
		unsigned long long value = sum[i];
		if (asked)
			log_always("counter %s: %llu (%s)", counter_name(i), value,
				   counter_text(i));
		else
			log_info("counter %s: %llu (%s)", counter_name(i), value, counter_text(i));
	}
	if (asked)
		log_always("counters: these were all that are not 0");
}

/* False: the daemon is to end. */
static bool take_signal(const struct server *s)
{
	struct signalfd_siginfo si;
	if (read(s->signals, &si, sizeof(si)) != (ssize_t)sizeof(si))
		return true;
	if (si.ssi_signo == SIGUSR1) {
		log_counters(&s->node, true);
		return true;
	}
	log_info("signal %s: stopping", strsignal((int)si.ssi_signo));
	return false;
}

/* Until a signal that ends the daemon. */
static void serve(struct server *s)
{
	struct pollfd fds[ACCEPTOR_PORTALS_MAX + 1];
	size_t n = acceptor_poll_fds(&s->acceptor, fds);
	fds[n] = (struct pollfd){.fd = s->signals, .events = POLLIN};

	for (;;) {
		if (poll(fds, n + 1, -1) < 0 && errno != EINTR) {
			log_error("poll: %s", strerror(errno));
			return;
		}
		if (!take_signal(s))
			return;
		for (size_t i = 0; i < n; i++)
			if (fds[i].revents)
				acceptor_accept(&s->acceptor, i);
	}
}

/* Initiators are asked to log out, and have a little time to do so. */
static void drain(struct server *s)
{
	uint64_t until = clock_now() + ISCSI_DRAIN_S * NS_PER_S;
	iscsi_node_drain(&s->node);
	while (iscsi_node_connections(&s->node) && clock_now() < until)
		(void)poll(NULL, 0, 10);
}

static void stop(struct server *s)
{
	acceptor_close(&s->acceptor);
	if (s->node.nworkers)
		drain(s);
	luns_close(&s->luns);
	/* It asks the reactors, until the last moment that there are any. */
	control_service_stop(&s->control);
	control_socket_close(&s->control_socket);
	shortage_stop(&s->shortage);
	/* It would wake reactors that are gone. */
	if (s->store)
		store_stop_filling(s->store);
	iscsi_node_stop(&s->node);
	log_counters(&s->node, false);
	if (s->node.workers)
		iscsi_node_free(&s->node);
	bool ran = s->node.nworkers > 0;
	s->node.nworkers = 0; /* the store wakes none of them any more */
	free(s->node.workers);
	luns_destroy(&s->luns, ran);
	if (s->store)
		store_close(s->store);
	if (s->signals >= 0)
		close(s->signals);
}

int server_run(const struct config *c)
{
	struct server s = {.config = c, .signals = -1, .control_socket.fd = -1};
	int err = start(&s);
	if (!err) {
		acceptor_announce(&s.acceptor);
		notify_ready();
		serve(&s);
		notify_stopping();
	}
	stop(&s);
	return err ? EXIT_FAILURE : EXIT_SUCCESS;
}
