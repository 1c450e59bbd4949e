/* SPDX-License-Identifier: MIT */
/*
 * vm_lun.h - commands to one LUN of a donor in a session of libiscsi, one after another.
 *
 * Waits, but never longer than the limit that it was opened with. libiscsi trusts targets: it is
 * used in processes that may be lost only (guard.h).
 */
#ifndef MEMTGT_VM_LUN_H
#define MEMTGT_VM_LUN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "initiator-tools/donor.h"
#include "initiator-tools/session.h"
#include "initiator-tools/vm/vm_disk.h"

struct vm_lun {
	struct iscsi_context *session;
	unsigned lun;
	uint64_t until; /* CLOCK_MONOTONIC */
	struct scsi_task *task;
	bool is_done, is_lost;
	int status; /* of the last command, of SAM; negative: the session is lost */
	char why[DONOR_WHY_BYTES];
	struct donor_lun says; /* vm_lun_ask() */
};

/*
 * Logs in. The session's name is the same whenever the same initiator comes for the same LUN, so
 * that what it registered is its own again. 0, or -errno after l->why: -ECONNREFUSED: refused, with
 * the donor's words; -ETIMEDOUT; -EIO. To be closed in all cases.
 */
int vm_lun_open(struct vm_lun *l, const struct vm_place *p, const char *user, const char *secret,
		uint64_t limit_ns) __attribute__((warn_unused_result));
void vm_lun_close(struct vm_lun *l);

/* All that memloan asks of a LUN, into l->says; `claim` is that for the initiator. */
int vm_lun_ask(struct vm_lun *l, const char *initiator) __attribute__((warn_unused_result));

/* Registers in place of the key `old`, 0: none; with `key`, 0: ends it. -EBUSY: what is registered
 * is not `old`. */
int vm_lun_register(struct vm_lun *l, uint64_t old, uint64_t key)
	__attribute__((warn_unused_result));

/* Are the first and the last MiB zeroes? Needs vm_lun_ask(). 1: yes; 0: no; or -errno. */
int vm_lun_is_blank(struct vm_lun *l) __attribute__((warn_unused_result));

/*
 * Empties it: UNMAP where the LUN is thin, so that its donor has the memory again, else zeroes.
 * Needs vm_lun_ask().
 */
int vm_lun_empty(struct vm_lun *l) __attribute__((warn_unused_result));

#endif
