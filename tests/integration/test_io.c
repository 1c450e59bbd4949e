// SPDX-License-Identifier: MIT
/* test_io.c - data through libiscsi: what was written is read, on every kind of LUN. */
#include <iscsi/iscsi.h>
#include <iscsi/scsi-lowlevel.h>
#include <stdlib.h>
#include <string.h>

#include "lib/daemon.h"
#include "lib/test_main.h"

#define MIB	     (1u << 20)
#define LUN_BYTES    (32u * MIB)
#define LARGEST	     (8u * MIB)
#define RANDOM_STEPS 60

/* clang-format off */
#define LUNS								\
	"{ id = 0; size = \"32M\"; },"					\
	"{ id = 1; size = \"32M\"; block_size = 4096; },"		\
	"{ id = 2; size = \"32M\"; provisioning = \"thin\"; },"		\
	"{ id = 7; size = \"1M\"; }"
/* clang-format on */

static struct daemon d;
static struct iscsi_context *initiator;

static void start(void)
{
	daemon_start(&d, LUNS, NULL);
	initiator = iscsi_create_context("iqn.2026-01.org.memtgt:io");
	iscsi_set_targetname(initiator, DAEMON_TARGET);
	iscsi_set_session_type(initiator, ISCSI_SESSION_NORMAL);
	ck_assert_msg(iscsi_full_connect_sync(initiator, daemon_portal(&d), 0) == 0, "%s",
		      iscsi_get_error(initiator));
	/* The unit attention of each new nexus. */
	for (int lun = 1; lun < 8; lun++)
		for (int i = 0; i < 2; i++)
			scsi_free_scsi_task(iscsi_testunitready_sync(initiator, lun));
}

static void stop(void)
{
	ck_assert_int_eq(iscsi_logout_sync(initiator), 0);
	iscsi_destroy_context(initiator);
	daemon_check_alive(&d);
	daemon_stop(&d);
}

static void fill(uint8_t *p, size_t n, unsigned seed)
{
	uint64_t x = seed * 2654435761u + 1;
	for (size_t i = 0; i < n; i++) {
		x ^= x << 13;
		x ^= x >> 7;
		x ^= x << 17;
		p[i] = (uint8_t)x;
	}
}

/* Ends a task that must have this status. */
static void must(struct scsi_task *t, int status)
{
	ck_assert_msg(t != NULL, "%s", iscsi_get_error(initiator));
	ck_assert_msg(t->status == status, "status %d: %s", t->status, iscsi_get_error(initiator));
	scsi_free_scsi_task(t);
}

static void must_sense(struct scsi_task *t, int key, int ascq)
{
	ck_assert_ptr_nonnull(t);
	ck_assert_int_eq(t->status, SCSI_STATUS_CHECK_CONDITION);
	ck_assert_int_eq(t->sense.key, key);
	ck_assert_int_eq(t->sense.ascq, ascq);
	scsi_free_scsi_task(t);
}

static void write_all(int lun, uint64_t lba, uint8_t *p, uint32_t n, int block)
{
	must(iscsi_write16_sync(initiator, lun, lba, p, n, block, 0, 0, 0, 0, 0), SCSI_STATUS_GOOD);
}

static void read_equal(int lun, uint64_t lba, const uint8_t *want, uint32_t n, int block)
{
	struct scsi_task *t = iscsi_read16_sync(initiator, lun, lba, n, block, 0, 0, 0, 0, 0);

	ck_assert_msg(t != NULL, "%s", iscsi_get_error(initiator));
	ck_assert_int_eq(t->status, SCSI_STATUS_GOOD);
	ck_assert_int_eq(t->residual_status, SCSI_RESIDUAL_NO_RESIDUAL);
	ck_assert_int_eq(t->datain.size, (int)n);
	if (memcmp(t->datain.data, want, n) != 0) {
		uint32_t at = 0;
		while (t->datain.data[at] == want[at])
			at++;
		ck_abort_msg("lun %d lba %llu, %u bytes: byte %u is %02x, written was %02x", lun,
			     (unsigned long long)lba, n, at, t->datain.data[at], want[at]);
	}
	scsi_free_scsi_task(t);
}

static int block_of(int lun)
{
	return lun == 1 ? 4096 : 512;
}

