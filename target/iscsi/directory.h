/* SPDX-License-Identifier: MIT */
/*
 * directory.h - which sessions there are, on whichever reactor.
 *
 * A session is known by {InitiatorName, ISID, target, portal group}: RFC 7143 4.4.3. A login for a
 * name that exists ends the old session first (session reinstatement, 6.3.5), wherever it lives,
 * and is answered only when the old one can touch no data any more. When several logins race for
 * one name, the last to enter stays.
 *
 * A directory may be closed (the donor drains): no new names, but a borrower that was there and did
 * not log out may come back, since it has its data here. A lost connection must not cost it that.
 *
 * Sessions are addressed by reactor, slot and connection id, never by pointer: either side may
 * end at any moment.
 */
#ifndef MEMTGT_DIRECTORY_H
#define MEMTGT_DIRECTORY_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/list.h"
#include "memtgt/iscsi_proto.h"

struct conn;
struct reactor;

/* A session's address. */
struct session_ref {
	struct reactor *reactor;
	uint32_t slot, id;
};

struct directory_entry {
	struct list link;
	char initiator[ISCSI_NAME_MAX + 1];
	uint8_t isid[6];
	const void *target; /* identity only */
	uint16_t group;	    /* the portal group tag */
	uint64_t luns[4];   /* bits: which LUs of the target it sees, by their ids */
	uint16_t tsih;
	struct session_ref ref;
	bool waiting; /* for those of the same name to be gone */
	bool is_over; /* it was told to end, or logged out, and counts for no limit */
};

/* Sessions at one time: with the target, and of this initiator with it. 0: no limit. */
struct directory_limits {
	unsigned target, initiator;
};

/* Counts the names that enter a target: who watches sees also those that leave again at once. */
struct directory_watch {
	struct list link;
	const void *target; /* identity only */
	unsigned entered;   /* under the directory's lock */
};

struct directory {
	pthread_mutex_t lock;
	struct list entries, watches;
	uint16_t last_tsih;
	uint64_t tsih_used[65536 / 64];
	bool closed;
	struct list guests; /* who may enter while it is closed */
	/* Posts to a session's reactor; set before the first entry. Called under the lock. */
	void (*end)(struct session_ref who);   /* it is replaced */
	void (*alone)(struct session_ref who); /* it was waiting, and the others are gone */
};

void directory_init(struct directory *d, void (*end)(struct session_ref),
		    void (*alone)(struct session_ref));
void directory_free(struct directory *d);

/* A TSIH that no session has; 0: none is left. */
uint16_t directory_tsih_get(struct directory *d);
void directory_tsih_put(struct directory *d, uint16_t tsih);
bool directory_tsih_exists(struct directory *d, uint16_t tsih);

enum directory_result {
	DIRECTORY_ALONE,	  /* go on */
	DIRECTORY_WAIT,		  /* alone() will be called */
	DIRECTORY_CLOSED,	  /* not entered: it is none of those who may come back */
	DIRECTORY_TARGET_FULL,	  /* not entered: limits.target is reached... */
	DIRECTORY_INITIATOR_FULL, /* ...or limits.initiator */
};
/*
 * Enters `e` (the caller's, all but link, tsih, waiting and is_over filled). Others of the same
 * name are told to end, and whoever takes the place of one is not held up by limits.
 */
enum directory_result directory_enter(struct directory *d, struct directory_entry *e,
				      const struct directory_limits *limits);
/* No new names from now on, but those that are there. 0 or -ENOMEM, and nothing has changed. */
int directory_close(struct directory *d) __attribute__((warn_unused_result));
void directory_open(struct directory *d);
bool directory_is_closed(struct directory *d);
/* How many may come back, or are there still, of those who were when it was closed. */
unsigned directory_guests(struct directory *d);
/* The session, which is in the directory, logs out: it is not coming back. */
void directory_forget(struct directory *d, struct directory_entry *e);
/* Sessions of a target just now, those included that wait or are ending. */
unsigned directory_count(struct directory *d, const void *target);
/* The same, of those that see the LU with this id, from 0 to 255. */
unsigned directory_count_seeing(struct directory *d, const void *target, unsigned id);
/* `w` is the caller's until directory_unwatch(). */
void directory_watch(struct directory *d, struct directory_watch *w, const void *target);
unsigned directory_entered(struct directory *d, const struct directory_watch *w);
void directory_unwatch(struct directory *d, struct directory_watch *w);
/* The session touches nothing any more. */
void directory_leave(struct directory *d, struct directory_entry *e);

#endif
