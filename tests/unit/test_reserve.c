// SPDX-License-Identifier: MIT
/*
 * test_reserve.c - PERSISTENT RESERVE IN and OUT byte by byte: parameter lists that are right and
 * wrong, answers, limits, and the rule of every command of the table.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/test_main.h"
#include "scsi/pr_list.h"
#include "unit/scsi_fixture.h"

#define ME    "iqn.2026-01.org.memtgt:me,i,0x800000000001"
#define YOU   "iqn.2026-01.org.memtgt:you,i,0x800000000002"
#define THIRD "iqn.2026-01.org.memtgt:third,i,0x800000000003"

static struct scsi_nexus you;
static struct scsi_attentions ua[SCSI_LUNS_MAX];

static void name(struct scsi_nexus *n, const char *port)
{
	snprintf(n->port_name, sizeof(n->port_name), "%s", port);
}

static void setup(void)
{
	fx_open(512, true);
	name(&fx.nexus, ME);
	scsi_nexus_init(&you, &fx.target, ua);
	memset(ua, 0, sizeof(ua));
	name(&you, YOU);
	fx.others[0] = &you;
	fx.nothers = 1;
}

/* ---- lists ---- */

static uint8_t list[SCSI_BUF_SIZE + 64];

static void keys(uint64_t key, uint64_t new)
{
	memset(list, 0, sizeof(list));
	st64(list, key);
	st64(list + 8, new);
}

/* `tells`: PARAMETER LIST LENGTH; `has`: what the initiator sends. */
static void out(uint8_t action, uint8_t type, uint32_t tells, size_t has)
{
	uint8_t cdb[16] = {0x5f, action, type};

	st32(cdb + 5, tells);
	fx_run(cdb, list, has);
}

static void out24(uint8_t action, uint8_t type, uint64_t key, uint64_t new)
{
	keys(key, new);
	out(action, type, 24, 24);
}

static void as(struct scsi_nexus *n)
{
	fx.as = n;
}

static void conflict(void)
{
	ck_assert_uint_eq(fx.task.status, SCSI_RESERVATION_CONFLICT);
	ck_assert_uint_eq(fx.task.sense_len, 0);
}

/* What must be the same after what is refused. */
static void unchanged(uint32_t n, uint32_t generation)
{
	struct claims *c = scsi_claims_get(&fx.lus[0], NULL);

	ck_assert_uint_eq(c->n, n);
	ck_assert_uint_eq(c->generation, generation);
	free(c);
}

static void bad_list(unsigned byte)
{
	fx_sense(0x5, 0x26, 0x00);
	ck_assert_uint_eq(fx.task.sense[15], 0x80);
	ck_assert_uint_eq(ld16(fx.task.sense + 16), byte);
}

/* REGISTER with TransportIDs: n bytes of them are at list + 28. */
static void with_ids(size_t n)
{
	list[20] = 0x08;
	st32(list + 24, (uint32_t)n);
	out(CLAIM_REGISTER, 0, (uint32_t)(28 + n), 28 + n);
}

static size_t put_id(size_t at, const char *port)
{
	struct writer w = writer_of(list + at, sizeof(list) - at);

	pr_put_transport_id(&w, port);
	return writer_len(&w);
}

START_TEST(list_lengths)
{
	static const struct {
		uint32_t tells;
		size_t has;
	} wrong[] = {
		{0, 0},	       {0, 24},		  {1, 24},	     {23, 24},
		{23, 23},      {25, 25},	  {28, 28},	     {24, 0},
		{24, 23},      {24, 1},		  {8193, 8193},	     {8192, 8192},
		{65536, 8192}, {0x80000000u, 24}, {0xffffffffu, 24}, {0xffffffffu, 8192},
	};

	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		for (uint8_t action = 0; action < 8; action++) {
			keys(0, 7);
			out(action, 1, wrong[i].tells, wrong[i].has);
			fx_sense(0x5, 0x1a, 0x00);
			unchanged(0, 0);
		}
	}
	out24(CLAIM_REGISTER, 0, 0, 7);
	fx_good();
	unchanged(1, 1);
}
END_TEST

START_TEST(data_in_any_pieces)
{
	for (fx.chunk = 1; fx.chunk < 26; fx.chunk++) {
		out24(CLAIM_REGISTER_IGNORE, 0, 0, fx.chunk);
		fx_good();
		unchanged(1, (uint32_t)fx.chunk);
	}
}
END_TEST

