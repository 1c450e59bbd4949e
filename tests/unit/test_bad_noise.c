// SPDX-License-Identifier: MIT
/*
 * test_bad_noise.c - two sessions of random requests that are nearly right, from a seed: few tags,
 * so that they meet; every command that there is; aborts and resets between; any split, and peers
 * that take their answers in pieces or not at all. Asserts, ASan and the arenas tell what breaks.
 */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "lib/fake_engine.h"
#include "lib/hostile.h"
#include "lib/test_main.h"
#include "scsi/op.h"
#include "store/store.h"

#define SEEDS 24
#define STEPS 1500
#define TAGS  6
#define PEERS 2

static struct rig rig;
static unsigned seed;

static void setup(void)
{
	log_set_level(LOG_LEVEL_ERROR);
	rig_init(&rig);
}

static void teardown(void)
{
	rig_stop(&rig);
}

static uint32_t up_to(uint32_t n)
{
	return (uint32_t)rand_r(&seed) % n;
}

static bool once_in(uint32_t n)
{
	return !up_to(n);
}

/* A peer, and what the target asked it for last. */
struct noisy {
	struct rig_peer p;
	struct bhs_r2t r2t;
	bool open, reads;
	unsigned rule; /* of rules[] */
	uint32_t text_ttt;
};

#define RULES(s)             \
	{                    \
		s, sizeof(s) \
	}
static const struct {
	const char *text;
	size_t len;
} rules[] = {
	/* odd ones: with immediate data; 1, 2: with unsolicited data */
	RULES("InitialR2T=Yes\0ImmediateData=No\0MaxBurstLength=1024\0MaxOutstandingR2T=4"),
	RULES("InitialR2T=No\0ImmediateData=Yes\0MaxBurstLength=4096\0FirstBurstLength=2048"),
	RULES("InitialR2T=No\0ImmediateData=No\0DataDigest=CRC32C\0"
	      "MaxRecvDataSegmentLength=513"),
	RULES("InitialR2T=Yes\0ImmediateData=Yes\0MaxRecvDataSegmentLength=65536"),
};

static void begin(struct noisy *n, unsigned which)
{
	char text[400];
	size_t len =
		(size_t)sprintf(text, "InitiatorName=iqn.2026-01.org.memtgt:noisy%u", which) + 1;
	unsigned r = n->rule = up_to(4);

	len += (size_t)sprintf(text + len, "TargetName=iqn.2026-01.org.memtgt:rig") + 1;
	memcpy(text + len, rules[r].text, rules[r].len);
	n->p = rig_connect(&rig);
	n->p.cmdsn = up_to(2) ? 0xfffffff8 : 5;
	hostile_login(&n->p, 0x87, text, len + rules[r].len);
	struct rig_pdu rsp = rig_expect(&n->p, ISCSI_OP_LOGIN_RSP);
	ck_assert_uint_eq(rsp.login_rsp.status_class, 0);
	ck_assert_uint_eq(rsp.login_rsp.flags & 0x83, 0x83);
	rig_pdu_free(&rsp);
	n->p.data_digest = r == 2;
	n->open = n->reads = true;
	n->text_ttt = ISCSI_TAG_NONE;
	n->r2t.flags = 0;
	fake_split(rig.engine, n->p.fd, once_in(2) ? 0 : 1 + up_to(700), 1 + up_to(1000));
}

/* ---- requests ---- */

/* The last bytes of the LBA and of the length, in CDBs of each size. */
static unsigned lba_at(unsigned cdb_len)
{
	return cdb_len == 6 ? 3 : cdb_len == 16 ? 9 : 5;
}

static unsigned length_at(unsigned cdb_len)
{
	return cdb_len == 6 ? 4 : cdb_len == 10 ? 8 : cdb_len == 12 ? 9 : 13;
}

static bool is_read(const struct scsi_op *op)
{
	return (op->opcode & 0x1f) == 0x08 && !op->out;
}

/*
 * Reads lie below block 128 and what writes above: data of a READ is sent from where it lies, and
 * the fake engine takes it for a fault if another command changes it on its way.
 */
