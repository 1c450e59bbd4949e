// SPDX-License-Identifier: MIT
/*
 * test_store_torn.c - a process is killed while it changes blocks; the next finds each of them as
 * it was or as it was to be, and of a write of all or nothing all or nothing.
 *
 * Two threads do nothing but long writes, fills and zeroings, so most kills come in the middle of a
 * block. Each has a LUN, of which it writes down in shared memory what each block is, and what it
 * is doing. That kills came at bad moments is seen in the pool before anybody adopts it.
 *
 * MEMTGT_KILL_ROUNDS: how often.
 */
#include "test_kept.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "base/fail_point.h"
#include "base/log.h"

#define WORKERS 2u
#define READERS (WORKERS + 1)
#define PAGES	4u /* of a LUN */
#define POOL	24u
#define BLOCK	((uint64_t)512)
#define BLOCKS	(PAGES * PAGE / BLOCK)
#define MOST	((uint64_t)3 << 20) /* bytes of one change */
#define ROUNDS	24u

enum op { WRITE, WHOLE, FILL, UNMAP, ANCHOR, OPS };
static const char *const names[] = {"writes", "writes of all or nothing", "fills", "unmaps",
				    "anchors"};

/* What one thread is doing, and what there is: a block is this word again and again. */
struct work {
	_Atomic uint64_t random;
	_Atomic bool busy;
	_Atomic enum op op;
	_Atomic uint64_t at, n, unit; /* blocks; those of a unit change together */
	_Atomic uint64_t value, next;
	_Atomic uint64_t done[OPS];
	_Atomic uint64_t is[BLOCKS];
};
struct shared {
	struct work work[WORKERS];
	_Atomic unsigned running;
};
static struct shared *sh;
static struct store_files kept;
static unsigned met[OPS], found, mixed;

/* ---- the child ---- */

static struct store *s;
static struct store_lun *lun[WORKERS];

static void must(bool ok)
{
	if (!ok)
		_exit(3);
}

static uint64_t draw(struct work *w, uint64_t below)
{
	w->random = w->random * 6364136223846793005u + 1442695040888963407u;
	return (w->random >> 33) % below;
}

static void adopt_all(bool with_filler)
{
	struct store_options o = kept_options(NULL, POOL, READERS);
	struct store_kept *list;
	char why[512];
	size_t n;

	o.no_filler = !with_filler;
	must(open_kept(&s, &kept, o, why, sizeof(why)) == 0);
	must(store_kept_list(s, &list, &n) == 0 && n == WORKERS);
	for (size_t i = 0; i < n; i++) {
		must(list[i].label_len == 1 && list[i].label[0] < WORKERS);
		must(store_lun_adopt(s, list[i].slot, &lun[list[i].label[0]], why, sizeof(why)) ==
		     0);
	}
	free(list);
}

static void leave_all(void)
{
	for (unsigned i = 0; i < WORKERS; i++)
		store_lun_leave(lun[i]);
	store_leave(s);
}

static int64_t once(struct store_reader *r, unsigned i, const uint8_t *buf, uint64_t off,
		    uint64_t n)
{
	const struct work *w = &sh->work[i];
	const enum op op = w->op;

	switch (op) {
	case WRITE:
		return store_write(r, lun[i], off, buf, n);
	case WHOLE: {
		int rc = store_prepare(lun[i], off, buf, n);
		return rc ? rc : store_write_whole(r, lun[i], off, buf, n);
	}
	case FILL:
		return store_fill(r, lun[i], off, n, buf, w->unit * BLOCK);
	case UNMAP:
		return store_unmap(r, lun[i], off, n);
	default:
		return store_anchor(r, lun[i], off, n);
	}
}

static void put_value(uint64_t *buf, uint64_t bytes, uint64_t v)
{
	for (uint64_t i = 0; i < bytes / 8; i++)
		buf[i] = v;
}

static void do_it(struct store_reader *r, unsigned i, uint64_t *buf)
{
	struct work *w = &sh->work[i];
	uint64_t off = w->at * BLOCK, end = off + w->n * BLOCK;

	if (w->op < UNMAP)
		put_value(buf, w->op == FILL ? w->unit * BLOCK : w->n * BLOCK, w->value);
	w->busy = true;
	while (off < end) {
		int64_t got = once(r, i, (uint8_t *)buf, off, end - off);

		must(got > 0 || got == -EAGAIN);
		if (got > 0)
			off += (uint64_t)got;
		else if (!s->reserve.has_thread)
			filler_run(s);
		store_reader_quiet(r);
	}
	for (uint64_t b = w->at; b < w->at + w->n; b++)
		w->is[b] = w->value;
	w->done[w->op]++;
	w->busy = false;
}

static void choose(struct work *w, enum op op)
{
	const uint64_t unit = draw(w, 2) ? 1 : 8, units = BLOCKS / unit;
	const uint64_t most = (op == WHOLE ? STORE_WHOLE_MAX : MOST) / BLOCK / unit;

	w->op = op;
	w->unit = unit;
	w->at = draw(w, units) * unit;
	w->n = (1 + draw(w, most)) * unit;
	if (w->n > BLOCKS - w->at)
		w->n = BLOCKS - w->at;
	w->next++;
	w->value = op < UNMAP ? w->next : 0;
}

