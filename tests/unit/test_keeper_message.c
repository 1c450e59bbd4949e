// SPDX-License-Identifier: MIT
/* test_keeper_message.c - what a keeper understands, and what it finds strange. */
#include "keeper/message.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "lib/test_main.h"

static struct keeper_message m;
static const char *why;

static int parse(const char *text)
{
	return keeper_message_parse(&m, text, strlen(text), &why);
}

START_TEST(simple_ones)
{
	ck_assert_int_eq(parse("READY=1"), 0);
	ck_assert(m.ready && !m.stopping && !m.watchdog && !m.store && !m.forget && !m.barrier);
	ck_assert_int_eq(parse("STOPPING=1\n"), 0);
	ck_assert(m.stopping && !m.ready);
	ck_assert_int_eq(parse("WATCHDOG=1"), 0);
	ck_assert(m.watchdog && !m.hangs);
	ck_assert_int_eq(parse("WATCHDOG=trigger"), 0);
	ck_assert(m.hangs && !m.watchdog);
	ck_assert_int_eq(parse("BARRIER=1"), 0);
	ck_assert(m.barrier);
	ck_assert_int_eq(parse("FDSTORE=1\nFDNAME=memtgt-pool\nFDPOLL=0"), 0);
	ck_assert(m.store);
	ck_assert_str_eq(m.name, "memtgt-pool");
	ck_assert_int_eq(parse("FDNAME=portal-0\nFDSTOREREMOVE=1"), 0);
	ck_assert(m.forget);
	ck_assert_str_eq(m.name, "portal-0");
	ck_assert_int_eq(parse("X_MEMTGT_BINARY=/usr/sbin/memtgtd"), 0);
	ck_assert_str_eq(m.binary, "/usr/sbin/memtgtd");
	ck_assert_int_eq(parse("READY=1\nSTATUS=2 disks = all\nMAINPID=1"), 0);
	ck_assert(m.ready);
	ck_assert_str_eq(m.status, "2 disks = all");
}
END_TEST

START_TEST(nothing_in_it)
{
	ck_assert_int_eq(keeper_message_parse(&m, "", 0, &why), 0);
	ck_assert_int_eq(parse("\n\n"), 0);
	ck_assert_int_eq(parse("UNKNOWN=x\nready=1\nREADYX=1\n=1"), 0);
	ck_assert(!m.ready && !m.name[0] && !m.binary[0] && !m.status[0]);
}
END_TEST

START_TEST(strange_ones)
{
	static const char *const texts[] = {
		"READY=0",
		"READY=",
		"READY=11",
		"READY",
		"STOPPING=yes",
		"WATCHDOG=2",
		"FDSTORE=1",
		"FDSTORE=1\nFDNAME=",
		"FDSTORE=1\nFDNAME=a:b",
		"FDSTORE=1\nFDNAME=a b",
		"FDSTORE=2\nFDNAME=a",
		"FDSTOREREMOVE=1",
		"FDSTOREREMOVE=1\nFDSTORE=1\nFDNAME=a",
		"FDSTORE=1\nFDNAME=a\nBARRIER=1",
		"FDSTOREREMOVE=0\nFDNAME=a",
		"BARRIER=0",
		"X_MEMTGT_BINARY=",
		"X_MEMTGT_BINARY=memtgtd",
		"EXTEND_TIMEOUT_USEC=",
		"EXTEND_TIMEOUT_USEC=-1",
		"EXTEND_TIMEOUT_USEC=1s",
		"EXTEND_TIMEOUT_USEC=86400000001",
		"EXTEND_TIMEOUT_USEC=99999999999999999999999999",
	};

	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
		ck_assert_msg(parse(texts[i]) == -EINVAL, "\"%s\"", texts[i]);
		ck_assert_ptr_nonnull(why);
	}
	ck_assert_int_eq(keeper_message_parse(&m, "READY=1\0X", 9, &why), -EINVAL);
}
END_TEST

/* At and above what each may be long. */
START_TEST(limits)
{
	static char text[KEEPER_MESSAGE_MAX + 2];

	ck_assert_int_eq(parse("EXTEND_TIMEOUT_USEC=86400000000"), 0);
	ck_assert_uint_eq(m.extend_us, 86400000000);
	memset(text, 'x', sizeof(text));
	memcpy(text, "X=", 2);
	ck_assert_int_eq(keeper_message_parse(&m, text, KEEPER_MESSAGE_MAX, &why), 0);
	ck_assert_int_eq(keeper_message_parse(&m, text, KEEPER_MESSAGE_MAX + 1, &why), -EINVAL);
	memcpy(text, "X_MEMTGT_BINARY=/", 17);
	ck_assert_int_eq(keeper_message_parse(&m, text, 16 + KEEPER_BINARY_MAX, &why), 0);
	ck_assert_uint_eq(strlen(m.binary), KEEPER_BINARY_MAX);
	ck_assert_int_eq(keeper_message_parse(&m, text, 17 + KEEPER_BINARY_MAX, &why), -EINVAL);
	memcpy(text, "FDSTORE=1\nFDNAME=", 17);
	ck_assert_int_eq(keeper_message_parse(&m, text, 17 + NOTIFY_NAME_MAX, &why), 0);
	ck_assert_uint_eq(strlen(m.name), NOTIFY_NAME_MAX);
	ck_assert_int_eq(keeper_message_parse(&m, text, 18 + NOTIFY_NAME_MAX, &why), -EINVAL);
	memset(text, 'x', sizeof(text));
	memcpy(text, "STATUS=", 7);
	ck_assert_int_eq(keeper_message_parse(&m, text, 1000, &why), 0);
	ck_assert_uint_eq(strlen(m.status), KEEPER_STATUS_MAX);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("keeper_message");
	TCase *t = tcase_create("keeper_message");

	tcase_add_test(t, simple_ones);
	tcase_add_test(t, nothing_in_it);
	tcase_add_test(t, strange_ones);
	tcase_add_test(t, limits);
	suite_add_tcase(s, t);
	return test_main(s);
}
