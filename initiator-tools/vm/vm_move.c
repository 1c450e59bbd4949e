// SPDX-License-Identifier: MIT
/* vm_move.c - the way of a move, and what an earlier one has left. */
#include "initiator-tools/vm/vm_move.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/config.h"
#include "base/config_text.h"
#include "initiator-tools/donors.h"
#include "initiator-tools/own.h"
#include "initiator-tools/secret.h"
#include "initiator-tools/vm/qmp.h"
#include "initiator-tools/vm/vm_donor.h"

#define QMP_LIMIT_NS (10 * NS_PER_S)
#define ADD_LIMIT_NS (60 * NS_PER_S) /* QEMU logs in, while the guest stands still */
#define STALL_NS     (30 * NS_PER_S)
#define CANCEL_NS    (15 * NS_PER_S)
#define TICK_MS	     50
#define COMMAND_S    30 /* of QEMU's session: a login that is not answered ends */
#define BITMAP_BYTES (INT64_C(1) << 30)
#define RATE_MIN     (UINT64_C(1) << 20)
#define BAR_WIDTH    30

struct mover {
	const struct vm_rules *rules;
	struct asking asking;
	struct vm_donor donor;
	struct qmp qmp;
	const char *name, *to; /* of the disk, as it was asked for; of the donor */
	uint64_t rate;	       /* bytes per second; 0: any */
	struct vm_disk disk;
	json_t *nodes; /* query-named-block-nodes */
	char job[16];  /* also the beginning of our nodes' names */
	char node[VM_NODE_MAX + 1];
	struct vm_found found;
	uint64_t changed; /* when the guest changed over; 0: not in this run */
	bool is_line_open;
};

static volatile sig_atomic_t stop;

static void on_signal(int number)
{
	stop = number;
}

static void at(const struct mover *m, enum vm_phase phase)
{
	if (m->rules->at)
		m->rules->at(phase);
}

/* ---- what it tells ---- */

static void end_line(struct mover *m)
{
	if (m->is_line_open)
		fputc('\n', stderr);
	m->is_line_open = false;
}

/* Returns the status. */
__attribute__((format(printf, 3, 4))) static int say(struct mover *m, int status, const char *fmt,
						     ...)
{
	va_list args;

	end_line(m);
	fprintf(stderr, "memloan: %s: ", m->name);
	va_start(args, fmt);
	vfprintf(stderr, fmt, args);
	va_end(args);
	fputc('\n', stderr);
	return status;
}

/* Whatever becomes of it: what matters is seen otherwise. */
static void try(struct mover *m, const char *command, json_t *arguments)
{
	if (qmp_run(&m->qmp, command, arguments, NULL))
		m->qmp.why[0] = '\0';
}

static int say_qemu(struct mover *m, const char *what)
{
	return say(m, LOAN_FAILED, "%s: QEMU: %s", what, m->qmp.why);
}

static void bar(struct mover *m, const struct vm_job *j)
{
	unsigned permille = j->all ? (unsigned)((double)j->done * 1000.0 / (double)j->all) : 0;
	char marks[BAR_WIDTH + 1];

	if (!isatty(STDERR_FILENO) || permille > 1000)
		return;
	memset(marks, ' ', BAR_WIDTH);
	memset(marks, '#', permille * BAR_WIDTH / 1000);
	marks[BAR_WIDTH] = '\0';
	fprintf(stderr, "\r\033[Kmemloan: %s: to %s [%s] %3u%%", m->name, m->to, marks,
		permille / 10);
	fflush(stderr);
	m->is_line_open = true;
}

/* ---- what QEMU has ---- */

static int ask(struct mover *m, const char *command, json_t *arguments, json_t **out)
{
	int err = qmp_run(&m->qmp, command, arguments, out);

	return err ? say_qemu(m, command) : LOAN_OK;
}

/* The disk, and all nodes. */
static int look(struct mover *m)
{
	char why[VM_WHY_BYTES];
	json_t *blocks = NULL;
	int status = ask(m, "query-block", NULL, &blocks);
	int err = status ? 0 : vm_disk_find(blocks, m->name, &m->disk, why, sizeof(why));

	json_decref(blocks);
	if (err)
		return say(m, err == -EPROTO ? LOAN_FAILED : LOAN_USAGE, "%s", why);
	json_decref(m->nodes);
	m->nodes = NULL;
	if (!status)
		status =
			ask(m, "query-named-block-nodes", json_pack("{s:b}", "flat", 1), &m->nodes);
	return status;
}

