/* SPDX-License-Identifier: MIT */
/*
 * answer.h - parameter data of a donor to what it says about a LUN: bytes in, facts out.
 *
 * No byte is believed to be there, and no count. Each function takes what was really received;
 * false: that is no such answer, and what it says about the LUN stays as it was.
 */
#ifndef MEMTGT_ANSWER_H
#define MEMTGT_ANSWER_H

#include <stdbool.h>

#include "initiator-tools/donor.h"
#include "memtgt/cursor.h"

/* INQUIRY, SPC-4 6.6.2 */
bool answer_inquiry(struct cursor c, struct donor_lun *l);
/* VPD 80h and 83h, SPC-4 7.8.15, 7.8.6; B2h, SBC-3 6.5.5 */
bool answer_serial(struct cursor c, struct donor_lun *l);
bool answer_identification(struct cursor c, struct donor_lun *l);
bool answer_provisioning(struct cursor c, struct donor_lun *l);
/* READ CAPACITY(16), SBC-3 5.16.2 */
bool answer_capacity(struct cursor c, struct donor_lun *l);
/* LOG SENSE page 0Ch, SBC-3 6.3.4 */
bool answer_log(struct cursor c, struct donor_lun *l);
/* PERSISTENT RESERVE IN: READ KEYS, READ RESERVATION, READ FULL STATUS; SPC-4 6.15 */
bool answer_keys(struct cursor c, struct donor_lun *l);
bool answer_reservation(struct cursor c, struct donor_lun *l);
bool answer_claims(struct cursor c, struct donor_lun *l);

/*
 * REPORT LUNS, SPC-4 6.33: calls lun() for each that has a simple number, until it returns false.
 * Others are passed over.
 */
bool answer_luns(struct cursor c, bool (*lun)(void *arg, unsigned id), void *arg);

/* n bytes as text: what is not printable ASCII becomes '?', blanks at the end go. Cut to `room`. */
void answer_text(const uint8_t *p, size_t n, char *out, size_t room);

#endif
