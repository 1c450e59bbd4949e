// SPDX-License-Identifier: MIT
/*
 * test_access.c - several initiators with rules of their own, and several portals, seen by
 * libiscsi.
 *
 * The daemon's own target has LUNs 0 to 2 for those whom the rules at the top let in; the target
 * "second" has rules of its own, and is offered by portal group 2 only.
 */
#include <arpa/inet.h>
#include <iscsi/iscsi.h>
#include <iscsi/scsi-lowlevel.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/ctl.h"
#include "lib/daemon.h"
#include "lib/test_main.h"

#define ALPHA	"iqn.2026-01.example:alpha"
#define BETA	"iqn.2026-01.example:beta"
#define BAD	"iqn.2026-01.example:bad"
#define GAMMA	"iqn.2026-01.example:gamma"
#define SECOND	"iqn.2026-01.org.memtgt:second"
#define BLOCK	512
#define PORTALS 3u /* 127.0.0.1 twice, ::1 */

static struct daemon d;
static char folder[64], parts[80];
static bool has_ipv6;

/* Alpha has LUN 2 as 0 and LUN 0 as 5, which it may only read; beta has all, to read. */
static const char rules[] =
	"access = ( { initiator = \"" BAD "\"; deny = true; },\n"
	"  { initiator = \"" ALPHA "\";\n"
	"    luns = ( { id = 2; as = 0; }, { id = 0; as = 5; read_only = true; } ); },\n"
	"  { initiator = \"" BETA "\"; read_only = true; },\n"
	"  { initiator = \"" GAMMA "\"; network = \"127.0.0.0/8\"; sessions = 2; },\n"
	"  { initiator = \"" GAMMA "\"; network = \"::1\"; } );\n";

static bool try_ipv6(void)
{
	struct sockaddr_in6 at = {.sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT};
	int fd = socket(AF_INET6, SOCK_STREAM, 0);
	bool ok = fd >= 0 && !bind(fd, (const struct sockaddr *)&at, sizeof(at));

	if (fd >= 0)
		close(fd);
	return ok;
}

