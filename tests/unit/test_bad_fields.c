// SPDX-License-Identifier: MIT
/*
 * test_bad_fields.c - every field of every request at the ends of its range and at its limits. A
 * request that is right but for one field is answered, or comes to the end that RFC 7143 has for
 * it.
 */
#include <check.h>
#include <string.h>

#include "base/log.h"
#include "lib/fake_engine.h"
#include "lib/hostile.h"
#include "lib/test_main.h"

#define MAX_RECV 262144u /* what the rig declares, 13.12 */

static struct rig rig;

static void setup(void)
{
	log_set_level(LOG_LEVEL_ERROR);
	rig_init(&rig);
	rig_start(&rig);
}

static void teardown(void)
{
	rig_stop(&rig);
}

/* ---- requests that are right ---- */

union request {
	struct bhs any;
	struct bhs_scsi_cmd cmd;
	struct bhs_tmf_req tmf;
	struct bhs_login_req login;
	struct bhs_text_req text;
	struct bhs_data_out out;
	struct bhs_logout_req logout;
	struct bhs_nop_out nop;
	uint8_t raw[ISCSI_BHS_LEN];
};

struct made {
	union request h;
	const void *data;
	uint32_t n;
};

static struct made request(struct rig_peer *p, uint8_t opcode, uint8_t flags)
{
	struct made m = {.h.nop = {.opcode = opcode, .flags = flags}};
	put32(&m.h.nop.itt, 0x1000);
	put32(&m.h.nop.ttt, ISCSI_TAG_NONE);
	put32(&m.h.nop.cmdsn, p->cmdsn);
	return m;
}

static struct made make_command(struct rig_peer *p)
{
	struct made m = {.h.cmd = rig_command(p, ISCSI_CMD_WRITE, RIG_BLOCK),
			 .data = rig_filled(7, RIG_BLOCK),
			 .n = RIG_BLOCK};
	rig_rw10(&m.h.cmd, true, 0, 1);
	return m;
}

static struct made make_tmf(struct rig_peer *p)
{
	return request(p, ISCSI_OP_TMF_REQ | ISCSI_IMMEDIATE, ISCSI_FINAL | ISCSI_TMF_ABORT_TASK);
}

static struct made make_login(struct rig_peer *p)
{
	struct made m = {.h.login = {.opcode = ISCSI_OP_LOGIN_REQ | ISCSI_IMMEDIATE,
				     .flags = ISCSI_LOGIN_TRANSIT | ISCSI_STAGE_OPERATIONAL << 2 |
					      ISCSI_STAGE_FULL_FEATURE},
			 .data = HOSTILE_NAMES,
			 .n = sizeof(HOSTILE_NAMES)};
	put32(&m.h.login.cmdsn, p->cmdsn);
	return m;
}

static struct made make_text(struct rig_peer *p)
{
	struct made m = request(p, ISCSI_OP_TEXT_REQ | ISCSI_IMMEDIATE, ISCSI_FINAL);
	m.data = "SendTargets=";
	m.n = sizeof("SendTargets=");
	return m;
}

/* For a write that asked for one block. */
static struct made make_data_out(struct rig_peer *p)
{
	struct bhs_scsi_cmd c = rig_command(p, ISCSI_CMD_WRITE, RIG_BLOCK);
	struct made m = {.h.out = {.opcode = ISCSI_OP_DATA_OUT, .flags = ISCSI_FINAL},
			 .data = rig_filled(7, RIG_BLOCK),
			 .n = RIG_BLOCK};
	rig_rw10(&c, true, 0, 1);
	rig_send(p, &c, NULL, 0);
	m.h.out.itt = c.itt;
	put32(&m.h.out.ttt, rig_expect_r2t(p, NULL));
	return m;
}

static struct made make_logout(struct rig_peer *p)
{
	struct made m = request(p, ISCSI_OP_LOGOUT_REQ | ISCSI_IMMEDIATE,
				ISCSI_FINAL | ISCSI_LOGOUT_CONNECTION);
	put16(&m.h.logout.cid, 0);
	return m;
}

static struct made make_nop_out(struct rig_peer *p)
{
	return request(p, ISCSI_OP_NOP_OUT | ISCSI_IMMEDIATE, ISCSI_FINAL);
}

static struct made make_snack(struct rig_peer *p)
{
	return request(p, ISCSI_OP_SNACK_REQ, ISCSI_FINAL);
}

