// SPDX-License-Identifier: MIT
/* methods_lun.c - looking at LUNs, and changing them. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/config.h"
#include "control/clean.h"
#include "control/methods.h"
#include "luns/luns.h"
#include "luns/held.h"

/* LUNs of one answer. */
#define PAGE_MAX 256u

static const char *state_of(const struct luns_info *i)
{
	return i->is_held ? "held" : i->is_going ? "going" : i->is_stopped ? "stopped" : "ready";
}

static json_t *row(const struct luns_info *i)
{
	/* clang-format off */
	return json_pack("{s:s, s:i, s:I, s:I, s:s, s:s, s:b, s:b, s:b, s:I, s:i, s:i, s:I, s:s, s:s, "
			 "s:s, s:s}",
		"target", i->target,
		"id", (int)i->id,
		"bytes", (json_int_t)i->bytes,
		"used_bytes", (json_int_t)i->used,
		"provisioning", i->is_thin ? "thin" : "full",
		"state", state_of(i),
		"read_only", (int)i->is_read_only,
		"going", (int)i->is_going,
		"written", (int)i->is_used,
		"generation", (json_int_t)i->generation,
		"sessions", (int)i->sessions,
		"block_bytes", (int)i->block_size,
		"blocks", (json_int_t)(i->bytes / i->block_size),
		"serial", i->serial,
		"naa", i->naa,
		"was", i->was,
		"why", i->why);
	/* clang-format on */
}

/* ---- lists ---- */

/* Where a page begins: "from" and "next" write it as "ID TARGET". Targets by their order, and what
 * is held behind them. */
struct place {
	size_t target, end; /* and the target before which it ends */
	unsigned id;
};

static bool read_place(struct rpc_call *c, const char *text, struct place *out)
{
	const struct luns *l = control_daemon_of(c)->luns;
	char *end;
	unsigned long id = strtoul(text, &end, 10);
	const char *name = end > text && *end == ' ' ? end + 1 : "";
	const bool is_held = !strcasecmp(name, LUNS_HELD);
	const size_t target = luns_target(l, name);

	if ((target == l->config->ntargets && !is_held) ||
	    id > (is_held ? UINT16_MAX : UINT8_MAX) || target < out->target || target >= out->end) {
		rpc_refuse(c, CONTROL_ERR_PARAMS, "from: \"%s\" is not what a \"next\" was", text);
		return false;
	}
	out->target = target;
	out->id = (unsigned)id;
	return true;
}

static json_t *place_text(const struct luns_info *i)
{
	return json_sprintf("%u %s", i->id, i->target);
}

/* LUNs and targets have the same order. */
static bool is_within(const struct place *p, size_t target, const struct luns_info *i)
{
	return target < p->end && (target > p->target || (target == p->target && i->id >= p->id));
}

/* 0 or -1. *next: the first that found no room, or `all + n`. */
static int fill(const struct luns *l, const struct place *p, const struct luns_info *all, size_t n,
		json_t *rows, const struct luns_info **next)
{
	size_t target = 0;

	for (*next = all; *next < all + n; (*next)++) {
		while (target < l->config->ntargets &&
		       strcmp(l->targets[target].name, (*next)->target) != 0)
			target++;
		if (!is_within(p, target, *next))
			continue;
		if (json_array_size(rows) == PAGE_MAX)
			return 0;
		if (json_array_append_new(rows, row(*next)))
			return -1;
	}
	return 0;
}

static json_t *page(const struct luns *l, const struct place *p, const struct luns_info *all,
		    size_t n)
{
	const struct luns_info *next;
	json_t *rows = json_array(), *result = NULL;

	if (rows && !fill(l, p, all, n, rows, &next))
		result = json_pack("{s:O}", "luns", rows);
	if (result && next < all + n && json_object_set_new(result, "next", place_text(next))) {
		json_decref(result);
		result = NULL;
	}
	json_decref(rows);
	return result;
}

json_t *method_lun_list(struct rpc_call *c)
{
	struct luns *l = control_daemon_of(c)->luns;
	const char *name = rpc_text(c, "target", NULL), *from = rpc_text(c, "from", NULL);
	struct place p = {.end = l->config->ntargets + 1};
	struct luns_info *all;
	size_t n;

	if (name) {
		p.target = luns_target(l, name);
		if (p.target == l->config->ntargets && strcasecmp(name, LUNS_HELD) != 0)
			return rpc_refuse(c, CONTROL_ERR_NOT_FOUND, "there is no target \"%s\"",
					  name);
		p.end = p.target + 1;
	}
	if ((from && !read_place(c, from, &p)) || luns_list(l, &all, &n))
		return NULL;
	json_t *result = page(l, &p, all, n);
	free(all);
	return result;
}

