// SPDX-License-Identifier: MIT
/*
 * test_reserve_model.c - random commands of four nexuses against a model of reservations that is
 * written down apart, from the tables of SPC-4 and SPC-2.
 *
 * After each command all is compared: status and sense, the keys in order, who holds the LU, the
 * type, the generation, what each nexus may do, and the unit attentions of each. Whatever would be
 * kept with the memory can be read again, and now and then the LU goes on with that.
 * MEMTGT_MODEL_STEPS sets how many, MEMTGT_MODEL_SEED with which.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/test_main.h"
#include "luns/claims.h"
#include "scsi/pr_list.h"
#include "unit/scsi_fixture.h"

#define NEXUSES 4
#define STEPS	1000000ul
#define LIMIT	3u /* registrants in every other run of RUN steps; else 4 */
#define RUN	5000u

#define GOOD	    0u
#define CONFLICT    0x18000000u
#define BAD_CDB	    0x052400u
#define BAD_LIST    0x052600u
#define BAD_RELEASE 0x052604u
#define NO_ROOM	    0x055504u

/* What a nexus may do while the LU is held so: r(ead), w(rite); SPC-4 table 65, SBC-3 table 13. */
static const struct may {
	const char *holder, *registered, *other;
} may[9] = {
	[0] = {"rw", "rw", "rw"}, [1] = {"rw", "r", "r"}, [3] = {"rw", "", ""},
	[5] = {"rw", "rw", "r"},  [6] = {"rw", "rw", ""}, [7] = {"rw", "rw", "r"},
	[8] = {"rw", "rw", ""},
};

/* Whom what tells, by type: RELEASE, and the end of the holder's registration. */
static const bool tells_release[9] = {[5] = true, [6] = true, [7] = true, [8] = true};

static struct model {
	uint64_t key[NEXUSES];	 /* 0: not registered */
	unsigned since[NEXUSES]; /* the order of registrations */
	unsigned clock;
	unsigned type;
	int holder; /* -1: nobody, or all registrants */
	int six;    /* by RESERVE(6); -1: nobody */
	uint32_t generation;
	bool aptpl;
	unsigned max;
	struct scsi_attentions ua[NEXUSES];
	bool aborts[NEXUSES];
} m;

static struct scsi_nexus nexus[NEXUSES];
static struct scsi_attentions ua[NEXUSES][SCSI_LUNS_MAX];

static uint64_t rng;
static unsigned pick(unsigned n)
{
	rng ^= rng << 13;
	rng ^= rng >> 7;
	rng ^= rng << 17;
	return (unsigned)(rng >> 20) % n;
}

/* ---- the model ---- */

static bool is_all(void)
{
	return m.type == 7 || m.type == 8;
}

static bool holds(int i)
{
	return m.type && m.key[i] && (is_all() || m.holder == i);
}

static unsigned registered(void)
{
	unsigned n = 0;

	for (int i = 0; i < NEXUSES; i++)
		n += m.key[i] != 0;
	return n;
}

static void tell(int i, enum scsi_attention a)
{
	attention_add(&m.ua[i], a);
}

static void tell_registered(int but, enum scsi_attention a)
{
	for (int i = 0; i < NEXUSES; i++)
		if (i != but && m.key[i])
			tell(i, a);
}

static void enter(int i, uint64_t key)
{
	if (!m.key[i])
		m.since[i] = ++m.clock;
	m.key[i] = key;
}

static void set_free(void)
{
	m.type = 0;
	m.holder = -1;
}

static uint32_t m_register(int me, const struct claim_request *q, const int *ids)
{
	const bool ignore = q->action == CLAIM_REGISTER_IGNORE;

	if (!ignore && q->key != m.key[me])
		return CONFLICT;
	if (q->spec_i_pt && (ignore || m.key[me]))
		return BAD_LIST;
	if (!m.key[me] && !q->new_key)
		return GOOD;
	if (m.key[me]) {
		const bool was = holds(me), last = registered() == 1;

		if (!q->new_key && was && (!is_all() || last)) {
			if (tells_release[m.type])
				tell_registered(me, SCSI_UA_RESERVATIONS_RELEASED);
			set_free();
		}
		m.key[me] = q->new_key;
	} else {
		bool twice[NEXUSES] = {[0] = false};

		if (registered() + 1 + q->nports > m.max)
			return NO_ROOM;
		twice[me] = true;
		for (unsigned k = 0; k < q->nports; k++) {
			if (m.key[ids[k]])
				return CONFLICT;
			if (twice[ids[k]])
				return BAD_LIST;
			twice[ids[k]] = true;
		}
		enter(me, q->new_key);
		for (unsigned k = 0; k < q->nports; k++)
			enter(ids[k], q->new_key);
	}
	m.aptpl = q->aptpl;
	m.generation++;
	return GOOD;
}

