// SPDX-License-Identifier: MIT
/* vm_left.c - LUNs that a guest's disk has left, or was about to use; copies of earlier runs. */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#include "base/clock.h"
#include "initiator-tools/donors.h"
#include "initiator-tools/vm/vm_mover.h"

#define TICK_MS 50
#define ZEROES	"-zeroes" /* the end of a node's name */

/* ---- a copy of an earlier run ---- */

/* Until it has ended, whatever it was doing. */
static int end_job(struct vm_mover *m)
{
	uint64_t until = clock_now() + m->rules->cancel_ns;
	struct vm_job j;
	int there = vm_find_job(m, &j);

	if (there == 1 && strcmp(j.status, "concluded") != 0)
		vm_try(m, "block-job-cancel",
		       json_pack("{s:s, s:b}", "device", m->job, "force", 1));
	while (there == 1 && strcmp(j.status, "concluded") != 0) {
		if (clock_now() >= until)
			return vm_say(
				m, LOAN_FAILED,
				"QEMU still waits for the donor to which it copied; the guest "
				"goes on where it is. Try again when that donor is back; until "
				"then, do not pause or stop the guest");
		poll(NULL, 0, TICK_MS);
		there = vm_find_job(m, &j);
	}
	if (there == 1)
		there = vm_ask(m, "job-dismiss", vm_with_id(m), NULL) ? -1 : 0;
	if (!there) {
		char zeroes[VM_NODE_MAX + 1];
		snprintf(zeroes, sizeof(zeroes), "%s" ZEROES, m->job);
		vm_try(m, "blockdev-del", json_pack("{s:s}", "node-name", zeroes));
	}
	return there ? LOAN_FAILED : LOAN_OK;
}

/* ---- LUNs that were left ---- */

/* Nobody uses it, so QEMU closes its session. Logging out waits for the donor, and with it the
 * guest: so it was asked before. */
static int leave_node(struct vm_mover *m, const struct vm_note *n)
{
	if (!vm_node_exists(m->nodes, n->node))
		return LOAN_OK; /* one that QEMU named goes by itself */
	if (!qmp_run(&m->qmp, "blockdev-del", json_pack("{s:s}", "node-name", n->node), NULL))
		return LOAN_OK;
	return vm_say(m, LOAN_FAILED, "%s/%u stays in use: QEMU: %s", n->place.target, n->place.lun,
		      m->qmp.why);
}

static int tell_left(struct vm_mover *m, const struct vm_note *n, int err)
{
	const struct vm_place *p = &n->place;

	if (err == -ENODATA)
		return vm_say(m, LOAN_OK, "%s/%u at %s is left as it is: %s", p->target, p->lun,
			      p->portal, m->found.why);
	if (err)
		return vm_say(m, LOAN_FAILED, "%s/%u at %s is not emptied yet: %s", p->target,
			      p->lun, p->portal, m->found.why);
	if (m->found.used)
		(void)vm_say(m, 0, "%s/%u at %s is empty, %llu MiB are free again", p->target,
			     p->lun, p->portal, (unsigned long long)m->found.used >> 20);
	else
		(void)vm_say(m, 0, "%s/%u at %s is empty", p->target, p->lun, p->portal);
	if (m->changed)
		(void)vm_say(m, 0, "that is %llu ms after the change",
			     (unsigned long long)((clock_now() - m->changed) / NS_PER_MS));
	return LOAN_OK;
}

/*
 * A donor that drains lets nobody in but who is there: QEMU. It copies zeroes, of which it makes
 * UNMAPs, and does not change over. Only where the guest was until now: whose the LUN is cannot be
 * asked.
 */
static int empty_by_qemu(struct vm_mover *m, const struct vm_note *n)
{
	char zeroes[VM_NODE_MAX + 1];
	struct vm_job j;

	snprintf(zeroes, sizeof(zeroes), "%s" ZEROES, m->job);
	int status = vm_ask(m, "blockdev-add",
			    json_pack("{s:s, s:s, s:I, s:b}", "driver", "null-co", "node-name",
				      zeroes, "size", (json_int_t)m->disk.size, "read-zeroes", 1),
			    NULL);
	if (!status)
		status = vm_ask(m, "blockdev-mirror",
				json_pack("{s:s, s:s, s:s, s:s, s:s, s:b}", "job-id", m->job,
					  "device", zeroes, "target", n->node, "sync", "full",
					  "on-target-error", "report", "auto-dismiss", 0),
				NULL);
	if (!status)
		status = vm_follow(m, "ready", &j);
	if (end_job(m))
		status = LOAN_FAILED;
	return status;
}

/* It answers, so QEMU can log out: else it would be there for as long as it drains. */
static int leave_closed(struct vm_mover *m, const struct vm_note *n)
{
	const struct vm_place *p = &n->place;
	bool is_empty = m->changed && vm_node_exists(m->nodes, n->node) && !empty_by_qemu(m, n);
	int status = leave_node(m, n);

	if (status)
		return status;
	(void)vm_say(m, 0, "%s/%u at %s is %s; it takes no new sessions", p->target, p->lun,
		     p->portal, is_empty ? "empty" : "left as it is");
	return vm_change_note(m, m->disk.node, n, false);
}

/* 0: nothing of it is left, and the note is gone. */
static int give_back(struct vm_mover *m, const struct vm_note *n)
{
	int err, status;

	if (vm_same_place(&n->place, &m->disk.place))
		return LOAN_OK;
	m->donor.key = n->key;
	err = vm_donor_look(&m->donor, &n->place, &m->found);
	if (err == -EIO)
		return tell_left(m, n, err);
	if (err == -ECONNREFUSED)
		return leave_closed(m, n);
	status = leave_node(m, n);
	if (status)
		return status;
	vm_at(m, VM_DELETED);
	if (!err)
		err = vm_donor_empty(&m->donor, &n->place, &m->found);
	vm_at(m, VM_EMPTIED);
	status = tell_left(m, n, err);
	return status ? status : vm_change_note(m, m->disk.node, n, false);
}

/* All that is noted at the node which the guest uses. A LUN whose donor is silent stays noted. */
void vm_give_all_back(struct vm_mover *m)
{
	struct vm_note notes[VM_NOTES_MAX];
	size_t n = vm_notes(m->nodes, m->disk.node, notes);

	for (size_t i = 0; i < n; i++)
		(void)give_back(m, &notes[i]);
}

/* The key of this disk's marks, which the node that the guest uses keeps in a note about itself. */
int vm_learn_key(struct vm_mover *m)
{
	struct vm_note notes[VM_NOTES_MAX], here = {.place = m->disk.place};
	size_t n = vm_notes(m->nodes, m->disk.node, notes);

	for (size_t i = 0; i < n; i++)
		if (vm_same_place(&notes[i].place, &m->disk.place)) {
			m->donor.key = notes[i].key;
			return LOAN_OK;
		}
	do
		if (getrandom(&m->donor.key, sizeof(m->donor.key), GRND_NONBLOCK) !=
		    sizeof(m->donor.key))
			return vm_say(m, LOAN_FAILED, "this host has no random numbers");
	while (!m->donor.key);
	here.key = m->donor.key;
	snprintf(here.node, sizeof(here.node), "%s", m->disk.node);
	return vm_change_note(m, m->disk.node, &here, true);
}

/* ---- all of it ---- */

/* Undoes, or finishes, what is left of other runs. */
int vm_tidy(struct vm_mover *m)
{
	int status = end_job(m);

	if (!status)
		status = vm_look_again(m);
	if (!status)
		vm_give_all_back(m);
	return status ? status : vm_look_again(m);
}
