// SPDX-License-Identifier: MIT
/* Which targets an initiator is told of, at which addresses, in pieces of any size. */
#include <arpa/inet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "iscsi/sendtargets.h"
#include "lib/test_main.h"

static struct config_rule rules[] = {{.initiator = (char *)"iqn.friend"}};
static struct config_target targets[] = {
	{.name = "iqn.t:a", .access = {.any = true}},
	{.name = "iqn.t:b", .access = {.rules = rules, .nrules = 1}},
	{.name = "iqn.t:c", .access = {.any = true}},
};
static struct config_portal portal = {.address = (char *)"192.0.2.1", .port = 3260, .group = 1};
static struct config config = {
	.portals = &portal, .nportals = 1, .targets = targets, .ntargets = 3};

static struct sockaddr_storage place(const char *address, uint16_t port)
{
	struct sockaddr_storage s = {0};
	struct sockaddr_in *in = (void *)&s;
	struct sockaddr_in6 *in6 = (void *)&s;

	if (inet_pton(AF_INET, address, &in->sin_addr) == 1) {
		in->sin_family = AF_INET;
		in->sin_port = htons(port);
	} else {
		ck_assert_int_eq(inet_pton(AF_INET6, address, &in6->sin6_addr), 1);
		in6->sin6_family = AF_INET6;
		in6->sin6_port = htons(port);
	}
	return s;
}

static char all[200000]; /* the whole answer, "a=b|c=d|" */

static unsigned read_all(const struct sendtargets *q, size_t cap)
{
	uint8_t *buf = malloc(cap);
	size_t at = 0, n = 0;
	unsigned pieces = 0;
	bool more = true;

	for (; more; pieces++) {
		size_t got = sendtargets_read(q, &at, buf, cap, &more);
		ck_assert_uint_le(got, cap);
		ck_assert(got || !more);
		if (got)
			ck_assert_uint_eq(buf[got - 1], 0);
		memcpy(all + n, buf, got);
		n += got;
	}
	for (size_t i = 0; i < n; i++) {
		if (!all[i])
			all[i] = '|';
	}
	all[n] = '\0';
	free(buf);
	return pieces;
}

static struct sockaddr_storage peer, local;

static struct sendtargets ask(const char *value, const char *initiator)
{
	peer = place("192.0.2.99", 40000);
	local = place("192.0.2.1", 3260);
	return (struct sendtargets){.config = &config,
				    .value = value,
				    .initiator = initiator,
				    .peer = &peer,
				    .local = &local,
				    .portal_group = 1};
}

#define AT "TargetAddress=192.0.2.1:3260,1|"

START_TEST(only_what_it_may_use)
{
	struct sendtargets q = ask("All", "iqn.other");

	read_all(&q, 8192);
	ck_assert_str_eq(all, "TargetName=iqn.t:a|" AT "TargetName=iqn.t:c|" AT);
	q.initiator = "iqn.friend";
	read_all(&q, 8192);
	ck_assert_str_eq(all, "TargetName=iqn.t:a|" AT "TargetName=iqn.t:b|" AT
			      "TargetName=iqn.t:c|" AT);
}
END_TEST

START_TEST(one_by_name)
{
	struct sendtargets q = ask("iqn.T:C", "iqn.other");

	read_all(&q, 8192);
	ck_assert_str_eq(all, "TargetName=iqn.t:c|" AT);
	q.value = "iqn.t:b"; /* not for iqn.other */
	read_all(&q, 8192);
	ck_assert_str_eq(all, "");
	q.value = "iqn.t:d";
	read_all(&q, 8192);
	ck_assert_str_eq(all, "");
}
END_TEST

/* Appendix C: All only in discovery, nothing only in a normal session. */
START_TEST(what_may_be_asked_where)
{
	struct sendtargets q = ask("All", "iqn.friend");

	ck_assert(sendtargets_allowed(&q));
	q.value = "iqn.t:x";
	ck_assert(sendtargets_allowed(&q));
	q.value = "";
	ck_assert(!sendtargets_allowed(&q));
	q.own = &targets[1];
	ck_assert(sendtargets_allowed(&q));
	read_all(&q, 8192);
	ck_assert_str_eq(all, "TargetName=iqn.t:b|" AT);
	q.value = "iqn.t:b";
	ck_assert(sendtargets_allowed(&q));
	q.value = "iqn.t:a";
	ck_assert(!sendtargets_allowed(&q));
	q.value = "All";
	ck_assert(!sendtargets_allowed(&q));
}
END_TEST

