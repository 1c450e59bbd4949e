// SPDX-License-Identifier: MIT
/* keeper.c - starts the daemon, hears it, starts it again. */
#include "keeper/keeper.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/notify.h"
#include "keeper/kept.h"
#include "keeper/socket.h"
#include "keeper/start.h"

/* Quick ends in a row from which on the operator is told what becomes of the data. */
#define MANY_QUICK 3u
/* More than the kernel lets wait on a socket: net.unix.max_dgram_qlen. */
#define DATAGRAMS_MAX 4096u
/* A time limit that is noticed so late says that this process did not run, not that the other did
 * not. */
#define LATE_NS (5 * NS_PER_S)

const struct keeper_options keeper_usual = {
	.watchdog_us = 30 * NS_PER_S / NS_PER_US,
	.abort_ns = 5 * NS_PER_S,
	.quick_ns = 10 * NS_PER_S,
	.pause_ns = 100 * NS_PER_MS,
	.pause_max_ns = 5 * NS_PER_S,
};

struct keeper {
	const struct keeper_options *o;
	char program[KEEPER_BINARY_MAX + 1]; /* o->program, or what the daemon said since */
	char name[64];			     /* of the socket */
	int socket, signals;
	struct keeper_kept kept;
	pid_t child; /* 0: none */
	uint64_t started_at;
	uint64_t start_at; /* with no child: when to start one */
	unsigned quick;	   /* quick ends in a row */
	unsigned failed;   /* of these, in a row, before the daemon was ready */
	bool was_ready;	   /* the child, or the one before it */
	uint64_t alive_by; /* the child is to give a sign until then; 0: need not */
	uint64_t kill_at;  /* it got SIGABRT and is to be gone until then; 0: it did not */
	unsigned asked;	   /* times that the keeper was asked to end */
	bool ended_again;  /* it was started once more only to end */
	bool done;
	int status;
	struct keeper_datagram datagram;
	struct keeper_message message;
};

/* "3 descriptors, 128 MiB" in a static buffer. */
static const char *kept_text(const struct keeper *k)
{
	static char text[64];

	snprintf(text, sizeof(text), "%zu descriptor%s, %llu MiB", k->kept.n,
		 k->kept.n == 1 ? "" : "s",
		 (unsigned long long)(keeper_kept_bytes(&k->kept) >> 20));
	return text;
}

/* ---- starting the daemon ---- */

static uint64_t pause_after(const struct keeper *k)
{
	uint64_t ns = k->o->pause_ns;

	if (k->quick <= 1)
		return 0;
	/* One that was ready served somebody: it is only kept from using up a CPU. */
	for (unsigned i = 2; i < k->failed && ns < k->o->pause_max_ns; i++)
		ns *= 2;
	return ns < k->o->pause_max_ns ? ns : k->o->pause_max_ns;
}

static void plan_start(struct keeper *k)
{
	uint64_t now = clock_now(), pause;

	k->quick = now - k->started_at < k->o->quick_ns ? k->quick + 1 : 1;
	k->failed = k->was_ready ? 0 : k->quick == 1 ? 1 : k->failed + 1;
	pause = pause_after(k);
	k->start_at = now + pause;
	if (k->quick >= MANY_QUICK)
		log_error("memtgtd ended %u times in a row soon after its start. What it gave to "
			  "be kept (%s) stays here; it is started again in %llu ms, and so on",
			  k->quick, kept_text(k), (unsigned long long)(pause / NS_PER_MS));
}

static void start(struct keeper *k)
{
	const struct keeper_start s = {.program = k->program,
				       .argv = k->o->argv,
				       .socket = k->name,
				       .watchdog_us = k->o->watchdog_us,
				       .kept = &k->kept};

	k->started_at = clock_now();
	k->alive_by = k->kill_at = 0;
	k->was_ready = false;
	pid_t pid = keeper_start(&s);
	if (pid < 0) {
		log_error("fork: %s", strerror(-pid));
		plan_start(k);
		return;
	}
	k->child = pid;
	log_info("keeper: memtgtd is process %d, and gets %s", (int)pid, kept_text(k));
	if (k->asked)
		kill(pid, SIGUSR2); /* it waits until the daemon looks */
}

/* ---- what the daemon says ---- */

static void strange(const struct keeper *k, const char *why)
{
	log_peer(LOG_LEVEL_WARNING, "keeper: a message of process %d is ignored: %s",
		 (int)k->datagram.from, why);
}

static void alive_for(struct keeper *k, uint64_t us)
{
	k->alive_by = clock_now() + us * NS_PER_US;
}