static const struct kind {
	struct made (*make)(struct rig_peer *p);
	enum hostile_place at;
	unsigned fate; /* when nothing is wrong with it */
} kinds[] = {
	{make_command, IN_NORMAL_SESSION, FATE_ANSWERED},
	{make_tmf, IN_NORMAL_SESSION, FATE_ANSWERED},
	{make_login, BEFORE_LOGIN, FATE_ANSWERED},
	{make_text, IN_NORMAL_SESSION, FATE_ANSWERED},
	{make_data_out, IN_NORMAL_SESSION, FATE_ANSWERED},
	{make_logout, IN_NORMAL_SESSION, FATE_ANSWERED | FATE_CLOSED},
	{make_nop_out, IN_NORMAL_SESSION, FATE_ANSWERED},
	{make_snack, IN_NORMAL_SESSION, FATE_REJECTED},
};
enum { COMMAND, TMF, LOGIN, TEXT, DATA_OUT, LOGOUT, NOP_OUT, SNACK, KINDS };

/* ---- their fields ---- */

/* Which values are right. */
enum fits {
	ALWAYS,
	ONLY,	/* `limit` alone */
	BUT,	/* all but `limit` */
	SINCE,	/* `limit` and above */
	AS_WAS, /* what the request had */
};

#define TAG_NONE ISCSI_TAG_NONE
#define REFUSED	 (FATE_ANSWERED | FATE_CLOSED)