/* clang-format off */
static const struct {
	char *address;
	uint16_t port;
	char *announce;
	const char *local;
	uint16_t local_port;
	const char *line;
} portals[] = {
	{(char *)"192.0.2.7", 3260, NULL, "192.0.2.1", 3260, "TargetAddress=192.0.2.7:3260,1|"},
	{(char *)"2001:db8::7", 3260, NULL, "192.0.2.1", 3260, "TargetAddress=[2001:db8::7]:3260,1|"},
	{(char *)"0.0.0.0", 3261, NULL, "198.51.100.4", 3261, "TargetAddress=198.51.100.4:3261,1|"},
	{(char *)"0.0.0.0", 3261, NULL, "2001:db8::9", 3261, ""},
	{(char *)"::", 3260, NULL, "2001:db8::9", 3260, "TargetAddress=[2001:db8::9]:3260,1|"},
	{(char *)"::", 3260, NULL, "::ffff:192.0.2.5", 3260, "TargetAddress=192.0.2.5:3260,1|"},
	{(char *)"::", 3260, NULL, "192.0.2.5", 3260, ""},
	{(char *)"192.0.2.7", 0, NULL, "192.0.2.7", 41000, "TargetAddress=192.0.2.7:41000,1|"},
	{(char *)"192.0.2.8", 0, NULL, "192.0.2.7", 41000, ""},
	{(char *)"0.0.0.0", 0, NULL, "192.0.2.7", 41000, "TargetAddress=192.0.2.7:41000,1|"},
	{(char *)"0.0.0.0", 3260, (char *)"203.0.113.1:13260", "10.0.0.2", 3260, "TargetAddress=203.0.113.1:13260,1|"},
	{(char *)"::", 0, (char *)"[2001:db8::1]:3260", "10.0.0.2", 3260, "TargetAddress=[2001:db8::1]:3260,1|"},
};
/* clang-format on */
#define NPORTALS ((int)(sizeof(portals) / sizeof(*portals)))

START_TEST(where_a_portal_is)
{
	struct sendtargets q = ask("iqn.t:a", "iqn.x");
	struct config_portal p = {.address = portals[_i].address,
				  .port = portals[_i].port,
				  .announce = portals[_i].announce,
				  .group = 1};
	struct config c = config;
	char whole[256];

	c.portals = &p;
	q.config = &c;
	local = place(portals[_i].local, portals[_i].local_port);
	read_all(&q, 8192);
	snprintf(whole, sizeof(whole), "TargetName=iqn.t:a|%s", portals[_i].line);
	ck_assert_str_eq(all, whole);
}
END_TEST

#define LINK 0 /* of the loopback's interface, which every host has */

/* clang-format off */
static const struct {
	const char *address, *peer;
	int peer_link; /* beyond that of "lo"; -1: none */
	const char *local;
	bool is_told;
} reach[] = {
	/* Our loopback is told on this host only, wherever on it. */
	{"127.0.0.1",    "127.0.0.1",   -1,   "127.0.0.1", true},
	{"127.0.0.1",    "127.0.0.2",   -1,   "127.0.0.1", true},
	{"127.0.0.1",    "192.0.2.9",   -1,   "192.0.2.9", true},
	{"127.0.0.1",    "192.0.2.9",   -1,   "192.0.2.1", false},
	{"127.0.0.1",    "::ffff:192.0.2.9", -1, "::ffff:192.0.2.1", false},
	{"127.0.0.1",    "::ffff:127.0.0.1", -1, "::ffff:127.0.0.1", true},
	{"127.0.0.1",    "::1",         -1,   "::1", true},
	{"::1",          "::1",         -1,   "::1", true},
	{"::1",          "127.0.0.1",   -1,   "127.0.0.1", true},
	{"::1",          "2001:db8::9", -1,   "2001:db8::1", false},
	{"::1",          "fe80::9",     LINK, "fe80::1", false},
	{"::1",          "fe80::1",     LINK, "fe80::1", true},
	/* A link-local address on its link only. */
	{"fe80::1%lo",   "fe80::9",     LINK,     "fe80::1", true},
	{"fe80::1%lo",   "fe80::9",     LINK + 1, "fe80::1", false},
	{"fe80::1%lo",   "fe80::9",     -1,       "fe80::1", false},
	{"fe80::1%lo",   "2001:db8::9", -1,       "2001:db8::1", false},
	{"fe80::1%lo",   "192.0.2.9",   -1,       "192.0.2.1", false},
	{"fe80::1%none", "fe80::9",     LINK,     "fe80::1", false},
	{"fe80::1%none", "fe80::9",     -1,       "fe80::1", false},
	/* All others may lead anywhere. */
	{"192.0.2.7",    "fe80::9",     LINK, "fe80::1", true},
	{"192.0.2.7",    "2001:db8::9", -1,   "2001:db8::1", true},
	{"2001:db8::7",  "192.0.2.9",   -1,   "192.0.2.1", true},
	{"2001:db8::7",  "127.0.0.1",   -1,   "127.0.0.1", true},
	{"fec0::1",      "192.0.2.9",   -1,   "192.0.2.1", true},
};
/* clang-format on */
#define NREACH ((int)(sizeof(reach) / sizeof(*reach)))

