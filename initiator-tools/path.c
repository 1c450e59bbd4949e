// SPDX-License-Identifier: MIT
/* path.c - READs whose data nobody wants. */
#include "initiator-tools/path.h"

#include <iscsi/scsi-lowlevel.h>
#include <string.h>

#include "base/clock.h"
#include "memtgt/wire.h"

#define SAMPLES_LEAST 3u /* before the share of the time counts */

static void more(struct path *p);

static uint32_t bytes_of(const struct path *p)
{
	return p->is_large ? PATH_LARGE : PATH_SMALL;
}

/* All over the LUN, so that nothing near the donor's memory answers in its place. */
static uint64_t next_lba(const struct path *p)
{
	uint64_t places = p->lun->size / bytes_of(p);
	uint64_t place = places ? (uint64_t)p->count * 0x9e3779b97f4a7c15u % places : 0;

	return place * (bytes_of(p) / p->lun->block_size);
}

static void done(struct iscsi_context *c, int status, void *data, void *arg)
{
	struct path *p = arg;
	struct scsi_task *task = data;
	bool again = status == SCSI_STATUS_CHECK_CONDITION &&
		     task->sense.key == SCSI_SENSE_UNIT_ATTENTION;

	(void)c;
	p->pending--;
	scsi_free_scsi_task(task);
	if (p->is_over)
		return;
	uint64_t now = clock_now();
	if (status != SCSI_STATUS_GOOD && !again) {
		p->is_over = p->is_broken = true;
		return;
	}
	if (!again) {
		if (!p->is_large)
			measure_add(&p->measure, now - p->sent);
		p->bytes += bytes_of(p);
		p->ended = now;
	}
	more(p);
}

/* SBC-3 5.13: READ(16) */
static bool send(struct path *p)
{
	uint8_t cdb[16] = {0x88};
	uint32_t bytes = bytes_of(p);

	st64(cdb + 2, next_lba(p));
	st32(cdb + 10, bytes / p->lun->block_size);
	struct scsi_task *t = scsi_create_task(16, cdb, SCSI_XFER_READ, (int)bytes);
	if (!t)
		return false;
	if (scsi_task_add_data_in_buffer(t, (int)bytes, p->buf) ||
	    iscsi_scsi_command_async(p->session, (int)p->lun->id, t, done, NULL, p)) {
		scsi_free_scsi_task(t);
		return false;
	}
	p->sent = clock_now();
	p->pending++;
	p->count++;
	return true;
}

static bool is_enough(const struct path *p)
{
	uint64_t now = clock_now(), asked = (uint64_t)p->count * bytes_of(p);

	if (asked + bytes_of(p) > PATH_BYTES_MAX || p->measure.n == MEASURE_SAMPLES)
		return true;
	return now - p->begun >= p->limits.share && (p->is_large || p->count >= SAMPLES_LEAST);
}

static void more(struct path *p)
{
	unsigned at_once = p->is_large ? PATH_AT_ONCE : 1;

	while (p->pending < at_once && !is_enough(p))
		if (!send(p))
			break;
	if (!p->pending)
		p->is_over = true;
}

void path_begin(struct path *p, struct iscsi_context *session, const struct donor_lun *l,
		bool is_large, struct path_limits limits, uint8_t *buf)
{
	*p = (struct path){.session = session,
			   .lun = l,
			   .is_large = is_large,
			   .limits = limits,
			   .begun = clock_now(),
			   .buf = buf};
	more(p);
}

void path_tick(struct path *p, uint64_t now)
{
	if (now - p->begun >= p->limits.most)
		p->is_over = true;
}

void path_result(struct path *p, struct donor_path *out)
{
	if (p->is_large) {
		out->bytes = p->bytes;
		out->ns = p->bytes ? p->ended - p->begun : 0;
		return;
	}
	measure_sort(&p->measure);
	out->samples = (unsigned)p->measure.n;
	out->p50 = measure_percentile(&p->measure, 50);
	out->p99 = measure_percentile(&p->measure, 99);
}