static bool right_type(const struct claim_request *q)
{
	return !q->scope && q->type < 9 && q->type && may[q->type].holder;
}

static uint32_t m_reserve(int me, const struct claim_request *q)
{
	if (!right_type(q))
		return BAD_CDB;
	if (m.type)
		return holds(me) && m.type == q->type ? GOOD : CONFLICT;
	m.type = q->type;
	m.holder = is_all() ? -1 : me;
	return GOOD;
}

static uint32_t m_release(int me, const struct claim_request *q)
{
	if (!holds(me))
		return GOOD;
	if (q->scope || q->type != m.type)
		return BAD_RELEASE;
	if (tells_release[m.type])
		tell_registered(me, SCSI_UA_RESERVATIONS_RELEASED);
	set_free();
	return GOOD;
}

static void m_clear(int me)
{
	tell_registered(me, SCSI_UA_RESERVATIONS_PREEMPTED);
	memset(m.key, 0, sizeof(m.key));
	set_free();
	m.generation++;
}

static void oust(int me, int i, bool aborts)
{
	if (i != me)
		tell(i, SCSI_UA_REGISTRATIONS_PREEMPTED);
	m.aborts[i] = aborts;
	m.key[i] = 0;
}

static uint32_t m_preempt(int me, const struct claim_request *q)
{
	const bool aborts = q->action == CLAIM_PREEMPT_ABORT;
	const bool takes =
		is_all() ? !q->new_key : m.type && q->new_key && m.key[m.holder] == q->new_key;
	unsigned found = 0;

	if (takes) {
		const unsigned was = m.type;

		if (!right_type(q))
			return BAD_CDB;
		for (int i = 0; i < NEXUSES; i++)
			if (i != me && m.key[i] && (!q->new_key || m.key[i] == q->new_key))
				oust(me, i, aborts);
		m.type = q->type;
		m.holder = is_all() ? -1 : me;
		if (was != m.type)
			tell_registered(me, SCSI_UA_RESERVATIONS_RELEASED);
		m.generation++;
		return GOOD;
	}
	if (!q->new_key)
		return BAD_LIST;
	for (int i = 0; i < NEXUSES; i++) {
		if (m.key[i] == q->new_key) {
			oust(me, i, aborts);
			found++;
		}
	}
	if (!found)
		return CONFLICT;
	if (is_all() && !registered())
		set_free();
	m.generation++;
	return GOOD;
}

static uint32_t m_move(int me, const struct claim_request *q, int to)
{
	if (!holds(me) || is_all())
		return CONFLICT;
	if (!q->new_key || q->move_port != 1 || to == me)
		return BAD_LIST;
	if (!m.key[to] && registered() >= m.max)
		return NO_ROOM;
	enter(to, q->new_key);
	m.holder = to;
	if (q->unregister)
		m.key[me] = 0;
	m.aptpl = q->aptpl;
	m.generation++;
	return GOOD;
}

static uint32_t m_out(int me, const struct claim_request *q, const int *ids)
{
	memset(m.aborts, 0, sizeof(m.aborts));
	if (m.six >= 0)
		return CONFLICT;
	if (q->action == CLAIM_REGISTER || q->action == CLAIM_REGISTER_IGNORE)
		return m_register(me, q, ids);
	if (!m.key[me] || m.key[me] != q->key)
		return CONFLICT;
	if (q->spec_i_pt)
		return BAD_LIST;
	switch (q->action) {
	case CLAIM_RESERVE:
		return m_reserve(me, q);
	case CLAIM_RELEASE:
		return m_release(me, q);
	case CLAIM_CLEAR:
		m_clear(me);
		return GOOD;
	case CLAIM_REGISTER_MOVE:
		return m_move(me, q, ids[0]);
	default:
		return m_preempt(me, q);
	}
}

