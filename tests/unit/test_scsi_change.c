// SPDX-License-Identifier: MIT
/* test_scsi_change.c - a LU that is read-only, or whose end is held. */
#include <string.h>

#include "lib/test_main.h"
#include "unit/scsi_fixture.h"

/* Every command that changes the medium: SBC-3 table 19, as far as it is there. */
static const uint8_t writers[] = {0x0a, 0x2a, 0x2e, 0x41, 0x42, 0x89, 0x8a,
				  0x8b, 0x8e, 0x93, 0x9c, 0xaa, 0xae};

static bool writes(uint8_t opcode)
{
	return memchr(writers, opcode, sizeof(writers)) != NULL;
}

static void plain_cdb(const struct scsi_op *op, uint8_t c[static 16])
{
	fx_cdb(c, op->opcode, 0, 0, 1);
	if (op->sa != SA_NONE)
		c[1] = (uint8_t)op->sa;
	for (unsigned i = 1; i < op->cdb_len; i++)
		c[i] &= op->usage[i];
}

/* Every row of the table, on a LU that is read-only and on one that is not. */
START_TEST(read_only_refuses_what_writes)
{
	unsigned refused = 0;

	for (size_t i = 0; i < scsi_ops_count; i++) {
		const struct scsi_op *op = &scsi_ops[i];
		uint8_t c[16], data[4096] = {0};
		const size_t n = op->opcode == 0x42 ? 0 : FX_BLOCK;

		plain_cdb(op, c);
		fx.lus[0].read_only = true;
		fx_run(c, writes(op->opcode) ? data : NULL, writes(op->opcode) ? n : 0);
		if (writes(op->opcode)) {
			fx_sense(0x7, 0x27, 0x00);
			refused++;
		} else if (fx.task.sense_len) {
			ck_assert_uint_ne(fx.task.sense[2] & 0xf, 0x7);
		}
		fx.lus[0].read_only = false;
		fx_run(c, writes(op->opcode) ? data : NULL, writes(op->opcode) ? n : 0);
		if (fx.task.sense_len)
			ck_assert_uint_ne(fx.task.sense[2] & 0xf, 0x7);
	}
	ck_assert_uint_eq(refused, sizeof(writers));
}
END_TEST

/* The other LU of the target is as it was. */
START_TEST(read_only_is_of_one_lu)
{
	uint8_t data[512] = {1};

	fx.lus[0].read_only = true;
	fx_run_on((const uint8_t[8]){0, 5}, CDB(0x2a, 0, 0, 0, 0, 0, 0, 0, 1), data, sizeof(data));
	fx_good();
	ck_assert_uint_eq(fx.writes, 1);
}
END_TEST

/* SBC-3 6.4.1: WP beside DPOFUA, in both headers. */
START_TEST(write_protect_bit)
{
	for (unsigned ro = 0; ro < 2; ro++) {
		fx.lus[0].read_only = ro;
		fx_run(CDB(0x1a, 0, 0x3f, 0, 0xff), NULL, 0);
		fx_good();
		ck_assert_uint_eq(fx.in[2], ro ? 0x90 : 0x10);
		fx_run(CDB(0x5a, 0, 0x3f, 0, 0, 0, 0, 0, 0xff), NULL, 0);
		fx_good();
		ck_assert_uint_eq(fx.in[3], ro ? 0x90 : 0x10);
	}
}
END_TEST

#define HELD 100u

/* Below the held end, at it, across it; and beyond the medium, which stays an error. */
START_TEST(held_end)
{
	static const uint8_t ops[] = {0x28, 0x2a, 0x2f, 0x34, 0x35, 0x88, 0x8f, 0x93};
	const struct {
		uint64_t lba;
		uint32_t blocks;
		uint8_t status;
	} t[] = {
		{HELD - 2, 2, SCSI_GOOD}, {HELD - 1, 2, SCSI_BUSY},	      {HELD, 1, SCSI_BUSY},
		{FX_LAST, 1, SCSI_BUSY},  {FX_LAST, 2, SCSI_CHECK_CONDITION},
	};
	static const uint8_t data[2 * 512];

	fx.lus[0].held = HELD;
	for (size_t o = 0; o < sizeof(ops); o++)
		for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
			uint8_t c[16];
			size_t n = ops[o] == 0x2a ? t[i].blocks * 512u : ops[o] == 0x93 ? 512 : 0;

			fx_cdb(c, ops[o], 0, t[i].lba, t[i].blocks);
			fx_run(c, n ? data : NULL, n);
			ck_assert_uint_eq(fx.task.status, t[i].status);
		}
}
END_TEST

START_TEST(held_end_of_lba_status)
{
	uint8_t c[16] = {0x9e, 0x12, [13] = 0xff};

	fx.lus[0].held = HELD;
	fx_run(c, NULL, 0);
	fx_good();
	ck_assert_uint_eq(ld32(fx.in + 16), HELD); /* one descriptor, and it ends there */
	ck_assert_uint_eq(fx.in_len, 8 + 16);
	c[9] = HELD;
	fx_run(c, NULL, 0);
	ck_assert_uint_eq(fx.task.status, SCSI_BUSY);
	/* The capacity is what it was until it is decided. */
	fx_run(CDB(0x25), NULL, 0);
	ck_assert_uint_eq(ld32(fx.in), FX_LAST);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("scsi_change");
	TCase *t = tcase_create("change");

	tcase_add_checked_fixture(t, fx_open_512, fx_close);
	tcase_add_test(t, read_only_refuses_what_writes);
	tcase_add_test(t, read_only_is_of_one_lu);
	tcase_add_test(t, write_protect_bit);
	tcase_add_test(t, held_end);
	tcase_add_test(t, held_end_of_lba_status);
	suite_add_tcase(s, t);
	return s;
}

int main(void)
{
	return test_main(suite());
}
