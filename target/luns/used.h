/* SPDX-License-Identifier: MIT */
/*
 * used.h - before the first write to a LUN is answered, the disk knows that it is used.
 *
 * Else a loss of memory right after it would bring an empty LUN under the old name. A thread of its
 * own waits for the disk; the write waits as for a page (store_on_first_write()), and is refused
 * with BUSY in the end. What cannot be written is tried again each second; it is never left out.
 */
#ifndef MEMTGT_LUNS_USED_H
#define MEMTGT_LUNS_USED_H

struct luns;
struct store_lun;

/* Only if there is a state file: without one LUNs are used at once. Before readers run. 0 or
 * -errno. */
int luns_used_start(struct luns *l) __attribute__((warn_unused_result));
/* Room for one more LUN, before it is shown: the readers' side allocates nothing. 0 or -ENOMEM. */
int luns_used_room(struct luns *l) __attribute__((warn_unused_result));
/* What was set in the state file shall be saved, when that is possible. */
void luns_used_save(struct luns *l);
/* This LUN is about to go: it is no more in the list, and no reader uses it. */
void luns_used_forget(struct luns *l, const struct store_lun *store);
/* No reader runs any more. */
void luns_used_stop(struct luns *l);

#endif
