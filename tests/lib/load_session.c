// SPDX-License-Identifier: MIT
/* load_session.c - see load_session.h: a connection, its commands, and what becomes of them. */
#include "lib/load_session.h"

#include <assert.h>
#include <check.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/daemon.h"

#define PIECE	    512u  /* blocks of one READ or WRITE, at most */
#define PAGE_BLOCKS 4096u /* a page of the store */
#define TURN_MS	    20

static void wrong(struct load_session *s, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* The first fault is told; the session goes no further. */
static void wrong(struct load_session *s, const char *format, ...)
{
	va_list ap;

	s->errors++;
	if (s->is_wrong)
		return;
	va_start(ap, format);
	vsnprintf(s->why, sizeof(s->why), format, ap);
	va_end(ap);
	s->is_wrong = true;
}

/* By libiscsi itself? */
static bool library_reconnects(const struct load_session *s)
{
	return s->index & 1;
}

static enum load_mode mode_of(unsigned turn)
{
	return turn % LOAD_MODES;
}

static bool changes(const struct load_slot *c)
{
	return c->kind != LOAD_READ;
}

/* ---- pauses ---- */

static void longer(_Atomic unsigned *longest, unsigned long long ms)
{
	if (ms > *longest)
		*longest = (unsigned)ms;
}

/* From here on answers are expected. */
static void begin_work(struct load_session *s)
{
	struct load_shared *h = s->shared;

	s->answered_ms = test_now_ms();
	pthread_mutex_lock(&h->lock);
	h->answered_ms = s->answered_ms;
	pthread_mutex_unlock(&h->lock);
}

static void count_pause(struct load_session *s)
{
	struct load_shared *h = s->shared;
	unsigned long long now = test_now_ms();

	if (mode_of(h->turn) == LOAD_RUN)
		longer(&s->longest_ms, now - s->answered_ms);
	s->answered_ms = now;
	pthread_mutex_lock(&h->lock);
	if (mode_of(h->turn) == LOAD_RUN && now > h->answered_ms)
		longer(&h->longest_ms, now - h->answered_ms);
	h->answered_ms = now;
	pthread_mutex_unlock(&h->lock);
}

/* ---- answers ---- */

static void end_slot(struct load_slot *c)
{
	load_give_back(c->region, c->at, c->n);
	c->state = SLOT_IDLE;
}

static void read_ended(struct load_slot *c)
{
	struct load_session *s = c->session;
	char why[256];
	uint32_t bad = load_check(c->region, c->at + c->done, c->piece, c->data, why, sizeof(why));

	s->blocks_checked += c->piece;
	if (bad) {
		s->blocks_bad += bad;
		wrong(s, "%u of %u blocks are wrong: %s", bad, c->piece, why);
	}
	c->done += c->piece;
	if (c->done < c->n) {
		c->state = SLOT_READY;
		return;
	}
	s->reads++;
	end_slot(c);
}

static void change_ended(struct load_slot *c)
{
	struct load_session *s = c->session;

	load_change_end(c->region, c->at, c->n);
	if (c->kind == LOAD_WRITE)
		s->writes++;
	else if (c->kind == LOAD_SAME || c->kind == LOAD_ZERO)
		s->fills++;
	else
		s->unmaps++;
	end_slot(c);
}

static bool is_attention(int status, const struct scsi_task *t)
{
	return status == SCSI_STATUS_CHECK_CONDITION && t &&
	       t->sense.key == SCSI_SENSE_UNIT_ATTENTION;
}

static void not_good(struct load_slot *c, int status, const struct scsi_task *t)
{
	struct load_session *s = c->session;

	c->state = SLOT_READY;
	if (is_attention(status, t)) {
		s->attentions++;
	} else if (status == SCSI_STATUS_CANCELLED || status == SCSI_STATUS_ERROR) {
		c->state = SLOT_LOST;
		s->unanswered += changes(c);
	} else if (status != SCSI_STATUS_BUSY && status != SCSI_STATUS_TASK_SET_FULL) {
		wrong(s, "session %u, LUN %u, kind %d at %u+%u: status %#x, sense %x/%04x: %s",
		      s->index, c->region->lun, c->kind, c->at, c->n, (unsigned)status,
		      t ? (unsigned)t->sense.key : 0, t ? (unsigned)t->sense.ascq : 0,
		      iscsi_get_error(s->iscsi));
	}
}

static void answered(struct iscsi_context *iscsi, int status, void *data, void *arg)
{
	struct load_slot *c = arg;
	struct scsi_task *t = data;

	(void)iscsi;
	if (status == SCSI_STATUS_GOOD) {
		count_pause(c->session);
		if (changes(c))
			change_ended(c);
		else
			read_ended(c);
	} else {
		not_good(c, status, t);
	}
	scsi_free_scsi_task(t);
}

/* ---- commands ---- */

static struct scsi_task *send_read(struct load_slot *c, uint64_t lba)
{
	uint32_t left = c->n - c->done;

	c->piece = left < PIECE ? left : PIECE;
	c->iov.iov_base = c->data;
	c->iov.iov_len = (size_t)c->piece * LOAD_BLOCK;
	memset(c->data, 0xee, c->iov.iov_len);
	return iscsi_read16_iov_task(c->session->iscsi, (int)c->region->lun, lba + c->done,
				     (uint32_t)c->iov.iov_len, LOAD_BLOCK, 0, 0, 0, 0, 0, answered,
				     c, &c->iov, 1);
}

static struct scsi_task *send_unmap(struct load_slot *c, uint64_t lba)
{
	struct unmap_list range = {.lba = lba, .num = c->n};

	return iscsi_unmap_task(c->session->iscsi, (int)c->region->lun, c->kind == LOAD_ANCHOR, 0,
				&range, 1, answered, c);
}

static void send_slot(struct load_slot *c)
{
	uint64_t lba = c->region->first + c->at;
	struct iscsi_context *i = c->session->iscsi;
	int lun = (int)c->region->lun;
	struct scsi_task *t;

	c->state = SLOT_SENT;
	switch (c->kind) {
	case LOAD_READ:
		t = send_read(c, lba);
		break;
	case LOAD_WRITE:
		t = iscsi_write16_task(i, lun, lba, c->data, c->n * LOAD_BLOCK, LOAD_BLOCK, 0, 0, 0,
				       0, 0, answered, c);
		break;
	case LOAD_SAME:
	case LOAD_ZERO:
		t = iscsi_writesame16_task(i, lun, lba, c->data, LOAD_BLOCK, c->n, 0,
					   c->kind == LOAD_ZERO, 0, 0, answered, c);
		break;
	default:
		t = send_unmap(c, lba);
	}
	if (!t && c->state == SLOT_SENT)
		c->state = SLOT_LOST;
}

/* ---- choices ---- */

static unsigned pick(struct load_session *s, unsigned n)
{
	return (unsigned)rand_r(&s->seed) / 7 % n;
}

static enum load_kind pick_kind(struct load_session *s)
{
	static const enum load_kind of[] = {
		LOAD_WRITE, LOAD_WRITE, LOAD_WRITE, LOAD_WRITE, LOAD_WRITE, LOAD_WRITE,	 LOAD_WRITE,
		LOAD_READ,  LOAD_READ,	LOAD_READ,  LOAD_READ,	LOAD_READ,  LOAD_READ,	 LOAD_SAME,
		LOAD_SAME,  LOAD_ZERO,	LOAD_UNMAP, LOAD_UNMAP, LOAD_UNMAP, LOAD_ANCHOR,
	};
	return of[pick(s, sizeof(of) / sizeof(of[0]))];
}

/* Which blocks: mostly a few; whole pages now and then, since only those come and go. */
static void pick_blocks(struct load_slot *c)
{
	struct load_session *s = c->session;
	uint32_t all = c->region->blocks;

	if (c->kind >= LOAD_SAME && pick(s, 12) == 0) {
		c->n = PAGE_BLOCKS;
		c->at = pick(s, all / PAGE_BLOCKS) * PAGE_BLOCKS;
		return;
	}
	c->n = 1 + pick(s, pick(s, 8) ? 16 : PIECE);
	c->at = pick(s, all - c->n + 1);
}

static void make_data(struct load_slot *c, uint64_t seq)
{
	struct load_value v = {.seq = seq};
	uint32_t blocks = c->kind == LOAD_WRITE ? c->n : 1;

	for (uint32_t i = 0; i < blocks; i++) {
		v.lba = c->region->first + c->at + i;
		load_block_make(c->data + (size_t)i * LOAD_BLOCK, c->region, &v);
	}
}

/* A command on blocks that no other is on; none if chance does not find any soon. */
static void choose(struct load_slot *c)
{
	struct load_session *s = c->session;

	c->kind = pick_kind(s);
	c->region = &s->regions[pick(s, s->shared->options.n_luns)];
	for (int tries = 0;; tries++) {
		pick_blocks(c);
		if (load_is_free(c->region, c->at, c->n))
			break;
		if (tries == 5)
			return;
	}
	load_take(c->region, c->at, c->n);
	c->done = 0;
	c->state = SLOT_READY;
	if (!changes(c))
		return;
	uint64_t seq = c->kind == LOAD_WRITE || c->kind == LOAD_SAME ? ++s->seq : 0;
	load_change_begin(c->region, c->at, c->n, seq,
			  c->kind == LOAD_SAME ? c->region->first + c->at : LOAD_OWN_PLACE);
	make_data(c, seq);
}

/* The next blocks of LOAD_LOOK; false: there are no more. */
static bool look_on(struct load_slot *c)
{
	struct load_session *s = c->session;

	if (s->looked_lun == s->shared->options.n_luns)
		return false;
	c->kind = LOAD_READ;
	c->region = &s->regions[s->looked_lun];
	c->at = s->looked_at;
	c->n = PIECE; /* a divisor */
	c->done = 0;
	load_take(c->region, c->at, c->n);
	c->state = SLOT_READY;
	s->looked_at += c->n;
	if (s->looked_at == c->region->blocks) {
		s->looked_at = 0;
		s->looked_lun++;
	}
	return true;
}

/* ---- connections ---- */

/* Of a context that is destroyed while it connects, libiscsi 1.19 forgets some bytes. */
const char *__lsan_default_suppressions(void);
const char *__lsan_default_options(void);

const char *__lsan_default_suppressions(void)
{
	return "leak:libiscsi.so";
}

const char *__lsan_default_options(void)
{
	return "print_suppressions=0";
}

static void drop(struct load_session *s)
{
	if (s->iscsi)
		iscsi_destroy_context(s->iscsi); /* calls answered(): cancelled */
	s->iscsi = NULL;
}

static void set_up(struct load_session *s)
{
	char name[64];

	snprintf(name, sizeof(name), "iqn.2026-01.org.memtgt:load-%u", s->index);
	s->iscsi = iscsi_create_context(name);
	assert(s->iscsi);
	iscsi_set_targetname(s->iscsi, DAEMON_TARGET);
	iscsi_set_session_type(s->iscsi, ISCSI_SESSION_NORMAL);
	iscsi_set_isid_random(s->iscsi, s->index + 1, 0);
	if (s->index % 4 >= 2)
		iscsi_set_header_digest(s->iscsi, ISCSI_HEADER_DIGEST_CRC32C);
	iscsi_set_timeout(s->iscsi, LOAD_PATIENCE_S);
	iscsi_set_noautoreconnect(s->iscsi, !library_reconnects(s));
}

/* What became of commands that were unanswered: sent again, or looked at. */
static void take_up(struct load_session *s)
{
	for (unsigned i = 0; i < s->shared->options.depth; i++) {
		struct load_slot *c = &s->slots[i];
		if (c->state != SLOT_LOST)
			continue;
		c->state = SLOT_READY;
		if (changes(c) && pick(s, 2)) {
			c->kind = LOAD_READ;
			c->done = 0;
			s->settled++;
		}
	}
}

/* libiscsi does not say so. */
static bool is_refused(unsigned port)
{
	struct sockaddr_in to = {.sin_family = AF_INET,
				 .sin_port = htons((uint16_t)port),
				 .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert(fd >= 0);
	bool refused = connect(fd, (struct sockaddr *)&to, sizeof(to)) && errno == ECONNREFUSED;
	close(fd);
	return refused;
}

static void log_in(struct load_session *s)
{
	char portal[32];

	snprintf(portal, sizeof(portal), "127.0.0.1:%u", s->shared->options.port);
	set_up(s);
	s->logins++;
	if (!iscsi_full_connect_sync(s->iscsi, portal, (int)s->regions[0].lun)) {
		take_up(s);
		return;
	}
	const char *error = iscsi_get_error(s->iscsi);
	if (!s->shared->options.may_be_refused && is_refused(s->shared->options.port))
		wrong(s, "session %u: a connection was refused", s->index);
	else if (test_now_ms() - s->answered_ms > LOAD_PATIENCE_S * 1000ULL)
		wrong(s, "session %u cannot log in: %s", s->index, error);
	drop(s);
	test_sleep_ms(1);
}

static void serve(struct load_session *s)
{
	struct pollfd f = {.fd = iscsi_get_fd(s->iscsi),
			   .events = (short)iscsi_which_events(s->iscsi)};

	if (poll(&f, 1, TURN_MS) < 0)
		f.revents = 0;
	if (iscsi_service(s->iscsi, f.revents) < 0)
		drop(s);
}

/* ---- the thread ---- */

static unsigned count_state(const struct load_session *s, enum load_state state)
{
	unsigned n = 0;

	for (unsigned i = 0; i < s->shared->options.depth; i++)
		n += s->slots[i].state == state;
	return n;
}

static void feed(struct load_session *s, enum load_mode mode)
{
	for (unsigned i = 0; i < s->shared->options.depth && !s->is_wrong; i++) {
		struct load_slot *c = &s->slots[i];
		if (c->state == SLOT_IDLE && mode == LOAD_RUN)
			choose(c);
		else if (c->state == SLOT_IDLE && mode == LOAD_LOOK && !look_on(c))
			return;
		if (c->state == SLOT_READY)
			send_slot(c);
	}
}

static void begin_mode(struct load_session *s, unsigned turn)
{
	s->working = turn;
	s->looked_lun = 0;
	s->looked_at = 0;
	begin_work(s);
}

/* Is all done that the mode asks for? Only LOAD_RUN never ends. */
static bool is_done(const struct load_session *s, enum load_mode mode)
{
	if (mode == LOAD_RUN)
		return true;
	if (mode == LOAD_LOOK && s->looked_lun < s->shared->options.n_luns)
		return false;
	return s->iscsi && count_state(s, SLOT_IDLE) == s->shared->options.depth;
}

static void turn(struct load_session *s, unsigned number)
{
	enum load_mode mode = mode_of(number);

	if (s->working != number)
		begin_mode(s, number);
	if (s->iscsi && count_state(s, SLOT_LOST))
		drop(s);
	if (!s->iscsi)
		log_in(s);
	if (!s->iscsi)
		return;
	feed(s, mode);
	if (!is_done(s, mode) || mode == LOAD_RUN) {
		if (test_now_ms() - s->answered_ms > LOAD_PATIENCE_S * 1000ULL)
			wrong(s, "session %u: no answer for %d s", s->index, LOAD_PATIENCE_S);
	}
	serve(s);
	if (is_done(s, mode))
		s->turn = number;
}

static void *work(void *arg)
{
	struct load_session *s = arg;
	unsigned number;

	while (!s->is_wrong && mode_of(number = s->shared->turn) < LOAD_LOGOUT)
		turn(s, number);
	if (s->iscsi && mode_of(s->shared->turn) == LOAD_LOGOUT && !s->is_wrong)
		iscsi_logout_sync(s->iscsi);
	drop(s);
	return NULL;
}

/* ---- the test's thread ---- */

static void make_regions(struct load_session *s)
{
	const struct load_options *o = &s->shared->options;

	for (unsigned i = 0; i < o->n_luns; i++) {
		struct load_region *r = &s->regions[i];
		r->session = s->index;
		r->lun = o->luns[i];
		r->blocks = o->blocks;
		r->first = (uint64_t)s->index * o->blocks;
		r->places = calloc(r->blocks, sizeof(*r->places));
		ck_assert_ptr_nonnull(r->places);
	}
}

void load_session_start(struct load_session *s, struct load_shared *shared, unsigned index)
{
	s->shared = shared;
	s->index = index;
	s->seed = shared->options.seed * 100 + index;
	make_regions(s);
	for (unsigned i = 0; i < shared->options.depth; i++) {
		s->slots[i].session = s;
		s->slots[i].data = malloc((size_t)PIECE * LOAD_BLOCK);
		ck_assert_ptr_nonnull(s->slots[i].data);
	}
	begin_work(s);
	ck_assert_int_eq(pthread_create(&s->thread, NULL, work, s), 0);
}

void load_session_join(struct load_session *s)
{
	ck_assert_int_eq(pthread_join(s->thread, NULL), 0);
	for (unsigned i = 0; i < s->shared->options.depth; i++)
		free(s->slots[i].data);
	for (unsigned i = 0; i < s->shared->options.n_luns; i++)
		free(s->regions[i].places);
}
