// SPDX-License-Identifier: MIT
/* methods_pool.c - the memory behind all LUNs. */
#include "base/log.h"
#include "control/clean.h"
#include "control/methods.h"
#include "luns/pool.h"
#include "store/store.h"

static json_int_t page_bytes(const struct store_stats *st, uint64_t pages)
{
	return (json_int_t)(pages * st->page_size);
}

json_t *method_pool_show(struct rpc_call *c)
{
	struct store_stats st;
	char advice[256] = "";

	store_get_stats(control_daemon_of(c)->store, &st);
	(void)store_stats_advice(&st, advice, sizeof(advice));
	/* clang-format off */
	return json_pack("{s:s, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, "
			 "s:I, s:I, "
			 "s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:s}",
		"pages", st.kind == STORE_HUGE ? "huge" : "plain",
		"page_bytes", (json_int_t)st.page_size,
		"max_bytes", page_bytes(&st, st.pages_max),
		"used_bytes", page_bytes(&st, st.pages_used),
		"anchored_bytes", page_bytes(&st, st.pages_anchored),
		"reserve_bytes", page_bytes(&st, st.pages_reserve),
		"coming_bytes", page_bytes(&st, st.pages_coming),
		"retired_bytes", page_bytes(&st, st.pages_retired),
		"free_bytes", page_bytes(&st, st.pages_free),
		"aside_bytes", page_bytes(&st, st.pages_aside),
		"poisoned_bytes", page_bytes(&st, st.pages_poisoned),
		"available_bytes", page_bytes(&st, st.pages_available),
		"soft_threshold_bytes", page_bytes(&st, st.pages_soft),
		"floor_bytes", page_bytes(&st, st.pages_floor),
		"elastic_bytes", page_bytes(&st, st.pages_elastic),
		"promised_bytes", page_bytes(&st, st.pages_lent),
		"promised_percent", (json_int_t)st.lent_percent,
		"overcommit_bytes", page_bytes(&st, st.pages_lent_max),
		"host_bytes", (json_int_t)st.host_bytes,
		"host_available_bytes", (json_int_t)st.host_available,
		"returnable_bytes", (json_int_t)st.returnable,
		"nr_hugepages", (json_int_t)st.host_static,
		"nr_overcommit_hugepages", (json_int_t)st.host_surplus_max,
		"misses", (json_int_t)st.misses,
		"waits", (json_int_t)st.waits,
		"advice", advice);
	/* clang-format on */
}

json_t *method_pool_resize(struct rpc_call *c)
{
	struct store *s = control_daemon_of(c)->store;
	struct store_stats was, st;
	char why[RPC_MESSAGE_MAX] = "";

	store_get_stats(s, &was);
	if (luns_set_ceiling(control_daemon_of(c)->luns, rpc_number(c, "size", 0), why,
			     sizeof(why)))
		return rpc_refuse(c, CONTROL_ERR_REFUSED, "%s", why);
	store_get_stats(s, &st);
	log_always("memory: at most %llu MiB now, %llu MiB before",
		   (unsigned long long)(st.pages_max * st.page_size >> 20),
		   (unsigned long long)(was.pages_max * was.page_size >> 20));
	return json_pack("{s:I, s:I, s:I, s:o}", "max_bytes", page_bytes(&st, st.pages_max),
			 "used_bytes", page_bytes(&st, st.pages_used), "promised_bytes",
			 page_bytes(&st, st.pages_lent), "note", control_json_text(why));
}
