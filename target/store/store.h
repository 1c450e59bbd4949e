/* SPDX-License-Identifier: MIT */
/*
 * store.h - the memory behind the LUNs: a pool of 2 MiB pages, and one page table per LUN.
 *
 * A LUN is a table of 32-bit page numbers; 0 means "never written", which reads as zeroes and
 * holds no memory. The table is the truth at every instant: a page joins it by one aligned store
 * after it is zero, and leaves by one exchange. A page that no table names is never touched (an
 * access to a hole of the memfd would silently allocate, or raise SIGBUS).
 *
 * Readers. Every thread that touches pages is a reader. It calls store_reader_quiet() between
 * turns of its loop, holding no pointer into a page except those it pinned (a send that is under
 * way). A page taken out of a table is retired: it returns to the host only after every reader has
 * been quiet and has released the pins it held then.
 */
#ifndef MEMTGT_STORE_H
#define MEMTGT_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define STORE_PAGE_SHIFT 21
#define STORE_PAGE_SIZE	 ((size_t)1 << STORE_PAGE_SHIFT)
#define STORE_LUN_MAX	 ((uint64_t)1 << 46) /* 64 TiB */
/* Work of one call of the functions that take slices: about a millisecond. */
#define STORE_SLICE_BYTES ((uint64_t)4 << 20)
#define STORE_SLICE_PAGES 256u

struct store;
struct store_lun;
struct store_reader;

/* Formats of kept memory that store_open() reads; it writes the newest. From 2 on there are intents
 * (store/intent.h), which whoever has the memory next must do. */
#define STORE_FORMAT_OLDEST 1u
#define STORE_FORMAT_NEWEST 2u
#define STORE_LABEL_MAX	    1024u
#define STORE_SETTINGS_MAX  1024u
#define STORE_NOTE_MAX	    ((256u << 10) - 32u)

enum store_kind { STORE_AUTO, STORE_HUGE, STORE_PLAIN };
enum store_provisioning { STORE_FULL, STORE_THIN };

/*
 * What the host can bear: OPEN, all; LEAN, nothing is kept at hand, and pages are got one by one as
 * they are needed; SHUT, none at all: what needs one is answered with -ENOSPC at once, while pages
 * that are there, anchored ones too, are written as ever.
 */
enum store_gate { STORE_GATE_OPEN, STORE_GATE_LEAN, STORE_GATE_SHUT };

/* Descriptors of what outlives the process; -1: none. */
struct store_files {
	int pool, tables, records;
};

struct store_options {
	enum store_kind
		kind;	     /* AUTO: hugepages if the host has enough for full_bytes, else plain */
	uint64_t full_bytes; /* sum of the full LUNs, each rounded up to pages */
	uint64_t ceiling;    /* bytes of the pool; at least full_bytes */
	uint64_t headroom;   /* memory that stays with the host (plain pages: MemAvailable never
				falls below it by our doing) */
	uint64_t numa_nodes; /* bit per node, 0: any */
	unsigned overcommit_percent;	 /* sizes of all LUNs, of the ceiling; 0: no limit */
	unsigned soft_threshold_percent; /* see store_on_threshold(); 0: off */
	uint64_t reserve; /* bytes of zeroed pages to keep at hand at most, 0: by demand */
	unsigned readers; /* reactors, and whoever else touches pages */
	bool no_filler;	  /* tests do its work: store/reserve.h */
	/* What an earlier process left, to go on with; NULL, or all -1: made anew. Then the files
	 * say what kind of pages there are, and the ceiling is at least what they hold. */
	const struct store_files *kept;
};

/*
 * One moment's numbers: pages_used, pages_reserve, pages_coming, pages_free and pages_aside add up
 * to pages_max, and the first three to pages_floor and pages_elastic. What others do with hugepages
 * moves pages between these two: the kernel keeps surplus pages by number, not by owner.
 */