static void set_link(struct sockaddr_storage *at, int link)
{
	const unsigned lo = if_nametoindex("lo");

	ck_assert_uint_ne(lo, 0);
	if (at->ss_family == AF_INET6)
		((struct sockaddr_in6 *)(void *)at)->sin6_scope_id =
			link < 0 ? 0 : lo + (unsigned)link;
}

START_TEST(what_can_be_reached)
{
	char address[64], whole[256];
	struct config_portal p = {.address = address, .port = 3260, .group = 1};
	struct config c = config;
	struct sendtargets q = ask("iqn.t:a", "iqn.x");

	snprintf(address, sizeof(address), "%s", reach[_i].address);
	c.portals = &p;
	q.config = &c;
	peer = place(reach[_i].peer, 40000);
	local = place(reach[_i].local, 3261);
	set_link(&peer, reach[_i].peer_link);
	set_link(&local, reach[_i].peer_link);
	read_all(&q, 8192);
	const bool six = strchr(address, ':');
	/* What we call the link tells an initiator nothing. */
	snprintf(whole, sizeof(whole), "TargetName=iqn.t:a|TargetAddress=%s%.*s%s:3260,1|",
		 six ? "[" : "", (int)strcspn(address, "%"), address, six ? "]" : "");
	ck_assert_str_eq(all, reach[_i].is_told ? whole : "TargetName=iqn.t:a|");
	/* What is announced is for the operator to know. */
	p.announce = (char *)"[2001:db8::7]:1";
	read_all(&q, 8192);
	ck_assert_str_eq(all, "TargetName=iqn.t:a|TargetAddress=[2001:db8::7]:1,1|");
}
END_TEST

/* The ports that portals were given, two of them at one address. */
START_TEST(ports)
{
	struct config_portal p[] = {{.address = (char *)"192.0.2.1", .group = 1},
				    {.address = (char *)"192.0.2.1", .group = 2},
				    {.address = (char *)"0.0.0.0", .port = 860, .group = 1}};
	const uint16_t found[] = {4001, 4002, 860};
	struct config c = config;
	struct sendtargets q = ask("iqn.t:a", "iqn.x");

	c.portals = p;
	c.nportals = 3;
	q.config = &c;
	q.ports = found;
	read_all(&q, 8192);
	ck_assert_str_eq(all, "TargetName=iqn.t:a|TargetAddress=192.0.2.1:4001,1|"
			      "TargetAddress=192.0.2.1:4002,2|TargetAddress=192.0.2.1:860,1|");
}
END_TEST

