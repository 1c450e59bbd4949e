// SPDX-License-Identifier: MIT
/* test_scsi_op.c - the table of commands, and REPORT SUPPORTED OPERATION CODES, row by row. */
#include <string.h>

#include "lib/test_main.h"
#include "unit/scsi_fixture.h"

#define RSOC(options, opcode, sa) \
	CDB(0xa3, 0x0c, (options), (opcode), (uint8_t)((sa) >> 8), (uint8_t)(sa), 0, 0, 0xff, 0xff)

/* SAM-5 5.2: the opcode's group code tells the length of the CDB. */
static unsigned group_length(uint8_t opcode)
{
	static const uint8_t lengths[8] = {6, 10, 10, 0, 16, 12, 0, 0};
	return lengths[opcode >> 5];
}

START_TEST(rows_are_right)
{
	ck_assert_uint_eq(scsi_ops_count, 54);
	for (size_t i = 0; i < scsi_ops_count; i++) {
		const struct scsi_op *op = &scsi_ops[i];

		ck_assert_uint_eq(op->usage[0], op->opcode);
		ck_assert_uint_eq(op->cdb_len, group_length(op->opcode));
		ck_assert_uint_eq(op->usage[op->cdb_len - 1], 0); /* CONTROL */
		for (unsigned b = op->cdb_len; b < 16; b++)
			ck_assert_uint_eq(op->usage[b], 0);
		if (op->sa != SA_NONE)
			ck_assert_int_eq(op->usage[1], op->sa);
		ck_assert_ptr_nonnull(op->start);
		ck_assert_ptr_nonnull(op->name);
		if (!i)
			continue;
		const struct scsi_op *prev = op - 1; /* sorted, and unique */
		ck_assert(prev->opcode < op->opcode ||
			  (prev->opcode == op->opcode && prev->sa != SA_NONE && prev->sa < op->sa));
	}
}
END_TEST

START_TEST(lookup_finds_each_row_and_no_other)
{
	unsigned found = 0;

	for (unsigned opcode = 0; opcode < 256; opcode++) {
		for (int sa = -1; sa <= 0xffff; sa++) {
			const struct scsi_op *op = scsi_op_lookup((uint8_t)opcode, sa);

			if (!op)
				continue;
			ck_assert_uint_eq(op->opcode, opcode);
			if (sa != SA_NONE) {
				ck_assert_int_eq(op->sa, sa);
				found++;
			} else if (op->sa == SA_NONE) {
				found++;
			}
		}
	}
	ck_assert_uint_eq(found, scsi_ops_count);
}
END_TEST

/* A CDB of this row that asks for nothing but what its usage lets it. */
static void plain_cdb(const struct scsi_op *op, uint8_t cdb[static 16])
{
	memset(cdb, 0, 16);
	cdb[0] = op->opcode;
	if (op->sa != SA_NONE)
		cdb[1] = (uint8_t)op->sa;
}

START_TEST(bits_outside_usage_are_refused)
{
	unsigned refused = 0;

	for (size_t i = 0; i < scsi_ops_count; i++) {
		const struct scsi_op *op = &scsi_ops[i];

		for (unsigned at = 8; at < 8u * op->cdb_len; at++) {
			uint8_t cdb[16];
			const uint8_t bit = (uint8_t)(1u << at % 8);
			const bool in_sa = op->sa != SA_NONE && at / 8 == 1 && at % 8 < 5;

			const bool is_lun =
				op->flags & SCSI_OP_OLD_LUN && at / 8 == 1 && at % 8 >= 5;

			if (op->usage[at / 8] & bit || in_sa || is_lun)
				continue;
			plain_cdb(op, cdb);
			cdb[at / 8] |= bit;
			fx_run(cdb, NULL, 0);
			fx_bad_cdb(at / 8, (int)(at % 8));
			refused++;
		}
	}
	ck_assert_uint_gt(refused, 500);
}
END_TEST

/* Linux, told to look for LUN 5 before it knows LUN 0, asks it as SCSI-2 did. */
START_TEST(inquiry_takes_the_lun_of_scsi_2)
{
	fx_run(CDB(0x12, 5 << 5, 0, 0, 36), NULL, 0);
	fx_good();
	ck_assert_uint_eq(fx.in_len, 36);
	fx_run(CDB(0x12, 5 << 5 | 1, 0x83, 0, 36), NULL, 0);
	fx_good();
	fx_run(CDB(0x12, 5 << 5 | 2, 0, 0, 36), NULL, 0);
	fx_bad_cdb(1, 1);
}
END_TEST

/* Of several wrong bits the first byte's highest is shown. */
START_TEST(field_pointer_shows_the_first_byte_and_its_highest_bit)
{
	fx_run(CDB(0x00, 0, 0x41, 0xff, 0, 0x04), NULL, 0);
	fx_bad_cdb(2, 6);
	fx_run(CDB(0x00, 0, 0, 0, 0, 0x04), NULL, 0); /* NACA */
	fx_bad_cdb(5, 2);
}
END_TEST

START_TEST(bytes_after_the_cdb_are_not_looked_at)
{
	fx_run(CDB(0x00, 0, 0, 0, 0, 0, 0xff, 0xff), NULL, 0);
	fx_good();
}
END_TEST

