// SPDX-License-Identifier: MIT
/* luns_rig.c - see luns_rig.h. */
#include "unit/luns_rig.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/log.h"
#include "iscsi/directory.h"

#define PATIENCE 30000u /* ms */

void luns_rig_init(struct luns_rig *r)
{
	memset(r, 0, sizeof(*r));
	r->files = (struct store_files){-1, -1, -1};
	r->pool = "256M";
	log_set_level(LOG_LEVEL_ERROR);
	strcpy(r->dir, "/tmp/memtgt-test-luns-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(r->dir));
}

static void close_files(struct luns_rig *r)
{
	if (r->files.pool < 0)
		return;
	close(r->files.pool);
	close(r->files.tables);
	close(r->files.records);
	r->files = (struct store_files){-1, -1, -1};
}

void luns_rig_free(struct luns_rig *r)
{
	char command[128];

	close_files(r);
	snprintf(command, sizeof(command), "rm -rf %s", r->dir);
	ck_assert_int_eq(system(command), 0);
}

static void read_config(struct luns_rig *r, const char *targets)
{
	char path[128];

	snprintf(path, sizeof(path), "%s/conf", r->dir);
	FILE *f = fopen(path, "w");
	ck_assert_ptr_nonnull(f);
	fprintf(f,
		"portals = ( { address = \"127.0.0.1\"; port = 0; } );\n"
		"pool = { pages = \"plain\"; size = \"%s\"; headroom = 0; };\n"
		"targets = %s;\n",
		r->pool, targets);
	ck_assert_int_eq(fclose(f), 0);
	ck_assert_int_eq(config_load(path, &r->config, stderr), 0);
}

static void open_store(struct luns_rig *r)
{
	struct store_options o;

	luns_store_options(r->config, 1, &o);
	o.kept = &r->files;
	int rc = store_open(&r->store, &o, r->why, sizeof(r->why));
	ck_assert_msg(!rc, "%s", r->why);
	r->files = (struct store_files){-1, -1, -1};
	r->reader = store_reader(r->store, 0);
	store_reader_offline(r->reader);
}

int luns_rig_try(struct luns_rig *r, const char *targets)
{
	read_config(r, targets);
	if (!r->no_state) {
		int rc = state_open(r->dir, &r->state, r->why, sizeof(r->why));
		ck_assert_msg(!rc, "%s", r->why);
	}
	open_store(r);
	int rc = luns_create(&r->luns, r->config, r->store, store_reader(r->store, 1), r->state);
	r->node = (struct iscsi_node){
		.config = r->config, .targets = r->luns.targets, .ntargets = r->config->ntargets};
	directory_init(&r->node.directory, NULL, NULL);
	if (!rc)
		luns_serve(&r->luns, &r->node);
	return rc;
}

void luns_rig_start(struct luns_rig *r, const char *targets)
{
	ck_assert_int_eq(luns_rig_try(r, targets), 0);
}

static void forget(struct luns_rig *r)
{
	directory_free(&r->node.directory);
	state_close(r->state);
	config_free(r->config);
	r->state = NULL;
}

static int copy(int fd)
{
	int dup = fcntl(fd, F_DUPFD_CLOEXEC, 3);

	ck_assert_int_ge(dup, 0);
	return dup;
}

void luns_rig_keep(struct luns_rig *r)
{
	struct store_files f;

	store_get_files(r->store, &f);
	r->files = (struct store_files){copy(f.pool), copy(f.tables), copy(f.records)};
	luns_close(&r->luns);
	store_stop_filling(r->store);
	luns_keep(&r->luns);
	store_leave(r->store);
	forget(r);
}

void luns_rig_lose(struct luns_rig *r)
{
	luns_close(&r->luns);
	store_stop_filling(r->store);
	luns_destroy(&r->luns, true);
	store_close(r->store);
	forget(r);
}

struct scsi_lu *luns_rig_lu(struct luns_rig *r, unsigned id)
{
	return r->luns.owned[0].lu[id];
}

struct luns_info luns_rig_info(struct luns_rig *r, const char *target, unsigned id)
{
	struct luns_info i;
	int rc = luns_find(&r->luns, target, id, &i, r->why, sizeof(r->why));

	ck_assert_msg(!rc, "%s", r->why);
	return i;
}

void luns_rig_write(struct luns_rig *r, unsigned id, uint64_t off, const void *p, size_t n)
{
	const struct timespec step = {.tv_nsec = 1000000};
	struct store_lun *s = luns_rig_lu(r, id)->store;
	unsigned tries = 0;

	store_reader_online(r->reader);
	for (size_t done = 0; done < n;) {
		int64_t got =
			store_write(r->reader, s, off + done, (const char *)p + done, n - done);
		store_reader_quiet(r->reader);
		ck_assert_msg(got > 0 || got == -EAGAIN, "store_write: %s", strerror((int)-got));
		if (got > 0) {
			done += (size_t)got;
			continue;
		}
		ck_assert_uint_lt(tries++, PATIENCE);
		nanosleep(&step, NULL);
	}
	store_reader_offline(r->reader);
}

void luns_rig_read(struct luns_rig *r, unsigned id, uint64_t off, void *p, size_t n)
{
	const struct store_lun *s = luns_rig_lu(r, id)->store;
	char *to = p;

	store_reader_online(r->reader);
	while (n) {
		size_t have;
		const uint8_t *from = store_at(s, off, n, &have);
		memcpy(to, from, have);
		to += have;
		off += have;
		n -= have;
	}
	store_reader_offline(r->reader);
}
