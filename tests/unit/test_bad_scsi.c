// SPDX-License-Identifier: MIT
/*
 * test_bad_scsi.c - commands that broke other targets, over a whole session. Each test is named for
 * its source: see tests/HOSTILE.md.
 */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "lib/hostile.h"
#include "lib/test_main.h"
#include "store/store.h"

#define BAD_OPCODE  0x052000u
#define OUT_OF_LBAS 0x052100u
#define GIB	    ((uint64_t)1 << 30)
#define COUNT(a)    (sizeof(a) / sizeof(*(a)))

static struct rig rig;

static void setup(void)
{
	log_set_level(LOG_LEVEL_ERROR);
	rig_init(&rig);
}

static void teardown(void)
{
	rig_stop(&rig);
}

static struct rig_peer begin(void)
{
	rig_start(&rig);
	return HOSTILE_PEER(&rig, IN_NORMAL_SESSION, "");
}

static const struct hostile_end *run(struct rig_peer *p, const uint8_t cdb[static 16],
				     uint8_t flags, uint32_t edtl, const void *out)
{
	struct bhs_scsi_cmd c = rig_command(p, flags, edtl);
	memcpy(c.cdb, cdb, sizeof(c.cdb));
	return hostile_run(p, &c, out, out ? edtl : 0);
}

static void write_blocks(struct rig_peer *p, uint32_t lba, uint16_t blocks, uint8_t v)
{
	static uint8_t data[1 << 20];
	struct bhs_scsi_cmd c = rig_command(p, ISCSI_CMD_WRITE, blocks * RIG_BLOCK);

	memset(data, v, sizeof(data));
	rig_rw10(&c, true, lba, blocks);
	ck_assert_uint_eq(hostile_run(p, &c, data, blocks * RIG_BLOCK)->status, SCSI_GOOD);
}

struct range {
	uint64_t lba;
	uint32_t blocks;
};

static const struct hostile_end *unmap(struct rig_peer *p, const struct range *r, unsigned n)
{
	uint8_t list[8 + 16 * 4] = {0}, cdb[16] = {0x42};
	uint32_t len = 8 + 16 * n;

	st16(list, (uint16_t)(len - 2));
	st16(list + 2, (uint16_t)(16 * n));
	for (unsigned i = 0; i < n; i++) {
		st64(list + 8 + 16 * i, r[i].lba);
		st32(list + 8 + 16 * i + 8, r[i].blocks);
	}
	st16(cdb + 7, (uint16_t)len);
	return run(p, cdb, ISCSI_CMD_WRITE, len, list);
}

/* WRITE SAME(16) with one block of zeroes, UNMAP set. */
static uint8_t write_same_unmap(struct rig_peer *p, uint64_t lba, uint32_t blocks)
{
	uint8_t cdb[16] = {0x93, 0x08};

	st64(cdb + 2, lba);
	st32(cdb + 10, blocks);
	return run(p, cdb, ISCSI_CMD_WRITE, RIG_BLOCK, NULL)->status;
}

/* ---- what was never written, and what was given back ---- */

static void fill_all(struct rig_peer *p, uint8_t v)
{
	for (uint32_t lba = 0; lba < RIG_BLOCKS; lba += 1024)
		write_blocks(p, lba, 1024, v);
}

static void check_all(struct rig_peer *p, uint8_t v)
{
	for (uint32_t lba = 0; lba < RIG_BLOCKS; lba += 1024)
		rig_check_blocks(p, lba, 1024, v);
}

START_TEST(bad_input_cve_2014_4027_fresh_memory_is_zero)
{
	rig.thin = _i;
	rig_start(&rig);
	struct rig_peer p =
		HOSTILE_PEER(&rig, IN_NORMAL_SESSION, "MaxRecvDataSegmentLength=262144");

	check_all(&p, 0);
	fill_all(&p, 0xee);
	check_all(&p, 0xee);
	ck_assert_uint_eq(unmap(&p, &(struct range){0, RIG_BLOCKS}, 1)->status, SCSI_GOOD);
	check_all(&p, 0);
	/* Pages that were another place of the medium: one block is written, its neighbours are
	 * zero. */
	write_blocks(&p, 5000, 1, 0x77);
	rig_check_blocks(&p, 4096, 904, 0);
	rig_check_blocks(&p, 5001, 1024, 0);
	fill_all(&p, 0xee);
	ck_assert_uint_eq(write_same_unmap(&p, 0, RIG_BLOCKS), SCSI_GOOD);
	check_all(&p, 0);
	hostile_leave(&p);
}
END_TEST

/* A buffer that held what one command sent is not what another gets: the same answer whatever was
 * in it before. REQUEST SENSE (CVE-2024-43110), READ BUFFER (CVE-2024-8178). */
