// SPDX-License-Identifier: MIT
/* process.c - /proc/PID/{comm,status,oom_score_adj,cgroup}, and limits of cgroups. */
#include "initiator-tools/check/process.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "initiator-tools/check/tree.h"

#define PID_LIMIT    (UINT64_C(1) << 22) /* PID_MAX_LIMIT */
#define STATUS_BYTES 8192
#define GROUP_BYTES  4096
#define KIB	     1024u
/* Pages that mlockall(2) does not count: vdso, vvar. */
#define NEVER_LOCKED (64 * KIB)

/* A name that ends with * is the beginning of one. */
/* clang-format off */
static const struct {
	const char *name;
	enum process_kind kind;
} names[] = {
	{"iscsid",          PROCESS_ISCSID},
	{"sshd",            PROCESS_SSHD}, /* that which listens: read_process() */
	{PROCESS_AGENT,     PROCESS_OWN_AGENT},
	{"memloan",         PROCESS_OWN_AGENT}, /* in the agent's unit: read_process() */
	{"multipathd",      PROCESS_MULTIPATHD},
	{"qemu-*",          PROCESS_GUEST},
	{"kvm",             PROCESS_GUEST},
	{"cloud-hyperviso", PROCESS_GUEST},
	{"firecracker",     PROCESS_GUEST},
};
/* clang-format on */

enum process_kind process_kind(pid_t pid, const char *name)
{
	if (pid == 1)
		return PROCESS_INIT;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		size_t n = strcspn(names[i].name, "*");
		bool is_beginning = names[i].name[n] == '*';
		if (!strncmp(name, names[i].name, n) && (is_beginning || !name[n]))
			return names[i].kind;
	}
	return PROCESS_OTHER;
}

static uint64_t kib(const char *status, const char *key)
{
	uint64_t n = 0;

	return tree_key(status, key, &n) && n < UINT64_MAX / KIB ? n * KIB : 0;
}

static bool has_no_swap(const char *group)
{
	char limit[TREE_WORD_MAX];

	return tree_word(limit, "/sys/fs/cgroup%s/memory.swap.max", group) && !strcmp(limit, "0");
}

/* Its group of cgroup v2: "0::/system.slice/iscsid.service". Empty: it has none. */
static char *group_of(pid_t pid, char text[static GROUP_BYTES])
{
	char *group = tree_read(text, GROUP_BYTES, "/proc/%d/cgroup", (int)pid) > 0
			      ? strstr(text, "0::/")
			      : NULL;

	if (!group || (group != text && group[-1] != '\n')) {
		text[0] = '\0';
		return text;
	}
	group += 3;
	group[strcspn(group, "\n")] = '\0';
	return group;
}

/* By its group, or one above. */
static bool is_swapless(char *group)
{
	for (char *end; (end = strrchr(group, '/')) && end[1]; *end = '\0')
		if (has_no_swap(group))
			return true;
	return false;
}

static bool is_agent(const char *name, const char *group)
{
	size_t n = strlen(group), unit = strlen(PROCESS_AGENT_UNIT);

	return !strcmp(name, PROCESS_AGENT) ||
	       (n >= unit && !strcmp(group + n - unit, PROCESS_AGENT_UNIT));
}

/* Does it serve one connection only? A login is for somebody's work. */
static bool is_login(const char *status)
{
	uint64_t parent = 0;

	return tree_key(status, "PPid", &parent) && parent != 1;
}

/* False: it has ended meanwhile, or is not of its kind. */
static bool read_process(pid_t pid, struct process *p)
{
	char status[STATUS_BYTES], word[TREE_WORD_MAX], text[GROUP_BYTES];
	char *group = group_of(pid, text);

	if (tree_read(status, sizeof(status), "/proc/%d/status", (int)pid) <= 0 ||
	    (p->kind == PROCESS_SSHD && is_login(status)) ||
	    (p->kind == PROCESS_OWN_AGENT && !is_agent(p->name, group)))
		return false;
	p->pid = pid;
	p->swapped = kib(status, "VmSwap");
	p->locked = kib(status, "VmLck");
	p->resident = kib(status, "VmRSS");
	p->huge = kib(status, "HugetlbPages");
	p->has_oom = tree_word(word, "/proc/%d/oom_score_adj", (int)pid);
	if (p->has_oom)
		p->oom = strtol(word, NULL, 10);
	p->is_swapless = is_swapless(group);
	return true;
}

static int take(const char *entry, void *arg)
{
	struct processes *all = arg;
	char name[TREE_WORD_MAX];
	uint64_t number;

	if (!text_number(entry, PID_LIMIT, &number) || !tree_word(name, "/proc/%s/comm", entry))
		return 0;
	enum process_kind kind = process_kind((pid_t)number, name);
	if (kind == PROCESS_OTHER)
		return 0;
	if (all->n == PROCESSES_MAX) {
		all->is_cut = true;
		return 0;
	}
	struct process *p = &all->all[all->n];
	*p = (struct process){.kind = kind};
	snprintf(p->name, sizeof(p->name), "%.*s", PROCESS_NAME_MAX, name);
	all->n += read_process((pid_t)number, p);
	return 0;
}

static int by_pid(const void *a, const void *b)
{
	const struct process *x = a, *y = b;

	return (x->pid > y->pid) - (x->pid < y->pid);
}

int processes_read(struct processes *p)
{
	*p = (struct processes){.all = calloc(PROCESSES_MAX, sizeof(p->all[0]))};
	if (!p->all)
		return -ENOMEM;
	int err = tree_each("/proc", take, p);
	if (err)
		processes_free(p);
	else
		qsort(p->all, p->n, sizeof(p->all[0]), by_pid);
	return err;
}

void processes_free(struct processes *p)
{
	free(p->all);
	*p = (struct processes){0};
}

/* mlockall(2) locks as much as is resident at least; who has locked some of it only is not safe. */
bool process_is_safe(const struct process *p)
{
	bool is_locked = p->locked && p->locked + NEVER_LOCKED >= p->resident;

	return p->is_swapless || is_locked;
}

bool process_is_vital(const struct process *p)
{
	return p->kind == PROCESS_INIT || p->kind == PROCESS_ISCSID || p->kind == PROCESS_SSHD ||
	       p->kind == PROCESS_OWN_AGENT;
}
