// SPDX-License-Identifier: MIT
/* vm_lun.c - a session, and commands in it. */
#include "initiator-tools/vm/vm_lun.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "initiator-tools/answer.h"
#include "initiator-tools/question.h"
#include "initiator-tools/rank.h"
#include "memtgt/wire.h"

#define TICK_MS	   20
#define ATTENTIONS 8u /* a new session is told of what happened before it */
#define END_BYTES  (1u << 20)
#define READ_BYTES (256u << 10)
#define ZERO_BYTES (16u << 20) /* of one WRITE SAME */
/* "mv" and a number of its own: the part of the session's name that an initiator chooses at random
 * (RFC 7143 11.12.5, type 10b). */
#define ISID_RANDOM 0x6d766du

/* SPC-4 6.16 */
enum { PR_OUT = 0x5f, PR_REGISTER = 0x00, PR_LIST = 24 };
/* SBC-3 5.30, 5.46, 6.5.3 */
enum { UNMAP = 0x42, UNMAP_LIST = 24, WRITE_SAME_16 = 0x93, READ_16 = 0x88, VPD_LIMITS = 0xb0 };

static int fail(struct vm_lun *l, int err, const char *text)
{
	if (text != l->why)
		answer_text((const uint8_t *)text, strlen(text), l->why, sizeof(l->why));
	return -err;
}

/* ---- the loop ---- */

/* Until is_done, which a callback sets. After an error libiscsi may still hold buffers of ours: it
 * is not called again but to close. */
static int lose(struct vm_lun *l, int err, const char *text)
{
	l->is_lost = true;
	return fail(l, err, text);
}

static int run(struct vm_lun *l)
{
	if (l->is_lost)
		return -EIO;
	while (!l->is_done) {
		struct pollfd p = {.fd = iscsi_get_fd(l->session),
				   .events = (short)iscsi_which_events(l->session)};
		if (clock_now() >= l->until)
			return lose(l, ETIMEDOUT, "it did not answer in time");
		if (poll(&p, 1, TICK_MS) <= 0)
			continue;
		if (iscsi_service(l->session, p.revents))
			return lose(l, EIO, "the connection failed");
		if (!l->is_done && session_is_over(l->session))
			return lose(l, EIO, "it closed the connection");
	}
	l->is_done = false;
	return 0;
}

static void done(struct iscsi_context *c, int status, void *data, void *arg)
{
	struct vm_lun *l = arg;

	(void)c;
	(void)data;
	l->status = status;
	l->is_done = true;
}

int vm_lun_open(struct vm_lun *l, const struct vm_place *p, const char *user, const char *secret,
		uint64_t limit_ns)
{
	const struct session_access access = {
		.initiator = p->initiator, .user = user, .secret = secret};

	*l = (struct vm_lun){.lun = p->lun, .until = clock_now() + limit_ns};
	l->session = session_open(&access, p->portal, p->target, done, l, l->why, sizeof(l->why));
	if (!l->session)
		return -EIO;
	iscsi_set_isid_random(l->session, ISID_RANDOM, p->lun);
	int err = run(l);
	if (!err && l->status)
		err = fail(l, EIO, iscsi_get_error(l->session));
	if (!err && iscsi_login_async(l->session, done, l))
		err = fail(l, ENOMEM, "out of memory");
	if (!err)
		err = run(l);
	if (!err && l->status) {
		(void)session_refusal(l->session, l->why, sizeof(l->why));
		err = -ECONNREFUSED;
	}
	return err;
}

void vm_lun_close(struct vm_lun *l)
{
	session_close(l->session);
	l->session = NULL;
}

/* ---- commands ---- */

struct command {
	uint8_t cdb[16], cdb_len;
	enum scsi_xfer_dir direction;
	uint8_t *data;
	uint32_t n; /* bytes of it */
};

static void command_done(struct iscsi_context *c, int status, void *data, void *arg)
{
	struct vm_lun *l = arg;
	struct scsi_task *t = l->task;

	(void)c;
	(void)data;
	l->status = status;
	if (status == SCSI_STATUS_CHECK_CONDITION && t->sense.key == SCSI_SENSE_UNIT_ATTENTION)
		l->status = SCSI_STATUS_BUSY; /* what is told before the command: again */
	if (status != SCSI_STATUS_GOOD)
		snprintf(l->why, sizeof(l->why), "status %02x, sense %x/%04x", (unsigned)status,
			 (unsigned)t->sense.key, (unsigned)t->sense.ascq);
	l->is_done = true;
	scsi_free_scsi_task(t);
}

static int start(struct vm_lun *l, struct command *k)
{
	struct scsi_task *t = scsi_create_task(k->cdb_len, k->cdb, (int)k->direction, (int)k->n);
	int err = t ? 0 : -1;

	if (!err && k->direction == SCSI_XFER_READ)
		err = scsi_task_add_data_in_buffer(t, (int)k->n, k->data);
	if (!err && k->direction == SCSI_XFER_WRITE)
		err = scsi_task_add_data_out_buffer(t, (int)k->n, k->data);
	l->task = t;
	if (!err)
		err = iscsi_scsi_command_async(l->session, (int)l->lun, t, command_done, NULL, l);
	if (!err)
		return 0;
	if (t)
		scsi_free_scsi_task(t);
	return fail(l, ENOMEM, "out of memory");
}

