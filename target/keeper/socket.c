// SPDX-License-Identifier: MIT
/* socket.c - datagrams with the sender's credentials. */
#include "keeper/socket.h"

#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/log.h"

/* unix(7), autobind: the kernel chooses a name of five digits that nobody has. */
static int bind_somewhere(int fd, char *name, size_t len)
{
	struct sockaddr_un addr = {.sun_family = AF_UNIX};
	socklen_t n = sizeof(addr);
	int one = 1;

	if (setsockopt(fd, SOL_SOCKET, SO_PASSCRED, &one, sizeof(one)) ||
	    bind(fd, (struct sockaddr *)&addr, sizeof(addr.sun_family)) ||
	    getsockname(fd, (struct sockaddr *)&addr, &n))
		return -errno;
	int text = (int)(n - offsetof(struct sockaddr_un, sun_path)) - 1;
	snprintf(name, len, "@%.*s", text, addr.sun_path + 1);
	return 0;
}

int keeper_socket_open(char *name, size_t len)
{
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	int err = bind_somewhere(fd, name, len);
	if (!err)
		return fd;
	close(fd);
	return err;
}

static void take_control(struct keeper_datagram *d, struct msghdr *m)
{
	struct ucred who;

	for (struct cmsghdr *c = CMSG_FIRSTHDR(m); c; c = CMSG_NXTHDR(m, c)) {
		size_t n = c->cmsg_len - CMSG_LEN(0);
		if (c->cmsg_level != SOL_SOCKET)
			continue;
		if (c->cmsg_type == SCM_RIGHTS && n <= sizeof(d->fds)) {
			memcpy(d->fds, CMSG_DATA(c), n);
			d->nfds = n / sizeof(d->fds[0]);
		} else if (c->cmsg_type == SCM_CREDENTIALS && n == sizeof(who)) {
			memcpy(&who, CMSG_DATA(c), n);
			d->from = who.pid;
		}
	}
}

bool keeper_socket_receive(int fd, struct keeper_datagram *d)
{
	_Alignas(struct cmsghdr) char
		control[CMSG_SPACE(sizeof(struct ucred)) + CMSG_SPACE(sizeof(d->fds))];
	struct iovec iov = {.iov_base = d->text, .iov_len = sizeof(d->text)};
	struct msghdr m = {.msg_iov = &iov,
			   .msg_iovlen = 1,
			   .msg_control = control,
			   .msg_controllen = sizeof(control)};

	d->n = d->nfds = 0;
	d->from = 0;
	ssize_t n = recvmsg(fd, &m, MSG_CMSG_CLOEXEC);
	if (n < 0) {
		if (errno != EAGAIN && errno != EINTR)
			log_peer(LOG_LEVEL_ERROR, "the keeper's socket: %s", strerror(errno));
		return false;
	}
	d->n = (size_t)n;
	d->is_cut = m.msg_flags & (MSG_TRUNC | MSG_CTRUNC);
	take_control(d, &m);
	return true;
}

void keeper_datagram_close(struct keeper_datagram *d)
{
	while (d->nfds)
		close(d->fds[--d->nfds]);
}
