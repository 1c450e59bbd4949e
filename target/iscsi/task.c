// SPDX-License-Identifier: MIT
/* task.c - SCSI commands in flight: order, data-out, slices, the end. */
#include "iscsi/task.h"

#include <assert.h>
#include <string.h>

#include "iscsi/fence.h"

/* A Target Transfer Tag is the task's slot and a count of R2Ts that outlives the task. */
#define TTT_COUNT_BITS 12u
#define TTT_COUNT_MASK ((1u << TTT_COUNT_BITS) - 1)

static uint32_t ttt_of(const struct task *t, uint32_t count)
{
	return arena_index(&t->s->w->tasks, t) << TTT_COUNT_BITS | (count & TTT_COUNT_MASK);
}

uint32_t task_next_ttt(struct task *t)
{
	return ttt_of(t, t->tag_sent++);
}

struct task *task_by_ttt(const struct session *s, uint32_t ttt)
{
	struct task *t = arena_at(&s->w->tasks, ttt >> TTT_COUNT_BITS);
	if (!t || t->s != s || t->phase != TASK_SOLICITED || !t->r2t_out)
		return NULL;
	/* Sequences come in order: only the oldest outstanding R2T may be answered. */
	return ttt == ttt_of(t, t->tag_next) ? t : NULL;
}

struct task *task_by_itt(const struct session *s, uint32_t itt)
{
	struct task *t = s->by_itt[itt % ITT_BUCKETS];
	while (t && t->itt != itt)
		t = t->itt_next;
	return t;
}

static void forget_itt(struct task *t)
{
	struct task **p = &t->s->by_itt[t->itt % ITT_BUCKETS];
	while (*p != t)
		p = &(*p)->itt_next;
	*p = t->itt_next;
}

struct task *task_new(struct session *s, const struct bhs_scsi_cmd *cmd)
{
	struct task *t = arena_get(&s->w->tasks);
	if (!t)
		return NULL;
	uint32_t tag = t->tag_sent;
	memset(t, 0, sizeof(*t));
	t->tag_sent = t->tag_next = tag;
	t->tx.kind = TX_TASK;
	list_init(&t->tx.link);
	list_init(&t->phase_link);
	t->s = s;
	t->phase = TASK_HELD;
	t->immediate = cmd->opcode & ISCSI_IMMEDIATE;
	t->ordered = (cmd->flags & ISCSI_CMD_ATTR) == ISCSI_ATTR_ORDERED;
	t->itt = get32(cmd->itt);
	t->edtl = get32(cmd->edtl);
	t->data_limit = cmd->flags & ISCSI_CMD_READ ? t->edtl : 0;
	t->scsi.worker = &s->w->scsi;
	t->scsi.nexus = &s->nexus;
	memcpy(t->scsi.lun, cmd->lun, sizeof(t->scsi.lun));
	memcpy(t->scsi.cdb, cmd->cdb, sizeof(t->scsi.cdb));
	t->scsi.cdb_len = sizeof(cmd->cdb);
	t->scsi.out_limit = cmd->flags & ISCSI_CMD_WRITE ? t->edtl : 0;

	list_add_tail(&s->tasks, &t->link);
	t->itt_next = s->by_itt[t->itt % ITT_BUCKETS];
	s->by_itt[t->itt % ITT_BUCKETS] = t;
	if (t->immediate)
		s->immediates++;
	else
		s->in_flight++;
	return t;
}

/* ---- phases ---- */

static bool waits_for_data(enum task_phase p)
{
	return p == TASK_UNSOLICITED || p == TASK_SOLICITED;
}

static void set_phase(struct task *t, enum task_phase to)
{
	t->s->receiving += waits_for_data(to);
	t->s->receiving -= waits_for_data(t->phase);
	t->phase = to;
}

static void ready(struct task *t)
{
	set_phase(t, TASK_READY);
	tx_queue(t->s, &t->tx);
}

/* Who is starved is called by the store. A buffer, and the next slice, come with the next turn. */
void task_want_turn(struct task *t)
{
	if (t->scsi.starved)
		conn_want_wake(&t->s->conn);
	else
		conn_want_slice(&t->s->conn);
}

/* The effect, and the question to all reactors; or the end. */
static void raise_fence(struct task *t)
{
	t->fence = fence_start(t);
	t->step = t->fence ? SCSI_RUN : SCSI_DONE;
	if (t->fence)
		set_phase(t, TASK_FENCED);
	else
		ready(t);
}

