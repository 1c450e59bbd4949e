// SPDX-License-Identifier: MIT
/* test_loan_answer.c - what donors send: whole, cut at each byte, and wrong. */
#include "initiator-tools/answer.h"

#include <stdlib.h>
#include <string.h>

#include "lib/test_main.h"

typedef bool answer_fn(struct cursor c, struct donor_lun *l);

static struct donor_lun l;
static uint8_t buf[512];
static struct writer w;

static void setup(void)
{
	l = (struct donor_lun){.block_size = 512};
	w = writer_of(buf, sizeof(buf));
}

/* From a block of just its size, so that a sanitizer sees a byte too far. */
static bool take(answer_fn *answer, size_t n)
{
	uint8_t *exact = malloc(n ? n : 1);

	memcpy(exact, buf, n);
	bool ok = answer(cursor_of(exact, n), &l);
	free(exact);
	return ok;
}

static bool whole(answer_fn *answer)
{
	return take(answer, writer_len(&w));
}

/* Nothing is believed that did not come. */
static void cut_everywhere(answer_fn *answer)
{
	for (size_t n = 0; n < writer_len(&w); n++) {
		l = (struct donor_lun){.block_size = 512};
		(void)take(answer, n);
	}
}

static void page(uint8_t code, uint16_t len)
{
	writer_u8(&w, 0);
	writer_u8(&w, code);
	writer_u16(&w, len);
}

START_TEST(inquiry_tells_a_disk)
{
	writer_zero(&w, 36);
	ck_assert(whole(answer_inquiry));
	ck_assert(l.is_disk);
	buf[0] = 0x1f;
	ck_assert(whole(answer_inquiry));
	ck_assert(!l.is_disk);
	buf[0] = 0x20; /* qualifier 001b: a disk could be there */
	ck_assert(whole(answer_inquiry));
	ck_assert(!l.is_disk);
	ck_assert(!take(answer_inquiry, 0));
}
END_TEST

START_TEST(capacity_is_blocks_times_their_size)
{
	writer_u64(&w, 2047);
	writer_u32(&w, 512);
	writer_zero(&w, 20);
	ck_assert(whole(answer_capacity));
	ck_assert_uint_eq(l.size, 1 << 20);
	ck_assert_uint_eq(l.block_size, 512);
	cut_everywhere(answer_capacity);
}
END_TEST

START_TEST(capacities_that_cannot_be_are_refused)
{
	static const struct {
		uint64_t last;
		uint32_t block;
	} rows[] = {
		{UINT64_MAX, 512},
		{UINT64_MAX / 512 + 1, 512},
		{1, 0},
		{1, 256},
		{1, 520},
		{1, 131072},
		{1, 1u << 31},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		setup();
		writer_u64(&w, rows[i].last);
		writer_u32(&w, rows[i].block);
		ck_assert_msg(!whole(answer_capacity), "row %zu", i);
		ck_assert_uint_eq(l.size, 0);
	}
}
END_TEST

START_TEST(serial_is_text)
{
	page(0x80, 8);
	writer_put(&w, "AB\001D  \n ", 8);
	ck_assert(whole(answer_serial));
	ck_assert_str_eq(l.serial, "AB?D  ?");
	/* Longer than what came, and longer than there is room. */
	st16(buf + 2, 0xffff);
	ck_assert(whole(answer_serial));
	ck_assert(take(answer_serial, sizeof(buf)));
	ck_assert_uint_lt(strlen(l.serial), sizeof(l.serial));
	buf[1] = 0x83;
	ck_assert(!whole(answer_serial));
	cut_everywhere(answer_serial);
}
END_TEST

START_TEST(naa_is_found_among_designators)
{
	page(0x83, 4 + 3 + 4 + 8 + 4 + 8);
	writer_put(&w, (uint8_t[]){0x02, 0x01, 0, 3, 'a', 'b', 'c'}, 7);
	writer_put(&w, (uint8_t[]){0x01, 0x13, 0, 8, 1, 1, 1, 1, 1, 1, 1, 1}, 12); /* a port's */
	writer_put(&w, (uint8_t[]){0x01, 0x03, 0, 8, 0x30, 1, 2, 3, 4, 5, 6, 0xff}, 12);
	ck_assert(whole(answer_identification));
	ck_assert_str_eq(l.naa, "30010203040506ff");
	cut_everywhere(answer_identification);
	ck_assert_str_eq(l.naa, "");
}
END_TEST