START_TEST(right_transport_ids)
{
	size_t n;

	keys(0, 7);
	n = put_id(28, YOU);
	n += put_id(28 + n, "IQN.2026-01.org.memtgt:Third,i,0x80000000000A");
	with_ids(n);
	fx_good();
	unchanged(3, 1);
	ck_assert_str_eq(fx.lus[0].reserve.claims->at[2].port.name,
			 "iqn.2026-01.org.memtgt:third,i,0x80000000000a");
	as(&you); /* it is registered, and knows the key */
	out24(CLAIM_RESERVE, 1, 7, 0);
	fx_good();
}
END_TEST

/* Each of them alone, behind a right one: nothing of the list counts. */
START_TEST(wrong_transport_ids)
{
	static const struct {
		const char *what;
		unsigned format, len; /* byte 0; ADDITIONAL LENGTH, 0: as it should be */
		const char *text;
		bool no_nul;
	} wrong[] = {
		{"a node without ISID", 0x05, 0, "iqn.2026-01.org.memtgt:node", false},
		{"no ISID", 0x45, 0, "iqn.2026-01.org.memtgt:node", false},
		{"no name", 0x45, 0, ",i,0x800000000001", false},
		{"half a separator", 0x45, 0, "iqn.2026-01.org.memtgt:n,i,800000000001", false},
		{"a short ISID", 0x45, 0, "iqn.2026-01.org.memtgt:n,i,0x80000000001", false},
		{"a long ISID", 0x45, 0, "iqn.2026-01.org.memtgt:n,i,0x8000000000012", false},
		{"an ISID that is none", 0x45, 0, "iqn.2026-01.org.memtgt:n,i,0x80000000000g",
		 false},
		{"a blank", 0x45, 0, "iqn.2026-01.org memtgt:n,i,0x800000000001", false},
		{"empty", 0x45, 20, "", false},
		{"no NUL", 0x45, 40, "iqn.2026-01.org.memtgt,i,0x800000000009", true},
		{"a length of 16", 0x45, 16, "iqn,i,0x80000001", false},
		{"a length of no words", 0x45, 45, YOU, false},
		{"longer than the list", 0x45, 60, YOU, false},
		{"far longer", 0x45, 0xfffc, YOU, false},
		{"another protocol", 0x46, 0, YOU, false},
		{"a format that is none", 0x85, 0, YOU, false},
	};

	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		keys(0, 7);
		const size_t first = put_id(28, THIRD);
		uint8_t *id = list + 28 + first;
		size_t n = put_id(28 + first, wrong[i].text);
		if (wrong[i].len && wrong[i].len < 60)
			n = 4 + wrong[i].len;
		if (wrong[i].no_nul)
			memset(id + 4 + strlen(wrong[i].text), '1', n - 4 - strlen(wrong[i].text));
		id[0] = (uint8_t)wrong[i].format;
		if (wrong[i].len)
			st16(id + 2, (uint16_t)wrong[i].len);
		with_ids(first + n);
		bad_list((unsigned)(28 + first));
		unchanged(0, 0);
	}
	/* A name of 223 bytes fits, one of 224 does not. */
	for (size_t n = 223; n < 225; n++) {
		char text[300];
		memset(text, 'x', n);
		memcpy(text, "iqn.2026-01.org:", 16);
		snprintf(text + n, sizeof(text) - n, ",i,0x800000000001");
		keys(0, 7);
		with_ids(put_id(28, text));
		if (n == 223)
			fx_good();
		else
			bad_list(28);
		keys(7, 0);
		out(CLAIM_CLEAR, 0, 24, 24);
	}
}
END_TEST

/* TRANSPORTID PARAMETER DATA LENGTH against the list's; and a list cut anywhere. */
START_TEST(transport_id_lengths)
{
	for (int by = -28; by <= 28; by++) {
		keys(0, 7);
		size_t n = put_id(28, YOU);
		list[20] = 0x08;
		st32(list + 24, (uint32_t)((int)n + by));
		if (!by)
			continue;
		out(CLAIM_REGISTER, 0, (uint32_t)(28 + n), 28 + n);
		fx_sense(0x5, 0x1a, 0x00);
		unchanged(0, 0);
	}
	for (size_t cut = 24; cut < 80; cut++) {
		keys(0, 7);
		size_t n = put_id(28, YOU);
		list[20] = 0x08;
		st32(list + 24, 0xffffffffu);
		out(CLAIM_REGISTER, 0, (uint32_t)(cut < 28 + n ? cut : 28 + n), cut);
		fx_sense(0x5, 0x1a, 0x00);
		unchanged(0, 0);
	}
}
END_TEST

