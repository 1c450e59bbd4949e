// SPDX-License-Identifier: MIT
/* luns.c - LUNs of the configuration, and what there is of LUNs. */
#include "luns/luns.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/random.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/config.h"
#include "base/log.h"
#include "iscsi/directory.h"
#include "iscsi/node.h"
#include "luns/held.h"
#include "luns/scrub.h"
#include "luns/kept.h"
#include "luns/lu.h"
#include "luns/pool.h"
#include "luns/used.h"
#include "scsi/scsi.h"
#include "state/file.h"
#include "store/store.h"

#define MIB ((uint64_t)1 << 20)

static uint64_t whole_pages(uint64_t bytes)
{
	return (bytes + STORE_PAGE_SIZE - 1) & ~(uint64_t)(STORE_PAGE_SIZE - 1);
}

/* Without a limit thin LUNs may grow to their sizes, as far as the host has the memory. */
static uint64_t ceiling(const struct config_pool *p, uint64_t full, uint64_t thin)
{
	uint64_t size = p->size ? p->size : p->floor + p->elastic;
	if (!size)
		size = full + thin < STORE_LUN_MAX ? full + thin : STORE_LUN_MAX;
	return size > full ? size : full;
}

void luns_store_options(const struct config *c, unsigned reactors, struct store_options *o)
{
	static const enum store_kind kinds[] = {
		[PAGES_AUTO] = STORE_AUTO, [PAGES_HUGE] = STORE_HUGE, [PAGES_PLAIN] = STORE_PLAIN};
	uint64_t full = 0, thin = 0;

	for (size_t t = 0; t < c->ntargets; t++) {
		for (size_t i = 0; i < c->targets[t].nluns; i++) {
			const struct config_lun *l = &c->targets[t].luns[i];
			if (l->provisioning == PROVISIONING_FULL)
				full += whole_pages(l->size);
			else
				thin += whole_pages(l->size);
		}
	}
	*o = (struct store_options){
		.kind = kinds[c->pool.pages],
		.full_bytes = full,
		.ceiling = ceiling(&c->pool, full, thin),
		.headroom = c->pool.headroom,
		.overcommit_percent = c->pool.overcommit,
		.reserve = c->pool.reserve,
		.soft_threshold_percent = c->pool.soft_threshold,
		.numa_nodes = c->pool.numa_nodes,
		.readers = reactors + 1,
	};
}

static bool read_machine_id(uint8_t id[static 16])
{
	char text[33] = "";
	int fd = open("/etc/machine-id", O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, text, 32);
	if (fd >= 0)
		close(fd);
	memset(id, 0, 16);
	for (int i = 0; n == 32 && i < 16; i++) {
		unsigned byte;
		if (sscanf(text + (size_t)i * 2, "%2x", &byte) != 1)
			n = -1;
		id[i] = (uint8_t)byte;
	}
	return n == 32;
}

/*
 * What makes identities of two hosts differ: machine-id(5). A host without one (a container) gets
 * one that is kept with the state; without that a new one at each start, which is said, because
 * initiators will take the LUNs for new disks.
 */
static void find_host(struct luns *l)
{
	_Static_assert(sizeof(l->host) == STATE_HOST_SIZE, "one kind of identity");
	if (read_machine_id(l->host) || (l->state && !state_host(l->state, l->host)))
		return;
	log_warn("/etc/machine-id is missing or unusable, and there is no state_dir: serial "
		 "numbers and NAA identifiers are made anew at each start "
		 "(systemd-machine-id-setup makes one)");
	if (getrandom(l->host, sizeof(l->host), 0) != (ssize_t)sizeof(l->host))
		log_error("getrandom: %s", strerror(errno));
}

/* Empty, under this name. What cannot be remembered is not shown: a later loss of it would not be
 * known from this one. */
static int make_lun(struct luns *l, size_t target, const struct config_lun *how)
{
	const char *name = l->targets[target].name;
	struct luns_recipe r = {.how = how, .seed = l->host, .by_config = true};
	char why[LUNS_WHY] = "";
	struct scsi_lu *lu;
	bool was_used;

	r.generation = luns_next_generation(l, name, how->id, &was_used);
	r.stopped = was_used && how->on_loss == LOSS_STOP;
	int err = was_used ? luns_remember(l, name, how->id, r.generation, why, sizeof(why)) : 0;
	if (!err)
		err = luns_make(l, target, &r, &lu, why, sizeof(why));
	if (err) {
		log_error("%s LUN %u: %s", name, how->id, why);
		return err;
	}
	if (was_used)
		log_warn("%s LUN %u: what it held is lost; it is empty, generation %u, and %s",
			 name, how->id, (unsigned)r.generation,
			 r.stopped ? "stopped for each initiator until that probes it anew, or "
				     "\"memtgtctl lun start\""
				   : "served, as on_loss says");
	l->owned[target].lu[lu->id] = lu;
	l->targets[target].by_id[lu->id] = lu;
	return 0;
}

