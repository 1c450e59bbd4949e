// SPDX-License-Identifier: MIT
/* test_session_more.c - sessions: what went wrong once, each test named for the fault. */
#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "iscsi/session.h"
#include "lib/fake_engine.h"
#include "lib/filler.h"
#include "lib/session_rig.h"
#include "lib/test_main.h"
#include "reactor/conn.h"
#include "store/store.h"

static struct rig rig;

static void setup(void)
{
	rig_init(&rig);
}

#define BEGIN(keys) RIG_BEGIN(&rig, keys)

static void teardown(void)
{
	rig_stop(&rig);
}

static struct bhs_scsi_cmd send_rw(struct rig_peer *p, bool write, uint32_t lba, uint16_t blocks)
{
	struct bhs_scsi_cmd c =
		rig_command(p, write ? ISCSI_CMD_WRITE : ISCSI_CMD_READ, blocks * RIG_BLOCK);
	rig_rw10(&c, write, lba, blocks);
	rig_send(p, &c, NULL, 0);
	return c;
}

static void send_ping(struct rig_peer *p, uint32_t n)
{
	struct bhs_nop_out h = {.opcode = ISCSI_OP_NOP_OUT | ISCSI_IMMEDIATE, .flags = ISCSI_FINAL};
	put32(&h.itt, 0x70000000);
	put32(&h.ttt, ISCSI_TAG_NONE);
	put32(&h.cmdsn, p->cmdsn);
	rig_send(p, &h, rig_filled(0x3c, n), n);
}

static struct conn *the_only_conn(void)
{
	return container_of(rig.worker.reactor.all.next, struct conn, link);
}

/* ---- sending ---- */

/* 1 MiB is what a batch holds: a reply that would go beyond it waits for the next. */
START_TEST(a_reply_that_finds_no_room_after_read_data)
{
	struct rig_peer p = BEGIN("MaxRecvDataSegmentLength=65536");
	send_rw(&p, false, 0, 2047);
	send_ping(&p, (uint32_t)_i);
	uint32_t got = 0;
	while (got < 2047 * RIG_BLOCK) {
		struct rig_pdu d = rig_expect(&p, ISCSI_OP_DATA_IN);
		got += d.data_len;
		rig_pdu_free(&d);
	}
	struct rig_pdu r = rig_expect(&p, ISCSI_OP_NOP_IN);
	ck_assert_uint_eq(r.data_len, (uint32_t)_i);
	ck_assert_mem_eq(r.data, rig_filled(0x3c, (size_t)_i), (size_t)_i);
	rig_pdu_free(&r);
}
END_TEST

/* 11.18: as much of a ping comes back as we keep, and as its sender takes. */
START_TEST(a_long_ping_comes_back_as_far_as_it_is_kept)
{
	static const uint32_t len[] = {REPLY_DATA_MAX - 1, REPLY_DATA_MAX, REPLY_DATA_MAX + 1,
				       262144};
	struct rig_peer p = BEGIN("MaxRecvDataSegmentLength=65536");
	send_ping(&p, len[_i]);
	struct rig_pdu r = rig_expect(&p, ISCSI_OP_NOP_IN);
	uint32_t want = len[_i] < REPLY_DATA_MAX ? len[_i] : REPLY_DATA_MAX;
	ck_assert_uint_eq(r.data_len, want);
	ck_assert_mem_eq(r.data, rig_filled(0x3c, want), want);
	rig_pdu_free(&r);
}
END_TEST

