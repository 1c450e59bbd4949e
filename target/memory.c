// SPDX-License-Identifier: MIT
/* memory.c - see memory.h. */
#include "memory.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/config.h"
#include "base/log.h"
#include "base/notify.h"
#include "luns/luns.h"
#include "state/file.h"
#include "store/store.h"

static const char *const names[MEMORY_FILES] = {"memtgt-pool", "memtgt-tables", "memtgt-records"};

/* A default need not be there; what is there must be understood. */
static int open_state(struct memory *m)
{
	const char *dir = m->config->state_dir;
	char why[512];

	if (!dir)
		dir = getenv("STATE_DIRECTORY");
	if (dir && !*dir)
		return 0;
	if (!dir && access(STATE_DIR, F_OK)) {
		log_warn(
			"there is no folder " STATE_DIR ", so nothing tells after a loss of memory "
			"which LUNs had data, and they come back empty under their old names: make "
			"it, or set state_dir");
		return 0;
	}
	const int err = state_open(dir ? dir : STATE_DIR, &m->state, why, sizeof(why));
	if (err)
		log_error("%s", why);
	return err;
}

static int open_store(struct memory *m)
{
	const struct store_files kept = {.pool = inherit_take(names[0]),
					 .tables = inherit_take(names[1]),
					 .records = inherit_take(names[2])};
	struct store_options o;
	char why[512];

	luns_store_options(m->config, m->readers, &o);
	o.kept = &kept;
	const int err = store_open(&m->store, &o, why, sizeof(why));
	if (err)
		log_error("%s", why);
	return err;
}

int memory_open(struct memory *m, const struct config *config, unsigned readers)
{
	*m = (struct memory){.config = config, .readers = readers};
	const int err = open_state(m);

	return err ? err : open_store(m);
}

struct store_reader *memory_reader(const struct memory *m)
{
	return store_reader(m->store, m->readers);
}

/* ---- what goes to spill_dir, and comes back ---- */

/* Longer than this neither disk nor host should take for a piece. */
#define SPILL_EXTEND_S 60u

static void go_on(void *arg)
{
	(void)arg;
	notify_extend(SPILL_EXTEND_S);
	notify_watchdog();
}

static struct spill spill_of(const struct memory *m)
{
	struct store_reader *reader = memory_reader(m);

	store_reader_offline(reader);
	return (struct spill){.dir = m->config->spill_dir,
			      .state = m->state,
			      .store = m->store,
			      .reader = reader,
			      .tick = go_on};
}

/* Also without spill_dir: what the state names is to be forgotten before anybody writes. */
int memory_restore(struct memory *m)
{
	if (m->config->spill_dir && !m->state) {
		log_error(
			"spill_dir needs state_dir, whose file tells which images are the newest: "
			"make " STATE_DIR ", or set state_dir");
		return -ENOENT;
	}
	if (!m->state)
		return 0;
	m->spill = spill_of(m);
	return spill_restore(&m->spill);
}

int memory_offer(struct memory *m)
{
	if (!m->state)
		return 0;
	m->is_forgotten = true;
	return spill_forget(&m->spill);
}

void memory_settle(struct memory *m)
{
	spill_drop(&m->spill);
}

/* ---- who keeps it ---- */

size_t memory_fds(const struct memory *m, struct inherit_fd out[static MEMORY_FILES])
{
	struct store_files f;

	if (!m->store)
		return 0;
	store_get_files(m->store, &f);
	out[0] = (struct inherit_fd){names[0], f.pool};
	out[1] = (struct inherit_fd){names[1], f.tables};
	out[2] = (struct inherit_fd){names[2], f.records};
	return MEMORY_FILES;
}

void memory_keep(const struct memory *m)
{
	struct inherit_fd fds[MEMORY_FILES];
	const size_t n = memory_fds(m, fds);

	for (size_t i = 0; i < n; i++)
		(void)notify_store(fds[i].name, fds[i].fd);
}

static void forget(const struct memory *m)
{
	struct inherit_fd fds[MEMORY_FILES];
	const size_t n = memory_fds(m, fds);

	for (size_t i = 0; i < n; i++)
		notify_forget(fds[i].name);
}

bool memory_has_data(const struct memory *m)
{
	return m->is_forgotten || (m->store && store_is_kept(m->store));
}

/* ---- the end ---- */

void memory_save(struct memory *m, struct luns *l)
{
	if (m->config->spill_dir && m->state && m->store) {
		struct spill spill = spill_of(m);
		spill_luns(&spill, l);
	}
	forget(m);
}

void memory_end(struct memory *m, struct luns *l, bool kept, bool log_loss)
{
	if (kept)
		luns_keep(l);
	else
		luns_destroy(l, log_loss);
	if (m->store && kept)
		store_leave(m->store);
	else if (m->store)
		store_close(m->store);
	state_close(m->state);
}