START_TEST(bad_input_cve_2024_43110_no_bytes_of_other_commands)
{
	static const struct {
		uint8_t cdb[16];
		bool known;
	} rows[] = {
		{{0x03, 0, 0, 0, 255}, true},
		{{0x03, 1, 0, 0, 255}, true},
		{{0x12, 0, 0, 255, 255}, true},
		{{0x12, 1, 0x00, 255, 255}, true},
		{{0x12, 1, 0x80, 255, 255}, true},
		{{0x12, 1, 0x83, 255, 255}, true},
		{{0x12, 1, 0xb0, 255, 255}, true},
		{{0x12, 1, 0xb1, 255, 255}, true},
		{{0x12, 1, 0xb2, 255, 255}, true},
		{{0x1a, 0, 0x3f, 0xff, 255}, true},
		{{0x5a, 0x10, 0x3f, 0xff, 0, 0, 0, 255, 255}, true},
		{{0x25}, true},
		{{0x9e, 0x10, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 255, 255}, true},
		{{0x9e, 0x12, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 255, 255}, true},
		{{0xa0, 0, 0, 0, 0, 0, 0, 0, 255, 255}, true},
		{{0xa3, 0x0c, 0x80, 0, 0, 0, 0, 0, 255, 255}, true},
		{{0x37, 0, 0x08, 0, 0, 0, 0, 255, 255}, true},
		{{0xb7, 0x08, 0, 0, 0, 0, 0, 0, 255, 255}, true},
		{{0x3c, 2, 0, 0, 0, 0, 0, 255, 255}, false},
	};
	struct hostile_end first = {0};
	struct rig_peer p = begin();

	for (int v = 1; v < 256; v += 127) {
		/* UNMAP with a list of 8192 bytes that is refused fills a buffer. */
		uint8_t cdb[16] = {0x42, 0, 0, 0, 0, 0, 0, 0x20, 0};
		uint8_t list[8192];
		memset(list, v, sizeof(list));
		ck_assert_uint_ne(run(&p, cdb, ISCSI_CMD_WRITE, sizeof(list), list)->status,
				  SCSI_GOOD);
		const struct hostile_end *e = run(&p, rows[_i].cdb, ISCSI_CMD_READ, 65535, NULL);
		ck_assert_int_eq(e->len != 0, rows[_i].known);
		if (v == 1)
			first = *e;
		ck_assert_uint_eq(e->len, first.len);
		ck_assert_mem_eq(e->data, first.data, e->len < 8192 ? e->len : 8192);
	}
	hostile_leave(&p);
}
END_TEST

/* ---- ranges ---- */

/* SBC-3 5.28.2: nothing is unmapped, whatever stood before the bad descriptor. tgt ORs the errors
 * of descriptors after it has begun (F3). */
START_TEST(bad_input_lio_unmap_overflow)
{
	static const struct range rows[] = {
		{UINT64_MAX, 2},	  {UINT64_MAX, 1},
		{UINT64_MAX, UINT32_MAX}, {UINT64_MAX - 1, 2},
		{1, UINT32_MAX},	  {RIG_BLOCKS, 1},
		{RIG_BLOCKS - 1, 2},	  {RIG_BLOCKS + 1, 0},
		{0, RIG_BLOCKS + 1},	  {1ull << 55, 1},
		{(1ull << 55) - 1, 1},	  {1ull << 32, RIG_BLOCKS},
		{UINT64_MAX >> 9, 1},	  {(UINT64_MAX >> 9) + 1, 8},
		{1ull << 63, UINT32_MAX},
	};
	struct rig_peer p = begin();

	write_blocks(&p, 0, 8, 0x22);
	for (unsigned before = 0; before < 3; before++) {
		struct range r[3] = {{0, 4}, {4, 4}};
		r[before] = rows[_i];
		const struct hostile_end *e = unmap(&p, r, before + 1);
		ck_assert_uint_eq(e->sense, OUT_OF_LBAS);
		rig_check_blocks(&p, 0, 8, 0x22);
	}
	hostile_serves(&p);
	hostile_leave(&p);
}
END_TEST

