// SPDX-License-Identifier: MIT
/* test_loan_sg.c - what a command's answer says, and which commands are sent again. */
#include "initiator-tools/host/sg.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "initiator-tools/host/inquire.h"
#include "lib/test_main.h"

START_TEST(sense_is_read_in_both_formats)
{
	static const uint8_t fixed[18] = {0x70, 0, 0x47, [12] = 0x27, [13] = 0x07};
	static const uint8_t descriptors[8] = {0x72, 0x07, 0x27, 0x07};
	struct sg_result r = {0};

	ck_assert(sg_sense(cursor_of(fixed, sizeof(fixed)), &r));
	ck_assert(r.key == 7 && r.asc == 0x27 && r.ascq == 0x07);
	r = (struct sg_result){0};
	ck_assert(sg_sense(cursor_of(descriptors, sizeof(descriptors)), &r));
	ck_assert(r.key == 7 && r.asc == 0x27 && r.ascq == 0x07);
	r = (struct sg_result){0};
	for (size_t n = 0; n < 14; n++)
		ck_assert(!sg_sense(cursor_of(fixed, n), &r));
	for (size_t n = 0; n < 4; n++)
		ck_assert(!sg_sense(cursor_of(descriptors, n), &r));
	ck_assert(!sg_sense(cursor_of((uint8_t[18]){0x7f}, 18), &r));
	ck_assert(!r.key && !r.asc && !r.ascq);
}
END_TEST

/* Answers one after another; the last one stays. */
struct script {
	struct sg_result answers[4];
	unsigned n, sent;
	int err;
};

static int answer(void *arg, const struct sg_command *c, void *data, struct sg_result *r)
{
	struct script *s = arg;

	(void)c;
	(void)data;
	*r = s->answers[s->sent < s->n ? s->sent : s->n - 1];
	s->sent++;
	return s->err;
}

static int run(struct script *s, struct sg_result *r)
{
	struct sg_device d = {.send = answer, .arg = s};

	return sg_run(&d, &(struct sg_command){.cdb_len = 6}, NULL, r);
}

#define ATTENTION                                                    \
	{                                                            \
		.status = SG_CHECK, .key = 6, .asc = 0x29, .ascq = 0 \
	}

START_TEST(attentions_are_passed_over)
{
	struct script s = {.answers = {ATTENTION, ATTENTION, {.status = SG_CONFLICT}}, .n = 3};
	struct sg_result r;

	ck_assert_int_eq(run(&s, &r), 0);
	ck_assert_uint_eq(s.sent, 3);
	ck_assert_uint_eq(r.status, SG_CONFLICT);
}
END_TEST

START_TEST(but_not_for_ever)
{
	struct script s = {.answers = {ATTENTION}, .n = 1};
	struct sg_result r;

	ck_assert_int_eq(run(&s, &r), 0);
	ck_assert_uint_eq(s.sent, 8);
	ck_assert_uint_eq(r.key, 6);
}
END_TEST

START_TEST(busy_is_waited_for)
{
	struct script s = {.answers = {{.status = SG_BUSY}, {.status = SG_FULL}, {0}}, .n = 3};
	struct sg_result r;

	ck_assert_int_eq(run(&s, &r), 0);
	ck_assert_uint_eq(s.sent, 3);
	ck_assert_uint_eq(r.status, SG_GOOD);
}
END_TEST

START_TEST(no_answer_is_not_asked_for_again)
{
	struct script s = {.answers = {{0}}, .n = 1, .err = -ETIMEDOUT};
	struct sg_result r;

	ck_assert_int_eq(run(&s, &r), -ETIMEDOUT);
	ck_assert_uint_eq(s.sent, 1);
}
END_TEST

START_TEST(answers_have_words)
{
	static const struct {
		struct sg_result r;
		const char *words;
	} rows[] = {
		{{.status = SG_CHECK, .key = 7, .asc = 0x27, .ascq = 7}, "sense 07/27/07"},
		{{.status = SG_CONFLICT}, "RESERVATION CONFLICT"},
		{{.status = SG_BUSY}, "busy"},
		{{.status = SG_FULL}, "busy"},
		{{.status = 0x40}, "status 40h"},
	};
	char words[SG_WORDS];

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		ck_assert_str_eq(sg_words(&rows[i].r, words), rows[i].words);
}
END_TEST

/* A name may be another disk's by the time it is opened, or no disk's. */
START_TEST(only_the_disk_itself_is_opened)
{
	struct disk k = {.name = "null", .major = 1, .minor = 3};

	ck_assert_int_eq(sg_open(&k, 0), -ENODEV);
	snprintf(k.name, sizeof(k.name), "no-such-disk");
	ck_assert_int_eq(sg_open(&k, 0), -ENOENT);
	struct sg_device d = sg_of_disk(&k);
	struct sg_result r;
	ck_assert_int_eq(sg_run(&d, &(struct sg_command){.cdb_len = 6}, NULL, &r), -ENOENT);
	ck_assert_int_eq(sg_run(&d, &(struct sg_command){.len = SG_DATA_MAX + 1}, NULL, &r),
			 -EINVAL);
}
END_TEST

/* Its names, and that it is not ready: what memtgtd(8) does when the content was lost. */
static int answer_names(void *arg, const struct sg_command *c, void *data, struct sg_result *r)
{
	static const uint8_t naa[] = {0, 0x83, 0, 12, 0x01, 0x03, 0, 8, 0x30, 1, 2, 3, 4, 5, 6, 7};
	static const uint8_t serial[] = {0, 0x80, 0, 4, 'D', '1', '+', '2'};
	bool is_serial = c->cdb[2] == 0x80;

	(void)arg;
	*r = (struct sg_result){.status = SG_CHECK, .key = 2, .asc = 0x04, .ascq = 0x03};
	if (c->cdb[0] != 0x12)
		return 0;
	*r = (struct sg_result){.got = is_serial ? sizeof(serial) : sizeof(naa)};
	memcpy(data, is_serial ? serial : naa, r->got);
	return 0;
}

START_TEST(a_disk_that_is_not_ready_has_names)
{
	struct sg_device d = {.send = answer_names};
	struct donor_lun is;
	struct sg_result r;

	ck_assert_int_eq(inquire_identity(&d, &is, &r), -EREMOTEIO);
	ck_assert(r.key == 2 && r.asc == 0x04 && r.ascq == 0x03);
	ck_assert_str_eq(is.serial, "D1+2");
	ck_assert_ptr_nonnull(strstr(is.naa, "3001020304050607"));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("loan_sg");
	TCase *tc = tcase_create("sg");

	tcase_add_test(tc, sense_is_read_in_both_formats);
	tcase_add_test(tc, attentions_are_passed_over);
	tcase_add_test(tc, but_not_for_ever);
	tcase_add_test(tc, busy_is_waited_for);
	tcase_add_test(tc, no_answer_is_not_asked_for_again);
	tcase_add_test(tc, answers_have_words);
	tcase_add_test(tc, only_the_disk_itself_is_opened);
	tcase_add_test(tc, a_disk_that_is_not_ready_has_names);
	suite_add_tcase(suite, tc);
	return test_main(suite);
}
