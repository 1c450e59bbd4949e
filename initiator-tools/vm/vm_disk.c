// SPDX-License-Identifier: MIT
/* vm_disk.c - answers of QEMU's monitor. */
#include "initiator-tools/vm/vm_disk.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/config.h"
#include "base/text.h"
#include "initiator-tools/answer.h"

#define NOTE_PREFIX    "memtgt:"
#define KEY_DIGITS     16
#define UUID_NONE      "00000000-0000-0000-0000-000000000000"
#define INITIATOR_QEMU "iqn.2008-11.org.linux-kvm"
#define DEPTH_MAX      4     /* nodes on top of each other */
#define LUN_MAX	       16383 /* SAM-5 4.7.7.1: flat space addressing */

/* Printable, and all of it; false: too long, empty, or no text. */
static bool take_text(const json_t *from, char *out, size_t room)
{
	const char *text = json_string_value(from);

	if (!text || !*text || strlen(text) >= room || strlen(text) != json_string_length(from))
		return false;
	answer_text((const uint8_t *)text, strlen(text), out, room);
	return !strcmp(out, text);
}

/* RFC 7143 4.2.7.2: names are compared in lower case. */
static void lower(char *text)
{
	for (; *text; text++)
		if (*text >= 'A' && *text <= 'Z')
			*text = (char)(*text - 'A' + 'a');
}

/* ---- where a node lies ---- */

/* QEMU takes it as a number or as a text. */
static bool take_lun(const json_t *from, unsigned *out)
{
	uint64_t n;

	if (json_is_integer(from) && json_integer_value(from) >= 0 &&
	    json_integer_value(from) <= LUN_MAX) {
		*out = (unsigned)json_integer_value(from);
		return true;
	}
	if (!json_is_string(from) || !text_number(json_string_value(from), LUN_MAX, &n))
		return false;
	*out = (unsigned)n;
	return true;
}

static bool take_place(const json_t *m, struct vm_place *out)
{
	const json_t *initiator = json_object_get(m, "initiator-name");
	const json_t *lun = json_object_get(m, "lun");

	out->initiator[0] = '\0';
	out->lun = 0;
	if (!take_text(json_object_get(m, "portal"), out->portal, sizeof(out->portal)) ||
	    donor_bad_portal(out->portal) ||
	    !take_text(json_object_get(m, "target"), out->target, sizeof(out->target)) ||
	    config_bad_iscsi_name(out->target) || (lun && !take_lun(lun, &out->lun)))
		return false;
	if (!initiator)
		return true;
	bool ok = take_text(initiator, out->initiator, sizeof(out->initiator));
	lower(out->initiator);
	return ok && !config_bad_iscsi_name(out->initiator);
}

static int no_place(char *why, size_t n, const char *text)
{
	snprintf(why, n, "%s", text);
	return -ENOTSUP;
}

static int place_of(const json_t *node, struct vm_place *out, char *why, size_t n)
{
	for (unsigned depth = 0; depth < DEPTH_MAX; depth++) {
		const char *driver = json_string_value(json_object_get(node, "driver"));
		const json_t *transport = json_object_get(node, "transport");
		if (driver && !strcmp(driver, "iscsi")) {
			if (transport && strcmp(json_string_value(transport) ?: "", "tcp") != 0)
				return no_place(why, n, "its transport is not tcp");
			if (take_place(node, out))
				return 0;
			return no_place(why, n, "QEMU does not say on which LUN it is");
		}
		if (!driver || strcmp(driver, "raw") != 0)
			break;
		if (json_object_get(node, "offset") &&
		    json_integer_value(json_object_get(node, "offset")))
			return no_place(why, n, "it is only a part of a LUN");
		node = json_object_get(node, "file");
	}
	return no_place(why, n, "it is not raw on QEMU's own iSCSI driver (iscsi://)");
}

bool vm_same_place(const struct vm_place *a, const struct vm_place *b)
{
	return a->lun == b->lun && !strcmp(a->target, b->target) && !strcmp(a->portal, b->portal);
}