static void random_cdb(uint8_t cdb[static 16])
{
	const struct scsi_op *op = &scsi_ops[up_to((uint32_t)scsi_ops_count)];
	bool medium = is_read(op) || op->out || op->run;

	memset(cdb, 0, 16);
	cdb[0] = op->opcode;
	if (op->sa != SA_NONE)
		cdb[1] = (uint8_t)op->sa;
	else if (op->cdb_len != 6 && once_in(3))
		cdb[1] = (uint8_t)(up_to(256) & op->usage[1]);
	cdb[lba_at(op->cdb_len)] = (uint8_t)(up_to(64) | (is_read(op) ? 0 : 128));
	cdb[length_at(op->cdb_len)] = (uint8_t)(1 + up_to(24));
	if (!medium && once_in(3))
		cdb[up_to(16)] = (uint8_t)up_to(256);
}

static void send_command(struct noisy *n)
{
	static const uint8_t directions[] = {0, ISCSI_CMD_READ, ISCSI_CMD_WRITE, ISCSI_CMD_WRITE};
	uint32_t edtl = up_to(4) ? RIG_BLOCK * up_to(24) : up_to(9000);
	uint8_t direction = directions[up_to(4)];
	struct bhs_scsi_cmd c = rig_command(&n->p, direction, edtl);

	put32(&c.itt, up_to(TAGS));
	c.flags = (uint8_t)((c.flags & ~ISCSI_CMD_ATTR) | up_to(5));
	if (once_in(6)) {
		c.opcode |= ISCSI_IMMEDIATE;
		n->p.cmdsn--;
	}
	random_cdb(c.cdb);
	bool write = direction == ISCSI_CMD_WRITE;
	uint32_t data = write && n->rule & 1 && up_to(2) ? up_to(edtl < 512 ? edtl + 1 : 513) : 0;
	if (write && (n->rule == 1 || n->rule == 2) && once_in(3)) {
		/* Unsolicited data comes, as if it had been asked for. */
		c.flags &= (uint8_t)~ISCSI_FINAL;
		n->r2t = (struct bhs_r2t){.flags = ISCSI_FINAL, .itt = c.itt};
		put32(&n->r2t.ttt, ISCSI_TAG_NONE);
		put32(&n->r2t.offset, data);
		put32(&n->r2t.desired_len, up_to(1024));
	}
	rig_send(&n->p, &c, rig_filled(0x5a, data), data);
}

/* Mostly what the last R2T asked for; else nearly that. */
static void send_data(struct noisy *n)
{
	struct bhs_data_out d = {.opcode = ISCSI_OP_DATA_OUT, .flags = ISCSI_FINAL};
	uint32_t len = get32(n->r2t.desired_len), most = n->p.data_digest ? 8192 : 65536;

	d.itt = n->r2t.itt;
	d.ttt = n->r2t.ttt;
	d.offset = n->r2t.offset;
	if (once_in(12))
		put32(&d.ttt, once_in(2) ? ISCSI_TAG_NONE : up_to(1 << 16));
	if (once_in(20))
		put32(&d.offset, up_to(4096));
	if (once_in(20))
		put32(&d.itt, up_to(TAGS));
	if (once_in(10))
		len = up_to(2048);
	if (once_in(10))
		d.flags = 0;
	len = len < most ? len : most;
	rig_send(&n->p, &d, rig_filled(0xa5, len), len);
	if (up_to(8))
		n->r2t.flags = 0; /* it has its data */
}

static void send_tmf(struct noisy *n)
{
	be32 ref;
	put32(&ref, up_to(TAGS));
	rig_send_tmf(&n->p, (enum iscsi_tmf)(1 + up_to(once_in(6) ? 8 : 6)), ref);
}

static void send_text(struct noisy *n)
{
	static const char text[] = "X-a=b\0SendTargets=All\0MaxRecvDataSegmentLength=512";
	static const uint8_t flags[] = {0, ISCSI_FINAL, ISCSI_TEXT_CONTINUE};

	hostile_text(&n->p, flags[up_to(3)], n->text_ttt, text, up_to(sizeof(text) + 1));
}