static uint32_t m_six(int me, bool reserves)
{
	if (registered())
		return m.key[me] && (holds(me) || m.type >= 5) ? GOOD : CONFLICT;
	if (reserves && m.six >= 0 && m.six != me)
		return CONFLICT;
	if (reserves)
		m.six = me;
	else if (m.six == me)
		m.six = -1;
	return GOOD;
}

/* 'r', 'w', or 'p': TEST UNIT READY, which no persistent reservation refuses. */
static bool m_may(int i, char what)
{
	const struct may *row = &may[m.type];

	if (m.six >= 0)
		return m.six == i;
	if (what == 'p')
		return true;
	return strchr(holds(i) ? row->holder : m.key[i] ? row->registered : row->other, what);
}

/* ---- the same by commands ---- */

/* Check tells its parent of each assertion, which takes longer than a command does. */
#define SAME(a, b)                                                                    \
	do {                                                                          \
		const uint64_t x_ = (a), y_ = (b);                                    \
		if (x_ != y_)                                                         \
			ck_abort_msg(#a " is %llx, and the model says %llx",          \
				     (unsigned long long)x_, (unsigned long long)y_); \
	} while (0)

static uint8_t answer[512];
static enum scsi_fence_verdict verdict[NEXUSES];

static void raise_fence(struct scsi_task *t)
{
	struct scsi_fence f;

	memset(verdict, 0, sizeof(verdict));
	if (scsi_fence(t, &f) != SCSI_FENCE)
		return;
	for (int i = 0; i < NEXUSES; i++)
		verdict[i] = f.tell(&f, &nexus[i]);
	if (f.release)
		f.release(&f);
	SAME(scsi_run(t), SCSI_DONE);
}

/* A command that wants data-out, and gets none, may run: that is enough to know. */
static uint32_t run(int me, const uint8_t cdb[static 16], const void *out, size_t n)
{
	struct scsi_task t = {
		.worker = &fx.worker, .nexus = &nexus[me], .cdb_len = 16, .out_limit = n};

	memcpy(t.cdb, cdb, 16);
	enum scsi_step step = scsi_start(&t);
	if (step == SCSI_OUT && out) {
		SAME(scsi_data_out(&t, out, n), n);
		step = scsi_run(&t);
	}
	if (step == SCSI_FENCE)
		raise_fence(&t);
	if (step == SCSI_IN)
		memcpy(answer, t.buf, t.in_len < sizeof(answer) ? t.in_len : sizeof(answer));
	scsi_end(&t);
	if (t.status == SCSI_RESERVATION_CONFLICT)
		return CONFLICT;
	if (t.status == SCSI_GOOD)
		return GOOD;
	SAME(t.status, SCSI_CHECK_CONDITION);
	return (uint32_t)(t.sense[2] & 0xf) << 16 | ld16(t.sense + 12);
}

static size_t put_ids(uint8_t *at, const int *ids, unsigned n)
{
	struct writer w = writer_of(at, 4096);

	for (unsigned i = 0; i < n; i++)
		pr_put_transport_id(&w, nexus[ids[i]].port_name);
	return writer_len(&w);
}

static uint32_t out(int me, const struct claim_request *q, const int *ids)
{
	uint8_t list[4096] = {0}, cdb[16] = {0x5f, (uint8_t)q->action};
	size_t n = 24;

	st64(list, q->key);
	st64(list + 8, q->new_key);
	if (q->action == CLAIM_REGISTER_MOVE) {
		list[17] = (uint8_t)((q->unregister ? 2 : 0) | (q->aptpl ? 1 : 0));
		st16(list + 18, q->move_port);
		n += put_ids(list + 24, ids, 1);
		st32(list + 20, (uint32_t)(n - 24));
	} else {
		list[20] = (uint8_t)((q->spec_i_pt ? 8 : 0) | (q->aptpl ? 1 : 0));
		if (q->spec_i_pt && q->action == CLAIM_REGISTER) {
			n += 4 + put_ids(list + 28, ids, q->nports);
			st32(list + 24, (uint32_t)(n - 28));
		}
	}
	cdb[2] = (uint8_t)(q->scope << 4 | q->type);
	st32(cdb + 5, (uint32_t)n);
	return run(me, cdb, list, n);
}

