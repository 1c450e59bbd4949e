// SPDX-License-Identifier: MIT
/* uevent.c - "change@PATH", then variables, each with a NUL behind it. */
#include "initiator-tools/agent/uevent.h"

#include <errno.h>
#include <linux/netlink.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define GROUP_KERNEL 1u /* the other one is udevd's */
#define TEXT_MAX     512
#define ROOM	     (256 << 10)

const char *uevent_text(enum uevent_attention a)
{
	static const char *const texts[] = {
#define X(id, word, text) [UEVENT_##id] = text,
		UEVENT_ATTENTIONS(X)
#undef X
	};

	return texts[a];
}

static enum uevent_attention attention_of(const char *word)
{
	static const char *const words[] = {
#define X(id, w, text) [UEVENT_##id] = w,
		UEVENT_ATTENTIONS(X)
#undef X
	};

	for (unsigned i = 1; i < UEVENT_ATTENTIONS_COUNT; i++)
		if (!strcmp(words[i], word))
			return (enum uevent_attention)i;
	return UEVENT_NONE;
}

/* The bytes up to the next NUL, as a text; one that is too long is cut. False: there is none. */
static bool next_text(struct cursor *c, char out[static TEXT_MAX])
{
	size_t n = 0, left = c->left;

	if (!left)
		return false;
	for (uint8_t byte; left-- && (byte = cursor_u8(c));)
		if (n + 1 < TEXT_MAX)
			out[n++] = (char)byte;
	out[n] = '\0';
	return true;
}

/* ".../3:0:0:1" */
static bool is_device(const char *path, struct uevent *out)
{
	const char *name = strrchr(path, '/');
	int used = 0;

	return name &&
	       sscanf(name, "/%9u:%9u:%9u:%19llu%n", &out->host, &out->channel, &out->target,
		      &out->lun, &used) == 4 &&
	       used && !name[used];
}

bool uevent_parse(struct cursor c, struct uevent *out)
{
	char text[TEXT_MAX];
	bool is_scsi = false, has_path = false;

	*out = (struct uevent){0};
	/* The first line says what the variables say. */
	if (!next_text(&c, text) || !strchr(text, '@'))
		return false;
	while (next_text(&c, text)) {
		if (!strcmp(text, "SUBSYSTEM=scsi"))
			is_scsi = true;
		else if (!strcmp(text, "ACTION=remove"))
			out->is_removed = true;
		else if (!strncmp(text, "DEVPATH=", 8))
			has_path = is_device(text + 8, out);
		else if (!strncmp(text, "SDEV_UA=", 8))
			out->attention = attention_of(text + 8);
	}
	return is_scsi && has_path && (out->is_removed || out->attention != UEVENT_NONE);
}

int uevent_open(void)
{
	struct sockaddr_nl addr = {.nl_family = AF_NETLINK, .nl_groups = GROUP_KERNEL};
	int room = ROOM;
	int fd = socket(AF_NETLINK, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK,
			NETLINK_KOBJECT_UEVENT);

	if (fd < 0)
		return -errno;
	(void)setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &room, sizeof(room));
	if (!bind(fd, (struct sockaddr *)&addr, sizeof(addr)))
		return fd;
	int err = -errno;
	close(fd);
	return err;
}

bool uevent_next(int fd, struct uevent *out, bool *is_lost)
{
	static uint8_t buf[UEVENT_MAX];
	struct sockaddr_nl from;

	for (;;) {
		socklen_t len = sizeof(from);
		ssize_t n = recvfrom(fd, buf, sizeof(buf), 0, (struct sockaddr *)&from, &len);
		if (n < 0 && errno == ENOBUFS)
			*is_lost = true;
		else if (n < 0 && errno != EINTR)
			return false;
		/* The kernel has no port; a program could send us anything. */
		if (n > 0 && len == sizeof(from) && !from.nl_pid &&
		    uevent_parse(cursor_of(buf, (size_t)n), out))
			return true;
	}
}