/* tgt keeps byte lengths in 32 bits: GOOD, and nothing was freed. */
START_TEST(bad_input_f1_unmap_of_8_gib)
{
	const uint32_t blocks = (uint32_t)(8 * GIB / RIG_BLOCK);
	const struct range two[] = {{0, blocks}, {blocks, 1}};

	rig.thin = true;
	rig.blocks = 16 * GIB / RIG_BLOCK;
	rig.pool = 8 << 21;
	struct rig_peer p = begin();
	write_blocks(&p, 0, 8, 0x31);
	write_blocks(&p, blocks / 2, 8, 0x32);
	write_blocks(&p, blocks - 8, 8, 0x33);
	write_blocks(&p, blocks, 8, 0x34);
	ck_assert_uint_eq(store_lun_pages(rig.lu.store), 4);
	if (_i)
		ck_assert_uint_eq(write_same_unmap(&p, 0, blocks), SCSI_GOOD);
	else
		ck_assert_uint_eq(unmap(&p, two, 2)->status, SCSI_GOOD);
	ck_assert_uint_eq(store_lun_pages(rig.lu.store), 1);
	rig_check_blocks(&p, 0, 8, 0);
	rig_check_blocks(&p, blocks / 2, 8, 0);
	rig_check_blocks(&p, blocks - 8, 8, 0);
	rig_check_blocks(&p, blocks, 1, _i ? 0x34 : 0);
	rig_check_blocks(&p, blocks + 1, 7, 0x34);
	hostile_leave(&p);
}
END_TEST

START_TEST(bad_input_f5_lba_status_past_the_end)
{
	static const struct {
		uint64_t lba;
		bool right;
	} rows[] = {{0, true},		 {RIG_BLOCKS - 1, true},
		    {RIG_BLOCKS, false}, {RIG_BLOCKS + 1, false},
		    {1ull << 32, false}, {1ull << 55, false},
		    {UINT64_MAX, false}};
	struct rig_peer p = begin();

	for (size_t i = 0; i < COUNT(rows); i++) {
		uint8_t cdb[16] = {0x9e, 0x12};
		st64(cdb + 2, rows[i].lba);
		st32(cdb + 10, 24);
		const struct hostile_end *e = run(&p, cdb, ISCSI_CMD_READ, 24, NULL);
		ck_assert_uint_eq(e->sense, rows[i].right ? 0 : OUT_OF_LBAS);
		ck_assert_uint_eq(e->len, rows[i].right ? 24 : 0);
	}
	hostile_leave(&p);
}
END_TEST

/* ---- lengths that do not agree ---- */

/* RFC 7143 11.4.5: as much as both sides have, and the rest is told. */
static void try_length(struct rig_peer *p, bool write, uint8_t flags, uint16_t blocks,
		       uint32_t edtl)
{
	struct bhs_scsi_cmd c = rig_command(p, flags, edtl);
	uint32_t wanted = blocks * RIG_BLOCK;
	uint32_t room = flags == (write ? ISCSI_CMD_WRITE : ISCSI_CMD_READ) ? edtl : 0;

	rig_rw10(&c, write, 100, blocks);
	const struct hostile_end *e = hostile_run(p, &c, NULL, 0);
	if (e->status != SCSI_GOOD) { /* part of a block cannot be written */
		ck_assert(write && room < wanted && room % RIG_BLOCK);
		return;
	}
	uint32_t moved = wanted < room ? wanted : room;
	uint32_t all = flags ? edtl : 0;
	ck_assert_uint_eq(e->len, write ? 0 : moved);
	if (wanted > room) {
		ck_assert_uint_eq(e->flags & 6, ISCSI_RSP_OVERFLOW);
		ck_assert_uint_eq(e->resid, wanted - room);
	} else {
		ck_assert_uint_eq(e->flags & 6, all > moved ? ISCSI_RSP_UNDERFLOW : 0);
		ck_assert_uint_eq(e->resid, all - moved);
	}
}

START_TEST(bad_input_spdk_length_unlike_the_cdb)
{
	static const uint8_t flags[] = {0, ISCSI_CMD_READ, ISCSI_CMD_WRITE};
	static const uint32_t edtls[] = {0,	  1,	      511,	  512,	     513,
					 1023,	  1024,	      1025,	  4096,	     65536,
					 1 << 20, 0x7fffffff, 0x80000000, 0xffffffff};
	struct rig_peer p = begin();
	unsigned n = 0;

	for (uint16_t blocks = 0; blocks < 5; blocks++)
		for (size_t f = 0; f < COUNT(flags); f++)
			for (size_t e = 0; e < COUNT(edtls); e++, n++)
				try_length(&p, _i, flags[f], blocks, edtls[e]);
	ck_assert_uint_eq(n, 5 * COUNT(flags) * COUNT(edtls));
	hostile_serves(&p);
	hostile_leave(&p);
}
END_TEST

