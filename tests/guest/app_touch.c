// SPDX-License-Identifier: MIT
/* app_touch.c - each word of a page is made from page, round and place: an old page is seen, too.
 */
#include "app_touch.h"

#include "app_random.h"

#include <time.h>

#define WORDS (APP_PAGE / sizeof(uint64_t))

static uint64_t *page_at(const struct app_touch *t, size_t page)
{
	return t->memory + page * WORDS;
}

static uint64_t word_of(const struct app_touch *t, size_t page, size_t place)
{
	return app_mix(((uint64_t)page << 41) + ((uint64_t)t->rounds[page] << 9) + place);
}

static void write_page(struct app_touch *t, size_t page)
{
	for (size_t i = 0; i < WORDS; i++)
		page_at(t, page)[i] = word_of(t, page, i);
}

static int page_is_bad(const struct app_touch *t, size_t page)
{
	for (size_t i = 0; i < WORDS; i++) {
		if (page_at(t, page)[i] != word_of(t, page, i))
			return 1;
	}
	return 0;
}

static uint64_t now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

void app_touch_fill(struct app_touch *t, uint64_t *memory, uint32_t *rounds, size_t pages)
{
	*t = (struct app_touch){.memory = memory, .rounds = rounds, .pages = pages};
	for (size_t page = 0; page < pages; page++) {
		rounds[page] = 0;
		write_page(t, page);
	}
}

uint64_t app_touch_next(struct app_touch *t)
{
	size_t page = app_mix(t->touches++) % t->pages;
	uint64_t begun = now();

	(void)*(volatile uint64_t *)page_at(t, page);
	uint64_t took = now() - begun;
	t->bad += (uint64_t)page_is_bad(t, page);
	t->rounds[page]++;
	write_page(t, page);
	return took;
}
