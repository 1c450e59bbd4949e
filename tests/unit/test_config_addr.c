// SPDX-License-Identifier: MIT
/* test_config_addr.c - addresses, networks, and who may log in. */
#include "base/config_addr.h"

#include <arpa/inet.h>
#include <net/if.h>
#include <string.h>

#include "lib/test_main.h"

static struct sockaddr_storage from(const char *text)
{
	struct sockaddr_storage ss = {0};
	struct sockaddr_in *v4 = (void *)&ss;
	struct sockaddr_in6 *v6 = (void *)&ss;

	ss.ss_family = strchr(text, ':') ? AF_INET6 : AF_INET;
	void *at = ss.ss_family == AF_INET ? (void *)&v4->sin_addr : (void *)&v6->sin6_addr;
	ck_assert_int_eq(inet_pton(ss.ss_family, text, at), 1);
	return ss;
}

struct row {
	const char *text, *why; /* NULL: it is right */
};

static void try_rows(const struct row *rows, size_t n, const char *(*bad)(const char *))
{
	for (size_t i = 0; i < n; i++) {
		const char *why = bad(rows[i].text);
		if (rows[i].why)
			ck_assert_msg(why && strstr(why, rows[i].why), "%s: %s", rows[i].text,
				      why ? why : "accepted");
		else
			ck_assert_msg(!why, "%s: %s", rows[i].text, why);
	}
}
#define TRY(rows, bad) try_rows(rows, sizeof(rows) / sizeof((rows)[0]), bad)

START_TEST(addresses)
{
	static const struct row rows[] = {
		{"127.0.0.1", NULL},
		{"0.0.0.0", NULL},
		{"::", NULL},
		{"2001:db8::1", NULL},
		{"::ffff:10.0.0.1", NULL},
		{"fe80::1%eth0", NULL},
		{"fe80::1%abcdefghijklmno", NULL},
		{"fe80::1%abcdefghijklmnop", "network interface"},
		{"fe80::1%", "network interface"},
		{"febf::1%eth0", NULL},
		{"fec0::1%eth0", "only a link-local"},
		{"2001:db8::1%eth0", "only a link-local"},
		{"10.0.0.1%eth0", "only a link-local"},
		{"fe80::1", "needs its interface"},
		{"localhost", "host names are refused"},
		{"127.1", "numeric"},
		{"256.0.0.1", "numeric"},
		{"1:2:3:4:5:6:7:8:9", "numeric"},
		{" 127.0.0.1", "numeric"},
		{"", "numeric"},
		{"[::1]", "brackets"},
		{"1234:5678:9abc:def0:1234:5678:9abc:def0:1234:5678:9abc:def0:1234:5678", "longer"},
	};
	TRY(rows, config_addr_bad);
}
END_TEST

START_TEST(announced)
{
	static const struct row rows[] = {
		{"192.0.2.1:3260", NULL},
		{"192.0.2.1:1", NULL},
		{"192.0.2.1:65535", NULL},
		{"[2001:db8::1]:3260", NULL},
		{"192.0.2.1:0", "from 1 to 65535"},
		{"192.0.2.1:65536", "from 1 to 65535"},
		{"192.0.2.1:100000", "ADDRESS:PORT"},
		{"192.0.2.1", "ADDRESS:PORT"},
		{"192.0.2.1:", "ADDRESS:PORT"},
		{"192.0.2.1:-1", "ADDRESS:PORT"},
		{"192.0.2.1:iscsi", "ADDRESS:PORT"},
		{":3260", "numeric"},
		{"donor:3260", "numeric"},
		{"2001:db8::1:3260", "brackets"},
		{"[2001:db8::1]", "ADDRESS:PORT"},
		{"[2001:db8::1]3260", "ADDRESS:PORT"},
		{"[fe80::1%eth0]:3260", "link"},
		{"[fe80::1]:3260", "link"},
		{"0.0.0.0:3260", "wildcard"},
		{"[::]:3260", "wildcard"},
		{"", "ADDRESS:PORT"},
	};
	TRY(rows, config_addr_bad_announce);
}
END_TEST

