// SPDX-License-Identifier: MIT
/* probe.c - one donor's questions, from its name to its last LUN. */
#include "initiator-tools/probe.h"

#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/config.h"
#include "initiator-tools/answer.h"
#include "initiator-tools/question.h"
#include "initiator-tools/resolve.h"
#include "initiator-tools/session.h"

#define LUNS_AT_ONCE 8
#define MEASURE_SIZE ((uint64_t)1 << 20) /* a LUN must be as large to be measured */

static void find_targets(struct probe *p);
static void ask_target(struct probe *p);

void probe_init(struct probe *p, struct donor *d, const struct probe_rules *rules)
{
	*p = (struct probe){.donor = d, .rules = rules};
}

void probe_end(struct probe *p)
{
	p->phase = PROBE_ENDED;
	p->is_lost = true; /* callbacks of what is open ask no more */
	session_close(p->session);
	session_close(p->kept);
	resolve_drop(p->resolve);
	free(p->targets);
	explicit_bzero(p->secret, sizeof(p->secret));
	p->session = p->kept = NULL;
	p->resolve = NULL;
	p->targets = NULL;
}

static void give_up(struct probe *p, enum donor_state state, const char *why)
{
	p->donor->state = state;
	snprintf(p->donor->why, sizeof(p->donor->why), "%s", why);
	probe_end(p);
}

/* Callbacks may not close: the next step does. */
static void lose(struct probe *p, enum donor_state state, const char *why)
{
	if (p->is_lost || p->phase == PROBE_ENDED)
		return;
	p->is_lost = true;
	p->verdict = state;
	if (why != p->why)
		snprintf(p->why, sizeof(p->why), "%s", why);
}

static void close_session(struct probe *p)
{
	struct iscsi_context *c = p->session;

	p->is_lost = true; /* so that what its callbacks say is no news */
	p->session = NULL;
	session_close(c);
	p->is_lost = p->is_connected = p->is_answered = false;
}

/* ---- the way to a portal ---- */

static void resolve_portal(struct probe *p)
{
	char host[DONOR_PORTAL_MAX + 1];
	uint16_t port;
	const char *bad = donor_parse_portal(p->donor->portals[p->portal], host, &port);

	p->phase = PROBE_RESOLVING;
	p->resolve = bad ? NULL : resolve_start(host, port);
	if (!p->resolve)
		give_up(p, DONOR_UNASKED, bad ? bad : "out of memory");
}

static void next_portal(struct probe *p, const char *why)
{
	if (p->portal + 1 == p->donor->nportals) {
		give_up(p, DONOR_UNREACHABLE, why);
		return;
	}
	p->portal++;
	resolve_portal(p);
}

static void look_resolved(struct probe *p)
{
	int err = resolve_result(p->resolve, p->donor->address, sizeof(p->donor->address));

	if (err == -EAGAIN)
		return;
	resolve_drop(p->resolve);
	p->resolve = NULL;
	if (!err) {
		find_targets(p);
		return;
	}
	snprintf(p->why, sizeof(p->why), "%s", p->donor->address);
	p->donor->address[0] = '\0';
	next_portal(p, p->why);
}

void probe_start(struct probe *p, uint64_t now)
{
	assert(p->phase == PROBE_WAITING && p->donor->nportals);
	donor_forget(p->donor);
	p->deadline = now + p->rules->timeout_ns;
	if (p->donor->is_left_out) {
		give_up(p, DONOR_BROKEN,
			"what it sent ended, or stopped, the process that asked it");
		return;
	}
	const char *bad = p->donor->chap_user ? secret_read(p->donor->chap_secret_file, p->secret,
							    p->why, sizeof(p->why))
					      : NULL;
	if (bad)
		give_up(p, DONOR_UNASKED, bad);
	else
		resolve_portal(p);
}

static void open_session(struct probe *p, const char *target, iscsi_command_cb cb)
{
	const struct session_access access = {
		.initiator = p->rules->initiator,
		.user = p->donor->chap_user,
		.secret = p->secret,
	};

	p->session =
		session_open(&access, p->donor->address, target, cb, p, p->why, sizeof(p->why));
	if (!p->session)
		next_portal(p, p->why);
}

/* ---- what targets there are ---- */

static void take_target(struct probe *p, const char *name)
{
	if (!name || config_bad_iscsi_name(name))
		return;
	if (p->donor->ntargets == DONOR_TARGETS_MAX) {
		p->donor->is_cut = true;
		return;
	}
	answer_text((const uint8_t *)name, strlen(name), p->targets[p->donor->ntargets++],
		    sizeof(p->targets[0]));
}

