// SPDX-License-Identifier: MIT
/* test_scsi_stopped.c - a unit whose content was lost: who may use it, and who must not. */
#include <stdio.h>
#include <string.h>

#include "lib/test_main.h"
#include "unit/scsi_fixture.h"

#define INQ    CDB(0x12, 0, 0, 0, 36)
#define VPD    CDB(0x12, 1, 0x83, 0, 252)
#define TUR    CDB(0x00)
#define START  CDB(0x1b, 0, 0, 0, 1)
#define STOP   CDB(0x1b, 0, 0, 0, 0)
#define SENSE  CDB(0x03, 0, 0, 0, 252)
#define READ_0 CDB(0x28, 0, 0, 0, 0, 0, 0, 0, 1)

static const uint8_t lun5[8] = {0, 5};

static void stopped_lu(void)
{
	fx_open_512();
	fx.lus[0].stopped = true;
	strcpy(fx.nexus.port_name, "iqn.2026-01.org.memtgt:a,i,0x00023d000001");
	fx_run(INQ, NULL, 0);
	fx_good();
}

/* As after a new login of a host that has the disk. */
static void log_in_again(const char *port)
{
	scsi_nexus_init(&fx.nexus, &fx.target, fx.ua);
	memset(fx.ua, 0, sizeof(fx.ua));
	snprintf(fx.nexus.port_name, sizeof(fx.nexus.port_name), "%s", port);
}

/* Of one that does not know it. */
static void log_in(const char *port)
{
	log_in_again(port);
	fx_run(INQ, NULL, 0);
	fx_good();
}

static void expect_stopped(void)
{
	fx_run(TUR, NULL, 0);
	fx_sense(0x2, 0x04, 0x02);
	fx_run(READ_0, NULL, 0);
	fx_sense(0x2, 0x04, 0x02);
	ck_assert_uint_eq(fx.in_len, 0);
}

static void expect_started(void)
{
	fx_run(TUR, NULL, 0);
	fx_good();
	fx_run(READ_0, NULL, 0);
	fx_good();
	ck_assert_uint_eq(fx.in_len, 512);
}

/* Not from the table of commands: what must be refused is written down twice. */
static bool tells_of_the_unit(uint8_t opcode)
{
	static const uint8_t all[] = {0x03, 0x12, 0x16, 0x17, 0x1a, 0x1b, 0x4d,
				      0x56, 0x57, 0x5a, 0x5e, 0x5f, 0xa0, 0xa3};

	return memchr(all, opcode, sizeof(all)) != NULL;
}

START_TEST(nothing_of_the_medium_is_told)
{
	unsigned refused = 0, told = 0;

	for (size_t i = 0; i < scsi_ops_count; i++) {
		const struct scsi_op *op = &scsi_ops[i];
		uint8_t c[16], data[512] = {1};

		fx_cdb(c, op->opcode, 0, 0, 1);
		if (op->sa != SA_NONE)
			c[1] = (uint8_t)op->sa;
		for (unsigned b = 1; b < op->cdb_len; b++)
			c[b] &= op->usage[b];
		if (op->opcode == 0x1b)
			c[4] = 0; /* as yet */
		fx_run(c, data, sizeof(data));
		if (tells_of_the_unit(op->opcode)) {
			if (fx.task.sense_len)
				ck_assert_uint_ne(fx.task.sense[2], 0x2);
			told++;
			continue;
		}
		fx_sense(0x2, 0x04, 0x02);
		ck_assert_uint_eq(fx.in_len, 0);
		refused++;
	}
	ck_assert_uint_eq(refused + told, scsi_ops_count);
	ck_assert_uint_eq(told, 8 + 4 + 12); /* RESERVE and RELEASE; PERSISTENT RESERVE */
	ck_assert_uint_eq(fx.writes + fx.fills + fx.unmaps, 0);
}
END_TEST

static unsigned starts;

static void count_starts(struct scsi_lu *lu)
{
	uint8_t port[SCSI_STARTERS * SCSI_STARTER_SIZE];

	/* Whoever writes it down finds the port there. */
	ck_assert_uint_eq(scsi_starters_get(lu, port), ++starts);
}

START_TEST(start_opens_it_for_who_sends_it)
{
	starts = 0;
	fx.lus[0].on_start = count_starts;
	expect_stopped();
	fx_run(STOP, NULL, 0);
	fx_bad_cdb(4, 0);
	expect_stopped();
	fx_run(START, NULL, 0);
	fx_good();
	expect_started();
	fx_run(START, NULL, 0);
	fx_good();
	ck_assert_uint_eq(starts, 1);
	log_in("iqn.2026-01.org.memtgt:a,i,0x00023d000002");
	expect_stopped();
	log_in("iqn.2026-01.org.memtgt:b,i,0x00023d000001");
	expect_stopped();
	fx_run_on(lun5, TUR, NULL, 0);
	fx_good();
}
END_TEST

