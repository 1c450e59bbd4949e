/* SPDX-License-Identifier: MIT */
/*
 * question.h - what is asked of each LUN: commands that change nothing, sent all at once.
 *
 * Each question has a buffer of its own, of a fixed size: a donor that sends more than was asked
 * for finds no room for it.
 */
#ifndef MEMTGT_QUESTION_H
#define MEMTGT_QUESTION_H

#include <iscsi/iscsi.h>
#include <stdbool.h>

#include "initiator-tools/donor.h"

/* The result of one LUN's questions; called when the last is answered, or with `lost` when the
 * session broke. */
typedef void question_done(void *arg, bool lost);

/*
 * Asks all that there is to ask about a LUN. It, and `arg`, stay until `done` is called, which may
 * happen within session_close(). false: no memory, nothing will be called.
 */
bool question_lun(struct iscsi_context *c, struct donor_lun *l, question_done *done, void *arg)
	__attribute__((warn_unused_result));

/* REPORT LUNS; `lun` gets each number. */
bool question_luns(struct iscsi_context *c, bool (*lun)(void *arg, unsigned id),
		   question_done *done, void *arg) __attribute__((warn_unused_result));

#endif