/* Text has room for REPLY_DATA_MAX bytes, over all its PDUs. */
START_TEST(text_that_is_too_long_is_rejected)
{
	struct rig_peer p = BEGIN("");
	uint32_t rest = REPLY_DATA_MAX - 8000 + (uint32_t)_i;
	struct bhs_text_req h = {.opcode = ISCSI_OP_TEXT_REQ | ISCSI_IMMEDIATE,
				 .flags = ISCSI_TEXT_CONTINUE};
	put32(&h.itt, 9);
	put32(&h.ttt, ISCSI_TAG_NONE);
	put32(&h.cmdsn, p.cmdsn);
	rig_send(&p, &h, rig_filled('a', 8000), 8000);
	struct rig_pdu r = rig_expect(&p, ISCSI_OP_TEXT_RSP);
	h.ttt = r.text_rsp.ttt;
	rig_pdu_free(&r);
	rig_send(&p, &h, rig_filled('a', rest), rest);
	r = rig_expect(&p, _i ? ISCSI_OP_REJECT : ISCSI_OP_TEXT_RSP);
	rig_pdu_free(&r);
}
END_TEST

/* ---- resets ---- */

/* A reset concerns what was there before it. What follows it in the stream is answered. */
START_TEST(a_command_behind_a_reset_is_answered)
{
	static const enum iscsi_tmf how[] = {ISCSI_TMF_LUN_RESET, ISCSI_TMF_TARGET_WARM_RESET};
	struct rig_peer p = BEGIN("InitialR2T=Yes\0ImmediateData=No");
	struct bhs_scsi_cmd before = send_rw(&p, true, 0, 1);
	uint32_t ttt = rig_expect_r2t(&p, NULL);
	rig_send_tmf(&p, how[_i], (be32){{0}});
	struct bhs_scsi_cmd after = rig_command(&p, 0, 0);
	rig_send(&p, &after, NULL, 0);
	rig_data_out(&p, &before, ttt, 0, 0, RIG_BLOCK, true, 0x66);
	/* The order of the two answers is free, and so is the unit attention. */
	struct rig_pdu r;
	unsigned tmfs = 0, answers = 0;
	for (; rig_recv(&p, &r); rig_pdu_free(&r)) {
		tmfs += r.bhs.opcode == ISCSI_OP_TMF_RSP;
		answers +=
			r.bhs.opcode == ISCSI_OP_SCSI_RSP && get32(r.bhs.itt) == get32(after.itt);
	}
	ck_assert_uint_eq(tmfs, 1);
	ck_assert_uint_eq(answers, 1);
	rig_clear_attention(&p);
	rig_check_blocks(&p, 0, 1, 0);
}
END_TEST

/* Resets are answered later, by way of all reactors; meanwhile they count like replies. */
START_TEST(a_flood_of_resets_stops_the_input)
{
	struct rig_peer p = BEGIN("");
	fake_take(rig.engine, p.fd, 0, 0);
	for (int i = 0; i < 1000; i++)
		rig_send_tmf(&p, ISCSI_TMF_LUN_RESET, (be32){{0}});
	rig_run(&rig);
	ck_assert_uint_le(rig.worker.replies.used, REPLIES_MAX + 1);
	fake_take(rig.engine, p.fd, SIZE_MAX, 0);
	for (int i = 0; i < 1000; i++)
		rig_expect_tmf(&p, ISCSI_TMF_COMPLETE);
	rig_expect_nothing(&p);
}
END_TEST

/* ---- limits of time ---- */

/* While data of one WRITE comes, that of the next may wait in line. */
START_TEST(a_write_behind_a_slow_one_is_not_withheld)
{
	struct rig_peer p = BEGIN("InitialR2T=Yes\0ImmediateData=No");
	struct bhs_scsi_cmd a = send_rw(&p, true, 0, 32);
	uint32_t ttt_a = rig_expect_r2t(&p, NULL);
	struct bhs_scsi_cmd b = send_rw(&p, true, 100, 1);
	uint32_t ttt_b = rig_expect_r2t(&p, NULL);
	for (uint32_t i = 0; i < 32; i++) {
		rig_data_out(&p, &a, ttt_a, i, i * RIG_BLOCK, RIG_BLOCK, i == 31, 0x0a);
		rig_advance(&rig, 1);
	}
	rig_expect_status(&p, SCSI_GOOD);
	rig_data_out(&p, &b, ttt_b, 0, 0, RIG_BLOCK, true, 0x0b);
	rig_expect_status(&p, SCSI_GOOD);
	rig_check_blocks(&p, 100, 1, 0x0b);
}
END_TEST

