// SPDX-License-Identifier: MIT
/* server.c - start, serve, stop. */
#include "server.h"

#include <errno.h>
#include <fcntl.h>
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
#include "base/inherit.h"
#include "base/log.h"
#include "base/notify.h"
#include "base/signals.h"
#include "control/methods.h"
#include "control/service.h"
#include "iscsi/node.h"
#include "luns/luns.h"
#include "memory.h"
#include "shortage.h"
#include "reactor/listen.h"
#include "store/store.h"
#include "upgrade/upgrade.h"
#include "watchdog.h"

/* How it ends: for now, with all memory kept for the next daemon, or for good. */
enum end { END_NOT, END_KEPT, END_FINAL };

/* What a program gets that takes this one's place. */
struct legacy {
	struct inherit_fd fds[MEMORY_FILES + ACCEPTOR_PORTALS_MAX];
	size_t n;	/* 0: no other program is to take over */
	uint64_t since; /* ns: nobody is served */
	bool kept;	/* by somebody else, too */
};

struct server {
	const struct config *config;
	struct memory memory;
	struct luns luns;
	struct iscsi_node node;
	unsigned reactors; /* wanted; node.nworkers run */
	int signals;
	struct upgrade upgrade;
	struct legacy legacy;
	struct upgrade_past past;
	int keeper; /* readable when the keeper is gone; -1: there is none */
	struct watchdog watchdog;
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
		s->node.workers[i].reader = store_reader(s->memory.store, i);
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

/* In the filler's thread: a retired page waits for every reactor's quiet point, so those asleep are
 * woken. */
static void wake_all(void *arg)
{
	struct server *s = arg;
	for (unsigned i = 0; i < s->node.nworkers; i++)
		reactor_wake(&s->node.workers[i].reactor);
}

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
	store_on_retire(s->memory.store, wake_all, s);
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
						    .store = s->memory.store,
						    .luns = &s->luns,
						    .shortage = &s->shortage,
						    .upgrade = &s->upgrade,
						    .ready_at = clock_now()};
	if (s->past.version[0])
		s->control_daemon.pause_ms =
			(s->control_daemon.ready_at - s->past.since) / NS_PER_MS;
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

static int open_portals(struct server *s)
{
	memory_keep(&s->memory);
	int err = acceptor_open(&s->acceptor, s->config, &s->node);
	if (err)
		return err;
	inherit_close_rest();
	err = notify_barrier(MEMORY_KEEP_MS);
	if (err)
		log_warn("whoever keeps this daemon's memory does not answer (%s): it may not be "
			 "kept",
			 strerror(-err));
	return 0;
}

/* ---- start, in this order ---- */

static int start_watchdog(struct server *s)
{
	int err = watchdog_start(&s->watchdog, notify_watchdog_us(), s->node.nworkers, clock_now());

	for (unsigned i = 0; !err && i < s->node.nworkers; i++)
		watchdog_add(&s->watchdog, i, &s->node.workers[i].reactor);
	return err;
}