int vm_place_read(const char *filename, struct vm_place *out, char *why, size_t why_len)
{
	static const char prefix[] = "json:";
	json_t *node = NULL;

	if (!strncmp(filename, prefix, sizeof(prefix) - 1))
		node = json_loads(filename + sizeof(prefix) - 1, 0, NULL);
	int err = place_of(node, out, why, why_len);
	json_decref(node);
	return err;
}

/* ---- the disk ---- */

static bool is_called(const json_t *block, const json_t *inserted, const char *name)
{
	static const char peripheral[] = "/machine/peripheral/";
	const char *qdev = json_string_value(json_object_get(block, "qdev")) ?: "";
	const char *device = json_string_value(json_object_get(block, "device")) ?: "";
	const char *node = json_string_value(json_object_get(inserted, "node-name")) ?: "";

	if (!strcmp(qdev, name) || !strcmp(device, name) || !strcmp(node, name))
		return true;
	if (strncmp(qdev, peripheral, sizeof(peripheral) - 1) != 0)
		return false;
	qdev += sizeof(peripheral) - 1;
	return !strncmp(qdev, name, strlen(name)) && qdev[strlen(name)] == '/';
}

static int take_disk(const json_t *block, const json_t *inserted, struct vm_disk *out, char *why,
		     size_t n)
{
	const json_t *image = json_object_get(inserted, "image");
	const char *file = json_string_value(json_object_get(inserted, "file"));
	json_int_t size = json_integer_value(json_object_get(image, "virtual-size"));

	if (!take_text(json_object_get(block, "qdev"), out->key, sizeof(out->key)) &&
	    !take_text(json_object_get(block, "device"), out->key, sizeof(out->key)) &&
	    !take_text(json_object_get(inserted, "node-name"), out->key, sizeof(out->key))) {
		snprintf(why, n, "QEMU gives it no name");
		return -EPROTO;
	}
	if (!file || size <= 0 ||
	    !take_text(json_object_get(inserted, "node-name"), out->node, sizeof(out->node))) {
		snprintf(why, n, "QEMU does not say where it is");
		return -EPROTO;
	}
	if (json_is_true(json_object_get(inserted, "ro"))) {
		snprintf(why, n, "the guest may only read it");
		return -ENOTSUP;
	}
	out->size = (uint64_t)size;
	return vm_place_read(file, &out->place, why, n);
}

int vm_disk_find(const json_t *blocks, const char *name, struct vm_disk *out, char *why,
		 size_t why_len)
{
	const json_t *block;
	size_t i;

	*out = (struct vm_disk){0};
	for (i = 0; *name && i < json_array_size(blocks); i++) {
		block = json_array_get(blocks, i);
		const json_t *inserted = json_object_get(block, "inserted");
		if (json_is_object(inserted) && is_called(block, inserted, name))
			return take_disk(block, inserted, out, why, why_len);
	}
	snprintf(why, why_len, "the guest has no such disk");
	return -ENOENT;
}

/* As get_initiator_name() of QEMU's driver does. */
void vm_initiator(const json_t *uuid, const json_t *name, char out[static ISCSI_NAME_MAX + 1])
{
	char text[ISCSI_NAME_MAX + 1] = "";

	(void)take_text(json_object_get(uuid, "UUID"), text, sizeof(text));
	if (!strcmp(text, UUID_NONE)) {
		text[0] = '\0';
		(void)take_text(json_object_get(name, "name"), text, sizeof(text));
	}
	snprintf(out, ISCSI_NAME_MAX + 1, INITIATOR_QEMU "%s%.190s", *text ? ":" : "", text);
	lower(out);
	if (config_bad_iscsi_name(out))
		snprintf(out, ISCSI_NAME_MAX + 1, INITIATOR_QEMU);
}

/* ---- nodes, notes ---- */

static const json_t *find_node(const json_t *nodes, const char *node)
{
	for (size_t i = 0; i < json_array_size(nodes); i++) {
		const json_t *n = json_array_get(nodes, i);
		const char *name = json_string_value(json_object_get(n, "node-name"));
		if (name && !strcmp(name, node))
			return n;
	}
	return NULL;
}

