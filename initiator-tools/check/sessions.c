// SPDX-License-Identifier: MIT
/* sessions.c - /sys/class/iscsi_session: targets, timers, disks. */
#include "initiator-tools/check/sessions.h"

#include <errno.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "initiator-tools/check/tree.h"

#define CLASS	      "/sys/class/iscsi_session"
#define FOLDER_MAX    160
#define SECONDS_LIMIT ((uint64_t)INT32_MAX)

/* ---- page 83h: SPC-4 7.8.6 ---- */

#define PAGE_HEADER	  4u
#define DESIGNATOR_HEADER 4u
#define CODE_SET_BINARY	  1u
#define TYPE_NAA	  3u
#define ASSOCIATION_LU	  0u

bool sessions_naa(const unsigned char *page, size_t n, char out[static 33])
{
	size_t at = PAGE_HEADER;

	out[0] = '\0';
	while (at + DESIGNATOR_HEADER <= n) {
		const unsigned char *d = page + at;
		size_t len = d[3];
		if (at + DESIGNATOR_HEADER + len > n)
			break;
		bool is_naa = (d[0] & 0x0f) == CODE_SET_BINARY && (d[1] & 0x0f) == TYPE_NAA &&
			      (d[1] >> 4 & 3) == ASSOCIATION_LU;
		if (is_naa && (len == 8 || len == 16)) {
			for (size_t i = 0; i < len; i++)
				snprintf(out + 2 * i, 3, "%02x", d[DESIGNATOR_HEADER + i]);
			return true;
		}
		at += DESIGNATOR_HEADER + len;
	}
	return false;
}

/* ---- disks ---- */

static bool is_loan(const char *name, void *arg)
{
	(void)arg;
	return block_is_loan(name);
}

static bool is_multipath(const char *name, void *arg)
{
	(void)arg;
	return block_is_multipath(name);
}

static long seconds(const char *folder, const char *attribute)
{
	char word[TREE_WORD_MAX];
	uint64_t n;

	if (!tree_word(word, "%s/%s", folder, attribute))
		return SESSION_UNKNOWN;
	if (!strcmp(word, "off"))
		return SESSION_FOREVER;
	return text_number(word, SECONDS_LIMIT, &n) ? (long)n : SESSION_UNKNOWN;
}

static void read_disk(struct session_disk *d, const char *folder, const char *name)
{
	char page[4096], word[TREE_WORD_MAX];
	long n = tree_read(page, sizeof(page), "%s/vpd_pg83", folder);

	snprintf(d->name, sizeof(d->name), "%.*s", BLOCK_NAME_MAX, name);
	if (n > 0)
		sessions_naa((const unsigned char *)page, (size_t)n, d->naa);
	d->is_memtgt = tree_word(word, "%s/vendor", folder) && !strcmp(word, "MEMTGT");
	d->timeout = seconds(folder, "timeout");
	d->is_loan = block_above(d->name, is_loan, NULL);
	d->is_multipath = block_above(d->name, is_multipath, NULL);
}

struct scan {
	struct sessions *all;
	struct kernel_session *session;
	char folder[FOLDER_MAX]; /* that is being read */
};

/* Folders deeper, of those whose name begins so. */
static int descend(const struct scan *s, const char *name, const char *sub, tree_each_fn *fn)
{
	struct scan deeper = *s;
	int n = snprintf(deeper.folder, FOLDER_MAX, "%s/%s%s", s->folder, name, sub);

	if (n >= 0 && n < FOLDER_MAX)
		(void)tree_each(deeper.folder, fn, &deeper);
	return 0;
}

/* DEVICE/block/NAME */
static int take_block(const char *name, void *arg)
{
	struct scan *s = arg;
	struct kernel_session *k = s->session;
	char device[FOLDER_MAX];

	if (k->ndisks == SESSION_DISKS_MAX) {
		s->all->is_cut = true;
		return 1;
	}
	if (!k->disks)
		k->disks = calloc(SESSION_DISKS_MAX, sizeof(k->disks[0]));
	if (!k->disks)
		return -ENOMEM;
	snprintf(device, sizeof(device), "%s", s->folder);
	*strrchr(device, '/') = '\0';
	read_disk(&k->disks[k->ndisks++], device, name);
	return 0;
}

