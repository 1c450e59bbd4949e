// SPDX-License-Identifier: MIT
/*
 * test_reactors.c - sessions of one LUN on several reactors at once, with verified data.
 *
 * Under ThreadSanitizer this is the test of everything that reactors share.
 */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "lib/daemon.h"
#include "lib/rawinit.h"
#include "lib/test_main.h"

#define SESSIONS 4
#define BLOCK	 512u
#define SHARE	 (4u << 20) /* bytes of the LUN that belong to one session */
#define LARGEST	 (256u << 10)
#define STEPS	 150

static struct daemon d;

struct worker {
	struct raw r;
	unsigned lun, index, seed;
	uint8_t *mirror, *buf;
	unsigned steps, sessions;
};

static void start(void)
{
	daemon_start(&d,
		     "{ id = 0; size = \"16M\"; },"
		     "{ id = 1; size = \"16M\"; provisioning = \"thin\"; }",
		     "reactor = { count = 2; };");
}

static void stop(void)
{
	daemon_check_alive(&d);
	daemon_stop(&d);
}

static void unmap(struct worker *w, uint64_t lba, uint32_t blocks)
{
	uint8_t cdb[16] = {[0] = 0x42, [8] = 24}, list[24] = {[1] = 22, [3] = 16};

	st64(list + 8, lba);
	st32(list + 16, blocks);
	union raw_bhs h = raw_command(&w->r, ISCSI_FINAL | ISCSI_CMD_WRITE | ISCSI_ATTR_SIMPLE, cdb,
				      sizeof(list));
	raw_set_lun(&h, w->lun);
	ck_assert(raw_send(&w->r, &h, list, sizeof(list)));
	raw_expect(&w->r, ISCSI_OP_SCSI_RSP);
	ck_assert_uint_eq(w->r.bhs.rsp.status, 0);
}

static void step(struct worker *w)
{
	uint32_t most = (rand_r(&w->seed) & 7) ? 16 : LARGEST / BLOCK;
	uint32_t blocks = 1 + (uint32_t)rand_r(&w->seed) % most, n = blocks * BLOCK;
	uint32_t at = (uint32_t)rand_r(&w->seed) % (SHARE / BLOCK - blocks + 1);
	uint64_t lba = (uint64_t)w->index * (SHARE / BLOCK) + at;
	uint8_t *mine = w->mirror + (size_t)at * BLOCK;
	int what = rand_r(&w->seed) % 8;

	if (what == 0 && w->lun == 1) {
		unmap(w, lba, blocks);
		memset(mine, 0, n);
	} else if (what < 4) {
		memset(w->buf, 0xee, n);
		ck_assert_uint_eq(raw_read(&w->r, w->lun, lba, w->buf, n, BLOCK), 0);
		ck_assert_mem_eq(w->buf, mine, n);
	} else {
		for (uint32_t i = 0; i < n; i++)
			mine[i] = (uint8_t)(rand_r(&w->seed) >> 5);
		ck_assert_uint_eq(raw_write(&w->r, w->lun, lba, mine, n, BLOCK), 0);
	}
	w->steps++;
}

/* Check's macros may only be failed in the test's own thread: a failure here ends the process. */
static void *work(void *arg)
{
	struct worker *w = arg;
	for (int i = 0; i < STEPS; i++)
		step(w);
	return NULL;
}

static void worker_open(struct worker *w, unsigned lun, unsigned index)
{
	memset(w, 0, sizeof(*w));
	w->lun = lun;
	w->index = index;
	w->seed = 1000 + index;
	w->mirror = calloc(1, SHARE);
	w->buf = malloc(LARGEST);
	ck_assert(w->mirror && w->buf);
	raw_session(&w->r, d.port, index & 1 ? "HeaderDigest=CRC32C\n" : NULL);
	for (int i = 0; i < 4 && raw_test_unit_ready(&w->r, lun) != 0; i++)
		;
}

static void worker_close(struct worker *w)
{
	ck_assert_uint_eq(w->steps, STEPS);
	raw_close(&w->r);
	free(w->mirror);
	free(w->buf);
}