START_TEST(networks)
{
	static const struct row rows[] = {
		{"10.0.0.0/8", NULL},
		{"10.1.2.3", NULL},
		{"10.1.2.3/32", NULL},
		{"0.0.0.0/0", NULL},
		{"10.0.0.0/33", "at most 32"},
		{"2001:db8::/32", NULL},
		{"2001:db8::1/128", NULL},
		{"2001:db8::1/129", "at most 32"},
		{"::/0", NULL},
		{"fe80::/10", NULL},
		{"::ffff:10.0.0.0/104", NULL},
		{"::ffff:10.0.0.0/129", "at most 32"},
		{"10.0.0.1/8", "beyond"},
		{"10.128.0.0/8", "beyond"},
		{"10.128.0.0/9", NULL},
		{"10.0.0.0/", "ADDRESS/PREFIX"},
		{"10.0.0.0/-1", "ADDRESS/PREFIX"},
		{"10.0.0.0/255.0.0.0", "ADDRESS/PREFIX"},
		{"fe80::1%eth0", NULL},
		{"fe80::%eth0/64", NULL},
		{"fe80::1%eth0/64", "bits beyond"},
		{"fe80::/64%eth0", "ADDRESS/PREFIX"},
		{"2001:db8::%eth0/64", "only a link-local"},
		{"lan/8", "numeric"},
		{"", "numeric"},
	};
	TRY(rows, config_addr_bad_network);
}
END_TEST

START_TEST(loopback)
{
	ck_assert(config_addr_is_loopback("127.0.0.1"));
	ck_assert(config_addr_is_loopback("127.255.255.255"));
	ck_assert(config_addr_is_loopback("::1"));
	ck_assert(config_addr_is_loopback("::ffff:127.0.0.1"));
	ck_assert(!config_addr_is_loopback("126.255.255.255"));
	ck_assert(!config_addr_is_loopback("128.0.0.0"));
	ck_assert(!config_addr_is_loopback("::"));
	ck_assert(!config_addr_is_loopback("::2"));
	ck_assert(!config_addr_is_loopback("0.0.0.0"));
}
END_TEST

static bool clash(const char *a, uint16_t a_port, const char *b, uint16_t b_port)
{
	char a_text[64], b_text[64];
	struct config_portal p = {.address = strcpy(a_text, a), .port = a_port};
	struct config_portal q = {.address = strcpy(b_text, b), .port = b_port};

	ck_assert_int_eq(config_addr_clash(&p, &q), config_addr_clash(&q, &p));
	return config_addr_clash(&p, &q);
}

START_TEST(portals)
{
	ck_assert(clash("10.0.0.1", 1, "10.0.0.1", 1));
	ck_assert(!clash("10.0.0.1", 1, "10.0.0.1", 2));
	ck_assert(!clash("10.0.0.1", 1, "10.0.0.2", 1));
	ck_assert(!clash("10.0.0.1", 0, "10.0.0.1", 0));
	ck_assert(clash("0.0.0.0", 1, "10.0.0.2", 1));
	ck_assert(clash("::", 1, "2001:db8::1", 1));
	ck_assert(clash("2001:db8:0::1", 1, "2001:db8::1", 1));
	ck_assert(clash("::ffff:10.0.0.1", 1, "10.0.0.1", 1));
	ck_assert(!clash("fe80::1%a", 1, "fe80::1%b", 1));
	ck_assert(clash("fe80::1%a", 1, "fe80::1%a", 1));
}
END_TEST

#define NAME "iqn.2026-01.example:host"

static bool may(const struct config_access *a, const char *address)
{
	struct sockaddr_storage ss = from(address);

	return config_may_access(a, NAME, &ss);
}

