/* SPDX-License-Identifier: MIT */
/*
 * load.h - initiators (libiscsi) that write, read, fill and unmap without pause, and know what must
 * be found: what was acknowledged, by every later READ; of what was not answered each block, whole
 * or not at all; nothing else, ever.
 *
 * Each session has a thread, blocks of its own on each LUN (load_model.h) and several commands in
 * flight. After a lost connection, sessions of even number log in anew under the same name; what
 * was unanswered they send again, or read, and what they find must stay. The others leave all that
 * to libiscsi, which sends again what was unanswered. A unit attention, BUSY and TASK SET FULL are
 * answered by sending again. Any other status, a connection that is refused, and 60 s without an
 * answer are errors.
 *
 * All functions are the test's own thread's. Whatever is wrong fails the test at the next of them.
 */
#ifndef MEMTGT_TEST_LOAD_H
#define MEMTGT_TEST_LOAD_H

#include <stdbool.h>
#include <stdint.h>

#define LOAD_LUNS_MAX	  4
#define LOAD_SESSIONS_MAX 16
#define LOAD_PATIENCE_S	  60

struct load_options {
	unsigned port, sessions, depth; /* depth: commands in flight, of each session */
	unsigned luns[LOAD_LUNS_MAX], n_luns;
	uint32_t blocks; /* of 512 bytes, for each session on each LUN; a multiple of 4096 */
	unsigned seed;
	bool may_be_refused; /* connections, for a time */
};

struct load_sums {
	uint64_t writes, reads, fills, unmaps; /* acknowledged */
	uint64_t blocks_checked, blocks_bad;
	uint64_t logins;     /* the first ones too; without those of libiscsi's own */
	uint64_t unanswered; /* changes that a connection's end left so, and that we saw */
	uint64_t settled;    /* of those, read */
	uint64_t attentions; /* unit attentions */
	uint64_t errors;
	unsigned longest_ms;	     /* without an answer to any session */
	unsigned longest_session_ms; /* to one session */
};

struct load;

/* Logs in all sessions and lets them work. */
struct load *load_start(const struct load_options *o);
/* So many more commands are acknowledged, of each session. */
void load_wait(struct load *l, unsigned commands);
/* All is acknowledged and nothing is sent until load_go(). Sessions stay, and come back if cut. */
void load_rest(struct load *l);
void load_go(struct load *l);
/* load_rest(), and every block is read and compared. */
void load_look(struct load *l);
/* So far. */
void load_sum(const struct load *l, struct load_sums *sums);
/* Prints them as a line of TAP's comments. */
void load_tell(const struct load *l, const char *what);
/* What was wrong first, or NULL. */
const char *load_wrong(const struct load *l);
/* Nothing was wrong, or the test fails. */
void load_check_well(const struct load *l);
/* Ends without looking, whatever was wrong; `logout`: sessions say good bye. Frees it. */
void load_end(struct load *l, bool logout);

#endif