START_TEST(sizes_and_odd_offsets)
{
	int lun = _i, block = block_of(lun);
	uint8_t *mirror = calloc(1, LUN_BYTES);

	ck_assert_ptr_nonnull(mirror);
	for (uint32_t n = (uint32_t)block; n <= LARGEST; n *= 2) {
		uint64_t lba = (uint64_t)n / 3 / (unsigned)block | 1; /* odd, across 2 MiB pages */
		fill(mirror + lba * (unsigned)block, n, n);
		write_all(lun, lba, mirror + lba * (unsigned)block, n, block);
		read_equal(lun, lba, mirror + lba * (unsigned)block, n, block);
	}
	for (uint32_t at = 0; at < LUN_BYTES; at += LARGEST)
		read_equal(lun, at / (unsigned)block, mirror + at, LARGEST, block);
	free(mirror);
}
END_TEST

/* Seeded steps of writes, unmaps, fills and reads on all LUNs, against mirrors in memory. */
static void random_step(uint8_t *mirror, int lun, unsigned *seed)
{
	unsigned block = (unsigned)block_of(lun), total = LUN_BYTES / block;
	unsigned most = (rand_r(seed) & 3) ? 64 : LARGEST / block / 2;
	unsigned blocks = 1 + (unsigned)rand_r(seed) % most;
	unsigned lba = (unsigned)rand_r(seed) % (total - blocks + 1);
	uint8_t *at = mirror + (size_t)lba * block, *end = at + (size_t)blocks * block;
	struct unmap_list range = {.lba = lba, .num = blocks};
	uint8_t one[4096];

	switch (rand_r(seed) % 6) {
	case 0:
		fill(one, block, lba + 1);
		must(iscsi_writesame16_sync(initiator, lun, lba, one, block, blocks, 0, 0, 0, 0),
		     SCSI_STATUS_GOOD);
		for (; at < end; at += block)
			memcpy(at, one, block);
		break;
	case 1:
		if (lun != 2)
			break;
		must(iscsi_unmap_sync(initiator, lun, 0, 0, &range, 1), SCSI_STATUS_GOOD);
		memset(at, 0, (size_t)(end - at));
		break;
	case 2:
	case 3:
		read_equal(lun, lba, at, blocks * block, (int)block);
		break;
	default:
		fill(at, (size_t)blocks * block, (unsigned)rand_r(seed));
		write_all(lun, lba, at, blocks * block, (int)block);
	}
}

START_TEST(random_steps_against_a_mirror)
{
	uint8_t *mirror[3];
	unsigned seed = 4711;

	for (int lun = 0; lun < 3; lun++) {
		mirror[lun] = calloc(1, LUN_BYTES);
		ck_assert_ptr_nonnull(mirror[lun]);
	}
	for (int i = 0; i < RANDOM_STEPS; i++)
		random_step(mirror[i % 3], i % 3, &seed);
	for (int lun = 0; lun < 3; lun++) {
		for (uint32_t at = 0; at < LUN_BYTES; at += LARGEST)
			read_equal(lun, at / (unsigned)block_of(lun), mirror[lun] + at, LARGEST,
				   block_of(lun));
		free(mirror[lun]);
	}
}
END_TEST

START_TEST(luns_are_apart)
{
	static uint8_t a[64 * 512], b[64 * 512], zero[64 * 512];

	fill(a, sizeof(a), 1);
	fill(b, sizeof(b), 2);
	write_all(0, 5, a, sizeof(a), 512);
	write_all(7, 5, b, sizeof(b), 512);
	read_equal(0, 5, a, sizeof(a), 512);
	read_equal(7, 5, b, sizeof(b), 512);
	read_equal(2, 5, zero, sizeof(zero), 512);
}
END_TEST

START_TEST(thin_reads_zero_again_after_unmap)
{
	static uint8_t zero[4 * MIB], data[4 * MIB];
	uint64_t lba = 3 * MIB / 512 + 1; /* parts of pages at both ends */
	struct unmap_list all = {.lba = lba, .num = sizeof(data) / 512};

	read_equal(2, lba, zero, sizeof(zero), 512);
	fill(data, sizeof(data), 3);
	write_all(2, lba, data, sizeof(data), 512);
	read_equal(2, lba, data, sizeof(data), 512);
	must(iscsi_unmap_sync(initiator, 2, 0, 0, &all, 1), SCSI_STATUS_GOOD);
	read_equal(2, lba, zero, sizeof(zero), 512);
	write_all(2, lba, data, sizeof(data), 512);
	read_equal(2, lba, data, sizeof(data), 512);
}
END_TEST