/* REGISTER of nobody's key by who has none: GOOD, and APTPL is what it was. SPC-4 5.12.7 */
START_TEST(nothing_to_register)
{
	as(&you);
	for (uint8_t action = 0; action < 7; action += 6) {
		keys(0, 0);
		list[20] = 0x01;
		out(action, 0, 24, 24);
		fx_good();
		unchanged(0, 0);
		ck_assert(!fx.lus[0].reserve.claims->aptpl);
	}
	as(NULL);
	keys(0, 7);
	list[20] = 0x01;
	out(CLAIM_REGISTER, 0, 24, 24);
	as(&you);
	for (uint8_t action = 0; action < 7; action += 6) {
		out24(action, 0, 0, 0);
		fx_good();
		unchanged(1, 1);
		ck_assert(fx.lus[0].reserve.claims->aptpl);
	}
}
END_TEST

START_TEST(who_is_named_twice)
{
	keys(0, 7);
	with_ids(put_id(28, ME));
	bad_list(24);
	keys(0, 7);
	with_ids(put_id(28, "iqn.2026-01.ORG.MEMTGT:me,i,0x800000000001"));
	bad_list(24);
	keys(0, 7);
	size_t n = put_id(28, YOU);
	n += put_id(28 + n, YOU);
	with_ids(n);
	bad_list(24);
	unchanged(0, 0);
	as(&you);
	out24(CLAIM_REGISTER, 0, 0, 8);
	as(NULL);
	keys(0, 7);
	with_ids(put_id(28, YOU));
	conflict();
	unchanged(1, 1);
}
END_TEST

START_TEST(spec_i_pt_belongs_to_the_first_register)
{
	out24(CLAIM_REGISTER, 0, 0, 7);
	for (uint8_t action = 0; action < 7; action++) {
		keys(7, 7);
		list[20] = 0x08;
		if (action == CLAIM_REGISTER)
			with_ids(put_id(28, YOU));
		else
			out(action, 1, 24, 24);
		bad_list(20);
	}
	unchanged(1, 1);
}
END_TEST

/* ---- REGISTER AND MOVE ---- */

static void move_to(const char *port, uint8_t flags, uint16_t relative, int more)
{
	size_t n = put_id(24, port);

	list[17] = flags;
	st16(list + 18, relative);
	st32(list + 20, (uint32_t)((int)n + more));
	out(CLAIM_REGISTER_MOVE, 0, (uint32_t)(24 + n), 24 + n);
}

START_TEST(register_and_move)
{
	out24(CLAIM_REGISTER, 0, 0, 7);
	keys(7, 9);
	move_to(YOU, 0, 1, 0); /* it holds nothing */
	conflict();
	out24(CLAIM_RESERVE, 1, 7, 0);
	keys(7, 9);
	move_to(YOU, 0, 2, 0);
	bad_list(18);
	keys(7, 9);
	move_to(ME, 0, 1, 0);
	bad_list(24);
	keys(7, 0);
	move_to(YOU, 0, 1, 0);
	bad_list(8);
	for (int by = -4; by <= 4; by += 8) {
		keys(7, 9);
		move_to(YOU, 0, 1, by);
		fx_sense(0x5, 0x1a, 0x00);
	}
	keys(7, 9);
	move_to("iqn.2026-01.org.memtgt:you", 0, 1, 0);
	bad_list(24);
	unchanged(1, 1);

	keys(7, 9);
	move_to(YOU, 2, 1, 0);
	fx_good();
	unchanged(1, 2);
	as(&you);
	out24(CLAIM_RELEASE, 1, 9, 0);
	fx_good();
	ck_assert_uint_eq(ua[0].n, 0);
}
END_TEST