START_TEST(access_without_rules)
{
	struct config_access a = {0};
	struct sockaddr_storage local = {.ss_family = AF_UNIX};

	ck_assert(may(&a, "127.0.0.1"));
	ck_assert(may(&a, "127.1.2.3"));
	ck_assert(may(&a, "::1"));
	ck_assert(may(&a, "::ffff:127.0.0.1"));
	ck_assert(!may(&a, "10.0.0.1"));
	ck_assert(!may(&a, "::ffff:10.0.0.1"));
	ck_assert(!may(&a, "2001:db8::1"));
	ck_assert(!may(&a, "0.0.0.0"));
	ck_assert(!config_may_access(&a, NAME, &local));
	a.any = true;
	ck_assert(may(&a, "10.0.0.1"));
	ck_assert(config_may_access(&a, NAME, &local));
}
END_TEST

/* One rule of a pattern (NULL: none) and a network (NULL: none). */
static bool rule(const char *pattern, const char *network, const char *address)
{
	char text[64] = "";
	struct config_rule r = {.initiator = pattern ? strcpy(text, pattern) : NULL};
	struct config_access a = {.rules = &r, .nrules = 1};

	if (network) {
		ck_assert_ptr_null(config_addr_bad_network(network));
		config_addr_set_network(&r, network);
	}
	return may(&a, address);
}

START_TEST(access_by_network)
{
	ck_assert(rule(NULL, "10.0.0.0/8", "10.0.0.0"));
	ck_assert(rule(NULL, "10.0.0.0/8", "10.255.255.255"));
	ck_assert(!rule(NULL, "10.0.0.0/8", "9.255.255.255"));
	ck_assert(!rule(NULL, "10.0.0.0/8", "11.0.0.0"));
	ck_assert(!rule(NULL, "10.0.0.0/8", "127.0.0.1"));
	ck_assert(rule(NULL, "10.0.0.0/8", "::ffff:10.1.2.3"));
	ck_assert(!rule(NULL, "10.0.0.0/8", "a00::"));
	ck_assert(rule(NULL, "::ffff:10.0.0.0/104", "10.1.2.3"));
	ck_assert(!rule(NULL, "::ffff:10.0.0.0/104", "11.1.2.3"));
	ck_assert(rule(NULL, "10.0.0.4/31", "10.0.0.5"));
	ck_assert(!rule(NULL, "10.0.0.4/31", "10.0.0.6"));
	ck_assert(rule(NULL, "10.0.0.4", "10.0.0.4"));
	ck_assert(!rule(NULL, "10.0.0.4", "10.0.0.5"));
	ck_assert(rule(NULL, "0.0.0.0/0", "192.0.2.1"));
	ck_assert(!rule(NULL, "0.0.0.0/0", "2001:db8::1"));
	ck_assert(rule(NULL, "2001:db8::/33", "2001:db8:7fff::1"));
	ck_assert(!rule(NULL, "2001:db8::/33", "2001:db8:8000::1"));
	ck_assert(rule(NULL, "2001:db8::1", "2001:db8::1"));
	ck_assert(!rule(NULL, "2001:db8::1", "2001:db8::2"));
}
END_TEST

START_TEST(access_by_name)
{
	ck_assert(rule(NAME, NULL, "192.0.2.1"));
	ck_assert(rule("iqn.2026-01.example:*", NULL, "192.0.2.1"));
	ck_assert(rule("*", NULL, "192.0.2.1"));
	ck_assert(rule("iqn.*:hos?", NULL, "192.0.2.1"));
	ck_assert(rule("iqn.*:[a-h]ost", NULL, "192.0.2.1"));
	ck_assert(!rule("iqn.*:[!h]ost", NULL, "192.0.2.1"));
	ck_assert(!rule("iqn.2026-01.example:hos", NULL, "192.0.2.1"));
	ck_assert(!rule("iqn.2026-01.example:", NULL, "192.0.2.1"));
	ck_assert(!rule("iqn.2026-02.*", NULL, "192.0.2.1"));
	/* Both must match. */
	ck_assert(rule("iqn.*", "192.0.2.0/24", "192.0.2.1"));
	ck_assert(!rule("eui.*", "192.0.2.0/24", "192.0.2.1"));
	ck_assert(!rule("iqn.*", "192.0.2.0/24", "192.0.3.1"));
}
END_TEST