static void turn_round(struct probe *p)
{
	char t[ISCSI_NAME_MAX + 1];

	for (size_t i = 0, k = p->donor->ntargets; i + 1 < k--; i++) {
		memcpy(t, p->targets[i], sizeof(t));
		memcpy(p->targets[i], p->targets[k], sizeof(t));
		memcpy(p->targets[k], t, sizeof(t));
	}
}

static void targets_found(struct iscsi_context *c, int status, void *data, void *arg)
{
	struct probe *p = arg;

	(void)c;
	p->is_answered = true;
	if (status != SCSI_STATUS_GOOD) {
		lose(p, DONOR_BROKEN, "it does not tell its targets");
		return;
	}
	for (const struct iscsi_discovery_address *a = data; a; a = a->next)
		take_target(p, a->target_name);
	turn_round(p); /* libiscsi puts each before the others */
}

static void refused(struct probe *p, struct iscsi_context *c)
{
	char why[DONOR_WHY_BYTES];
	enum donor_state state = session_refusal(c, why, sizeof(why));

	lose(p, state, why);
}

static void discovery_open(struct iscsi_context *c, int status, void *data, void *arg)
{
	struct probe *p = arg;

	(void)data;
	if (status != SCSI_STATUS_GOOD)
		refused(p, c);
	else if (iscsi_discovery_async(c, targets_found, p))
		lose(p, DONOR_UNASKED, "out of memory");
}

static void connected(struct probe *p, struct iscsi_context *c, int status, iscsi_command_cb next)
{
	if (status != SCSI_STATUS_GOOD) {
		lose(p, DONOR_UNREACHABLE, iscsi_get_error(c));
		return;
	}
	p->is_connected = true;
	if (p->rules->is_own(iscsi_get_fd(c)))
		p->donor->is_own = true;
	if (iscsi_login_async(c, next, p))
		lose(p, DONOR_UNASKED, "out of memory");
}

static void discovery_connected(struct iscsi_context *c, int status, void *data, void *arg)
{
	(void)data;
	connected(arg, c, status, discovery_open);
}

static void find_targets(struct probe *p)
{
	if (!p->targets)
		p->targets = calloc(DONOR_TARGETS_MAX, sizeof(p->targets[0]));
	if (!p->targets) {
		give_up(p, DONOR_UNASKED, "out of memory");
		return;
	}
	p->phase = PROBE_FINDING;
	open_session(p, NULL, discovery_connected);
}

/* ---- the LUNs of a target ---- */

static void lun_asked(void *arg, bool lost);

static void ask_luns(struct probe *p)
{
	while (!p->is_lost && p->asking < LUNS_AT_ONCE && p->next < p->donor->nluns) {
		if (!question_lun(p->session, &p->donor->luns[p->next], lun_asked, p)) {
			lose(p, DONOR_UNASKED, "out of memory");
			return;
		}
		p->next++;
		p->asking++;
	}
	p->is_answered = !p->asking;
}

static void lun_asked(void *arg, bool lost)
{
	struct probe *p = arg;

	p->asking--;
	if (lost)
		lose(p, DONOR_BROKEN, "the connection broke while its LUNs were asked");
	ask_luns(p);
}

static bool add_lun(void *arg, unsigned id)
{
	struct probe *p = arg;
	struct donor_lun *l = donor_add_lun(p->donor);

	if (!l)
		return false;
	l->id = id;
	memcpy(l->target, p->targets[p->target], sizeof(l->target));
	return true;
}

static void luns_found(void *arg, bool lost)
{
	struct probe *p = arg;

	if (lost)
		lose(p, DONOR_BROKEN, "it does not tell its LUNs");
	else
		ask_luns(p);
}

static void target_open(struct iscsi_context *c, int status, void *data, void *arg)
{
	struct probe *p = arg;

	(void)data;
	if (status != SCSI_STATUS_GOOD)
		refused(p, c);
	else if (!question_luns(c, add_lun, luns_found, p))
		lose(p, DONOR_UNASKED, "out of memory");
}

static void target_connected(struct iscsi_context *c, int status, void *data, void *arg)
{
	(void)data;
	connected(arg, c, status, target_open);
}

