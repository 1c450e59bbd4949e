// SPDX-License-Identifier: MIT
/*
 * test_session_access.c - what a rule of access makes of a session: its LUNs, how many there may
 * be, and by which portal group it came.
 *
 * The rig's target has LUN 0 of the rig and a LUN 1 of the test's, on the same memory.
 */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "iscsi/access.h"
#include "iscsi/live.h"
#include "iscsi/session.h"
#include "lib/fake_engine.h"
#include "lib/hostile.h"
#include "lib/logged.h"
#include "lib/test_main.h"

#define WHOLE	      "iqn.2026-01.example:whole"
#define MAPPED	      "iqn.2026-01.example:mapped"
#define DENIED	      "iqn.2026-01.example:denied"
#define LIMITED	      "iqn.2026-01.example:limited"
#define GOOD	      0
#define NO_LU	      0x052500
#define POWER_ON      0x062900
#define LU_RESET      0x062903
#define WRITE_PROTECT 0x072700
#define LUNS_CHANGED  0x063f0e
#define REFUSED	      ISCSI_LOGIN_OUT_OF_RESOURCES

static struct rig rig;
static struct scsi_lu second;

/* LUN 3 is LUN 0, which it may only read. */
static struct config_shown shown[] = {{.id = 0, .as = 3, .read_only = true}};
static char whole_name[] = WHOLE, mapped_name[] = MAPPED, denied_name[] = DENIED,
	    limited_name[] = LIMITED;
static struct config_rule rules[] = {
	{.initiator = denied_name, .deny = true, .place = (char *)"a.conf:1"},
	{.initiator = mapped_name, .luns = shown, .nluns = 1, .place = (char *)"a.conf:2"},
	{.initiator = limited_name, .sessions = 2, .place = (char *)"a.conf:3"},
	{.initiator = whole_name, .place = (char *)"a.conf:4"},
};

static void setup(void)
{
	struct sockaddr_in *in = (void *)&rig.peer;

	log_set_level(LOG_LEVEL_WARNING);
	rig_init(&rig);
	rig.config.limits.connections = 16;
	rig.config.limits.connections_per_address = rig.config.limits.logins = 16;
	in->sin_family = AF_INET;
	in->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	rig.target_config.access = (struct config_access){.rules = rules, .nrules = 4};
	rig_start(&rig);
	second = (struct scsi_lu){.id = 1,
				  .store = rig.lu.store,
				  .block_size = rig.lu.block_size,
				  .block_shift = rig.lu.block_shift};
	second.blocks = rig.lu.blocks;
	rig.target.by_id[1] = &second;
}

static void teardown(void)
{
	rig_stop(&rig);
}

/* The status of a login; *tag, if not NULL: the TargetPortalGroupTag that was told. */
static unsigned log_in(struct rig_peer *p, const char *initiator, uint8_t isid, unsigned *tag)
{
	struct bhs_login_req h = {.opcode = ISCSI_OP_LOGIN_REQ | ISCSI_IMMEDIATE,
				  .flags = ISCSI_LOGIN_TRANSIT | ISCSI_STAGE_OPERATIONAL << 2 |
					   ISCSI_STAGE_FULL_FEATURE,
				  .isid = {[5] = isid}};
	char text[600];
	int n = snprintf(text, sizeof(text), "InitiatorName=%s%cTargetName=%s%c", initiator, 0,
			 rig.target_config.name, 0);

	*p = rig_connect(&rig);
	put32(&h.cmdsn, p->cmdsn);
	rig_send(p, &h, text, (uint32_t)n);
	const struct hostile_said *s = hostile_hear(p);
	const char *at = strstr(s->text, "TargetPortalGroupTag=");
	if (tag)
		*tag = at ? (unsigned)atoi(strchr(at, '=') + 1) : 0;
	return hostile_status(s);
}

static struct rig_peer begin(const char *initiator, uint8_t isid)
{
	struct rig_peer p;

	ck_assert_uint_eq(log_in(&p, initiator, isid, NULL), 0);
	return p;
}

