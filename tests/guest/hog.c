// SPDX-License-Identifier: MIT
/*
 * hog.c - fills memory with pages that tell where they belong, and looks whether they still do.
 *
 *	hog MEBIBYTES ROUNDS [SECONDS [MARK]]
 *
 * Each word of a page is made from the page's index, the round, and the word's place: so a page is
 * seen that comes back from swap old, in another's place, or damaged. Prints how many were bad, and
 * keeps the memory for so many seconds more, or until SIGUSR1: then it looks again and prints
 * again. Pages that are lost, as SIGBUS tells, are counted beside the bad ones: it looks at all
 * others before it ends by that signal.
 *
 * A mark of up to 8 letters takes the place of the last word of each page, for who looks for pages
 * elsewhere.
 */
#include "app_random.h"

#include <setjmp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

#define PAGE_SIZE 4096u
#define WORDS	  (PAGE_SIZE / sizeof(uint64_t))

static uint64_t mark; /* 0: none */

/* Neighbours look nothing alike, so no compression and no luck. */
static uint64_t word_of(uint64_t page, uint64_t round, uint64_t place)
{
	if (mark && place == WORDS - 1)
		return mark;
	return app_mix((page << 20) + (round << 10) + place);
}

static void fill(uint64_t *memory, uint64_t pages, uint64_t round)
{
	for (uint64_t page = 0; page < pages; page++) {
		for (uint64_t i = 0; i < WORDS; i++)
			memory[page * WORDS + i] = word_of(page, round, i);
	}
}

static int page_is_bad(const uint64_t *words, uint64_t page, uint64_t round)
{
	for (uint64_t i = 0; i < WORDS; i++) {
		if (words[i] != word_of(page, round, i))
			return 1;
	}
	return 0;
}

/* ---- pages that are lost ---- */

static sigjmp_buf page_is_lost;
static volatile sig_atomic_t is_looking;

static void on_bus_error(int number)
{
	if (is_looking)
		siglongjmp(page_is_lost, 1);
	signal(number, SIG_DFL); /* what did it does it again */
}

struct seen {
	uint64_t pages, bad, lost;
};

static void look_at_page(const uint64_t *words, uint64_t page, uint64_t round, struct seen *s)
{
	is_looking = 1;
	if (sigsetjmp(page_is_lost, 0))
		s->lost++;
	else
		s->bad += (uint64_t)page_is_bad(words, page, round);
	is_looking = 0;
	s->pages++;
}

static void look(const uint64_t *memory, uint64_t pages, uint64_t round, struct seen *s)
{
	for (uint64_t page = 0; page < pages; page++)
		look_at_page(memory + page * WORDS, page, round, s);
}

static void print_seen(const struct seen *s)
{
	printf("%llu bad pages of %llu", (unsigned long long)s->bad, (unsigned long long)s->pages);
	if (s->lost)
		printf(", %llu lost", (unsigned long long)s->lost);
	puts("");
	fflush(stdout);
	if (s->lost) {
		signal(SIGBUS, SIG_DFL);
		raise(SIGBUS);
	}
}

/* ---- the program ---- */

/* Was it SIGUSR1 that ended the wait? It is blocked, so none is missed. */
static int asked_within(unsigned seconds, const sigset_t *signals)
{
	const struct timespec limit = {.tv_sec = (time_t)seconds};
	return sigtimedwait(signals, NULL, &limit) > 0;
}

static void prepare(sigset_t *again)
{
	const struct sigaction bus = {.sa_handler = on_bus_error, .sa_flags = SA_NODEFER};

	sigemptyset(again);
	sigaddset(again, SIGUSR1);
	sigprocmask(SIG_BLOCK, again, NULL);
	sigaction(SIGBUS, &bus, NULL);
	/* Its own few pages stay, so that it can tell of all others. Without the right it goes on.
	 */
	(void)mlockall(MCL_CURRENT);
}

int main(int argc, char **argv)
{
	if (argc < 3 || argc > 5 || (argc == 5 && strlen(argv[4]) > sizeof(mark))) {
		fputs("usage: hog MEBIBYTES ROUNDS [SECONDS [MARK]]\n", stderr);
		return 2;
	}
	if (argc == 5)
		memcpy(&mark, argv[4], strlen(argv[4]));
	uint64_t pages = strtoull(argv[1], NULL, 10) * ((1u << 20) / PAGE_SIZE);
	uint64_t rounds = strtoull(argv[2], NULL, 10);
	struct seen first = {0}, then = {0};
	sigset_t again;

	prepare(&again);
	uint64_t *memory = mmap(NULL, pages * PAGE_SIZE, PROT_READ | PROT_WRITE,
				MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (memory == MAP_FAILED) {
		perror("hog: mmap");
		return 1;
	}
	for (uint64_t round = 0; round < rounds; round++) {
		fill(memory, pages, round);
		look(memory, pages, round, &first);
	}
	print_seen(&first);
	if (argc >= 4 && rounds && asked_within((unsigned)strtoul(argv[3], NULL, 10), &again)) {
		look(memory, pages, rounds - 1, &then);
		print_seen(&then);
	}
	return first.bad || then.bad || !pages || !rounds;
}