struct store_stats {
	enum store_kind kind; /* STORE_HUGE or STORE_PLAIN */
	uint64_t page_size;
	uint64_t pages_max;	   /* ceiling */
	uint64_t pages_used;	   /* named by tables */
	uint64_t pages_anchored;   /* of those that are used: zeroed, and not written since */
	uint64_t pages_reserve;	   /* zeroed, for the next who need one */
	uint64_t pages_coming;	   /* on their way: being made, retired, being given back */
	uint64_t pages_free;	   /* no memory behind them */
	uint64_t pages_retired;	   /* of those that are coming: taken out, not yet given back */
	uint64_t pages_aside;	   /* their memory failed, and nobody gets them any more */
	uint64_t pages_poisoned;   /* all whose memory failed, also used ones, as far as is known */
	uint64_t pages_floor;	   /* static hugepages: given back, they are no free memory */
	uint64_t pages_elastic;	   /* surplus hugepages, or plain: return to the host */
	uint64_t pages_lent;	   /* what all LUNs would take if they were full */
	unsigned lent_percent;	   /* the same, of pages_max: above 100 is over-commit */
	uint64_t pages_lent_max;   /* the limit of pages_lent; 0: there is none */
	uint64_t pages_available;  /* that writes could still get: of the pool, and of the host */
	uint64_t pages_soft;	   /* where store_on_threshold() is called; 0: nowhere just now */
	uint64_t host_bytes;	   /* what the host spends on the pool just now */
	uint64_t host_available;   /* bytes: MemAvailable */
	uint64_t returnable;	   /* bytes it would have back if all LUNs were unmapped */
	uint64_t host_static;	   /* hugepages of vm.nr_hugepages, anybody's */
	uint64_t host_surplus_max; /* vm.nr_overcommit_hugepages */
	uint64_t misses;	   /* times that a reader found no page at hand */
	uint64_t waits;		   /* times that those who waited were woken */
};

/*
 * 0 or -errno; then `why` holds a sentence for the operator that says what to do. `kept` belongs to
 * the store on success, and stays the caller's else. -EBUSY: another process uses it (waited for
 * some seconds, since one that dies needs them); -EPROTONOSUPPORT: it is of a newer format;
 * -EINVAL: options, or files that are none of ours.
 */
int store_open(struct store **out, const struct store_options *o, char *why, size_t why_len)
	__attribute__((warn_unused_result));
/* All LUNs destroyed (but for kept ones that nobody took), all readers gone. */
void store_close(struct store *s);
/*
 * In its place: the threads stop, nothing is given back, the store's descriptors are closed and its
 * lock is gone. Whoever has duplicates of the files finds all in them. Readers are gone, and LUNs
 * were left by store_lun_leave(), which frees the handle and nothing else.
 */
void store_leave(struct store *s);
void store_lun_leave(struct store_lun *l);
/*
 * The store's own descriptors, to be given to a keeper, or to be duplicated for an exec. Closing
 * any descriptor of `records` in this process gives up the store's lock (fcntl(2)), so duplicates
 * are closed by exec, or after store_leave().
 */
void store_get_files(const struct store *s, struct store_files *out);
/* Was the memory kept by an earlier process? */
bool store_is_kept(const struct store *s);
/* Bytes of the caller's that are kept with the store. 0, -EINVAL (more than STORE_SETTINGS_MAX), or
 * -errno, with nothing changed. The other returns their number, 0 at first. */
int store_set_settings(struct store *s, const void *p, size_t n)
	__attribute__((warn_unused_result));
size_t store_settings(struct store *s, uint8_t out[static STORE_SETTINGS_MAX]);
/* Before readers are stopped: from now on nobody is woken because there are pages. */
void store_stop_filling(struct store *s);
void store_get_stats(struct store *s, struct store_stats *out);
/*
 * Another ceiling, of whole pages, while all goes on; from any thread that is no reader online.
 * pages_max, the reserve, the threshold and the limit of what may be lent follow. -EINVAL: more
 * than the host had memory at the start; -EBUSY: less than LUNs have or were promised: `why` says
 * what to do. 0: `why` says what the host does not give just now, if it is not empty.
 */
int store_set_ceiling(struct store *s, uint64_t bytes, char *why, size_t why_len)
	__attribute__((warn_unused_result));
/* For the log: what the memory is, and how much of it returns to the host. */
void store_stats_text(const struct store_stats *st, char *text, size_t len);
/* What to set if nothing would return to the host, or if it has fewer hugepages than the pool may
 * want. False: neither. */
bool store_stats_advice(const struct store_stats *st, char *text, size_t len);

/* Bytes of the caller's that are kept with a LUN: who it is. */
struct store_label {
	const void *p;
	size_t n; /* up to STORE_LABEL_MAX */
};

/*
 * A LUN of `bytes` (any multiple of 512, up to STORE_LUN_MAX). A full one has all its pages,
 * zeroed and mapped, when this returns; `progress` (may be NULL) is called now and then with pages
 * done and wanted. `label` may be NULL: empty. The LUN outlives the process from when this returns.
 * 0, -ENOSPC (`why` says what to do), -EINVAL, -ENOMEM, -ECANCELED.
 */
