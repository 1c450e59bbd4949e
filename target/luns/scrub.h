/* SPDX-License-Identifier: MIT */
/*
 * scrub.h - what a LUN held is removed when its last registration goes (scrub = "release").
 *
 * From that moment on commands that would use the medium get BUSY, new registrations too
 * (claims.scrubs, which is kept with the memory); a thread removes what is there, piece by piece,
 * as exports copy it; then the LUN may be used again. So nobody sees what another one left. A
 * process that ends meanwhile leaves it to the next.
 *
 * Imports and exports of the LUN end when it is taken up, and none begins before it is empty. What
 * is read-only is not emptied, and stays BUSY, until it is writable. What cannot be emptied is
 * tried again, and holds up no other LUN.
 */
#ifndef MEMTGT_LUNS_SCRUB_H
#define MEMTGT_LUNS_SCRUB_H

struct luns;
struct scsi_lu;

/* 0 or -errno. It begins to work when luns_serve() was called. */
int luns_scrub_start(struct luns *l) __attribute__((warn_unused_result));
void luns_scrub_stop(struct luns *l);
/* There may be something to do. From any thread, and waits for nobody. */
void luns_scrub_look(struct luns *l);
/* scsi_reserve.on_scrub */
void luns_scrub_wake(struct scsi_lu *lu);

#endif
