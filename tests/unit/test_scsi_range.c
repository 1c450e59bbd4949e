// SPDX-License-Identifier: MIT
/* test_scsi_range.c - where commands may read and write: every CDB length at its limits. */
#include <stdlib.h>
#include <string.h>

#include "lib/test_main.h"
#include "store/store.h"
#include "unit/scsi_fixture.h"

/* The commands with a range, by what their opcode is at each CDB length; 0: there is none. */
struct family {
	const char *name;
	uint8_t op6, op10, op12, op16;
	uint8_t flags; /* byte 1 */
	enum { NOTHING, READS, WRITES, COMPARES } moves;
	bool limited; /* by MAXIMUM TRANSFER LENGTH */
};
static const struct family families[] = {
	{"READ", 0x08, 0x28, 0xa8, 0x88, 0, READS, true},
	{"WRITE", 0x0a, 0x2a, 0xaa, 0x8a, 0, WRITES, true},
	{"WRITE AND VERIFY", 0, 0x2e, 0xae, 0x8e, 0, WRITES, true},
	{"WRITE AND VERIFY, BYTCHK", 0, 0x2e, 0xae, 0x8e, 0x02, WRITES, true},
	{"VERIFY", 0, 0x2f, 0xaf, 0x8f, 0, NOTHING, true},
	{"VERIFY, BYTCHK", 0, 0x2f, 0xaf, 0x8f, 0x02, COMPARES, true},
	{"PRE-FETCH", 0, 0x34, 0, 0x90, 0, NOTHING, false},
	{"SYNCHRONIZE CACHE", 0, 0x35, 0, 0x91, 0x02, NOTHING, false},
};
#define FAMILIES ((int)(sizeof(families) / sizeof(families[0])))

static uint8_t opcode_of(const struct family *f, unsigned cdb_len)
{
	return cdb_len == 6 ? f->op6 : cdb_len == 10 ? f->op10 : cdb_len == 12 ? f->op12 : f->op16;
}

/* One range within the medium; `out` has its data. */
static void check_range(const struct family *f, uint8_t opcode, uint64_t lba, uint32_t blocks)
{
	const size_t n = (size_t)blocks * FX_BLOCK;
	uint8_t *at = fx.medium + lba * FX_BLOCK, *data = fx_pattern(n + 1, (unsigned)lba);

	if (f->moves != WRITES)
		memcpy(at, data, n);
	else
		memset(at, 0, n);
	fx_run_range(opcode, f->flags, lba, blocks,
		     f->moves == WRITES || f->moves == COMPARES ? data : NULL);
	fx_good();
	ck_assert_mem_eq(at, data, n);
	ck_assert_uint_eq(fx.in_len, f->moves == READS ? n : 0);
	if (f->moves == READS)
		ck_assert_mem_eq(fx.in, data, n);
	free(data);
}

START_TEST(ranges_at_the_limits)
{
	const struct family *f = &families[_i];

	for (unsigned len = 6; len <= 16; len += len == 6 ? 4 : len == 10 ? 2 : 4) {
		const uint8_t opcode = opcode_of(f, len);

		if (!opcode)
			continue;
		uint8_t *data = fx_pattern(3 * FX_BLOCK, 1);

		check_range(f, opcode, 0, 1);
		check_range(f, opcode, FX_LAST, 1);
		check_range(f, opcode, FX_LAST - 7, 8);
		check_range(f, opcode, STORE_PAGE_SIZE / FX_BLOCK - 3, 7); /* over a page's end */
		memset(fx.medium, 0, fx.medium_len);

		fx_run_range(opcode, f->flags, FX_LAST, 2, data);
		fx_sense(0x5, 0x21, 0x00);
		fx_info((uint32_t)FX_LAST + 1);
		fx_run_range(opcode, f->flags, FX_LAST + 1, 1, data);
		fx_sense(0x5, 0x21, 0x00);
		fx_info((uint32_t)FX_LAST + 1);
		fx_run_range(opcode, f->flags, FX_LAST + 2, 1, data);
		fx_sense(0x5, 0x21, 0x00);
		fx_info((uint32_t)FX_LAST + 2);
		for (size_t i = fx.medium_len - FX_BLOCK; i < fx.medium_len; i++)
			ck_assert_uint_eq(fx.medium[i], 0);
		free(data);
	}
}
END_TEST

START_TEST(ranges_that_overflow)
{
	static const uint64_t lbas[] = {
		UINT32_MAX,	  (uint64_t)UINT32_MAX + 1, INT64_MAX,	     (uint64_t)1 << 63,
		UINT64_MAX,	  UINT64_MAX - 1,	    UINT64_MAX >> 9, (UINT64_MAX >> 9) + 1,
		UINT64_MAX >> 12,
	};
	const struct family *f = &families[_i];

	for (size_t i = 0; i < sizeof(lbas) / sizeof(lbas[0]); i++) {
		for (uint32_t blocks = 0; blocks < 3; blocks++) {
			fx_run_range(f->op16, f->flags, lbas[i], blocks, NULL);
			fx_sense(0x5, 0x21, 0x00);
		}
	}
	/* A length that would wrap 32 bits of bytes. */
	fx_run_range(f->op16, f->flags, FX_LAST, UINT32_MAX, NULL);
	if (f->limited)
		fx_bad_cdb(10, -1);
	else
		fx_sense(0x5, 0x21, 0x00);
}
END_TEST