/* A link-local network of one link only. */
START_TEST(access_by_link)
{
	struct config_rule r = {0};
	struct config_access a = {.rules = &r, .nrules = 1};
	struct sockaddr_storage peer = from("fe80::2");
	struct sockaddr_in6 *in6 = (void *)&peer;
	const unsigned lo = if_nametoindex("lo");

	ck_assert_uint_ne(lo, 0);
	config_addr_set_network(&r, "fe80::%lo/10");
	in6->sin6_scope_id = lo;
	ck_assert(config_may_access(&a, NAME, &peer));
	in6->sin6_scope_id = lo + 1;
	ck_assert(!config_may_access(&a, NAME, &peer));
	in6->sin6_scope_id = 0;
	ck_assert(!config_may_access(&a, NAME, &peer));
	ck_assert(!may(&a, "2001:db8::1"));
	/* There is no such interface, so nobody comes by it. */
	r = (struct config_rule){0};
	config_addr_set_network(&r, "fe80::%no-such-link/10");
	ck_assert(!config_may_access(&a, NAME, &peer));
	in6->sin6_scope_id = lo;
	ck_assert(!config_may_access(&a, NAME, &peer));
	/* Without an interface: of any. */
	r = (struct config_rule){0};
	config_addr_set_network(&r, "fe80::/10");
	ck_assert(config_may_access(&a, NAME, &peer));
}
END_TEST

/* Of several rules that match, the first decides, also against it. */
START_TEST(first_rule_decides)
{
	char all[] = "*", me[] = NAME;
	struct config_rule rules[] = {{.initiator = me, .deny = true},
				      {.initiator = all, .read_only = true},
				      {.initiator = me}};
	struct config_access a = {.rules = rules, .nrules = 3};
	struct sockaddr_storage peer = from("192.0.2.1");

	ck_assert_ptr_eq(config_access_find(&a, NAME, &peer), &rules[0]);
	ck_assert(!config_may_access(&a, NAME, &peer));
	ck_assert_ptr_eq(config_access_find(&a, "iqn.x", &peer), &rules[1]);
	ck_assert(config_may_access(&a, "iqn.x", &peer));
	a.rules++;
	a.nrules--;
	ck_assert_ptr_eq(config_access_find(&a, NAME, &peer), &rules[1]);
	a.rules++;
	a.nrules--;
	ck_assert_ptr_eq(config_access_find(&a, NAME, &peer), &rules[2]);
	ck_assert_ptr_null(config_access_find(&a, "iqn.x", &peer));
	/* Who needs no rule has one that gives all. */
	a.any = true;
	const struct config_rule *r = config_access_find(&a, "iqn.x", &peer);
	ck_assert(r && !r->deny && !r->read_only && !r->sessions && !r->nluns && !r->place);
}
END_TEST

START_TEST(access_by_any_rule)
{
	struct config_rule rules[2] = {{0}};
	struct config_access a = {.rules = rules, .nrules = 2};

	config_addr_set_network(&rules[0], "10.0.0.0/8");
	config_addr_set_network(&rules[1], "192.0.2.0/24");
	ck_assert(may(&a, "10.0.0.1"));
	ck_assert(may(&a, "192.0.2.1"));
	ck_assert(!may(&a, "192.0.3.1"));
}
END_TEST

int main(void)
{
	Suite *s = suite_create("config_addr");
	TCase *t = tcase_create("config_addr");

	tcase_add_test(t, addresses);
	tcase_add_test(t, announced);
	tcase_add_test(t, networks);
	tcase_add_test(t, loopback);
	tcase_add_test(t, portals);
	tcase_add_test(t, access_without_rules);
	tcase_add_test(t, access_by_network);
	tcase_add_test(t, access_by_name);
	tcase_add_test(t, access_by_any_rule);
	tcase_add_test(t, access_by_link);
	tcase_add_test(t, first_rule_decides);
	suite_add_tcase(s, t);
	return test_main(s);
}