/* ---- kept with the memory ---- */

static uint8_t note[2][4096];
static size_t note_len;

/* luns/claims.c wants them, for what is not called here. */
int store_lun_set_note(struct store_lun *lun, const void *p, size_t n)
{
	(void)lun, (void)p, (void)n;
	return -1;
}

int store_lun_note(struct store_lun *lun, uint8_t **p, size_t *n)
{
	(void)lun, (void)p, (void)n;
	return -1;
}

static struct claims *read_note(struct scsi_lu *lu)
{
	struct claims *c;

	SAME(claims_read(note[0], note_len, lu->naa, &c), 0);
	return c;
}

/* What is read is what was written, or a restart would find something else, or nothing. */
static int keep(struct scsi_lu *lu, const struct claims *now)
{
	note_len = claims_length(now);
	SAME(note_len <= sizeof(note[0]), true);
	claims_write(now, lu->naa, note[0]);
	struct claims *c = read_note(lu);
	SAME(c->holder, now->holder);
	claims_write(c, lu->naa, note[1]);
	SAME(memcmp(note[0], note[1], note_len), 0);
	free(c);
	return 0;
}

static void restart(struct scsi_lu *lu)
{
	struct claims *c = note_len ? read_note(lu) : NULL;

	for (int i = 0; i < NEXUSES; i++)
		scsi_nexus_end(&nexus[i], &fx.worker);
	m.six = -1;
	if (!c)
		return;
	scsi_reserve_free(lu);
	scsi_claims_set(lu, c);
}

/* ---- comparing ---- */

static void compare_claims(void)
{
	struct claims *c = scsi_claims_get(&fx.lus[0], NULL);
	unsigned before = 0;

	SAME(c->n, registered());
	SAME(c->generation, m.generation);
	SAME(c->type, m.type);
	SAME(c->aptpl, m.aptpl);
	for (uint32_t k = 0; k < c->n; k++) {
		int i = 0;

		while (i < NEXUSES && strcmp(nexus[i].port_name, c->at[k].port.name) != 0)
			i++;
		SAME(i < NEXUSES, true);
		SAME(c->at[k].key, m.key[i]);
		SAME(claims_holds(c, k), holds(i));
		SAME(m.since[i] > before, true);
		before = m.since[i];
	}
	free(c);
}

static void compare_attentions(void)
{
	for (int i = 0; i < NEXUSES; i++) {
		SAME(ua[i][0].n, m.ua[i].n);
		SAME(memcmp(ua[i][0].queue, m.ua[i].queue, m.ua[i].n), 0);
		ua[i][0].n = m.ua[i].n = 0;
	}
}

/* PRE-FETCH reads, WRITE writes. */
static void compare_access(void)
{
	for (int i = 0; i < NEXUSES; i++) {
		SAME(run(i, CDB(0x34), NULL, 0), m_may(i, 'r') ? GOOD : CONFLICT);
		SAME(run(i, CDB(0x2a, 0, 0, 0, 0, 0, 0, 0, 1), NULL, 512),
		     m_may(i, 'w') ? GOOD : CONFLICT);
		SAME(run(i, CDB(0x00), NULL, 0), m_may(i, 'p') ? GOOD : CONFLICT);
	}
}

/* READ RESERVATION and READ KEYS, as the nexus sees them. */
static void compare_answers(int i)
{
	const uint32_t want = m_may(i, 'p') ? GOOD : CONFLICT;

	SAME(run(i, CDB(0x5e, 0, 0, 0, 0, 0, 0, 1, 0), NULL, 0), want);
	if (want == GOOD) {
		SAME(ld32(answer), m.generation);
		SAME(ld32(answer + 4), 8 * registered());
	}
	SAME(run(i, CDB(0x5e, 1, 0, 0, 0, 0, 0, 1, 0), NULL, 0), want);
	if (want == GOOD && m.type) {
		SAME(ld64(answer + 8), is_all() ? 0 : m.key[m.holder]);
		SAME(answer[21], m.type);
	}
}

/* ---- steps ---- */

