// SPDX-License-Identifier: MIT
/*
 * hog.c - fills memory with pages that tell where they belong, and looks whether they still do.
 *
 *	hog MEBIBYTES ROUNDS [SECONDS]
 *
 * Each word of a page is made from the page's index, the round, and the word's place: so a page is
 * seen that comes back from swap old, in another's place, or damaged. Prints how many were bad, and
 * keeps the memory for so many seconds more, or until SIGUSR1: then it looks again and prints
 *again.
 */
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>

#define PAGE_SIZE 4096u
#define WORDS	  (PAGE_SIZE / sizeof(uint64_t))

/* The mixer of splitmix64: neighbours look nothing alike, so no compression and no luck. */
static uint64_t word_of(uint64_t page, uint64_t round, uint64_t place)
{
	uint64_t x = (page << 20) + (round << 10) + place + 0x9e3779b97f4a7c15u;
	x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
	x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
	return x ^ (x >> 31);
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

static uint64_t count_bad(const uint64_t *memory, uint64_t pages, uint64_t round)
{
	uint64_t bad = 0;
	for (uint64_t page = 0; page < pages; page++)
		bad += (uint64_t)page_is_bad(memory + page * WORDS, page, round);
	return bad;
}

static void print_bad(uint64_t bad, uint64_t pages)
{
	printf("%llu bad pages of %llu\n", (unsigned long long)bad, (unsigned long long)pages);
	fflush(stdout);
}

/* Was it SIGUSR1 that ended the wait? It is blocked, so none is missed. */
static int asked_within(unsigned seconds, const sigset_t *signals)
{
	const struct timespec limit = {.tv_sec = (time_t)seconds};
	return sigtimedwait(signals, NULL, &limit) > 0;
}

int main(int argc, char **argv)
{
	if (argc < 3 || argc > 4) {
		fputs("usage: hog MEBIBYTES ROUNDS [SECONDS]\n", stderr);
		return 2;
	}
	uint64_t pages = strtoull(argv[1], NULL, 10) * ((1u << 20) / PAGE_SIZE);
	uint64_t rounds = strtoull(argv[2], NULL, 10), bad = 0;
	/* Its own few pages stay, so that it can tell of all others. Without the right it goes on.
	 */
	(void)mlockall(MCL_CURRENT);
	uint64_t *memory = mmap(NULL, pages * PAGE_SIZE, PROT_READ | PROT_WRITE,
				MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (memory == MAP_FAILED) {
		perror("hog: mmap");
		return 1;
	}
	sigset_t again;
	sigemptyset(&again);
	sigaddset(&again, SIGUSR1);
	sigprocmask(SIG_BLOCK, &again, NULL);
	for (uint64_t round = 0; round < rounds; round++) {
		fill(memory, pages, round);
		bad += count_bad(memory, pages, round);
	}
	print_bad(bad, pages * rounds);
	if (argc == 4 && rounds && asked_within((unsigned)strtoul(argv[3], NULL, 10), &again)) {
		uint64_t now = count_bad(memory, pages, rounds - 1);
		print_bad(now, pages);
		bad += now;
	}
	return bad || !pages || !rounds;
}