/* All data-out that is wanted is in: do it, or the first slice of it. */
static void run(struct task *t)
{
	if (t->step == SCSI_OUT || t->step == SCSI_RUN)
		t->step = scsi_run(&t->scsi);
	if (t->step == SCSI_FENCE) {
		raise_fence(t);
		return;
	}
	if (t->step != SCSI_RUN) {
		ready(t);
		return;
	}
	set_phase(t, TASK_RUNNING);
	list_add_tail(t->scsi.starved ? &t->s->starved : &t->s->running, &t->phase_link);
	task_want_turn(t);
}

void task_unfenced(struct task *t)
{
	t->fence = NULL;
	t->step = scsi_run(&t->scsi);
	ready(t);
}

void task_slice(struct task *t)
{
	session_count(t->s, COUNT_SLICES, 1);
	run(t);
}

/* The end of the sequence that the next R2T's data makes. */
static uint32_t sequence_end(const struct task *t, uint32_t from)
{
	uint64_t end = (uint64_t)from + t->s->params.max_burst_length;
	return end < t->scsi.out_len ? (uint32_t)end : (uint32_t)t->scsi.out_len;
}

static void solicit(struct task *t)
{
	t->r2t_off = t->recv_off;
	t->seq_end = sequence_end(t, t->recv_off);
	t->datasn = 0;
	set_phase(t, TASK_SOLICITED);
	tx_queue(t->s, &t->tx);
}

static bool wants_data(const struct task *t)
{
	return t->step == SCSI_OUT && t->scsi.out_done < t->scsi.out_len;
}

/* No more unsolicited data comes: ask for the rest, or go on to the answer. */
static void after_unsolicited(struct task *t)
{
	if (wants_data(t))
		solicit(t);
	else
		run(t);
}

/* ---- order, SAM-5 8.7: ORDERED waits for all older ones, and what follows waits for it ---- */

static bool may_start(const struct session *s, const struct task *t)
{
	return !s->ordered && !(t->ordered && s->active);
}

static void await_unsolicited(struct task *t)
{
	t->s->data_at = t->s->conn.reactor->now;
	set_phase(t, TASK_UNSOLICITED);
}

static void start(struct task *t)
{
	t->s->active++;
	t->s->ordered += t->ordered;
	t->step = scsi_start(&t->scsi);
	await_unsolicited(t);
}

static void start_held(struct session *s)
{
	while (!list_empty(&s->held)) {
		struct task *t = container_of(s->held.next, struct task, phase_link);
		if (!may_start(s, t))
			return;
		list_del(&t->phase_link);
		start(t);
		after_unsolicited(t);
	}
}

void task_begin(struct task *t, bool data)
{
	struct session *s = t->s;
	if (list_empty(&s->held) && may_start(s, t)) {
		start(t);
	} else if (data) {
		/* There is no place to keep data of a command that may not run yet. SAM-5 5.3.1 */
		s->active++;
		s->ordered += t->ordered;
		t->scsi.status = SCSI_TASK_SET_FULL;
		t->step = SCSI_DONE;
		await_unsolicited(t);
	} else {
		list_add_tail(&s->held, &t->phase_link);
	}
}

/* ---- data-out ---- */

size_t task_data(struct task *t, const uint8_t *p, size_t n)
{
	size_t taken = n;
	if (wants_data(t)) {
		uint64_t left = t->scsi.out_len - t->scsi.out_done;
		size_t want = n < left ? n : (size_t)left;
		size_t took = scsi_data_out(&t->scsi, p, want);
		session_count(t->s, COUNT_BYTES_WRITTEN, took);
		if (took < want)
			taken = took;
	}
	t->recv_off += (uint32_t)taken;
	t->s->data_at = t->s->conn.reactor->now;
	return taken;
}

void task_data_end(struct task *t, bool final)
{
	if (t->phase == TASK_UNSOLICITED && final) {
		after_unsolicited(t);
	} else if (t->phase == TASK_SOLICITED && final) {
		t->r2t_out--;
		t->tag_next++;
		t->datasn = 0;
		t->seq_end = sequence_end(t, t->recv_off);
		if (!wants_data(t) && !t->r2t_out)
			run(t);
		else if (t->r2t_off < t->scsi.out_len)
			tx_queue(t->s, &t->tx);
	}
}

void task_data_failed(struct task *t, enum scsi_outcome o)
{
	if (t->step == SCSI_OUT) {
		scsi_data_failed(&t->scsi, o);
		t->step = SCSI_DONE;
	}
	/* Unsolicited data goes on until its F bit whatever we say; the answer waits for that. */
	if (t->phase == TASK_SOLICITED)
		ready(t);
}

