// SPDX-License-Identifier: MIT
/* neighbour.c - see neighbour.h. */
#include "neighbour.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <check.h>

#include "daemon.h"

#define BLOCK	512u
#define LARGEST (64u << 10)
#define SAMPLES (1u << 20)

static uint64_t now_us(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

static void took(struct neighbour *n, uint64_t since)
{
	if (n->commands < SAMPLES)
		n->us[n->commands] = (uint32_t)(now_us() - since);
	n->commands++;
}

/* Writes a piece of the area, and reads the same or another one. */
static void step(struct neighbour *n)
{
	uint32_t len = BLOCK * (1 + (uint32_t)rand_r(&n->seed) % (LARGEST / BLOCK));
	uint32_t at[2];
	uint64_t since, base = (uint64_t)n->index * (NEIGHBOUR_AREA / BLOCK);

	for (int i = 0; i < 2; i++)
		at[i] = BLOCK * ((uint32_t)rand_r(&n->seed) % ((NEIGHBOUR_AREA - len) / BLOCK + 1));
	if (rand_r(&n->seed) & 1)
		at[1] = at[0];
	for (uint32_t i = 0; i < len; i++)
		n->mirror[at[0] + i] = (uint8_t)(rand_r(&n->seed) >> 5);
	since = now_us();
	ck_assert_uint_eq(raw_write(&n->r, 0, base + at[0] / BLOCK, n->mirror + at[0], len, BLOCK),
			  0);
	took(n, since);
	since = now_us();
	ck_assert_uint_eq(raw_read(&n->r, 0, base + at[1] / BLOCK, n->buf, len, BLOCK), 0);
	took(n, since);
	ck_assert_msg(!memcmp(n->buf, n->mirror + at[1], len), "the neighbour read wrong bytes");
}

static void *work(void *arg)
{
	struct neighbour *n = arg;
	while (!n->stop) {
		step(n);
		test_sleep_ms(1);
	}
	return NULL;
}

static void *must(void *p)
{
	ck_assert_ptr_nonnull(p);
	return p;
}

void neighbour_start(struct neighbour *n, unsigned port, unsigned index)
{
	memset(n, 0, sizeof(*n));
	n->index = index;
	n->seed = index + 1;
	n->mirror = must(calloc(1, NEIGHBOUR_AREA));
	n->buf = must(malloc(LARGEST));
	n->us = must(malloc(SAMPLES * sizeof(*n->us)));
	raw_session(&n->r, port, NULL);
	/* Whatever was there before: its own zeros. */
	for (uint32_t at = 0; at < NEIGHBOUR_AREA; at += LARGEST)
		ck_assert_uint_eq(raw_write(&n->r, 0,
					    ((uint64_t)index * NEIGHBOUR_AREA + at) / BLOCK,
					    n->mirror + at, LARGEST, BLOCK),
				  0);
	ck_assert_int_eq(pthread_create(&n->thread, NULL, work, n), 0);
}

void neighbour_wait(struct neighbour *n, unsigned more)
{
	unsigned long long limit = test_now_ms() + DAEMON_PATIENCE_MS;
	for (unsigned want = n->commands + more; n->commands < want;) {
		ck_assert_msg(test_now_ms() < limit, "the neighbour does not get on");
		test_sleep_ms(5);
	}
}

static int by_size(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
	return (x > y) - (x < y);
}

static void judge(struct neighbour *n)
{
	const char *most = getenv("MEMTGT_P99_MS");
	size_t k = n->commands < SAMPLES ? n->commands : SAMPLES;

	ck_assert_uint_ge(k, 100);
	qsort(n->us, k, sizeof(*n->us), by_size);
	uint32_t p50 = n->us[k / 2], p99 = n->us[k * 99 / 100], max = n->us[k - 1];
	printf("# neighbour %u: %u commands, p50 %u us, p99 %u us, max %u us\n", n->index,
	       n->commands, p50, p99, max);
	fflush(stdout);
	if (most)
		ck_assert_msg(p99 < strtoul(most, NULL, 10) * 1000,
			      "p99 is %u us, %s ms are allowed", p99, most);
}

void neighbour_stop(struct neighbour *n)
{
	n->stop = true;
	pthread_join(n->thread, NULL);
	union raw_bhs h = raw_request(&n->r, ISCSI_OP_LOGOUT_REQ | ISCSI_IMMEDIATE, ISCSI_FINAL);
	ck_assert(raw_send(&n->r, &h, NULL, 0));
	raw_expect(&n->r, ISCSI_OP_LOGOUT_RSP);
	raw_expect_closed(&n->r);
	raw_close(&n->r);
	judge(n);
	free(n->mirror);
	free(n->buf);
	free(n->us);
}