/* Without buffers a block that comes in pieces cannot be kept: we do not read, nor blame. */
START_TEST(memory_that_is_short_for_long_is_not_the_peers_fault)
{
	struct rig_peer p = BEGIN("");
	struct arena *bufs = &rig.worker.scsi.bufs;
	uint32_t n = bufs->max;
	void **all = calloc(n, sizeof(*all));
	for (uint32_t i = 0; i < n; i++)
		ck_assert_ptr_nonnull(all[i] = arena_get(bufs));
	struct bhs_scsi_cmd c = rig_command(&p, ISCSI_CMD_WRITE, RIG_BLOCK);
	rig_rw10(&c, true, 5, 1);
	rig_send_cut(&p, &c, rig_filled(0x55, RIG_BLOCK), RIG_BLOCK, 48 + 100);
	rig_advance(&rig, 100);
	ck_assert(!fake_closed(rig.engine, p.fd));
	for (uint32_t i = 0; i < n; i++)
		arena_put(bufs, all[i]);
	free(all);
	fake_feed(rig.engine, p.fd, rig_filled(0x55, RIG_BLOCK), RIG_BLOCK - 100);
	/* 100 s are beyond the ping limit, too */
	struct rig_pdu r;
	ck_assert(rig_recv(&p, &r));
	ck_assert_uint_eq(r.bhs.opcode, ISCSI_OP_SCSI_RSP);
	rig_pdu_free(&r);
	rig_check_blocks(&p, 5, 1, 0x55);
}
END_TEST

/* ---- pages that are to come ---- */

#define PAGE_BLOCKS (uint32_t)(STORE_PAGE_SIZE / RIG_BLOCK)

/* A thin LUN of two pages, the first of them written, and nobody who makes another. */
static struct rig_peer begin_without_pages(void)
{
	rig.thin = true;
	struct rig_peer p = BEGIN("");
	struct bhs_scsi_cmd c = rig_command(&p, ISCSI_CMD_WRITE, RIG_BLOCK);
	rig_rw10(&c, true, 0, 1);
	rig_send(&p, &c, rig_filled(0x11, RIG_BLOCK), RIG_BLOCK);
	rig_expect_status(&p, SCSI_GOOD);
	rig.filler_rests = true;
	pool_trim(&rig.store->pool, 8);
	return p;
}

static struct bhs_scsi_cmd send_to_hole(struct rig_peer *p, uint8_t opcode, uint16_t blocks)
{
	struct bhs_scsi_cmd c = rig_command(p, ISCSI_CMD_WRITE, RIG_BLOCK);
	rig_rw10(&c, true, PAGE_BLOCKS, blocks);
	c.cdb[0] = opcode;
	rig_send(p, &c, rig_filled(0x22, RIG_BLOCK), RIG_BLOCK);
	return c;
}

static struct bhs_scsi_cmd write_to_hole(struct rig_peer *p)
{
	return send_to_hole(p, 0x2a, 1);
}

static struct bhs_scsi_cmd write_same_to_hole(struct rig_peer *p)
{
	return send_to_hole(p, 0x41, 2);
}

/* Would the reactor sleep, but for its tick? */
static bool sleeps(void)
{
	uint64_t next = rig.worker.reactor.next_tick;
	reactor_turn(&rig.worker.reactor, true);
	return rig.worker.reactor.now >= next;
}

/* It has waited once; it sleeps; the tick tries again; it sleeps. */
static void expect_asleep(struct rig_peer *p)
{
	const struct pool *pool = &rig.store->pool;
	rig_expect_nothing(p);
	ck_assert_uint_eq(pool->misses, 1);
	ck_assert(sleeps());
	rig_run(&rig);
	ck_assert_uint_eq(pool->misses, 2);
	rig_expect_nothing(p);
}