/* A portal's group stands behind its address; a target is at the portals of its groups only. */
START_TEST(portal_groups)
{
	struct config_portal p[] = {{.address = (char *)"192.0.2.1", .port = 3260, .group = 1},
				    {.address = (char *)"192.0.2.2", .port = 3260, .group = 63},
				    {.address = (char *)"192.0.2.3", .port = 3260, .group = 1},
				    {.address = (char *)"127.0.0.1", .port = 3260, .group = 7}};
	struct config_target t[] = {
		{.name = "iqn.t:a", .access = {.any = true}},
		{.name = "iqn.t:b", .access = {.any = true}, .portal_groups = 1ull << 63},
		{.name = "iqn.t:c", .access = {.any = true}, .portal_groups = 1ull << 1},
		{.name = "iqn.t:d", .access = {.any = true}, .portal_groups = 1ull << 7},
	};
	struct config c = {.portals = p, .nportals = 4, .targets = t, .ntargets = 4};
	struct sendtargets q = ask("All", "iqn.x");

	q.config = &c;
	read_all(&q, 8192);
	ck_assert_str_eq(all, "TargetName=iqn.t:a|TargetAddress=192.0.2.1:3260,1|"
			      "TargetAddress=192.0.2.2:3260,63|TargetAddress=192.0.2.3:3260,1|"
			      "TargetName=iqn.t:b|TargetAddress=192.0.2.2:3260,63|"
			      "TargetName=iqn.t:c|TargetAddress=192.0.2.1:3260,1|"
			      "TargetAddress=192.0.2.3:3260,1|");
	/* Who came by the loopback's group is where the last one is. */
	q.portal_group = 7;
	q.value = "iqn.t:d";
	read_all(&q, 8192);
	ck_assert_str_eq(all, "TargetName=iqn.t:d|");
	/* A normal session is told the same of its own target. */
	q.own = &t[1];
	q.value = "";
	read_all(&q, 8192);
	ck_assert_str_eq(all, "TargetName=iqn.t:b|TargetAddress=192.0.2.2:3260,63|");
	/* A wildcard that this initiator did not come by has no address to tell: nor has its
	 * target. */
	p[1].address = (char *)"::";
	q.own = NULL;
	q.value = "iqn.t:b";
	q.portal_group = 1;
	read_all(&q, 8192);
	ck_assert_str_eq(all, "");
}
END_TEST

#define MANY 500

/* The same answer for every size of piece. */
START_TEST(many_in_pieces)
{
	struct config_target *t = calloc(MANY, sizeof(*t));
	struct config_portal p[3] = {portal, portal, portal};
	struct config c = {.portals = p, .nportals = 3, .targets = t, .ntargets = MANY};
	struct sendtargets q = ask("All", "iqn.x");
	static char whole[sizeof(all)];

	for (int i = 0; i < MANY; i++) {
		int n = snprintf(t[i].name, sizeof(t[i].name), "iqn.t:%d.", i);
		memset(t[i].name + n, 'n', (size_t)(i * 7) % (ISCSI_NAME_MAX - (size_t)n + 1));
		t[i].access.any = i % 3 != 1;
	}
	q.config = &c;
	ck_assert_uint_eq(read_all(&q, sizeof(all)), 1);
	strcpy(whole, all);
	ck_assert_uint_gt(strlen(whole), 50000);
	for (size_t cap = SENDTARGETS_LINE_MAX; cap < 1200; cap += 13) {
		ck_assert_uint_gt(read_all(&q, cap), 40);
		ck_assert_str_eq(all, whole);
	}
	free(t);
}
END_TEST

/* The longest name fits into the smallest piece. */
START_TEST(longest_line)
{
	struct config_target t = {.access = {.any = true}};
	struct config c = {.portals = &portal, .nportals = 1, .targets = &t, .ntargets = 1};
	struct sendtargets q = ask("All", "iqn.x");

	memset(t.name, 'n', ISCSI_NAME_MAX);
	q.config = &c;
	ck_assert_uint_eq(read_all(&q, SENDTARGETS_LINE_MAX), 2);
	ck_assert_uint_eq(strlen(all), strlen("TargetName=") + ISCSI_NAME_MAX + 1 + strlen(AT));
}
END_TEST

int main(void)
{
	Suite *s = suite_create("sendtargets");
	TCase *t = tcase_create("answers");

	suite_add_tcase(s, t);
	tcase_add_test(t, only_what_it_may_use);
	tcase_add_test(t, one_by_name);
	tcase_add_test(t, what_may_be_asked_where);
	tcase_add_loop_test(t, where_a_portal_is, 0, NPORTALS);
	tcase_add_loop_test(t, what_can_be_reached, 0, NREACH);
	tcase_add_test(t, ports);
	tcase_add_test(t, portal_groups);
	tcase_add_test(t, many_in_pieces);
	tcase_add_test(t, longest_line);
	return test_main(s);
}