static void take_watchdog(struct keeper *k, const struct keeper_message *m)
{
	/* From when it is ready; a start takes as long as the memory needs to be zeroed. */
	if (k->o->watchdog_us && (m->ready || (m->watchdog && k->alive_by)))
		alive_for(k, k->o->watchdog_us);
	if (k->alive_by && m->extend_us > k->o->watchdog_us)
		alive_for(k, m->extend_us);
	if (m->hangs)
		k->alive_by = 1;
}

static void take_kept(struct keeper *k, const struct keeper_message *m)
{
	if (m->forget && !keeper_kept_drop(&k->kept, m->name))
		log_debug("keeper: there is no \"%s\" to forget", m->name);
	if (!m->store)
		return;
	int err = keeper_kept_put(&k->kept, m->name, k->datagram.fds[--k->datagram.nfds]);
	if (err)
		log_error("keeper: \"%s\" cannot be kept beside %s: %s", m->name, kept_text(k),
			  strerror(-err));
}

/* Tells whoever started the keeper what concerns him. */
static void pass_on(const struct keeper_message *m)
{
	if (m->ready)
		notify_ready();
	if (m->status[0])
		notify_status(m->status);
	if (m->extend_us)
		notify_extend((unsigned)(m->extend_us * NS_PER_US / NS_PER_S) + 1);
}

static void follow(struct keeper *k, const struct keeper_message *m)
{
	take_kept(k, m);
	take_watchdog(k, m);
	k->was_ready |= m->ready;
	if (m->binary[0] && strcmp(k->program, m->binary)) {
		strcpy(k->program, m->binary);
		log_info("keeper: from now on %s is started", k->program);
	}
	pass_on(m);
}

static void take_datagram(struct keeper *k)
{
	const struct keeper_datagram *d = &k->datagram;
	const char *why;

	if (!k->child || d->from != k->child)
		strange(k, "it is not the daemon");
	else if (d->is_cut)
		strange(k, "it is too long, or has too many descriptors");
	else if (keeper_message_parse(&k->message, d->text, d->n, &why))
		strange(k, why);
	else if (d->nfds != (k->message.store || k->message.barrier))
		strange(k, "it has more or fewer descriptors than it says");
	else
		follow(k, &k->message);
	/* A barrier is answered by this, after all that came before. */
	keeper_datagram_close(&k->datagram);
}

static void hear(struct keeper *k)
{
	for (unsigned i = 0; i < DATAGRAMS_MAX && keeper_socket_receive(k->socket, &k->datagram);
	     i++)
		take_datagram(k);
}

/* ---- the daemon's end ---- */

static void log_end(const struct keeper *k, int status)
{
	enum log_level level = k->asked ? LOG_LEVEL_INFO : LOG_LEVEL_WARNING;

	if (WIFSIGNALED(status))
		log_line(LOG_LEVEL_WARNING,
			 "keeper: memtgtd (process %d) was killed by signal %d, %s", (int)k->child,
			 WTERMSIG(status), strsignal(WTERMSIG(status)));
	else
		log_line(level, "keeper: memtgtd (process %d) ended with status %d", (int)k->child,
			 WEXITSTATUS(status));
}

static void log_loss(const struct keeper *k)
{
	unsigned long long bytes = keeper_kept_bytes(&k->kept);

	if (bytes)
		log_error("keeper: memtgtd ended without having saved what it kept: %llu bytes of "
			  "memory are lost",
			  bytes);
}

/* What a daemon that ends for good has dealt with, it asks to be forgotten. */
static void end_or_try_again(struct keeper *k)
{
	if (k->asked == 1 && !k->ended_again && keeper_kept_bytes(&k->kept)) {
		k->ended_again = true;
		start(k);
		if (k->child)
			return;
	}
	log_loss(k);
	k->done = true;
}

static void reap(struct keeper *k)
{
	int status;

	/* Whatever it said before its end lies there, and its number is no other's yet. */
	hear(k);
	if (!k->child || waitpid(k->child, &status, WNOHANG) != k->child)
		return;
	log_end(k, status);
	k->child = 0;
	k->status = WIFEXITED(status) ? WEXITSTATUS(status) : EXIT_FAILURE;
	if (k->asked)
		end_or_try_again(k);
	else
		plan_start(k);
}

static void check_watchdog(struct keeper *k, uint64_t now)
{
	if (!k->child || k->asked)
		return;
	if (k->kill_at && now >= k->kill_at) {
		kill(k->child, SIGKILL);
		k->kill_at = 0;
	} else if (k->alive_by > 1 && now > k->alive_by + LATE_NS) {
		alive_for(k, k->o->watchdog_us);
	} else if (k->alive_by && now >= k->alive_by) {
		log_error("keeper: memtgtd (process %d) gives no sign of life: it is killed and "
			  "started again",
			  (int)k->child);
		kill(k->child, SIGABRT);
		k->alive_by = 0;
		k->kill_at = now + k->o->abort_ns;
	}
}

