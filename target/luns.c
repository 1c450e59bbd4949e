// SPDX-License-Identifier: MIT
/* luns.c - LUNs of the configuration. */
#include "luns.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "base/config.h"
#include "base/log.h"
#include "iscsi/node.h"
#include "scsi/scsi.h"
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

void luns_store_options(const struct config *c, unsigned readers, struct store_options *o)
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
		.numa_nodes = c->pool.numa_nodes,
		.readers = readers,
	};
}

/*
 * What makes identities of two hosts differ: machine-id(5). A host without one gets a new identity
 * at each start, which is said, because initiators will take the LUNs for new disks.
 */
static void host_id(uint8_t id[static 16])
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
	if (n == 32)
		return;
	log_warn("/etc/machine-id is missing or unusable: serial numbers and NAA identifiers are "
		 "made anew at each start (systemd-machine-id-setup makes one)");
	if (getrandom(id, 16, 0) != 16)
		log_error("getrandom: %s", strerror(errno));
}

struct progress {
	const char *target;
	unsigned id;
	uint64_t said; /* tenths */
};

static void progress(void *arg, uint64_t done, uint64_t of)
{
	struct progress *p = arg;
	uint64_t tenths = of ? done * 10 / of : 10;
	if (of * STORE_PAGE_SIZE < 1024 * MIB || tenths == p->said || tenths == 10)
		return;
	p->said = tenths;
	log_info("%s LUN %u: %llu of %llu MiB ready", p->target, p->id,
		 (unsigned long long)(done * STORE_PAGE_SIZE / MIB),
		 (unsigned long long)(of * STORE_PAGE_SIZE / MIB));
}

static int create_lun(struct store *s, const struct config_target *ct, const struct config_lun *cl,
		      const uint8_t host[static 16], struct scsi_lu *lu)
{
	char why[512];
	bool thin = cl->provisioning == PROVISIONING_THIN;
	struct progress p = {.target = ct->name, .id = cl->id};
	int err = store_lun_create(s, cl->size, thin ? STORE_THIN : STORE_FULL, progress, &p,
				   &lu->store, why, sizeof(why));
	if (err) {
		log_error("%s LUN %u: %s", ct->name, cl->id, why);
		return err;
	}
	lu->id = cl->id;
	lu->block_size = cl->block_size;
	lu->block_shift = (uint32_t)__builtin_ctz(cl->block_size);
	lu->blocks = cl->size >> lu->block_shift;
	lu->thin = thin;
	scsi_lu_name(lu, host, ct->name, 0, cl->serial);
	log_info("%s LUN %u: %llu MiB, %s, blocks of %u bytes, serial %s", ct->name, cl->id,
		 (unsigned long long)(cl->size / MIB), thin ? "thin" : "full", cl->block_size,
		 lu->serial);
	return 0;
}

static int create_target(struct store *s, const struct config_target *ct,
			 const uint8_t host[static 16], struct scsi_target *t)
{
	t->name = ct->name;
	t->relative_port = 1;
	t->port_group = PORTAL_GROUP_TAG;
	for (size_t i = 0; i < ct->nluns; i++) {
		struct scsi_lu *lu = calloc(1, sizeof(*lu));
		int err = lu ? create_lun(s, ct, &ct->luns[i], host, lu) : -ENOMEM;
		if (err) {
			free(lu);
			return err;
		}
		t->by_id[lu->id] = lu;
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

int luns_create(struct luns *l, const struct config *c, struct store *s)
{
	uint8_t host[16];
	host_id(host);
	l->config = c;
	l->targets = calloc(c->ntargets ? c->ntargets : 1, sizeof(*l->targets));
	if (!l->targets)
		return -ENOMEM;
	for (size_t i = 0; i < c->ntargets; i++) {
		int err = create_target(s, &c->targets[i], host, &l->targets[i]);
		if (err)
			return err;
	}
	report_use(s);
	return 0;
}

static void destroy_lun(const struct scsi_target *t, struct scsi_lu *lu, bool log_loss)
{
	uint64_t bytes = store_lun_pages(lu->store) * STORE_PAGE_SIZE;

	if (log_loss && bytes)
		log_warn("%s LUN %u: %llu bytes of memory, and what was in them, are given up",
			 t->name, lu->id, (unsigned long long)bytes);
	store_lun_destroy(lu->store);
	free(lu);
}

void luns_destroy(struct luns *l, bool log_loss)
{
	for (size_t i = 0; l->targets && i < l->config->ntargets; i++) {
		struct scsi_target *t = &l->targets[i];
		for (unsigned id = 0; id < SCSI_LUNS_MAX; id++)
			if (t->by_id[id])
				destroy_lun(t, t->by_id[id], log_loss);
	}
	free(l->targets);
}
