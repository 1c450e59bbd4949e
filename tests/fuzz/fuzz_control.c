// SPDX-License-Identifier: MIT
/*
 * fuzz_control - any line as a request to the control socket: an answer that is JSON-RPC, or none.
 *
 * The methods are the real ones, on a pool and a LUN, without reactors. What parses as a request
 * without an id is a notification and has no answer; all else has.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/config.h"
#include "control/methods.h"
#include "fuzz/fuzz.h"
#include "iscsi/node.h"
#include "luns/luns.h"
#include "memtgt/control.h"
#include "shortage.h"
#include "upgrade/upgrade.h"
#include "store/store.h"

static struct config_lun lun = {
	.id = 3, .size = STORE_PAGE_SIZE, .provisioning = PROVISIONING_THIN, .block_size = 512};
static struct config_target target = {.name = "iqn.2026-01.a", .luns = &lun, .nluns = 1};
static const struct config config = {.targets = &target, .ntargets = 1};
static struct luns luns;
static struct iscsi_node node = {.config = &config, .ntargets = 1};
static struct shortage shortage;
/* No program could take over, so none is run. */
static struct upgrade upgrade = {.wake = -1, .lock = PTHREAD_MUTEX_INITIALIZER};
static struct control_daemon state = {
	.node = &node, .luns = &luns, .shortage = &shortage, .upgrade = &upgrade};
static const struct rpc rpc = {.table = &control_table, .run = control_run, .context = &state};

static void open_store(void)
{
	struct store_options o = {
		.kind = STORE_PLAIN, .ceiling = STORE_PAGE_SIZE, .readers = 1, .no_filler = true};
	char why[256];

	REQUIRE(!store_open(&state.store, &o, why, sizeof(why)));
	REQUIRE(!luns_create(&luns, &config, state.store, store_reader(state.store, 0), NULL));
	node.targets = luns.targets;
	directory_init(&node.directory, NULL, NULL);
}

/* JSON-RPC 2.0, 5. */
static void check(const struct rpc_answer *a)
{
	json_t *answer = json_loadb(a->text, a->len, JSON_REJECT_DUPLICATES, NULL);
	const json_t *error = json_object_get(answer, "error");

	REQUIRE(answer && json_object_size(answer) == 3);
	REQUIRE(a->len <= CONTROL_RESPONSE_MAX && !memchr(a->text, '\n', a->len));
	REQUIRE(!strcmp(json_string_value(json_object_get(answer, "jsonrpc")), "2.0"));
	REQUIRE(json_object_get(answer, "id"));
	REQUIRE(!error == !a->error);
	if (!error)
		REQUIRE(json_is_object(json_object_get(answer, "result")));
	else
		REQUIRE(json_integer_value(json_object_get(error, "code")) == a->error &&
			control_error_text(a->error));
	json_decref(answer);
}

int LLVMFuzzerTestOneInput(const uint8_t *in, size_t n)
{
	if (!state.store)
		open_store();
	if (n > CONTROL_REQUEST_MAX || memchr(in, '\n', n))
		return 0;
	struct rpc_answer a = rpc_answer(&rpc, (const char *)in, n, "the fuzzer", NULL);
	json_t *request = json_loadb((const char *)in, n, JSON_REJECT_DUPLICATES, NULL);
	if (a.text)
		check(&a);
	else
		REQUIRE(json_is_object(request) && !json_object_get(request, "id"));
	json_decref(request);
	free(a.text);
	return 0;
}