/* ---- signals ---- */

static void ask_to_end(struct keeper *k, int signo)
{
	if (k->asked++) {
		log_warn("keeper: signal SIG%s again: memtgtd is killed, whatever it has not saved "
			 "of %s",
			 sigabbrev_np(signo), kept_text(k));
		if (k->child)
			kill(k->child, SIGKILL);
		return;
	}
	log_info("keeper: signal SIG%s: memtgtd is to end for good", sigabbrev_np(signo));
	notify_stopping();
	if (k->child)
		kill(k->child, SIGUSR2);
	else
		end_or_try_again(k);
}

static void take_signal(struct keeper *k)
{
	struct signalfd_siginfo si;

	if (read(k->signals, &si, sizeof(si)) != (ssize_t)sizeof(si))
		return;
	switch (si.ssi_signo) {
	case SIGCHLD:
		reap(k);
		break;
	case SIGHUP:
	case SIGUSR1:
		if (k->child)
			kill(k->child, (int)si.ssi_signo);
		break;
	default:
		ask_to_end(k, (int)si.ssi_signo);
	}
}

static int open_signals(void)
{
	static const int taken[] = {SIGCHLD, SIGTERM, SIGINT, SIGHUP, SIGUSR1, SIGUSR2};
	sigset_t set;

	sigemptyset(&set);
	for (size_t i = 0; i < sizeof(taken) / sizeof(*taken); i++)
		sigaddset(&set, taken[i]);
	sigprocmask(SIG_BLOCK, &set, NULL);
	signal(SIGPIPE, SIG_IGN);
	signal(SIGQUIT, SIG_IGN);
	int fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	return fd < 0 ? -errno : fd;
}

/* ---- the loop ---- */

/* Milliseconds until something is to be done, rounded up; -1: nothing is. */
static int wait_ms(const struct keeper *k, uint64_t now)
{
	uint64_t at = k->child ? UINT64_MAX : k->start_at;

	if (k->child && !k->asked && k->alive_by)
		at = k->alive_by;
	if (k->child && !k->asked && k->kill_at)
		at = k->kill_at;
	if (at == UINT64_MAX)
		return -1;
	uint64_t ms = at > now ? (at - now + NS_PER_MS - 1) / NS_PER_MS : 0;
	return ms < 3600000 ? (int)ms : 3600000;
}

static void turn(struct keeper *k)
{
	struct pollfd fds[] = {{.fd = k->signals, .events = POLLIN},
			       {.fd = k->socket, .events = POLLIN}};

	if (poll(fds, 2, wait_ms(k, clock_now())) < 0 && errno != EINTR) {
		log_error("keeper: poll: %s", strerror(errno));
		(void)nanosleep(&(struct timespec){.tv_nsec = 100 * (long)NS_PER_MS}, NULL);
	}
	hear(k);
	take_signal(k);
	check_watchdog(k, clock_now());
	if (!k->child && !k->done && clock_now() >= k->start_at)
		start(k);
}

/* What holds others' data and needs next to no memory is the last to be killed for it; the daemon
 * inherits this. */
static void avoid_oom(void)
{
	int fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);

	if (fd < 0 || write(fd, "-1000", 5) != 5)
		log_debug("keeper: oom_score_adj stays: %s", strerror(errno));
	if (fd >= 0)
		close(fd);
}

static int open_all(struct keeper *k)
{
	k->signals = open_signals();
	if (k->signals < 0) {
		log_error("signalfd: %s", strerror(-k->signals));
		return k->signals;
	}
	k->socket = keeper_socket_open(k->name, sizeof(k->name));
	if (k->socket < 0)
		log_error("the keeper's socket: %s", strerror(-k->socket));
	return k->socket < 0 ? k->socket : 0;
}

int keeper_run(const struct keeper_options *o)
{
	static struct keeper k;

	assert(strlen(o->program) <= KEEPER_BINARY_MAX);
	k = (struct keeper){.o = o, .socket = -1, .signals = -1, .status = EXIT_FAILURE};
	strcpy(k.program, o->program);
	notify_open();
	avoid_oom();
	if (!open_all(&k))
		while (!k.done)
			turn(&k);
	keeper_kept_close(&k.kept);
	if (k.socket >= 0)
		close(k.socket);
	if (k.signals >= 0)
		close(k.signals);
	notify_close();
	return k.status;
}
