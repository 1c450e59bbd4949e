// SPDX-License-Identifier: MIT
/*
 * test_store_kill.c - a process that works on a store is killed; the next finds all it was told is
 * done, and nothing leaks.
 *
 * The child writes down in shared memory what it is about to do, and that it was done. What was
 * done must be there; what was begun may be there, in part or not at all. Once at each fail point
 * (tbl/fail_points.def), where the build has them, and many times at random.
 *
 * MEMTGT_KILL_ROUNDS: how often at random.
 */
#include "test_kept.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fail_point.h"
#include "base/log.h"

#define LUNS	6u
#define PAGES	12u /* of a LUN, at most, and a part */
#define UNIT	((uint64_t)16384)
#define UNITS	(PAGES * PAGE / UNIT)
#define POOL	48u /* less than all LUNs could take */
#define WORKERS 3u  /* who use data; one more changes LUNs */
#define READERS (WORKERS + 1)
#define ROUNDS	40u

/* ---- what is known of each LUN, by whoever looks ---- */

enum life { NONE, COMING, THERE, LEAVING };
struct known {
	_Atomic enum life life;
	_Atomic uint64_t bytes, bytes_next; /* next: 0, or what it is about to have */
	_Atomic unsigned label, label_next;
	_Atomic bool full, used;
	_Atomic uint8_t is[UNITS];
	_Atomic uint16_t next[UNITS]; /* 0, or 1 + what it is about to be */
};
struct shared {
	struct known luns[LUNS];
	_Atomic unsigned settings, settings_next;
	_Atomic uint64_t random; /* a seed for each child */
	_Atomic unsigned working, ops[8];
};
static struct shared *sh;
static struct store_files kept;

/* ---- the child ---- */

static struct store *s;
static struct store_lun *lun[LUNS];
static pthread_rwlock_t using[LUNS]; /* held for writing by who changes the LUN */
static pthread_mutex_t busy[LUNS][PAGES + 1];
static bool filler;

struct worker {
	struct store_reader *r;
	uint64_t random;
	uint8_t *buf;
};

enum op { WRITE, FILL, UNMAP, ANCHOR, CREATE, REMOVE, RESIZE, LABEL };

static uint64_t draw(struct worker *w, uint64_t below)
{
	w->random = w->random * 6364136223846793005u + 1442695040888963407u;
	return (w->random >> 33) % below;
}

static void must(bool ok)
{
	if (!ok)
		_exit(3);
}

static uint64_t units_of(unsigned i)
{
	return (sh->luns[i].bytes + UNIT - 1) / UNIT;
}

/* A page is not at hand: the filler's turn. */
static void rest(struct worker *w)
{
	const struct timespec pause = {.tv_nsec = 100000};

	store_reader_quiet(w->r);
	if (filler)
		nanosleep(&pause, NULL);
	else
		filler_run(s);
}

static int64_t once(struct worker *w, unsigned i, enum op op, uint64_t off, uint64_t n, uint8_t v)
{
	switch (op) {
	case WRITE:
		memset(w->buf, v, n);
		return store_write(w->r, lun[i], off, w->buf, n);
	case FILL:
		memset(w->buf, v, 512);
		return store_fill(w->r, lun[i], off, n, w->buf, 512);
	case ANCHOR:
		return store_anchor(w->r, lun[i], off, n);
	default:
		return (int64_t)store_unmap(w->r, lun[i], off, n);
	}
}

/* [unit, unit+n), whose pages are locked, become v. What the pool has no page for stays as it is.
 */
static void data(struct worker *w, unsigned i, enum op op, uint64_t unit, uint64_t n, uint8_t v)
{
	struct known *k = &sh->luns[i];
	uint64_t off = unit * UNIT, end = (unit + n) * UNIT;
	int64_t got = 0;

	if (end > k->bytes)
		end = k->bytes;
	for (uint64_t u = unit; u < unit + n; u++)
		k->next[u] = (uint16_t)(1 + v);
	for (unsigned tries = 0; off < end && tries < 50; tries++) {
		got = once(w, i, op, off, end - off, v);
		if (got > 0)
			off += (uint64_t)got;
		else
			rest(w);
		must(got > 0 || got == -EAGAIN || got == -ENOSPC);
	}
	for (uint64_t u = unit; u < unit + n; u++) {
		must(u * UNIT >= off || (u + 1) * UNIT <= off || off == end);
		if (u * UNIT < off)
			k->is[u] = v;
		k->next[u] = 0;
	}
	if (op <= FILL && got > 0)
		k->used = true;
	sh->ops[op]++;
	store_reader_quiet(w->r);
}