/* The neighbours of the range keep their data. */
START_TEST(unmap_of_a_part)
{
	static uint8_t data[64 * 512];
	struct unmap_list some[2] = {{.lba = 110, .num = 3}, {.lba = 120, .num = 1}};

	fill(data, sizeof(data), 4);
	write_all(2, 100, data, sizeof(data), 512);
	must(iscsi_unmap_sync(initiator, 2, 0, 0, some, 2), SCSI_STATUS_GOOD);
	memset(data + 10 * 512, 0, 3 * 512);
	memset(data + 20 * 512, 0, 512);
	read_equal(2, 100, data, sizeof(data), 512);
}
END_TEST

/* SBC-3 5.5.2: of the block */
static unsigned provisioning(uint64_t lba)
{
	struct scsi_task *t = iscsi_get_lba_status_sync(initiator, 2, lba, 24);
	ck_assert_ptr_nonnull(t);
	ck_assert_int_eq(t->status, SCSI_STATUS_GOOD);
	unsigned status = t->datain.data[20];
	scsi_free_scsi_task(t);
	return status;
}

START_TEST(anchored_blocks)
{
	enum { MAPPED, DEALLOCATED, ANCHORED };
	static uint8_t data[2 * MIB];
	const uint32_t lba = 8 * MIB / 512, page = 2 * MIB / 512;
	struct unmap_list two = {.lba = lba, .num = 2 * page};
	fill(data, sizeof(data), 1);
	write_all(2, lba, data, sizeof(data), 512);
	ck_assert_uint_eq(provisioning(lba), MAPPED);
	ck_assert_uint_eq(provisioning(lba + page), DEALLOCATED);
	must(iscsi_unmap_sync(initiator, 2, 1, 0, &two, 1), SCSI_STATUS_GOOD);
	ck_assert_uint_eq(provisioning(lba), ANCHORED);
	ck_assert_uint_eq(provisioning(lba + page), ANCHORED);
	memset(data, 0, sizeof(data));
	read_equal(2, lba, data, sizeof(data), 512);
	data[5] = 1;
	write_all(2, lba + page, data, 512, 512);
	ck_assert_uint_eq(provisioning(lba), ANCHORED);
	ck_assert_uint_eq(provisioning(lba + page), MAPPED);
	data[5] = 0;
	must(iscsi_writesame16_sync(initiator, 2, lba + page, data, 512, page, 1, 1, 0, 0),
	     SCSI_STATUS_GOOD);
	ck_assert_uint_eq(provisioning(lba + page), ANCHORED);
	must(iscsi_unmap_sync(initiator, 2, 0, 0, &two, 1), SCSI_STATUS_GOOD);
	ck_assert_uint_eq(provisioning(lba), DEALLOCATED);
	/* Without UNMAP it means nothing. */
	must(iscsi_writesame16_sync(initiator, 2, lba, data, 512, page, 1, 0, 0, 0),
	     SCSI_STATUS_CHECK_CONDITION);
}
END_TEST

START_TEST(write_same_over_pages)
{
	uint8_t one[512], *want = malloc(5 * MIB);
	uint64_t lba = 2 * MIB / 512 - 3;

	ck_assert_ptr_nonnull(want);
	fill(one, sizeof(one), 5);
	for (size_t at = 0; at < 5 * MIB; at += 512)
		memcpy(want + at, one, 512);
	must(iscsi_writesame16_sync(initiator, _i, lba, one, 512, 5 * MIB / 512, 0, 0, 0, 0),
	     SCSI_STATUS_GOOD);
	read_equal(_i, lba, want, 5 * MIB, 512);
	memset(want, 0, 512);
	read_equal(_i, lba - 1, want, 512, 512);
	read_equal(_i, lba + 5 * MIB / 512, want, 512, 512);
	must(iscsi_writesame10_sync(initiator, _i, 1, one, 512, 9, 0, 0, 0, 0), SCSI_STATUS_GOOD);
	memcpy(want, one, 512);
	read_equal(_i, 9, want, 512, 512);
	free(want);
}
END_TEST

START_TEST(verify_finds_a_difference)
{
	static uint8_t data[8 * 512];

	fill(data, sizeof(data), 6);
	write_all(0, 40, data, sizeof(data), 512);
	must(iscsi_verify16_sync(initiator, 0, data, sizeof(data), 40, 0, 0, 1, 512),
	     SCSI_STATUS_GOOD);
	data[7 * 512 + 511] ^= 1;
	must_sense(iscsi_verify16_sync(initiator, 0, data, sizeof(data), 40, 0, 0, 1, 512),
		   SCSI_SENSE_MISCOMPARE, SCSI_SENSE_ASCQ_MISCOMPARE_DURING_VERIFY);
}
END_TEST

