// SPDX-License-Identifier: MIT
/*
 * arena.c - one private mapping holds the objects, then the stack of free indexes, then a byte per
 * object that says whether it is in use.
 */
#include "base/arena.h"

#include <assert.h>
#include <errno.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/poison.h"

#define CACHE_LINE 64u

/* What one object costs: itself, its place on the free stack, its busy byte. */
static bool length(size_t size, uint32_t max, size_t *out)
{
	return !__builtin_mul_overflow(size + sizeof(uint32_t) + 1, (size_t)max, out);
}

int arena_init(struct arena *a, size_t object_size, uint32_t max)
{
	assert(object_size && max);
	size_t size, len;

	if (__builtin_add_overflow(object_size, CACHE_LINE - 1, &size))
		return -ENOMEM;
	size &= ~(size_t)(CACHE_LINE - 1);
	if (!length(size, max, &len))
		return -ENOMEM;
	uint8_t *mem = mmap(NULL, len, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (mem == MAP_FAILED)
		return -ENOMEM;
	uint8_t *stack = mem + size * max;
	*a = (struct arena){
		.mem = mem,
		.size = size,
		.max = max,
		.free_stack = (uint32_t *)(void *)stack,
		.busy = stack + sizeof(uint32_t) * (size_t)max,
	};
	return 0;
}

void arena_free(struct arena *a)
{
	size_t len;

	if (!a->mem || !length(a->size, a->max, &len))
		return;
	/* The next owner of these addresses must not find them poisoned. */
	ASAN_UNPOISON_MEMORY_REGION(a->mem, a->size * a->fresh);
	munmap(a->mem, len);
	*a = (struct arena){0};
}

/* The last freed; what lies below it in the stack was not touched by this. */
static uint32_t take_free(struct arena *a)
{
	uint32_t i = a->free_stack[--a->nfree];

	if (a->idle > a->nfree)
		a->idle = a->nfree;
	if (a->clean > a->nfree)
		a->clean = a->nfree;
	return i;
}

void *arena_get(struct arena *a)
{
	uint32_t i;

	if (a->nfree)
		i = take_free(a);
	else if (a->fresh < a->max)
		i = a->fresh++;
	else
		return NULL;
	void *object = a->mem + a->size * i;
	ASAN_UNPOISON_MEMORY_REGION(object, a->size);
	a->busy[i] = 1;
	a->used++;
	return object;
}

void arena_put(struct arena *a, void *object)
{
	uint32_t i = arena_index(a, object);

	assert(a->busy[i]);
	a->busy[i] = 0;
	a->free_stack[a->nfree++] = i;
	a->used--;
	ASAN_POISON_MEMORY_REGION(object, a->size);
}

/* A failure costs nothing but the memory. */
static void give_back(struct arena *a, uint32_t i)
{
	uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
	uintptr_t begin = (uintptr_t)(a->mem + a->size * i), end = begin + a->size;

	begin = (begin + page - 1) & ~(page - 1);
	end &= ~(page - 1);
	if (begin < end)
		(void)madvise((void *)begin, end - begin, MADV_DONTNEED);
}

bool arena_trim(struct arena *a, uint32_t max)
{
	for (; a->clean < a->idle && max; a->clean++, max--)
		give_back(a, a->free_stack[a->clean]);
	a->idle = a->nfree;
	return a->clean < a->nfree;
}

uint32_t arena_index(const struct arena *a, const void *object)
{
	size_t off = (size_t)((const uint8_t *)object - a->mem);

	assert(off % a->size == 0 && off / a->size < a->fresh);
	return (uint32_t)(off / a->size);
}

void *arena_at(const struct arena *a, uint32_t index)
{
	if (index >= a->fresh || !a->busy[index])
		return NULL;
	return a->mem + a->size * index;
}