static uint32_t sense_of(const struct rig_pdu *rsp)
{
	if (rsp->data_len < 2 + 14)
		return GOOD;
	return (uint32_t)(rsp->data[4] & 0xf) << 16 | ld16(rsp->data + 14);
}

/* TEST UNIT READY on a LUN. */
static uint32_t tur(struct rig_peer *p, uint8_t lun)
{
	struct bhs_scsi_cmd c = rig_command(p, 0, 0);

	c.lun[1] = lun;
	rig_send(p, &c, NULL, 0);
	struct rig_pdu r = rig_expect(p, ISCSI_OP_SCSI_RSP);
	uint32_t sense = sense_of(&r);
	rig_pdu_free(&r);
	return sense;
}

static struct bhs_scsi_cmd send_write(struct rig_peer *p, uint8_t lun)
{
	struct bhs_scsi_cmd c = rig_command(p, ISCSI_CMD_WRITE, 2 * RIG_BLOCK);

	c.lun[1] = lun;
	rig_rw10(&c, true, 0, 2);
	rig_send(p, &c, NULL, 0);
	return c;
}

static void tmf(struct rig_peer *p, enum iscsi_tmf f, uint8_t lun, uint8_t response)
{
	struct bhs_tmf_req h = {.opcode = ISCSI_OP_TMF_REQ | ISCSI_IMMEDIATE,
				.flags = (uint8_t)(ISCSI_FINAL | f),
				.lun = {0, lun}};

	put32(&h.itt, 0x7777);
	put32(&h.ref_itt, ISCSI_TAG_NONE);
	put32(&h.cmdsn, p->cmdsn);
	rig_send(p, &h, NULL, 0);
	rig_expect_tmf(p, response);
}

/* ---- LUNs ---- */

START_TEST(sees_what_its_rule_shows)
{
	struct rig_peer m = begin(MAPPED, 1), w = begin(WHOLE, 1);

	ck_assert_uint_eq(tur(&m, 0), NO_LU);
	ck_assert_uint_eq(tur(&m, 1), NO_LU);
	ck_assert_uint_eq(tur(&m, 3), POWER_ON);
	ck_assert_uint_eq(tur(&m, 3), GOOD);
	for (uint8_t lun = 0; lun < 2; lun++) {
		ck_assert_uint_eq(tur(&w, lun), POWER_ON);
		ck_assert_uint_eq(tur(&w, lun), GOOD);
	}
	ck_assert_uint_eq(tur(&w, 3), NO_LU);
}
END_TEST

START_TEST(reads_what_it_may_not_write)
{
	struct rig_peer m = begin(MAPPED, 1), w = begin(WHOLE, 1);

	ck_assert_uint_eq(tur(&m, 3), POWER_ON);
	ck_assert_uint_eq(tur(&w, 0), POWER_ON);
	struct bhs_scsi_cmd c = send_write(&w, 0);
	rig_data_out(&w, &c, rig_expect_r2t(&w, NULL), 0, 0, 2 * RIG_BLOCK, true, 0x5a);
	rig_expect_status(&w, SCSI_GOOD);

	send_write(&m, 3);
	struct rig_pdu r = rig_expect(&m, ISCSI_OP_SCSI_RSP);
	ck_assert_uint_eq(sense_of(&r), WRITE_PROTECT);
	rig_pdu_free(&r);
	c = rig_command(&m, ISCSI_CMD_READ, RIG_BLOCK);
	c.lun[1] = 3;
	rig_rw10(&c, false, 1, 1);
	rig_send(&m, &c, NULL, 0);
	r = rig_expect(&m, ISCSI_OP_DATA_IN);
	ck_assert_mem_eq(r.data, rig_filled(0x5a, RIG_BLOCK), RIG_BLOCK);
	rig_pdu_free(&r);
}
END_TEST

static void tell(enum live_event e, const struct scsi_lu *lu, unsigned id)
{
	struct live_change c = {.event = e, .target = &rig.target, .lu = lu, .id = id};

	ck_assert_int_eq(live_start(&rig.node, &c, NULL, NULL), 0);
	reactor_turn(&rig.worker.reactor, false);
}

