// SPDX-License-Identifier: MIT
/* poller.c - TEST UNIT READY and a READ, once a second. */
#include "initiator-tools/agent/poller.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "initiator-tools/agent/safety.h"
#include "initiator-tools/host/child.h"
#include "initiator-tools/host/claim.h"
#include "initiator-tools/host/inquire.h"
#include "initiator-tools/host/sg.h"
#include "memtgt/wire.h"

#define READ_BYTES 4096u
/* The kernel's own remedy, to abort the command and to reset what does not listen, is not to be
 * brought on by those who only look. */
#define LIMIT_MS   3600000u
#define LEFT_MAX   256
#define KEYS_BYTES 4096
#define KEYS_HEAD  8u

/* Written by the process, read by the agent. */
struct poller_shared {
	_Atomic uint64_t good, bad;
	_Atomic bool is_pending, is_other;
	_Atomic uint32_t sense;
	_Atomic uint64_t n, times[POLLER_SAMPLES];
};

/* ---- the process ---- */

static const struct sg_command ready = {.cdb_len = 6};

static struct sg_command read_first(unsigned block_size)
{
	struct sg_command c = {
		.cdb = {0x28}, .cdb_len = 10, .way = SG_FROM_DISK, .len = READ_BYTES};

	st16(&c.cdb[7], (uint16_t)(READ_BYTES / block_size));
	return c;
}

static bool is_well(struct poller_shared *s, const struct sg_device *d, const struct sg_command *c,
		    void *data)
{
	struct sg_result r;
	int err = sg_run(d, c, data, &r);

	if (!err && r.status == SG_GOOD)
		return true;
	s->sense = err ? 0 : (uint32_t)r.key << 16 | (uint32_t)r.asc << 8 | r.ascq;
	return false;
}

/* The kernel's patience, for all commands. */
static int send_patiently(void *arg, const struct sg_command *c, void *data, struct sg_result *r)
{
	struct sg_command patient = *c;
	struct sg_device d = sg_of_fd(arg);

	patient.limit_ms = LIMIT_MS;
	return d.send(d.arg, &patient, data, r);
}

/* A list that was cut may have our key where it was cut. */
static bool has_lost_claim(const struct poller *p, const struct sg_device *d)
{
	/* SPC-4 6.15.2 */
	static const struct sg_command read_keys = {.cdb = {0x5e, [7] = KEYS_BYTES >> 8},
						    .cdb_len = 10,
						    .way = SG_FROM_DISK,
						    .len = KEYS_BYTES};
	static uint8_t keys[KEYS_BYTES];
	struct claim_keys seen;
	struct sg_result r;

	if (sg_run(d, &read_keys, keys, &r) || r.status != SG_GOOD || r.got < KEYS_HEAD ||
	    ld32(&keys[4]) > r.got - KEYS_HEAD)
		return false;
	return claim_read_keys(cursor_of(keys, r.got), p->key, &seen) && !seen.own;
}

/* False, too, if that cannot be found out. */
static bool is_another(const struct poller *p, const struct sg_device *d)
{
	struct donor_lun is;
	struct sg_result r;

	if (!inquire_identity(d, &is, &r) &&
	    (strcmp(is.naa, p->naa) != 0 || strcmp(is.serial, p->serial) != 0))
		return true;
	return has_lost_claim(p, d);
}

static void ask(const struct poller *p, const struct sg_device *d, const struct sg_command *read_it)
{
	static uint8_t data[READ_BYTES] __attribute__((aligned(READ_BYTES)));
	struct poller_shared *s = p->shared;

	s->is_pending = true;
	bool ok = is_well(s, d, &ready, NULL);
	/* Before its answers count for anything. */
	s->is_other = is_another(p, d);
	uint64_t begun = clock_now();
	ok = ok && !s->is_other && is_well(s, d, read_it, data);
	if (ok) {
		s->times[s->n % POLLER_SAMPLES] = clock_now() - begun;
		s->n++;
		s->good++;
	} else {
		s->bad++;
	}
	s->is_pending = false;
}

static int run(void *arg)
{
	const struct poller *p = arg;
	unsigned block_size = p->disk.block_size >= 512 && p->disk.block_size <= READ_BYTES
				      ? p->disk.block_size
				      : 512;
	struct sg_command read_it = read_first(block_size);

	safety_in_child(STDERR_FILENO + 1);
	p->shared->is_pending = true;
	int fd = sg_open(&p->disk, O_RDONLY);
	struct sg_device d = {.send = send_patiently, .arg = &fd};
	/* One that cannot be opened is known as that. It ends with the agent: child.h. */
	while (p->shared) {
		if (fd >= 0)
			ask(p, &d, &read_it);
		else
			p->shared->bad++;
		(void)poll(NULL, 0, (int)POLLER_EVERY_MS);
	}
	return EXIT_FAILURE;
}

/* ---- the agent ---- */

static pid_t left[LEFT_MAX];

void poller_left(pid_t pid)
{
	for (size_t i = 0; i < LEFT_MAX; i++)
		if (!left[i]) {
			left[i] = pid;
			return;
		}
}

void poller_leave(pid_t pid)
{
	kill(pid, SIGKILL);
	poller_left(pid);
}

void poller_reap(void)
{
	for (size_t i = 0; i < LEFT_MAX; i++)
		if (left[i] && waitpid(left[i], NULL, WNOHANG))
			left[i] = 0;
}

int poller_start(struct poller *p, const struct disk *k, const struct loan_disk *of, uint64_t key)
{
	void *shared = mmap(NULL, sizeof(*p->shared), PROT_READ | PROT_WRITE,
			    MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	*p = (struct poller){.disk = *k, .key = key};
	memcpy(p->naa, of->naa, sizeof(p->naa));
	memcpy(p->serial, of->serial, sizeof(p->serial));
	if (shared == MAP_FAILED)
		return -ENOMEM;
	p->shared = memset(shared, 0, sizeof(*p->shared));
	pid_t pid = child_start(run, p);
	if (pid > 0) {
		p->pid = pid;
		return 0;
	}
	munmap(shared, sizeof(*p->shared));
	p->shared = NULL;
	return pid;
}

/* The child's mapping of the memory is its own: it may go on writing there. */
void poller_stop(struct poller *p)
{
	if (!p->pid)
		return;
	poller_leave(p->pid);
	munmap(p->shared, sizeof(*p->shared));
	*p = (struct poller){0};
}

struct disk_seen poller_seen(const struct poller *p)
{
	if (!p->pid)
		return (struct disk_seen){0};
	/* The counts last: what ended in between is seen as that, not as silence. */
	bool is_pending = p->shared->is_pending;
	return (struct disk_seen){p->shared->good, p->shared->bad, is_pending, p->shared->is_other};
}

uint32_t poller_sense(const struct poller *p)
{
	return p->pid ? p->shared->sense : 0;
}

void poller_times(const struct poller *p, struct measure *m)
{
	uint64_t n = p->pid ? p->shared->n : 0;

	for (uint64_t i = 0; i < n && i < POLLER_SAMPLES; i++)
		measure_add(m, p->shared->times[i]);
}
