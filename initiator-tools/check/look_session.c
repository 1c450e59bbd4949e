// SPDX-License-Identifier: MIT
/* look_session.c - sessions with donors, and the name by which they are made. */
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "initiator-tools/check/finding.h"
#include "initiator-tools/check/tree.h"
#include "initiator-tools/conf.h"
#include "initiator-tools/own.h"

#define NAME_FILE    "/etc/iscsi/initiatorname.iscsi"
#define RECOVERY_MIN 120 /* s: replacement_timeout, open-iscsi's default */
#define NOOP_MIN     5	 /* s: for the answer */
#define NOOP_SUM_MIN 10	 /* s: until a connection is given up */
#define COMMAND_MIN  30	 /* s: the kernel's default */

static bool is_known(const struct facts *f, struct finding *out)
{
	if (f->sessions_err)
		finding_unknown(out, "sessions: %s", strerror(-f->sessions_err));
	else if (f->sessions.is_cut)
		finding_unknown(out, "there are more sessions or disks than memloan looks at");
	return !f->sessions_err;
}

/* The next session of a loan; one that has failed has the timers that its end gave it. */
static const struct kernel_session *next_loan(const struct facts *f, size_t *i)
{
	while (*i < f->sessions.n) {
		const struct kernel_session *s = &f->sessions.all[(*i)++];
		if (s->is_logged_in && session_is_of_loan(s))
			return s;
	}
	return NULL;
}

#define EACH_LOAN(f, s) for (size_t i_ = 0; ((s) = next_loan(f, &i_));)

/* ---- timers ---- */

void look_recovery(const struct facts *f, struct finding *out)
{
	const struct kernel_session *s;

	if (!is_known(f, out))
		return;
	EACH_LOAN(f, s)
	if (s->recovery >= 0 && s->recovery < RECOVERY_MIN)
		finding_add(out, "%s: replacement_timeout %ld s", s->target, s->recovery);
}

void look_recovery_never(const struct facts *f, struct finding *out)
{
	const struct kernel_session *s;

	if (!is_known(f, out))
		return;
	EACH_LOAN(f, s)
	if (s->recovery == SESSION_FOREVER)
		finding_add(out, "%s", s->target);
}

void look_noop(const struct facts *f, struct finding *out)
{
	const struct kernel_session *s;

	if (!is_known(f, out))
		return;
	EACH_LOAN(f, s)
	if (s->noop_interval > 0 && s->noop_timeout >= 0 &&
	    (s->noop_timeout < NOOP_MIN || s->noop_interval + s->noop_timeout < NOOP_SUM_MIN))
		finding_add(out, "%s: every %ld s, answered within %ld s", s->target,
			    s->noop_interval, s->noop_timeout);
}

void look_noop_off(const struct facts *f, struct finding *out)
{
	const struct kernel_session *s;

	if (!is_known(f, out))
		return;
	EACH_LOAN(f, s)
	if (!s->noop_interval)
		finding_add(out, "%s", s->target);
}

/* ---- disks ---- */

void look_scsi_timeout(const struct facts *f, struct finding *out)
{
	const struct kernel_session *s;

	if (!is_known(f, out))
		return;
	EACH_LOAN(f, s)
	for (size_t i = 0; i < s->ndisks; i++)
		if (s->disks[i].timeout >= 0 && s->disks[i].timeout < COMMAND_MIN)
			finding_add(out, "%s: %ld s", s->disks[i].name, s->disks[i].timeout);
}

void look_multipath(const struct facts *f, struct finding *out)
{
	const struct kernel_session *s;

	if (!is_known(f, out))
		return;
	EACH_LOAN(f, s)
	for (size_t i = 0; i < s->ndisks; i++)
		if (s->disks[i].is_multipath)
			finding_add(out, "%s", s->disks[i].name);
}

static bool has_scheduler(const char *disk)
{
	char word[TREE_WORD_MAX];

	return block_attribute(disk, "queue/scheduler", word, sizeof(word)) && strchr(word, '[') &&
	       !strstr(word, "[none]");
}