/* What it is told of has the number under which it sees that. */
START_TEST(events_name_the_lun_that_is_seen)
{
	struct rig_peer whole = begin(WHOLE, 1), mapped = begin(MAPPED, 2);

	rig.config.scsi_events = true;
	tell(LIVE_RESIZED, &rig.lu, 0);
	struct rig_pdu r = rig_expect(&whole, ISCSI_OP_ASYNC);
	ck_assert_mem_eq(r.async.lun, "\0\0\0\0\0\0\0\0", 8);
	rig_pdu_free(&r);
	r = rig_expect(&mapped, ISCSI_OP_ASYNC);
	ck_assert_mem_eq(r.async.lun, "\0\3\0\0\0\0\0\0", 8);
	rig_pdu_free(&r);
	tell(LIVE_RESIZED, &second, 1);
	rig_expect_nothing(&mapped);
	r = rig_expect(&whole, ISCSI_OP_ASYNC);
	ck_assert_mem_eq(r.async.lun, "\0\1\0\0\0\0\0\0", 8);
	rig_pdu_free(&r);
}
END_TEST

/* A LUN that comes or goes is nothing to who would not see it. */
START_TEST(hears_of_its_luns_only)
{
	struct rig_peer m = begin(MAPPED, 1), w = begin(WHOLE, 1);

	ck_assert_uint_eq(tur(&m, 3), POWER_ON);
	ck_assert_uint_eq(tur(&w, 0), POWER_ON);
	ck_assert_uint_eq(tur(&w, 1), POWER_ON);
	rig.target.by_id[1] = NULL;
	tell(LIVE_REMOVED, &second, 1);
	ck_assert_uint_eq(tur(&m, 3), GOOD);
	ck_assert_uint_eq(tur(&w, 0), LUNS_CHANGED);
	ck_assert_uint_eq(tur(&w, 1), NO_LU);
	rig.target.by_id[1] = &second;
	tell(LIVE_ADDED, &second, 1);
	ck_assert_uint_eq(tur(&m, 3), GOOD);
	ck_assert_uint_eq(tur(&m, 1), NO_LU);
	ck_assert_uint_eq(tur(&w, 0), LUNS_CHANGED);
	ck_assert_uint_eq(tur(&w, 1), POWER_ON);
	/* LUN 0 is its LUN 3. */
	rig.target.by_id[0] = NULL;
	tell(LIVE_REMOVED, &rig.lu, 0);
	ck_assert_uint_eq(tur(&m, 3), NO_LU);
	rig.target.by_id[0] = &rig.lu;
	tell(LIVE_ADDED, &rig.lu, 0);
	ck_assert_uint_eq(tur(&m, 3), POWER_ON);
	ck_assert_uint_eq(tur(&m, 3), GOOD);
	ck_assert_uint_eq(tur(&w, 1), LUNS_CHANGED);
}
END_TEST

/* A LUN RESET means the LU, under whatever number; one that is not seen cannot be reset. 11.5.1 */
START_TEST(lun_reset)
{
	shown[0].read_only = false;
	struct rig_peer m = begin(MAPPED, 1), w = begin(WHOLE, 1);

	ck_assert_uint_eq(tur(&m, 3), POWER_ON);
	ck_assert_uint_eq(tur(&w, 0), POWER_ON);
	ck_assert_uint_eq(tur(&w, 1), POWER_ON);
	send_write(&w, 0);
	(void)rig_expect_r2t(&w, NULL);
	tmf(&m, ISCSI_TMF_LUN_RESET, 0, ISCSI_TMF_NO_LUN);
	tmf(&m, ISCSI_TMF_LUN_RESET, 1, ISCSI_TMF_NO_LUN);
	tmf(&m, ISCSI_TMF_ABORT_TASK_SET, 0, ISCSI_TMF_NO_LUN);
	tmf(&m, ISCSI_TMF_ABORT_TASK_SET, 3, ISCSI_TMF_COMPLETE);
	ck_assert_uint_eq(rig.worker.tasks.used, 1);
	tmf(&m, ISCSI_TMF_LUN_RESET, 3, ISCSI_TMF_COMPLETE);
	ck_assert_uint_eq(rig.worker.tasks.used, 0);
	ck_assert_uint_eq(tur(&m, 3), LU_RESET);
	ck_assert_uint_eq(tur(&w, 0), LU_RESET);
	ck_assert_uint_eq(tur(&w, 1), GOOD);
	/* The other way: what it has under its own number ends. */
	send_write(&m, 3);
	(void)rig_expect_r2t(&m, NULL);
	tmf(&w, ISCSI_TMF_LUN_RESET, 1, ISCSI_TMF_COMPLETE);
	ck_assert_uint_eq(rig.worker.tasks.used, 1);
	ck_assert_uint_eq(tur(&m, 3), GOOD);
	tmf(&w, ISCSI_TMF_LUN_RESET, 0, ISCSI_TMF_COMPLETE);
	ck_assert_uint_eq(rig.worker.tasks.used, 0);
	ck_assert_uint_eq(tur(&m, 3), LU_RESET);
}
END_TEST