static void work_on(struct worker *w, unsigned i, enum op op)
{
	const uint64_t units = units_of(i), per_page = PAGE / UNIT;
	uint64_t unit = draw(w, units), n = 1 + draw(w, draw(w, 3) ? 8 : 2 * per_page);

	if (draw(w, 3) == 0) {
		unit -= unit % per_page;
		n = per_page * (1 + draw(w, 2));
	}
	if (n > units - unit)
		n = units - unit;
	const uint64_t first = unit / per_page, last = (unit + n - 1) / per_page;
	const uint8_t v = op <= FILL ? (uint8_t)draw(w, 256) : 0;

	for (uint64_t p = first; p <= last; p++)
		pthread_mutex_lock(&busy[i][p]);
	data(w, i, op, unit, n, v);
	for (uint64_t p = first; p <= last; p++)
		pthread_mutex_unlock(&busy[i][p]);
}

/* ---- LUNs ---- */

static void put_label(unsigned i, unsigned version, uint8_t text[100])
{
	memset(text, (int)(version & 0xff), 100);
	text[0] = (uint8_t)i;
	memcpy(text + 1, &version, sizeof(version));
}

static void create(struct worker *w, unsigned i, uint64_t bytes, bool full)
{
	struct known *k = &sh->luns[i];
	const unsigned version = k->label + 1;
	uint8_t text[100];
	char why[512];

	put_label(i, version, text);
	k->bytes = bytes;
	k->bytes_next = 0;
	k->label = k->label_next = version;
	k->full = full;
	k->used = false;
	for (uint64_t u = 0; u < UNITS; u++) {
		k->next[u] = 0;
		k->is[u] = 0;
	}
	k->life = COMING;
	store_reader_offline(w->r);
	const struct store_label label = {text, sizeof(text)};
	int rc = store_lun_create(s, bytes, full ? STORE_FULL : STORE_THIN, &label, NULL, NULL,
				  &lun[i], why, sizeof(why));
	store_reader_online(w->r);
	must(!rc || rc == -ENOSPC);
	k->life = rc ? NONE : THERE;
	sh->ops[CREATE]++;
}

static void destroy(struct worker *w, unsigned i)
{
	sh->luns[i].life = LEAVING;
	store_lun_destroy_live(w->r, lun[i]);
	lun[i] = NULL;
	sh->luns[i].life = NONE;
	sh->ops[REMOVE]++;
}

/* What is cut off reads as zeroes when it comes back. */
static void cut_known(struct known *k, uint64_t bytes)
{
	for (uint64_t u = (bytes + UNIT - 1) / UNIT; u < UNITS; u++) {
		k->next[u] = 0;
		k->is[u] = 0;
	}
}

static void resize(struct worker *w, unsigned i, uint64_t bytes)
{
	struct known *k = &sh->luns[i];
	char why[512];

	/* A unit is all the same, also when the rest of it comes. */
	if (k->bytes % UNIT)
		data(w, i, UNMAP, k->bytes / UNIT, 1, 0);
	k->bytes_next = bytes;
	int rc = store_lun_resize(w->r, lun[i], bytes, true, why, sizeof(why));
	must(!rc || rc == -ENOSPC);
	if (!rc) {
		if (bytes < k->bytes)
			cut_known(k, bytes);
		k->bytes = bytes;
	}
	k->bytes_next = 0;
	sh->ops[RESIZE]++;
}

static void relabel(unsigned i)
{
	struct known *k = &sh->luns[i];
	uint8_t text[100];

	k->label_next = k->label + 1;
	put_label(i, k->label_next, text);
	must(store_lun_set_label(lun[i], text, sizeof(text)) == 0);
	k->label = k->label_next;
	sh->ops[LABEL]++;
}

static void set_settings(void)
{
	unsigned to = sh->settings + 1;

	sh->settings_next = to;
	must(store_set_settings(s, &to, sizeof(to)) == 0);
	sh->settings = to;
}

static void change_one(struct worker *w)
{
	const unsigned i = (unsigned)draw(w, LUNS), what = (unsigned)draw(w, 8);
	const uint64_t bytes = (1 + draw(w, PAGES * PAGE / 512 - 1)) * 512;

	/* Others wait for pages that only this reader holds back. */
	while (pthread_rwlock_trywrlock(&using[i]))
		rest(w);
	if (!lun[i])
		create(w, i, bytes, what < 2);
	else if (what == 0)
		destroy(w, i);
	else if (what < 4)
		resize(w, i, bytes);
	else
		relabel(i);
	if (what == 7)
		set_settings();
	pthread_rwlock_unlock(&using[i]);
	store_reader_quiet(w->r);
}