static void setup(void)
{
	char more[2048];

	strcpy(folder, "/tmp/test_access.XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(folder));
	snprintf(parts, sizeof(parts), "%s/parts.conf", folder);
	snprintf(ctl_path, CTL_PATH, "%s/sock", folder);
	has_ipv6 = try_ipv6();
	FILE *f = fopen(parts, "w");
	ck_assert_ptr_nonnull(f);
	fprintf(f,
		"portals = ( { address = \"127.0.0.1\"; port = 0; group = 2; }%s );\n"
		"targets = ( { name = \"" SECOND "\"; portal_groups = [ 2 ];\n"
		"  access = ( { initiator = \"" BETA "\"; } );\n"
		"  luns = ( { id = 0; size = \"1M\"; } ); } );\n",
		has_ipv6 ? ", { address = \"::1\"; port = 0; group = 3; }" : "");
	ck_assert_int_eq(fclose(f), 0);
	snprintf(more, sizeof(more),
		 "%spool = { size = \"64M\"; reclaim = false; soft_threshold = 0; };\n"
		 "reactor = { count = 3; };\ncontrol = { socket = \"%s\"; };\n@include \"%s\"\n",
		 rules, ctl_path, parts);
	daemon_start(&d,
		     "{ id = 0; size = \"1M\"; serial = \"S0\"; },"
		     "{ id = 1; size = \"1M\"; serial = \"S1\"; },"
		     "{ id = 2; size = \"1M\"; serial = \"S2\"; }",
		     more);
}

static void teardown(void)
{
	daemon_check_alive(&d);
	daemon_stop(&d);
	unlink(parts);
	unlink(ctl_path);
	ck_assert_int_eq(rmdir(folder), 0);
}

static const char *portal(unsigned i)
{
	static char text[64];

	snprintf(text, sizeof(text), i == 2 ? "[::1]:%u" : "127.0.0.1:%u", daemon_port(&d, i));
	return text;
}

/* ---- initiators ---- */

static struct iscsi_context *new_initiator(const char *name, uint32_t isid)
{
	struct iscsi_context *i = iscsi_create_context(name);

	ck_assert_ptr_nonnull(i);
	iscsi_set_isid_random(i, isid, 0);
	iscsi_set_session_type(i, ISCSI_SESSION_NORMAL);
	iscsi_set_header_digest(i, ISCSI_HEADER_DIGEST_NONE);
	iscsi_set_noautoreconnect(i, 1);
	return i;
}

/* 0, or -1 with an error text in the context. */
static int log_in(struct iscsi_context *i, const char *target, unsigned p)
{
	iscsi_set_targetname(i, target);
	ck_assert_int_eq(iscsi_connect_sync(i, portal(p)), 0);
	return iscsi_login_sync(i);
}

static struct iscsi_context *begin(const char *name, uint32_t isid, const char *target, unsigned p)
{
	struct iscsi_context *i = new_initiator(name, isid);

	ck_assert_msg(log_in(i, target, p) == 0, "%s: %s", name, iscsi_get_error(i));
	return i;
}

static void end(struct iscsi_context *i)
{
	ck_assert_int_eq(iscsi_logout_sync(i), 0);
	iscsi_destroy_context(i);
}

static void refused(const char *name, uint32_t isid, const char *target, unsigned p,
		    const char *why)
{
	struct iscsi_context *i = new_initiator(name, isid);

	ck_assert_int_ne(log_in(i, target, p), 0);
	iscsi_destroy_context(i);
	daemon_log_wait(&d, why);
}

/* 0, or the sense as 0xKKAAQQ. */
static uint32_t result_of(struct scsi_task *t)
{
	ck_assert_ptr_nonnull(t);
	uint32_t sense = 0;
	if (t->status != SCSI_STATUS_GOOD)
		sense = (uint32_t)t->sense.key << 16 | (uint32_t)t->sense.ascq;
	scsi_free_scsi_task(t);
	return sense;
}

static uint32_t ready(struct iscsi_context *i, int lun)
{
	return result_of(iscsi_testunitready_sync(i, lun));
}

static uint32_t write_block(struct iscsi_context *i, int lun, uint32_t lba, uint8_t v)
{
	uint8_t block[BLOCK];

	memset(block, v, sizeof(block));
	return result_of(iscsi_write10_sync(i, lun, lba, block, BLOCK, BLOCK, 0, 0, 0, 0, 0));
}

/* The first byte of a block. */
static int read_block(struct iscsi_context *i, int lun, uint32_t lba)
{
	struct scsi_task *t = iscsi_read10_sync(i, lun, lba, BLOCK, BLOCK, 0, 0, 0, 0, 0);

	ck_assert_ptr_nonnull(t);
	int v = t->status == SCSI_STATUS_GOOD && t->datain.size == BLOCK ? t->datain.data[0] : -1;
	scsi_free_scsi_task(t);
	return v;
}

/* "0 5 " */
static const char *luns_of(struct iscsi_context *i)
{
	static char text[256];
	struct scsi_task *t = iscsi_reportluns_sync(i, 0, 256);

	ck_assert_ptr_nonnull(t);
	struct scsi_reportluns_list *l = scsi_datain_unmarshall(t);
	ck_assert_ptr_nonnull(l);
	text[0] = '\0';
	for (uint32_t n = 0; n < l->num; n++)
		sprintf(text + strlen(text), "%u ", l->luns[n]);
	scsi_free_scsi_task(t);
	return text;
}

static void has_serial(struct iscsi_context *i, int lun, const char *serial)
{
	struct scsi_task *t =
		iscsi_inquiry_sync(i, lun, 1, SCSI_INQUIRY_PAGECODE_UNIT_SERIAL_NUMBER, 255);

	ck_assert_ptr_nonnull(t);
	struct scsi_inquiry_unit_serial_number *s = scsi_datain_unmarshall(t);
	ck_assert_ptr_nonnull(s);
	ck_assert_str_eq(s->usn, serial);
	scsi_free_scsi_task(t);
}

static bool is_protected(struct iscsi_context *i, int lun)
{
	struct scsi_task *t = iscsi_modesense6_sync(i, lun, 0, SCSI_MODESENSE_PC_CURRENT,
						    SCSI_MODEPAGE_CACHING, 0, 255);

	ck_assert_ptr_nonnull(t);
	struct scsi_mode_sense *m = scsi_datain_unmarshall(t);
	ck_assert_ptr_nonnull(m);
	bool wp = m->device_specific_parameter & 0x80;
	scsi_free_scsi_task(t);
	return wp;
}

#define POWER_ON     0x062900
#define NO_LU	     0x052500
#define PROTECTED    0x072700
#define LUNS_CHANGED 0x063f0e

static void clear(struct iscsi_context *i, int lun)
{
	ck_assert_uint_eq(ready(i, lun), POWER_ON);
	ck_assert_uint_eq(ready(i, lun), 0);
}

/* ---- tests ---- */

/* "TARGET PORTAL,TAG PORTAL,TAG TARGET ...", in the order of the answer. */
static const char *discovered(const char *name, unsigned p)
{
	static char text[1024];
	struct iscsi_context *i = iscsi_create_context(name);

	iscsi_set_session_type(i, ISCSI_SESSION_DISCOVERY);
	ck_assert_int_eq(iscsi_connect_sync(i, portal(p)), 0);
	ck_assert_int_eq(iscsi_login_sync(i), 0);
	struct iscsi_discovery_address *all = iscsi_discovery_sync(i);
	char *at[8];
	int n = 0;
	/* The library has the last one first. */
	for (const struct iscsi_discovery_address *t = all; t; t = t->next) {
		char one[512];
		char *to = one + sprintf(one, "%s", t->target_name);
		for (const struct iscsi_target_portal *a = t->portals; a; a = a->next)
			to += sprintf(to, " %s", a->portal);
		ck_assert_int_lt(n, 8);
		at[n++] = strdup(one);
	}
	text[0] = '\0';
	while (n--) {
		strcat(strcat(text, at[n]), "\n");
		free(at[n]);
	}
	iscsi_free_discovery_data(i, all);
	ck_assert_int_eq(iscsi_logout_sync(i), 0);
	iscsi_destroy_context(i);
	return text;
}

static bool has(const char *text, const char *part)
{
	return strstr(text, part) != NULL;
}

/* Each is told of what it may use, with the tag that each portal has. */
START_TEST(discovery)
{
	char at[PORTALS][80];

	for (unsigned i = 0; i < PORTALS - !has_ipv6; i++)
		snprintf(at[i], sizeof(at[i]), " %s,%u", portal(i), i + 1);
	for (unsigned p = 0; p < PORTALS - !has_ipv6; p++) {
		ck_assert_str_eq(discovered(BAD, p), "");
		ck_assert_str_eq(discovered("iqn.2026-01.example:nobody", p), "");
		const char *alpha = discovered(ALPHA, p);
		ck_assert(has(alpha, DAEMON_TARGET) && !has(alpha, SECOND));
		for (unsigned i = 0; i < PORTALS - !has_ipv6; i++)
			ck_assert_msg(has(alpha, at[i]), "no \"%s\" in %s", at[i], alpha);
		const char *beta = discovered(BETA, p);
		const char *second = strstr(beta, SECOND);
		ck_assert(has(beta, DAEMON_TARGET) && second);
		/* One address of it, that of its only group. */
		ck_assert_int_eq(strncmp(second + strlen(SECOND), at[1], strlen(at[1])), 0);
		ck_assert_int_eq(second[strlen(SECOND) + strlen(at[1])], '\n');
	}
}
END_TEST

/* No block is written by two: that they take turns over the network, TSan cannot know. */
START_TEST(luns_of_their_own)
{
	struct iscsi_context *a = begin(ALPHA, 1, DAEMON_TARGET, 0);
	struct iscsi_context *b = begin(BETA, 1, DAEMON_TARGET, 0);
	struct iscsi_context *g = begin(GAMMA, 1, DAEMON_TARGET, 0);

	ck_assert_str_eq(luns_of(a), "0 5 ");
	ck_assert_str_eq(luns_of(b), "0 1 2 ");
	ck_assert_str_eq(luns_of(g), "0 1 2 ");
	has_serial(a, 0, "S2");
	has_serial(a, 5, "S0");
	has_serial(b, 0, "S0");
	clear(a, 0);
	clear(a, 5);
	for (int lun = 0; lun < 3; lun++) {
		clear(b, lun);
		clear(g, lun);
		ck_assert(is_protected(b, lun) && !is_protected(g, lun));
		ck_assert_uint_eq(write_block(b, lun, 0, 1), PROTECTED);
		ck_assert_uint_eq(write_block(g, lun, 0, (uint8_t)(0x10 + lun)), 0);
	}
	ck_assert_uint_eq(ready(a, 1), NO_LU);
	ck_assert_uint_eq(ready(a, 2), NO_LU);
	ck_assert(!is_protected(a, 0) && is_protected(a, 5));
	ck_assert_int_eq(read_block(a, 0, 0), 0x12);
	ck_assert_int_eq(read_block(a, 5, 0), 0x10);
	ck_assert_uint_eq(write_block(a, 0, 8, 0xaa), 0);
	ck_assert_uint_eq(write_block(a, 5, 0, 0xaa), PROTECTED);
	ck_assert_int_eq(read_block(b, 2, 8), 0xaa);
	ck_assert_int_eq(read_block(b, 0, 0), 0x10);
	end(a);
	end(b);
	end(g);
}
END_TEST

/* A LUN that memtgtctl makes is seen by who has no map; and what it shows an operator. */
START_TEST(a_lun_comes)
{
	struct iscsi_context *a = begin(ALPHA, 1, DAEMON_TARGET, 0);
	struct iscsi_context *b = begin(BETA, 1, DAEMON_TARGET, 1);

	clear(a, 0);
	clear(b, 0);
	ctl("lun create " DAEMON_TARGET " 1M id=7 provisioning=full", 0);
	ck_assert_uint_eq(ready(a, 0), 0);
	ck_assert_uint_eq(ready(b, 0), LUNS_CHANGED);
	ck_assert_str_eq(luns_of(a), "0 5 ");
	ck_assert_str_eq(luns_of(b), "0 1 2 7 ");
	clear(b, 7);
	ck_assert_uint_eq(write_block(b, 7, 0, 1), PROTECTED);
	ctl("session list --json", 0);
	ctl_has("\"luns\": \"0=2 5=0:ro\"");
	ctl_has("\"luns\": \"all:ro\"");
	ctl_has("\"portal_group\": 2");
	ctl_has(":5\"");
	ctl("lun show " DAEMON_TARGET " 7 --json", 0);
	ctl_has("\"sessions\": 1");
	ctl("lun show " DAEMON_TARGET " 2 --json", 0);
	ctl_has("\"sessions\": 2");
	end(a);
	end(b);
}
END_TEST

START_TEST(refusals)
{
	refused(BAD, 1, DAEMON_TARGET, 0, "denies it");
	refused("iqn.2026-01.example:nobody", 1, DAEMON_TARGET, 0,
		"no rule of target " DAEMON_TARGET " matches");
	refused(ALPHA, 1, SECOND, 1, "no rule of target " SECOND " matches");
	refused(BETA, 1, SECOND, 0, "target " SECOND " is not offered by portal group 1");
	end(begin(BETA, 1, SECOND, 1));
}
END_TEST

/* Two sessions are its limit, by whatever portal; one that it has it may make again. */
START_TEST(limit_of_an_initiator)
{
	struct iscsi_context *one = begin(GAMMA, 1, DAEMON_TARGET, 0);
	struct iscsi_context *two = begin(GAMMA, 2, DAEMON_TARGET, 1);

	refused(GAMMA, 3, DAEMON_TARGET, 0, "it has 2 sessions, as many as the rule at ");
	struct iscsi_context *again = begin(GAMMA, 2, DAEMON_TARGET, 1);
	iscsi_destroy_context(two);
	refused(GAMMA, 3, DAEMON_TARGET, 1, "0x0302");
	end(again);
	end(begin(GAMMA, 3, DAEMON_TARGET, 1));
	end(one);
}
END_TEST

/* One name and ISID by portals of different groups: different nexuses, one disk. */
START_TEST(two_paths)
{
	const unsigned last = has_ipv6 ? 2 : 1;
	struct iscsi_context *one = begin(GAMMA, 1, DAEMON_TARGET, 0);
	struct iscsi_context *two = begin(GAMMA, 1, DAEMON_TARGET, last);

	has_serial(one, 1, "S1");
	has_serial(two, 1, "S1");
	clear(one, 1);
	clear(two, 1);
	ck_assert_uint_eq(write_block(one, 1, 8, 0x77), 0);
	ck_assert_int_eq(read_block(two, 1, 8), 0x77);
	/* It comes again by the one, and the other goes on. */
	struct iscsi_context *again = begin(GAMMA, 1, DAEMON_TARGET, 0);
	iscsi_destroy_context(one);
	ck_assert_int_eq(read_block(two, 1, 8), 0x77);
	clear(again, 1);
	ck_assert_int_eq(read_block(again, 1, 8), 0x77);
	end(again);
	end(two);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("access");
	TCase *t = tcase_create("access");

	tcase_set_timeout(t, 120);
	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, discovery);
	tcase_add_test(t, luns_of_their_own);
	tcase_add_test(t, a_lun_comes);
	tcase_add_test(t, refusals);
	tcase_add_test(t, limit_of_an_initiator);
	tcase_add_test(t, two_paths);
	suite_add_tcase(s, t);
	return test_main(s);
}