/* FNV-1a: two disks of one guest must differ, and those of others do not matter. */
static uint32_t hash(const char *text)
{
	uint32_t h = 0x811c9dc5u;

	for (; *text; text++)
		h = (h ^ (uint8_t)*text) * 0x01000193u;
	return h;
}

static int learn_names(struct mover *m)
{
	json_t *uuid = NULL, *name = NULL;
	int status = ask(m, "query-uuid", NULL, &uuid);

	if (!status)
		status = ask(m, "query-name", NULL, &name);
	if (!status) {
		char initiator[ISCSI_NAME_MAX + 1];
		vm_initiator(uuid, name, initiator);
		if (!m->disk.place.initiator[0])
			memcpy(m->disk.place.initiator, initiator, sizeof(initiator));
		snprintf(m->job, sizeof(m->job), "memtgt-%08x", hash(m->disk.key));
	}
	json_decref(uuid);
	json_decref(name);
	return status;
}

/* As look(), once the names are known. */
static int look_again(struct mover *m)
{
	char initiator[ISCSI_NAME_MAX + 1];

	memcpy(initiator, m->disk.place.initiator, sizeof(initiator));
	int status = look(m);
	if (!m->disk.place.initiator[0])
		memcpy(m->disk.place.initiator, initiator, sizeof(initiator));
	return status;
}

/* 1: it is there. 0; -1 after an error. */
static int find_job(struct mover *m, struct vm_job *j)
{
	json_t *jobs = NULL;

	if (ask(m, "query-jobs", NULL, &jobs))
		return -1;
	bool there = vm_job_find(jobs, m->job, j);
	json_decref(jobs);
	return there;
}

static json_t *with_id(const struct mover *m)
{
	return json_pack("{s:s}", "id", m->job);
}

/* ---- notes ---- */

static int change_note(struct mover *m, const char *node, const struct vm_note *n, bool is_added)
{
	char text[VM_NOTE_MAX + 1];

	if (vm_note_write(n, text))
		return say(m, LOAN_FAILED, "the names of the LUN are too long");
	json_t *what = json_pack("{s:s, s:s}", "node", node, "name", text);
	if (!is_added)
		return ask(m, "block-dirty-bitmap-remove", what, NULL);
	/* It counts nothing: it is there to be read. */
	json_object_set_new(what, "disabled", json_true());
	json_object_set_new(what, "granularity", json_integer(BITMAP_BYTES));
	return ask(m, "block-dirty-bitmap-add", what, NULL);
}

/* ---- LUNs that were left ---- */

/* Nobody uses it, so QEMU closes its session. Logging out waits for the donor, and with it the
 * guest: so it was asked before. */
static int leave_node(struct mover *m, const struct vm_note *n)
{
	if (!vm_node_exists(m->nodes, n->node))
		return LOAN_OK; /* one that QEMU named goes by itself */
	if (!qmp_run(&m->qmp, "blockdev-del", json_pack("{s:s}", "node-name", n->node), NULL))
		return LOAN_OK;
	return say(m, LOAN_FAILED, "%s/%u stays in use: QEMU: %s", n->place.target, n->place.lun,
		   m->qmp.why);
}

static int tell_left(struct mover *m, const struct vm_note *n, int err)
{
	const struct vm_place *p = &n->place;

	if (err == -ENODATA)
		return say(m, LOAN_OK, "%s/%u at %s is left as it is: %s", p->target, p->lun,
			   p->portal, m->found.why);
	if (err)
		return say(m, LOAN_FAILED, "%s/%u at %s is not emptied yet: %s", p->target, p->lun,
			   p->portal, m->found.why);
	(void)say(m, 0, "%s/%u at %s is empty, %llu MiB are free again", p->target, p->lun,
		  p->portal, (unsigned long long)m->found.used >> 20);
	if (m->changed)
		(void)say(m, 0, "that is %llu ms after the change",
			  (unsigned long long)((clock_now() - m->changed) / NS_PER_MS));
	return LOAN_OK;
}

/* 0: nothing of it is left, and the note is gone. */
static int give_back(struct mover *m, const struct vm_note *n)
{
	int err, status;

	if (vm_same_place(&n->place, &m->disk.place))
		return LOAN_OK;
	m->donor.key = n->key;
	err = vm_donor_look(&m->donor, &n->place, &m->found);
	if (err == -EIO)
		return tell_left(m, n, err);
	status = leave_node(m, n);
	if (status)
		return status;
	at(m, VM_DELETED);
	if (!err)
		err = vm_donor_empty(&m->donor, &n->place, &m->found);
	at(m, VM_EMPTIED);
	status = tell_left(m, n, err);
	return status ? status : change_note(m, m->disk.node, n, false);
}