static void use_one(struct worker *w)
{
	const unsigned i = (unsigned)draw(w, LUNS), what = (unsigned)draw(w, 10);

	if (pthread_rwlock_tryrdlock(&using[i])) {
		rest(w);
		return;
	}
	if (lun[i])
		work_on(w, i, what < 5 ? WRITE : what < 7 ? FILL : what < 9 ? UNMAP : ANCHOR);
	pthread_rwlock_unlock(&using[i]);
	store_reader_quiet(w->r);
}

/* ---- its life ---- */

static unsigned lun_of(const struct store_kept *k)
{
	must(k->label_len == 100 && k->label[0] < LUNS);
	return k->label[0];
}

/* What was begun and is not there is done or not, from now on. */
static void settle_known(void)
{
	for (unsigned i = 0; i < LUNS; i++) {
		struct known *k = &sh->luns[i];

		if (!lun[i]) {
			k->life = NONE;
			continue;
		}
		k->life = THERE;
		if (store_lun_bytes(lun[i]) < k->bytes)
			cut_known(k, store_lun_bytes(lun[i]));
		k->bytes = store_lun_bytes(lun[i]);
		k->bytes_next = 0;
		k->used = store_lun_used(lun[i]);
	}
}

static void start(bool with_filler)
{
	struct store_options o = kept_options(NULL, POOL, READERS);
	struct store_kept *list;
	char why[512];
	size_t n;

	o.no_filler = !with_filler;
	filler = with_filler;
	must(open_kept(&s, &kept, o, why, sizeof(why)) == 0);
	must(store_kept_list(s, &list, &n) == 0 && n <= LUNS);
	for (unsigned i = 0; i < LUNS; i++)
		lun[i] = NULL;
	for (size_t i = 0; i < n; i++) {
		const unsigned id = lun_of(&list[i]);

		must(!lun[id]);
		must(store_lun_adopt(s, list[i].slot, &lun[id], why, sizeof(why)) == 0);
	}
	free(list);
}

static struct worker worker(unsigned i)
{
	struct worker w = {.r = store_reader(s, i), .random = sh->random + i};

	w.buf = malloc(PAGES * PAGE);
	must(w.buf != NULL);
	return w;
}

static void *use(void *arg)
{
	struct worker w = worker((unsigned)(uintptr_t)arg);

	for (;;)
		use_one(&w);
	return NULL;
}

static void init_locks(void)
{
	for (unsigned i = 0; i < LUNS; i++) {
		pthread_rwlock_init(&using[i], NULL);
		for (unsigned p = 0; p <= PAGES; p++)
			pthread_mutex_init(&busy[i][p], NULL);
	}
}

/* Until it is killed. */
static void live(void)
{
	pthread_t thread;

	init_locks();
	start(true);
	for (uintptr_t i = 0; i < WORKERS; i++)
		must(!pthread_create(&thread, NULL, use, (void *)i));
	struct worker w = worker(WORKERS);
	for (sh->working = 1;; sh->working++)
		change_one(&w);
}

/* ---- the next process: this one ---- */

static unsigned begun, torn; /* units */

static void expect_byte(const uint8_t *p, uint64_t n, uint8_t is, unsigned next)
{
	for (uint64_t b = 0; b < n; b++)
		if (p[b] != is && p[b] + 1u != next)
			ck_abort_msg("%u, where it was %u, and was to become %u - 1", p[b], is,
				     next);
}

static bool is_all(const uint8_t *p, uint64_t n, uint8_t v)
{
	return p[0] == v && !memcmp(p, p + 1, n - 1);
}

/* What was begun is one or the other from now on, or made so. */
static void expect_unit(struct store_reader *r, struct store_lun *l, struct known *k, uint64_t u)
{
	const uint64_t off = u * UNIT, rest = store_lun_bytes(l) - off,
		       n = rest < UNIT ? rest : UNIT;
	uint8_t zero[UNIT] = {0};
	size_t have;
	const uint8_t *p = store_at(l, off, n, &have);

	ck_assert_uint_eq(have, n);
	if (!k->next[u]) {
		if (!is_all(p, n, k->is[u]))
			expect_byte(p, n, k->is[u], 0);
		return;
	}
	expect_byte(p, n, k->is[u], k->next[u]);
	begun++;
	k->next[u] = 0;
	if (!is_all(p, n, p[0])) {
		torn++;
		ck_assert_int_eq(store_write(r, l, off, zero, n), (int64_t)n);
	}
	k->is[u] = p[0];
}

