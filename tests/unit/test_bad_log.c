// SPDX-License-Identifier: MIT
/* test_bad_log.c - a peer's fault is one line of the log, and as many as it likes are not many. */
#include <check.h>
#include <string.h>

#include "base/log.h"
#include "lib/fake_engine.h"
#include "lib/hostile.h"
#include "lib/logged.h"
#include "lib/test_main.h"

#define SOLICITED "InitialR2T=Yes\0ImmediateData=No"
#define COUNT(a)  (sizeof(a) / sizeof(*(a)))

static struct rig rig;

static void setup(void)
{
	log_set_level(LOG_LEVEL_WARNING);
	rig_init(&rig);
	rig_start(&rig);
	log_catch();
}

static void teardown(void)
{
	rig_stop(&rig);
	log_release();
}

/* Lines since the last call; the first begins with who it is about. */
static unsigned lines(void)
{
	unsigned sum = 0;

	for (const char *p = logged(); (p = strchr(p, '\n')); p++)
		sum++;
	return sum;
}

/* ---- faults ---- */

static void send_bare(struct rig_peer *p, uint8_t opcode, uint8_t flags, uint32_t cmdsn)
{
	struct bhs_nop_out h = {.opcode = opcode, .flags = flags};

	put32(&h.itt, 0x5000);
	put32(&h.ttt, opcode == ISCSI_OP_SCSI_CMD ? 0 : ISCSI_TAG_NONE);
	put32(&h.cmdsn, cmdsn);
	rig_send(p, &h, NULL, 0);
}

static void no_login(struct rig_peer *p)
{
	send_bare(p, ISCSI_OP_NOP_OUT, ISCSI_FINAL, 0);
}

static void no_names(struct rig_peer *p)
{
	hostile_login(p, 0x87, "X-a=b", 6);
}

static void wrong_stage(struct rig_peer *p)
{
	hostile_login(p, 0x0c, NULL, 0);
}

static void too_long(struct rig_peer *p)
{
	struct bhs h = {.opcode = ISCSI_OP_NOP_OUT};
	put24(&h.data_len, 0xffffff);
	fake_feed(rig.engine, p->fd, &h, sizeof(h));
}

static void gap(struct rig_peer *p)
{
	send_bare(p, ISCSI_OP_NOP_OUT, ISCSI_FINAL, p->cmdsn + 1);
}

static void promised_data(struct rig_peer *p)
{
	send_bare(p, ISCSI_OP_SCSI_CMD, ISCSI_CMD_WRITE, p->cmdsn);
}

static void wrong_offset(struct rig_peer *p)
{
	struct bhs_scsi_cmd c = rig_command(p, ISCSI_CMD_WRITE, RIG_BLOCK);
	rig_rw10(&c, true, 0, 1);
	rig_send(p, &c, NULL, 0);
	rig_data_out(p, &c, rig_expect_r2t(p, NULL), 0, 4, 8, true, 0);
}

static void wrong_tags(struct rig_peer *p)
{
	struct bhs_scsi_cmd c = rig_command(p, ISCSI_CMD_WRITE, RIG_BLOCK);
	rig_rw10(&c, true, 0, 1);
	rig_send(p, &c, NULL, 0);
	uint32_t ttt = rig_expect_r2t(p, NULL);
	put32(&c.itt, get32(c.itt) + 1);
	rig_data_out(p, &c, ttt, 0, 0, RIG_BLOCK, true, 0);
}

static void bad_text(struct rig_peer *p)
{
	hostile_text(p, ISCSI_FINAL, ISCSI_TAG_NONE, "=", 1);
}

static const struct {
	void (*commit)(struct rig_peer *p);
	enum hostile_place at;
} faults[] = {
	{no_login, BEFORE_LOGIN},	   {no_names, BEFORE_LOGIN},
	{wrong_stage, IN_LOGIN_PHASE},	   {too_long, BEFORE_LOGIN},
	{too_long, IN_NORMAL_SESSION},	   {gap, IN_DISCOVERY_SESSION},
	{gap, IN_NORMAL_SESSION},	   {promised_data, IN_NORMAL_SESSION},
	{wrong_offset, IN_NORMAL_SESSION}, {wrong_tags, IN_NORMAL_SESSION},
	{bad_text, IN_DISCOVERY_SESSION},
};

START_TEST(a_fault_is_one_line)
{
	struct rig_peer p = HOSTILE_PEER(&rig, faults[_i].at, SOLICITED);

	(void)lines();
	faults[_i].commit(&p);
	rig_run(&rig);
	ck_assert_uint_eq(lines(), 1);
	(void)rig_is_closed(&p);
	ck_assert_uint_eq(lines(), 0);
}
END_TEST

/* LOG_BURST lines from one place, then none until its window is over. */
START_TEST(many_faults_are_few_lines)
{
	for (int n = 0; n < 200; n++) {
		struct rig_peer p = HOSTILE_PEER(&rig, faults[_i].at, SOLICITED);
		faults[_i].commit(&p);
		rig_run(&rig);
		if (!rig_is_closed(&p))
			fake_eof(rig.engine, p.fd);
		rig_run(&rig);
	}
	unsigned n = lines();
	ck_assert_uint_ge(n, LOG_BURST);
	ck_assert_uint_le(n, 3 * LOG_BURST); /* a slow machine sees more than one window */
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("bad_log");
	TCase *t = tcase_create("bad_log");

	tcase_set_timeout(t, 60);
	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_loop_test(t, a_fault_is_one_line, 0, COUNT(faults));
	tcase_add_loop_test(t, many_faults_are_few_lines, 0, COUNT(faults));
	suite_add_tcase(s, t);
	return s;
}

int main(void)
{
	return test_main(suite());
}
