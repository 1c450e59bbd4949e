// SPDX-License-Identifier: MIT
/* test_admission.c - each limit below, at and above it. */
#include "iscsi/admission.h"

#include <arpa/inet.h>
#include <check.h>
#include <string.h>

#include "base/config.h"
#include "lib/test_main.h"

static struct config_limits limits;
static struct admission adm;

static void setup(void)
{
	limits = (struct config_limits){
		.connections = 100, .connections_per_address = 100, .logins = 100};
}

static void begin(void)
{
	ck_assert_int_eq(admission_init(&adm, &limits), 0);
}

static void teardown(void)
{
	admission_free(&adm);
}

static struct sockaddr_storage v4(uint32_t host)
{
	struct sockaddr_storage ss = {0};
	struct sockaddr_in *in = (void *)&ss;
	in->sin_family = AF_INET;
	in->sin_addr.s_addr = htonl(host);
	return ss;
}

static struct sockaddr_storage v6(const char *text)
{
	struct sockaddr_storage ss = {0};
	struct sockaddr_in6 *in = (void *)&ss;
	in->sin6_family = AF_INET6;
	ck_assert_int_eq(inet_pton(AF_INET6, text, &in->sin6_addr), 1);
	return ss;
}

/* By the limit of this name, which has a counter of its own. */
static void refused_by(const struct admission_limit *l, const char *name)
{
	ck_assert_ptr_nonnull(l);
	ck_assert_str_eq(l->name, name);
	ck_assert_ptr_nonnull(strstr(counter_text(l->counter), name));
}

START_TEST(all_connections)
{
	limits.connections = 3;
	begin();
	struct sockaddr_storage a[4];
	for (uint32_t i = 0; i < 4; i++) {
		a[i] = v4(i + 1);
		const struct admission_limit *why = admission_enter(&adm, &a[i]);
		if (i < 3)
			ck_assert_ptr_null(why);
		else
			refused_by(why, "limits.connections");
	}
	admission_leave(&adm, &a[0], true);
	ck_assert_ptr_null(admission_enter(&adm, &a[3]));
}
END_TEST

START_TEST(connections_of_one_address)
{
	limits.connections_per_address = 2;
	begin();
	struct sockaddr_storage a = v4(0x7f000001), b = v4(0x7f000002);
	ck_assert_ptr_null(admission_enter(&adm, &a));
	ck_assert_ptr_null(admission_enter(&adm, &a));
	refused_by(admission_enter(&adm, &a), "limits.connections_per_address");
	ck_assert_ptr_null(admission_enter(&adm, &b));
	admission_leave(&adm, &a, true);
	ck_assert_ptr_null(admission_enter(&adm, &a));
}
END_TEST

START_TEST(one_host_on_both_kinds_of_socket)
{
	limits.connections_per_address = 1;
	begin();
	struct sockaddr_storage a = v4(0x7f000001), b = v6("::ffff:127.0.0.1"), c = v6("::1");
	ck_assert_ptr_null(admission_enter(&adm, &a));
	refused_by(admission_enter(&adm, &b), "limits.connections_per_address");
	ck_assert_ptr_null(admission_enter(&adm, &c));
}
END_TEST

START_TEST(connections_that_did_not_log_in)
{
	limits.logins = 1;
	begin();
	struct sockaddr_storage a = v4(1);
	ck_assert_ptr_null(admission_enter(&adm, &a));
	refused_by(admission_enter(&adm, &a), "limits.logins");
	admission_logged_in(&adm);
	ck_assert_ptr_null(admission_enter(&adm, &a));
	admission_leave(&adm, &a, false);
	refused_by(admission_enter(&adm, &a), "limits.logins");
	admission_leave(&adm, &a, true);
	ck_assert_ptr_null(admission_enter(&adm, &a));
	ck_assert_uint_eq(adm.connections, 1);
}
END_TEST

/* Hosts come and go in a full table: nobody's count is lost when a neighbour's place is freed. */
START_TEST(counts_survive_the_leaving_of_others)
{
	limits.connections = 1000;
	limits.logins = 1000;
	limits.connections_per_address = 2;
	begin();
	for (uint32_t round = 0; round < 3; round++) {
		for (uint32_t h = 0; h < 500; h++) {
			struct sockaddr_storage a = v4(h);
			ck_assert_ptr_null(admission_enter(&adm, &a));
			ck_assert_ptr_null(admission_enter(&adm, &a));
		}
		for (uint32_t h = 0; h < 500; h += 2) {
			struct sockaddr_storage a = v4(h);
			admission_leave(&adm, &a, true);
			admission_leave(&adm, &a, true);
		}
		for (uint32_t h = 1; h < 500; h += 2) {
			struct sockaddr_storage a = v4(h);
			refused_by(admission_enter(&adm, &a), "limits.connections_per_address");
			admission_leave(&adm, &a, true);
			admission_leave(&adm, &a, true);
		}
		ck_assert_uint_eq(adm.connections, 0);
		ck_assert_uint_eq(adm.logins, 0);
	}
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("admission");
	TCase *t = tcase_create("all");
	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, all_connections);
	tcase_add_test(t, connections_of_one_address);
	tcase_add_test(t, one_host_on_both_kinds_of_socket);
	tcase_add_test(t, connections_that_did_not_log_in);
	tcase_add_test(t, counts_survive_the_leaving_of_others);
	suite_add_tcase(s, t);
	return s;
}

int main(void)
{
	return test_main(suite());
}
