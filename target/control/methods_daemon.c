// SPDX-License-Identifier: MIT
/* methods_daemon.c - version, status, pool.show, counters. */
#include <unistd.h>

#include "base/clock.h"
#include "control/methods.h"
#include "iscsi/node.h"
#include "memtgt/control.h"
#include "store/store.h"

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

json_t *method_status(struct rpc_call *c)
{
	const struct control_daemon *d = control_daemon_of(c);
	const struct iscsi_node *n = d->node;
	struct store_stats st;
	json_int_t luns = 0, bytes = 0;

	store_get_stats(d->store, &st);
	for (size_t t = 0; t < n->ntargets; t++)
		for (unsigned id = 0; id < SCSI_LUNS_MAX; id++) {
			const struct scsi_lu *lu = n->targets[t].by_id[id];
			luns += lu != NULL;
			bytes += lu ? (json_int_t)(lu->blocks << lu->block_shift) : 0;
		}
	/* clang-format off */
	return json_pack("{s:s, s:s, s:i, s:I, s:s, s:I, s:I, s:I, s:I, s:I, s:I, s:I}",
		"version", PACKAGE_VERSION,
		"state", n->draining ? "draining" : "serving",
		"pid", (int)getpid(),
		"uptime_s", (json_int_t)((clock_now() - d->ready_at) / NS_PER_S),
		"engine", engine_name(n),
		"reactors", (json_int_t)n->nworkers,
		"connections", (json_int_t)iscsi_node_connections(n),
		"targets", (json_int_t)n->ntargets,
		"luns", luns,
		"luns_bytes", bytes,
		"used_bytes", (json_int_t)(st.pages_used * st.page_size),
		"max_bytes", (json_int_t)(st.pages_max * st.page_size));
	/* clang-format on */
}

json_t *method_pool_show(struct rpc_call *c)
{
	struct store_stats st;

	store_get_stats(control_daemon_of(c)->store, &st);
	/* clang-format off */
	return json_pack("{s:s, s:I, s:I, s:I, s:I, s:I, s:I, s:I}",
		"pages", st.kind == STORE_HUGE ? "huge" : "plain",
		"page_bytes", (json_int_t)st.page_size,
		"max_bytes", (json_int_t)(st.pages_max * st.page_size),
		"used_bytes", (json_int_t)(st.pages_used * st.page_size),
		"retired_bytes", (json_int_t)(st.pages_retired * st.page_size),
		"host_bytes", (json_int_t)st.host_bytes,
		"nr_hugepages", (json_int_t)st.host_static,
		"nr_overcommit_hugepages", (json_int_t)st.host_surplus_max);
	/* clang-format on */
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
