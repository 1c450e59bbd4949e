// SPDX-License-Identifier: MIT
/* notify.c - datagrams to $NOTIFY_SOCKET. */
#include "base/notify.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/log.h"
#include "base/text.h"

/* A manager that takes nothing for so long does not stop the daemon's main thread any further. */
#define SEND_S 5

/* Of this process: its environment is too. */
static struct {
	struct sockaddr_un addr;
	socklen_t addr_len; /* 0: there is nobody */
	int fd;		    /* connected; -1: not yet */
	_Atomic bool keeps;
	uint64_t watchdog_us;
	uint64_t keeper; /* process number, 0: none */
} to = {.fd = -1};

/* ---- the environment ---- */

static uint64_t env_number(const char *name)
{
	const char *text = getenv(name);
	uint64_t n;

	return text && text_number(text, UINT64_MAX, &n) ? n : 0;
}

/* "/path" or "@abstract". systemd also has "vsock:", for the init of a virtual machine. */
static bool set_address(const char *text)
{
	size_t n = strlen(text);

	to.addr = (struct sockaddr_un){.sun_family = AF_UNIX};
	if ((text[0] != '/' && text[0] != '@') || n < 2 || n >= sizeof(to.addr.sun_path))
		return false;
	memcpy(to.addr.sun_path, text, n);
	if (text[0] == '@')
		to.addr.sun_path[0] = '\0';
	to.addr_len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + n + (text[0] == '/'));
	return true;
}

void notify_open(void)
{
	const char *text = getenv("NOTIFY_SOCKET");

	notify_close();
	if (!text || !*text)
		return;
	if (!set_address(text)) {
		log_warn("NOTIFY_SOCKET is \"%s\", which is neither a path nor @NAME: nobody is "
			 "told that this daemon is ready, and its memory is not kept",
			 text);
		return;
	}
	to.keeps = env_number("FDSTORE") > 0;
	to.keeper = env_number(NOTIFY_KEEPER);
	/* sd_watchdog_enabled(3): it may be meant for a process that started this one. */
	if (!getenv("WATCHDOG_PID") || env_number("WATCHDOG_PID") == (uint64_t)getpid())
		to.watchdog_us = env_number("WATCHDOG_USEC");
}

static void hang_up(void)
{
	if (to.fd >= 0)
		close(to.fd);
	to.fd = -1;
}

void notify_close(void)
{
	hang_up();
	to.addr_len = 0;
	to.keeps = false;
	to.watchdog_us = to.keeper = 0;
}

bool notify_keeps(void)
{
	return to.keeps;
}

uint64_t notify_watchdog_us(void)
{
	return to.watchdog_us;
}

/* ---- the keeper's end ---- */

/* Is the keeper this process' parent? The kernel gives an orphan another one. */
static bool is_child(void)
{
	return (uint64_t)getppid() == to.keeper;
}

int notify_keeper_fd(void)
{
	if (!to.keeper)
		return -1;
	int fd = is_child() ? (int)syscall(SYS_pidfd_open, (pid_t)to.keeper, 0) : -1;
	if (fd >= 0 && is_child()) /* the number was not another's meanwhile */
		return fd;
	if (fd >= 0)
		close(fd);
	if (is_child())
		log_warn("pidfd_open: %s: the end of the keeper will not be noticed",
			 strerror(errno));
	else
		notify_lost();
	return -1;
}

void notify_lost(void)
{
	log_error(
		"the keeper (process %llu) is gone, so this daemon's memory is not kept any more: "
		"its end, by SIGTERM too, loses what was written. Move the data away, then start "
		"memtgtd --keeper anew",
		(unsigned long long)to.keeper);
	notify_close();
}

/* ---- sending ---- */

/* Connected, so that a name that is free again after its owner's end brings us to nobody else. */
static int reach(void)
{
	const struct timeval limit = {.tv_sec = SEND_S};
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -errno;
	(void)setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
	if (connect(fd, (struct sockaddr *)&to.addr, to.addr_len)) {
		int err = errno;
		close(fd);
		return -err;
	}
	to.fd = fd;
	return 0;
}