static void step_out(int me)
{
	static const uint8_t actions[] = {0, 0, 0, 1, 1, 1, 2, 3, 4, 4, 5, 5, 6, 6, 7, 7};
	static const uint8_t types[] = {1, 3, 5, 6, 7, 8, 1, 3, 5, 6, 7, 8, 0, 2, 4, 9, 15};
	int ids[NEXUSES];
	struct claim_request q = {
		.action = (enum claim_action)actions[pick(sizeof(actions))],
		.scope = pick(20) ? 0 : 1 + pick(15),
		.type = m.type && pick(3) ? m.type : types[pick(sizeof(types))],
		.key = pick(5) ? m.key[me] : pick(4),
		.new_key = pick(3) ? pick(4) : m.key[pick(NEXUSES)],
		.spec_i_pt = !pick(6),
		.aptpl = pick(2),
		.unregister = pick(2),
		.move_port = pick(10) ? 1 : 2,
	};

	for (int i = 0; i < NEXUSES; i++)
		ids[i] = (int)pick(NEXUSES);
	q.nports = q.spec_i_pt && q.action == CLAIM_REGISTER ? pick(NEXUSES) : 0;
	if (q.action == CLAIM_REGISTER_MOVE)
		q.spec_i_pt = false;
	const uint32_t want = m_out(me, &q, ids), got = out(me, &q, ids);
	if (got != want)
		ck_abort_msg("action %u by %d: %08x, and the model says %08x", q.action, me, got,
			     want);
	for (int i = 0; want == GOOD && i < NEXUSES; i++)
		SAME(verdict[i] == FENCE_ABORT, m.aborts[i]);
}

static void step(int me)
{
	switch (pick(16)) {
	case 0:
		SAME(run(me, CDB(pick(2) ? 0x16 : 0x56), NULL, 0), m_six(me, true));
		break;
	case 1:
		SAME(run(me, CDB(pick(2) ? 0x17 : 0x57), NULL, 0), m_six(me, false));
		break;
	case 2: /* the connection is lost, and there again */
		scsi_nexus_end(&nexus[me], &fx.worker);
		m.six = m.six == me ? -1 : m.six;
		break;
	case 3:
		scsi_reserve_reset(&fx.target, pick(2) ? 0 : SCSI_LUN_ALL);
		m.six = -1;
		break;
	case 4:
		restart(&fx.lus[0]);
		break;
	default:
		step_out(me);
	}
}

static void begin(unsigned max)
{
	fx_close();
	fx_open(512, true);
	memset(&m, 0, sizeof(m));
	m.holder = m.six = -1;
	m.max = fx.lus[0].reserve.max = max;
	fx.lus[0].reserve.on_change = keep;
	note_len = 0;
	for (int i = 0; i < NEXUSES; i++) {
		scsi_nexus_init(&nexus[i], &fx.target, ua[i]);
		snprintf(nexus[i].port_name, sizeof(nexus[i].port_name),
			 "iqn.2026-01.org.memtgt:host%d,i,0x80000000000%d", i / 2, i);
		ua[i][0].n = 0;
	}
}

START_TEST(random_commands)
{
	const unsigned long steps = test_number("MEMTGT_MODEL_STEPS", STEPS);
	unsigned long reached[9] = {0};

	rng = test_number("MEMTGT_MODEL_SEED", 0x9e3779b97f4a7c15u);
	for (unsigned long n = 0; n < steps; n++) {
		const int me = (int)pick(NEXUSES);

		if (n % RUN == 0)
			begin(n / RUN % 2 ? LIMIT : NEXUSES);
		step(me);
		compare_claims();
		compare_attentions();
		if (!pick(4))
			compare_access();
		if (!pick(8))
			compare_answers((int)pick(NEXUSES));
		reached[m.type]++;
	}
	printf("# %lu steps: free %lu; held by type 1 %lu, 3 %lu, 5 %lu, 6 %lu, 7 %lu, 8 %lu\n",
	       steps, reached[0], reached[1], reached[3], reached[5], reached[6], reached[7],
	       reached[8]);
	for (unsigned t = 0; steps >= RUN && t < 9; t++)
		SAME(reached[t] != 0, may[t].holder != NULL);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("reserve_model");
	TCase *tc = tcase_create("model");

	tcase_add_checked_fixture(tc, fx_open_512, fx_close);
	tcase_set_timeout(tc, 600);
	tcase_add_test(tc, random_commands);
	suite_add_tcase(s, tc);
	return s;
}

int main(void)
{
	return test_main(suite());
}