int store_lun_create(struct store *s, uint64_t bytes, enum store_provisioning p,
		     const struct store_label *label,
		     void (*progress)(void *arg, uint64_t done, uint64_t of), void *arg,
		     struct store_lun **out, char *why, size_t why_len)
	__attribute__((warn_unused_result));
/* Full LUNs that are being made or grown, now or later, end with -ECANCELED, soon: the process is
 * to end. From any thread. */
void store_cancel_fills(struct store *s);
/* Another label; the LUN has the old one or this, whenever the process ends. 0, -EINVAL (too long),
 * or -errno with nothing changed. The other returns the length. From any thread. */
int store_lun_set_label(struct store_lun *l, const void *p, size_t n)
	__attribute__((warn_unused_result));
size_t store_lun_label(const struct store_lun *l, uint8_t out[static STORE_LABEL_MAX]);

/*
 * The same of bytes that are many and change often: there are none until they are set. The note is
 * the old one or this, whenever the process ends; the LUN's end is its end. 0, -EINVAL (longer than
 * STORE_NOTE_MAX), or -errno with nothing changed. From any thread; it waits for no disk.
 */
int store_lun_set_note(struct store_lun *l, const void *p, size_t n)
	__attribute__((warn_unused_result));
/* *out is the caller's to free(); NULL: there is none. 0, -ENOMEM, or -EIO: there was one, and it
 * is lost. */
int store_lun_note(struct store_lun *l, uint8_t **out, size_t *n)
	__attribute__((warn_unused_result));

/* What kept memory held. */
enum store_kept_state {
	STORE_KEPT_WHOLE,
	STORE_KEPT_READ_ONLY, /* entries of its table were wrong, so data is lost; store_lost() */
	STORE_KEPT_HELD,      /* its record, or the store's, was lost: not to be served */
};
struct store_kept {
	unsigned slot; /* of the table */
	enum store_kept_state state;
	uint64_t bytes, pages;
	enum store_provisioning provisioning;
	bool used;
	uint8_t label[STORE_LABEL_MAX];
	size_t label_len;
};
/* Those that nobody adopted yet. 0 or -ENOMEM; *out (NULL if there are none) is the caller's to
 * free(). */
int store_kept_list(struct store *s, struct store_kept **out, size_t *n)
	__attribute__((warn_unused_result));
/* Takes a kept LUN over: it is like one that was just created, and removed in the same way. 0, or
 * -ENOENT (`why`). Of one that is HELD, only store_at(), store_state() and the numbers tell
 * something; it is removed as others are. */
int store_lun_adopt(struct store *s, unsigned slot, struct store_lun **out, char *why,
		    size_t why_len) __attribute__((warn_unused_result));
/* The opposite: it is among the kept ones again, as one that was just created may be, too, for
 * whoever comes later. The handle is not used any more. 0 or -ENOMEM, with nothing changed. */
int store_lun_offer(struct store_lun *l) __attribute__((warn_unused_result));
enum store_kept_state store_lun_state(const struct store_lun *l);

/*
 * A LUN is `used` from its first write of data on, and kept so. Before that write is done `first`
 * is called, once, by a reader: it must not block. Who writes data is answered with -EAGAIN until
 * store_lun_set_used() (from any thread; before store_stop_filling() it wakes those who wait, like
 * a page that came). `fn` NULL, as at first: the LUN is used at once. Set before readers run.
 */
void store_on_first_write(struct store *s, void (*first)(void *arg, struct store_lun *l),
			  void *arg);
void store_lun_set_used(struct store_lun *l);
bool store_lun_used(const struct store_lun *l);

/* No reader uses the LUN any more. Its pages return to the host at once. */
void store_lun_destroy(struct store_lun *l);
/* The same while responses point into its pages (pins): nobody calls a function with this LUN any
 * more, and its pages return to the host when the last such response was sent. `r` is the caller's,
 * online; it passes quiet points. */
void store_lun_destroy_live(struct store_reader *r, struct store_lun *l);

/*
 * Another size while readers use the LUN; those that store_lun_create() takes. What is added reads
 * as zeroes; a full LUN has its pages before it has the size. What is cut off is used by no reader
 * from the call on, and its pages return to the host as unmapped ones do; a LUN that holds anything
 * there is refused (-EBUSY) unless `force`. `r` is the caller's, online; it passes quiet points.
 * 0, or -errno with nothing changed, and then `why` says what to do.
 */