/* All that is noted at the node which the guest uses. A LUN whose donor is silent stays noted. */
static void give_all_back(struct mover *m)
{
	struct vm_note notes[VM_NOTES_MAX];
	size_t n = vm_notes(m->nodes, m->disk.node, notes);

	for (size_t i = 0; i < n; i++)
		(void)give_back(m, &notes[i]);
}

/* The key of this disk's marks, which the node that the guest uses keeps in a note about itself. */
static int learn_key(struct mover *m)
{
	struct vm_note notes[VM_NOTES_MAX], here = {.place = m->disk.place};
	size_t n = vm_notes(m->nodes, m->disk.node, notes);

	for (size_t i = 0; i < n; i++)
		if (vm_same_place(&notes[i].place, &m->disk.place)) {
			m->donor.key = notes[i].key;
			return LOAN_OK;
		}
	do
		if (getrandom(&m->donor.key, sizeof(m->donor.key), GRND_NONBLOCK) !=
		    sizeof(m->donor.key))
			return say(m, LOAN_FAILED, "this host has no random numbers");
	while (!m->donor.key);
	here.key = m->donor.key;
	snprintf(here.node, sizeof(here.node), "%s", m->disk.node);
	return change_note(m, m->disk.node, &here, true);
}

/* ---- a copy of an earlier run ---- */

/* Until it has ended, whatever it was doing. */
static int end_job(struct mover *m)
{
	uint64_t until = clock_now() + m->rules->cancel_ns;
	struct vm_job j;
	int there = find_job(m, &j);

	if (there == 1 && strcmp(j.status, "concluded") != 0)
		try(m, "block-job-cancel", json_pack("{s:s, s:b}", "device", m->job, "force", 1));
	while (there == 1 && strcmp(j.status, "concluded") != 0) {
		if (clock_now() >= until)
			return say(m, LOAN_FAILED,
				   "QEMU still waits for the donor to which it copied; the guest "
				   "goes on where it is. Try again when that donor is back; until "
				   "then, do not pause or stop the guest");
		poll(NULL, 0, TICK_MS);
		there = find_job(m, &j);
	}
	if (there == 1)
		there = ask(m, "job-dismiss", with_id(m), NULL) ? -1 : 0;
	return there ? LOAN_FAILED : LOAN_OK;
}

/* Undoes, or finishes, what is left of other runs. */
static int tidy(struct mover *m)
{
	int status = end_job(m);

	if (!status)
		status = look_again(m);
	if (!status)
		give_all_back(m);
	return status ? status : look_again(m);
}

/* ---- the new node ---- */

static void name_node(struct mover *m)
{
	for (uint16_t i = 1; i < UINT16_MAX; i++) {
		snprintf(m->node, sizeof(m->node), "%s-%hu", m->job, i);
		if (!vm_node_exists(m->nodes, m->node))
			return;
	}
}

/* As large as the disk, whatever the LUN is: the guest sees no other size, and may move to a
 * smaller LUN later. */
static json_t *describe(const struct mover *m, const char *user)
{
	const struct vm_place *p = &m->found.place;
	json_t *lun = json_pack("{s:s, s:s, s:s, s:s, s:i, s:s, s:i, s:s, s:{s:b}}", "driver",
				"iscsi", "transport", "tcp", "portal", p->portal, "target",
				p->target, "lun", (int)p->lun, "initiator-name", p->initiator,
				"timeout", COMMAND_S, "discard", "unmap", "cache", "direct", 1);

	if (user) {
		json_object_set_new(lun, "user", json_string(user));
		json_object_set_new(lun, "password-secret", json_string(m->job));
	}
	return json_pack("{s:s, s:s, s:I, s:s, s:{s:b}, s:o}", "driver", "raw", "node-name",
			 m->node, "size", (json_int_t)m->disk.size, "discard", "unmap", "cache",
			 "direct", 1, "file", lun);
}