static void ask_target(struct probe *p)
{
	if (p->target < p->donor->ntargets) {
		p->phase = PROBE_ASKING;
		p->first = p->next = p->donor->nluns;
		open_session(p, p->targets[p->target], target_connected);
		return;
	}
	if (!p->kept) {
		probe_end(p);
		return;
	}
	p->session = p->kept;
	p->kept = NULL;
	p->phase = PROBE_IDLE;
}

/* Not every LUN is a disk: some targets show themselves as one. */
static void drop_others(struct probe *p)
{
	struct donor *d = p->donor;
	size_t kept = p->first;

	for (size_t i = p->first; i < d->nluns; i++)
		if (d->luns[i].is_disk)
			d->luns[kept++] = d->luns[i];
	d->nluns = kept;
}

static bool can_measure(const struct probe *p, const struct donor_lun *l)
{
	return l->ready == READY_YES && l->size >= MEASURE_SIZE && l->block_size <= 4096 &&
	       (!p->donor->is_own || p->rules->measure_own);
}

/* One that nobody claims, since of others it may not be allowed to read. */
static void keep_or_close(struct probe *p)
{
	for (size_t i = p->first; !p->kept && i < p->donor->nluns; i++)
		if (can_measure(p, &p->donor->luns[i]) && !p->donor->luns[i].keys) {
			p->kept = p->session;
			p->kept_lun = i;
			p->session = NULL;
		}
	close_session(p);
}

/* ---- steps ---- */

static void target_lost(struct probe *p)
{
	/* One target that is not for us says nothing about the next. */
	bool is_refused = p->verdict == DONOR_REFUSED;

	p->donor->nluns = p->first;
	snprintf(p->donor->why, sizeof(p->donor->why), "%s", p->why);
	close_session(p);
	if (!is_refused) {
		give_up(p, p->verdict, p->why);
		return;
	}
	p->target++;
	if (p->target == p->donor->ntargets && !p->donor->nluns)
		give_up(p, DONOR_REFUSED, p->why);
	else
		ask_target(p);
}

static void step(struct probe *p)
{
	if (p->phase == PROBE_FINDING && p->is_lost) {
		bool was_connected = p->is_connected;
		close_session(p);
		if (was_connected)
			give_up(p, p->verdict, p->why);
		else
			next_portal(p, p->why);
	} else if (p->phase == PROBE_FINDING && p->is_answered) {
		close_session(p);
		if (p->donor->ntargets)
			ask_target(p);
		else
			give_up(p, DONOR_NO_LUNS, "it shows this initiator no target");
	} else if (p->phase == PROBE_ASKING && p->is_lost) {
		target_lost(p);
	} else if (p->phase == PROBE_ASKING && p->is_answered) {
		drop_others(p);
		keep_or_close(p);
		p->target++;
		ask_target(p);
	} else if (p->phase == PROBE_IDLE && p->is_lost) {
		probe_end(p); /* what it answered stands */
	}
}

int probe_fd(const struct probe *p, short *events)
{
	if (!p->session)
		return -1;
	*events = (short)iscsi_which_events(p->session);
	return iscsi_get_fd(p->session);
}

void probe_service(struct probe *p, short revents)
{
	if (!p->session)
		return;
	if (p->phase != PROBE_IDLE && !p->is_connected) {
		if (session_connect_error(p->session, p->why, sizeof(p->why)))
			lose(p, DONOR_UNREACHABLE, p->why);
	} else if (session_is_over(p->session)) {
		lose(p, DONOR_BROKEN, "it closed the connection");
	}
	if (!p->is_lost && iscsi_service(p->session, revents))
		lose(p, p->is_connected ? DONOR_BROKEN : DONOR_UNREACHABLE,
		     p->is_connected ? "what it sent is not iSCSI, or not whole"
				     : "the connection failed");
	step(p);
}

void probe_tick(struct probe *p, uint64_t now)
{
	static const char *const waiting[] = {
		[PROBE_RESOLVING] = "its name was not answered in time",
		[PROBE_FINDING] = "it did not answer to login and SendTargets in time",
		[PROBE_ASKING] = "it did not answer about its LUNs in time",
	};

	if (p->phase == PROBE_RESOLVING)
		look_resolved(p);
	if (p->phase == PROBE_WAITING || p->phase >= PROBE_IDLE || now < p->deadline)
		return;
	bool is_dead =
		p->phase == PROBE_RESOLVING || (p->phase == PROBE_FINDING && !p->is_connected);
	give_up(p, is_dead ? DONOR_UNREACHABLE : DONOR_SILENT,
		p->phase == PROBE_FINDING && is_dead ? "no answer to the connection in time"
						     : waiting[p->phase]);
}