int store_lun_resize(struct store_reader *r, struct store_lun *l, uint64_t bytes, bool force,
		     char *why, size_t why_len) __attribute__((warn_unused_result));

uint64_t store_lun_bytes(const struct store_lun *l);
enum store_provisioning store_lun_provisioning(const struct store_lun *l);
uint64_t store_lun_pages(const struct store_lun *l); /* pages its table names */
/* Pages that writes could still get, as far as the pool's size, the gate, and the host's memory and
 * hugepages go now. */
uint64_t store_lun_available(struct store_lun *l);

/*
 * i < options.readers; each index belongs to one thread. A reader is online from the first call on:
 * nothing is freed without it. While its thread does not run yet, or no more, it must be offline,
 * else retired pages wait for it: -EAGAIN for ever. Both are the thread's calls, or made while
 * there is none; a reader that goes offline holds no pin.
 */
struct store_reader *store_reader(struct store *s, unsigned i);
void store_reader_online(struct store_reader *r);
void store_reader_offline(struct store_reader *r);
/*
 * `wake` asks every reader, the caller's own included, to pass a quiet point soon and to try again
 * what was answered with -EAGAIN, also if it is asleep or about to sleep. Called from any thread:
 * once when a grace period begins, when a point is set, when a quiet point left retired pages to be
 * freed by the next, and after an -EAGAIN when there are pages, or when there will be none. Set
 * before readers run.
 */
void store_on_retire(struct store *s, void (*wake)(void *arg), void *arg);

/*
 * `fn` is called by the filler when pages_used has come to soft_threshold_percent of the ceiling,
 * or of what the pool holds and the host could still give, if that is less; only if more was lent
 * than that. Called again after it was below by STORE_SOFT_BACK percent. NULL: nobody.
 */
#define STORE_SOFT_BACK 5u
void store_on_threshold(struct store *s, void (*fn)(void *arg), void *arg);
/* From any thread, for all that is asked for from now on. */
void store_set_gate(struct store *s, enum store_gate g);

/* Once per turn of the loop, with no pointer in hand but those pinned. Frees what may be freed. */
void store_reader_quiet(struct store_reader *r);
/* The reader keeps pointers beyond this turn. Give the result to store_unpin() when they are gone.
 */
unsigned store_pin(struct store_reader *r);
void store_unpin(struct store_reader *r, unsigned pin);

/*
 * A point in time, which others learn of: it has passed when each reader has been quiet since. Then
 * it sees what was done before, and has no pointer in hand that is older, but for those it pinned.
 * `wake` is called; it takes a turn of every reactor's loop. `r` is the caller's.
 */
uint64_t store_point_set(struct store_reader *r);
bool store_point_passed(const struct store_reader *r, uint64_t point);
/* Calls `wake`: what the caller's peers waited for, as for a page, has come. */
void store_wake(const struct store_reader *r);

/*
 * Where the bytes from `off` lie, and how many of the `want` follow there without a gap (never
 * across a page). Holes are a region of zeroes. Good until the reader's next quiet point unless
 * pinned. off + want <= store_lun_bytes().
 */
const uint8_t *store_at(const struct store_lun *l, uint64_t off, size_t want, size_t *have);

/*
 * The bytes of [off, off+len), from the front, that are there; fewer than len: the next one is
 * lost, since the table did not tell where it is, or the memory that held it failed. The first are
 * not to be read: store_at() gives zeroes for them. The others cannot be, as whoever tries finds
 * out: two branches while nobody has.
 */
uint64_t store_readable(const struct store_lun *l, uint64_t off, uint64_t len);
/* Is any byte of it lost? */
bool store_lost(const struct store_lun *l, uint64_t off, uint64_t len);
/* The LUN and the place off have memory that failed: true once for each page, of which [*from,
 * *from + *len) is known here. */
bool store_tell_lost(const struct store_lun *l, uint64_t off, uint64_t *from, uint64_t *len);

/*
 * What store_at() points to is touched by these only, since its memory may fail. All return the
 * bytes from the front that were there, and go on behind what is lost.
 */
/* To `to`, which gets zeroes for what is lost. */
uint64_t store_read(const struct store_lun *l, uint64_t off, void *to, size_t n);
/* The same for what store_at() found before; what is lost is left out. */
size_t store_copy(void *to, const void *from, size_t n);
/* The bytes that agree with `with`; -EIO: the first one is lost. */
int64_t store_agree(const struct store_lun *l, uint64_t off, const void *with, size_t n)
	__attribute__((warn_unused_result));