bool vm_node_exists(const json_t *nodes, const char *node)
{
	return find_node(nodes, node) != NULL;
}

bool vm_lun_is_used(const json_t *nodes, const char *target, unsigned lun)
{
	char why[VM_WHY_BYTES];
	struct vm_place p;

	for (size_t i = 0; i < json_array_size(nodes); i++) {
		const json_t *n = json_array_get(nodes, i);
		const char *file = json_string_value(json_object_get(n, "file"));
		if (file && !vm_place_read(file, &p, why, sizeof(why)) && p.lun == lun &&
		    !strcmp(p.target, target))
			return true;
	}
	return false;
}

size_t vm_notes(const json_t *nodes, const char *node, struct vm_note out[static VM_NOTES_MAX])
{
	const json_t *bitmaps = json_object_get(find_node(nodes, node), "dirty-bitmaps");
	size_t n = 0;

	for (size_t i = 0; n < VM_NOTES_MAX && i < json_array_size(bitmaps); i++) {
		const json_t *bitmap = json_array_get(bitmaps, i);
		const char *name = json_string_value(json_object_get(bitmap, "name"));
		n += name && vm_note_read(name, &out[n]);
	}
	return n;
}

int vm_note_write(const struct vm_note *n, char out[static VM_NOTE_MAX + 1])
{
	char key[KEY_DIGITS + 1];

	snprintf(key, sizeof(key), "%016" PRIx64, n->key);
	json_t *m = json_pack("{s:s, s:s, s:s, s:s, s:i, s:s}", "node", n->node, "key", key,
			      "portal", n->place.portal, "target", n->place.target, "lun",
			      (int)n->place.lun, "initiator-name", n->place.initiator);
	char *text = m ? json_dumps(m, JSON_COMPACT | JSON_SORT_KEYS) : NULL;
	int len = text ? snprintf(out, VM_NOTE_MAX + 1, NOTE_PREFIX "%s", text) : -1;

	free(text);
	json_decref(m);
	if (len < 0)
		return -ENOMEM;
	return len > VM_NOTE_MAX ? -ENAMETOOLONG : 0;
}

static bool take_key(const json_t *from, uint64_t *out)
{
	const char *text = json_string_value(from);

	if (!text || strlen(text) != KEY_DIGITS || text[strspn(text, "0123456789abcdef")])
		return false;
	*out = strtoull(text, NULL, 16);
	return *out != 0;
}

bool vm_note_read(const char *text, struct vm_note *out)
{
	bool ok = false;

	if (strncmp(text, NOTE_PREFIX, sizeof(NOTE_PREFIX) - 1) != 0)
		return false;
	json_t *m = json_loads(text + sizeof(NOTE_PREFIX) - 1, 0, NULL);
	if (m)
		ok = take_text(json_object_get(m, "node"), out->node, sizeof(out->node)) &&
		     take_key(json_object_get(m, "key"), &out->key) && take_place(m, &out->place) &&
		     out->place.initiator[0];
	json_decref(m);
	return ok;
}

bool vm_job_find(const json_t *jobs, const char *id, struct vm_job *out)
{
	for (size_t i = 0; i < json_array_size(jobs); i++) {
		const json_t *j = json_array_get(jobs, i);
		const char *name = json_string_value(json_object_get(j, "id"));
		const char *error = json_string_value(json_object_get(j, "error"));
		if (!name || strcmp(name, id) != 0)
			continue;
		*out = (struct vm_job){0};
		(void)take_text(json_object_get(j, "status"), out->status, sizeof(out->status));
		if (error)
			answer_text((const uint8_t *)error, strlen(error), out->error,
				    sizeof(out->error));
		json_int_t done = json_integer_value(json_object_get(j, "current-progress"));
		json_int_t all = json_integer_value(json_object_get(j, "total-progress"));
		out->done = done > 0 ? (uint64_t)done : 0;
		out->all = all > 0 ? (uint64_t)all : 0;
		return true;
	}
	return false;
}