/* clang-format off */
static const struct field {
	unsigned kind;
	const char *name;
	unsigned at, size;
	enum fits fits;
	uint64_t limit;
	unsigned otherwise; /* what becomes of it if the value does not fit */
} fields[] = {
	{COMMAND,  "reserved",    2, 2, ALWAYS, 0x8000,     0},
	{COMMAND,  "LUN",         8, 8, ALWAYS, 1ull << 48, 0},		/* sense 25/00 is an answer */
	{COMMAND,  "ITT",        16, 4, BUT,    TAG_NONE,   FATE_REJECTED},	/* 11.2.1.8 */
	{COMMAND,  "EDTL",       20, 4, SINCE,  RIG_BLOCK,  FATE_CLOSED},	/* 11.3.4, 11.3.7 */
	{COMMAND,  "CmdSN",      24, 4, AS_WAS, 118,        FATE_IGNORED | FATE_CLOSED},
	{COMMAND,  "ExpStatSN",  28, 4, ALWAYS, 1,          0},
	{TMF,      "reserved",    2, 2, ALWAYS, 0x8000,     0},
	{TMF,      "LUN",         8, 8, ALWAYS, 1ull << 48, 0},
	{TMF,      "ITT",        16, 4, ALWAYS, TAG_NONE,   0},
	{TMF,      "RefTaskTag", 20, 4, ALWAYS, TAG_NONE,   0},
	{TMF,      "CmdSN",      24, 4, ALWAYS, 118,        0},		/* immediate: 4.2.2.1 */
	{TMF,      "ExpStatSN",  28, 4, ALWAYS, 1,          0},
	{TMF,      "RefCmdSN",   32, 4, ALWAYS, 118,        0},
	{TMF,      "ExpDataSN",  36, 4, ALWAYS, 1,          0},
	{TMF,      "reserved",   40, 8, ALWAYS, 1,          0},
	{LOGIN,    "VersionMax",  2, 1, ALWAYS, 1,          0},
	{LOGIN,    "VersionMin",  3, 1, ONLY,   0,          REFUSED},		/* 11.12.4 */
	{LOGIN,    "ISID",        8, 6, ALWAYS, 1ull << 46, 0},
	{LOGIN,    "TSIH",       14, 2, ONLY,   0,          REFUSED},		/* 6.3.1 */
	{LOGIN,    "ITT",        16, 4, ALWAYS, TAG_NONE,   0},
	{LOGIN,    "CID",        20, 2, ALWAYS, 0x8000,     0},
	{LOGIN,    "reserved",   22, 2, ALWAYS, 0x8000,     0},
	{LOGIN,    "CmdSN",      24, 4, ALWAYS, 118,        0},
	{LOGIN,    "ExpStatSN",  28, 4, ALWAYS, 1,          0},
	{LOGIN,    "reserved",   32, 8, ALWAYS, 1,          0},
	{LOGIN,    "reserved",   40, 8, ALWAYS, 1,          0},
	{TEXT,     "reserved",    2, 2, ALWAYS, 0x8000,     0},
	{TEXT,     "LUN",         8, 8, ALWAYS, 1ull << 48, 0},
	{TEXT,     "ITT",        16, 4, ALWAYS, TAG_NONE,   0},
	{TEXT,     "TTT",        20, 4, ONLY,   TAG_NONE,   FATE_REJECTED},	/* 11.10.4 */
	{TEXT,     "CmdSN",      24, 4, ALWAYS, 118,        0},
	{TEXT,     "ExpStatSN",  28, 4, ALWAYS, 1,          0},
	{TEXT,     "reserved",   32, 8, ALWAYS, 1,          0},
	{TEXT,     "reserved",   40, 8, ALWAYS, 1,          0},
	{DATA_OUT, "reserved",    2, 2, ALWAYS, 0x8000,     0},
	{DATA_OUT, "LUN",         8, 8, ALWAYS, 1ull << 48, 0},		/* the tags name the task */
	{DATA_OUT, "ITT",        16, 4, AS_WAS, TAG_NONE,   FATE_CLOSED},
	{DATA_OUT, "TTT",        20, 4, AS_WAS, TAG_NONE,   FATE_IGNORED | FATE_CLOSED},
	{DATA_OUT, "reserved",   24, 4, ALWAYS, 1,          0},
	{DATA_OUT, "ExpStatSN",  28, 4, ALWAYS, 1,          0},
	{DATA_OUT, "reserved",   32, 4, ALWAYS, 1,          0},
	{DATA_OUT, "DataSN",     36, 4, ALWAYS, 1,          0},		/* the command fails */
	{DATA_OUT, "offset",     40, 4, ALWAYS, RIG_BLOCK,  0},		/* likewise */
	{DATA_OUT, "reserved",   44, 4, ALWAYS, 1,          0},
	{LOGOUT,   "reserved",    2, 2, ALWAYS, 0x8000,     0},
	{LOGOUT,   "reserved",    8, 8, ALWAYS, 1,          0},
	{LOGOUT,   "ITT",        16, 4, ALWAYS, TAG_NONE,   0},
	{LOGOUT,   "CID",        20, 2, ONLY,   0,          FATE_ANSWERED},	/* 11.15.1 */
	{LOGOUT,   "CmdSN",      24, 4, ALWAYS, 118,        0},
	{LOGOUT,   "ExpStatSN",  28, 4, ALWAYS, 1,          0},
	{LOGOUT,   "reserved",   32, 8, ALWAYS, 1,          0},
	{LOGOUT,   "reserved",   40, 8, ALWAYS, 1,          0},
	{NOP_OUT,  "reserved",    2, 2, ALWAYS, 0x8000,     0},
	{NOP_OUT,  "LUN",         8, 8, ALWAYS, 1ull << 48, 0},
	{NOP_OUT,  "ITT",        16, 4, BUT,    TAG_NONE,   FATE_IGNORED},	/* 11.18.1 */
	{NOP_OUT,  "TTT",        20, 4, ALWAYS, 1,          0},
	{NOP_OUT,  "CmdSN",      24, 4, ALWAYS, 118,        0},
	{NOP_OUT,  "ExpStatSN",  28, 4, ALWAYS, 1,          0},
	{NOP_OUT,  "reserved",   32, 8, ALWAYS, 1,          0},
	{NOP_OUT,  "reserved",   40, 8, ALWAYS, 1,          0},
	{SNACK,    "LUN",         8, 8, ALWAYS, 1ull << 48, 0},
	{SNACK,    "ITT",        16, 4, ALWAYS, TAG_NONE,   0},
	{SNACK,    "TTT",        20, 4, ALWAYS, TAG_NONE,   0},
	{SNACK,    "ExpStatSN",  28, 4, ALWAYS, 1,          0},
	{SNACK,    "BegRun",     40, 4, ALWAYS, 1,          0},
	{SNACK,    "RunLength",  44, 4, ALWAYS, 1,          0},
};
/* clang-format on */
#define FIELDS (sizeof(fields) / sizeof(*fields))

static uint64_t load(const uint8_t *p, unsigned size)
{
	uint64_t v = 0;
	while (size--)
		v = v << 8 | *p++;
	return v;
}

static void store(uint8_t *p, unsigned size, uint64_t v)
{
	while (size--) {
		p[size] = (uint8_t)v;
		v >>= 8;
	}
}

static bool fits(const struct field *f, uint64_t v, uint64_t was)
{
	switch (f->fits) {
	case ONLY:
		return v == f->limit;
	case BUT:
		return v != f->limit;
	case SINCE:
		return v >= f->limit;
	case AS_WAS:
		return v == was;
	default:
		return true;
	}
}