void look_scheduler(const struct facts *f, struct finding *out)
{
	const struct kernel_session *s;

	if (!is_known(f, out))
		return;
	EACH_LOAN(f, s)
	for (size_t i = 0; i < s->ndisks; i++)
		if (has_scheduler(s->disks[i].name))
			finding_add(out, "%s", s->disks[i].name);
}

void fix_scheduler(const struct facts *f, struct cure *c)
{
	const struct kernel_session *s;
	char path[TREE_PATH_MAX];

	EACH_LOAN(f, s)
	for (size_t i = 0; i < s->ndisks; i++)
		if (has_scheduler(s->disks[i].name)) {
			snprintf(path, sizeof(path), "/sys/class/block/%s/queue/scheduler",
				 s->disks[i].name);
			cure_write(c, path, "none");
		}
}

/* ---- this host as its own donor ---- */

static void look_own_disks(const struct facts *f, const struct kernel_session *s,
			   struct finding *out)
{
	for (size_t i = 0; i < s->ndisks; i++)
		if (own_luns_has(&f->own, s->disks[i].naa))
			finding_add(out, "%s is a LUN of this host's memtgtd", s->disks[i].name);
		else if (f->own_err && s->disks[i].is_memtgt)
			finding_unknown(out, "what this host's memtgtd lends: %s",
					strerror(-f->own_err));
}

void look_own(const struct facts *f, struct finding *out)
{
	if (!is_known(f, out))
		return;
	for (size_t i = 0; i < f->sessions.n; i++) {
		const struct kernel_session *s = &f->sessions.all[i];
		if (session_is_of_loan(s) && own_address(s->address))
			finding_add(out, "%s is at %s", s->target, s->address);
		else
			look_own_disks(f, s, out);
	}
}

/* ---- names ---- */

static bool own_name(char name[static ISCSI_NAME_MAX + 1])
{
	char path[TREE_PATH_MAX];

	return tree_path(path, NAME_FILE) && conf_initiator(path, name);
}

void look_name(const struct facts *f, struct finding *out)
{
	char name[ISCSI_NAME_MAX + 1];

	(void)f;
	if (!own_name(name))
		finding_add(out, "%s",
			    tree_exists(NAME_FILE) ? NAME_FILE " has no InitiatorName of that form"
						   : NAME_FILE " is not there");
}

/* Parts of names that were copied from documentation, or never filled in. */
static bool is_placeholder(const char *name)
{
	static const char *const parts[] = {
		".example:", ".example.com:", "com.example", "org.example", "changeme",
		"localhost", "yyyy-mm",	      ":default",    ":template",   ":initiator",
	};
	size_t n = strlen(name);

	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
		if (strstr(name, parts[i]))
			return true;
	return n && name[n - 1] == ':';
}

/* An image brings the name along; the machine's id is made at the first boot of the clone. */
static bool is_older_than_host(void)
{
	char name[TREE_PATH_MAX], id[TREE_PATH_MAX];
	struct stat of_name, of_id;

	return tree_path(name, NAME_FILE) && tree_path(id, "/etc/machine-id") &&
	       !stat(name, &of_name) && !stat(id, &of_id) && of_id.st_size &&
	       of_name.st_mtime < of_id.st_mtime;
}

void look_name_cloned(const struct facts *f, struct finding *out)
{
	char name[ISCSI_NAME_MAX + 1];

	(void)f;
	if (!own_name(name))
		return;
	if (is_placeholder(name))
		finding_add(out, "%s is a name of documentation", name);
	else if (is_older_than_host())
		finding_add(out,
			    "%s is older than /etc/machine-id, so it came with an image (touch it "
			    "if you know better)",
			    NAME_FILE);
}

void look_name_changed(const struct facts *f, struct finding *out)
{
	const struct kernel_session *s;
	char name[ISCSI_NAME_MAX + 1];

	if (!is_known(f, out) || !own_name(name))
		return;
	EACH_LOAN(f, s)
	if (s->initiator[0] && strcmp(s->initiator, name) != 0)
		finding_add(out, "%s: %s", s->target, s->initiator);
}