static void name_target(struct luns *l, size_t index)
{
	struct scsi_target *t = &l->targets[index];

	t->name = l->config->targets[index].name;
	t->port_groups = config_groups_of(l->config, &l->config->targets[index]);
}

/*
 * Those that were not kept. Where something was lost, or is held and takes the memory, the others
 * are served without the one that cannot be made.
 */
static int create_target(struct luns *l, size_t index)
{
	const struct config_target *ct = &l->config->targets[index];

	for (size_t i = 0; i < ct->nluns; i++) {
		if (l->owned[index].lu[ct->luns[i].id])
			continue;
		int err = make_lun(l, index, &ct->luns[i]);
		if (err && (err == -ECANCELED || !store_is_kept(l->store)))
			return err;
	}
	return 0;
}

/* Hugepages that the configuration counts on, and the host does not give. */
static void check_hugepages(const char *key, uint64_t want, uint64_t have, const char *sysctl)
{
	if (want > have * STORE_PAGE_SIZE)
		log_warn("%s is %llu MiB, but the host's %s makes %llu MiB: sysctl -w %s=%llu", key,
			 (unsigned long long)(want / MIB), sysctl,
			 (unsigned long long)(have * STORE_PAGE_SIZE / MIB), sysctl,
			 (unsigned long long)(whole_pages(want) / STORE_PAGE_SIZE));
}

void luns_report_pool(const struct config *c, struct store *s)
{
	struct store_stats st;
	char text[256];

	store_get_stats(s, &st);
	log_info("memory: at most %llu MiB in %s",
		 (unsigned long long)(st.pages_max * STORE_PAGE_SIZE / MIB),
		 st.kind == STORE_HUGE ? "hugepages of 2 MiB" : "pages of 4 KiB");
	check_hugepages("pool.floor", c->pool.floor, st.host_static, "vm.nr_hugepages");
	check_hugepages("pool.elastic", c->pool.elastic, st.host_surplus_max,
			"vm.nr_overcommit_hugepages");
	if (store_stats_advice(&st, text, sizeof(text)))
		log_info("memory: %s", text);
}

/* With the LUNs: how much of it is theirs. */
static void report_use(struct store *s)
{
	struct store_stats st;
	char text[256];

	store_get_stats(s, &st);
	store_stats_text(&st, text, sizeof(text));
	log_info("memory: %s", text);
}

static int create_all(struct luns *l)
{
	char why[LUNS_WHY];
	luns_pool_start(l);
	int err = luns_adopt(l);

	for (size_t i = 0; !err && i < l->config->ntargets; i++)
		err = create_target(l, i);
	/* What was learned from kept memory alone. */
	if (!err && l->state && state_save(l->state, why, sizeof(why))) {
		log_error("%s", why);
		luns_used_save(l);
	}
	return err;
}

int luns_create(struct luns *l, const struct config *c, struct store *s, struct store_reader *r,
		struct state_file *state)
{
	*l = (struct luns){.config = c,
			   .store = s,
			   .reader = r,
			   .state = state,
			   .limit_ms = LUNS_LIMIT_MS,
			   .is_closed = true};
	store_reader_offline(r);
	pthread_mutex_init(&l->ceiling_lock, NULL);
	pthread_mutex_init(&l->lock, NULL);
	clock_cond_init(&l->idle);
	find_host(l);
	l->targets = calloc(c->ntargets, sizeof(*l->targets));
	l->owned = calloc(c->ntargets, sizeof(*l->owned));
	if (!l->targets || !l->owned) {
		log_error("no memory for %zu targets", c->ntargets);
		return -ENOMEM;
	}
	for (size_t i = 0; i < c->ntargets; i++)
		name_target(l, i);
	int err = luns_used_start(l);
	if (err) {
		log_error("no thread to remember what is used: %s", strerror(-err));
		return err;
	}
	err = luns_scrub_start(l);
	if (err) {
		log_error("no thread to remove what LUNs held: %s", strerror(-err));
		return err;
	}
	err = create_all(l);
	if (!err)
		report_use(s);
	return err;
}

static void destroy_lun(const struct scsi_target *t, struct scsi_lu *lu, bool log_loss)
{
	uint64_t bytes = store_lun_pages(lu->store) * STORE_PAGE_SIZE;

	const struct luns_lu *u = luns_lu_of(lu);
	if (log_loss && bytes && !(u && u->is_saved))
		log_warn("%s LUN %u: %llu bytes of memory, and what was in them, are given up",
			 t->name, lu->id, (unsigned long long)bytes);
	store_lun_destroy(lu->store);
	luns_lu_free(lu);
}

static void leave_lun(struct scsi_lu *lu)
{
	store_lun_leave(lu->store);
	luns_lu_free(lu);
}

enum end { END_KEPT, END_LOST, END_QUIET };

