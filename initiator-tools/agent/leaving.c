// SPDX-License-Identifier: MIT
/* leaving.c - the survey in a child, and who refused twice. */
#include "initiator-tools/agent/leaving.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "initiator-tools/agent/poller.h"
#include "initiator-tools/agent/safety.h"
#include "initiator-tools/asking.h"
#include "initiator-tools/donors.h"
#include "initiator-tools/host/child.h"
#include "initiator-tools/session.h"

#define LIMIT_S 120u

struct leaving_answers {
	size_t n;
	struct {
		char name[DONOR_NAME_MAX + 1];
		bool is_refusing;
	} of[DONORS_MAX];
};

/* ---- the process ---- */

static bool is_refusing(const struct donor *d)
{
	const char *text = session_status_text(ISCSI_LOGIN_SERVICE_UNAVAILABLE);

	return d->state == DONOR_REFUSED && strstr(d->why, text);
}

static int then_tell(struct asking *a, struct donor **order, size_t n)
{
	struct leaving_answers *out = a->arg;

	for (size_t i = 0; i < n && out->n < DONORS_MAX; i++, out->n++) {
		memcpy(out->of[out->n].name, order[i]->name, sizeof(order[i]->name));
		out->of[out->n].is_refusing = is_refusing(order[i]);
	}
	return LOAN_OK;
}

static int run(void *arg)
{
	const struct leaving *l = arg;
	struct asking a;

	safety_in_child(STDERR_FILENO + 1);
	l->answers->n = 0;
	int status = asking_begin(&a, l->command);
	a.survey.limits.all_ns = 0;
	a.told = true;
	a.then = then_tell;
	a.arg = l->answers;
	if (!status && a.conf.ndonors)
		status = asking_run(&a);
	asking_end(&a);
	return status;
}

/* ---- the agent ---- */

int leaving_begin(struct leaving *l, const struct command_line *c)
{
	void *shared = mmap(NULL, sizeof(*l->answers), PROT_READ | PROT_WRITE,
			    MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	*l = (struct leaving){.command = c};
	if (shared == MAP_FAILED)
		return -ENOMEM;
	l->answers = shared;
	return 0;
}

void leaving_take(struct leaving *l, const char *donor, bool is_refusing)
{
	for (size_t i = 0; i < l->nrefusing; i++) {
		if (strcmp(l->refusing[i].name, donor) != 0)
			continue;
		if (is_refusing)
			l->refusing[i].times++;
		else
			l->refusing[i] = l->refusing[--l->nrefusing];
		return;
	}
	if (!is_refusing || l->nrefusing == DONORS_MAX)
		return;
	snprintf(l->refusing[l->nrefusing].name, sizeof(l->refusing[0].name), "%s", donor);
	l->refusing[l->nrefusing++].times = 1;
}

bool leaving_has(const struct leaving *l, const char *donor)
{
	for (size_t i = 0; i < l->nrefusing; i++)
		if (!strcmp(l->refusing[i].name, donor))
			return l->refusing[i].times >= LEAVING_TIMES;
	return false;
}

static bool is_doubtful(const struct leaving *l)
{
	for (size_t i = 0; i < l->nrefusing; i++)
		if (l->refusing[i].times < LEAVING_TIMES)
			return true;
	return false;
}

static void finish(struct leaving *l, uint64_t now, bool is_answered)
{
	const struct leaving_answers *a = l->answers;

	l->pid = 0;
	for (size_t i = 0; is_answered && i < a->n; i++)
		leaving_take(l, a->of[i].name, a->of[i].is_refusing);
	l->next = now + (is_doubtful(l) ? LEAVING_AGAIN_S : LEAVING_EVERY_S) * NS_PER_S;
}

void leaving_turn(struct leaving *l, uint64_t now)
{
	int status;

	if (l->pid && waitpid(l->pid, &status, WNOHANG)) {
		finish(l, now, WIFEXITED(status) && !WEXITSTATUS(status));
	} else if (l->pid && now >= l->limit) {
		poller_leave(l->pid);
		finish(l, now, false);
	} else if (!l->pid && now >= l->next) {
		pid_t pid = child_start(run, l);
		l->limit = now + LIMIT_S * NS_PER_S;
		l->next = now + LEAVING_EVERY_S * NS_PER_S;
		l->pid = pid > 0 ? pid : 0;
	}
}

void leaving_hurry(struct leaving *l, uint64_t now)
{
	if (l->next > now + LEAVING_AGAIN_S * NS_PER_S)
		l->next = now + LEAVING_AGAIN_S * NS_PER_S;
}

void leaving_end(struct leaving *l)
{
	if (l->pid)
		poller_leave(l->pid);
	if (l->answers)
		munmap(l->answers, sizeof(*l->answers));
}
