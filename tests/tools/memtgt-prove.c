// SPDX-License-Identifier: MIT
/*
 * memtgt-prove URL [MIB] - write random-looking data to a fresh LUN, read it back, compare, and
 * tell the rates.
 *
 * Refuses a LUN that is not ours, or that holds anything but zeroes where it would write.
 */
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#include <iscsi/iscsi.h>
#include <iscsi/scsi-lowlevel.h>

#define MIB	    ((uint64_t)1 << 20)
#define IO_BYTES    ((uint32_t)256 << 10)
#define QUEUE_DEPTH 8u
#define ANSWER_MS   30000
#define INITIATOR   "iqn.2026-01.org.memtgt:prove"

enum pass { PASS_BLANK, PASS_WRITE, PASS_READ };

struct prove {
	struct iscsi_context *iscsi;
	int lun;
	uint32_t block_size;
	uint64_t bytes;
	uint64_t seed;
	enum pass pass;
	uint64_t issued, done; /* bytes of this pass */
	uint8_t *expected;     /* IO_BYTES */
};

/* One command. `off` says what its data must be. */
struct io {
	struct prove *p;
	uint64_t off;
	bool busy;
	uint8_t data[IO_BYTES];
};

static void __attribute__((noreturn, format(printf, 1, 2))) fail(const char *format, ...)
{
	va_list ap;

	fflush(stdout);
	fputs("memtgt-prove: ", stderr);
	va_start(ap, format);
	vfprintf(stderr, format, ap);
	va_end(ap);
	fputc('\n', stderr);
	exit(EXIT_FAILURE);
}

/* splitmix64: each block's content depends on where it lies, so that misplaced data shows. */
static void fill(uint8_t *data, uint64_t seed, uint64_t off)
{
	for (size_t i = 0; i < IO_BYTES; i += sizeof(uint64_t)) {
		uint64_t z = seed + (off + i) * 0x9e3779b97f4a7c15u;
		z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
		z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
		z ^= z >> 31;
		memcpy(data + i, &z, sizeof(z));
	}
}

static void compare(const struct prove *p, uint64_t off, const uint8_t *got)
{
	if (p->pass == PASS_BLANK)
		memset(p->expected, 0, IO_BYTES);
	else
		fill(p->expected, p->seed, off);
	if (!memcmp(p->expected, got, IO_BYTES))
		return;
	if (p->pass == PASS_BLANK)
		fail("the LUN holds data near byte %" PRIu64 "; nothing was written", off);
	fail("the data at byte %" PRIu64 " is not what was written there", off);
}

static void on_done(struct iscsi_context *iscsi, int status, void *command_data, void *private_data)
{
	struct scsi_task *task = command_data;
	struct io *io = private_data;
	struct prove *p = io->p;

	if (status != SCSI_STATUS_GOOD)
		fail("a command at byte %" PRIu64 " failed: %s", io->off, iscsi_get_error(iscsi));
	if (p->pass != PASS_WRITE) {
		if (task->residual_status != SCSI_RESIDUAL_NO_RESIDUAL)
			fail("the READ at byte %" PRIu64 " gave too little", io->off);
		compare(p, io->off, io->data);
	}
	scsi_free_scsi_task(task);
	io->busy = false;
	p->done += IO_BYTES;
}

/* Straight into io->data: what was there before must not pass for an answer. */
static struct scsi_task *issue_read(struct prove *p, struct io *io, uint32_t lba)
{
	struct scsi_task *task;

	memset(io->data, 0xa5, IO_BYTES);
	task = iscsi_read10_task(p->iscsi, p->lun, lba, IO_BYTES, (int)p->block_size, 0, 0, 0, 0, 0,
				 on_done, io);
	if (task && scsi_task_add_data_in_buffer(task, (int)IO_BYTES, io->data))
		fail("out of memory");
	return task;
}

static void issue(struct prove *p, struct io *io)
{
	uint32_t lba = (uint32_t)(p->issued / p->block_size);
	struct scsi_task *task;

	io->off = p->issued;
	if (p->pass == PASS_WRITE) {
		fill(io->data, p->seed, io->off);
		task = iscsi_write10_task(p->iscsi, p->lun, lba, io->data, IO_BYTES,
					  (int)p->block_size, 0, 0, 0, 0, 0, on_done, io);
	} else {
		task = issue_read(p, io, lba);
	}
	if (!task)
		fail("cannot send a command: %s", iscsi_get_error(p->iscsi));
	io->busy = true;
	p->issued += IO_BYTES;
}

static void serve(struct prove *p)
{
	struct pollfd fd = {.fd = iscsi_get_fd(p->iscsi),
			    .events = (short)iscsi_which_events(p->iscsi)};
	int n = poll(&fd, 1, ANSWER_MS);

	if (n < 0 && errno == EINTR)
		return;
	if (n <= 0)
		fail("no answer within %d s", ANSWER_MS / 1000);
	if (iscsi_service(p->iscsi, fd.revents))
		fail("the connection failed: %s", iscsi_get_error(p->iscsi));
}

