// SPDX-License-Identifier: MIT
/*
 * test_aborts.c - every function that ends commands, at every moment of every kind of command.
 *
 * A kind of command is a script of steps; a moment is how many of them were played. Then a function
 * is asked for, by the command's own session or by another. It is answered once; the command is
 * not, unless it was before; what the medium holds at the answer stays, although the rest of the
 * script is played and pages come; and both sessions go on.
 */
#include <check.h>
#include <string.h>

#include "lib/fake_engine.h"
#include "lib/filler.h"
#include "lib/session_rig.h"
#include "lib/test_main.h"
#include "store/store.h"

#define PAGE_BLOCKS ((uint32_t)(STORE_PAGE_SIZE / RIG_BLOCK))
#define PAGES	    14u /* most */
#define SAMPLES	    (8u + 2u * PAGES)
#define EXTENTS	    9u
#define OLD	    0x11

static struct rig rig;
static unsigned pages, samples;

struct stage {
	struct rig_peer a, b; /* whose command it is; another session */
	struct bhs_scsi_cmd c, held;
	uint32_t ttt;
	unsigned answers; /* SCSI responses, and statuses with data, of c and held */
	unsigned tmfs, response;
};

struct kind {
	const char *name, *keys;
	size_t keys_len;
	unsigned steps, pages;
	bool hole, held; /* begins with a page that there is not; with a command before it */
	bool digests;
	void (*step)(struct stage *g, unsigned i);
};

/* ---- what A hears ---- */

static void heard(struct stage *g, const struct rig_pdu *r)
{
	switch (r->bhs.opcode) {
	case ISCSI_OP_R2T:
		g->ttt = get32(r->r2t.ttt);
		break;
	case ISCSI_OP_SCSI_RSP:
		g->answers++;
		break;
	case ISCSI_OP_DATA_IN:
		g->answers += !!(r->bhs.flags & ISCSI_DATA_STATUS);
		break;
	case ISCSI_OP_TMF_RSP:
		g->tmfs++;
		g->response = r->tmf_rsp.response;
		break;
	default:
		ck_abort_msg("PDU 0x%02x", r->bhs.opcode);
	}
}

static void hear(struct stage *g)
{
	struct rig_pdu r;

	while (rig_recv(&g->a, &r)) {
		heard(g, &r);
		rig_pdu_free(&r);
	}
}

/* ---- the scripts ---- */

static struct bhs_scsi_cmd write_of(struct rig_peer *p, uint32_t lba, uint16_t blocks)
{
	struct bhs_scsi_cmd c = rig_command(p, ISCSI_CMD_WRITE, blocks * RIG_BLOCK);

	rig_rw10(&c, true, lba, blocks);
	return c;
}

static void step_solicited(struct stage *g, unsigned i)
{
	static const struct {
		uint32_t sn, off, len;
		bool final;
	} data[] = {{0, 0, 600, false},
		    {1, 600, 424, true},
		    {0, 1024, 512, false},
		    {1, 1536, 512, true}};

	if (i == 0) {
		g->c = write_of(&g->a, 0, 4);
		rig_send(&g->a, &g->c, NULL, 0);
	} else {
		rig_data_out(&g->a, &g->c, g->ttt, data[i - 1].sn, data[i - 1].off, data[i - 1].len,
			     data[i - 1].final, 0x22);
	}
	hear(g);
}

/* Immediate, then unsolicited, then what is asked for. */
static void step_unsolicited(struct stage *g, unsigned i)
{
	switch (i) {
	case 0:
		g->c = write_of(&g->a, 0, 4);
		g->c.flags &= (uint8_t)~ISCSI_FINAL;
		rig_send(&g->a, &g->c, rig_filled(0x22, 300), 300);
		break;
	case 1:
		rig_data_out(&g->a, &g->c, ISCSI_TAG_NONE, 0, 300, 400, false, 0x22);
		break;
	case 2:
		rig_data_out(&g->a, &g->c, ISCSI_TAG_NONE, 1, 700, 324, true, 0x22);
		break;
	default:
		rig_data_out(&g->a, &g->c, g->ttt, 0, 1024, 1024, true, 0x22);
	}
	hear(g);
}

