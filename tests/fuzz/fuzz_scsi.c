// SPDX-License-Identifier: MIT
/*
 * Commands through the device server of target/scsi, on a thin LUN with blocks of 512 bytes and a
 * full one with 4096.
 *
 * Input: commands, each a LUN (with the highest bit: of another initiator), the length of the data
 * the initiator offers (16 bits), a CDB of 16 bytes, and that data.
 */
#include <assert.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz/fuzz.h"
#include "lib/filler.h"
#include "memtgt/wire.h"
#include "scsi/scsi.h"
#include "store/store.h"

#define LUN_BYTES  ((uint64_t)8 << 20)
#define COMMANDS   64
#define TURNS_MAX  100000 /* slices of one command: more is a hang */
#define IOVS	   4u
#define NEXUSES	   2u
#define CDB_LEN	   16u
#define HEAD_BYTES (3u + CDB_LEN)

static struct store *store;
static struct scsi_worker worker;
static struct scsi_lu lus[2];
static struct scsi_target target = {.name = "iqn.2026-01.org.memtgt:fuzz",
				    .by_id = {&lus[0], &lus[1]}};

static void make_lu(unsigned id, enum store_provisioning p, uint32_t shift)
{
	static const uint8_t host[16] = "fuzz";
	char why[256];
	struct scsi_lu *lu = &lus[id];

	lu->id = id;
	lu->thin = p == STORE_THIN;
	lu->block_shift = shift;
	lu->block_size = 1u << shift;
	lu->blocks = LUN_BYTES >> shift;
	scsi_lu_name(lu, host, target.name, 0, "");
	if (store_lun_create(store, LUN_BYTES, p, NULL, NULL, NULL, &lu->store, why, sizeof(why))) {
		fprintf(stderr, "fuzz_scsi: %s\n", why);
		exit(1);
	}
}

static void set_up(void)
{
	struct store_options o = {.kind = STORE_PLAIN,
				  .full_bytes = LUN_BYTES,
				  .ceiling = 2 * LUN_BYTES,
				  .readers = 1,
				  .no_filler = true};
	char why[256];

	if (store_open(&store, &o, why, sizeof(why))) {
		fprintf(stderr, "fuzz_scsi: %s\n", why);
		exit(1);
	}
	if (scsi_worker_init(&worker, store_reader(store, 0), 4))
		exit(1);
	make_lu(0, STORE_THIN, 9);
	make_lu(1, STORE_FULL, 12);
}

static void between_turns(void)
{
	store_reader_quiet(worker.reader);
	filler_run(store);
}

/* Looks all over the answer, so that a pointer to the wrong place shows. */
static volatile uint8_t sum;

static void read_answer(struct scsi_task *t)
{
	for (uint64_t off = 0; off < t->in_len;) {
		static uint8_t copied[3000]; /* cuts blocks */
		struct iovec iov[IOVS];
		size_t niov = IOVS, left = 0;
		size_t want = t->in_len - off < 65536 ? (size_t)(t->in_len - off) : 65536;
		if (scsi_data_moves(t)) {
			if (want > sizeof(copied))
				want = sizeof(copied);
			want = scsi_data_in_copy(t, off, copied, want);
			assert(want);
			off += want;
			continue;
		}
		size_t got = scsi_data_in(t, off, want, iov, &niov);

		assert(got && got <= want && niov && niov <= IOVS);
		for (size_t i = 0; i < niov; i++) {
			left += iov[i].iov_len;
			for (size_t j = 0; j < iov[i].iov_len; j += 61)
				sum = sum ^ ((const uint8_t *)iov[i].iov_base)[j];
		}
		assert(left == got);
		off += got;
	}
}

/* What the CDB asks for, of which the initiator has n bytes: the rest comes as zeroes. */
static void send_data(struct scsi_task *t, const uint8_t *p, size_t n)
{
	static const uint8_t zeroes[4096];
	unsigned turns = 0;

	while (t->out_done < t->out_len) {
		uint64_t left = t->out_len - t->out_done;
		const uint8_t *from = n ? p : zeroes;
		size_t len = n ? n : sizeof(zeroes);

		if (len > left)
			len = (size_t)left;
		size_t taken = scsi_data_out(t, from, len);
		turns++;
		assert(taken <= len && turns < TURNS_MAX);
		if (n) {
			p += taken;
			n -= taken;
		}
		between_turns();
	}
}

/* False: it has ended. */
static bool raise_fence(struct scsi_task *t)
{
	struct scsi_fence f;

	if (scsi_fence(t, &f) != SCSI_FENCE)
		return false;
	(void)f.tell(&f, t->nexus);
	if (f.release)
		f.release(&f);
	return true;
}

static void command(struct scsi_nexus *nexus, const uint8_t *head, const uint8_t *data, size_t n)
{
	struct scsi_task t = {.worker = &worker, .nexus = nexus, .cdb_len = CDB_LEN};
	unsigned turns = 0;

	t.lun[1] = head[0] % 4; /* two that are there, two that are not */
	t.out_limit = n;
	memcpy(t.cdb, head + 3, CDB_LEN);
	enum scsi_step step = scsi_start(&t);
	if (step == SCSI_OUT) {
		assert(t.out_len && t.out_len <= t.out_limit);
		send_data(&t, data, n);
		step = scsi_run(&t);
	}
	for (; step == SCSI_RUN || step == SCSI_FENCE; step = scsi_run(&t)) {
		if (step == SCSI_FENCE && !raise_fence(&t)) {
			step = SCSI_DONE;
			break;
		}
		turns++;
		assert(turns < TURNS_MAX);
		between_turns();
	}
	assert(step == SCSI_DONE || step == SCSI_IN);
	if (step == SCSI_IN) {
		assert(t.status == SCSI_GOOD);
		read_answer(&t);
	} else if (t.status == SCSI_CHECK_CONDITION) {
		assert(t.sense_len >= 18 && t.sense_len <= SCSI_SENSE_MAX);
	}
	scsi_end(&t);
	scsi_data_sent(nexus, &worker);
	between_turns();
}

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t n)
{
	static struct scsi_attentions attentions[NEXUSES][SCSI_LUNS_MAX];
	struct scsi_nexus nexus[NEXUSES];

	if (!store)
		set_up();
	memset(nexus, 0, sizeof(nexus));
	for (unsigned i = 0; i < NEXUSES; i++) {
		scsi_nexus_init(&nexus[i], &target, attentions[i]);
		snprintf(nexus[i].port_name, sizeof(nexus[i].port_name),
			 "iqn.2026-01.org.memtgt:f,i,0x80000000000%u", i);
	}
	for (int i = 0; i < COMMANDS && n >= HEAD_BYTES; i++) {
		const uint8_t *head = input;
		size_t len = ld16(head + 1);

		input += HEAD_BYTES;
		n -= HEAD_BYTES;
		if (len > n)
			len = n;
		/* The first command of each LUN is spent on the unit attention of a new nexus. */
		command(&nexus[head[0] >> 7], head, input, len);
		input += len;
		n -= len;
	}
	for (unsigned i = 0; i < NEXUSES; i++)
		scsi_nexus_end(&nexus[i], &worker);
	/* What one input reserved the next one does not find. */
	for (unsigned i = 0; i < 2; i++) {
		scsi_reserve_free(&lus[i]);
		scsi_claims_set(&lus[i], NULL);
	}
	return 0;
}