static void send_ping(struct noisy *n)
{
	struct bhs_nop_out h = {.opcode = ISCSI_OP_NOP_OUT, .flags = ISCSI_FINAL};
	uint32_t len = up_to(4) ? 0 : up_to(8192);

	put32(&h.itt, once_in(6) ? ISCSI_TAG_NONE : 0x6000);
	put32(&h.ttt, up_to(3) - 1);
	put32(&h.cmdsn, n->p.cmdsn++);
	rig_send(&n->p, &h, rig_filled(1, len), len);
}

static void send_logout(struct noisy *n)
{
	struct bhs_logout_req h = {.opcode = ISCSI_OP_LOGOUT_REQ | ISCSI_IMMEDIATE,
				   .flags = (uint8_t)(ISCSI_FINAL | up_to(3))};
	put32(&h.cmdsn, n->p.cmdsn);
	rig_send(&n->p, &h, NULL, 0);
}

static void send_request(struct noisy *n)
{
	switch (up_to(24)) {
	case 0:
		send_tmf(n);
		break;
	case 1:
		send_text(n);
		break;
	case 2:
	case 3:
		send_ping(n);
		break;
	case 4:
		if (once_in(20))
			send_logout(n);
		break;
	default:
		if (n->r2t.flags)
			send_data(n);
		else
			send_command(n);
	}
}

/* ---- the loop ---- */

static void listen_to(struct noisy *n)
{
	struct rig_pdu pdu;

	while (rig_recv(&n->p, &pdu)) {
		if (pdu.bhs.opcode == ISCSI_OP_R2T && up_to(8))
			n->r2t = pdu.r2t;
		if (pdu.bhs.opcode == ISCSI_OP_TEXT_RSP)
			n->text_ttt = get32(pdu.text_rsp.ttt);
		if (pdu.bhs.opcode >= ISCSI_OP_NOP_IN && pdu.bhs.opcode != ISCSI_OP_R2T)
			n->p.cmdsn = get32(pdu.nop_in.exp_cmdsn);
		rig_pdu_free(&pdu);
	}
}

static void change_pace(struct noisy *n)
{
	if (once_in(40))
		n->reads = !n->reads;
	if (once_in(20))
		fake_take(rig.engine, n->p.fd, n->reads ? 1 + up_to(5000) : 0, up_to(4));
	if (once_in(60))
		rig_advance(&rig, 1 + up_to(3));
}

static void step(struct noisy *n, unsigned which)
{
	if (!n->open)
		begin(n, which);
	for (uint32_t i = up_to(4); i; i--)
		send_request(n);
	change_pace(n);
	for (uint32_t i = up_to(6); i; i--)
		reactor_turn(&rig.worker.reactor, false);
	if (once_in(4))
		listen_to(n);
	if (once_in(150))
		fake_eof(rig.engine, n->p.fd);
	if (fake_closed(rig.engine, n->p.fd) || fake_send_ended(rig.engine, n->p.fd))
		n->open = !rig_is_closed(&n->p);
}

START_TEST(nearly_right)
{
	struct noisy n[PEERS] = {0};

	seed = (unsigned)_i + 1;
	rig.thin = _i & 1;
	rig.config.limits.queue_depth = 4;
	rig_start(&rig);
	for (unsigned i = 0; i < STEPS; i++)
		step(&n[i % PEERS], i % PEERS);
	/* Whatever it was, whoever comes next is served. */
	for (unsigned i = 0; i < PEERS; i++) {
		fake_eof(rig.engine, n[i].p.fd);
		fake_take(rig.engine, n[i].p.fd, SIZE_MAX, 0);
	}
	rig_advance(&rig, 30);
	struct rig_peer good = HOSTILE_PEER(&rig, IN_NORMAL_SESSION, "");
	hostile_serves(&good);
	hostile_leave(&good);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("bad_noise");
	TCase *t = tcase_create("bad_noise");

	tcase_set_timeout(t, 60);
	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_loop_test(t, nearly_right, 0, SEEDS);
	suite_add_tcase(s, t);
	return s;
}

int main(void)
{
	return test_main(suite());
}