static void attach(struct msghdr *m, void *control, size_t len, int fd)
{
	m->msg_control = control;
	m->msg_controllen = len;
	struct cmsghdr *c = CMSG_FIRSTHDR(m);
	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(sizeof(fd));
	memcpy(CMSG_DATA(c), &fd, sizeof(fd));
}

/* The socket of a path may have been made anew, as root only can: then it is looked up again. */
static bool may_reach_again(int err)
{
	return to.addr.sun_path[0] == '/' && (err == ECONNREFUSED || err == ENOTCONN);
}

/* `fd` -1: none goes with it. 0, also if there is nobody, or -errno. */
static int send_text(const char *text, int fd, int flags)
{
	_Alignas(struct cmsghdr) char control[CMSG_SPACE(sizeof(fd))] = {0};
	struct iovec iov = {.iov_base = (void *)(uintptr_t)text, .iov_len = strlen(text)};
	struct msghdr m = {.msg_iov = &iov, .msg_iovlen = 1};
	bool again = false;

	if (!to.addr_len)
		return 0;
	if (fd >= 0)
		attach(&m, control, sizeof(control), fd);
	for (;;) {
		int err = to.fd < 0 ? -reach() : 0;
		if (!err && sendmsg(to.fd, &m, flags | MSG_NOSIGNAL) >= 0)
			return 0;
		err = err ? err : errno;
		if (err == EINTR)
			continue;
		if (again || !may_reach_again(err))
			return -err;
		again = true;
		hang_up();
	}
}

static void tell(int flags, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

static void tell(int flags, const char *fmt, ...)
{
	char text[4200]; /* a path */
	va_list ap;

	va_start(ap, fmt);
	int n = vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	int err = n < (int)sizeof(text) ? send_text(text, -1, flags) : -EMSGSIZE;
	if (err)
		log_peer(LOG_LEVEL_WARNING, "the service manager could not be told \"%.40s\": %s",
			 text, strerror(-err));
}

/* ---- what is said ---- */

bool notify_name_ok(const char *name)
{
	size_t n = 0;

	for (; name[n] > ' ' && name[n] < 0x7f && name[n] != ':'; n++)
		;
	return n > 0 && n <= NOTIFY_NAME_MAX && !name[n];
}

int notify_store(const char *name, int fd)
{
	char text[NOTIFY_NAME_MAX + 64];

	/* FDPOLL=0: systemd is not to drop it should poll(2) say that it hung up. */
	snprintf(text, sizeof(text), "FDSTORE=1\nFDNAME=%s\nFDPOLL=0", name);
	int err = notify_name_ok(name) ? send_text(text, fd, 0) : -EINVAL;
	if (err)
		log_error("%s could not be given to be kept: %s", name, strerror(-err));
	return err;
}

void notify_forget(const char *name)
{
	tell(0, "FDSTOREREMOVE=1\nFDNAME=%s", name);
}

int notify_barrier(unsigned ms)
{
	int ends[2];

	if (!to.addr_len)
		return 0;
	if (pipe2(ends, O_CLOEXEC))
		return -errno;
	int err = send_text("BARRIER=1", ends[1], 0);
	close(ends[1]);
	struct pollfd p = {.fd = ends[0]};
	/* The other side closes its end when all before it was taken. */
	int n = err ? 0 : poll(&p, 1, (int)ms);
	if (!err && n <= 0)
		err = n < 0 ? -errno : -ETIMEDOUT;
	close(ends[0]);
	return err;
}

void notify_ready(void)
{
	tell(0, "READY=1");
}

void notify_stopping(void)
{
	tell(0, "STOPPING=1");
}

void notify_watchdog(void)
{
	/* Others may fill the queue of an abstract socket: a sign of life waits for its turn. */
	tell(0, "WATCHDOG=1");
}

void notify_extend(unsigned seconds)
{
	tell(0, "EXTEND_TIMEOUT_USEC=%u000000", seconds);
}

void notify_status(const char *text)
{
	tell(MSG_DONTWAIT, "STATUS=%s", text);
}

void notify_binary(const char *path)
{
	tell(0, "X_MEMTGT_BINARY=%s", path);
}
