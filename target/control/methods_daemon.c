// SPDX-License-Identifier: MIT
/* methods_daemon.c - version, status, drain, counters. */
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "control/clean.h"
#include "control/methods.h"
#include "iscsi/node.h"
#include "luns/luns.h"
#include "memtgt/control.h"
#include "shortage.h"
#include "store/store.h"
#include "upgrade/upgrade.h"

rpc_method *const control_run[] = {
#define CONTROL_METHOD(id, call, name, effect, list, text) [CONTROL_##id] = method_##call,
#include "tbl/control_methods.def"
};

json_t *method_version(struct rpc_call *c)
{
	(void)c;
	return json_pack("{s:s, s:s, s:i}", "name", "memtgtd", "version", PACKAGE_VERSION,
			 "protocol", CONTROL_PROTOCOL);
}

static const char *engine_name(const struct iscsi_node *n)
{
	return n->nworkers ? n->workers[0].reactor.engine->ops->name : "none";
}

/* What initiators see. 0 or -ENOMEM. */
static int sum_luns(struct luns *l, size_t *count, uint64_t *bytes)
{
	struct luns_info *all;
	int err = luns_list(l, &all, count);

	*bytes = 0;
	if (err)
		return err;
	for (size_t i = 0; i < *count; i++)
		*bytes += all[i].bytes;
	free(all);
	return 0;
}

static const char *state_name(struct iscsi_node *n)
{
	if (n->stopping)
		return "stopping";
	return directory_is_closed(&n->directory) ? "draining" : "serving";
}

json_t *method_status(struct rpc_call *c)
{
	const struct control_daemon *d = control_daemon_of(c);
	struct iscsi_node *n = d->node;
	struct store_stats st;
	uint64_t bytes;
	size_t luns;

	if (sum_luns(d->luns, &luns, &bytes))
		return NULL;
	store_get_stats(d->store, &st);
	/* clang-format off */
	return json_pack("{s:s, s:s, s:i, s:I, s:o, s:I, s:I, s:s, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:s, "
			 "s:I, s:b}",
		"version", PACKAGE_VERSION,
		"state", state_name(n),
		"pid", (int)getpid(),
		"uptime_s", (json_int_t)((clock_now() - d->ready_at) / NS_PER_S),
		"binary", control_json_text(d->upgrade->self),
		"ready_ns", (json_int_t)d->ready_at,
		"pause_ms", (json_int_t)d->pause_ms,
		"engine", engine_name(n),
		"reactors", (json_int_t)n->nworkers,
		"connections", (json_int_t)iscsi_node_connections(n),
		"guests", (json_int_t)directory_guests(&n->directory),
		"targets", (json_int_t)n->ntargets,
		"luns", (json_int_t)luns,
		"luns_bytes", (json_int_t)bytes,
		"used_bytes", (json_int_t)(st.pages_used * st.page_size),
		"max_bytes", (json_int_t)(st.pages_max * st.page_size),
		"returnable_bytes", (json_int_t)st.returnable,
		"pressure", shortage_host(d->shortage),
		"host_available_bytes", (json_int_t)st.host_available,
		"new_pages", st.pages_available > 0);
	/* clang-format on */
}

json_t *method_drain(struct rpc_call *c)
{
	struct iscsi_node *n = control_daemon_of(c)->node;
	bool on = rpc_bool(c, "on", true), was = directory_is_closed(&n->directory);

	if (on && directory_close(&n->directory))
		return NULL;
	if (!on)
		directory_open(&n->directory);
	unsigned guests = directory_guests(&n->directory);
	if (on && !was)
		log_always("draining: no new initiators; sessions that may come back: %u", guests);
	else if (!on && was)
		log_always("draining no more: new initiators may log in");
	return json_pack("{s:s, s:I}", "state", state_name(n), "guests", (json_int_t)guests);
}

json_t *method_counters(struct rpc_call *c)
{
	uint64_t sum[COUNTERS];
	json_t *result = json_object();

	iscsi_node_counters(control_daemon_of(c)->node, sum);
	for (enum counter i = 0; result && i < COUNTERS; i++) {
		if (!json_object_set_new(result, counter_name(i), json_integer((json_int_t)sum[i])))
			continue;
		json_decref(result);
		result = NULL;
	}
	return result;
}