/* Its reactor sleeps meanwhile, and another session goes on. */
START_TEST(a_write_waits_for_a_page)
{
	struct rig_peer p = begin_without_pages();
	struct rig_peer q = rig_connect(&rig);
	q.isid = 1;
	RIG_LOGIN(&q, "");
	rig_clear_attention(&q);
	rig_check_blocks(&q, 0, 1, 0x11); /* from here on the LUN is shared */
	write_to_hole(&p);
	rig_run(&rig);
	rig_check_blocks(&q, 0, 1, 0x11);
	expect_asleep(&p);

	filler_run(rig.store);
	ck_assert(!sleeps());
	rig_expect_status(&p, SCSI_GOOD);
	rig_check_blocks(&p, PAGE_BLOCKS, 1, 0x22);
}
END_TEST

/* The same for one that is done in slices; reads of its own session pass it. */
START_TEST(a_write_same_waits_for_a_page)
{
	struct rig_peer p = begin_without_pages();
	write_same_to_hole(&p);
	rig_run(&rig);
	rig_check_blocks(&p, 0, 1, 0x11);
	expect_asleep(&p);

	filler_run(rig.store);
	ck_assert(!sleeps());
	rig_expect_status(&p, SCSI_GOOD);
	rig_check_blocks(&p, PAGE_BLOCKS, 2, 0x22);
}
END_TEST

/* One that waits may be aborted, and nothing of it is done when a page comes. */
START_TEST(a_write_same_that_waits_is_aborted)
{
	struct rig_peer p = begin_without_pages();
	struct bhs_scsi_cmd c = write_same_to_hole(&p);
	rig_run(&rig);
	rig_send_tmf(&p, ISCSI_TMF_ABORT_TASK, c.itt);
	rig_expect_tmf(&p, ISCSI_TMF_COMPLETE);
	rig.filler_rests = false;
	rig_run(&rig);
	rig_expect_nothing(&p);
	rig_check_blocks(&p, PAGE_BLOCKS, 2, 0);
}
END_TEST

/* The host gives none: the command that waited is told so, within no more than that. */
START_TEST(a_write_waits_in_vain)
{
	struct rig_peer p = begin_without_pages();
	write_to_hole(&p);
	rig_expect_nothing(&p);
	rig.store->pool.budget.keep = INT64_MAX / 2;
	rig.store->pool.budget.taken = BUDGET_MAX_PAGES;
	filler_run(rig.store);
	ck_assert(!sleeps());
	rig_expect_status(&p, SCSI_CHECK_CONDITION);
	rig_check_blocks(&p, 0, 1, 0x11);
}
END_TEST

/* Commands behind it in the stream do not wait for ever: SAM-5 5.3.1, BUSY. */
START_TEST(a_write_does_not_wait_for_long)
{
	struct rig_peer p = begin_without_pages();
	write_to_hole(&p);
	send_rw(&p, false, 0, 1);
	rig_run(&rig);
	rig_advance(&rig, MEMORY_WAIT_S);
	rig_expect_nothing(&p);
	rig_advance(&rig, 1);
	rig_expect_status(&p, SCSI_BUSY);
	struct rig_pdu d = rig_expect(&p, ISCSI_OP_DATA_IN);
	ck_assert_uint_eq(d.data[0], 0x11);
	rig_pdu_free(&d);
	rig.filler_rests = false;
	write_to_hole(&p);
	rig_expect_status(&p, SCSI_GOOD);
	rig_check_blocks(&p, PAGE_BLOCKS, 1, 0x22);
}
END_TEST

/* ---- limits of time again ---- */

