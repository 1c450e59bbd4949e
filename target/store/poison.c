// SPDX-License-Identifier: MIT
/* poison.c - memory that failed: the signal, the marks, and the work that survives it. */
#include "store/poison.h"

#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <ucontext.h>

#include "store/store.h"

/* ---- marks ---- */

/* A signal handler knows an address and nothing else. */
#define POOLS_MAX 64u
static struct poison *_Atomic pools[POOLS_MAX];

static struct poison *pool_of(const void *at)
{
	for (unsigned i = 0; i < POOLS_MAX; i++) {
		struct poison *p = atomic_load(&pools[i]);
		if (p && (uintptr_t)at >= (uintptr_t)p->base &&
		    ((uintptr_t)at - (uintptr_t)p->base) >> STORE_PAGE_SHIFT < p->pages)
			return p;
	}
	return NULL;
}

static bool set_bit(_Atomic uint64_t *bits, uint32_t num)
{
	const uint64_t bit = (uint64_t)1 << num % 64;

	return !(atomic_fetch_or(&bits[num / 64], bit) & bit);
}

static void mark(struct poison *p, const void *at)
{
	const uintptr_t in = (uintptr_t)at - (uintptr_t)p->base;

	if (set_bit(p->mark, (uint32_t)(in >> STORE_PAGE_SHIFT) + 1))
		atomic_fetch_add(&p->n, 1);
}

bool poison_tell(struct poison *p, uint32_t num)
{
	return set_bit(p->told, num);
}

/* ---- the signal ---- */

static struct sigaction before;
static _Thread_local sigjmp_buf *volatile landing; /* set: this thread touches a pool */

/*
 * A kernel built without MEMORY_FAILURE, and one that cannot read a page from swap, say BUS_ADRERR;
 * that is believed of an address that was asked for here. All else is a fault of ours, or in memory
 * of ours: what was to happen before happens when the access is repeated.
 */
static void on_sigbus(int sig, siginfo_t *si, void *context)
{
	struct poison *p = pool_of(si->si_addr);
	sigjmp_buf *to = landing;
	(void)sig;

	if (p && (to || si->si_code == BUS_MCEERR_AO || si->si_code == BUS_MCEERR_AR))
		mark(p, si->si_addr);
	if (p && si->si_code == BUS_MCEERR_AO)
		return; /* nobody has touched it yet */
	if (p && to) {
		landing = NULL;
		pthread_sigmask(SIG_SETMASK, &((ucontext_t *)context)->uc_sigmask, NULL);
		siglongjmp(*to, 1);
	}
	sigaction(SIGBUS, &before, NULL);
}

static void set_handler(void)
{
	struct sigaction a = {.sa_sigaction = on_sigbus, .sa_flags = SA_SIGINFO};

	sigemptyset(&a.sa_mask);
	sigaction(SIGBUS, &a, &before);
}

int poison_open(struct poison *p, const uint8_t *base, uint32_t pages)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	const size_t words = (size_t)pages / 64 + 1;

	pthread_once(&once, set_handler);
	*p = (struct poison){.base = base, .pages = pages};
	p->mark = calloc(2 * words, sizeof(*p->mark));
	if (!p->mark)
		return -ENOMEM;
	p->told = p->mark + words;
	for (unsigned i = 0; i < POOLS_MAX; i++) {
		struct poison *none = NULL;
		if (atomic_compare_exchange_strong(&pools[i], &none, p))
			return 0;
	}
	free(p->mark);
	return -ENOSPC;
}

void poison_close(struct poison *p)
{
	for (unsigned i = 0; i < POOLS_MAX; i++) {
		struct poison *me = p;
		atomic_compare_exchange_strong(&pools[i], &me, NULL);
	}
	free(p->mark);
}

/* ---- work that survives it ---- */

/* On bytes [from, from+n) of the range. */
struct job {
	uint8_t *to;
	const uint8_t *from;
	size_t block_size, agreed;
};
typedef void job_fn(struct job *j, size_t from, size_t n);

/* False: a byte of it was gone. Nothing that the job holds is in a register of this function, so
 * all of it is good after the jump. */
static bool survives(job_fn *fn, struct job *j, size_t from, size_t n)
{
	sigjmp_buf here;

	if (sigsetjmp(here, 0))
		return false;
	landing = &here;
	atomic_signal_fence(memory_order_seq_cst);
	fn(j, from, n);
	atomic_signal_fence(memory_order_seq_cst);
	landing = NULL;
	return true;
}

/* What a job left undone in the middle, it does piece by piece, those behind a piece that is gone
 * as well. `at` is where the range begins in the pool. */
static size_t pieces(job_fn *fn, struct job *j, const uint8_t *at, size_t n)
{
	size_t part, good = n;

	for (size_t done = 0; done < n; done += part) {
		const size_t unit = POISON_UNIT - ((uintptr_t)at + done) % POISON_UNIT;

		part = unit < n - done ? unit : n - done;
		if (!survives(fn, j, done, part) && good == n)
			good = done;
	}
	return good;
}

static size_t run(job_fn *fn, struct job *j, const uint8_t *at, size_t n)
{
	if (__builtin_expect(survives(fn, j, 0, n), true))
		return n;
	return pieces(fn, j, at, n);
}

static void copy(struct job *j, size_t from, size_t n)
{
	memcpy(j->to + from, j->from + from, n);
}

size_t poison_copy_in(uint8_t *to, const uint8_t *from, size_t n)
{
	struct job j = {.to = to, .from = from};

	return run(copy, &j, to, n);
}

size_t poison_copy_out(uint8_t *to, const uint8_t *from, size_t n)
{
	struct job j = {.to = to, .from = from};

	return run(copy, &j, from, n);
}

static void zero(struct job *j, size_t from, size_t n)
{
	memset(j->to + from, 0, n);
}

size_t poison_zero(uint8_t *at, size_t n)
{
	struct job j = {.to = at};

	return run(zero, &j, at, n);
}

/* A piece may begin and end within a block that is larger than POISON_UNIT. */
static void fill(struct job *j, size_t from, size_t n)
{
	for (size_t part; n; from += part, n -= part) {
		const size_t in = from % j->block_size;

		part = j->block_size - in < n ? j->block_size - in : n;
		memcpy(j->to + from, j->from + in, part);
	}
}

size_t poison_fill(uint8_t *at, size_t n, const uint8_t *block, size_t block_size)
{
	struct job j = {.to = at, .from = block, .block_size = block_size};

	return run(fill, &j, at, n);
}

static void touch(struct job *j, size_t from, size_t n)
{
	const volatile uint8_t *at = j->from + from;

	for (size_t i = 0; i < n; i += POISON_UNIT - (uintptr_t)(at + i) % POISON_UNIT)
		(void)at[i];
}

size_t poison_probe(const uint8_t *at, size_t n)
{
	struct job j = {.from = at};

	return run(touch, &j, at, n);
}

/* In one piece after the other: it ends at the first byte that differs. */
static void agree(struct job *j, size_t from, size_t n)
{
	const uint8_t *a = j->to + from, *b = j->from + from;
	size_t i = n;

	if (j->agreed != from)
		return; /* a piece before has ended it */
	if (memcmp(a, b, n) != 0)
		for (i = 0; i < n && a[i] == b[i]; i++)
			;
	j->agreed = from + i;
}

size_t poison_agree(const uint8_t *at, const uint8_t *with, size_t n, bool *gone)
{
	struct job j = {.to = (uint8_t *)(uintptr_t)at, .from = with};
	const size_t good = run(agree, &j, at, n);

	*gone = j.agreed == good && good < n;
	return j.agreed;
}