/* Through each portal group the target is another port: SPC-4 5.12.8. */
START_TEST(move_to_another_target_port)
{
	fx.target.port_groups = 1u << 1 | 1u << 3;
	out24(CLAIM_REGISTER, 0, 0, 7);
	out24(CLAIM_RESERVE, 1, 7, 0);
	static const uint16_t none[] = {0, 2, 63, 64, 65, 67, 0xffff};
	for (size_t i = 0; i < sizeof(none) / sizeof(none[0]); i++) {
		keys(7, 9);
		move_to(YOU, 2, none[i], 0);
		bad_list(18);
	}
	unchanged(1, 1);
	keys(7, 9);
	move_to(ME, 0, 3, 0); /* the same initiator, by the other port */
	fx_good();
	unchanged(2, 2);
	fx.nexus.port_group = 3;
	keys(9, 5);
	move_to(YOU, 2, 3, 0);
	fx_good();
	unchanged(2, 3);
	as(&you);
	out24(CLAIM_RELEASE, 1, 5, 0); /* by port 1 it is nobody */
	conflict();
	you.port_group = 3;
	out24(CLAIM_RELEASE, 1, 5, 0);
	fx_good();
	ck_assert_int_eq(fx.lus[0].reserve.claims->type, CLAIM_NONE);
}
END_TEST

/* ---- limits ---- */

static void register_many(uint32_t from, uint32_t to)
{
	struct scsi_nexus n = fx.nexus;

	as(&n);
	for (uint32_t i = from; i < to; i++) {
		snprintf(n.port_name, sizeof(n.port_name),
			 "iqn.2026-01.org.memtgt:many,i,0x8000%08x", i);
		out24(CLAIM_REGISTER, 0, 0, i + 1);
	}
	as(NULL);
}

/* Also 17, where SPDK's array ended: CVE-2025-57275. */
START_TEST(limit_of_registrants)
{
	static const uint32_t limits[] = {0, 1, 2, 16, 17, SCSI_REGISTRANTS_MAX};
	const uint32_t given = limits[_i];
	const uint32_t limit = given ? given : SCSI_REGISTRANTS_DEFAULT;

	fx.lus[0].reserve.max = given;
	register_many(0, limit - 1);
	unchanged(limit - 1, limit - 1);
	keys(0, 7); /* two for one place: neither */
	with_ids(put_id(28, YOU));
	fx_sense(0x5, 0x55, 0x04);
	unchanged(limit - 1, limit - 1);
	register_many(limit - 1, limit);
	fx_good();
	register_many(limit, limit + 1);
	fx_sense(0x5, 0x55, 0x04);
	unchanged(limit, limit);

	fx_run(CDB(0x5e, 0, 0, 0, 0, 0, 0, 0xff, 0xff), NULL, 0);
	fx_good();
	ck_assert_uint_eq(fx.in_len, 8 + 8 * limit);
	for (uint32_t i = 0; i < limit; i++)
		ck_assert_uint_eq(ld64(fx.in + 8 + (size_t)8 * i), i + 1);
	/* The length tells all of them, also where the answer is cut. */
	fx_run(CDB(0x5e, 3, 0, 0, 0, 0, 0, 0xff, 0xff), NULL, 0);
	fx_good();
	const uint32_t all = 8 + ld32(fx.in + 4);
	ck_assert_uint_eq(all, 8 + limit * 76);
	ck_assert_uint_eq(fx.in_len, all < 65535 ? all : 65535);
}
END_TEST

/* ---- answers ---- */

START_TEST(answers_cut_at_every_length)
{
	for (uint8_t sa = 0; sa < 4; sa++)
		fx_every_allocation(CDB(0x5e, sa), 7, 2);
	out24(CLAIM_REGISTER, 0, 0, 7);
	out24(CLAIM_RESERVE, 5, 7, 0);
	for (uint8_t sa = 0; sa < 4; sa++)
		fx_every_allocation(CDB(0x5e, sa), 7, 2);
}
END_TEST