START_TEST(provisioning_tells_kind_and_unit)
{
	page(0xb2, 4);
	writer_put(&w, (uint8_t[]){12, 0xe0, 2, 0}, 4);
	ck_assert(whole(answer_provisioning));
	ck_assert(l.has_provisioning && l.is_thin);
	ck_assert_uint_eq(l.threshold_exponent, 12);
	buf[6] = 1;
	ck_assert(whole(answer_provisioning));
	ck_assert(!l.is_thin);
	cut_everywhere(answer_provisioning);
	ck_assert(!take(answer_provisioning, 6));
}
END_TEST

static void resource(uint16_t code, uint32_t count, uint8_t scope)
{
	writer_u16(&w, code);
	writer_u8(&w, 3);
	writer_u8(&w, 8);
	writer_u32(&w, count);
	writer_u8(&w, scope);
	writer_zero(&w, 3);
}

START_TEST(log_tells_available_and_used)
{
	writer_u32(&w, 0x8c000000 | 24);
	resource(1, 100, 2);
	resource(2, 7, 1);
	ck_assert(whole(answer_log));
	ck_assert(l.has_available && l.has_used && l.is_shared);
	ck_assert_uint_eq(l.available, 100);
	ck_assert_uint_eq(l.used, 7);
	cut_everywhere(answer_log);
	ck_assert(!l.has_used);
	ck_assert(l.has_available);
}
END_TEST

START_TEST(log_of_another_kind_tells_nothing)
{
	writer_u32(&w, 0x8c000000 | 12);
	resource(1, 100, 2);
	buf[0] = 0x8d;
	ck_assert(!whole(answer_log));
	buf[0] = 0x8c;
	buf[7] = 3; /* too short to hold a count and its scope */
	ck_assert(!whole(answer_log));
	buf[7] = 255; /* longer than all that came */
	ck_assert(!whole(answer_log));
	st16(buf + 2, 0); /* no parameter */
	ck_assert(!whole(answer_log));
	ck_assert(!l.has_available && !l.has_used);
}
END_TEST

START_TEST(keys_are_counted)
{
	writer_u32(&w, 5);
	writer_u32(&w, 16);
	writer_u64(&w, 0x1234);
	writer_u64(&w, 0x5678);
	ck_assert(whole(answer_keys));
	ck_assert_uint_eq(l.keys, 2);
	ck_assert_uint_eq(l.key, 0x1234);
	/* Told, but cut by the allocation length: still a claim. */
	l = (struct donor_lun){0};
	ck_assert(take(answer_keys, 8));
	ck_assert_uint_eq(l.keys, 2);
	st32(buf + 4, 15);
	ck_assert(!whole(answer_keys));
	cut_everywhere(answer_keys);
	ck_assert(!take(answer_keys, 7));
}
END_TEST

START_TEST(reservation_tells_its_type)
{
	writer_u32(&w, 5);
	writer_u32(&w, 16);
	writer_u64(&w, 0x1234);
	writer_put(&w, (uint8_t[]){0, 0, 0, 0, 0, 0x07, 0, 0}, 8);
	ck_assert(whole(answer_reservation));
	ck_assert(l.has_reservation);
	ck_assert_uint_eq(l.reservation, 7);
	cut_everywhere(answer_reservation);
	setup();
	ck_assert(!take(answer_reservation, 16));
	ck_assert(!l.has_reservation);
	writer_zero(&w, 8);
	ck_assert(whole(answer_reservation));
	ck_assert(l.has_reservation);
	ck_assert_uint_eq(l.reservation, 0);
}
END_TEST

static void registration(const char *name, uint8_t format)
{
	uint16_t len = (uint16_t)((strlen(name) + 4) & ~3u);

	writer_u64(&w, 1);
	writer_zero(&w, 4);
	writer_put(&w, (uint8_t[]){1, 7, 0, 0, 0, 0, 0, 1}, 8);
	writer_u32(&w, 4u + len);
	writer_u8(&w, (uint8_t)(format << 6 | 5));
	writer_u8(&w, 0);
	writer_u16(&w, len);
	writer_put(&w, name, strlen(name));
	writer_zero(&w, len - strlen(name));
}

static void claims_begin(void)
{
	writer_u32(&w, 9);
	writer_u32(&w, 0);
}

static void claims_end(void)
{
	st32(buf + 4, (uint32_t)writer_len(&w) - 8);
}

START_TEST(claims_are_initiators_each_once)
{
	claims_begin();
	registration("iqn.2026-01.org.example:a,i,0x00023d000001", 1);
	registration("iqn.2026-01.org.example:b", 0);
	registration("iqn.2026-01.org.example:a,i,0x00023d000002", 1);
	claims_end();
	ck_assert(whole(answer_claims));
	ck_assert(l.has_claims);
	ck_assert_uint_eq(l.nclaims, 2);
	ck_assert_str_eq(l.claims[0], "iqn.2026-01.org.example:a");
	ck_assert_str_eq(l.claims[1], "iqn.2026-01.org.example:b");
	cut_everywhere(answer_claims);
}
END_TEST