/* 0; -EBUSY: a reservation of another; -EIO: an error of the LUN; or as run(). */
static int command(struct vm_lun *l, struct command *k)
{
	for (unsigned i = 0; i < ATTENTIONS; i++) {
		int err = l->is_lost ? -EIO : start(l, k);
		if (!err)
			err = run(l);
		if (err)
			return err;
		if (l->status == SCSI_STATUS_GOOD)
			return 0;
		if (l->status == SCSI_STATUS_RESERVATION_CONFLICT)
			return fail(l, EBUSY, "another has claimed it");
		if (l->status != SCSI_STATUS_BUSY)
			return -EIO;
	}
	return -EIO;
}

static void asked(void *arg, bool lost)
{
	struct vm_lun *l = arg;

	l->status = lost ? -1 : 0;
	l->is_done = true;
}

int vm_lun_ask(struct vm_lun *l, const char *initiator)
{
	struct donor d = {.state = DONOR_NO_LUNS, .luns = &l->says, .nluns = 1};

	l->says = (struct donor_lun){.id = l->lun};
	if (l->is_lost)
		return -EIO;
	if (!question_lun(l->session, &l->says, asked, l))
		return fail(l, ENOMEM, "out of memory");
	int err = run(l);
	if (err)
		return err;
	if (l->status)
		return fail(l, EIO, "the connection broke while it was asked");
	if (!l->says.is_disk || !l->says.size || !l->says.block_size)
		return fail(l, EIO, "there is no such LUN");
	donor_judge(&d, 0, initiator);
	return 0;
}

int vm_lun_register(struct vm_lun *l, uint64_t old, uint64_t key)
{
	uint8_t list[PR_LIST] = {0};
	struct command k = {.cdb = {PR_OUT, PR_REGISTER},
			    .cdb_len = 10,
			    .direction = SCSI_XFER_WRITE,
			    .data = list,
			    .n = sizeof(list)};

	st32(k.cdb + 5, sizeof(list));
	st64(list, old);
	st64(list + 8, key);
	return command(l, &k);
}

/* ---- the medium ---- */

/* 1: nothing but zeroes. */
static int read_zeroes(struct vm_lun *l, uint64_t lba, uint8_t *buf, uint32_t bytes)
{
	struct command k = {.cdb = {READ_16},
			    .cdb_len = 16,
			    .direction = SCSI_XFER_READ,
			    .data = buf,
			    .n = bytes};

	memset(buf, 0xff, bytes);
	st64(k.cdb + 2, lba);
	st32(k.cdb + 10, bytes / l->says.block_size);
	int err = command(l, &k);
	if (err)
		return err;
	for (uint32_t i = 0; i < bytes; i++)
		if (buf[i])
			return 0;
	return 1;
}

int vm_lun_is_blank(struct vm_lun *l)
{
	uint32_t block = l->says.block_size, n = READ_BYTES / block * block;
	uint64_t end = l->says.size < END_BYTES ? l->says.size : END_BYTES;
	uint8_t *buf = malloc(READ_BYTES);
	int blank = buf ? 1 : fail(l, ENOMEM, "out of memory");

	for (uint64_t at = 0; blank == 1 && at + n <= end; at += n) {
		blank = read_zeroes(l, at / block, buf, n);
		if (blank == 1)
			blank = read_zeroes(l, (l->says.size - end + at) / block, buf, n);
	}
	free(buf);
	return blank;
}

/* SBC-3 6.5.3: how much one UNMAP, or one WRITE SAME, may take; 0: none, or any. */
static int limits(struct vm_lun *l, uint32_t *unmap, uint64_t *same)
{
	uint8_t page[64] = {0};
	struct command k = {.cdb = {0x12, 0x01, VPD_LIMITS},
			    .cdb_len = 6,
			    .direction = SCSI_XFER_READ,
			    .data = page,
			    .n = sizeof(page)};

	st16(k.cdb + 3, sizeof(page));
	int err = command(l, &k);
	*unmap = ld32(page + 20);
	*same = ld64(page + 36);
	return err;
}

static int unmap(struct vm_lun *l, uint64_t lba, uint32_t blocks)
{
	uint8_t list[UNMAP_LIST] = {0};
	struct command k = {.cdb = {UNMAP},
			    .cdb_len = 10,
			    .direction = SCSI_XFER_WRITE,
			    .data = list,
			    .n = sizeof(list)};

	st16(k.cdb + 7, sizeof(list));
	st16(list, sizeof(list) - 2);
	st16(list + 2, sizeof(list) - 8);
	st64(list + 8, lba);
	st32(list + 16, blocks);
	return command(l, &k);
}

static int zero(struct vm_lun *l, uint64_t lba, uint32_t blocks, uint8_t *block)
{
	struct command k = {.cdb = {WRITE_SAME_16},
			    .cdb_len = 16,
			    .direction = SCSI_XFER_WRITE,
			    .data = block,
			    .n = l->says.block_size};

	st64(k.cdb + 2, lba);
	st32(k.cdb + 10, blocks);
	return command(l, &k);
}

int vm_lun_empty(struct vm_lun *l)
{
	uint64_t blocks = l->says.size / l->says.block_size, most;
	uint32_t unmap_most;
	uint8_t *block = calloc(1, l->says.block_size);
	int err = block ? limits(l, &unmap_most, &most) : fail(l, ENOMEM, "out of memory");
	bool is_thin = l->says.is_thin && !err && unmap_most;

	if (is_thin)
		most = unmap_most;
	else if (!err && (!most || most > ZERO_BYTES / l->says.block_size))
		most = ZERO_BYTES / l->says.block_size;
	for (uint64_t at = 0, n; !err && at < blocks; at += n) {
		n = blocks - at < most ? blocks - at : most;
		if (n > UINT32_MAX)
			n = UINT32_MAX;
		err = is_thin ? unmap(l, at, (uint32_t)n) : zero(l, at, (uint32_t)n, block);
	}
	free(block);
	return err;
}
