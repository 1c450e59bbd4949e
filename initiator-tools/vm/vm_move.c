// SPDX-License-Identifier: MIT
/* vm_move.c - the command: its words, and a move from the first look to the last. */
#include "initiator-tools/vm/vm_move.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "base/config.h"
#include "base/config_text.h"
#include "initiator-tools/donors.h"
#include "initiator-tools/own.h"
#include "initiator-tools/vm/vm_mover.h"

#define STALL_NS  (30 * NS_PER_S)
#define CANCEL_NS (15 * NS_PER_S)
#define COPIES	  8
#define RATE_MIN  (UINT64_C(1) << 20)

static volatile sig_atomic_t stop;

static void on_signal(int number)
{
	stop = number;
}

/* ---- the command ---- */

static int choose(struct vm_mover *m)
{
	m->donor.disk = &m->disk;
	m->donor.nodes = m->nodes;
	if (vm_donor_choose(&m->donor, &m->found))
		return vm_say(m, LOAN_NONE, "%s: %s", m->to, m->found.why);
	return LOAN_OK;
}

static int move(struct vm_mover *m)
{
	int status = vm_look(m);

	if (!status)
		status = vm_learn_names(m);
	if (!status)
		status = vm_tidy(m);
	if (!status)
		status = choose(m);
	if (!status)
		status = vm_learn_key(m);
	if (status)
		return status;
	if (m->found.is_there) {
		if (vm_donor_mark(&m->donor, &m->disk.place, &m->found))
			(void)vm_say(m, 0, "%s/%u cannot be marked: %s", m->disk.place.target,
				     m->disk.place.lun, m->found.why);
		return vm_say(m, LOAN_OK, "it is on %s/%u of %s", m->disk.place.target,
			      m->disk.place.lun, m->to);
	}
	vm_at(m, VM_CHOSEN);
	status = vm_prepare(m);
	if (!status)
		status = vm_copy(m);
	if (status) {
		(void)vm_tidy(m);
		return status;
	}
	vm_at(m, VM_PIVOTED);
	vm_give_all_back(m);
	vm_at(m, VM_DONE);
	return LOAN_OK;
}

/* Not a socket: maybe the name of a domain. */
static int check_socket(const char *path)
{
	struct stat st;

	if (!stat(path, &st) && S_ISSOCK(st.st_mode))
		return LOAN_OK;
	if (strchr(path, '/'))
		fprintf(stderr, "memloan: %s: there is no socket of QEMU's monitor\n", path);
	else
		fprintf(stderr,
			"memloan: %s: if this is a domain of libvirt, its monitor is libvirt's: "
			"memloan(8) tells under VIRTUAL MACHINES how virsh moves its disk; else "
			"give the path of a QMP socket\n",
			path);
	return LOAN_USAGE;
}

static int find_donor(struct vm_mover *m)
{
	for (size_t i = 0; i < m->asking.conf.ndonors; i++)
		if (!strcmp(m->asking.conf.donors[i].name, m->to)) {
			m->donor.to = i;
			return LOAN_OK;
		}
	return vm_say(m, LOAN_USAGE, "--to: there is no donor \"%s\" in the configuration", m->to);
}

static int read_options(struct vm_mover *m, const struct command_line *c)
{
	const char *rate = c->value[OPTION_RATE];

	m->name = c->operands[1];
	m->to = c->value[OPTION_TO];
	m->donor.wanted = c->value[OPTION_LUN];
	m->donor.is_forced = c->given[OPTION_FORCE];
	if (!m->to)
		return vm_say(m, LOAN_USAGE, "--to DONOR is needed");
	if (rate && config_parse_size(rate, &m->rate))
		return vm_say(m, LOAN_USAGE, "--rate: found \"%s\"; %s", rate,
			      config_text_bad_size(rate));
	if (rate && (m->rate < RATE_MIN || m->rate > INT64_MAX))
		return vm_say(m, LOAN_USAGE, "--rate: at least 1M per second");
	return check_socket(c->operands[0]);
}

int vm_move_with(const struct command_line *c, const struct vm_rules *rules)
{
	struct vm_mover *m = calloc(1, sizeof(*m));
	int status;

	if (!m) {
		fputs("memloan: out of memory\n", stderr);
		return LOAN_FAILED;
	}
	m->rules = rules;
	m->qmp.fd = -1;
	m->stop = &stop;
	m->donor.asking = &m->asking;
	status = read_options(m, c);
	if (!status)
		status = asking_begin(&m->asking, c);
	m->asking.survey.rules.is_own = rules->is_own;
	if (!status)
		status = find_donor(m);
	if (!status && qmp_open(&m->qmp, c->operands[0], VM_QMP_LIMIT_NS))
		status = vm_say(m, LOAN_FAILED, "%s: %s", c->operands[0], m->qmp.why);
	if (!status) {
		stop = 0;
		signal(SIGINT, on_signal);
		signal(SIGTERM, on_signal);
		status = move(m);
	}
	qmp_close(&m->qmp);
	json_decref(m->nodes);
	asking_end(&m->asking);
	free(m);
	return status;
}

int vm_move_run(const struct command_line *c)
{
	static const struct vm_rules usual = {
		.is_own = own_host, .copies = COPIES, .stall_ns = STALL_NS, .cancel_ns = CANCEL_NS};

	return vm_move_with(c, &usual);
}