START_TEST(claims_beyond_the_room_are_counted)
{
	char name[] = "iqn.2026-01.org.example:a";

	claims_begin();
	for (unsigned i = 0; i < DONOR_CLAIMS_MAX + 2; i++, name[sizeof(name) - 2]++)
		registration(name, 0);
	claims_end();
	ck_assert(whole(answer_claims));
	ck_assert_uint_eq(l.nclaims, DONOR_CLAIMS_MAX + 2);
}
END_TEST

START_TEST(no_claims_is_an_answer)
{
	claims_begin();
	ck_assert(whole(answer_claims));
	ck_assert(l.has_claims);
	ck_assert_uint_eq(l.nclaims, 0);
	/* Some are told, but not one came. */
	l = (struct donor_lun){0};
	st32(buf + 4, 48);
	ck_assert(!whole(answer_claims));
	ck_assert(!l.has_claims);
}
END_TEST

START_TEST(claims_of_other_transports_have_no_name)
{
	claims_begin();
	registration("x", 0);
	claims_end();
	buf[8 + 24] = 0x06; /* SAS */
	ck_assert(whole(answer_claims));
	ck_assert_uint_eq(l.nclaims, 1);
	ck_assert_str_eq(l.claims[0], "?");
	/* A length that points far away. */
	setup();
	claims_begin();
	registration("x", 0);
	claims_end();
	st32(buf + 8 + 20, UINT32_MAX);
	ck_assert(whole(answer_claims));
	ck_assert_uint_eq(l.nclaims, 1);
}
END_TEST

static unsigned seen[8], nseen, enough;

static bool see(void *arg, unsigned id)
{
	(void)arg;
	seen[nseen++] = id;
	return nseen < enough;
}

static bool luns(struct cursor c, struct donor_lun *unused)
{
	(void)unused;
	nseen = 0;
	return answer_luns(c, see, NULL);
}

START_TEST(luns_with_simple_numbers_are_told)
{
	enough = 8;
	writer_u32(&w, 5 * 8);
	writer_zero(&w, 4);
	writer_put(&w, (uint8_t[]){0, 3, 0, 0, 0, 0, 0, 0}, 8);
	writer_put(&w, (uint8_t[]){0x41, 2, 0, 0, 0, 0, 0, 0}, 8); /* flat: 258 */
	writer_put(&w, (uint8_t[]){0xc1, 1, 0, 0, 0, 0, 0, 0}, 8); /* well known */
	writer_put(&w, (uint8_t[]){0, 4, 0, 1, 0, 0, 0, 0}, 8);	   /* two levels */
	writer_put(&w, (uint8_t[]){0, 5, 0, 0, 0, 0, 0, 0}, 8);
	ck_assert(whole(luns));
	ck_assert_uint_eq(nseen, 3);
	ck_assert_uint_eq(seen[0], 3);
	ck_assert_uint_eq(seen[1], 258);
	ck_assert_uint_eq(seen[2], 5);
	enough = 2;
	ck_assert(whole(luns));
	ck_assert_uint_eq(nseen, 2);
	enough = 8;
	cut_everywhere(luns);
	ck_assert_uint_eq(nseen, 2);
	ck_assert(!take(luns, 7));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("loan_answer");
	TCase *all = tcase_create("all");

	tcase_add_checked_fixture(all, setup, NULL);
	tcase_add_test(all, inquiry_tells_a_disk);
	tcase_add_test(all, capacity_is_blocks_times_their_size);
	tcase_add_test(all, capacities_that_cannot_be_are_refused);
	tcase_add_test(all, serial_is_text);
	tcase_add_test(all, naa_is_found_among_designators);
	tcase_add_test(all, provisioning_tells_kind_and_unit);
	tcase_add_test(all, log_tells_available_and_used);
	tcase_add_test(all, log_of_another_kind_tells_nothing);
	tcase_add_test(all, keys_are_counted);
	tcase_add_test(all, reservation_tells_its_type);
	tcase_add_test(all, claims_are_initiators_each_once);
	tcase_add_test(all, claims_beyond_the_room_are_counted);
	tcase_add_test(all, no_claims_is_an_answer);
	tcase_add_test(all, claims_of_other_transports_have_no_name);
	tcase_add_test(all, luns_with_simple_numbers_are_told);
	suite_add_tcase(suite, all);
	return test_main(suite);
}