/* The peer takes 16 bytes in each turn, of a READ of many pages. */
static void step_read(struct stage *g, unsigned i)
{
	if (i == 0) {
		g->c = rig_command(&g->a, ISCSI_CMD_READ, 8191 * RIG_BLOCK);
		rig_rw10(&g->c, false, 0, 8191);
		rig_send(&g->a, &g->c, NULL, 0);
		fake_take(rig.engine, g->a.fd, 0, 0);
	} else if (i == 3) {
		fake_take(rig.engine, g->a.fd, SIZE_MAX, 0);
	} else {
		fake_take(rig.engine, g->a.fd, 40000, 2);
	}
	reactor_turn(&rig.worker.reactor, false);
	if (i == 3)
		hear(g);
}

static void same(struct stage *g, uint8_t opcode, uint8_t flags, uint32_t lba, uint16_t blocks)
{
	g->c = rig_command(&g->a, ISCSI_CMD_WRITE, RIG_BLOCK);
	rig_rw10(&g->c, true, lba, blocks);
	g->c.cdb[0] = opcode;
	g->c.cdb[1] = flags;
	rig_send(&g->a, &g->c, rig_filled(0x22, RIG_BLOCK), RIG_BLOCK);
}

/* A slice a turn. */
static void step_write_same(struct stage *g, unsigned i)
{
	if (i == 0)
		same(g, 0x41, 0, 8, (uint16_t)(pages * PAGE_BLOCKS - 8));
	reactor_turn(&rig.worker.reactor, false);
}

/* Descriptors, of which each does not cover its page: zeroes are written. */
static void step_unmap(struct stage *g, unsigned i)
{
	uint8_t list[8 + 16 * EXTENTS] = {0};

	if (i == 0) {
		g->c = rig_command(&g->a, ISCSI_CMD_WRITE, sizeof(list));
		g->c.cdb[0] = 0x42;
		st16(g->c.cdb + 7, sizeof(list));
		st16(list, sizeof(list) - 2);
		st16(list + 2, sizeof(list) - 8);
		for (uint32_t d = 0; d < EXTENTS; d++) {
			st32(list + 8 + 16 * d + 4, 8 + d * (pages * PAGE_BLOCKS / EXTENTS));
			st32(list + 8 + 16 * d + 8, pages * PAGE_BLOCKS / EXTENTS - 16);
		}
		rig_send(&g->a, &g->c, list, sizeof(list));
	}
	reactor_turn(&rig.worker.reactor, false);
}

/* It waits for a page that is made only after the function's answer. */
static void step_starved(struct stage *g, unsigned i)
{
	if (i == 0)
		same(g, 0x41, 0, PAGE_BLOCKS, 8);
	else if (i == 2)
		rig.filler_rests = false;
	hear(g);
}

/* An ORDERED one behind a WRITE that waits for its data. */
static void step_held(struct stage *g, unsigned i)
{
	switch (i) {
	case 0:
		g->held = write_of(&g->a, 4, 1);
		rig_send(&g->a, &g->held, NULL, 0);
		break;
	case 1:
		g->c = write_of(&g->a, 0, 2);
		g->c.flags = (uint8_t)((g->c.flags & ~ISCSI_CMD_ATTR) | ISCSI_ATTR_ORDERED);
		rig_send(&g->a, &g->c, NULL, 0);
		break;
	case 2:
		rig_data_out(&g->a, &g->held, g->ttt, 0, 0, RIG_BLOCK, true, 0x22);
		break;
	default:
		rig_data_out(&g->a, &g->c, g->ttt, 0, 0, 2 * RIG_BLOCK, true, 0x22);
	}
	hear(g);
}

#define KEYS(t) .keys = (t), .keys_len = sizeof(t) - 1
#define SOLICITED                                                                  \
	"InitialR2T=Yes\0ImmediateData=No\0MaxBurstLength=1024\0FirstBurstLength=" \
	"512\0iSCSIProtocolLevel=2"