/* Somebody else could not read [at, at+n), which may be any memory: what has failed of the pool is
 * known from now on. */
void store_look(const void *at, size_t n);

/*
 * Copy in. Bytes in whole blocks, of which each is the old one or the new one if the process ends
 * meanwhile; so of all that changes bytes below. Zeroes into a hole leave the hole. Returns the
 * bytes written, from the front (whole pages' shares only), or -EAGAIN (no page at the moment, or
 * the LUN is not yet marked as used: `wake` will be called after this), -ENOSPC (the pool is full,
 * or the host gives no page), or -EIO (the memory there failed, and only a write of all that the
 * LUN has of a page replaces it), if none could be written.
 */
int64_t store_write(struct store_reader *r, struct store_lun *l, uint64_t off, const void *p,
		    size_t n) __attribute__((warn_unused_result));

/*
 * The same of up to STORE_WHOLE_MAX bytes, of which all are written, or none, also if the process
 * ends meanwhile; but what memory that fails just now holds is lost: then the bytes before that are
 * returned. -ENOSPC as well if the host has no memory for it. The caller has nobody else at the
 * range, and called store_prepare().
 */
#define STORE_WHOLE_MAX ((size_t)1 << 20)
int64_t store_write_whole(struct store_reader *r, struct store_lun *l, uint64_t off, const void *p,
			  size_t n) __attribute__((warn_unused_result));

/*
 * For a write of all or nothing: makes the pages that store_write() of these bytes needs (anchored,
 * so nothing is seen of it), and looks whether their memory is there. 0: that call, in the same
 * turn and with nobody else at the range, does all of it, unless memory fails in between. -EAGAIN,
 * -ENOSPC, -EIO as there; then no byte was written, but pages may have been made.
 */
int store_prepare(struct store_lun *l, uint64_t off, const void *p, size_t n)
	__attribute__((warn_unused_result));

/*
 * Make [off, off+len) read as zeroes: on a thin LUN wholly covered pages leave the table and
 * return to the host, partly covered ones are zeroed; on a full one all are zeroed and kept.
 * One slice: returns the bytes done, >= 1, call again for the rest; or, if none could be, -EIO, or,
 * where memory that failed must be replaced, as store_write().
 */
int64_t store_unmap(struct store_reader *r, struct store_lun *l, uint64_t off, uint64_t len)
	__attribute__((warn_unused_result));

/*
 * Fill [off, off+len) with copies of a block (WRITE SAME); off and len are multiples of
 * block_size. One slice; returns like store_write().
 */
int64_t store_fill(struct store_reader *r, struct store_lun *l, uint64_t off, uint64_t len,
		   const uint8_t *block, size_t block_size) __attribute__((warn_unused_result));

/*
 * Make [off, off+len) read as zeroes, and keep its memory: wholly covered pages of a thin LUN end
 * anchored (there, all zeroes, until they are written), also those that were holes; the rest is
 * zeroed. On a full LUN all is zeroed. One slice; returns like store_write().
 */
int64_t store_anchor(struct store_reader *r, struct store_lun *l, uint64_t off, uint64_t len)
	__attribute__((warn_unused_result));

/*
 * Before a command anchors anything: are there as many pages as all its ranges would take? What is
 * in several of them counts each time. `pages` goes from slice to slice, and is 0 at first; a slice
 * begins with store_check_begin(), which sets the rest, and is over when nothing is left to look
 * at. store_anchor_check() returns the bytes looked at, from the front, which are fewer than `len`
 * only then; or -ENOSPC: by the numbers of just now there are fewer; or -EAGAIN: some are on their
 * way, and the slice is to be begun anew after a wake-up.
 */
struct store_check {
	uint64_t pages;	    /* of the ranges so far */
	uint64_t available; /* see store_lun_available() */
	unsigned looks;	    /* table entries and leaves that this slice may still look at */
};
void store_check_begin(struct store_lun *l, struct store_check *c);
int64_t store_anchor_check(const struct store_lun *l, uint64_t off, uint64_t len,
			   struct store_check *c) __attribute__((warn_unused_result));

/* SBC-3 4.7.3, 5.5.2. A full LUN is mapped everywhere. */
enum store_state { STORE_MAPPED, STORE_DEALLOCATED, STORE_ANCHORED };

/* What lies under `off`; *run: bytes from off, up to `max`, that share the answer (GET LBA STATUS).
 * One slice. */
enum store_state store_state(const struct store_lun *l, uint64_t off, uint64_t max, uint64_t *run);

#endif
