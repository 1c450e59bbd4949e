// SPDX-License-Identifier: MIT
/* app_sort.c - quicksort of 64-bit keys: of the worst case nothing need be feared, the keys are
 * ours. */
#include "app_sort.h"

#include "app_random.h"

#define FEW 16

uint64_t app_sort_fill(uint64_t *keys, size_t n)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < n; i++) {
		keys[i] = app_mix(i);
		sum += app_mix(keys[i]);
	}
	return sum;
}

static void swap(uint64_t *a, uint64_t *b)
{
	uint64_t x = *a;

	*a = *b;
	*b = x;
}

static void sort_few(uint64_t *keys, size_t n)
{
	for (size_t i = 1; i < n; i++) {
		uint64_t key = keys[i];
		size_t j = i;

		for (; j > 0 && keys[j - 1] > key; j--)
			keys[j] = keys[j - 1];
		keys[j] = key;
	}
}

/* The one of three that is neither the least nor the greatest. */
static uint64_t median(uint64_t a, uint64_t b, uint64_t c)
{
	if (a > b)
		swap(&a, &b);
	return c < a ? a : c > b ? b : c;
}

/* Hoare's: how many come into the first part, of which none is greater than one of the second. */
static size_t split(uint64_t *keys, size_t n)
{
	uint64_t pivot = median(keys[0], keys[n / 2], keys[n - 2]);
	size_t i = 0, j = n - 1;

	for (;; i++, j--) {
		while (keys[i] < pivot)
			i++;
		while (keys[j] > pivot)
			j--;
		if (i >= j)
			return j + 1;
		swap(&keys[i], &keys[j]);
	}
}

/* The smaller part by recursion: 64 levels at most. */
void app_sort(uint64_t *keys, size_t n)
{
	while (n > FEW) {
		size_t first = split(keys, n);

		if (first < n - first) {
			app_sort(keys, first);
			keys += first;
			n -= first;
		} else {
			app_sort(keys + first, n - first);
			n = first;
		}
	}
	sort_few(keys, n);
}

uint64_t app_sort_bad(const uint64_t *keys, size_t n, uint64_t filled)
{
	uint64_t bad = 0, sum = 0;

	for (size_t i = 0; i < n; i++) {
		bad += i > 0 && keys[i] < keys[i - 1];
		sum += app_mix(keys[i]);
	}
	return bad + (sum != filled);
}