/* clang-format off */
static const struct kind kinds[] = {
	{.name = "solicited WRITE",   KEYS(SOLICITED), .pages = 2, .steps = 5, .step = step_solicited},
	{.name = "unsolicited WRITE", KEYS("InitialR2T=No\0ImmediateData=Yes\0FirstBurstLength=1024\0iSCSIProtocolLevel=2"),
	 .pages = 2, .steps = 4, .step = step_unsolicited},
	{.name = "READ",              KEYS("iSCSIProtocolLevel=2"), .pages = 2, .steps = 4, .step = step_read},
	{.name = "READ, digests", .digests = true,     KEYS("DataDigest=CRC32C\0iSCSIProtocolLevel=2"), .pages = 2, .steps = 4, .step = step_read},
	{.name = "WRITE SAME",        KEYS("iSCSIProtocolLevel=2"), .pages = 14, .steps = 10, .step = step_write_same},
	{.name = "UNMAP",             KEYS("iSCSIProtocolLevel=2"), .pages = 2, .steps = 13, .step = step_unmap},
	{.name = "starved",           KEYS("iSCSIProtocolLevel=2"), .pages = 2, .steps = 3, .hole = true, .step = step_starved},
	{.name = "held",              KEYS(SOLICITED), .pages = 2, .steps = 4, .held = true, .step = step_held},
};
/* clang-format on */
#define NKINDS ((int)(sizeof(kinds) / sizeof(kinds[0])))

static const struct how {
	enum iscsi_tmf function;
	bool by_other, one; /* `one`: leaves the command that was before it */
	bool attention;	    /* A hears of it */
} hows[] = {
	{ISCSI_TMF_ABORT_TASK, .one = true},
	{.function = ISCSI_TMF_ABORT_TASK_SET},
	{.function = ISCSI_TMF_CLEAR_TASK_SET},
	{ISCSI_TMF_LUN_RESET, .attention = true},
	{ISCSI_TMF_TARGET_WARM_RESET, .attention = true},
	{ISCSI_TMF_NEXUS_RESET, .attention = true},
	{ISCSI_TMF_LUN_RESET, .by_other = true, .attention = true},
	{ISCSI_TMF_TARGET_WARM_RESET, .by_other = true, .attention = true},
};
#define NHOWS (sizeof(hows) / sizeof(hows[0]))

/* ---- the stage ---- */

static void sample(struct rig_peer *p, uint8_t out[static SAMPLES])
{
	for (unsigned i = 0; i < samples; i++) {
		uint32_t lba = i < 8 ? i : 64 + (i - 8) * (PAGE_BLOCKS / 2);
		struct bhs_scsi_cmd c = rig_command(p, ISCSI_CMD_READ, RIG_BLOCK);

		rig_rw10(&c, false, lba, 1);
		rig_send(p, &c, NULL, 0);
		struct rig_pdu d = rig_expect(p, ISCSI_OP_DATA_IN);
		ck_assert_uint_eq(d.data_len, RIG_BLOCK);
		for (uint32_t at = 1; at < RIG_BLOCK; at++)
			if (d.data[at] != d.data[0])
				ck_abort_msg("block %u is of two commands", lba);
		out[i] = d.data[0];
		rig_pdu_free(&d);
	}
}

static void fill(struct rig_peer *p, uint32_t lba, uint16_t blocks)
{
	struct bhs_scsi_cmd c = rig_command(p, ISCSI_CMD_WRITE, RIG_BLOCK);

	rig_rw10(&c, true, lba, blocks);
	c.cdb[0] = 0x41;
	rig_send(p, &c, rig_filled(OLD, RIG_BLOCK), RIG_BLOCK);
	rig_expect_status(p, SCSI_GOOD);
}