static void expect_older(void)
{
	const uint8_t *const all[] = {READ_0, START, TUR, START, INQ, START, READ_0};

	for (size_t i = 0; i < sizeof(all) / sizeof(*all); i++) {
		fx_run(all[i], NULL, 0);
		if (all[i][0] == 0x12)
			fx_good();
		else
			fx_sense(0x2, 0x04, 0x03);
	}
	fx_run(SENSE, NULL, 0);
	ck_assert_uint_eq(fx.in[13], 0x03);
}

/* Linux: "rescan" of a disk sends VPD pages, TEST UNIT READY, and START STOP UNIT. It must not read
 * zeroes where it had data, on a disk that rested as little as on one that was in use. */
START_TEST(a_rescan_of_an_older_disk_starts_nothing)
{
	log_in_again("iqn.2026-01.org.memtgt:a,i,0x00023d000001");
	fx_run(READ_0, NULL, 0);
	fx_sense(0x2, 0x04, 0x03);
	expect_older();
	log_in_again("iqn.2026-01.org.memtgt:a,i,0x00023d000001");
	fx_run(VPD, NULL, 0);
	fx_good();
	fx_run(TUR, NULL, 0);
	fx_sense(0x2, 0x04, 0x02);
	fx_run(START, NULL, 0);
	fx_sense(0x2, 0x04, 0x03);
	expect_older();
	log_in("iqn.2026-01.org.memtgt:a,i,0x00023d000001");
	fx_run(START, NULL, 0);
	fx_good();
	expect_started();
}
END_TEST

START_TEST(a_port_that_started_it_finds_it_so)
{
	fx_run(START, NULL, 0);
	log_in("iqn.2026-01.org.memtgt:b,i,0x00023d000001");
	expect_stopped();
	log_in("iqn.2026-01.org.memtgt:a,i,0x00023d000001");
	expect_started();
}
END_TEST

/* What a nexus itself started it does not lose because others came. */
START_TEST(the_latest_are_remembered)
{
	char port[64];

	for (unsigned i = 0; i <= SCSI_STARTERS; i++) {
		snprintf(port, sizeof(port), "iqn.2026-01.org.memtgt:%u,i,0x00023d000001", i);
		log_in(port);
		fx_run(START, NULL, 0);
		fx_good();
		expect_started();
		if (i == 1) { /* to log in again is not to start it again */
			log_in("iqn.2026-01.org.memtgt:0,i,0x00023d000001");
			expect_started();
		}
	}
	for (unsigned i = 0; i <= SCSI_STARTERS; i++) {
		snprintf(port, sizeof(port), "iqn.2026-01.org.memtgt:%u,i,0x00023d000001", i);
		log_in(port);
		if (i)
			expect_started();
		else
			expect_stopped();
	}
	ck_assert_uint_eq(fx.lus[0].starters.n, SCSI_STARTERS);
}
END_TEST

START_TEST(a_running_nexus_goes_on_when_it_is_forgotten)
{
	uint8_t other[SCSI_STARTERS * SCSI_STARTER_SIZE];

	fx_run(START, NULL, 0);
	memset(other, 0xee, sizeof(other));
	scsi_starters_set(&fx.lus[0], other, SCSI_STARTERS);
	expect_started();
	log_in("iqn.2026-01.org.memtgt:a,i,0x00023d000001");
	expect_stopped();
}
END_TEST

/* What one process wrote down the next one reads. */
START_TEST(starters_outlive_the_lu)
{
	uint8_t port[SCSI_STARTERS * SCSI_STARTER_SIZE];

	fx_run(START, NULL, 0);
	ck_assert_uint_eq(scsi_starters_get(&fx.lus[0], port), 1);
	memset(&fx.lus[0].starters, 0, sizeof(fx.lus[0].starters));
	log_in("iqn.2026-01.org.memtgt:a,i,0x00023d000001");
	expect_stopped();
	scsi_starters_set(&fx.lus[0], port, 1);
	expect_started();
}
END_TEST

START_TEST(the_operator_starts_it_for_all)
{
	expect_stopped();
	fx.lus[0].stopped = false;
	expect_started();
	log_in("iqn.2026-01.org.memtgt:b,i,0x00023d000001");
	expect_started();
}
END_TEST

START_TEST(request_sense_tells)
{
	fx_run(SENSE, NULL, 0);
	fx_good();
	ck_assert_uint_eq(fx.in[2], 0x2);
	ck_assert_uint_eq(fx.in[12], 0x04);
	ck_assert_uint_eq(fx.in[13], 0x02);
	fx_run(START, NULL, 0);
	fx_run(SENSE, NULL, 0);
	ck_assert_uint_eq(fx.in[2], 0x0);
	fx_run_on(fx_lun_none, SENSE, NULL, 0);
	ck_assert_uint_eq(fx.in[12], 0x25);
}
END_TEST

/* A unit attention comes first, and START STOP UNIT takes it, too. */
START_TEST(unit_attentions_come_first)
{
	scsi_attention_raise(&fx.nexus, 0, SCSI_UA_POWER_ON_OR_RESET);
	fx_run(START, NULL, 0);
	fx_sense(0x6, 0x29, 0x00);
	expect_stopped();
	fx_run(START, NULL, 0);
	fx_good();
	expect_started();
}
END_TEST

