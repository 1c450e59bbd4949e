// SPDX-License-Identifier: MIT
/* sg.c - SG_IO, sense, and what is sent again. */
#include "initiator-tools/host/sg.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <scsi/sg.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "base/clock.h"
#include "initiator-tools/host/child.h"

/* A new session is told of what happened before it, maybe of several things; BUSY may take longer.
 */
#define ATTENTIONS_MAX 8
#define BUSY_MAX       20
#define BUSY_MS	       250
#define SENSE_MAX      64
#define UNIT_ATTENTION 6
/* The child's, beyond that of the command: the kernel's abort of it. */
#define MORE_MS 5000

/* ---- what an answer says ---- */

bool sg_sense(struct cursor c, struct sg_result *r)
{
	uint8_t code = cursor_u8(&c) & 0x7f;
	uint8_t key, asc, ascq;

	if (code == 0x72 || code == 0x73) {
		key = cursor_u8(&c) & 0x0f;
		asc = cursor_u8(&c);
		ascq = cursor_u8(&c);
	} else if (code == 0x70 || code == 0x71) {
		cursor_take(&c, 1);
		key = cursor_u8(&c) & 0x0f;
		cursor_take(&c, 9);
		asc = cursor_u8(&c);
		ascq = cursor_u8(&c);
	} else {
		return false;
	}
	if (c.bad)
		return false;
	r->key = key;
	r->asc = asc;
	r->ascq = ascq;
	return true;
}

static bool is_attention(const struct sg_result *r)
{
	return r->status == SG_CHECK && r->key == UNIT_ATTENTION;
}

bool sg_is_passing(const struct sg_result *r)
{
	return is_attention(r) || r->status == SG_BUSY || r->status == SG_FULL;
}

const char *sg_words(const struct sg_result *r, char out[static SG_WORDS])
{
	if (r->status == SG_CHECK)
		snprintf(out, SG_WORDS, "sense %02x/%02x/%02x", r->key, r->asc, r->ascq);
	else if (r->status == SG_CONFLICT)
		snprintf(out, SG_WORDS, "RESERVATION CONFLICT");
	else if (r->status == SG_BUSY || r->status == SG_FULL)
		snprintf(out, SG_WORDS, "busy");
	else
		snprintf(out, SG_WORDS, "status %02xh", r->status);
	return out;
}

int sg_run(const struct sg_device *d, const struct sg_command *c, void *data, struct sg_result *r)
{
	unsigned attentions = 0, busy = 0;

	for (;;) {
		*r = (struct sg_result){0};
		int err = d->send(d->arg, c, data, r);
		if (err || !sg_is_passing(r))
			return err;
		if (is_attention(r) ? ++attentions == ATTENTIONS_MAX : ++busy == BUSY_MAX)
			return 0;
		if (!is_attention(r))
			(void)poll(NULL, 0, BUSY_MS);
	}
}

/* ---- a disk ---- */

int sg_open(const struct disk *k, int flags)
{
	char path[DISK_PATH_MAX];
	struct stat st;

	snprintf(path, sizeof(path), "%s/dev/%s", disk_root, k->name);
	/* O_NONBLOCK: nothing is asked for a medium. */
	int fd = open(path, flags | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0)
		return -errno;
	/* The name may be another disk's by now. */
	if (!fstat(fd, &st) && S_ISBLK(st.st_mode) && st.st_rdev == makedev(k->major, k->minor))
		return fd;
	close(fd);
	return -ENODEV;
}

/* What both processes see. */
struct exchange {
	struct sg_result result;
	uint8_t data[];
};

struct sending {
	const struct disk *disk;
	const struct sg_command *command;
};

/* The kernel's abort of a command, and a session that was lost, are no answers. */
static int take_status(const struct sg_io_hdr *h, const uint8_t *sense, struct sg_result *r)
{
	if (h->host_status || (h->driver_status & 0x0f & ~0x08))
		return -EIO;
	r->status = h->status & 0x3e;
	r->got = h->dxfer_len - (uint32_t)(h->resid > 0 ? h->resid : 0);
	if (r->status == SG_CHECK)
		(void)sg_sense(cursor_of(sense, h->sb_len_wr), r);
	return 0;
}

static int send_to_fd(void *arg, const struct sg_command *c, void *data, struct sg_result *r)
{
	static const int ways[] = {[SG_NO_DATA] = SG_DXFER_NONE,
				   [SG_FROM_DISK] = SG_DXFER_FROM_DEV,
				   [SG_TO_DISK] = SG_DXFER_TO_DEV};
	const int *fd = arg;
	uint8_t sense[SENSE_MAX] = {0}, cdb[16];

	memcpy(cdb, c->cdb, sizeof(cdb));
	struct sg_io_hdr h = {
		.interface_id = 'S',
		.dxfer_direction = ways[c->way],
		.cmd_len = c->cdb_len,
		.cmdp = cdb,
		.dxfer_len = c->len,
		.dxferp = data,
		.sbp = sense,
		.mx_sb_len = sizeof(sense),
		.timeout = c->limit_ms ? c->limit_ms : SG_LIMIT_MS,
	};
	if (ioctl(*fd, SG_IO, &h))
		return -errno;
	return take_status(&h, sense, r);
}

struct sg_device sg_of_fd(int *fd)
{
	return (struct sg_device){.send = send_to_fd, .arg = fd};
}

static int send_in_child(void *arg, void *result)
{
	const struct sending *s = arg;
	struct exchange *x = result;
	int fd = sg_open(s->disk, O_RDONLY);

	return fd < 0 ? fd : send_to_fd(&fd, s->command, x->data, &x->result);
}

static int send_to_disk(void *arg, const struct sg_command *c, void *data, struct sg_result *r)
{
	struct sending s = {.disk = arg, .command = c};
	uint64_t limit = (c->limit_ms ? c->limit_ms : SG_LIMIT_MS) + MORE_MS;
	union {
		struct exchange x;
		uint8_t room[sizeof(struct exchange) + SG_DATA_MAX];
	} both = {.x = {{0}}};

	if (c->len > SG_DATA_MAX)
		return -EINVAL;
	if (c->way == SG_TO_DISK)
		memcpy(both.room + sizeof(struct exchange), data, c->len);
	int err = child_run(send_in_child, &s, &both, sizeof(struct exchange) + c->len,
			    limit * NS_PER_MS);
	if (err)
		return err;
	*r = both.x.result;
	if (c->way == SG_FROM_DISK)
		memcpy(data, both.room + sizeof(struct exchange), c->len);
	return 0;
}

struct sg_device sg_of_disk(const struct disk *k)
{
	return (struct sg_device){.send = send_to_disk, .arg = (void *)(uintptr_t)k};
}
