// SPDX-License-Identifier: MIT
/* kept.c - LUNs that an earlier process left. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "store/internal.h"

void store_leave(struct store *s)
{
	store_close(s);
}

void store_lun_leave(struct store_lun *l)
{
	store_lun_destroy(l);
}

void store_get_files(const struct store *s, struct store_files *out)
{
	*out = (struct store_files){s->pool.fd, s->tables.fd, -1};
}

bool store_is_kept(const struct store *s)
{
	(void)s;
	return false;
}

int store_set_settings(struct store *s, const void *p, size_t n)
{
	(void)s;
	(void)p;
	return n > STORE_SETTINGS_MAX ? -EINVAL : 0;
}

size_t store_settings(struct store *s, uint8_t out[static STORE_SETTINGS_MAX])
{
	(void)s;
	(void)out;
	return 0;
}

int store_lun_set_label(struct store_lun *l, const void *p, size_t n)
{
	(void)l;
	(void)p;
	return n > STORE_LABEL_MAX ? -EINVAL : 0;
}

size_t store_lun_label(const struct store_lun *l, uint8_t out[static STORE_LABEL_MAX])
{
	(void)l;
	(void)out;
	return 0;
}

int store_kept_list(struct store *s, struct store_kept **out, size_t *n)
{
	(void)s;
	*out = NULL;
	*n = 0;
	return 0;
}

int store_lun_adopt(struct store *s, unsigned slot, struct store_lun **out, char *why,
		    size_t why_len)
{
	(void)s;
	(void)out;
	snprintf(why, why_len, "table %u is not kept", slot);
	return -ENOENT;
}

enum store_kept_state store_lun_state(const struct store_lun *l)
{
	(void)l;
	return STORE_KEPT_WHOLE;
}

void store_on_first_write(struct store *s, void (*first)(void *arg, struct store_lun *l), void *arg)
{
	(void)s;
	(void)first;
	(void)arg;
}

void store_lun_set_used(struct store_lun *l)
{
	(void)l;
}

bool store_lun_used(const struct store_lun *l)
{
	(void)l;
	return true;
}

bool store_lost(const struct store_lun *l, uint64_t off, uint64_t len)
{
	(void)l;
	(void)off;
	(void)len;
	return false;
}