static void *work(void *arg)
{
	const unsigned i = (unsigned)(uintptr_t)arg;
	struct store_reader *r = store_reader(s, i);
	uint64_t *buf = malloc(MOST);

	must(buf != NULL);
	for (sh->running++;;) {
		choose(&sh->work[i], (enum op)draw(&sh->work[i], OPS));
		do_it(r, i, buf);
	}
	return NULL;
}

/* Until it is killed. */
static void live(void)
{
	pthread_t thread;

	adopt_all(true);
	for (uintptr_t i = 1; i < WORKERS; i++)
		must(!pthread_create(&thread, NULL, work, (void *)i));
	work((void *)0);
}

/* ---- the next process: this one ---- */

static bool is_whole(const uint8_t *p, uint64_t *value)
{
	memcpy(value, p, sizeof(*value));
	return !memcmp(p, p + 8, BLOCK - 8);
}

/* Before it is adopted: what is begun by an intent, and are there blocks of which a part is done?
 */
static void look_at_pool(void)
{
	struct stat st;

	ck_assert_int_eq(fstat(kept.pool, &st), 0);
	/* Not to be all in memory, hugepages above all. */
	const uint8_t *pool =
		mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_SHARED | MAP_NORESERVE, kept.pool, 0);
	ck_assert_ptr_ne(pool, MAP_FAILED);
	for (unsigned i = 0; i < READERS; i++) {
		uint8_t raw[INTENT_BYTES] = {0};
		struct intent in;
		bool torn = false;

		if (pread(kept.records, raw, sizeof(raw), intent_place(i)) != sizeof(raw))
			continue;
		const enum intent_is is = intent_get(raw, &in);
		ck_assert_int_ne(is, INTENT_BAD);
		found += is == INTENT_GOOD;
		for (unsigned k = 0; k < in.n; k++)
			for (uint32_t b = 0; b < in.range[k].len; b += BLOCK) {
				uint64_t v;
				torn |= !is_whole(pool + (in.range[k].num - 1) * PAGE +
							  in.range[k].from + b,
						  &v);
			}
		mixed += torn;
	}
	munmap((void *)(uintptr_t)pool, (size_t)st.st_size);
}

static void expect_lun_blocks(unsigned i)
{
	struct work *w = &sh->work[i];
	const uint64_t end = w->busy ? w->at + w->n : 0;
	int first = -1;
	uint8_t raw[BLOCK];

	if (w->busy)
		met[w->op]++;
	for (uint64_t b = 0; b < BLOCKS; b++) {
		uint64_t v = 0;

		ck_assert_uint_eq(store_read(lun[i], b * BLOCK, raw, BLOCK), BLOCK);
		if (!is_whole(raw, &v))
			ck_abort_msg("block %llu is torn (%s)", (unsigned long long)b,
				     w->busy ? names[w->op] : "nothing");
		if (b < w->at || b >= end) {
			ck_assert_uint_eq(v, w->is[b]);
			continue;
		}
		ck_assert_msg(v == w->is[b] || v == w->value, "block %llu is %llu",
			      (unsigned long long)b, (unsigned long long)v);
		if (w->op == WHOLE ? b == w->at : (b - w->at) % w->unit == 0)
			first = -1;
		if (w->is[b] == w->value)
			continue; /* it does not tell */
		ck_assert_msg(first < 0 || first == (v == w->value), "%s: half of it is done",
			      names[w->op]);
		first = v == w->value;
	}
	for (uint64_t b = w->at; b < end; b++) {
		ck_assert_uint_eq(store_read(lun[i], b * BLOCK, raw, BLOCK), BLOCK);
		uint64_t v;
		(void)is_whole(raw, &v);
		w->is[b] = v;
	}
	w->busy = false;
}

static void look(void)
{
	adopt_all(false);
	expect_no_leak(s, lun, WORKERS);
	for (unsigned i = 0; i < WORKERS; i++)
		expect_lun_blocks(i);
	leave_all();
}