/* The last block, one past it, a range that crosses the end, and sums that wrap. */
START_TEST(ends_of_the_medium)
{
	static uint8_t data[2 * 4096];
	int lun = _i, block = block_of(lun);
	uint64_t last = LUN_BYTES / (unsigned)block - 1;
	const uint64_t beyond[] = {last + 1, UINT64_MAX, UINT64_MAX - 1, (uint64_t)1 << 32,
				   (uint64_t)1 << 55};

	fill(data, sizeof(data), 7);
	write_all(lun, last, data, (uint32_t)block, block);
	read_equal(lun, last, data, (uint32_t)block, block);
	must_sense(iscsi_write16_sync(initiator, lun, last, data, (uint32_t)block * 2, block, 0, 0,
				      0, 0, 0),
		   SCSI_SENSE_ILLEGAL_REQUEST, SCSI_SENSE_ASCQ_LBA_OUT_OF_RANGE);
	read_equal(lun, last, data, (uint32_t)block, block);
	for (size_t i = 0; i < sizeof(beyond) / sizeof(*beyond); i++) {
		must_sense(iscsi_read16_sync(initiator, lun, beyond[i], (uint32_t)block, block, 0,
					     0, 0, 0, 0),
			   SCSI_SENSE_ILLEGAL_REQUEST, SCSI_SENSE_ASCQ_LBA_OUT_OF_RANGE);
		must_sense(iscsi_write16_sync(initiator, lun, beyond[i], data, (uint32_t)block,
					      block, 0, 0, 0, 0, 0),
			   SCSI_SENSE_ILLEGAL_REQUEST, SCSI_SENSE_ASCQ_LBA_OUT_OF_RANGE);
	}
}
END_TEST

/* A READ(16) of two blocks for which the initiator expects `edtl` bytes. */
static struct scsi_task *read_expecting(int edtl)
{
	struct scsi_task *t = calloc(1, sizeof(*t));

	ck_assert_ptr_nonnull(t);
	t->cdb[0] = 0x88;
	t->cdb[13] = 2;
	t->cdb_size = 16;
	t->xfer_dir = SCSI_XFER_READ;
	t->expxferlen = edtl;
	return iscsi_scsi_command_sync(initiator, 0, t, NULL);
}

/* RFC 7143 11.4.5 */
START_TEST(residuals_of_reads)
{
	struct scsi_task *t = read_expecting(512);
	ck_assert_int_eq(t->status, SCSI_STATUS_GOOD);
	ck_assert_int_eq(t->residual_status, SCSI_RESIDUAL_OVERFLOW);
	ck_assert_uint_eq(t->residual, 512);
	ck_assert_int_eq(t->datain.size, 512);
	scsi_free_scsi_task(t);

	t = read_expecting(2048);
	ck_assert_int_eq(t->status, SCSI_STATUS_GOOD);
	ck_assert_int_eq(t->residual_status, SCSI_RESIDUAL_UNDERFLOW);
	ck_assert_uint_eq(t->residual, 1024);
	ck_assert_int_eq(t->datain.size, 1024);
	scsi_free_scsi_task(t);

	t = read_expecting(700); /* not a whole number of blocks */
	ck_assert_int_eq(t->residual_status, SCSI_RESIDUAL_OVERFLOW);
	ck_assert_uint_eq(t->residual, 324);
	scsi_free_scsi_task(t);
}
END_TEST

static struct scsi_task *write_expecting(uint8_t *data, size_t edtl)
{
	struct iscsi_data out = {.size = edtl, .data = data};
	struct scsi_task *t = calloc(1, sizeof(*t));

	ck_assert_ptr_nonnull(t);
	t->cdb[0] = 0x8a;
	t->cdb[9] = 200;
	t->cdb[13] = 2;
	t->cdb_size = 16;
	t->xfer_dir = SCSI_XFER_WRITE;
	t->expxferlen = (int)edtl;
	return iscsi_scsi_command_sync(initiator, 0, t, &out);
}