/* Input stops while answers wait for the socket: data behind it is not withheld. */
START_TEST(data_that_we_do_not_read_is_not_withheld)
{
	struct rig_peer p = BEGIN("InitialR2T=Yes\0ImmediateData=No");
	struct bhs_scsi_cmd c = send_rw(&p, true, 0, 1);
	uint32_t ttt = rig_expect_r2t(&p, NULL);
	fake_take(rig.engine, p.fd, 32 << 10, 0); /* a batch in about 7 s */
	for (int i = 0; i < 10; i++)
		send_rw(&p, false, 0, 2048);
	for (unsigned i = 0; i < 2 * REPLIES_MAX; i++)
		send_ping(&p, 0);
	rig_data_out(&p, &c, ttt, 0, 0, RIG_BLOCK, true, 0x21);
	for (int i = 0; i < 100; i++) {
		rig_advance(&rig, 1);
		ck_assert_msg(!fake_shut(rig.engine, p.fd), "closed after %d s", i);
	}
	size_t have;
	ck_assert_uint_eq(*store_at(rig.lu.store, 0, 1, &have), 0x21);
}
END_TEST

/* A ping waits behind what the peer is receiving. */
START_TEST(a_ping_behind_a_long_read)
{
	struct rig_peer p = BEGIN("MaxRecvDataSegmentLength=65536");
	fake_take(rig.engine, p.fd, 32 << 10, 0); /* a batch in about 7 s */
	for (int i = 0; i < 15; i++)
		send_rw(&p, false, 0, 2048);
	rig_run(&rig);
	for (int i = 0; i < 75; i++) {
		rig_advance(&rig, 1);
		ck_assert_msg(!fake_shut(rig.engine, p.fd), "closed after %d s", i);
	}
	ck_assert_ptr_nonnull(the_only_conn()->batch);
}
END_TEST

/* No ping may be sent in a discovery session, so silence has a limit. */
START_TEST(a_discovery_session_of_a_peer_that_is_gone)
{
	rig_start(&rig);
	struct rig_peer p = rig_connect(&rig);
	static const char text[] = "InitiatorName=iqn.2026-01.org.memtgt:peer\0"
				   "SessionType=Discovery";
	struct bhs_login_req h = {.opcode = ISCSI_OP_LOGIN_REQ | ISCSI_IMMEDIATE,
				  .flags = ISCSI_LOGIN_TRANSIT | ISCSI_STAGE_OPERATIONAL << 2 |
					   ISCSI_STAGE_FULL_FEATURE};
	put32(&h.cmdsn, p.cmdsn);
	rig_send(&p, &h, text, sizeof(text));
	struct rig_pdu l = rig_expect(&p, ISCSI_OP_LOGIN_RSP);
	rig_pdu_free(&l);
	rig_advance(&rig, 60);
	rig_expect_nothing(&p);
	ck_assert(!fake_closed(rig.engine, p.fd));
	rig_advance(&rig, 2);
	ck_assert(rig_is_closed(&p));
}
END_TEST

/* ---- logout ---- */

/* 11.14: all pending commands are terminated; none touches data after the answer. */
START_TEST(logout_ends_what_is_pending)
{
	struct rig_peer p = BEGIN("InitialR2T=Yes\0ImmediateData=No");
	send_rw(&p, true, 0, 1);
	rig_expect_r2t(&p, NULL);
	struct bhs_scsi_cmd held = rig_command(&p, 0, 0);
	held.flags = (uint8_t)((held.flags & ~ISCSI_CMD_ATTR) | ISCSI_ATTR_ORDERED);
	rig_send(&p, &held, NULL, 0);
	struct bhs_logout_req h = {.opcode = ISCSI_OP_LOGOUT_REQ | ISCSI_IMMEDIATE,
				   .flags = ISCSI_FINAL | ISCSI_LOGOUT_SESSION};
	put32(&h.cmdsn, p.cmdsn);
	fake_take(rig.engine, p.fd, 0, 0);
	rig_send(&p, &h, NULL, 0);
	rig_run(&rig);
	ck_assert_uint_eq(rig.worker.tasks.used, 0);
	fake_take(rig.engine, p.fd, SIZE_MAX, 0);
	struct rig_pdu r = rig_expect(&p, ISCSI_OP_LOGOUT_RSP);
	rig_pdu_free(&r);
	rig_expect_nothing(&p);
	ck_assert(rig_is_closed(&p));
}
END_TEST

