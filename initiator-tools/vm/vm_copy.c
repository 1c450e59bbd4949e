// SPDX-License-Identifier: MIT
/* vm_copy.c - the new node, the mirror, the change over. */
#include <poll.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "initiator-tools/donors.h"
#include "initiator-tools/secret.h"
#include "initiator-tools/vm/vm_mover.h"

#define ADD_LIMIT_NS (60 * NS_PER_S) /* QEMU logs in, while the guest stands still */
#define TICK_MS	     50
#define COMMAND_S    30 /* of QEMU's session: a login that is not answered ends */
#define GRANULARITY  65536

/* ---- the new node ---- */

static void name_node(struct vm_mover *m)
{
	for (uint16_t i = 1; i < UINT16_MAX; i++) {
		snprintf(m->node, sizeof(m->node), "%s-%hu", m->job, i);
		if (!vm_node_exists(m->nodes, m->node))
			return;
	}
}

/* As large as the disk, whatever the LUN is: the guest sees no other size, and may move to a
 * smaller LUN later. */
static json_t *describe(const struct vm_mover *m, const char *user)
{
	const struct vm_place *p = &m->found.place;
	json_t *lun = json_pack("{s:s, s:s, s:s, s:s, s:i, s:s, s:i, s:s, s:{s:b}}", "driver",
				"iscsi", "transport", "tcp", "portal", p->portal, "target",
				p->target, "lun", (int)p->lun, "initiator-name", p->initiator,
				"timeout", COMMAND_S, "discard", "unmap", "cache", "direct", 1);

	if (user) {
		json_object_set_new(lun, "user", json_string(user));
		json_object_set_new(lun, "password-secret", json_string(m->job));
	}
	return json_pack("{s:s, s:s, s:I, s:s, s:{s:b}, s:o}", "driver", "raw", "node-name",
			 m->node, "size", (json_int_t)m->disk.size, "discard", "unmap", "cache",
			 "direct", 1, "file", lun);
}

/* The secret is QEMU's only for as long as it takes to log in. */
static int add_secret(struct vm_mover *m, const struct donor *d)
{
	char secret[CHAP_SECRET_MAX + 1], why[DONOR_WHY_BYTES];
	const char *bad = secret_read(d->chap_secret_file, secret, why, sizeof(why));
	int status = bad ? vm_say(m, LOAN_FAILED, "%s", bad) : LOAN_OK;

	if (!status) /* of an earlier run */
		vm_try(m, "object-del", vm_with_id(m));
	if (!status)
		status = vm_ask(m, "object-add",
				json_pack("{s:s, s:s, s:s}", "qom-type", "secret", "id", m->job,
					  "data", secret),
				NULL);
	explicit_bzero(secret, sizeof(secret));
	return status;
}

static int add_node(struct vm_mover *m)
{
	const struct donor *d = &m->asking.conf.donors[m->donor.to];
	int status = d->chap_user ? add_secret(m, d) : LOAN_OK;

	if (status)
		return status;
	m->qmp.limit_ns = ADD_LIMIT_NS;
	int err = qmp_run(&m->qmp, "blockdev-add", describe(m, d->chap_user), NULL);
	m->qmp.limit_ns = VM_QMP_LIMIT_NS;
	if (err)
		status = vm_say_qemu(m, "the new LUN cannot be opened");
	if (d->chap_user)
		vm_try(m, "object-del", vm_with_id(m));
	return status;
}

/* What is noted at the old node goes along, for whoever comes after: the old LUN itself too, since
 * it has a note. */
static int take_notes_along(struct vm_mover *m)
{
	struct vm_note notes[VM_NOTES_MAX];
	int status = vm_look_again(m);
	size_t n = status ? 0 : vm_notes(m->nodes, m->disk.node, notes);

	for (size_t i = 0; !status && i < n; i++)
		status = vm_change_note(m, m->node, &notes[i], true);
	return status;
}