START_TEST(what_answers_say)
{
	fx_run(CDB(0x5e, 1, 0, 0, 0, 0, 0, 1, 0), NULL, 0);
	fx_good();
	ck_assert_uint_eq(fx.in_len, 8); /* nobody holds it */
	keys(0, 7);
	list[20] = 0x05; /* ALL_TG_PT, APTPL */
	out(CLAIM_REGISTER, 0, 24, 24);
	fx_good();
	out24(CLAIM_RESERVE, 5, 7, 0);

	fx_run(CDB(0x5e, 1, 0, 0, 0, 0, 0, 1, 0), NULL, 0);
	ck_assert_uint_eq(fx.in_len, 24);
	ck_assert_mem_eq(fx.in, ((uint8_t[24]){0, 0, 0, 1, 0, 0, 0, 16, [15] = 7, [21] = 5}), 24);
	fx_run(CDB(0x5e, 2, 0, 0, 0, 0, 0, 1, 0), NULL, 0);
	ck_assert_uint_eq(fx.in_len, 8);
	ck_assert_mem_eq(fx.in, ((uint8_t[8]){0, 8, 0x1d, 0xb1, 0xea, 0x01}), 8);
	fx_run(CDB(0x5e, 3, 0, 0, 0, 0, 0, 1, 0), NULL, 0);
	const size_t id = pr_transport_id_len(ME);
	ck_assert_uint_eq(fx.in_len, 8 + 24 + id);
	ck_assert_uint_eq(ld64(fx.in + 8), 7);
	ck_assert_uint_eq(fx.in[20], 0x03); /* R_HOLDER, ALL_TG_PT */
	ck_assert_uint_eq(fx.in[21], 5);
	ck_assert_uint_eq(ld32(fx.in + 28), id);
	ck_assert_uint_eq(fx.in[32], 0x45);
	ck_assert_str_eq((char *)fx.in + 36, ME);
	/* All registrants: no one's key. */
	out24(CLAIM_RELEASE, 5, 7, 0);
	out24(CLAIM_RESERVE, 7, 7, 0);
	fx_run(CDB(0x5e, 1, 0, 0, 0, 0, 0, 1, 0), NULL, 0);
	ck_assert_uint_eq(ld64(fx.in + 8), 0);
}
END_TEST

START_TEST(no_buffer)
{
	fx_close();
	setup();
	/* It has all that one may have. */
	fx.nexus.wholes = SCSI_WHOLES_OF;
	fx_run(CDB(0x5e, 3, 0, 0, 0, 0, 0, 1, 0), NULL, 0);
	ck_assert_uint_eq(fx.task.status, SCSI_BUSY);
	fx.nexus.wholes = SCSI_WHOLES_OF - 1;
	fx_run(CDB(0x5e, 3, 0, 0, 0, 0, 0, 1, 0), NULL, 0);
	fx_good();
	ck_assert_uint_eq(fx.nexus.wholes, SCSI_WHOLES_OF - 1);
	fx.nexus.wholes = 0;
	uint8_t *held[SCSI_WHOLES];
	for (unsigned i = 0; i < SCSI_WHOLES; i++)
		held[i] = arena_get(&fx.worker.wholes);
	fx_run(CDB(0x5e, 3, 0, 0, 0, 0, 0, 1, 0), NULL, 0);
	ck_assert_uint_eq(fx.task.status, SCSI_BUSY);
	for (unsigned i = 0; i < SCSI_WHOLES; i++)
		arena_put(&fx.worker.wholes, held[i]);
}
END_TEST

/* ---- the rule of every command ---- */

/* SPC-4 table 66, SBC-3 table 13: who is no registrant, against the types Write Exclusive and
 * Exclusive Access; SPC-2 table 9: against RESERVE of another. a(llowed), c(onflict). */