START_TEST(read_only_comes_last)
{
	fx.lus[0].read_only = true;
	fx_run(CDB(0x42, 0, 0, 0, 0, 0, 0, 0, 0), NULL, 0);
	fx_sense(0x2, 0x04, 0x02);
	fx_run(START, NULL, 0);
	fx_run(CDB(0x42, 0, 0, 0, 0, 0, 0, 0, 0), NULL, 0);
	fx_sense(0x7, 0x27, 0x00);
}
END_TEST

/* Another LU under the same id is nothing that was started. */
START_TEST(a_lu_in_its_place_is_stopped_again)
{
	fx_run(START, NULL, 0);
	expect_started();
	fx.lus[1].id = 0;
	fx.lus[1].stopped = true;
	fx.target.by_id[0] = &fx.lus[1];
	scsi_lu_replaced(&fx.nexus, 0, true);
	memset(fx.ua, 0, sizeof(fx.ua));
	fx_run(TUR, NULL, 0);
	fx_sense(0x2, 0x04, 0x02);
	fx_run(START, NULL, 0);
	fx_sense(0x2, 0x04, 0x03); /* it has not asked what this one is */
}
END_TEST

START_TEST(kept_memory_is_no_power_on)
{
	fx.lus[1].is_kept = true;
	scsi_nexus_init(&fx.nexus, &fx.target, fx.ua);
	fx_run(TUR, NULL, 0);
	fx_sense(0x6, 0x29, 0x00);
	fx_run_on(lun5, TUR, NULL, 0);
	fx_sense(0x6, 0x29, 0x04);
	fx_run_on(lun5, TUR, NULL, 0);
	fx_good();
}
END_TEST

/* Zeroes in the place of what was lost are no answer; INFORMATION is the first lost block. */
START_TEST(what_was_lost_is_not_read)
{
	static const uint8_t look[] = {0x08, 0x28, 0xa8, 0x88, 0x2f, 0xaf, 0x8f};
	uint8_t data[1024] = {0};

	fx.lus[0].stopped = false;
	fx.lost = (uint64_t)10 * 512 + 511;
	fx.lost_len = 1;
	for (size_t i = 0; i < sizeof(look); i++) {
		fx_run_range(look[i], 0, 8, 2, NULL);
		fx_good();
		fx_run_range(look[i], 0, 11, 1, NULL);
		fx_good();
		fx_run_range(look[i], 0, 8, 4, NULL);
		fx_sense(0x3, 0x11, 0x00);
		fx_info(10);
	}
	fx_run_range(0x2f, 0x02, 9, 2, data); /* BYTCHK: zeroes are not found equal */
	fx_sense(0x3, 0x11, 0x00);
	fx_run_range(0x28, 0, 10, 0, NULL);
	fx_good();
}
END_TEST

static void name(struct scsi_lu *lu, uint32_t generation, const char *serial)
{
	static const uint8_t host[16] = {1};

	scsi_lu_name(lu, host, "iqn.2026-01.org.memtgt:a", generation, serial);
}

/* No serial stands for two contents, also if the operator chose it. */
START_TEST(a_new_generation_has_another_serial)
{
	struct scsi_lu a = {.id = 1}, b = {.id = 1};

	name(&a, 0, "disk-1");
	name(&b, 1, "disk-1");
	ck_assert_str_eq(a.serial, "disk-1");
	ck_assert_str_eq(b.serial, "disk-1+1");
	ck_assert_mem_ne(a.naa, b.naa, sizeof(a.naa));
	name(&b, 10, "123456789012345678");
	ck_assert_uint_eq(strlen(b.serial), SCSI_SERIAL_MAX);
	ck_assert_ptr_null(strchr(b.serial, '+'));
	name(&b, 1, "123456789012345678");
	ck_assert_str_eq(b.serial, "123456789012345678+1");
	name(&b, 0, "12345678901234567890");
	ck_assert_str_eq(b.serial, "12345678901234567890");
}
END_TEST

int main(void)
{
	Suite *s = suite_create("stopped");
	TCase *t = tcase_create("all");

	tcase_add_checked_fixture(t, stopped_lu, fx_close);
	tcase_add_test(t, nothing_of_the_medium_is_told);
	tcase_add_test(t, start_opens_it_for_who_sends_it);
	tcase_add_test(t, a_rescan_of_an_older_disk_starts_nothing);
	tcase_add_test(t, a_port_that_started_it_finds_it_so);
	tcase_add_test(t, the_latest_are_remembered);
	tcase_add_test(t, a_running_nexus_goes_on_when_it_is_forgotten);
	tcase_add_test(t, starters_outlive_the_lu);
	tcase_add_test(t, the_operator_starts_it_for_all);
	tcase_add_test(t, request_sense_tells);
	tcase_add_test(t, unit_attentions_come_first);
	tcase_add_test(t, read_only_comes_last);
	tcase_add_test(t, a_lu_in_its_place_is_stopped_again);
	tcase_add_test(t, kept_memory_is_no_power_on);
	tcase_add_test(t, what_was_lost_is_not_read);
	tcase_add_test(t, a_new_generation_has_another_serial);
	suite_add_tcase(s, t);
	return test_main(s);
}