int vm_prepare(struct vm_mover *m)
{
	struct vm_note fresh = {.key = m->donor.key, .place = m->found.place};

	name_node(m);
	memcpy(fresh.node, m->node, sizeof(m->node));
	int status = vm_change_note(m, m->disk.node, &fresh, true);
	if (status)
		return status;
	vm_at(m, VM_NOTED);
	status = add_node(m);
	if (status)
		return status;
	vm_at(m, VM_ADDED);
	status = take_notes_along(m);
	if (!status && vm_donor_mark(&m->donor, &fresh.place, &m->found))
		status = vm_say(m, LOAN_FAILED, "%s/%u of %s: %s", fresh.place.target,
				fresh.place.lun, m->to, m->found.why);
	if (status)
		return status;
	if (vm_donor_mark(&m->donor, &m->disk.place, &m->found))
		(void)vm_say(m, 0, "%s/%u at %s cannot be marked: %s", m->disk.place.target,
			     m->disk.place.lun, m->disk.place.portal, m->found.why);
	vm_at(m, VM_MARKED);
	return LOAN_OK;
}

/* ---- the copy ---- */

static int begin_copy(struct vm_mover *m)
{
	json_t *a = json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:I, s:I, s:b}", "job-id",
			      m->job, "device", m->disk.node, "target", m->node, "sync", "full",
			      "copy-mode", "background", "on-source-error", "report",
			      "on-target-error", "report", "speed", (json_int_t)m->rate,
			      "granularity", (json_int_t)GRANULARITY, "auto-dismiss", 0);

	return vm_ask(m, "blockdev-mirror", a, NULL);
}

/* Until the job has this status, or another end of it is seen. */
int vm_follow(struct vm_mover *m, const char *status, struct vm_job *j)
{
	uint64_t moved = clock_now(), done = 0;

	for (;;) {
		if (vm_find_job(m, j) != 1)
			return vm_say(m, LOAN_FAILED, "QEMU has ended the copy");
		if (!strcmp(j->status, status))
			return LOAN_OK;
		if (!strcmp(j->status, "concluded"))
			return vm_say(m, LOAN_FAILED, "the copy failed: %s",
				      *j->error ? j->error : "it was cancelled");
		if (*m->stop)
			return vm_say(m, LOAN_FAILED, "interrupted");
		if (j->done / m->rules->copies > m->disk.size)
			return vm_say(m, LOAN_FAILED,
				      "the guest writes faster than it can be copied: %llu MiB "
				      "were, and it is not enough; try again when it writes less",
				      (unsigned long long)j->done >> 20);
		if (j->done != done)
			moved = clock_now();
		done = j->done;
		if (clock_now() - moved >= m->rules->stall_ns)
			return vm_say(m, LOAN_FAILED, "nothing was copied for %u s",
				      (unsigned)(m->rules->stall_ns / NS_PER_S));
		vm_bar(m, j);
		poll(NULL, 0, TICK_MS);
	}
}

static int change_over(struct vm_mover *m)
{
	struct vm_job j;
	uint64_t begun = clock_now();
	int status = vm_ask(m, "job-complete", vm_with_id(m), NULL);

	if (status)
		return status;
	vm_at(m, VM_COMPLETING);
	status = vm_follow(m, "concluded", &j);
	if (!status && *j.error)
		status = vm_say(m, LOAN_FAILED, "the copy failed: %s", j.error);
	if (!status)
		status = vm_ask(m, "job-dismiss", vm_with_id(m), NULL);
	if (!status)
		status = vm_look_again(m);
	if (!status && strcmp(m->disk.node, m->node) != 0)
		status = vm_say(m, LOAN_FAILED, "QEMU has not changed over");
	m->changed = status ? 0 : clock_now();
	if (!status)
		(void)vm_say(m, 0, "the guest is on %s/%u of %s now; changing over took %llu ms",
			     m->disk.place.target, m->disk.place.lun, m->to,
			     (unsigned long long)((m->changed - begun) / NS_PER_MS));
	return status;
}

int vm_copy(struct vm_mover *m)
{
	struct vm_job j;
	uint64_t begun = clock_now();
	int status = begin_copy(m);

	if (status)
		return status;
	vm_at(m, VM_COPYING);
	status = vm_follow(m, "ready", &j);
	if (status)
		return status;
	vm_end_line(m);
	(void)vm_say(m, 0, "copied in %llu ms",
		     (unsigned long long)((clock_now() - begun) / NS_PER_MS));
	vm_at(m, VM_READY);
	return change_over(m);
}
