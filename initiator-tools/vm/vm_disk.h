/* SPDX-License-Identifier: MIT */
/*
 * vm_disk.h - from answers of QEMU's monitor to facts: which disk of a guest is meant, on which LUN
 * of which donor it lies, what was noted at it. Nothing of QEMU's is believed to be there.
 */
#ifndef MEMTGT_VM_DISK_H
#define MEMTGT_VM_DISK_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "initiator-tools/donor.h"

#define VM_NAME_MAX  255 /* of a device or node, as we take it */
#define VM_NODE_MAX  31	 /* of a node that QEMU makes for us */
#define VM_NOTE_MAX  1023
#define VM_NOTES_MAX 8
#define VM_WHY_BYTES 600

/* A LUN, as QEMU's own initiator reaches it. */
struct vm_place {
	char portal[DONOR_PORTAL_MAX + 1];
	char target[ISCSI_NAME_MAX + 1];
	unsigned lun;
	char initiator[ISCSI_NAME_MAX + 1]; /* empty: QEMU's default */
};

struct vm_disk {
	char key[VM_NAME_MAX + 1];  /* what it is called for as long as the guest runs */
	char node[VM_NAME_MAX + 1]; /* the block node under the device now */
	uint64_t size;		    /* as the guest sees it */
	struct vm_place place;
};

/*
 * A LUN that this guest's disk uses, has used, or was about to use: one that is not the disk's now
 * is to be given back.
 */
struct vm_note {
	char node[VM_NAME_MAX + 1]; /* the node that is, or was, on it */
	uint64_t key;		    /* of its mark (vm_donor.h); not 0 */
	struct vm_place place;
};

/*
 * The disk called `name` (a device's or a drive's id, or a node) in the answer to query-block.
 * 0; or -ENOENT, -ENOTSUP, -EPROTO and a sentence.
 */
int vm_disk_find(const json_t *blocks, const char *name, struct vm_disk *out, char *why,
		 size_t why_len) __attribute__((warn_unused_result));

bool vm_same_place(const struct vm_place *a, const struct vm_place *b);

/* Where a node lies, by the file name that QEMU gives it. 0, or -ENOTSUP and a sentence. */
int vm_place_read(const char *filename, struct vm_place *out, char *why, size_t why_len)
	__attribute__((warn_unused_result));

/* QEMU's default for the name of an initiator, from query-uuid and query-name; a name without the
 * guest's, if no donor could take that one. */
void vm_initiator(const json_t *uuid, const json_t *name, char out[static ISCSI_NAME_MAX + 1]);

/* In the answer to query-named-block-nodes: is a node there? Whose notes are at it, VM_NOTES_MAX at
 * most? */
bool vm_node_exists(const json_t *nodes, const char *node);
size_t vm_notes(const json_t *nodes, const char *node, struct vm_note out[static VM_NOTES_MAX]);

/* Is any node of this guest on that LUN? */
bool vm_lun_is_used(const json_t *nodes, const char *target, unsigned lun);

/* A note as the name of a dirty bitmap, which QEMU keeps at a node. -ENAMETOOLONG; false: no note.
 */
int vm_note_write(const struct vm_note *n, char out[static VM_NOTE_MAX + 1])
	__attribute__((warn_unused_result));
bool vm_note_read(const char *text, struct vm_note *out);

/* The job `id` in the answer to query-jobs; false: there is none. */
struct vm_job {
	char status[16];
	char error[200]; /* empty: none */
	uint64_t done, all;
};
bool vm_job_find(const json_t *jobs, const char *id, struct vm_job *out);

#endif