/* All of the region once, QUEUE_DEPTH commands at a time. Returns MiB/s. */
static double run_pass(struct prove *p, enum pass pass, struct io *ios)
{
	struct timespec from, to;

	p->pass = pass;
	p->issued = p->done = 0;
	clock_gettime(CLOCK_MONOTONIC, &from);
	while (p->done < p->bytes) {
		for (unsigned i = 0; i < QUEUE_DEPTH; i++)
			if (!ios[i].busy && p->issued < p->bytes)
				issue(p, &ios[i]);
		serve(p);
	}
	clock_gettime(CLOCK_MONOTONIC, &to);
	double seconds =
		(double)(to.tv_sec - from.tv_sec) + (double)(to.tv_nsec - from.tv_nsec) / 1e9;
	return (double)(p->bytes / MIB) / (seconds > 0 ? seconds : 1e-9);
}

static void check_inquiry(struct prove *p)
{
	struct scsi_task *task = iscsi_inquiry_sync(p->iscsi, p->lun, 0, 0, 255);

	if (!task || task->status != SCSI_STATUS_GOOD)
		fail("INQUIRY failed: %s", iscsi_get_error(p->iscsi));
	const struct scsi_inquiry_standard *inq = scsi_datain_unmarshall(task);
	if (!inq || strncmp(inq->vendor_identification, "MEMTGT", 6))
		fail("this LUN is not memtgtd's; nothing was written");
	scsi_free_scsi_task(task);
}

static void check_capacity(struct prove *p)
{
	struct scsi_task *task = iscsi_readcapacity10_sync(p->iscsi, p->lun, 0, 0);

	if (!task || task->status != SCSI_STATUS_GOOD)
		fail("READ CAPACITY(10) failed: %s", iscsi_get_error(p->iscsi));
	const struct scsi_readcapacity10 *rc = scsi_datain_unmarshall(task);
	if (!rc || !rc->block_size || IO_BYTES % rc->block_size)
		fail("READ CAPACITY(10) gave no sane block size");
	p->block_size = rc->block_size;
	uint64_t capacity = ((uint64_t)rc->lba + 1) * rc->block_size;
	if (capacity < p->bytes)
		fail("the LUN has %" PRIu64 " bytes, fewer than %" PRIu64, capacity, p->bytes);
	scsi_free_scsi_task(task);
}

static void attach(struct prove *p, const char *text)
{
	p->iscsi = iscsi_create_context(INITIATOR);
	if (!p->iscsi)
		fail("out of memory");
	struct iscsi_url *url = iscsi_parse_full_url(p->iscsi, text);
	if (!url)
		fail("%s", iscsi_get_error(p->iscsi));
	p->lun = url->lun;
	iscsi_set_targetname(p->iscsi, url->target);
	iscsi_set_session_type(p->iscsi, ISCSI_SESSION_NORMAL);
	iscsi_set_noautoreconnect(p->iscsi, 1);
	if (iscsi_full_connect_sync(p->iscsi, url->portal, url->lun))
		fail("cannot log in: %s", iscsi_get_error(p->iscsi));
	iscsi_destroy_url(url);
	check_inquiry(p);
	check_capacity(p);
}

int main(int argc, char **argv)
{
	struct prove p = {.bytes = 64 * MIB};
	char *end = NULL;

	if (argc == 3)
		p.bytes = strtoull(argv[2], &end, 10) * MIB;
	if (argc < 2 || argc > 3 || (end && *end) || !p.bytes || p.bytes > 1024 * 1024 * MIB) {
		fputs("Usage: memtgt-prove iscsi://ADDRESS:PORT/TARGET/LUN [MIB]\n", stderr);
		return 2;
	}
	if (getrandom(&p.seed, sizeof(p.seed), 0) != (ssize_t)sizeof(p.seed))
		fail("no random numbers");
	struct io *ios = calloc(QUEUE_DEPTH, sizeof(*ios));
	p.expected = malloc(IO_BYTES);
	if (!ios || !p.expected)
		fail("out of memory");
	for (unsigned i = 0; i < QUEUE_DEPTH; i++)
		ios[i].p = &p;

	attach(&p, argv[1]);
	run_pass(&p, PASS_BLANK, ios);
	double wrote = run_pass(&p, PASS_WRITE, ios);
	double read = run_pass(&p, PASS_READ, ios);
	printf("%" PRIu64 " MiB written at %.0f MiB/s, read back equal at %.0f MiB/s\n",
	       p.bytes / MIB, wrote, read);

	if (iscsi_logout_sync(p.iscsi))
		fail("logout failed: %s", iscsi_get_error(p.iscsi));
	iscsi_destroy_context(p.iscsi);
	free(p.expected);
	free(ios);
	return EXIT_SUCCESS;
}
