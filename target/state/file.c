// SPDX-License-Identifier: MIT
/* file.c - what is known of LUNs, in memory: see state/file.h. */
#include "state/file.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/random.h>
#include <unistd.h>

#include "state/impl.h"

struct state_file *state_new(void)
{
	struct state_file *f = calloc(1, sizeof(*f));

	if (!f)
		return NULL;
	pthread_mutex_init(&f->lock, NULL);
	pthread_mutex_init(&f->saving, NULL);
	f->dir = f->locked = -1;
	return f;
}

void state_close(struct state_file *f)
{
	if (!f)
		return;
	if (f->dir >= 0)
		close(f->dir);
	if (f->locked >= 0)
		close(f->locked);
	pthread_mutex_destroy(&f->lock);
	pthread_mutex_destroy(&f->saving);
	free(f->entries);
	free(f->path);
	free(f);
}

const char *state_path(const struct state_file *f)
{
	return f->path;
}

/* ---- entries ---- */

struct state_entry *state_entry(const struct state_file *f, const char *target, unsigned id)
{
	for (size_t i = 0; i < f->n; i++)
		if (f->entries[i].id == id && !strcasecmp(f->entries[i].target, target))
			return &f->entries[i];
	return NULL;
}

struct state_entry *state_entry_add(struct state_file *f, const char *target, unsigned id)
{
	struct state_entry *e = state_entry(f, target, id);

	if (e)
		return e;
	struct state_entry *more = reallocarray(f->entries, f->n + 1, sizeof(*more));
	if (!more)
		return NULL;
	f->entries = more;
	e = &more[f->n++];
	*e = (struct state_entry){.id = id};
	snprintf(e->target, sizeof(e->target), "%s", target);
	return e;
}

bool state_find(struct state_file *f, const char *target, unsigned id, struct state_lun *out)
{
	pthread_mutex_lock(&f->lock);
	const struct state_entry *e = state_entry(f, target, id);
	*out = e ? e->lun : (struct state_lun){0};
	pthread_mutex_unlock(&f->lock);
	return e != NULL;
}

/* The lock is held on success. */
static int begin_set(struct state_file *f, const char *target, unsigned id, struct state_entry **e)
{
	if (id >= STATE_IDS || !*target || strlen(target) > ISCSI_NAME_MAX)
		return -EINVAL;
	pthread_mutex_lock(&f->lock);
	*e = state_entry_add(f, target, id);
	if (*e)
		return 0;
	pthread_mutex_unlock(&f->lock);
	return -ENOMEM;
}

static void end_set(struct state_file *f, bool changed)
{
	f->changes += changed;
	pthread_mutex_unlock(&f->lock);
}

int state_set_used(struct state_file *f, const char *target, unsigned id, bool used)
{
	struct state_entry *e;
	int rc = begin_set(f, target, id, &e);

	if (rc)
		return rc;
	bool changed = e->lun.used != used;
	e->lun.used = used;
	end_set(f, changed);
	return 0;
}

int state_set_generation(struct state_file *f, const char *target, unsigned id, uint32_t generation)
{
	struct state_entry *e;
	int rc = begin_set(f, target, id, &e);

	if (rc)
		return rc;
	bool changed = e->lun.generation != generation;
	e->lun.generation = generation;
	end_set(f, changed);
	return 0;
}

int state_set_spilled(struct state_file *f, const char *target, unsigned id, const char *uuid)
{
	struct state_entry *e;

	if (strlen(uuid) > STATE_SPILLED_MAX)
		return -EINVAL;
	int rc = begin_set(f, target, id, &e);
	if (rc)
		return rc;
	bool changed = strcmp(e->lun.spilled, uuid) != 0;
	snprintf(e->lun.spilled, sizeof(e->lun.spilled), "%s", uuid);
	end_set(f, changed);
	return 0;
}

/* Under the lock. */
static int make_host(struct state_file *f)
{
	uint8_t id[STATE_HOST_SIZE];

	if (getrandom(id, sizeof(id), 0) != (ssize_t)sizeof(id))
		return -errno;
	for (size_t i = 0; i < sizeof(id); i++)
		snprintf(f->host + 2 * i, 3, "%02x", id[i]);
	f->changes++;
	return 0;
}

int state_host(struct state_file *f, uint8_t id[static STATE_HOST_SIZE])
{
	pthread_mutex_lock(&f->lock);
	int rc = f->host[0] ? 0 : make_host(f);
	for (size_t i = 0; !rc && i < STATE_HOST_SIZE; i++) {
		const char byte[] = {f->host[2 * i], f->host[2 * i + 1], '\0'};
		id[i] = (uint8_t)strtoul(byte, NULL, 16);
	}
	pthread_mutex_unlock(&f->lock);
	return rc;
}

int state_list_spilled(struct state_file *f, struct state_spilled **out, size_t *n)
{
	pthread_mutex_lock(&f->lock);
	*n = 0;
	*out = calloc(f->n + 1, sizeof(**out));
	for (size_t i = 0; *out && i < f->n; i++) {
		const struct state_entry *e = &f->entries[i];
		struct state_spilled *s = &(*out)[*n];
		if (!e->lun.spilled[0])
			continue;
		s->id = e->id;
		memcpy(s->target, e->target, sizeof(s->target));
		memcpy(s->uuid, e->lun.spilled, sizeof(s->uuid));
		(*n)++;
	}
	pthread_mutex_unlock(&f->lock);
	return *out ? 0 : -ENOMEM;
}