START_TEST(no_blocks_is_no_error)
{
	const struct family *f = &families[_i];
	uint8_t data[1] = {0};

	for (unsigned len = 10; len <= 16; len += len == 10 ? 2 : 4) {
		if (!opcode_of(f, len))
			continue;
		fx_run_range(opcode_of(f, len), f->flags, 0, 0, data);
		fx_good();
		fx_run_range(opcode_of(f, len), f->flags, FX_LAST + 1, 0, data);
		fx_good();
		fx_run_range(opcode_of(f, len), f->flags, FX_LAST + 2, 0, data);
		fx_sense(0x5, 0x21, 0x00);
	}
	ck_assert_uint_eq(fx.writes, 0);
}
END_TEST

/* VPD B0h MAXIMUM TRANSFER LENGTH, at it and above. The medium is made to seem large enough. */
START_TEST(maximum_transfer_length)
{
	const struct family *f = &families[_i];
	const uint32_t most = (32u << 20) / FX_BLOCK;

	fx.lus[0].blocks = (uint64_t)1 << 40;
	for (unsigned len = 12; len <= 16; len += 4) {
		uint8_t c[16];

		if (!opcode_of(f, len) || !f->limited)
			continue;
		fx_cdb(c, opcode_of(f, len), f->flags, 0, most + 1);
		fx_run(c, NULL, 0);
		fx_bad_cdb(len == 12 ? 6 : 10, -1);
		if (len == 12)
			continue;
		fx_cdb(c, f->op16, f->flags, (uint64_t)1 << 40, most);
		fx_run(c, NULL, 0);
		fx_sense(0x5, 0x21, 0x00);
	}
}
END_TEST

/* SBC-2 5.5: a length of 0 in six bytes is 256 blocks; 21 bits of LBA. */
START_TEST(six_byte_cdbs)
{
	const size_t n = 256u * FX_BLOCK;
	uint8_t *data = fx_pattern(n, 3);

	fx_run(CDB(0x0a, 0, 0, 9, 0), data, n);
	fx_good();
	ck_assert_mem_eq(fx.medium + 9u * FX_BLOCK, data, n);
	fx_run(CDB(0x08, 0, 0, 9, 0), NULL, 0);
	fx_good();
	ck_assert_uint_eq(fx.in_len, n);
	ck_assert_mem_eq(fx.in, data, n);
	fx_run(CDB(0x08, 0x1f, 0xff, 0xff, 1), NULL, 0);
	fx_sense(0x5, 0x21, 0x00);
	fx_info(0x1fffff);
	free(data);
}
END_TEST

START_TEST(flags)
{
	uint8_t *data = fx_pattern(FX_BLOCK, 3);

	fx_run_range(0x2a, 0x18, 0, 1, data); /* DPO, FUA */
	fx_good();
	fx_run_range(0x28, 0x18, 0, 1, NULL);
	fx_good();
	for (unsigned protect = 1; protect < 8; protect++) {
		static const uint8_t ops[] = {0x28, 0x2a, 0x2e, 0x2f, 0x41};

		for (size_t i = 0; i < sizeof(ops); i++) {
			fx_run_range(ops[i], (uint8_t)(protect << 5), 0, 1, NULL);
			fx_bad_cdb(1, protect >= 4 ? 7 : protect >= 2 ? 6 : 5);
		}
	}
	fx_run_range(0x2f, 0x04, 0, 1, NULL); /* BYTCHK 10b */
	fx_bad_cdb(1, 2);
	free(data);
}
END_TEST

static void add_tests(TCase *c)
{
	tcase_set_timeout(c, 60);
	tcase_add_loop_test(c, ranges_at_the_limits, 0, FAMILIES);
	tcase_add_loop_test(c, ranges_that_overflow, 0, FAMILIES);
	tcase_add_loop_test(c, no_blocks_is_no_error, 0, FAMILIES);
	tcase_add_loop_test(c, maximum_transfer_length, 0, FAMILIES);
	tcase_add_test(c, six_byte_cdbs);
	tcase_add_test(c, flags);
}

int main(void)
{
	Suite *s = suite_create("scsi_range");
	TCase *small = tcase_create("512"), *large = tcase_create("4096");

	tcase_add_checked_fixture(small, fx_open_512, fx_close);
	add_tests(small);
	suite_add_tcase(s, small);
	tcase_add_checked_fixture(large, fx_open_4096, fx_close);
	add_tests(large);
	suite_add_tcase(s, large);
	return test_main(s);
}