/* "0:0:0:1" */
static int take_device(const char *name, void *arg)
{
	unsigned a, b, c;
	int end = 0;

	if (sscanf(name, "%9u:%9u:%9u:%n", &a, &b, &c, &end) < 3 || !end)
		return 0;
	return descend(arg, name, "/block", take_block);
}

static int take_target(const char *name, void *arg)
{
	return strncmp(name, "target", 6) != 0 ? 0 : descend(arg, name, "", take_device);
}

/* ---- sessions ---- */

static void text(char *out, size_t n, const char *folder, const char *attribute)
{
	char word[TREE_WORD_MAX];

	if (!tree_word(word, "%s/%s", folder, attribute) || strlen(word) >= n)
		word[0] = '\0';
	memcpy(out, word, strlen(word) + 1);
}

/* Of a session with several connections that which has the shortest timers. */
static int take_connection(const char *name, void *arg)
{
	struct scan *s = arg;
	struct kernel_session *k = s->session;
	char folder[FOLDER_MAX];

	if (strncmp(name, "connection", 10) != 0 ||
	    snprintf(folder, sizeof(folder), "%s/%s/iscsi_connection/%s", s->folder, name, name) >=
		    FOLDER_MAX)
		return 0;
	long interval = seconds(folder, "recv_tmo"), timeout = seconds(folder, "ping_tmo");
	if (k->noop_interval < 0 || (interval >= 0 && interval < k->noop_interval))
		k->noop_interval = interval;
	if (k->noop_timeout < 0 || (timeout >= 0 && timeout < k->noop_timeout))
		k->noop_timeout = timeout;
	text(k->address, sizeof(k->address), folder, "address");
	if (!k->address[0])
		text(k->address, sizeof(k->address), folder, "persistent_address");
	return 0;
}

static int take_session(const char *name, void *arg)
{
	struct sessions *all = arg;
	char folder[FOLDER_MAX], word[TREE_WORD_MAX];
	uint64_t id;

	if (strncmp(name, "session", 7) != 0 || !text_number(name + 7, UINT32_MAX, &id))
		return 0;
	if (all->n == SESSIONS_MAX) {
		all->is_cut = true;
		return 0;
	}
	struct kernel_session *k = &all->all[all->n++];
	struct scan s = {.all = all, .session = k};
	*k = (struct kernel_session){.id = (unsigned)id,
				     .noop_interval = SESSION_UNKNOWN,
				     .noop_timeout = SESSION_UNKNOWN};
	snprintf(folder, sizeof(folder), CLASS "/session%u", k->id);
	text(k->target, sizeof(k->target), folder, "targetname");
	text(k->initiator, sizeof(k->initiator), folder, "initiatorname");
	k->is_logged_in = tree_word(word, "%s/state", folder) && !strcmp(word, "LOGGED_IN");
	k->recovery = seconds(folder, "recovery_tmo");
	snprintf(s.folder, sizeof(s.folder), CLASS "/session%u/device", k->id);
	(void)tree_each(s.folder, take_connection, &s);
	(void)tree_each(s.folder, take_target, &s);
	return 0;
}

int sessions_read(struct sessions *s)
{
	*s = (struct sessions){.all = calloc(SESSIONS_MAX, sizeof(s->all[0]))};
	if (!s->all)
		return -ENOMEM;
	int err = tree_each(CLASS, take_session, s);
	if (err == -ENOENT)
		err = 0;
	if (err)
		sessions_free(s);
	return err;
}

void sessions_free(struct sessions *s)
{
	for (size_t i = 0; i < s->n; i++)
		free(s->all[i].disks);
	free(s->all);
	*s = (struct sessions){0};
}

bool session_is_of_loan(const struct kernel_session *s)
{
	for (size_t i = 0; i < s->ndisks; i++)
		if (s->disks[i].is_memtgt || s->disks[i].is_loan)
			return true;
	return false;
}