START_TEST(logout_comes_after_answers_that_are_ready)
{
	struct rig_peer p = BEGIN("");
	send_rw(&p, false, 0, 1);
	struct bhs_logout_req h = {.opcode = ISCSI_OP_LOGOUT_REQ | ISCSI_IMMEDIATE,
				   .flags = ISCSI_FINAL | ISCSI_LOGOUT_SESSION};
	put32(&h.cmdsn, p.cmdsn);
	rig_send(&p, &h, NULL, 0);
	struct rig_pdu r = rig_expect(&p, ISCSI_OP_DATA_IN);
	rig_pdu_free(&r);
	r = rig_expect(&p, ISCSI_OP_LOGOUT_RSP);
	rig_pdu_free(&r);
	ck_assert(rig_is_closed(&p));
}
END_TEST

/* ---- residuals ---- */

/* A WRITE that comes as a read wrote nothing: the residual must say so. 11.4.5.1 */
START_TEST(a_command_in_the_wrong_direction)
{
	struct rig_peer p = BEGIN("");
	struct bhs_scsi_cmd c =
		rig_command(&p, _i ? ISCSI_CMD_READ : ISCSI_CMD_WRITE, 2 * RIG_BLOCK);
	rig_rw10(&c, _i, 0, 2);
	c.flags |= ISCSI_FINAL;
	rig_send(&p, &c, NULL, 0);
	struct rig_pdu r = rig_expect(&p, ISCSI_OP_SCSI_RSP);
	ck_assert_uint_eq(r.bhs.flags & 0x1f, ISCSI_RSP_OVERFLOW);
	ck_assert_uint_eq(get32(r.scsi_rsp.resid), 2 * RIG_BLOCK);
	rig_pdu_free(&r);
}
END_TEST

/* ---- the end of the threads ---- */

static struct reactor ending[2];
static bool was_run;

static void last_run(struct reactor *r, struct reactor_msg *m)
{
	(void)r;
	(void)m;
	was_run = true;
}

static void last_post(struct reactor *r)
{
	static struct reactor_msg last = {.run = last_run};
	if (r == &ending[1])
		reactor_post(&ending[0], &last);
}

/* As the last part of a reset does: the reactor it posts to may have left already. */
START_TEST(a_message_to_a_reactor_that_left_is_run)
{
	struct reactor *all[] = {&ending[0], &ending[1]};
	struct reactor_options o = {.cpu = -1,
				    .engine = "epoll",
				    .max_conns = 1,
				    .conn_ops = &session_conn_ops,
				    .conn_size = sizeof(struct session),
				    .stop = last_post};
	for (; o.index < 2; o.index++)
		ck_assert_int_eq(reactor_start(&ending[o.index], &o), 0);
	reactors_stop(all, 2);
	ck_assert(was_run);
}
END_TEST

/* ---- a donor that drains ---- */

/* The status of a login with this ISID. RFC 7143 11.13.5 */
static unsigned try_login(struct rig_peer *p, uint8_t isid)
{
	static const char keys[] = "InitiatorName=iqn.2026-01.org.memtgt:peer\0SessionType=Normal\0"
				   "TargetName=iqn.2026-01.org.memtgt:rig";
	struct bhs_login_req h = {.opcode = ISCSI_OP_LOGIN_REQ | ISCSI_IMMEDIATE,
				  .flags = 0x87,
				  .isid = {0x80, 0, 0, 0, 0, isid}};

	*p = rig_connect(&rig);
	put32(&h.cmdsn, p->cmdsn);
	rig_send(p, &h, keys, sizeof(keys));
	struct rig_pdu rsp = rig_expect(p, ISCSI_OP_LOGIN_RSP);
	unsigned status = rsp.login_rsp.status_class << 8u | rsp.login_rsp.status_detail;
	rig_pdu_free(&rsp);
	return status;
}