static void begin(int kind)
{
	char why[512];

	sh = mmap(NULL, sizeof(*sh), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	ck_assert_ptr_ne(sh, MAP_FAILED);
	s = open_store(kind, POOL, READERS);
	kept = keep_files(s);
	for (uint8_t i = 0; i < WORKERS; i++) {
		const struct store_label label = {&i, 1};

		ck_assert_int_eq(store_lun_create(s, PAGES * PAGE, i ? STORE_FULL : STORE_THIN,
						  &label, NULL, NULL, &lun[i], why, sizeof(why)),
				 0);
		sh->work[i].random = (uint64_t)getpid() + i;
	}
	leave_all();
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

START_TEST(killed_in_the_middle_of_a_block)
{
	const char *text = getenv("MEMTGT_KILL_ROUNDS");
	const unsigned rounds = text ? (unsigned)strtoul(text, NULL, 10) : ROUNDS;
	unsigned i = 0;
	struct work chance = {.random = (uint64_t)getpid()};

	begin(_i);
	/* A busy machine may let the child do little before its end. */
	for (; i < rounds || (!found && i < 20 * rounds); i++) {
		int status;

		sh->running = 0;
		fflush(stdout);
		pid_t pid = fork();
		if (!pid)
			live();
		for (unsigned k = 0; k < 100000 && sh->running < WORKERS; k++)
			nap(100);
		nap(draw(&chance, 3000));
		kill(pid, SIGKILL);
		ck_assert_int_eq(waitpid(pid, &status, 0), pid);
		ck_assert_msg(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL,
			      "it ended by itself: %x", (unsigned)status);
		look_at_pool();
		look();
	}
	printf("# %u kills, %u intents found, %u of them with a block that was half done", i, found,
	       mixed);
	for (enum op op = WRITE; op < OPS; op++)
		printf("%s %u %s", op ? "," : "; in", met[op], names[op]);
	printf("\n");
	ck_assert_uint_gt(found, 0);
	end();
}
END_TEST

/* ---- at each fail point ---- */

/* One thread, so ThreadSanitizer has nothing to look for, and takes its time. */
#if defined(FAIL_POINTS) && !defined(__SANITIZE_THREAD__)
#define AT_EACH_POINT 1

static void do_one(enum op op, unsigned lun_no, uint64_t at, uint64_t n, uint64_t unit)
{
	struct store_reader *r = store_reader(s, lun_no);
	struct work *w = &sh->work[lun_no];
	static uint64_t buf[MOST / 8];

	w->op = op;
	w->at = at;
	w->n = n;
	w->unit = unit;
	w->next++;
	w->value = op < UNMAP ? w->next : 0;
	do_it(r, lun_no, buf);
	store_reader_offline(r);
}

/* Each kind of change, so that it meets data, on either kind of LUN; all over borders of pages. */
static void do_all(void)
{
	const uint64_t page = PAGE / BLOCK;

	adopt_all(false);
	filler_run(s);
	for (unsigned i = 0; i < WORKERS; i++) {
		do_one(FILL, i, 0, 2 * page, 8);
		do_one(WRITE, i, page - 30, 60, 1);
		do_one(WHOLE, i, page - 24, 48, 8);
		do_one(FILL, i, page - 5, 11, 1);
		do_one(WHOLE, i, page - 1000, 2000, 1);
		do_one(UNMAP, i, page - 9, 18, 1);
		do_one(WRITE, i, 8, 8, 8);
		do_one(ANCHOR, i, page / 2, page, 1);
		do_one(ANCHOR, i, 0, page, 1);
	}
}

static void only_adopt(void)
{
	adopt_all(false);
}

/* False: the child never came there so often. */
static bool kill_at(enum fail_point p, unsigned nth, void (*work_fn)(void))
{
	char where[100];
	int status;

	snprintf(where, sizeof(where), "%s:%u", fail_point_name(p), nth);
	fflush(stdout);
	pid_t pid = fork();
	if (!pid) {
		must(fail_point_arm(where) == 0);
		work_fn();
		_exit(0);
	}
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_msg(WIFSIGNALED(status) ? WTERMSIG(status) == SIGKILL : WEXITSTATUS(status) == 0,
		      "%s: it ended by itself: %x", where, (unsigned)status);
	return WIFSIGNALED(status);
}

static const enum fail_point in_a_change[] = {FAIL_AT_INTENT_WRITTEN, FAIL_AT_INTENT_SET,
					      FAIL_AT_INTENT_HALF, FAIL_AT_INTENT_DONE};
static const enum fail_point in_adoption[] = {FAIL_AT_ADOPT_REDONE, FAIL_AT_ADOPT_FORGOTTEN,
					      FAIL_AT_ADOPT_TAIL};
#define N_OF(a) (sizeof(a) / sizeof((a)[0]))
#endif

START_TEST(killed_at_each_step_of_a_change)
{
#ifdef AT_EACH_POINT
	unsigned hits = 0;

	begin(_i);
	for (unsigned k = 0; k < N_OF(in_a_change); k++)
		for (unsigned nth = 1; kill_at(in_a_change[k], nth, do_all); nth += 1 + nth / 4) {
			/* Who adopts it may end as well, at each step of that. */
			const enum fail_point p = in_adoption[nth % N_OF(in_adoption)];

			look_at_pool();
			(void)kill_at(p, 1 + nth / 3 % 2, only_adopt);
			look();
			hits++;
		}
	printf("# killed %u times, %u intents found, %u of them half done\n", hits, found, mixed);
	ck_assert_uint_gt(mixed, 0);
	end();
#else
	(void)_i;
	test_skip("fail points are built only with --enable-sanitize=address");
#endif
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("store_torn");
	TCase *tc = tcase_create("torn");

	log_set_level(LOG_LEVEL_WARNING);
	tcase_set_timeout(tc, 240);
	tcase_add_loop_test(tc, killed_in_the_middle_of_a_block, KINDS_FROM, KINDS_TO);
	tcase_add_loop_test(tc, killed_at_each_step_of_a_change, KINDS_FROM, KINDS_TO);
	suite_add_tcase(suite, tc);
	return test_main(suite);
}
