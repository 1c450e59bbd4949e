// SPDX-License-Identifier: MIT
/*
 * fuzz_qmp.c - any text as what QEMU's monitor says: a message; and, if it is an answer, what was
 * returned as each of the answers that are read.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz/fuzz.h"
#include "initiator-tools/vm/qmp.h"
#include "initiator-tools/vm/vm_disk.h"

static void check_text(const char *text, size_t room)
{
	size_t n = strnlen(text, room);

	REQUIRE(n < room);
	for (size_t i = 0; i < n; i++)
		REQUIRE(text[i] >= 0x20 && text[i] < 0x7f);
}

static void check_place(const struct vm_place *p)
{
	REQUIRE(p->portal[0] && p->target[0]);
	check_text(p->portal, sizeof(p->portal));
	check_text(p->target, sizeof(p->target));
	check_text(p->initiator, sizeof(p->initiator));
	REQUIRE(p->lun < 16384);
}

/* What is written is read as the same. */
static void check_note(const struct vm_note *n)
{
	char text[VM_NOTE_MAX + 1];
	struct vm_note again;

	check_place(&n->place);
	check_text(n->node, sizeof(n->node));
	if (vm_note_write(n, text))
		return;
	REQUIRE(vm_note_read(text, &again));
	REQUIRE(!strcmp(n->node, again.node) && n->key == again.key);
	REQUIRE(vm_same_place(&n->place, &again.place));
	REQUIRE(!strcmp(n->place.initiator, again.place.initiator));
}

static void take(const json_t *value)
{
	char why[VM_WHY_BYTES], initiator[ISCSI_NAME_MAX + 1];
	struct vm_note notes[VM_NOTES_MAX];
	struct vm_disk disk;
	struct vm_job job;

	if (!vm_disk_find(value, "swap0", &disk, why, sizeof(why))) {
		REQUIRE(disk.key[0] && disk.node[0] && disk.size);
		check_place(&disk.place);
	}
	size_t n = vm_notes(value, "swap0", notes);
	for (size_t i = 0; i < n; i++)
		check_note(&notes[i]);
	(void)vm_lun_is_used(value, "iqn.2026-01.org.example:a", 1);
	(void)vm_node_exists(value, "swap0");
	if (vm_job_find(value, "swap0", &job)) {
		check_text(job.status, sizeof(job.status));
		check_text(job.error, sizeof(job.error));
	}
	vm_initiator(value, value, initiator);
	check_text(initiator, sizeof(initiator));
}

int LLVMFuzzerTestOneInput(const uint8_t *in, size_t n)
{
	json_t *value;
	/* As large as it is, so that a byte behind it is seen. */
	char *text = malloc(n ? n : 1);

	REQUIRE(text);
	if (n)
		memcpy(text, in, n);
	enum qmp_kind kind = qmp_message(text, n, 1, &value);
	REQUIRE(!value == (kind != QMP_RETURN && kind != QMP_ERROR));
	if (kind == QMP_RETURN)
		take(value);
	if (kind == QMP_ERROR)
		REQUIRE(json_is_string(value));
	json_decref(value);
	free(text);
	return 0;
}