/* A target reset reaches the LUs that its initiator knows, and ends nobody's session over others.
 */
START_TEST(target_resets)
{
	struct rig_peer m = begin(MAPPED, 1), w = begin(WHOLE, 1);

	ck_assert_uint_eq(tur(&m, 3), POWER_ON);
	ck_assert_uint_eq(tur(&w, 0), POWER_ON);
	ck_assert_uint_eq(tur(&w, 1), POWER_ON);
	send_write(&w, 0);
	(void)rig_expect_r2t(&w, NULL);
	struct bhs_scsi_cmd c = send_write(&w, 1);
	uint32_t ttt = rig_expect_r2t(&w, NULL);
	tmf(&m, ISCSI_TMF_TARGET_WARM_RESET, 0, ISCSI_TMF_COMPLETE);
	ck_assert_uint_eq(rig.worker.tasks.used, 1);
	rig_data_out(&w, &c, ttt, 0, 0, 2 * RIG_BLOCK, true, 1);
	rig_expect_status(&w, SCSI_GOOD);
	ck_assert_uint_eq(tur(&w, 0), LU_RESET);
	ck_assert_uint_eq(tur(&w, 1), GOOD);
	ck_assert_uint_eq(tur(&m, 3), LU_RESET);
	tmf(&m, ISCSI_TMF_TARGET_COLD_RESET, 0, ISCSI_TMF_NOT_AUTHORIZED);
	ck_assert(!rig_is_closed(&w) && !rig_is_closed(&m));
	ck_assert_uint_eq(tur(&w, 0), GOOD);
	tmf(&w, ISCSI_TMF_TARGET_WARM_RESET, 0, ISCSI_TMF_COMPLETE);
	ck_assert_uint_eq(tur(&m, 3), LU_RESET);
	tmf(&w, ISCSI_TMF_TARGET_COLD_RESET, 0, ISCSI_TMF_COMPLETE);
	ck_assert(rig_is_closed(&m));
}
END_TEST

/* ---- who may not ---- */

static void refused(const char *initiator, unsigned status, const char *why)
{
	struct rig_peer p;

	log_catch();
	ck_assert_uint_eq(log_in(&p, initiator, 1, NULL), status);
	rig_run(&rig);
	const char *text = logged();
	ck_assert_msg(strstr(text, why) != NULL, "no \"%s\" in: %s", why, text);
	ck_assert_ptr_eq(strchr(text, '\n'), strrchr(text, '\n'));
	log_release();
	ck_assert(rig_is_closed(&p));
}