/* The secret is QEMU's only for as long as it takes to log in. */
static int add_secret(struct mover *m, const struct donor *d)
{
	char secret[CHAP_SECRET_MAX + 1], why[DONOR_WHY_BYTES];
	const char *bad = secret_read(d->chap_secret_file, secret, why, sizeof(why));
	int status = bad ? say(m, LOAN_FAILED, "%s", bad) : LOAN_OK;

	if (!status) /* of an earlier run */
		try(m, "object-del", with_id(m));
	if (!status)
		status = ask(m, "object-add",
			     json_pack("{s:s, s:s, s:s}", "qom-type", "secret", "id", m->job,
				       "data", secret),
			     NULL);
	explicit_bzero(secret, sizeof(secret));
	return status;
}

static int add_node(struct mover *m)
{
	const struct donor *d = &m->asking.conf.donors[m->donor.to];
	int status = d->chap_user ? add_secret(m, d) : LOAN_OK;

	if (status)
		return status;
	m->qmp.limit_ns = ADD_LIMIT_NS;
	int err = qmp_run(&m->qmp, "blockdev-add", describe(m, d->chap_user), NULL);
	m->qmp.limit_ns = QMP_LIMIT_NS;
	if (err)
		status = say_qemu(m, "the new LUN cannot be opened");
	if (d->chap_user)
		try(m, "object-del", with_id(m));
	return status;
}

/* What is noted at the old node goes along, for whoever comes after: the old LUN itself too, since
 * it has a note. */
static int take_notes_along(struct mover *m)
{
	struct vm_note notes[VM_NOTES_MAX];
	int status = look_again(m);
	size_t n = status ? 0 : vm_notes(m->nodes, m->disk.node, notes);

	for (size_t i = 0; !status && i < n; i++)
		status = change_note(m, m->node, &notes[i], true);
	return status;
}

static int prepare(struct mover *m)
{
	struct vm_note fresh = {.key = m->donor.key, .place = m->found.place};

	name_node(m);
	memcpy(fresh.node, m->node, sizeof(m->node));
	int status = change_note(m, m->disk.node, &fresh, true);
	if (status)
		return status;
	at(m, VM_NOTED);
	status = add_node(m);
	if (status)
		return status;
	at(m, VM_ADDED);
	status = take_notes_along(m);
	if (!status && vm_donor_mark(&m->donor, &fresh.place, &m->found))
		status = say(m, LOAN_FAILED, "%s/%u of %s: %s", fresh.place.target, fresh.place.lun,
			     m->to, m->found.why);
	if (status)
		return status;
	if (vm_donor_mark(&m->donor, &m->disk.place, &m->found))
		(void)say(m, 0, "%s/%u at %s cannot be marked, so it will not be emptied: %s",
			  m->disk.place.target, m->disk.place.lun, m->disk.place.portal,
			  m->found.why);
	at(m, VM_MARKED);
	return LOAN_OK;
}

/* ---- the copy ---- */

static int begin_copy(struct mover *m)
{
	json_t *a = json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:I, s:I, s:b}", "job-id",
			      m->job, "device", m->disk.node, "target", m->node, "sync", "full",
			      "copy-mode", "background", "on-source-error", "report",
			      "on-target-error", "report", "speed", (json_int_t)m->rate,
			      "granularity", (json_int_t)65536, "auto-dismiss", 0);

	return ask(m, "blockdev-mirror", a, NULL);
}

/* Until the job has this status, or another end of it is seen. */
static int follow(struct mover *m, const char *status, struct vm_job *j)
{
	uint64_t moved = clock_now(), done = 0;

	for (;;) {
		if (find_job(m, j) != 1)
			return say(m, LOAN_FAILED, "QEMU has ended the copy");
		if (!strcmp(j->status, status))
			return LOAN_OK;
		if (!strcmp(j->status, "concluded"))
			return say(m, LOAN_FAILED, "the copy failed: %s",
				   *j->error ? j->error : "it was cancelled");
		if (stop)
			return say(m, LOAN_FAILED, "interrupted");
		if (j->done != done)
			moved = clock_now();
		done = j->done;
		if (clock_now() - moved >= m->rules->stall_ns)
			return say(m, LOAN_FAILED, "nothing was copied for %u s",
				   (unsigned)(m->rules->stall_ns / NS_PER_S));
		bar(m, j);
		poll(NULL, 0, TICK_MS);
	}
}

