// SPDX-License-Identifier: MIT
/*
 * appmem.c - programs that need memory, to be run with less of it than they need.
 *
 *	appmem sort MEBIBYTES			sorts random keys
 *	appmem hash MEBIBYTES OPERATIONS	looks up and changes values of random keys
 *	appmem touch MEBIBYTES			touches random pages until SIGTERM
 *
 * sort and hash print "SECONDS,FAULTS" of the work itself, without what prepares and checks it. A
 * fault is one for which something had to be read. MEBIBYTES of hash is a power of two.
 *
 * touch prints a row for each five seconds, "SECONDS,PHASE,TOUCHES,P50,P99,MOST", times in us; and
 * for each phase, which SIGUSR1 or SIGTERM ends, "phase,PHASE,TOUCHES,P50,P99,MOST,BAD".
 *
 * Exit status 1: the result is wrong.
 */
#include "app_hash.h"
#include "app_sort.h"
#include "app_times.h"
#include "app_touch.h"

#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <time.h>

#define MEBIBYTE (1u << 20)
#define WINDOW	 5 /* seconds of a row: so that there is a hundredth part of its touches */

static volatile sig_atomic_t phases_ended, ended;

static void on_signal(int number)
{
	phases_ended = phases_ended + 1;
	ended = number == SIGTERM;
}

static double seconds(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

static long faults(void)
{
	struct rusage used;

	getrusage(RUSAGE_SELF, &used);
	return used.ru_majflt;
}

static void *memory_of(uint64_t bytes)
{
	void *memory =
		mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (memory == MAP_FAILED) {
		perror("appmem: mmap");
		exit(1);
	}
	/* A page is the unit of all that is measured here. */
	(void)madvise(memory, bytes, MADV_NOHUGEPAGE);
	return memory;
}

/* Of work that begins now. */
struct work {
	double begun;
	long faults;
};

static struct work begin(void)
{
	return (struct work){.begun = seconds(), .faults = faults()};
}

static void tell(const struct work *work)
{
	printf("%.6f,%ld\n", seconds() - work->begun, faults() - work->faults);
}

static int status_of(uint64_t bad)
{
	if (bad)
		fprintf(stderr, "appmem: %" PRIu64 " faults in the result\n", bad);
	return bad != 0;
}

static int run_sort(uint64_t bytes)
{
	uint64_t *keys = memory_of(bytes);
	size_t n = bytes / sizeof(*keys);
	uint64_t filled = app_sort_fill(keys, n);
	struct work work = begin();

	app_sort(keys, n);
	tell(&work);
	return status_of(app_sort_bad(keys, n, filled));
}

static int run_hash(uint64_t bytes, uint64_t operations)
{
	struct app_slot *slots = memory_of(bytes);
	struct app_hash hash;

	app_hash_load(&hash, slots, (unsigned)__builtin_ctzll(bytes / sizeof(*slots)));
	struct work work = begin();
	uint64_t missed = app_hash_update(&hash, operations);
	tell(&work);
	return status_of(missed + app_hash_bad(&hash));
}

/* ",TOUCHES,P50,P99,MOST" */
static void print_times(const struct app_times *t)
{
	printf(",%" PRIu64 ",%.0f,%.0f,%.0f", t->n, (double)app_times_percentile(t, 50) / 1e3,
	       (double)app_times_percentile(t, 99) / 1e3, (double)t->most / 1e3);
}

/* Touches until the row or the phase is over. */
static void touch_a_row(struct app_touch *touch, struct app_times *row, struct app_times *phase,
			int number)
{
	double end = seconds() + WINDOW;

	*row = (struct app_times){0};
	while (phases_ended == number && seconds() < end) {
		uint64_t took = app_touch_next(touch);

		app_times_add(row, took);
		app_times_add(phase, took);
	}
}

static void touch_a_phase(struct app_touch *touch, double begun)
{
	static struct app_times row, phase;
	uint64_t bad = touch->bad;
	int number = phases_ended;

	phase = (struct app_times){0};
	while (phases_ended == number) {
		touch_a_row(touch, &row, &phase, number);
		printf("%.1f,%d", seconds() - begun, number);
		print_times(&row);
		putchar('\n');
		fflush(stdout);
	}
	printf("phase,%d", number);
	print_times(&phase);
	printf(",%" PRIu64 "\n", touch->bad - bad);
	fflush(stdout);
}

static int run_touch(uint64_t bytes)
{
	size_t pages = bytes / APP_PAGE;
	uint32_t *rounds = memory_of(pages * sizeof(*rounds));
	struct app_touch touch;

	/* What tells of the other pages stays. Without the right it goes on. */
	(void)mlock(rounds, pages * sizeof(*rounds));
	app_touch_fill(&touch, memory_of(bytes), rounds, pages);
	double begun = seconds();
	while (!ended)
		touch_a_phase(&touch, begun);
	return status_of(touch.bad);
}

static int usage(void)
{
	fputs("usage: appmem sort MEBIBYTES | hash MEBIBYTES OPERATIONS | touch MEBIBYTES\n",
	      stderr);
	return 2;
}

int main(int argc, char **argv)
{
	const struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_RESTART};
	uint64_t bytes = argc >= 3 ? strtoull(argv[2], NULL, 10) * MEBIBYTE : 0;
	int is_hash = argc == 4 && strcmp(argv[1], "hash") == 0;

	if (bytes == 0 || (argc != 3 && !is_hash))
		return usage();
	/* The program itself stays, so that faults are those of its data. */
	(void)mlockall(MCL_CURRENT);
	sigaction(SIGUSR1, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
	if (is_hash)
		return (bytes & (bytes - 1)) == 0 ? run_hash(bytes, strtoull(argv[3], NULL, 10))
						  : usage();
	if (strcmp(argv[1], "sort") == 0)
		return run_sort(bytes);
	return strcmp(argv[1], "touch") == 0 ? run_touch(bytes) : usage();
}