START_TEST(a_refusal_names_the_rule)
{
	refused(DENIED, ISCSI_LOGIN_AUTHZ_FAILURE, "(0x0202): the rule at a.conf:1 denies it");
	refused("iqn.2026-01.example:stranger", ISCSI_LOGIN_AUTHZ_FAILURE,
		"(0x0202): no rule of target iqn.2026-01.org.memtgt:rig matches");
	rig.target_config.access.rules = &rules[3];
	rig.target_config.access.nrules = 1;
	refused(MAPPED, ISCSI_LOGIN_AUTHZ_FAILURE, "no rule of target");
	rig.target_config.access.nrules = 0;
	struct sockaddr_in *in = (void *)&rig.peer;
	in->sin_addr.s_addr = htonl(0xc0000201);
	refused(WHOLE, ISCSI_LOGIN_AUTHZ_FAILURE,
		"has no access rules, so only this host may use it");
}
END_TEST

/* ---- how many ---- */

#define LIMIT 3u

static void leave(struct rig_peer *p)
{
	fake_eof(rig.engine, p->fd);
	rig_advance(&rig, 1);
}

/* One session less than the limit, as many, one more; one leaves, and one more. */
static void try_limit(const char *const names[static LIMIT + 1], const char *why)
{
	struct rig_peer p[LIMIT + 2], again;

	for (uint8_t i = 0; i < LIMIT; i++)
		p[i] = begin(names[i], i);
	log_catch();
	ck_assert_uint_eq(log_in(&p[LIMIT], names[LIMIT], LIMIT, NULL), REFUSED);
	ck_assert_msg(strstr(logged(), why) != NULL, "no \"%s\"", why);
	log_release();
	ck_assert_uint_eq(rig_counter(&rig, COUNT_REFUSED_SESSIONS), 1);
	/* Whoever is there may come again, as often as it likes. */
	for (int i = 0; i < 3; i++) {
		again = begin(names[0], 0);
		ck_assert(rig_is_closed(&p[0]));
		p[0] = again;
	}
	ck_assert_uint_eq(log_in(&p[LIMIT], names[LIMIT], LIMIT, NULL), REFUSED);
	leave(&p[1]);
	p[1] = begin(names[LIMIT], LIMIT);
	ck_assert_uint_eq(log_in(&p[LIMIT], names[1], 1, NULL), REFUSED);
	ck_assert_uint_eq(rig_counter(&rig, COUNT_REFUSED_SESSIONS), 3);
}

START_TEST(sessions_per_target)
{
	static const char *const names[] = {WHOLE, MAPPED, LIMITED, WHOLE};

	if (_i) {
		rig.target_config.sessions = LIMIT;
		rig.config.limits.sessions_per_target = 1;
	} else {
		rig.config.limits.sessions_per_target = LIMIT;
	}
	try_limit(names, _i ? "has 3 sessions, as many as its key sessions allows"
			    : "has 3 sessions, as many as limits.sessions_per_target allows");
}
END_TEST

START_TEST(sessions_per_initiator)
{
	static const char *const names[][LIMIT + 1] = {{WHOLE, WHOLE, WHOLE, WHOLE},
						       {LIMITED, LIMITED, LIMITED, LIMITED}};

	rules[2].sessions = LIMIT;
	rig.config.limits.sessions_per_initiator = _i ? 1 : LIMIT;
	begin(MAPPED, 0); /* counts for itself */
	try_limit(names[_i], _i ? "it has 3 sessions, as many as the rule at a.conf:3 allows"
				: "it has 3 sessions, as many as limits.sessions_per_initiator "
				  "allows");
}
END_TEST

/* ---- names in other letters: RFC 7143 4.2.7 ---- */

#define WHOLE_AS   "IQN.2026-01.Example:WHOLE"
#define MAPPED_AS  "iqn.2026-01.example:Mapped"
#define DENIED_AS  "iqn.2026-01.EXAMPLE:denied"
#define LIMITED_AS "iqn.2026-01.example:limiteD"