/* CTL: a service action above 31 was an index. SPC-4 6.35 */
START_TEST(bad_input_cve_2024_42416_report_opcodes)
{
	static const uint16_t actions[] = {0,	1,	0x0c,	0x10,	0x12,	31,    32,
					   33,	63,	64,	127,	128,	255,   256,
					   511, 0x0c0c, 0x7fff, 0x8000, 0xfffe, 0xffff};
	struct rig_peer p = begin();

	for (unsigned opcode = (unsigned)_i; opcode < 256; opcode += 4) {
		for (unsigned options = 0; options < 8; options++) {
			for (size_t a = 0; a < COUNT(actions); a++) {
				uint8_t cdb[16] = {0xa3, 0x0c, (uint8_t)(0x80 | options),
						   (uint8_t)opcode};
				st16(cdb + 4, actions[a]);
				st32(cdb + 6, 4096);
				const struct hostile_end *e =
					run(&p, cdb, ISCSI_CMD_READ, 4096, NULL);
				if (options > 3)
					ck_assert_uint_eq(e->sense, 0x052400);
				/* "not supported", for what is no service action of it */
				if (options == 3 && actions[a] > 31)
					ck_assert_uint_eq(e->data[1] & 7, 1);
			}
		}
	}
	hostile_serves(&p);
	hostile_leave(&p);
}
END_TEST

/* ---- commands that are not there ---- */

/*
 * What broke others and comes later, or never: refused whole, whatever lengths it tells. Nothing is
 * read or allocated for it.
 */
START_TEST(bad_input_commands_that_are_not_there)
{
	static const uint8_t opcodes[] = {
		0x83, 0x84, /* EXTENDED COPY and its results: CVE-2020-28374 */
		0x3b, 0x3c, /* WRITE BUFFER, READ BUFFER: CVE-2024-8178, -45063 */
		0x15, 0x55, /* MODE SELECT */
		0x04, 0x7f, 0x1c, 0x1d, 0x11,
	};
	static const uint32_t lengths[] = {0, 24, 65536, 0xffffffff};
	struct rig_peer p = begin();

	for (size_t l = 0; l < COUNT(lengths); l++) {
		uint8_t cdb[16] = {opcodes[_i]};
		memset(cdb + 5, 0xff, 4); /* PARAMETER LIST LENGTH: 4 GiB, or most of it */
		const struct hostile_end *e = run(&p, cdb, ISCSI_CMD_WRITE, lengths[l], NULL);
		ck_assert_uint_eq(e->sense, BAD_OPCODE);
		ck_assert_uint_eq(e->resid, lengths[l]);
		ck_assert_uint_eq(rig.worker.scsi.bufs.used, 0);
	}
	hostile_serves(&p);
	hostile_leave(&p);
}
END_TEST

/* spdk#2958 names these opcodes of a fuzzer's run; the CDBs are from a seed. */
START_TEST(bad_input_spdk_2958_fuzzed_opcodes)
{
	static const uint8_t opcodes[] = {0x1c, 0x2f, 0x25, 0x11, 0x12};
	static const uint8_t flags[] = {0, ISCSI_CMD_READ, ISCSI_CMD_WRITE};
	unsigned seed = (unsigned)_i + 1;
	struct rig_peer p = begin();

	for (int n = 0; n < 2000; n++) {
		uint8_t cdb[16];
		for (unsigned i = 0; i < 16; i++)
			cdb[i] = rand_r(&seed) & 0x40 ? (uint8_t)(rand_r(&seed) >> 8) : 0;
		cdb[0] = opcodes[_i];
		(void)run(&p, cdb, flags[rand_r(&seed) % 3], (uint32_t)rand_r(&seed) % 9000, NULL);
	}
	hostile_serves(&p);
	hostile_leave(&p);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("bad_scsi");
	TCase *t = tcase_create("bad_scsi");

	tcase_set_timeout(t, 60);
	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_loop_test(t, bad_input_cve_2014_4027_fresh_memory_is_zero, 0, 2);
	tcase_add_loop_test(t, bad_input_cve_2024_43110_no_bytes_of_other_commands, 0, 19);
	tcase_add_loop_test(t, bad_input_lio_unmap_overflow, 0, 15);
	tcase_add_loop_test(t, bad_input_f1_unmap_of_8_gib, 0, 2);
	tcase_add_test(t, bad_input_f5_lba_status_past_the_end);
	tcase_add_loop_test(t, bad_input_spdk_length_unlike_the_cdb, 0, 2);
	tcase_add_loop_test(t, bad_input_cve_2024_42416_report_opcodes, 0, 4);
	tcase_add_loop_test(t, bad_input_commands_that_are_not_there, 0, 11);
	tcase_add_loop_test(t, bad_input_spdk_2958_fuzzed_opcodes, 0, 5);
	suite_add_tcase(s, t);
	return s;
}

int main(void)
{
	return test_main(suite());
}