START_TEST(unknown_commands)
{
	unsigned unknown = 0, known = 0;

	for (size_t i = 0; i < scsi_ops_count; i++)
		known += !i || scsi_ops[i].opcode != scsi_ops[i - 1].opcode;
	for (unsigned opcode = 0; opcode < 256; opcode++) {
		if (scsi_op_lookup((uint8_t)opcode, SA_NONE))
			continue;
		fx_run(CDB((uint8_t)opcode), NULL, 0);
		fx_sense(0x5, 0x20, 0x00);
		ck_assert_uint_eq(fx.task.sense[15], 0);
		unknown++;
	}
	ck_assert_uint_eq(unknown, 256 - known);
	fx_run(CDB(0x9e, 0x11), NULL, 0); /* a service action that is not there */
	fx_bad_cdb(1, 4);
	fx_run(CDB(0xa3, 0x0d), NULL, 0);
	fx_bad_cdb(1, 4);
}
END_TEST

START_TEST(report_all)
{
	fx_run(RSOC(0x00, 0, 0), NULL, 0);
	fx_good();
	ck_assert_uint_eq(ld32(fx.in), fx.in_len - 4);
	ck_assert_uint_eq(fx.in_len, 4 + 8 * scsi_ops_count);
	fx_golden("all-supported-opcodes", fx.in, fx.in_len);

	fx_run(RSOC(0x80, 0, 0), NULL, 0); /* with timeouts */
	fx_good();
	ck_assert_uint_eq(ld32(fx.in), fx.in_len - 4);
	ck_assert_uint_eq(fx.in_len, 4 + 20 * scsi_ops_count);
	for (size_t i = 0; i < scsi_ops_count; i++) {
		const uint8_t *d = fx.in + 4 + 20 * i;

		ck_assert_uint_eq(d[0], scsi_ops[i].opcode);
		ck_assert_uint_eq(d[5], scsi_ops[i].sa == SA_NONE ? 0x02 : 0x03);
		ck_assert_uint_eq(ld16(d + 8), 10);
	}
}
END_TEST

/* The answer of the one-command format for a row, or for nothing. */
static void check_one(const struct scsi_op *op, bool rctd)
{
	fx_good();
	if (!op) {
		ck_assert_uint_eq(fx.in_len, 4);
		ck_assert_mem_eq(fx.in, "\0\1\0\0", 4);
		return;
	}
	ck_assert_uint_eq(fx.in_len, 4u + op->cdb_len + (rctd ? 12u : 0));
	ck_assert_uint_eq(fx.in[1], rctd ? 0x83 : 0x03);
	ck_assert_uint_eq(ld16(fx.in + 2), op->cdb_len);
	ck_assert_mem_eq(fx.in + 4, op->usage, op->cdb_len);
	if (rctd)
		ck_assert_uint_eq(ld16(fx.in + 4 + op->cdb_len), 10);
}

START_TEST(report_one)
{
	for (size_t i = 0; i < scsi_ops_count; i++) {
		const struct scsi_op *op = &scsi_ops[i];
		const bool has_sa = op->sa != SA_NONE;
		const unsigned sa = has_sa ? (unsigned)op->sa : 0;

		for (unsigned rctd = 0; rctd <= 0x80; rctd += 0x80) {
			fx_run(RSOC(1 | rctd, op->opcode, sa), NULL, 0);
			if (has_sa)
				fx_bad_cdb(2, 2);
			else
				check_one(op, rctd);
			fx_run(RSOC(2 | rctd, op->opcode, sa), NULL, 0);
			if (has_sa)
				check_one(op, rctd);
			else
				fx_bad_cdb(2, 2);
			fx_run(RSOC(3 | rctd, op->opcode, sa), NULL, 0);
			check_one(op, rctd);
		}
	}
}
END_TEST

/* CVE-2024-42416: a service action of 16 bits, searched for and never an index. */
START_TEST(report_one_with_wild_service_actions)
{
	for (unsigned sa = 0; sa <= 0xffff; sa++) {
		if (sa != 0x10 && sa != 0x12) {
			fx_run(RSOC(2, 0x9e, sa), NULL, 0);
			check_one(NULL, false);
			fx_run(RSOC(3, 0x9e, sa), NULL, 0);
			check_one(NULL, false);
		}
		if (sa) {
			fx_run(RSOC(3, 0x28, sa), NULL, 0);
			check_one(NULL, false);
		}
	}
	for (unsigned options = 4; options < 8; options++) {
		fx_run(RSOC(options, 0x28, 0), NULL, 0);
		fx_bad_cdb(2, 2);
	}
	for (unsigned options = 1; options < 4; options++) {
		fx_run(RSOC(options | 0x80, 0xff, 0xffff), NULL, 0);
		check_one(NULL, false);
	}
}
END_TEST

START_TEST(report_cut_at_every_length)
{
	fx_every_allocation(RSOC(0x00, 0, 0), 6, 4);
	fx_every_allocation(RSOC(0x80, 0, 0), 6, 4);
	fx_every_allocation(RSOC(0x83, 0x28, 0), 6, 4);
	fx_every_allocation(RSOC(0x81, 0xff, 0), 6, 4);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("scsi_op");
	TCase *c = tcase_create("table");

	tcase_add_checked_fixture(c, fx_open_512, fx_close);
	tcase_set_timeout(c, 60);
	tcase_add_test(c, rows_are_right);
	tcase_add_test(c, lookup_finds_each_row_and_no_other);
	tcase_add_test(c, bits_outside_usage_are_refused);
	tcase_add_test(c, inquiry_takes_the_lun_of_scsi_2);
	tcase_add_test(c, field_pointer_shows_the_first_byte_and_its_highest_bit);
	tcase_add_test(c, bytes_after_the_cdb_are_not_looked_at);
	tcase_add_test(c, unknown_commands);
	tcase_add_test(c, report_all);
	tcase_add_test(c, report_one);
	tcase_add_test(c, report_one_with_wild_service_actions);
	tcase_add_test(c, report_cut_at_every_length);
	suite_add_tcase(s, c);
	return test_main(s);
}
