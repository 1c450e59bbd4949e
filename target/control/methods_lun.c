// SPDX-License-Identifier: MIT
/* methods_lun.c - lun.list, lun.show. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "control/methods.h"
#include "iscsi/node.h"
#include "store/store.h"

/* LUNs of one answer. */
#define PAGE_MAX 256u

static struct scsi_target *find_target(const struct rpc_call *c, const char *name)
{
	struct iscsi_node *n = control_daemon_of(c)->node;

	for (size_t i = 0; i < n->ntargets; i++)
		if (!strcmp(n->targets[i].name, name))
			return &n->targets[i];
	return NULL;
}

static json_t *no_target(struct rpc_call *c, const char *name)
{
	return rpc_refuse(c, CONTROL_ERR_NOT_FOUND, "there is no target \"%s\"", name);
}

static json_int_t used_bytes(const struct scsi_lu *lu)
{
	return (json_int_t)(store_lun_pages(lu->store) * STORE_PAGE_SIZE);
}

static json_int_t size_bytes(const struct scsi_lu *lu)
{
	return (json_int_t)(lu->blocks << lu->block_shift);
}

static json_t *row(const struct scsi_target *t, const struct scsi_lu *lu)
{
	/* clang-format off */
	return json_pack("{s:s, s:i, s:I, s:I, s:s, s:i, s:s}",
		"target", t->name,
		"id", (int)lu->id,
		"bytes", size_bytes(lu),
		"used_bytes", used_bytes(lu),
		"provisioning", lu->thin ? "thin" : "full",
		"block_bytes", (int)lu->block_size,
		"serial", lu->serial);
	/* clang-format on */
}

/* A place in the list of all LUNs, as "from" and "next" write it: "ID TARGET". */
struct place {
	size_t target;
	unsigned id;
};

static bool read_place(struct rpc_call *c, const char *text, struct place *out)
{
	const struct iscsi_node *n = control_daemon_of(c)->node;
	char *end;
	unsigned long id = strtoul(text, &end, 10);
	const struct scsi_target *t = NULL;

	if (end > text && *end == ' ' && id < SCSI_LUNS_MAX)
		t = find_target(c, end + 1);
	if (!t) {
		rpc_refuse(c, CONTROL_ERR_PARAMS, "from: \"%s\" is not what a \"next\" was", text);
		return false;
	}
	*out = (struct place){.target = (size_t)(t - n->targets), .id = (unsigned)id};
	return true;
}

static json_t *place_text(const struct scsi_target *t, unsigned id)
{
	return json_sprintf("%u %s", id, t->name);
}

/* Adds the LUNs of a target to `rows`, from p->id on. 0; 1: the page is full before p->id; -1. */
static int add_target(const struct scsi_target *t, struct place *p, json_t *rows)
{
	for (; p->id < SCSI_LUNS_MAX; p->id++) {
		const struct scsi_lu *lu = t->by_id[p->id];
		if (!lu)
			continue;
		if (json_array_size(rows) == PAGE_MAX)
			return 1;
		if (json_array_append_new(rows, row(t, lu)))
			return -1;
	}
	p->id = 0;
	return 0;
}

static json_t *list(struct rpc_call *c, struct place p, size_t end)
{
	const struct iscsi_node *n = control_daemon_of(c)->node;
	json_t *rows = json_array(), *result = json_object();
	int full = !rows || !result ? -1 : 0;

	for (; !full && p.target < end; p.target++)
		full = add_target(&n->targets[p.target], &p, rows);
	if (full >= 0 && json_object_set(result, "luns", rows))
		full = -1;
	if (full > 0 &&
	    json_object_set_new(result, "next", place_text(&n->targets[p.target - 1], p.id)))
		full = -1;
	json_decref(rows);
	if (full < 0) {
		json_decref(result);
		return NULL;
	}
	return result;
}

json_t *method_lun_list(struct rpc_call *c)
{
	const struct iscsi_node *n = control_daemon_of(c)->node;
	const char *name = rpc_text(c, "target", NULL), *from = rpc_text(c, "from", NULL);
	const struct scsi_target *t = name ? find_target(c, name) : NULL;
	size_t only = t ? (size_t)(t - n->targets) : 0;
	struct place p = {.target = only};

	if (name && !t)
		return no_target(c, name);
	if (from && !read_place(c, from, &p))
		return NULL;
	if (t && p.target != only)
		return rpc_refuse(c, CONTROL_ERR_PARAMS, "from: it is of another target");
	return list(c, p, t ? only + 1 : n->ntargets);
}

static void write_naa(const struct scsi_lu *lu, char out[static 17])
{
	for (size_t i = 0; i < sizeof(lu->naa); i++)
		snprintf(out + 2 * i, 3, "%02x", lu->naa[i]);
}

json_t *method_lun_show(struct rpc_call *c)
{
	const char *name = rpc_text(c, "target", "");
	unsigned id = (unsigned)rpc_number(c, "id", 0);
	const struct scsi_target *t = find_target(c, name);
	const struct scsi_lu *lu = t ? t->by_id[id] : NULL;
	char naa[17];

	if (!t)
		return no_target(c, name);
	if (!lu)
		return rpc_refuse(c, CONTROL_ERR_NOT_FOUND, "%s has no LUN %u", name, id);
	write_naa(lu, naa);
	/* clang-format off */
	return json_pack("{s:s, s:i, s:I, s:I, s:s, s:i, s:I, s:s, s:s}",
		"target", t->name,
		"id", (int)lu->id,
		"bytes", size_bytes(lu),
		"used_bytes", used_bytes(lu),
		"provisioning", lu->thin ? "thin" : "full",
		"block_bytes", (int)lu->block_size,
		"blocks", (json_int_t)lu->blocks,
		"serial", lu->serial,
		"naa", naa);
	/* clang-format on */
}