static void end(struct luns *l, enum end how)
{
	if (!l->config)
		return; /* it was not made */
	luns_scrub_stop(l);
	luns_used_stop(l);
	for (size_t i = 0; l->owned && i < l->config->ntargets; i++)
		for (unsigned id = 0; id < SCSI_LUNS_MAX; id++) {
			struct scsi_lu *lu = l->owned[i].lu[id];
			if (lu && how == END_KEPT)
				leave_lun(lu);
			else if (lu)
				destroy_lun(&l->targets[i], lu, how == END_LOST);
		}
	if (how == END_KEPT)
		luns_held_leave(l);
	else
		luns_held_destroy(l, how == END_LOST);
	free(l->owned);
	free(l->targets);
	pthread_cond_destroy(&l->idle);
	pthread_mutex_destroy(&l->lock);
	pthread_mutex_destroy(&l->ceiling_lock);
	l->config = NULL;
}

void luns_destroy(struct luns *l, bool log_loss)
{
	end(l, log_loss ? END_LOST : END_QUIET);
}

void luns_keep(struct luns *l)
{
	end(l, END_KEPT);
}

/* ---- looking ---- */

/* Under the lock, but for the sessions. */
static void describe(const struct scsi_target *t, const struct scsi_lu *lu, struct luns_info *out)
{
	const struct luns_lu *u = luns_lu_of(lu);

	*out = (struct luns_info){
		.id = lu->id,
		.bytes = lu->blocks << lu->block_shift,
		.block_size = lu->block_size,
		.is_thin = lu->thin,
		.is_read_only = lu->read_only,
		.is_going = t->by_id[lu->id] != lu,
		.is_stopped = lu->stopped,
		.is_used = store_lun_used(lu->store),
		.generation = u ? u->generation : 0,
		.used = store_lun_pages(lu->store) * STORE_PAGE_SIZE,
	};
	if (u && u->is_damaged)
		snprintf(out->why, sizeof(out->why), "part of what it held is lost");
	snprintf(out->target, sizeof(out->target), "%s", t->name);
	snprintf(out->serial, sizeof(out->serial), "%s", lu->serial);
	for (unsigned i = 0; i < sizeof(lu->naa); i++)
		snprintf(out->naa + (size_t)i * 2, 3, "%02x", lu->naa[i]);
}

static void count_sessions(struct luns *l, size_t target, struct luns_info *i)
{
	if (l->node)
		i->sessions =
			directory_count_seeing(&l->node->directory, &l->targets[target], i->id);
}

static size_t count_luns(const struct luns *l)
{
	size_t n = 0;

	for (size_t i = 0; i < l->config->ntargets; i++)
		for (unsigned id = 0; id < SCSI_LUNS_MAX; id++)
			n += l->owned[i].lu[id] != NULL;
	for (const struct luns_held *h = l->held; h; h = h->next)
		n++;
	return n;
}

int luns_list(struct luns *l, struct luns_info **out, size_t *n)
{
	size_t at = 0;

	pthread_mutex_lock(&l->lock);
	struct luns_info *all = calloc(count_luns(l) + 1, sizeof(*all));
	for (size_t i = 0; all && i < l->config->ntargets; i++)
		for (unsigned id = 0; id < SCSI_LUNS_MAX; id++)
			if (l->owned[i].lu[id]) {
				describe(&l->targets[i], l->owned[i].lu[id], &all[at]);
				count_sessions(l, i, &all[at++]);
			}
	for (const struct luns_held *h = l->held; all && h; h = h->next)
		luns_held_describe(h, &all[at++]);
	pthread_mutex_unlock(&l->lock);
	*out = all;
	*n = at;
	return all ? 0 : -ENOMEM;
}

int luns_find(struct luns *l, const char *target, unsigned id, struct luns_info *out, char *why,
	      size_t why_len)
{
	size_t t = luns_target(l, target);
	bool known = t < l->config->ntargets;

	pthread_mutex_lock(&l->lock);
	const struct scsi_lu *lu = known && id < SCSI_LUNS_MAX ? l->owned[t].lu[id] : NULL;
	if (lu) {
		describe(&l->targets[t], lu, out);
		count_sessions(l, t, out);
	}
	const struct luns_held *h = lu ? NULL : luns_held_find(l, target, id);
	if (h)
		luns_held_describe(h, out);
	pthread_mutex_unlock(&l->lock);
	return lu || h ? 0 : luns_unknown(l, target, id, why, why_len);
}

size_t luns_target(const struct luns *l, const char *name)
{
	size_t i = 0;

	while (i < l->config->ntargets && strcasecmp(l->targets[i].name, name) != 0)
		i++;
	return i;
}

int luns_unknown(const struct luns *l, const char *target, unsigned id, char *why, size_t why_len)
{
	if (!strcasecmp(target, LUNS_HELD))
		snprintf(why, why_len, "nothing is held in table %u: \"lun list\" shows what is",
			 id);
	else if (luns_target(l, target) == l->config->ntargets)
		snprintf(why, why_len, "there is no target %s: the configuration names the targets",
			 target);
	else
		snprintf(why, why_len, "%s has no LUN %u: \"lun list\" shows those there are",
			 target, id);
	return -ENOENT;
}