START_TEST(residuals_of_writes)
{
	static uint8_t data[4 * 512], old[4 * 512];
	fill(data, sizeof(data), 8);
	fill(old, sizeof(old), 9);

	write_all(0, 200, old, sizeof(old), 512);
	struct scsi_task *t = write_expecting(data, 512);
	ck_assert_int_eq(t->residual_status, SCSI_RESIDUAL_OVERFLOW);
	ck_assert_uint_eq(t->residual, 512);
	/* What was not sent was not written. */
	read_equal(0, 201, old + 512, 512, 512);
	scsi_free_scsi_task(t);

	/* Less than a block: nothing can be written. */
	write_all(0, 200, old, sizeof(old), 512);
	t = write_expecting(data, 200);
	ck_assert_int_eq(t->residual_status, SCSI_RESIDUAL_OVERFLOW);
	ck_assert_uint_eq(t->residual, 824);
	read_equal(0, 200, old, sizeof(old), 512);
	scsi_free_scsi_task(t);

	write_all(0, 200, old, sizeof(old), 512);
	t = write_expecting(data, 4 * 512);
	ck_assert_int_eq(t->status, SCSI_STATUS_GOOD);
	ck_assert_int_eq(t->residual_status, SCSI_RESIDUAL_UNDERFLOW);
	ck_assert_uint_eq(t->residual, 1024);
	read_equal(0, 200, data, 1024, 512);
	read_equal(0, 202, old + 1024, 1024, 512);
	scsi_free_scsi_task(t);
}
END_TEST

START_TEST(no_such_lun)
{
	must_sense(iscsi_testunitready_sync(initiator, 3), SCSI_SENSE_ILLEGAL_REQUEST,
		   SCSI_SENSE_ASCQ_LOGICAL_UNIT_NOT_SUPPORTED);
	struct scsi_task *t = iscsi_inquiry_sync(initiator, 3, 0, 0, 64);
	ck_assert_ptr_nonnull(t);
	ck_assert_int_eq(t->status, SCSI_STATUS_GOOD);
	ck_assert_int_eq(t->datain.data[0], 0x7f); /* SPC-4 6.6.2 */
	scsi_free_scsi_task(t);
}
END_TEST

START_TEST(report_luns_and_capacity)
{
	static const unsigned ids[] = {0, 1, 2, 7};
	struct scsi_task *t = iscsi_reportluns_sync(initiator, 0, 4096);
	ck_assert_ptr_nonnull(t);
	ck_assert_int_eq(t->status, SCSI_STATUS_GOOD);
	struct scsi_reportluns_list *list = scsi_datain_unmarshall(t);
	ck_assert_ptr_nonnull(list);
	ck_assert_uint_eq(list->num, 4);
	for (unsigned i = 0; i < 4; i++)
		ck_assert_uint_eq(list->luns[i], ids[i]);
	scsi_free_scsi_task(t);

	for (int lun = 0; lun < 3; lun++) {
		t = iscsi_readcapacity16_sync(initiator, lun);
		ck_assert_ptr_nonnull(t);
		struct scsi_readcapacity16 *c = scsi_datain_unmarshall(t);
		ck_assert_ptr_nonnull(c);
		ck_assert_int_eq((int)c->block_length, block_of(lun));
		ck_assert_uint_eq(c->returned_lba, LUN_BYTES / (unsigned)block_of(lun) - 1);
		if (lun == 2)
			ck_assert_int_eq(c->lbpme, 1);
		scsi_free_scsi_task(t);
	}
}
END_TEST

START_TEST(inquiry_names_the_vendor)
{
	struct scsi_task *t = iscsi_inquiry_sync(initiator, 0, 0, 0, 255);
	ck_assert_ptr_nonnull(t);
	ck_assert_int_eq(t->status, SCSI_STATUS_GOOD);
	ck_assert_mem_eq(t->datain.data + 8, "MEMTGT  ", 8);
	scsi_free_scsi_task(t);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("io");
	TCase *t = tcase_create("io");

	tcase_set_timeout(t, 240);
	tcase_add_checked_fixture(t, start, stop);
	tcase_add_loop_test(t, sizes_and_odd_offsets, 0, 3);
	tcase_add_test(t, random_steps_against_a_mirror);
	tcase_add_test(t, luns_are_apart);
	tcase_add_test(t, thin_reads_zero_again_after_unmap);
	tcase_add_test(t, unmap_of_a_part);
	tcase_add_test(t, anchored_blocks);
	tcase_add_loop_test(t, write_same_over_pages, 0, 1);
	tcase_add_loop_test(t, write_same_over_pages, 2, 3);
	tcase_add_test(t, verify_finds_a_difference);
	tcase_add_loop_test(t, ends_of_the_medium, 0, 3);
	tcase_add_test(t, residuals_of_reads);
	tcase_add_test(t, residuals_of_writes);
	tcase_add_test(t, no_such_lun);
	tcase_add_test(t, report_luns_and_capacity);
	tcase_add_test(t, inquiry_names_the_vendor);
	suite_add_tcase(s, t);
	return s;
}

int main(void)
{
	return test_main(suite());
}