static int change_over(struct mover *m)
{
	struct vm_job j;
	uint64_t begun = clock_now();
	int status = ask(m, "job-complete", with_id(m), NULL);

	if (status)
		return status;
	at(m, VM_COMPLETING);
	status = follow(m, "concluded", &j);
	if (!status && *j.error)
		status = say(m, LOAN_FAILED, "the copy failed: %s", j.error);
	if (!status)
		status = ask(m, "job-dismiss", with_id(m), NULL);
	if (!status)
		status = look_again(m);
	if (!status && strcmp(m->disk.node, m->node) != 0)
		status = say(m, LOAN_FAILED, "QEMU has not changed over");
	m->changed = status ? 0 : clock_now();
	if (!status)
		(void)say(m, 0, "the guest is on %s/%u of %s now; changing over took %llu ms",
			  m->disk.place.target, m->disk.place.lun, m->to,
			  (unsigned long long)((m->changed - begun) / NS_PER_MS));
	return status;
}

static int copy(struct mover *m)
{
	struct vm_job j;
	uint64_t begun = clock_now();
	int status = begin_copy(m);

	if (status)
		return status;
	at(m, VM_COPYING);
	status = follow(m, "ready", &j);
	if (status)
		return status;
	end_line(m);
	(void)say(m, 0, "copied in %llu ms",
		  (unsigned long long)((clock_now() - begun) / NS_PER_MS));
	at(m, VM_READY);
	return change_over(m);
}

/* ---- the command ---- */

static int choose(struct mover *m)
{
	m->donor.disk = &m->disk;
	m->donor.nodes = m->nodes;
	if (vm_donor_choose(&m->donor, &m->found))
		return say(m, LOAN_NONE, "%s: %s", m->to, m->found.why);
	return LOAN_OK;
}

static int move(struct mover *m)
{
	int status = look(m);

	if (!status)
		status = learn_names(m);
	if (!status)
		status = tidy(m);
	if (!status)
		status = choose(m);
	if (!status)
		status = learn_key(m);
	if (status)
		return status;
	if (m->found.is_there) {
		if (vm_donor_mark(&m->donor, &m->disk.place, &m->found))
			(void)say(m, 0, "%s/%u cannot be marked: %s", m->disk.place.target,
				  m->disk.place.lun, m->found.why);
		return say(m, LOAN_OK, "it is on %s/%u of %s", m->disk.place.target,
			   m->disk.place.lun, m->to);
	}
	at(m, VM_CHOSEN);
	status = prepare(m);
	if (!status)
		status = copy(m);
	if (status) {
		(void)tidy(m);
		return status;
	}
	at(m, VM_PIVOTED);
	give_all_back(m);
	at(m, VM_DONE);
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

static int find_donor(struct mover *m)
{
	for (size_t i = 0; i < m->asking.conf.ndonors; i++)
		if (!strcmp(m->asking.conf.donors[i].name, m->to)) {
			m->donor.to = i;
			return LOAN_OK;
		}
	return say(m, LOAN_USAGE, "--to: there is no donor \"%s\" in the configuration", m->to);
}

static int read_options(struct mover *m, const struct command_line *c)
{
	const char *rate = c->value[OPTION_RATE];

	m->name = c->operands[1];
	m->to = c->value[OPTION_TO];
	m->donor.wanted = c->value[OPTION_LUN];
	m->donor.is_forced = c->given[OPTION_FORCE];
	if (!m->to)
		return say(m, LOAN_USAGE, "--to DONOR is needed");
	if (rate && config_parse_size(rate, &m->rate))
		return say(m, LOAN_USAGE, "--rate: found \"%s\"; %s", rate,
			   config_text_bad_size(rate));
	if (rate && (m->rate < RATE_MIN || m->rate > INT64_MAX))
		return say(m, LOAN_USAGE, "--rate: at least 1M per second");
	return check_socket(c->operands[0]);
}

int vm_move_with(const struct command_line *c, const struct vm_rules *rules)
{
	struct mover *m = calloc(1, sizeof(*m));
	int status;

	if (!m) {
		fputs("memloan: out of memory\n", stderr);
		return LOAN_FAILED;
	}
	m->rules = rules;
	m->qmp.fd = -1;
	m->donor.asking = &m->asking;
	status = read_options(m, c);
	if (!status)
		status = asking_begin(&m->asking, c);
	m->asking.survey.rules.is_own = rules->is_own;
	if (!status)
		status = find_donor(m);
	if (!status && qmp_open(&m->qmp, c->operands[0], QMP_LIMIT_NS))
		status = say(m, LOAN_FAILED, "%s: %s", c->operands[0], m->qmp.why);
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
		.is_own = own_host, .stall_ns = STALL_NS, .cancel_ns = CANCEL_NS};

	return vm_move_with(c, &usual);
}