static void set_stage(struct stage *g, const struct kind *k)
{
	memset(g, 0, sizeof(*g));
	pages = k->pages;
	samples = 8 + 2 * pages;
	rig_init(&rig);
	rig.blocks = pages * PAGE_BLOCKS;
	rig.pool = pages * STORE_PAGE_SIZE;
	rig.thin = k->hole;
	rig_start(&rig);
	g->a = rig_connect(&rig);
	rig_login(&g->a, k->keys, k->keys_len);
	g->a.data_digest = k->digests;
	rig_clear_attention(&g->a);
	g->b = rig_connect(&rig);
	g->b.isid = 1;
	RIG_LOGIN(&g->b, "");
	rig_clear_attention(&g->b);
	fill(&g->b, 0, k->hole ? 8 : (uint16_t)(pages * PAGE_BLOCKS));
	if (!k->hole)
		return;
	rig.filler_rests = true;
	pool_trim(&rig.store->pool, 8);
}

static void send_function(struct rig_peer *p, const struct stage *g, enum iscsi_tmf f)
{
	struct bhs_tmf_req h = {.opcode = ISCSI_OP_TMF_REQ | ISCSI_IMMEDIATE,
				.flags = (uint8_t)(ISCSI_FINAL | f)};

	put32(&h.itt, 0x7000);
	put32(&h.cmdsn, p->cmdsn);
	h.ref_itt = f == ISCSI_TMF_ABORT_TASK ? g->c.itt : (be32){{0xff, 0xff, 0xff, 0xff}};
	h.ref_cmdsn = g->c.cmdsn;
	rig_send(p, &h, NULL, 0);
}

/* One command and one moment. Returns whether the function came before its end. */
static bool play(const struct kind *k, unsigned moment, const struct how *how)
{
	struct stage g;
	uint8_t then[SAMPLES], now[SAMPLES];

	set_stage(&g, k);
	for (unsigned i = 0; i < moment; i++)
		k->step(&g, i);
	send_function(how->by_other ? &g.b : &g.a, &g, how->function);
	if (how->by_other)
		rig_expect_tmf(&g.b, ISCSI_TMF_COMPLETE);
	if (!strncmp(k->name, "READ", 4))
		fake_take(rig.engine, g.a.fd, SIZE_MAX, 0);
	hear(&g);
	const unsigned answers = g.answers;
	if (!how->by_other) {
		ck_assert_uint_eq(g.tmfs, 1);
		/* It was answered before, and there is nothing to abort. */
		ck_assert_uint_eq(g.response, how->one && answers == (k->held ? 2 : 1)
						      ? ISCSI_TMF_NO_TASK
						      : ISCSI_TMF_COMPLETE);
	}
	rig_clear_attention(&g.b);
	sample(&g.b, then);
	const uint32_t own = g.a.cmdsn;
	for (unsigned i = moment; i < k->steps; i++)
		k->step(&g, i);
	rig.filler_rests = false;
	hear(&g);
	if (how->one && k->held && moment == 2)
		ck_assert_uint_eq(g.answers, answers + 1); /* the one before it */
	else if (g.a.cmdsn == own)
		ck_assert_uint_eq(g.answers, answers);
	ck_assert_uint_eq(g.tmfs, !how->by_other);
	sample(&g.b, now);
	if (g.a.cmdsn == own && !(how->one && k->held && moment == 2))
		ck_assert_mem_eq(then, now, samples);
	rig_clear_attention(&g.a);
	rig_check_blocks(&g.a, 7, 1, now[7]);
	rig_stop(&rig);
	return answers < (k->held ? 2 : 1);
}

/* From the first step on: before it there is no command. */
START_TEST(at_every_moment)
{
	const struct kind *k = &kinds[_i];
	unsigned cut[NHOWS] = {0};

	for (unsigned moment = k->held ? 2 : 1; moment <= k->steps; moment++) {
		for (size_t i = 0; i < NHOWS; i++)
			cut[i] += play(k, moment, &hows[i]);
	}
	/* The script is long enough, and ends. */
	for (size_t i = 0; i < NHOWS; i++)
		ck_assert(cut[i] >= 2 && cut[i] < k->steps);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("aborts");
	TCase *t = tcase_create("aborts");

	tcase_set_timeout(t, 120);
	tcase_add_loop_test(t, at_every_moment, 0, NKINDS);
	suite_add_tcase(s, t);
	return test_main(s);
}