static const struct rule {
	uint8_t opcode;
	int sa;
	const char *rule;
} rules[] = {
	{0x00, SA_NONE, "aac"}, {0x03, SA_NONE, "aaa"}, {0x08, SA_NONE, "acc"},
	{0x0a, SA_NONE, "ccc"}, {0x12, SA_NONE, "aaa"}, {0x16, SA_NONE, "ccc"},
	{0x17, SA_NONE, "cca"}, {0x1a, SA_NONE, "acc"}, {0x1b, SA_NONE, "aaa"},
	{0x25, SA_NONE, "aaa"}, {0x28, SA_NONE, "acc"}, {0x2a, SA_NONE, "ccc"},
	{0x2e, SA_NONE, "ccc"}, {0x2f, SA_NONE, "acc"}, {0x34, SA_NONE, "acc"},
	{0x35, SA_NONE, "ccc"}, {0x37, SA_NONE, "acc"}, {0x41, SA_NONE, "ccc"},
	{0x42, SA_NONE, "ccc"}, {0x4d, SA_NONE, "aaa"}, {0x56, SA_NONE, "ccc"},
	{0x57, SA_NONE, "cca"}, {0x5a, SA_NONE, "acc"}, {0x5e, 0, "aac"},
	{0x5e, 1, "aac"},	{0x5e, 2, "aac"},	{0x5e, 3, "aac"},
	{0x88, SA_NONE, "acc"}, {0x8a, SA_NONE, "ccc"}, {0x8e, SA_NONE, "ccc"},
	{0x8f, SA_NONE, "acc"}, {0x90, SA_NONE, "acc"}, {0x91, SA_NONE, "ccc"},
	{0x93, SA_NONE, "ccc"}, {0x9e, 0x10, "aaa"},	{0x9e, 0x12, "acc"},
	{0xa0, SA_NONE, "aaa"}, {0xa3, 0x0c, "acc"},	{0xa8, SA_NONE, "acc"},
	{0xaa, SA_NONE, "ccc"}, {0xae, SA_NONE, "ccc"}, {0xaf, SA_NONE, "acc"},
	{0xb7, SA_NONE, "acc"},
};

/* A command that the list does not know writes, for all we know. */
static const char *rule_of(const struct scsi_op *op)
{
	for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]); i++)
		if (rules[i].opcode == op->opcode && rules[i].sa == op->sa)
			return rules[i].rule;
	return "ccc";
}

static void run_plain(const struct scsi_op *op)
{
	uint8_t c[16], data[512] = {0};

	fx_cdb(c, op->opcode, 0, 0, 1);
	if (op->sa != SA_NONE)
		c[1] = (uint8_t)op->sa;
	for (unsigned i = 1; i < op->cdb_len; i++)
		c[i] &= op->usage[i];
	fx_run(c, data, op->flags & SCSI_OP_WRITES ? sizeof(data) : 0);
}

static void check_rules(unsigned column)
{
	unsigned refused = 0;

	for (size_t i = 0; i < scsi_ops_count; i++) {
		const struct scsi_op *op = &scsi_ops[i];

		if (op->opcode == 0x5f)
			continue; /* has rules of its own: the model */
		as(&you);
		run_plain(op);
		const bool is_conflict = fx.task.status == SCSI_RESERVATION_CONFLICT;
		ck_assert_msg(is_conflict == (rule_of(op)[column] == 'c'), "%s", op->name);
		refused += is_conflict;
		as(NULL);
		run_plain(op);
		ck_assert_uint_ne(fx.task.status, SCSI_RESERVATION_CONFLICT);
	}
	ck_assert_uint_gt(refused, 5);
}

START_TEST(rules_of_commands)
{
	static const uint8_t types[2][3] = {{1, 5, 7}, {3, 6, 8}};

	out24(CLAIM_REGISTER, 0, 0, 7);
	for (unsigned column = 0; column < 2; column++) {
		for (unsigned k = 0; k < 3; k++) {
			out24(CLAIM_RESERVE, types[column][k], 7, 0);
			fx_good();
			check_rules(column);
			out24(CLAIM_RELEASE, types[column][k], 7, 0);
		}
	}
	out24(CLAIM_REGISTER, 0, 7, 0);
	fx_run(CDB(0x16), NULL, 0);
	fx_good();
	/* RELEASE stands in the list, so each row has it anew. */
	for (size_t i = 0; i < scsi_ops_count; i++) {
		const struct scsi_op *op = &scsi_ops[i];
		if (op->opcode == 0x5f)
			continue;
		as(&you);
		run_plain(op);
		ck_assert_msg((fx.task.status == SCSI_RESERVATION_CONFLICT) ==
				      (rule_of(op)[2] == 'c'),
			      "%s", op->name);
	}
}
END_TEST

/* Two LUs have nothing to do with each other. */
START_TEST(reserved_is_one_lu)
{
	out24(CLAIM_REGISTER, 0, 0, 7);
	out24(CLAIM_RESERVE, 3, 7, 0);
	as(&you);
	fx_run(CDB(0x28, 0, 0, 0, 0, 0, 0, 0, 1), NULL, 0);
	conflict();
	fx_run_on((const uint8_t[8]){0, 5}, CDB(0x28, 0, 0, 0, 0, 0, 0, 0, 1), NULL, 0);
	fx_good();
}
END_TEST