/* Any one of the fates of a set, or exactly the set: "answered and closed" is one end. */
static bool one_of(unsigned got, unsigned set)
{
	return got == set || ((set & FATE_IGNORED) && (got & set) == got);
}

static void try_value(const struct field *f, uint64_t v)
{
	const struct kind *k = &kinds[f->kind];
	struct rig_peer p = HOSTILE_PEER(&rig, k->at, "");
	struct made m = k->make(&p);
	uint64_t was = load(m.h.raw + f->at, f->size);

	v &= UINT64_MAX >> (64 - 8 * f->size);
	store(m.h.raw + f->at, f->size, v);
	rig_send(&p, &m.h, m.data, m.n);
	struct hostile_look look = hostile_look(&p, k->at);
	unsigned want = fits(f, v, was) ? k->fate : f->otherwise;
	ck_assert_msg(one_of(look.fate, want), "%02x: %s 0x%llx (was 0x%llx): %s", m.h.any.opcode,
		      f->name, (unsigned long long)v, (unsigned long long)was,
		      hostile_fate_text(look.fate));
	if (k->at == IN_NORMAL_SESSION && !(look.fate & FATE_CLOSED))
		hostile_serves(&p);
	hostile_leave(&p);
}

START_TEST(a_field_at_its_limits)
{
	unsigned n = 0;

	for (const struct field *f = fields; f < fields + FIELDS; f++) {
		if (f->kind != (unsigned)_i)
			continue;
		const uint64_t max = UINT64_MAX >> (64 - 8 * f->size);
		const uint64_t values[] = {
			0, 1, f->limit - 1, f->limit, f->limit + 1, max >> 1, (max >> 1) + 1, max};
		for (size_t i = 0; i < sizeof(values) / sizeof(*values); i++)
			try_value(f, values[i]);
		n++;
	}
	ck_assert_uint_ge(n, 6);
}
END_TEST

/* Every byte but the lengths, at values that no table thought of: whatever the fate, no harm. */
START_TEST(a_byte_of_a_header)
{
	static const uint8_t values[] = {0, 1, 0x7f, 0x80, 0xff};
	const struct kind *k = &kinds[_i];

	for (unsigned at = 8; at < ISCSI_BHS_LEN; at++) {
		for (size_t i = 0; i < sizeof(values); i++) {
			struct rig_peer p = HOSTILE_PEER(&rig, k->at, "InitialR2T=No");
			struct made m = k->make(&p);
			m.h.raw[at] = values[i];
			rig_send(&p, &m.h, m.data, m.n);
			struct hostile_look look = hostile_look(&p, k->at);
			ck_assert_uint_ne(look.fate, 0);
			if (k->at == IN_NORMAL_SESSION && !(look.fate & FATE_CLOSED))
				hostile_serves(&p);
			hostile_leave(&p);
		}
	}
}
END_TEST

/* 11.2.1.6, 13.12: judged when the header is there, before one byte of data came. */
START_TEST(a_data_segment_length_at_its_limits)
{
	const uint32_t max = _i == LOGIN ? ISCSI_LOGIN_DATA_MAX : MAX_RECV;
	const uint32_t lengths[] = {1, max - 1, max, max + 1, 0x7fffff, 0x800000, 0xffffff};

	for (size_t i = 0; i < sizeof(lengths) / sizeof(*lengths); i++) {
		struct rig_peer p = HOSTILE_PEER(&rig, kinds[_i].at, "");
		struct made m = kinds[_i].make(&p);
		put24(&m.h.any.data_len, lengths[i]);
		fake_feed(rig.engine, p.fd, &m.h, ISCSI_BHS_LEN);
		rig_run(&rig);
		if (lengths[i] > max)
			ck_assert_msg(rig_is_closed(&p), "length %u", lengths[i]);
		else if (_i != COMMAND && _i != LOGOUT) /* these end before their data */
			ck_assert_msg(!rig_is_closed(&p), "length %u", lengths[i]);
		hostile_leave(&p);
	}
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("bad_fields");
	TCase *t = tcase_create("bad_fields");

	tcase_set_timeout(t, 60);
	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_loop_test(t, a_field_at_its_limits, 0, KINDS);
	tcase_add_loop_test(t, a_byte_of_a_header, 0, KINDS);
	tcase_add_loop_test(t, a_data_segment_length_at_its_limits, 0, KINDS);
	suite_add_tcase(s, t);
	return s;
}

int main(void)
{
	return test_main(suite());
}