/* The rule of a name is not left by its letters for the one of everybody. */
START_TEST(rules_by_any_letters)
{
	char all[] = "*";
	struct config_rule with_all[5];

	memcpy(with_all, rules, sizeof(rules));
	with_all[4] = (struct config_rule){.initiator = all, .place = (char *)"a.conf:5"};
	rig.target_config.access = (struct config_access){.rules = with_all, .nrules = 5};
	refused(DENIED_AS, ISCSI_LOGIN_AUTHZ_FAILURE, "(0x0202): the rule at a.conf:1 denies it");
	struct rig_peer p = begin(MAPPED_AS, 0);
	ck_assert_uint_eq(tur(&p, 0), NO_LU);
	ck_assert_uint_eq(tur(&p, 3), POWER_ON);
	send_write(&p, 3);
	struct rig_pdu r = rig_expect(&p, ISCSI_OP_SCSI_RSP);
	ck_assert_uint_eq(sense_of(&r), WRITE_PROTECT);
	rig_pdu_free(&r);
	leave(&p);
}
END_TEST

START_TEST(limits_by_any_letters)
{
	struct rig_peer p;

	rules[2].sessions = 2;
	begin(LIMITED, 0);
	begin(LIMITED_AS, 1);
	ck_assert_uint_eq(log_in(&p, "IQN.2026-01.EXAMPLE:LIMITED", 2, NULL), REFUSED);
}
END_TEST

/* It is the same session, so the old one ends. */
START_TEST(comes_again_by_any_letters)
{
	struct rig_peer p = begin(WHOLE, 0), again = begin(WHOLE_AS, 0);

	ck_assert(rig_is_closed(&p));
	ck_assert_uint_eq(directory_count(&rig.node.directory, &rig.target), 1);
	leave(&again);
}
END_TEST

/* The port that was registered, and is not another one. */
START_TEST(registered_by_any_letters)
{
	struct rig_peer p = begin(WHOLE, 0);
	uint8_t list[24] = {[15] = 7};

	for (int i = 0; i < 3; i++) {
		ck_assert_uint_eq(tur(&p, 0), POWER_ON);
		struct bhs_scsi_cmd c = rig_command(&p, ISCSI_CMD_WRITE, 24);
		c.cdb[0] = 0x5f;
		c.cdb[1] = i ? CLAIM_RESERVE : CLAIM_REGISTER;
		c.cdb[2] = CLAIM_EXCLUSIVE;
		c.cdb[8] = 24;
		rig_send(&p, &c, list, 24);
		rig_expect_status(&p, SCSI_GOOD);
		list[7] = 7;
		leave(&p);
		p = begin(i ? WHOLE : WHOLE_AS, 0);
	}
	ck_assert_uint_eq(rig.lu.reserve.claims->n, 1);
	ck_assert_str_eq(rig.lu.reserve.claims->at[0].port.name, WHOLE ",i,0x000000000000");
	leave(&p);
}
END_TEST

/* Lines about the one limit and about the other have a count each; a crowd costs a few. */
START_TEST(lines_of_limits)
{
	struct rig_peer p;
	unsigned lines = 0;

	rig.config.limits.sessions_per_target = 1;
	begin(WHOLE, 0);
	log_catch();
	for (uint8_t i = 0; i < 5 * LOG_BURST; i++) {
		ck_assert_uint_eq(log_in(&p, WHOLE, (uint8_t)(i + 1), NULL), REFUSED);
		leave(&p);
	}
	for (const char *at = logged(); (at = strstr(at, "login refused")); at++)
		lines++;
	ck_assert(lines >= LOG_BURST && lines < 5 * LOG_BURST);
	rig.config.limits.sessions_per_target = 0;
	rig.config.limits.sessions_per_initiator = 1;
	ck_assert_uint_eq(log_in(&p, WHOLE, 99, NULL), REFUSED);
	ck_assert_ptr_nonnull(strstr(logged(), "login refused"));
	log_release();
}
END_TEST

/* ---- portal groups ---- */