/* Who had registered is not known: nobody uses it, or becomes one who may, until it is cleared from
 * outside; what tells only of the LU goes on. */
START_TEST(nobody_gets_in_while_claims_are_lost)
{
	struct claims *c = claims_new(0);
	struct scsi_fence f = {.target = NULL};

	c->lost = true;
	scsi_claims_set(&fx.lus[0], c);
	for (int i = 0; i < 2; i++) {
		as(i ? &you : &fx.nexus);
		fx_run_range(0x28, 0, 0, 1, NULL);
		conflict();
		fx_run_range(0x2a, 0, 0, 1, list);
		conflict();
		out24(CLAIM_REGISTER, 0, 0, 5);
		conflict();
		out24(CLAIM_REGISTER_IGNORE, 0, 0, 5);
		conflict();
		out24(CLAIM_CLEAR, 0, 0, 0);
		conflict();
		fx_run((const uint8_t[16]){0x16}, NULL, 0);
		conflict();
		fx_run((const uint8_t[16]){0x17}, NULL, 0);
		conflict();
		fx_run((const uint8_t[16]){0x00}, NULL, 0);
		fx_good();
	}
	unchanged(0, 0);
	ck_assert_int_eq(scsi_claims_clear(&fx.target, &fx.lus[0], &f), 0);
	f.release(&f);
	fx_run_range(0x28, 0, 0, 1, NULL);
	fx_good();
	out24(CLAIM_REGISTER, 0, 0, 5);
	fx_good();
}
END_TEST

/* ---- who may only read ---- */

/* It may know, and change nothing: it could keep the writers out, or have the LU emptied. */
START_TEST(read_only_initiator_claims_nothing)
{
	static const uint8_t six[] = {0x16, 0x17, 0x56, 0x57};

	out24(CLAIM_REGISTER, 0, 0, 7);
	scsi_lun_map_whole(&you.luns, true);
	as(&you);
	for (uint8_t action = 0; action < 8; action++) {
		out24(action, 1, action == CLAIM_REGISTER ? 0 : 7, 7);
		fx_sense(0x7, 0x27, 0x00);
	}
	for (size_t i = 0; i < sizeof(six); i++) {
		fx_run(CDB(six[i]), NULL, 0);
		fx_sense(0x7, 0x27, 0x00);
	}
	unchanged(1, 1);
	ck_assert_uint_eq(fx.fences, 1);
	fx_run(CDB(0x5e, 0, 0, 0, 0, 0, 0, 1, 0), NULL, 0);
	fx_good();
	/* It is that LUN alone. */
	scsi_lun_map_none(&you.luns);
	scsi_lun_map_add(&you.luns, 0, 0, false);
	scsi_lun_map_add(&you.luns, 5, 5, true);
	out24(CLAIM_REGISTER, 0, 0, 8);
	fx_good();
	fx_run_on((const uint8_t[8]){0, 5}, CDB(0x16), NULL, 0);
	fx_sense(0x7, 0x27, 0x00);
}
END_TEST

/* An operator's protection is of the data: a cluster goes on with who may use it. */
START_TEST(read_only_lun_is_claimed)
{
	fx.lus[0].read_only = true;
	out24(CLAIM_REGISTER, 0, 0, 7);
	fx_good();
	out24(CLAIM_RESERVE, 1, 7, 0);
	fx_good();
	out24(CLAIM_CLEAR, 0, 7, 0);
	fx_good();
	fx_run(CDB(0x16), NULL, 0);
	fx_good();
	fx_run(CDB(0x17), NULL, 0);
	fx_good();
}
END_TEST

/* ---- answers while not all were told ---- */

static struct scsi_fence elsewhere(enum claim_action action, unsigned type, uint64_t key,
				   uint64_t new)
{
	const struct claim_request q = {.action = action, .type = type, .key = key, .new_key = new};
	struct scsi_fence f = {.target = NULL};

	ck_assert_int_eq(scsi_claims_change(&fx.lus[0], &fx.nexus, &q, &f).outcome, SENSE_OK);
	ck_assert_ptr_nonnull(f.tell);
	return f;
}

