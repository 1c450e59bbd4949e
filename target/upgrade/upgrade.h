/* SPDX-License-Identifier: MIT */
/*
 * upgrade.h - another program takes this process over, with all that LUNs hold.
 *
 * Who asks for it (the control socket) has it checked first, in his own thread: that the program
 * runs, that it reads the format of the memory we have, and that it takes the configuration as it
 * is in its file now. Nothing is disturbed by that. Then the main thread is woken, which ends
 * serving and leaves the memory as it is, as for a restart, and becomes the program by execve(2).
 */
#ifndef MEMTGT_UPGRADE_H
#define MEMTGT_UPGRADE_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct inherit_fd;

#define UPGRADE_PATH	 4096u
#define UPGRADE_LIMIT_MS 5000u /* for each question to the program */

struct upgrade {
	const char *config; /* its file */
	int wake;	    /* an eventfd: readable from when the program was found good */
	unsigned limit_ms;  /* UPGRADE_LIMIT_MS, but for tests */
	bool can_leave;	    /* the memory is such that another program can go on with it */
	char self[UPGRADE_PATH];

	pthread_mutex_t lock; /* of what follows */
	bool is_checking, is_wanted;
	char binary[UPGRADE_PATH]; /* not changed while it is wanted */
};

/* At the start of the process. `config` is borrowed. 0 or -errno. upgrade_close() in any case. */
int upgrade_open(struct upgrade *u, const char *config) __attribute__((warn_unused_result));
void upgrade_close(struct upgrade *u);

/*
 * Is `binary` (NULL: the program that runs, from the path by which it was started) one that could
 * take over? Then it will, and `path` is which. -EINVAL: no, -EBUSY: another upgrade is under way;
 * `why` is a sentence. From any thread but the main one and the reactors. Takes up to twice the
 * limit of time.
 */
int upgrade_ask(struct upgrade *u, const char *binary, char path[static UPGRADE_PATH], char *why,
		size_t why_len) __attribute__((warn_unused_result));

/* In the main thread. From when it is true only that thread changes it. */
bool upgrade_is_wanted(struct upgrade *u);

/* It cannot be done just now: another may be asked for. */
void upgrade_cancel(struct upgrade *u);

/*
 * Becomes the program, with these descriptors. Reactors and all other threads are gone. `kept`:
 * somebody keeps the memory, and starts us again if we end. Returns only if neither the program
 * nor, unless `kept`, the one that runs could be started; each reason is a line in the log.
 * `since`: when serving ended, for the next one's upgrade_past().
 */
void upgrade_exec(struct upgrade *u, struct inherit_fd *fds, size_t n, bool kept, uint64_t since);

/* Who was there before us. */
struct upgrade_past {
	char version[32]; /* "": nobody */
	uint64_t since;	  /* ns: when it ended serving */
};

/* Takes it out of the environment; once, at the start. */
void upgrade_read_past(struct upgrade_past *out);

/* ---- for tests ---- */

/* "OLDEST NEWEST\n" and nothing else. 0 or -EINVAL. */
int upgrade_parse_formats(const char *text, size_t n, unsigned *oldest, unsigned *newest)
	__attribute__((warn_unused_result));
/* By which path was this program started? Or could be now, if its file was replaced. */
int upgrade_self(const char *execfn, const char *exe, char out[static UPGRADE_PATH])
	__attribute__((warn_unused_result));

#endif