/*
 * What was asked for is waited for, and dropped: no answer before the F bit of the last sequence,
 * RFC 7143 11.4.2. Nothing more is asked for.
 */
static void task_changed(struct task *t, enum scsi_change c)
{
	if (!scsi_changed(&t->scsi, t->step, c))
		return;
	session_count(t->s, COUNT_COMMANDS_CUT, 1);
	t->step = SCSI_DONE;
	t->scsi.in_len = t->sent_off; /* for the residual count */
	if (t->phase != TASK_SOLICITED)
		return; /* the next slice, the F bit, or send.c finds its end */
	t->scsi.out_len = t->r2t_off;
	if (!t->r2t_out)
		ready(t);
}

void task_changed_all(struct session *s, const struct scsi_lu *lu, enum scsi_change c)
{
	list_for_each (it, &s->tasks) {
		struct task *t = container_of(it, struct task, link);
		if (t->scsi.lu == lu)
			task_changed(t, c);
	}
}

/* ---- the end ---- */

/* Out of the session's books: the ITT may be used again, the window opens. */
static void leave(struct task *t)
{
	struct session *s = t->s;
	bool was_held = t->phase == TASK_HELD;

	assert(t->phase != TASK_GONE);
	set_phase(t, TASK_GONE);
	forget_itt(t);
	list_del(&t->link);
	list_del(&t->phase_link);
	if (s->rx_task == t) {
		s->rx_task = NULL;
		s->rx_mode = RX_DROP;
		s->rx_skip = true;
	}
	if (t->immediate)
		s->immediates--;
	else
		s->in_flight--;
	if (was_held)
		return;
	s->active--;
	s->ordered -= t->ordered;
}

void task_done(struct task *t)
{
	leave(t);
	start_held(t->s);
}

static void drop(struct task *t)
{
	struct session *s = t->s;
	leave(t);
	list_del(&t->tx.link);
	session_count(s, COUNT_COMMANDS_ABORTED, 1);
	/* A batch that the engine still has may point into the task's parameter data. */
	if (t->in_batch && s->conn.batch)
		list_add_tail(&s->conn.batch->done, &t->tx.link);
	else
		task_free(t);
}

void task_abort(struct task *t)
{
	struct session *s = t->s;
	drop(t);
	start_held(s);
}

void task_free(struct task *t)
{
	struct iscsi_worker *w = t->s->w;
	scsi_end(&t->scsi);
	t->s = NULL; /* a late tag finds nobody */
	arena_put(&w->tasks, t);
}

/* What waits behind them is pending too: nothing is started. */
void task_abort_pending(struct session *s)
{
	list_for_each_safe (it, next, &s->tasks) {
		struct task *t = container_of(it, struct task, link);
		if (t->phase != TASK_READY)
			drop(t);
	}
}

unsigned task_abort_all(struct session *s, unsigned lun)
{
	return task_abort_others(s, lun, NULL);
}

unsigned task_abort_others(struct session *s, unsigned lun, const struct fence *but)
{
	unsigned n = 0;
	list_for_each_safe (it, next, &s->tasks) {
		struct task *t = container_of(it, struct task, link);
		if (but && t->fence == but)
			continue;
		if (lun != SCSI_LUN_ALL && scsi_lu_id(&s->nexus, t->scsi.lun) != lun)
			continue;
		drop(t);
		n++;
	}
	if (!s->conn.is_dead)
		start_held(s);
	return n;
}

bool task_on_lun(const struct session *s, unsigned lun)
{
	list_for_each (it, &s->tasks) {
		const struct task *t = container_of(it, struct task, link);
		if (scsi_lu_id(&s->nexus, t->scsi.lun) == lun)
			return true;
	}
	return false;
}

uint8_t task_residual(const struct task *t, uint32_t *count)
{
	/* What the command wanted to move, and the room it had in that direction. It wanted nothing
	 * if it failed before it knew. */
	bool out = t->scsi.out_want;
	uint64_t wanted = out ? t->scsi.out_want : t->scsi.in_len;
	uint64_t room = out ? t->scsi.out_limit : t->data_limit;

	if (wanted > room) {
		uint64_t over = wanted - room;
		*count = over < UINT32_MAX ? (uint32_t)over : UINT32_MAX;
		return ISCSI_RSP_OVERFLOW;
	}
	/* One of the limits is 0: R and W exclude each other. */
	*count = (uint32_t)(t->scsi.out_limit + t->data_limit - wanted);
	return *count ? ISCSI_RSP_UNDERFLOW : 0;
}