/* What speaks of the change and makes none: how many of these answers wait for others. */
static unsigned waiting(void)
{
	const unsigned before = fx.fences;

	as(&you);
	fx_run(CDB(0x5e, 0, 0, 0, 0, 0, 0, 1, 0), NULL, 0);
	fx_good();
	ck_assert_uint_eq(fx.in_len, 24);
	ck_assert_uint_eq(ld64(fx.in + 8), 7);
	fx_run(CDB(0x5e, 1, 0, 0, 0, 0, 0, 1, 0), NULL, 0);
	fx_good();
	ck_assert_uint_eq(fx.in_len, 24);
	fx_run(CDB(0x5e, 3, 0, 0, 0, 0, 0, 1, 0), NULL, 0);
	fx_good();
	out24(CLAIM_RESERVE, CLAIM_EXCLUSIVE_ALL, 8, 0);
	fx_good();
	out24(CLAIM_PREEMPT, CLAIM_EXCLUSIVE_ALL, 9, 7);
	conflict();
	fx_run(CDB(0x16), NULL, 0);
	fx_good();
	as(NULL);
	return fx.fences - before;
}

/* None overtakes the change that it speaks of. */
START_TEST(answers_wait_for_the_fence)
{
	out24(CLAIM_REGISTER, 0, 0, 7);
	as(&you);
	out24(CLAIM_REGISTER, 0, 0, 8);
	struct scsi_fence f = elsewhere(CLAIM_RESERVE, CLAIM_EXCLUSIVE_ALL, 7, 0);
	ck_assert_uint_eq(waiting(), 6);
	f.release(&f);
	ck_assert_uint_eq(waiting(), 0);

	out24(CLAIM_CLEAR, 0, 7, 0);
	memset(ua, 0, sizeof(ua));
	struct scsi_fence six = {.target = NULL};
	ck_assert_int_eq(scsi_reserve(&fx.lus[0], &fx.nexus, &six).outcome, SENSE_OK);
	for (unsigned told = 0; told < 2; told++) {
		const unsigned before = fx.fences;
		fx_run(CDB(0x16), NULL, 0);
		fx_good();
		as(&you);
		fx_run(CDB(0x56), NULL, 0);
		conflict();
		out24(CLAIM_REGISTER, 0, 0, 8);
		conflict();
		as(NULL);
		ck_assert_uint_eq(fx.fences - before, told ? 0 : 3);
		if (!told)
			six.release(&six);
	}
}
END_TEST

/* The LU may be gone when the last one is told. */
START_TEST(fence_outlives_the_lu)
{
	struct scsi_fence f = elsewhere(CLAIM_REGISTER, 0, 0, 7);
	struct scsi_fence g = elsewhere(CLAIM_REGISTER, 0, 7, 0);

	f.release(&f);
	scsi_reserve_free(&fx.lus[0]);
	g.release(&g);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("reserve");
	TCase *tc = tcase_create("reserve");

	tcase_add_checked_fixture(tc, setup, fx_close);
	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, list_lengths);
	tcase_add_test(tc, data_in_any_pieces);
	tcase_add_test(tc, right_transport_ids);
	tcase_add_test(tc, wrong_transport_ids);
	tcase_add_test(tc, transport_id_lengths);
	tcase_add_test(tc, nothing_to_register);
	tcase_add_test(tc, who_is_named_twice);
	tcase_add_test(tc, spec_i_pt_belongs_to_the_first_register);
	tcase_add_test(tc, register_and_move);
	tcase_add_test(tc, move_to_another_target_port);
	tcase_add_loop_test(tc, limit_of_registrants, 0, 6);
	tcase_add_test(tc, answers_cut_at_every_length);
	tcase_add_test(tc, what_answers_say);
	tcase_add_test(tc, no_buffer);
	tcase_add_test(tc, rules_of_commands);
	tcase_add_test(tc, reserved_is_one_lu);
	tcase_add_test(tc, nobody_gets_in_while_claims_are_lost);
	tcase_add_test(tc, read_only_initiator_claims_nothing);
	tcase_add_test(tc, read_only_lun_is_claimed);
	tcase_add_test(tc, answers_wait_for_the_fence);
	tcase_add_test(tc, fence_outlives_the_lu);
	suite_add_tcase(s, tc);
	return s;
}

int main(void)
{
	return test_main(suite());
}