/* The name and ISID of one session by two portal groups: two nexuses. RFC 7143 4.4.3 */
START_TEST(two_groups_are_two_sessions)
{
	struct rig_peer one, two, again;
	unsigned tag;

	ck_assert_uint_eq(log_in(&one, WHOLE, 1, &tag), 0);
	ck_assert_uint_eq(tag, 1);
	rig.portal_group = 2;
	ck_assert_uint_eq(log_in(&two, WHOLE, 1, &tag), 0);
	ck_assert_uint_eq(tag, 2);
	ck_assert(!rig_is_closed(&one));
	ck_assert_uint_eq(tur(&one, 0), POWER_ON);
	ck_assert_uint_eq(tur(&two, 0), POWER_ON);
	ck_assert_uint_eq(log_in(&again, WHOLE, 1, &tag), 0);
	ck_assert_uint_eq(tag, 2);
	ck_assert(rig_is_closed(&two) && !rig_is_closed(&one));
	ck_assert_uint_eq(tur(&one, 0), GOOD);
	ck_assert_uint_eq(tur(&again, 0), POWER_ON);
	ck_assert_uint_eq(directory_count(&rig.node.directory, &rig.target), 2);
}
END_TEST

/* The designators of the target port: by which one it came. */
START_TEST(each_group_is_a_port)
{
	for (uint16_t group = 1; group <= CONFIG_GROUP_MAX; group += 31) {
		rig.portal_group = group;
		struct rig_peer p = begin(WHOLE, 1);
		struct bhs_scsi_cmd c = rig_command(&p, ISCSI_CMD_READ, 255);
		memcpy(c.cdb, (const uint8_t[]){0x12, 1, 0x83, 0, 255}, 5);
		rig_send(&p, &c, NULL, 0);
		struct rig_pdu r = rig_expect(&p, ISCSI_OP_DATA_IN);
		unsigned ports = 0;
		for (size_t at = 4; at + 8 <= r.data_len; at += 4u + r.data[at + 3]) {
			if ((r.data[at + 1] & 0x3f) != 0x14) /* RELATIVE TARGET PORT IDENTIFIER */
				continue;
			ck_assert_uint_eq(ld32(r.data + at + 4), group);
			ports++;
		}
		ck_assert_uint_eq(ports, 1);
		rig_pdu_free(&r);
	}
}
END_TEST

START_TEST(a_target_of_other_groups)
{
	rig.target_config.portal_groups = 1ull << 2 | 1ull << 63;
	refused(WHOLE, ISCSI_LOGIN_NOT_FOUND,
		"(0x0203): target iqn.2026-01.org.memtgt:rig is not offered by portal group 1");
	/* Who may not use it learns no more than before. */
	refused(DENIED, ISCSI_LOGIN_AUTHZ_FAILURE, "the rule at a.conf:1 denies it");
	for (rig.portal_group = 2; rig.portal_group <= 63; rig.portal_group += 61)
		begin(WHOLE, 1);
}
END_TEST

START_TEST(groups_of_a_target)
{
	struct config_target t = {.portal_groups = 0};

	for (unsigned g = 0; g <= 65535; g++)
		ck_assert(access_by_group(&t, g));
	t.portal_groups = 1ull << 1 | 1ull << 63;
	for (unsigned g = 0; g <= 65535; g++)
		ck_assert_int_eq(access_by_group(&t, g), g == 1 || g == 63);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("session_access");
	TCase *t = tcase_create("access");

	tcase_add_checked_fixture(t, setup, teardown);
	suite_add_tcase(s, t);
	tcase_add_test(t, sees_what_its_rule_shows);
	tcase_add_test(t, events_name_the_lun_that_is_seen);
	tcase_add_test(t, reads_what_it_may_not_write);
	tcase_add_test(t, hears_of_its_luns_only);
	tcase_add_test(t, lun_reset);
	tcase_add_test(t, target_resets);
	tcase_add_test(t, a_refusal_names_the_rule);
	tcase_add_loop_test(t, sessions_per_target, 0, 2);
	tcase_add_loop_test(t, sessions_per_initiator, 0, 2);
	tcase_add_test(t, lines_of_limits);
	tcase_add_test(t, rules_by_any_letters);
	tcase_add_test(t, limits_by_any_letters);
	tcase_add_test(t, comes_again_by_any_letters);
	tcase_add_test(t, registered_by_any_letters);
	tcase_add_test(t, two_groups_are_two_sessions);
	tcase_add_test(t, each_group_is_a_port);
	tcase_add_test(t, a_target_of_other_groups);
	tcase_add_test(t, groups_of_a_target);
	return test_main(s);
}