/* ---- one ---- */

json_t *method_lun_show(struct rpc_call *c)
{
	struct luns_info info;
	char why[LUNS_WHY] = "";

	if (luns_find(control_daemon_of(c)->luns, rpc_text(c, "target", ""),
		      (unsigned)rpc_number(c, "id", 0), &info, why, sizeof(why)))
		return rpc_refuse(c, CONTROL_ERR_NOT_FOUND, "%s", why);
	return row(&info);
}

/* ---- changes ---- */

static json_t *refuse(struct rpc_call *c, int err, const char *why)
{
	switch (err) {
	case -ENOENT:
		return rpc_refuse(c, CONTROL_ERR_NOT_FOUND, "%s", why);
	case -ETIMEDOUT:
		return rpc_refuse(c, CONTROL_ERR_TIMEOUT, "%s", why);
	default:
		return rpc_refuse(c, CONTROL_ERR_REFUSED, "%s", why);
	}
}

static json_t *with_note(json_t *result, const char *note)
{
	if (result && json_object_set_new(result, "note", control_json_text(note))) {
		json_decref(result);
		return NULL;
	}
	return result;
}

/* What became of the LUN of this call. */
static json_t *changed(struct rpc_call *c, int err, const char *why)
{
	struct luns_info info;
	char gone[LUNS_WHY] = "";

	if (err)
		return refuse(c, err, why);
	err = luns_find(control_daemon_of(c)->luns, rpc_text(c, "target", ""),
			(unsigned)rpc_number(c, "id", 0), &info, gone, sizeof(gone));
	return err ? refuse(c, err, gone) : with_note(row(&info), why);
}

json_t *method_lun_create(struct rpc_call *c)
{
	const char *kind = rpc_text(c, "provisioning", "thin");
	const struct luns_new how = {
		.id = (uint32_t)rpc_number(c, "id", LUNS_ANY_ID),
		.bytes = rpc_number(c, "size", 0),
		.is_full = !strcmp(kind, "full"),
		.block_size = (unsigned)rpc_number(c, "block_size", 0),
		.serial = rpc_text(c, "serial", NULL),
		.force = rpc_bool(c, "force", false),
	};
	struct luns_info info;
	char why[LUNS_WHY] = "";

	if (!how.is_full && strcmp(kind, "thin") != 0)
		return rpc_refuse(c, CONTROL_ERR_PARAMS,
				  "provisioning: found \"%s\"; needed is "
				  "\"thin\" or \"full\"",
				  kind);
	int err = luns_add(control_daemon_of(c)->luns, rpc_text(c, "target", ""), &how, &info, why,
			   sizeof(why));
	return err ? refuse(c, err, why) : with_note(row(&info), why);
}

json_t *method_lun_delete(struct rpc_call *c)
{
	const char *target = rpc_text(c, "target", "");
	unsigned id = (unsigned)rpc_number(c, "id", 0);
	char why[LUNS_WHY] = "";
	int err = luns_remove(control_daemon_of(c)->luns, target, id, why, sizeof(why));

	if (err)
		return refuse(c, err, why);
	return with_note(json_pack("{s:s, s:i}", "target", target, "id", (int)id), why);
}

json_t *method_lun_resize(struct rpc_call *c)
{
	char why[LUNS_WHY] = "";

	return changed(c,
		       luns_resize(control_daemon_of(c)->luns, rpc_text(c, "target", ""),
				   (unsigned)rpc_number(c, "id", 0), rpc_number(c, "size", 0),
				   rpc_bool(c, "force", false), why, sizeof(why)),
		       why);
}

json_t *method_lun_readonly(struct rpc_call *c)
{
	char why[LUNS_WHY] = "";

	return changed(c,
		       luns_set_read_only(control_daemon_of(c)->luns, rpc_text(c, "target", ""),
					  (unsigned)rpc_number(c, "id", 0),
					  rpc_bool(c, "on", false), why, sizeof(why)),
		       why);
}

json_t *method_lun_start(struct rpc_call *c)
{
	char why[LUNS_WHY] = "";

	return changed(c,
		       luns_start(control_daemon_of(c)->luns, rpc_text(c, "target", ""),
				  (unsigned)rpc_number(c, "id", 0), why, sizeof(why)),
		       why);
}
