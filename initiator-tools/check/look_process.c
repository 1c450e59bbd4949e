// SPDX-License-Identifier: MIT
/* look_process.c - iscsid, and others that must never wait for a borrowed page. */
#include <stdio.h>
#include <string.h>

#include "initiator-tools/check/finding.h"
#include "initiator-tools/check/tree.h"

#define OOM_NEVER -1000
#define DROP_IN	  "60-memloan.conf"
#define UNITS	  "/etc/systemd/system"

static bool is_known(const struct facts *f, struct finding *out)
{
	if (f->processes_err)
		finding_unknown(out, "/proc: %s", strerror(-f->processes_err));
	else if (f->processes.is_cut)
		finding_unknown(out, "there are more such processes than memloan looks at");
	return !f->processes_err;
}

static const struct process *next_of(const struct processes *p, enum process_kind kind, size_t *i)
{
	while (*i < p->n) {
		const struct process *found = &p->all[(*i)++];
		if (found->kind == kind)
			return found;
	}
	return NULL;
}

static bool runs(const struct facts *f, enum process_kind kind)
{
	size_t i = 0;

	return next_of(&f->processes, kind, &i) != NULL;
}

/* ---- iscsid ---- */

/* Without sessions it need not run: a socket of systemd starts it for the first. */
void look_iscsid(const struct facts *f, struct finding *out)
{
	if (is_known(f, out) && f->sessions.n && !runs(f, PROCESS_ISCSID))
		finding_add(out, "%zu sessions are there", f->sessions.n);
}

void look_iscsid_oom(const struct facts *f, struct finding *out)
{
	const struct process *p;

	if (!is_known(f, out))
		return;
	for (size_t i = 0; (p = next_of(&f->processes, PROCESS_ISCSID, &i));)
		if (!p->has_oom)
			finding_unknown(out, "oom_score_adj of %d cannot be read", (int)p->pid);
		else if (p->oom != OOM_NEVER)
			finding_add(out, "oom_score_adj of %d is %ld, not %d", (int)p->pid, p->oom,
				    OOM_NEVER);
}

/* One of its processes writes the log: it is not locked in memory, and the other waits for it. */
void look_iscsid_swap(const struct facts *f, struct finding *out)
{
	const struct process *p;

	if (!is_known(f, out))
		return;
	for (size_t i = 0; (p = next_of(&f->processes, PROCESS_ISCSID, &i));)
		if (!process_is_safe(p))
			finding_add(out, "process %d", (int)p->pid);
}

void look_iscsid_unit(const struct facts *f, struct finding *out)
{
	if (f->is_systemd && unit_exists("iscsid.service") &&
	    !unit_exists("iscsid.service.d/" DROP_IN))
		finding_add(out, "iscsid.service.d/" DROP_IN);
}

void fix_iscsid(const struct facts *f, struct cure *c)
{
	const struct process *p;
	char path[64];

	for (size_t i = 0; (p = next_of(&f->processes, PROCESS_ISCSID, &i));)
		if (p->has_oom && p->oom != OOM_NEVER) {
			snprintf(path, sizeof(path), "/proc/%d/oom_score_adj", (int)p->pid);
			cure_write(c, path, "-1000");
		}
	if (f->is_systemd && unit_exists("iscsid.service"))
		cure_install(c, "iscsid-memloan.conf", UNITS "/iscsid.service.d/" DROP_IN);
}

/* ---- the others ---- */

void look_swappable(const struct facts *f, struct finding *out)
{
	if (!is_known(f, out))
		return;
	for (size_t i = 0; i < f->processes.n; i++) {
		const struct process *p = &f->processes.all[i];
		if (p->kind != PROCESS_ISCSID && process_is_vital(p) && !process_is_safe(p))
			finding_add(out, "%s (%d)", p->name, (int)p->pid);
	}
}

/* Units of systemd only, and of these only small ones: what they hold fits into any memory. */
void fix_vital(const struct facts *f, struct cure *c)
{
	if (!f->is_systemd)
		return;
	cure_install(c, "init-memloan.conf", UNITS "/init.scope.d/" DROP_IN);
	if (unit_exists("ssh.service"))
		cure_install(c, "sshd-memloan.conf", UNITS "/ssh.service.d/" DROP_IN);
	if (unit_exists("sshd.service") && !unit_exists("ssh.service"))
		cure_install(c, "sshd-memloan.conf", UNITS "/sshd.service.d/" DROP_IN);
}

/* On which area a page is nobody tells. */
void look_swapped(const struct facts *f, struct finding *out)
{
	if (!is_known(f, out))
		return;
	for (size_t i = 0; i < f->processes.n; i++) {
		const struct process *p = &f->processes.all[i];
		if (!process_is_vital(p) || !p->swapped)
			continue;
		if (f->areas_err)
			finding_unknown(out, "/proc/swaps: %s", strerror(-f->areas_err));
		else if (areas_remote(&f->areas))
			finding_add(out, "%s (%d): %llu KiB", p->name, (int)p->pid,
				    (unsigned long long)(p->swapped >> 10));
	}
}

void look_guests(const struct facts *f, struct finding *out)
{
	if (!is_known(f, out))
		return;
	for (size_t i = 0; i < f->processes.n; i++) {
		const struct process *p = &f->processes.all[i];
		if (p->kind != PROCESS_GUEST)
			continue;
		if (p->huge)
			finding_add(out, "%s (%d): %llu MiB of hugepages", p->name, (int)p->pid,
				    (unsigned long long)(p->huge >> 20));
		else if (p->locked && p->locked >= p->resident / 2)
			finding_add(out, "%s (%d): %llu MiB locked", p->name, (int)p->pid,
				    (unsigned long long)(p->locked >> 20));
	}
}
