// SPDX-License-Identifier: MIT
/*
 * test_loan_luns.c - what a borrower does to a LUN, with a real memtgtd: claims that race, memory
 * that is got beforehand and given back.
 *
 * MEMTGT_CLAIM_ROUNDS sets how often two race.
 */
#include <errno.h>
#include <iscsi/iscsi.h>
#include <iscsi/scsi-lowlevel.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "initiator-tools/host/claim.h"
#include "initiator-tools/host/commit.h"
#include "lib/ctl.h"
#include "lib/daemon.h"
#include "lib/test_main.h"

#define MiB ((uint64_t)1 << 20)

static struct daemon d;
static char dir[64];

static void setup(void)
{
	strcpy(dir, "/tmp/memtgt-test-loan-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(dir));
	snprintf(ctl_path, sizeof(ctl_path), "%s/control.sock", dir);
}

static void start(const char *luns)
{
	char more[256];

	snprintf(more, sizeof(more),
		 "control = { socket = \"%s\"; };"
		 "pool = { pages = \"plain\"; size = \"40M\"; reclaim = false; };",
		 ctl_path);
	daemon_start(&d, luns, more);
}

static void teardown(void)
{
	char command[128];

	daemon_stop(&d);
	snprintf(command, sizeof(command), "rm -rf %s", dir);
	ck_assert_int_eq(system(command), 0);
}

/* ---- a disk of the donor, without a kernel ---- */

static struct iscsi_context *log_in(const char *initiator)
{
	char portal[64];
	struct iscsi_context *c = iscsi_create_context(initiator);

	ck_assert_ptr_nonnull(c);
	snprintf(portal, sizeof(portal), "%s", daemon_portal(&d));
	iscsi_set_targetname(c, DAEMON_TARGET);
	iscsi_set_session_type(c, ISCSI_SESSION_NORMAL);
	iscsi_set_header_digest(c, ISCSI_HEADER_DIGEST_NONE);
	ck_assert_int_eq(iscsi_connect_sync(c, portal), 0);
	ck_assert_int_eq(iscsi_login_sync(c), 0);
	return c;
}

static void log_out(struct iscsi_context *c)
{
	iscsi_logout_sync(c);
	iscsi_destroy_context(c);
}

static int send_command(void *arg, const struct sg_command *c, void *data, struct sg_result *r)
{
	static const int ways[] = {[SG_NO_DATA] = SCSI_XFER_NONE,
				   [SG_FROM_DISK] = SCSI_XFER_READ,
				   [SG_TO_DISK] = SCSI_XFER_WRITE};
	struct iscsi_data out = {.data = data, .size = c->len};
	uint8_t cdb[16];

	memcpy(cdb, c->cdb, sizeof(cdb));
	struct scsi_task *t = scsi_create_task(c->cdb_len, cdb, ways[c->way], (int)c->len);
	ck_assert_ptr_nonnull(t);
	if (!iscsi_scsi_command_sync(arg, 0, t, c->way == SG_TO_DISK ? &out : NULL)) {
		scsi_free_scsi_task(t);
		return -EIO;
	}
	r->status = (uint8_t)t->status;
	if (t->status == SCSI_STATUS_CHECK_CONDITION) {
		r->key = (uint8_t)t->sense.key;
		r->asc = (uint8_t)(t->sense.ascq >> 8);
		r->ascq = (uint8_t)t->sense.ascq;
	} else if (c->way == SG_FROM_DISK) {
		r->got = (uint32_t)t->datain.size;
		memcpy(data, t->datain.data, r->got);
	}
	scsi_free_scsi_task(t);
	return 0;
}

static struct sg_device disk_of(struct iscsi_context *c)
{
	return (struct sg_device){.send = send_command, .arg = c};
}

/* ---- claims ---- */

struct borrower {
	pthread_t thread;
	pthread_barrier_t *both;
	struct iscsi_context *session;
	uint64_t key;
	enum claim_end end;
};

static void *race(void *arg)
{
	struct borrower *b = arg;
	struct sg_device disk = disk_of(b->session);
	struct sg_result r;

	pthread_barrier_wait(b->both);
	ck_assert_int_eq(claim_take(&disk, b->key, false, &b->end, &r), 0);
	return NULL;
}

static unsigned claims(void)
{
	unsigned n = 0;

	ctl("--json claim list", 0);
	for (const char *p = ctl_out; (p = strstr(p, "\"key\"")); p++)
		n++;
	return n;
}

START_TEST(one_of_two_borrowers_wins)
{
	struct borrower b[2] = {{.key = 10}, {.key = 20}};
	unsigned rounds = (unsigned)test_number("MEMTGT_CLAIM_ROUNDS", 8), wins[2] = {0};
	pthread_barrier_t both;
	struct sg_result r;

	start("{ id = 0; size = \"8M\"; provisioning = \"thin\"; }");
	ck_assert_int_eq(pthread_barrier_init(&both, NULL, 2), 0);
	b[0].session = log_in("iqn.2026-01.org.example:one");
	b[1].session = log_in("iqn.2026-01.org.example:two");
	for (unsigned round = 0; round < rounds; round++) {
		for (unsigned i = 0; i < 2; i++) {
			b[i].both = &both;
			ck_assert_int_eq(pthread_create(&b[i].thread, NULL, race, &b[i]), 0);
		}
		for (unsigned i = 0; i < 2; i++)
			ck_assert_int_eq(pthread_join(b[i].thread, NULL), 0);
		unsigned winner = b[1].end == CLAIM_TAKEN;
		ck_assert_int_eq(b[winner].end, CLAIM_TAKEN);
		ck_assert_int_eq(b[!winner].end, CLAIM_BUSY);
		ck_assert_uint_eq(claims(), 1);
		ctl_has("\"type_code\": 7");
		wins[winner]++;
		struct sg_device disk = disk_of(b[winner].session);
		ck_assert_int_eq(claim_return(&disk, b[winner].key, &b[winner].end, &r), 0);
		ck_assert_int_eq(b[winner].end, CLAIM_RETURNED);
		ck_assert_uint_eq(claims(), 0);
	}
	printf("# the lower key won %u, the higher %u times\n", wins[0], wins[1]);
	log_out(b[0].session);
	log_out(b[1].session);
	pthread_barrier_destroy(&both);
}
END_TEST

/* As after a boot: the old session's registration is there, and a new session is another nexus. */
START_TEST(a_claim_of_an_earlier_session_is_ours)
{
	struct iscsi_context *first, *second, *other;
	enum claim_end end;
	struct sg_result r;

	start("{ id = 0; size = \"8M\"; provisioning = \"thin\"; }");
	first = log_in("iqn.2026-01.org.example:one");
	struct sg_device disk = disk_of(first);
	ck_assert_int_eq(claim_take(&disk, 10, false, &end, &r), 0);
	ck_assert_int_eq(end, CLAIM_TAKEN);
	log_out(first);
	second = log_in("iqn.2026-01.org.example:one");
	other = log_in("iqn.2026-01.org.example:two");
	disk = disk_of(other);
	ck_assert_int_eq(claim_take(&disk, 5, false, &end, &r), 0);
	ck_assert_int_eq(end, CLAIM_BUSY);
	/* He has no claim: what he gives back is nothing. */
	ck_assert_int_eq(claim_return(&disk, 5, &end, &r), 0);
	ck_assert_int_eq(end, CLAIM_RETURNED);
	ck_assert_uint_eq(claims(), 1);
	disk = disk_of(second);
	ck_assert_int_eq(claim_take(&disk, 10, true, &end, &r), 0);
	ck_assert_int_eq(end, CLAIM_TAKEN);
	ck_assert_uint_eq(claims(), 2);
	ck_assert_int_eq(claim_return(&disk, 10, &end, &r), 0);
	ck_assert_int_eq(end, CLAIM_RETURNED);
	ck_assert_uint_eq(claims(), 0);
	log_out(second);
	log_out(other);
}
END_TEST

/* ---- memory ---- */

static uint64_t used(void)
{
	ctl("--json lun show " DAEMON_TARGET " 0", 0);
	const char *p = strstr(ctl_out, "\"used_bytes\": ");
	ck_assert_ptr_nonnull(p);
	return strtoull(p + strlen("\"used_bytes\": "), NULL, 10);
}

static int unmap(struct iscsi_context *c, uint64_t bytes, unsigned block_size, bool is_anchor)
{
	struct sg_device disk = disk_of(c);
	struct commit_limits l;
	struct commit_range range = {
		.bytes = bytes, .block_size = block_size, .is_anchor = is_anchor};
	struct sg_result r;

	ck_assert_int_eq(commit_limits(&disk, &l, &r), 0);
	ck_assert_uint_gt(l.blocks, 0);
	return commit_unmap(&disk, &l, &range, &r);
}

START_TEST(memory_is_got_beforehand)
{
	static const unsigned sizes[] = {512, 4096};
	char luns[128];

	snprintf(luns, sizeof(luns),
		 "{ id = 0; size = \"64M\"; block_size = %u; provisioning = \"thin\"; }",
		 sizes[_i]);
	start(luns);
	struct iscsi_context *c = log_in("iqn.2026-01.org.example:one");
	ck_assert_int_eq(unmap(c, 20 * MiB, sizes[_i], true), 0);
	ck_assert_uint_eq(used(), 20 * MiB);
	ck_assert_int_eq(unmap(c, 20 * MiB, sizes[_i], true), 0);
	ck_assert_uint_eq(used(), 20 * MiB);
	ck_assert_int_eq(unmap(c, 64 * MiB, sizes[_i], false), 0);
	ck_assert_uint_eq(used(), 0);
	/* More than the donor has: it says so, and nothing is left of that. */
	ck_assert_int_eq(unmap(c, 64 * MiB, sizes[_i], true), -ENOSPC);
	ck_assert_int_eq(unmap(c, 64 * MiB, sizes[_i], false), 0);
	ck_assert_uint_eq(used(), 0);
	log_out(c);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("loan_luns");
	TCase *tc = tcase_create("luns");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_set_timeout(tc, 240);
	tcase_add_test(tc, one_of_two_borrowers_wins);
	tcase_add_test(tc, a_claim_of_an_earlier_session_is_ours);
	tcase_add_loop_test(tc, memory_is_got_beforehand, 0, 2);
	suite_add_tcase(suite, tc);
	return test_main(suite);
}