/* No newcomers; but who was there finds its data again after its connection was lost, and once more
 * by replacing its session, until it logs out. */
START_TEST(drain_lets_only_old_borrowers_in)
{
	struct rig_peer a = RIG_BEGIN(&rig, ""), b;

	ck_assert_int_eq(directory_close(&rig.node.directory), 0);
	ck_assert_uint_eq(try_login(&b, 9), ISCSI_LOGIN_SERVICE_UNAVAILABLE);
	rig_run(&rig);
	ck_assert(rig_is_closed(&b));
	fake_fail_recv(rig.engine, a.fd, ECONNRESET);
	rig_run(&rig);
	ck_assert(rig_is_closed(&a));
	ck_assert_uint_eq(try_login(&a, 1), 0);
	ck_assert_uint_eq(try_login(&b, 1), 0);
	rig_clear_attention(&b);

	struct bhs_logout_req h = {.opcode = ISCSI_OP_LOGOUT_REQ | ISCSI_IMMEDIATE,
				   .flags = ISCSI_FINAL | ISCSI_LOGOUT_SESSION};
	put32(&h.cmdsn, b.cmdsn);
	rig_send(&b, &h, NULL, 0);
	struct rig_pdu rsp = rig_expect(&b, ISCSI_OP_LOGOUT_RSP);
	rig_pdu_free(&rsp);
	ck_assert_uint_eq(try_login(&b, 1), ISCSI_LOGIN_SERVICE_UNAVAILABLE);
	directory_open(&rig.node.directory);
	ck_assert_uint_eq(try_login(&b, 1), 0);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("session_more");
	TCase *t = tcase_create("faults");
	tcase_add_checked_fixture(t, setup, teardown);
	tcase_set_timeout(t, 60);
	tcase_add_loop_test(t, a_reply_that_finds_no_room_after_read_data, 511, 514);
	tcase_add_loop_test(t, a_long_ping_comes_back_as_far_as_it_is_kept, 0, 4);
	tcase_add_loop_test(t, text_that_is_too_long_is_rejected, 0, 2);
	tcase_add_loop_test(t, a_command_behind_a_reset_is_answered, 0, 2);
	tcase_add_test(t, a_flood_of_resets_stops_the_input);
	tcase_add_test(t, a_write_behind_a_slow_one_is_not_withheld);
	tcase_add_test(t, memory_that_is_short_for_long_is_not_the_peers_fault);
	tcase_add_test(t, a_write_waits_for_a_page);
	tcase_add_test(t, a_write_same_waits_for_a_page);
	tcase_add_test(t, a_write_same_that_waits_is_aborted);
	tcase_add_test(t, a_write_waits_in_vain);
	tcase_add_test(t, a_write_does_not_wait_for_long);
	tcase_add_test(t, data_that_we_do_not_read_is_not_withheld);
	tcase_add_test(t, a_ping_behind_a_long_read);
	tcase_add_test(t, a_discovery_session_of_a_peer_that_is_gone);
	tcase_add_test(t, logout_ends_what_is_pending);
	tcase_add_test(t, logout_comes_after_answers_that_are_ready);
	tcase_add_loop_test(t, a_command_in_the_wrong_direction, 0, 2);
	tcase_add_test(t, drain_lets_only_old_borrowers_in);
	suite_add_tcase(s, t);

	t = tcase_create("end");
	tcase_add_test(t, a_message_to_a_reactor_that_left_is_run);
	suite_add_tcase(s, t);
	return s;
}

int main(void)
{
	return test_main(suite());
}