static void expect_data(struct store_reader *r, struct store_lun *l, struct known *k)
{
	for (uint64_t u = 0; u * UNIT < store_lun_bytes(l); u++)
		expect_unit(r, l, k, u);
}

static void expect_label(const struct store_lun *l, unsigned i, const struct known *k)
{
	uint8_t text[STORE_LABEL_MAX], old[100], new[100];

	ck_assert_uint_eq(store_lun_label(l, text), 100);
	put_label(i, k->label, old);
	put_label(i, k->label_next, new);
	ck_assert(!memcmp(text, old, 100) || !memcmp(text, new, 100));
}

static void expect_lun(struct store_reader *r, unsigned i)
{
	struct known *k = &sh->luns[i];
	struct store_lun *l = lun[i];

	if (!l) {
		ck_assert_msg(k->life != THERE, "LUN %u is lost", i);
		return;
	}
	ck_assert_msg(k->life != NONE, "LUN %u came back", i);
	ck_assert_int_eq(store_lun_state(l), STORE_KEPT_WHOLE);
	ck_assert_int_eq(store_lun_provisioning(l), k->full ? STORE_FULL : STORE_THIN);
	ck_assert(store_lun_bytes(l) == k->bytes || store_lun_bytes(l) == k->bytes_next);
	ck_assert(store_lun_used(l) || !k->used);
	expect_label(l, i, k);
	expect_data(r, l, k);
}

static void expect_settings(void)
{
	uint8_t bytes[STORE_SETTINGS_MAX];
	unsigned is = 0;
	size_t n = store_settings(s, bytes);

	ck_assert(n == 0 || n == sizeof(is));
	memcpy(&is, bytes, n);
	ck_assert(is == sh->settings || is == sh->settings_next);
	sh->settings = sh->settings_next = is;
}

/* Returns the pages that are used. */
static uint64_t look(void)
{
	struct store_lun *there[LUNS];
	uint64_t lent = 0;
	size_t n = 0;

	start(false);
	struct store_reader *r = store_reader(s, 0);
	for (unsigned i = 0; i < LUNS; i++)
		if (lun[i]) {
			there[n++] = lun[i];
			lent += pages_of(store_lun_bytes(lun[i]));
		}
	uint64_t pages = expect_no_leak(s, there, n);
	ck_assert_uint_eq(stats_of(s).pages_lent, lent);
	for (unsigned i = 0; i < LUNS; i++)
		expect_lun(r, i);
	expect_settings();
	settle_known();
	store_reader_offline(r);
	for (size_t i = 0; i < n; i++)
		store_lun_leave(there[i]);
	store_leave(s);
	return pages;
}

