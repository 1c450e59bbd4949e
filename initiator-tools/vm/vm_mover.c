// SPDX-License-Identifier: MIT
/* vm_mover.c - what is told, and what QEMU is asked. */
#include "initiator-tools/vm/vm_mover.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "initiator-tools/donors.h"

#define BITMAP_BYTES (INT64_C(1) << 30)
#define BAR_WIDTH    30

void vm_at(const struct vm_mover *m, enum vm_phase phase)
{
	if (m->rules->at)
		m->rules->at(phase);
}

/* ---- what it tells ---- */

void vm_end_line(struct vm_mover *m)
{
	if (m->is_line_open)
		fputc('\n', stderr);
	m->is_line_open = false;
}

/* Returns the status. */
int vm_say(struct vm_mover *m, int status, const char *fmt, ...)
{
	va_list args;

	vm_end_line(m);
	fprintf(stderr, "memloan: %s: ", m->name);
	va_start(args, fmt);
	vfprintf(stderr, fmt, args);
	va_end(args);
	fputc('\n', stderr);
	return status;
}

/* Whatever becomes of it: what matters is seen otherwise. */
void vm_try(struct vm_mover *m, const char *command, json_t *arguments)
{
	if (qmp_run(&m->qmp, command, arguments, NULL))
		m->qmp.why[0] = '\0';
}

int vm_say_qemu(struct vm_mover *m, const char *what)
{
	return vm_say(m, LOAN_FAILED, "%s: QEMU: %s", what, m->qmp.why);
}

void vm_bar(struct vm_mover *m, const struct vm_job *j)
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

int vm_ask(struct vm_mover *m, const char *command, json_t *arguments, json_t **out)
{
	int err = qmp_run(&m->qmp, command, arguments, out);

	return err ? vm_say_qemu(m, command) : LOAN_OK;
}

/* The disk, and all nodes. */
int vm_look(struct vm_mover *m)
{
	char why[VM_WHY_BYTES];
	json_t *blocks = NULL;
	int status = vm_ask(m, "query-block", NULL, &blocks);
	int err = status ? 0 : vm_disk_find(blocks, m->name, &m->disk, why, sizeof(why));

	json_decref(blocks);
	if (err)
		return vm_say(m, err == -EPROTO ? LOAN_FAILED : LOAN_USAGE, "%s", why);
	json_decref(m->nodes);
	m->nodes = NULL;
	if (!status)
		status = vm_ask(m, "query-named-block-nodes", json_pack("{s:b}", "flat", 1),
				&m->nodes);
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

int vm_learn_names(struct vm_mover *m)
{
	json_t *uuid = NULL, *name = NULL;
	int status = vm_ask(m, "query-uuid", NULL, &uuid);

	if (!status)
		status = vm_ask(m, "query-name", NULL, &name);
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

/* As vm_look(), once the names are known. */
int vm_look_again(struct vm_mover *m)
{
	char initiator[ISCSI_NAME_MAX + 1];

	memcpy(initiator, m->disk.place.initiator, sizeof(initiator));
	int status = vm_look(m);
	if (!m->disk.place.initiator[0])
		memcpy(m->disk.place.initiator, initiator, sizeof(initiator));
	return status;
}

/* 1: it is there. 0; -1 after an error. */
int vm_find_job(struct vm_mover *m, struct vm_job *j)
{
	json_t *jobs = NULL;

	if (vm_ask(m, "query-jobs", NULL, &jobs))
		return -1;
	bool there = vm_job_find(jobs, m->job, j);
	json_decref(jobs);
	return there;
}

json_t *vm_with_id(const struct vm_mover *m)
{
	return json_pack("{s:s}", "id", m->job);
}

/* ---- notes ---- */

int vm_change_note(struct vm_mover *m, const char *node, const struct vm_note *n, bool is_added)
{
	char text[VM_NOTE_MAX + 1];

	if (vm_note_write(n, text))
		return vm_say(m, LOAN_FAILED, "the names of the LUN are too long");
	json_t *what = json_pack("{s:s, s:s}", "node", node, "name", text);
	if (!is_added)
		return vm_ask(m, "block-dirty-bitmap-remove", what, NULL);
	/* It counts nothing: it is there to be read. */
	json_object_set_new(what, "disabled", json_true());
	json_object_set_new(what, "granularity", json_integer(BITMAP_BYTES));
	return vm_ask(m, "block-dirty-bitmap-add", what, NULL);
}
