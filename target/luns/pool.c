// SPDX-License-Identifier: MIT
/* pool.c - see luns/pool.h. */
#include "luns/pool.h"

#include <stdbool.h>
#include <string.h>

#include "base/log.h"
#include "luns/luns.h"
#include "store/store.h"

static uint64_t configured(const struct luns *l)
{
	struct store_options o;

	luns_store_options(l->config, 1, &o);
	return o.ceiling;
}

/* Under the lock, or before luns_serve(). */
static void keep(struct luns *l, uint64_t ceiling)
{
	struct pool_wire w = {.magic = POOL_MAGIC};

	put16(&w.version, POOL_VERSION);
	put16(&w.length, sizeof(w));
	put64(&w.ceiling, ceiling);
	put64(&w.configured, configured(l));
	int rc = store_set_settings(l->store, &w, sizeof(w));
	if (rc)
		log_error("the size of the pool cannot be kept for the next start: %s",
			  strerror(-rc));
}

/* False: nothing was kept, or nothing that is understood. */
static bool read_kept(struct luns *l, struct pool_wire *w)
{
	uint8_t bytes[STORE_SETTINGS_MAX];

	if (store_settings(l->store, bytes) != sizeof(*w))
		return false;
	memcpy(w, bytes, sizeof(*w));
	return !memcmp(w->magic, POOL_MAGIC, sizeof(w->magic)) &&
	       get16(w->version) == POOL_VERSION && get16(w->length) == sizeof(*w);
}

void luns_pool_start(struct luns *l)
{
	const uint64_t now = configured(l);
	struct pool_wire w;
	char why[LUNS_WHY] = "";

	if (!read_kept(l, &w) || get64(w.configured) != now || get64(w.ceiling) == now) {
		keep(l, now);
		return;
	}
	if (store_set_ceiling(l->store, get64(w.ceiling), why, sizeof(why)))
		log_warn("the pool has the size that the configuration says, and not the one that "
			 "was set at run time: %s",
			 why);
}

int luns_set_ceiling(struct luns *l, uint64_t bytes, char *why, size_t why_len)
{
	struct store_stats st;

	pthread_mutex_lock(&l->ceiling_lock);
	int rc = store_set_ceiling(l->store, bytes, why, why_len);
	if (!rc) {
		store_get_stats(l->store, &st);
		keep(l, st.pages_max * STORE_PAGE_SIZE);
	}
	pthread_mutex_unlock(&l->ceiling_lock);
	return rc;
}