START_TEST(disjoint_ranges_of_one_lun)
{
	struct worker w[SESSIONS];
	pthread_t thread[SESSIONS];

	for (unsigned i = 0; i < SESSIONS; i++)
		worker_open(&w[i], (unsigned)_i, i);
	for (int i = 0; i < SESSIONS; i++)
		ck_assert_int_eq(pthread_create(&thread[i], NULL, work, &w[i]), 0);
	for (int i = 0; i < SESSIONS; i++)
		ck_assert_int_eq(pthread_join(thread[i], NULL), 0);
	for (int i = 0; i < SESSIONS; i++)
		worker_close(&w[i]);
}
END_TEST

/* Sessions come and go on all reactors, also with the ISID of one that is there. */
static void *come_and_go(void *arg)
{
	struct worker *w = arg;
	for (int i = 0; i < 40; i++) {
		struct raw r;
		raw_open(&r, d.port);
		raw_set_isid(&r, 0x4400 + (w->index & 1)); /* pairs of workers share one */
		union raw_bhs h;
		char text[1024];
		/* Without an offer of the target, or the first answer is not the last. */
		size_t n = raw_login_request(&r, DAEMON_TARGET, "DefaultTime2Retain=0\n", &h, text,
					     sizeof(text));
		/* or it was replaced meanwhile */
		if (raw_send(&r, &h, text, n) && raw_recv(&r))
			w->sessions += !!(r.bhs.login_rsp.flags & ISCSI_LOGIN_TRANSIT);
		raw_close(&r);
		w->steps++;
	}
	return NULL;
}

START_TEST(logins_that_race)
{
	struct worker w[SESSIONS];
	pthread_t thread[SESSIONS];
	unsigned sessions = 0;
	struct raw r;

	for (unsigned i = 0; i < SESSIONS; i++) {
		memset(&w[i], 0, sizeof(w[i]));
		w[i].index = i;
		ck_assert_int_eq(pthread_create(&thread[i], NULL, come_and_go, &w[i]), 0);
	}
	for (int i = 0; i < SESSIONS; i++) {
		ck_assert_int_eq(pthread_join(thread[i], NULL), 0);
		ck_assert_uint_eq(w[i].steps, 40);
		sessions += w[i].sessions;
	}
	ck_assert_uint_ge(sessions, 40);
	raw_session(&r, d.port, NULL);
	raw_ping(&r);
	raw_close(&r);
}
END_TEST

/* Resets by one session while others write: each ends with all its later data right. */
static void *reset_now_and_then(void *arg)
{
	struct raw *r = arg;
	for (int i = 0; i < 20; i++) {
		union raw_bhs h = raw_request(r, ISCSI_OP_TMF_REQ | ISCSI_IMMEDIATE,
					      ISCSI_FINAL | ISCSI_TMF_LUN_RESET);
		put32(&h.tmf.ref_itt, ISCSI_TAG_NONE);
		ck_assert(raw_send(r, &h, NULL, 0));
		raw_expect(r, ISCSI_OP_TMF_RSP);
		ck_assert_uint_eq(r->bhs.tmf_rsp.response, ISCSI_TMF_COMPLETE);
		test_sleep_ms(10);
	}
	return NULL;
}

START_TEST(resets_on_another_lun_disturb_nobody)
{
	struct worker w[2];
	struct raw r;
	pthread_t thread[3];

	for (unsigned i = 0; i < 2; i++)
		worker_open(&w[i], 1, i);
	raw_session(&r, d.port, NULL);
	ck_assert_int_eq(pthread_create(&thread[2], NULL, reset_now_and_then, &r), 0);
	for (int i = 0; i < 2; i++)
		ck_assert_int_eq(pthread_create(&thread[i], NULL, work, &w[i]), 0);
	for (int i = 0; i < 3; i++)
		ck_assert_int_eq(pthread_join(thread[i], NULL), 0);
	for (int i = 0; i < 2; i++)
		worker_close(&w[i]);
	raw_close(&r);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("reactors");
	TCase *t = tcase_create("reactors");

	tcase_set_timeout(t, 240);
	tcase_add_checked_fixture(t, start, stop);
	tcase_add_loop_test(t, disjoint_ranges_of_one_lun, 0, 2);
	tcase_add_test(t, logins_that_race);
	tcase_add_test(t, resets_on_another_lun_disturb_nobody);
	suite_add_tcase(s, t);
	return s;
}

int main(void)
{
	return test_main(suite());
}