static int start(struct server *s)
{
	const struct config *c = s->config;
	raise_file_limit(c);
	s->reactors = c->reactor.count ? c->reactor.count : usable_cpus();
	s->signals = signals_open();
	if (s->signals < 0) {
		log_error("signalfd: %s", strerror(-s->signals));
		return s->signals;
	}
	s->keeper = notify_keeper_fd();
	int err = upgrade_open(&s->upgrade, c->path);
	if (!err)
		err = open_control(s);
	if (!err)
		err = memory_open(&s->memory, c, s->reactors);
	s->upgrade.can_leave = !err;
	if (!err)
		err = memory_restore(&s->memory);
	if (!err)
		luns_report_pool(c, s->memory.store);
	if (!err)
		err = luns_create(&s->luns, c, s->memory.store, memory_reader(&s->memory),
				  s->memory.state);
	if (!err)
		err = start_node(s);
	if (!err)
		err = start_watchdog(s);
	if (!err)
		err = open_portals(s);
	if (!err)
		err = memory_offer(&s->memory);
	if (!err) {
		shortage_start(&s->shortage, c, s->memory.store, &s->node);
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

static enum end end_of(uint32_t signo)
{
	return signo != SIGUSR2 && notify_keeps() ? END_KEPT : END_FINAL;
}

/* All that came: of two ends the final one counts, whichever came first. */
static enum end take_signals(const struct server *s)
{
	struct signalfd_siginfo si;
	enum end end = END_NOT;

	while (read(s->signals, &si, sizeof(si)) == (ssize_t)sizeof(si)) {
		if (si.ssi_signo == SIGUSR1) {
			log_counters(&s->node, true);
			continue;
		}
		if (end_of(si.ssi_signo) > end)
			end = end_of(si.ssi_signo);
		log_info("signal SIG%s: stopping%s", sigabbrev_np((int)si.ssi_signo),
			 end == END_KEPT ? "; memory is kept for the next start" : "");
	}
	return end;
}

static void check_keeper(struct server *s, const struct pollfd *p)
{
	if (!p->revents)
		return;
	notify_lost();
	close(s->keeper);
	s->keeper = -1;
}

/*
 * Duplicates, which stay when the store and the portals are closed: after store_leave() those of
 * the store's files cost nobody a lock. False: it is not possible, and serving goes on.
 */
static bool take_legacy(struct server *s)
{
	struct legacy *l = &s->legacy;

	*l = (struct legacy){.since = clock_now(), .kept = notify_keeps()};
	size_t n = memory_fds(&s->memory, l->fds);
	n += acceptor_fds(&s->acceptor, l->fds + n);
	for (; l->n < n; l->n++) {
		int fd = fcntl(l->fds[l->n].fd, F_DUPFD_CLOEXEC, INHERIT_FIRST);
		if (fd < 0) {
			/* The lock of the store goes with the duplicates, so they stay. */
			log_error("no upgrade, since its files cannot be duplicated: %s",
				  strerror(errno));
			upgrade_cancel(&s->upgrade);
			l->n = 0;
			return false;
		}
		l->fds[l->n].fd = fd;
	}
	return true;
}

/* Until a signal that ends the daemon, or another program is to take over. */
static enum end serve(struct server *s)
{
	struct pollfd fds[ACCEPTOR_PORTALS_MAX + 3];
	size_t n = acceptor_poll_fds(&s->acceptor, fds);
	fds[n] = (struct pollfd){.fd = s->signals, .events = POLLIN};
	fds[n + 1] = (struct pollfd){.fd = s->upgrade.wake, .events = POLLIN};

	for (;;) {
		/* poll(2) takes no more entries than there may be descriptors. */
		bool has_keeper = s->keeper >= 0;
		fds[n + 2] = (struct pollfd){.fd = s->keeper, .events = POLLIN};
		if (poll(fds, n + 2 + has_keeper, watchdog_wait_ms(&s->watchdog, clock_now())) <
			    0 &&
		    errno != EINTR) {
			log_error("poll: %s", strerror(errno));
			return notify_keeps() ? END_KEPT : END_FINAL;
		}
		if (has_keeper)
			check_keeper(s, &fds[n + 2]);
		enum end end = take_signals(s);
		if (end)
			return end;
		if (upgrade_is_wanted(&s->upgrade) && take_legacy(s))
			return END_KEPT;
		watchdog_turn(&s->watchdog, clock_now());
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

/* What an end may take, but for memory_save(), which asks for more itself; seconds. To give back
 * much memory takes its time. */
#define STOP_S 60u

/* No more connections: for good, or until the next daemon takes those that wait. */
static void close_portals(struct server *s, enum end end)
{
	if (end == END_FINAL)
		acceptor_forget(&s->acceptor);
	acceptor_close(&s->acceptor);
	/* With kept memory they are to come back, and at once. */
	if (end != END_FINAL || !s->node.nworkers)
		return;
	/* What is written after this would not be saved. */
	if (s->config->spill_dir)
		luns_freeze(&s->luns);
	drain(s);
}

static void stop(struct server *s, enum end end)
{
	close_portals(s, end);
	luns_close(&s->luns);
	/* It asks the reactors, until the last moment that there are any. */
	control_service_stop(&s->control);
	control_socket_close(&s->control_socket);
	shortage_stop(&s->shortage);
	/* It would wake reactors that are gone. */
	if (s->memory.store)
		store_stop_filling(s->memory.store);
	iscsi_node_stop(&s->node);
	watchdog_free(&s->watchdog);
	log_counters(&s->node, false);
	if (end == END_FINAL)
		memory_save(&s->memory, &s->luns);
	if (s->node.workers)
		iscsi_node_free(&s->node);
	bool ran = s->node.nworkers > 0;
	s->node.nworkers = 0; /* the store wakes none of them any more */
	free(s->node.workers);
	memory_end(&s->memory, &s->luns, end == END_KEPT, ran);
	if (s->keeper >= 0)
		close(s->keeper);
	if (s->signals >= 0)
		close(s->signals);
}

/* It has shown that it can: from now on whoever starts us is to start this one. */
static void note_past(const struct server *s)
{
	if (!s->past.version[0])
		return;
	log_always("took over from memtgtd %s; nobody was served for %llu ms", s->past.version,
		   (unsigned long long)((clock_now() - s->past.since) / NS_PER_MS));
	notify_binary(s->upgrade.self);
}

int server_run(const struct config *c)
{
	struct server s = {.config = c, .signals = -1, .keeper = -1, .control_socket.fd = -1};
	enum end end;

	upgrade_read_past(&s.past);
	int err = start(&s);
	memory_settle(&s.memory);
	/* A start that fails takes nothing away from the next, if there is somebody who keeps it.
	 */
	end = err && !notify_keeps() && memory_has_data(&s.memory) ? END_FINAL : END_KEPT;
	const enum end told = err == -ECANCELED ? take_signals(&s) : END_NOT;
	if (told) { /* to end, before it began to serve: as good as an end in order */
		end = told > end ? told : end;
		err = 0;
	} else if (!err) {
		note_past(&s);
		acceptor_announce(&s.acceptor);
		notify_ready();
		end = serve(&s);
		if (!s.legacy.n) {
			notify_stopping();
			notify_extend(STOP_S);
		}
	}
	stop(&s, end);
	if (s.legacy.n) {
		upgrade_exec(&s.upgrade, s.legacy.fds, s.legacy.n, s.legacy.kept, s.legacy.since);
		err = -ENOEXEC;
	}
	upgrade_close(&s.upgrade);
	return err ? EXIT_FAILURE : EXIT_SUCCESS;
}