static void begin(int kind)
{
	sh = mmap(NULL, sizeof(*sh), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	ck_assert_ptr_ne(sh, MAP_FAILED);
	s = open_store(kind, POOL, READERS);
	kept = keep_files(s);
	store_leave(s);
}

static void end(void)
{
	drop_files(&kept);
	munmap(sh, sizeof(*sh));
}

/* ---- at random ---- */

static void nap(uint64_t us)
{
	const struct timespec t = clock_timespec(us * NS_PER_US);

	nanosleep(&t, NULL);
}

/* On a busy host the rounds may be over before much was done. */
static bool met_all(void)
{
	for (enum op op = WRITE; op <= LABEL; op++)
		if (!sh->ops[op])
			return false;
	return true;
}

START_TEST(killed_at_random)
{
	const char *text = getenv("MEMTGT_KILL_ROUNDS");
	const unsigned rounds = text ? (unsigned)strtoul(text, NULL, 10) : ROUNDS;
	struct worker chance = {.random = (uint64_t)getpid()};
	uint64_t pages = 0;

	begin(_i);
	for (unsigned i = 0; i < rounds || (!met_all() && i < 20 * rounds); i++) {
		int status;

		sh->random = chance.random;
		sh->working = 0;
		fflush(stdout);
		pid_t pid = fork();
		if (!pid)
			live();
		/* Now and then before it has begun. */
		const unsigned much = draw(&chance, 8) ? 1 + (unsigned)draw(&chance, 20) : 0;
		for (unsigned k = 0; k < 10000 && sh->working < much; k++)
			nap(1000);
		nap(draw(&chance, 60000));
		kill(pid, SIGKILL);
		ck_assert_int_eq(waitpid(pid, &status, 0), pid);
		ck_assert_msg(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL,
			      "it ended by itself: %x", (unsigned)status);
		pages += look();
	}
	printf("# %u rounds: %u writes, %u fills, %u unmaps, %u anchors, %u LUNs made, %u removed, "
	       "%u resized, %u labelled; %llu pages found, %u units begun, %u of them torn\n",
	       rounds, sh->ops[WRITE], sh->ops[FILL], sh->ops[UNMAP], sh->ops[ANCHOR],
	       sh->ops[CREATE], sh->ops[REMOVE], sh->ops[RESIZE], sh->ops[LABEL],
	       (unsigned long long)pages, begun, torn);
	ck_assert(met_all() && pages);
	end();
}
END_TEST

/* ---- at each fail point ---- */

/* One thread, so ThreadSanitizer has nothing to look for, and takes its time. */
#if defined(FAIL_POINTS) && !defined(__SANITIZE_THREAD__)
#define AT_EACH_POINT 1
/* clang-format off */
static const enum fail_point of_the_store[] = {
#define STORE_FAIL_AT(id, text) FAIL_AT_##id,
#define FAIL_AT(id, text)
#include "tbl/fail_points.def"
};
/* clang-format on */

/* All that a store does, by one thread. */
static void do_all(void)
{
	const uint64_t page = PAGE / UNIT;

	start(false);
	struct worker w = worker(0);
	for (unsigned i = 0; i < LUNS; i++)
		if (lun[i])
			destroy(&w, i);
	create(&w, 0, 4 * PAGE + 512, false);
	create(&w, 1, 3 * PAGE - 512, true);
	filler_run(s);
	data(&w, 0, WRITE, 0, 3 * page, 1);
	data(&w, 0, FILL, page, page, 2);
	data(&w, 0, WRITE, 4 * page, 1, 3);
	data(&w, 1, WRITE, 0, 5, 4);
	data(&w, 0, UNMAP, 0, page, 0);
	data(&w, 0, UNMAP, page + 1, 2, 0);
	data(&w, 0, ANCHOR, 2 * page, 2 * page, 0);
	data(&w, 0, WRITE, 2 * page, 2 * page, 5);
	data(&w, 1, UNMAP, 0, 3 * page, 0);
	relabel(0);
	set_settings();
	resize(&w, 0, 10 * PAGE);
	data(&w, 0, WRITE, 0, 10 * page, 6);
	resize(&w, 0, 2 * PAGE + 1024);
	resize(&w, 1, 4 * PAGE);
	data(&w, 1, WRITE, 0, 4 * page, 7);
	resize(&w, 1, PAGE + 512);
	create(&w, 2, 5 * PAGE, false);
	filler_run(s);
	store_set_gate(s, STORE_GATE_LEAN);
	filler_run(s);
	destroy(&w, 1);
}

/* Bytes of a kept record, or entries of a table, as they would be after some damage. */
static void spoil(uint32_t place, unsigned copy)
{
	off_t at = (off_t)place * RECORD_BYTES + copy * RECORDS_COPY + 100;

	ck_assert_int_eq(pwrite(kept.records, "\xff", 1, at), 1);
}

/* Begins at what a process may leave; `damage`, and at what else may have happened. */
static void prepare(bool damage)
{
	struct worker w;

	start(false);
	w = worker(0);
	for (unsigned i = 0; i < LUNS; i++)
		if (lun[i])
			destroy(&w, i);
	for (unsigned i = 0; i < 4; i++) {
		create(&w, i, 3 * PAGE, false);
		filler_run(s);
		data(&w, i, WRITE, 0, 3 * PAGE / UNIT, (uint8_t)(10 + i));
	}
	const unsigned slot = lun[3]->table.slot;
	/* One that is half gone, and one that was cut. */
	ck_assert_int_eq(lun_record_state(lun[0], RECORD_GOING), 0);
	ck_assert_int_eq(lun_record_bytes(lun[1], PAGE + 512), 0);
	ck_assert(lun_page_anchor(lun[2], 1, lun[2]->table.entry[1]));
	for (unsigned i = 0; i < 4; i++)
		store_lun_leave(lun[i]);
	store_reader_offline(w.r);
	store_leave(s);
	free(w.buf);
	spoil(slot + 1, 0);
	if (damage) {
		spoil(slot + 1, 1);
		spoil(0, 0);
		spoil(0, 1);
	}
}

/* The damaged ones, too, are found in the same way, however often it was tried. */
static void look_at_prepared(bool damage)
{
	struct store_kept *list;
	uint64_t pages = 0;
	size_t n;

	s = adopt_store(&kept, POOL, READERS);
	ck_assert_int_eq(store_kept_list(s, &list, &n), 0);
	ck_assert_uint_eq(n, 3);
	for (size_t i = 0; i < n; i++) {
		struct store_lun *l = adopt_lun(s, list[i].slot);
		const uint64_t bytes = store_lun_bytes(l);
		size_t have;
		const uint8_t v = *store_at(l, 0, 1, &have);

		ck_assert_int_eq(list[i].state, damage ? STORE_KEPT_HELD : STORE_KEPT_WHOLE);
		ck_assert(v > 10 && v < 14);
		ck_assert_uint_eq(bytes, v == 11 ? PAGE + 512 : 3 * PAGE);
		expect(l, 0, bytes, v);
		pages += list[i].pages;
		store_lun_leave(l);
	}
	free(list);
	ck_assert_uint_eq(pages, 8);
	ck_assert_uint_eq(stats_of(s).host_bytes, pages * PAGE);
	store_leave(s);
}

/* Kills a child at the nth time that it comes there. False: it never did. */
static bool kill_at(enum fail_point p, unsigned nth, void (*work)(void))
{
	char where[100];
	int status;

	snprintf(where, sizeof(where), "%s:%u", fail_point_name(p), nth);
	fflush(stdout);
	pid_t pid = fork();
	if (!pid) {
		must(fail_point_arm(where) == 0);
		work();
		_exit(0);
	}
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_msg(WIFSIGNALED(status) ? WTERMSIG(status) == SIGKILL : WEXITSTATUS(status) == 0,
		      "%s: it ended by itself: %x", where, (unsigned)status);
	return WIFSIGNALED(status);
}

static void remove_all(void)
{
	struct store_kept *list;
	uint8_t bytes[STORE_SETTINGS_MAX];
	size_t n;

	s = adopt_store(&kept, POOL, READERS);
	ck_assert_int_eq(store_kept_list(s, &list, &n), 0);
	for (size_t i = 0; i < n; i++)
		store_lun_destroy(adopt_lun(s, list[i].slot));
	free(list);
	for (unsigned i = 0; i < LUNS; i++)
		sh->luns[i].life = NONE;
	unsigned is = 0;
	memcpy(&is, bytes, store_settings(s, bytes));
	sh->settings = sh->settings_next = is;
	store_leave(s);
}

static void only_adopt(void)
{
	s = adopt_store(&kept, POOL, READERS);
}

/* Each of the first times, and then some. Returns how many. */
static unsigned kill_at_all(enum fail_point p)
{
	unsigned hits = 0;

	for (unsigned nth = 1; kill_at(p, nth, do_all); nth += 1 + nth / 2) {
		hits++;
		look();
	}
	look();
	for (unsigned damage = 0; damage < 2; damage++) {
		for (unsigned nth = 1, hit = 1; hit; nth++) {
			prepare(damage);
			hit = kill_at(p, nth, only_adopt);
			hits += hit;
			look_at_prepared(damage);
			remove_all();
		}
	}
	return hits;
}
#endif

START_TEST(killed_at_each_point)
{
#ifdef AT_EACH_POINT
	unsigned points = 0, hits = 0;

	begin(_i);
	for (; points < sizeof(of_the_store) / sizeof(of_the_store[0]); points++) {
		const enum fail_point p = of_the_store[points];
		const unsigned n = kill_at_all(p);
		printf("# %s: %u\n", fail_point_name(p), n);
		ck_assert_msg(n > 0, "%s was never reached", fail_point_name(p));
		hits += n;
	}
	printf("# %u points, killed there %u times\n", points, hits);
	ck_assert_uint_gt(points, 0);
	end();
#else
	(void)_i;
	test_skip("fail points are built only with --enable-sanitize=address");
#endif
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("store_kill");
	TCase *tc = tcase_create("kill");

	log_set_level(LOG_LEVEL_WARNING);
	tcase_set_timeout(tc, 240);
	tcase_add_loop_test(tc, killed_at_random, KINDS_FROM, KINDS_TO);
	tcase_add_loop_test(tc, killed_at_each_point, KINDS_FROM, KINDS_TO);
	suite_add_tcase(suite, tc);
	return test_main(suite);
}
