// SPDX-License-Identifier: MIT
/*
 * test_control_methods.c - what the methods tell of sessions and LUNs on the rig; that results have
 * just the fields of the table; lists in pages; a reactor that does not answer.
 *
 * A thread asks, while the test turns the reactor's loop.
 */
#include "control/methods.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "iscsi/survey.h"
#include "lib/filler.h"
#include "lib/session_rig.h"
#include "lib/test_main.h"
#include "luns/luns.h"
#include "memtgt/control.h"
#include "shortage.h"
#include "store/store.h"
#include "upgrade/upgrade.h"

#define TARGET	  "iqn.2026-01.org.memtgt:rig"
#define SESSIONS  (SURVEY_MAX * 2 + 2)
#define MORE_LUNS 255u

static struct rig rig;
static struct control_daemon state;
static struct luns luns;
static struct shortage shortage;
static struct upgrade upgrade = {.wake = -1, .lock = PTHREAD_MUTEX_INITIALIZER};
static struct luns_owned owned[2];
static const struct rpc rpc = {.table = &control_table, .run = control_run, .context = &state};

static void setup(void)
{
	rig_init(&rig);
	rig.config.limits.connections = SESSIONS;
	rig.config.limits.connections_per_address = SESSIONS;
	rig.config.limits.logins = SESSIONS;
	rig.thin = true;
	rig_start(&rig);
	luns = (struct luns){
		.config = &rig.config, .targets = &rig.target, .owned = owned, .store = rig.store};
	pthread_mutex_init(&luns.lock, NULL);
	owned[0].lu[0] = &rig.lu;
	luns_serve(&luns, &rig.node);
	state = (struct control_daemon){.node = &rig.node,
					.store = rig.store,
					.luns = &luns,
					.shortage = &shortage,
					.upgrade = &upgrade,
					.ready_at = clock_now()};
}

static void teardown(void)
{
	pthread_mutex_destroy(&luns.lock);
	rig_stop(&rig);
}

/* ---- asking ---- */

struct question {
	const char *line;
	struct rpc_answer answer;
	_Atomic bool done;
};

static void *ask_main(void *arg)
{
	struct question *q = arg;

	q->answer = rpc_answer(&rpc, q->line, strlen(q->line), "the test", NULL);
	q->done = true;
	return NULL;
}

/* The whole answer. */
static json_t *ask(const char *method, const char *params)
{
	char line[1024];
	struct question q = {.line = line};
	pthread_t thread;

	snprintf(line, sizeof(line),
		 "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"%s\",\"params\":%s}", method, params);
	ck_assert_int_eq(pthread_create(&thread, NULL, ask_main, &q), 0);
	while (!q.done)
		reactor_turn(&rig.worker.reactor, false);
	pthread_join(thread, NULL);
	json_t *answer = json_loads(q.answer.text, 0, NULL);
	ck_assert_ptr_nonnull(answer);
	free(q.answer.text);
	return answer;
}

static json_t *result_of(const char *method, const char *params)
{
	json_t *answer = ask(method, params);
	json_t *result = json_incref(json_object_get(answer, "result"));

	ck_assert_msg(result != NULL, "%s: %s", method, json_dumps(answer, 0));
	json_decref(answer);
	return result;
}

static void expect_error(const char *method, const char *params, int code)
{
	json_t *answer = ask(method, params);
	const json_t *error = json_object_get(answer, "error");

	ck_assert_int_eq(json_integer_value(json_object_get(error, "code")), code);
	json_decref(answer);
}

/* ---- results and the table ---- */

static bool is_of(enum control_kind kind, const json_t *value)
{
	switch (kind) {
	case KIND_TEXT:
		return json_is_string(value);
	case KIND_FLAG:
		return json_is_boolean(value);
	default:
		return json_is_integer(value) && json_integer_value(value) >= 0;
	}
}

/* Just the fields of the table, in its order, each of its kind. */
static void check_fields(unsigned method, json_t *object)
{
	void *it = json_object_iter(object);

	for (size_t i = 0; i < control_fields_count; i++) {
		const struct control_field *f = &control_fields[i];
		if (f->method != method)
			continue;
		ck_assert_msg(it != NULL, "%s is missing", f->name);
		ck_assert_str_eq(json_object_iter_key(it), f->name);
		ck_assert_msg(is_of(f->kind, json_object_iter_value(it)), "%s is of another kind",
			      f->name);
		it = json_object_iter_next(object, it);
	}
	ck_assert_msg(!it, "%s is not in the table", json_object_iter_key(it));
}

static const char *params_for(unsigned method)
{
	return method == CONTROL_LUN_SHOW ? "{\"target\":\"" TARGET "\",\"id\":0}" : "{}";
}

/* So many registrants of LUN 0, of which the last has reserved it. */
static void set_claims(uint32_t n)
{
	struct claims *c = claims_new(n);

	ck_assert_ptr_nonnull(c);
	c->type = n ? CLAIM_EXCLUSIVE : CLAIM_NONE;
	for (c->n = 0; c->n < n; c->n++) {
		c->at[c->n].key = c->n + 1;
		snprintf(c->at[c->n].port.name, sizeof(c->at[c->n].port.name), "iqn.a,i,0x%012x",
			 c->n);
	}
	c->holder = n ? n - 1 : 0;
	scsi_reserve_free(&rig.lu);
	scsi_claims_set(&rig.lu, c);
}

START_TEST(fields)
{
	const struct control_method *m = &control_table.methods[_i];
	struct rig_peer p = rig_connect(&rig);

	if (m->effect == CONTROL_CHANGES)
		return; /* tests/integration/test_control.c */

	set_claims(1);
	RIG_LOGIN(&p, "");
	json_t *result = result_of(m->name, params_for((unsigned)_i));
	if (*m->list) {
		json_t *rows = json_object_get(result, m->list);
		ck_assert_uint_eq(json_array_size(rows), 1);
		ck_assert_uint_eq(json_object_size(result), 1);
		check_fields((unsigned)_i, json_array_get(rows, 0));
	} else {
		check_fields((unsigned)_i, result);
	}
	json_decref(result);
}
END_TEST

/* Each registration is in one page, whatever is in a page. */
START_TEST(pages_of_claims)
{
	static const uint32_t counts[] = {0, 1, 255, 256, 257, 600, SCSI_REGISTRANTS_MAX};
	const uint32_t n = counts[_i];
	json_int_t from = 0;
	uint32_t seen = 0;

	set_claims(n);
	do {
		char params[64] = "{}";
		if (from)
			snprintf(params, sizeof(params), "{\"from\":%lld}", (long long)from);
		json_t *result = result_of("claim.list", params);
		const json_t *rows = json_object_get(result, "claims");
		for (size_t i = 0; i < json_array_size(rows); i++) {
			const json_t *row = json_array_get(rows, i);
			char key[32];
			snprintf(key, sizeof(key), "0x%016x", ++seen);
			ck_assert_str_eq(json_string_value(json_object_get(row, "key")), key);
			ck_assert_int_eq(json_is_true(json_object_get(row, "holds")), seen == n);
		}
		from = json_integer_value(json_object_get(result, "next"));
		json_decref(result);
	} while (from);
	ck_assert_uint_eq(seen, n);
}
END_TEST

/* Each method has a row of its own and a function; lists, and only they, have pages. */
START_TEST(table_row)
{
	const struct control_method *m = &control_table.methods[_i];
	const struct control_param *from = control_param_find(&control_table, (unsigned)_i, "from");

	ck_assert_ptr_nonnull(control_run[_i]);
	ck_assert_int_eq(control_method_find(&control_table, m->name), _i);
	ck_assert(m->text[0] && m->text[strlen(m->text) - 1] != '.');
	ck_assert((from && from->need == CONTROL_PAGE) == (m->list[0] != '\0'));
	for (size_t i = 0; i < control_table.nparams; i++) {
		const struct control_param *p = &control_table.params[i];
		if (p->method == (unsigned)_i)
			ck_assert_ptr_eq(control_param_find(&control_table, p->method, p->name), p);
	}
}
END_TEST

/* ---- LUNs ---- */

START_TEST(lun)
{
	static const uint8_t bytes[512] = {1};
	json_t *before = result_of("lun.show", "{\"target\":\"" TARGET "\",\"id\":0}");

	ck_assert_int_eq(json_integer_value(json_object_get(before, "bytes")),
			 RIG_BLOCKS * RIG_BLOCK);
	ck_assert_int_eq(json_integer_value(json_object_get(before, "used_bytes")), 0);
	ck_assert_str_eq(json_string_value(json_object_get(before, "provisioning")), "thin");
	ck_assert(json_is_false(json_object_get(before, "read_only")));
	ck_assert(json_is_false(json_object_get(before, "going")));
	json_decref(before);
	int64_t written;
	while ((written = store_write(rig.worker.reader, rig.lu.store, 0, bytes, sizeof(bytes))) ==
	       -EAGAIN)
		filler_run(rig.store);
	ck_assert_int_eq(written, sizeof(bytes));
	json_t *after = result_of("lun.list", "{\"target\":\"" TARGET "\"}");
	json_t *row = json_array_get(json_object_get(after, "luns"), 0);
	ck_assert_int_eq(json_integer_value(json_object_get(row, "used_bytes")), STORE_PAGE_SIZE);
	json_decref(after);
	json_t *pool = result_of("pool.show", "{}"), *status = result_of("status", "{}");
	ck_assert_int_eq(json_integer_value(json_object_get(pool, "used_bytes")), STORE_PAGE_SIZE);
	ck_assert_int_eq(json_integer_value(json_object_get(status, "luns_bytes")),
			 RIG_BLOCKS * RIG_BLOCK);
	json_decref(pool);
	json_decref(status);
}
END_TEST

/* What an operator is told of the memory is what the store says. */
START_TEST(pool)
{
	json_t *before = result_of("pool.show", "{}"), *status = result_of("status", "{}");
	struct store_stats st;

	store_get_stats(rig.store, &st);
	ck_assert_int_gt(json_integer_value(json_object_get(before, "available_bytes")), 0);
	ck_assert_int_eq(json_integer_value(json_object_get(before, "max_bytes")),
			 (json_int_t)(st.pages_max * STORE_PAGE_SIZE));
	ck_assert_int_eq(json_integer_value(json_object_get(before, "promised_bytes")),
			 (json_int_t)(st.pages_lent * STORE_PAGE_SIZE));
	ck_assert_str_eq(json_string_value(json_object_get(status, "pressure")), "off");
	ck_assert_int_gt(json_integer_value(json_object_get(status, "host_available_bytes")), 0);
	ck_assert(json_is_true(json_object_get(status, "new_pages")));
	json_decref(before);
	json_decref(status);
	store_set_gate(rig.store, STORE_GATE_SHUT);
	json_t *after = result_of("pool.show", "{}");
	status = result_of("status", "{}");
	ck_assert_int_eq(json_integer_value(json_object_get(after, "available_bytes")), 0);
	ck_assert(json_is_false(json_object_get(status, "new_pages")));
	json_decref(after);
	json_decref(status);
}
END_TEST

static void expect_state(const char *expected)
{
	json_t *status = result_of("status", "{}");

	ck_assert_str_eq(json_string_value(json_object_get(status, "state")), expected);
	json_decref(status);
}

static void drain(const char *params, const char *expected, int guests)
{
	json_t *result = result_of("drain", params);

	check_fields(CONTROL_DRAIN, result);
	ck_assert_str_eq(json_string_value(json_object_get(result, "state")), expected);
	ck_assert_int_eq(json_integer_value(json_object_get(result, "guests")), guests);
	json_decref(result);
	expect_state(expected);
}

/* One page is used: it may become that small, and not smaller. */
START_TEST(pool_resized)
{
	static const uint8_t bytes[512] = {1};
	int64_t written;

	for (unsigned page = 0; page < 2; page++) {
		while ((written = store_write(rig.worker.reader, rig.lu.store,
					      page * STORE_PAGE_SIZE, bytes, sizeof(bytes))) ==
		       -EAGAIN)
			filler_run(rig.store);
		ck_assert_int_eq(written, sizeof(bytes));
	}
	json_t *result = result_of("pool.resize", "{\"size\":\"4M\"}");
	check_fields(CONTROL_POOL_RESIZE, result);
	ck_assert_int_eq(json_integer_value(json_object_get(result, "max_bytes")), 4 << 20);
	json_decref(result);
	expect_error("pool.resize", "{\"size\":\"2M\"}", CONTROL_ERR_REFUSED);
	expect_error("pool.resize", "{\"size\":\"64T\"}", CONTROL_ERR_REFUSED);
	expect_error("pool.resize", "{\"size\":0}", CONTROL_ERR_PARAMS);
	result = result_of("pool.resize", "{\"size\":9437185}");
	ck_assert_int_eq(json_integer_value(json_object_get(result, "max_bytes")), 10 << 20);
	json_decref(result);
}
END_TEST

START_TEST(draining)
{
	struct rig_peer p = rig_connect(&rig);

	RIG_LOGIN(&p, "");
	expect_state("serving");
	drain("{}", "draining", 1);
	ck_assert(directory_is_closed(&rig.node.directory));
	drain("{\"on\":true}", "draining", 1);
	drain("{\"on\":false}", "serving", 0);
	ck_assert(!directory_is_closed(&rig.node.directory));
	drain("{\"on\":false}", "serving", 0);
	drain("{\"on\":true}", "draining", 1);
	rig.node.stopping = true;
	expect_state("stopping");
}
END_TEST

START_TEST(no_such)
{
	expect_error("upgrade", "{\"binary\":\"/bin/true\"}", CONTROL_ERR_REFUSED);
	expect_error("lun.show", "{\"target\":\"" TARGET "\",\"id\":1}", CONTROL_ERR_NOT_FOUND);
	expect_error("lun.show", "{\"target\":\"iqn.2026-01.x\",\"id\":0}", CONTROL_ERR_NOT_FOUND);
	expect_error("lun.list", "{\"target\":\"iqn.2026-01.x\"}", CONTROL_ERR_NOT_FOUND);
	expect_error("lun.list", "{\"from\":\"x\"}", CONTROL_ERR_PARAMS);
	expect_error("lun.list", "{\"from\":\"0\"}", CONTROL_ERR_PARAMS);
	expect_error("lun.list", "{\"from\":\"256 " TARGET "\"}", CONTROL_ERR_PARAMS);
	expect_error("lun.list", "{\"from\":\"0 iqn.2026-01.x\"}", CONTROL_ERR_PARAMS);
	expect_error("lun.list", "{\"from\":\"65536 held\"}", CONTROL_ERR_PARAMS);
	expect_error("lun.list", "{\"from\":\"0 held\",\"target\":\"" TARGET "\"}",
		     CONTROL_ERR_PARAMS);
	json_decref(result_of("lun.list", "{\"from\":\"65535 held\"}"));
	json_decref(result_of("lun.list", "{\"target\":\"held\"}"));
	/* No session has it: an empty list. */
	struct rig_peer p = rig_connect(&rig);
	RIG_LOGIN(&p, "");
	json_t *none = result_of("session.list", "{\"target\":\"iqn.2026-01.x\"}");
	ck_assert_uint_eq(json_array_size(json_object_get(none, "sessions")), 0);
	json_decref(none);
}
END_TEST

/* All rows of a list, page by page; each is handed to see(). Returns how many pages there were. */
static unsigned all_pages(const char *method, const char *list, void (*see)(const json_t *row))
{
	char params[400] = "{}", *next;
	unsigned pages = 0;

	for (;; pages++) {
		json_t *result = result_of(method, params), *row;
		size_t i;
		json_array_foreach(json_object_get(result, list), i, row) see(row);
		next = json_dumps(json_object_get(result, "next"), JSON_ENCODE_ANY);
		json_decref(result);
		if (!next)
			return pages + 1;
		snprintf(params, sizeof(params), "{\"from\":%s}", next);
		free(next);
	}
}

static unsigned rows_seen;
static json_int_t last_tsih;

static void see_lun(const json_t *row)
{
	json_int_t id = json_integer_value(json_object_get(row, "id"));

	ck_assert_int_eq(id, rows_seen % 256);
	rows_seen++;
}

/* Two targets of 256 LUNs: two pages, whose border is that of the targets; then of 255 and 256. */
START_TEST(luns_in_pages)
{
	static struct scsi_target targets[2];
	static struct scsi_lu lus[256];

	targets[0].name = TARGET;
	targets[1].name = "iqn.2026-01.org.memtgt:two";
	for (unsigned i = 0; i < 256; i++) {
		lus[i] = rig.lu;
		lus[i].id = i;
		owned[0].lu[i] = owned[1].lu[i] = &lus[i];
	}
	luns.targets = targets;
	rig.config.ntargets = 2;
	rows_seen = 0;
	ck_assert_uint_eq(all_pages("lun.list", "luns", see_lun), 2);
	ck_assert_uint_eq(rows_seen, 512);
	owned[0].lu[255] = NULL;
	json_t *first = result_of("lun.list", "{}");
	ck_assert_str_eq(json_string_value(json_object_get(first, "next")),
			 "1 iqn.2026-01.org.memtgt:two");
	json_decref(first);
	json_t *one = result_of("lun.list", "{\"target\":\"iqn.2026-01.org.memtgt:two\"}");
	ck_assert_uint_eq(json_array_size(json_object_get(one, "luns")), 256);
	ck_assert_ptr_null(json_object_get(one, "next"));
	json_decref(one);
	expect_error("lun.list",
		     "{\"target\":\"" TARGET "\",\"from\":\"1 iqn.2026-01.org.memtgt:two\"}",
		     CONTROL_ERR_PARAMS);
	/* What "next" named is gone: it goes on with what follows. */
	owned[1].lu[1] = NULL;
	json_t *rest = result_of("lun.list", "{\"from\":\"1 iqn.2026-01.org.memtgt:two\"}");
	ck_assert_uint_eq(json_array_size(json_object_get(rest, "luns")), 254);
	json_decref(rest);
	rig.config.ntargets = 1;
}
END_TEST

/* ---- sessions ---- */

START_TEST(session)
{
	struct rig_peer p = rig_connect(&rig);
	RIG_LOGIN(&p, "HeaderDigest=CRC32C\0MaxRecvDataSegmentLength=4096\0InitialR2T=Yes\0"
		      "MaxBurstLength=65536\0InitiatorAlias=al\xffias");
	p.header_digest = true;
	rig_clear_attention(&p);
	rig_advance(&rig, 7);
	json_t *result = result_of("session.list", "{\"target\":\"" TARGET "\"}");
	json_t *row = json_array_get(json_object_get(result, "sessions"), 0);
	const char *alias, *type, *target, *header, *data, *rule, *sees;
	int group, tsih, age, in_flight, xmit, burst, initial;

	ck_assert_int_eq(
		json_unpack(
			row,
			"{s:s, s:s, s:i, s:s, s:s, s:s, s:s, s:s, s:i, s:i, s:i, s:i, s:i, s:b}",
			"rule", &rule, "luns", &sees, "portal_group", &group, "alias", &alias,
			"type", &type, "target", &target, "HeaderDigest", &header, "DataDigest",
			&data, "tsih", &tsih, "age_s", &age, "in_flight", &in_flight,
			"InitiatorMaxRecvDataSegmentLength", &xmit, "MaxBurstLength", &burst,
			"InitialR2T", &initial),
		0);
	ck_assert_str_eq(rule, "");
	ck_assert_str_eq(sees, "all");
	ck_assert_int_eq(group, 1);
	ck_assert_str_eq(alias, "al?ias");
	ck_assert_str_eq(type, "normal");
	ck_assert_str_eq(target, TARGET);
	ck_assert_str_eq(header, "CRC32C");
	ck_assert_str_eq(data, "None");
	ck_assert_int_ne(tsih, 0);
	ck_assert_int_eq(age, 7);
	ck_assert_int_eq(in_flight, 0);
	ck_assert_int_eq(xmit, 4096);
	ck_assert_int_eq(burst, 65536);
	ck_assert_int_eq(initial, 1);
	json_decref(result);
}
END_TEST

/* By which rule and portal group it came, and what it sees; LUNs tell how many see them. */
START_TEST(session_of_a_rule)
{
	static struct config_shown shown[] = {{.id = 0, .as = 255},
					      {.id = 255, .as = 0, .read_only = true}};
	static struct config_rule rule = {
		.place = (char *)"/x/a.conf:7", .luns = shown, .nluns = 2};
	struct sockaddr_in *in = (void *)&rig.peer;
	const char *place, *sees;
	int group, sessions;

	in->sin_family = AF_INET;
	rig.target_config.access = (struct config_access){.rules = &rule, .nrules = 1};
	rig.portal_group = 9;
	for (int i = 0; i < 4; i++) {
		static const char *const seen[] = {"255=0 0=255:ro", "255=0:ro 0=255:ro", "all:ro",
						   "0=255:ro"};
		rule.read_only = i == 1 || i == 2;
		rule.nluns = i == 2 ? 0 : i == 3 ? 1 : 2;
		rule.luns = i == 3 ? shown + 1 : shown;
		struct rig_peer p = rig_connect(&rig);
		RIG_LOGIN(&p, "");
		json_t *result = result_of("session.list", "{}");
		json_t *rows = json_object_get(result, "sessions");
		ck_assert_uint_eq(json_array_size(rows), 1);
		ck_assert_int_eq(json_unpack(json_array_get(rows, 0), "{s:s, s:s, s:i}", "rule",
					     &place, "luns", &sees, "portal_group", &group),
				 0);
		ck_assert_str_eq(place, "/x/a.conf:7");
		ck_assert_str_eq(sees, seen[i]);
		ck_assert_int_eq(group, 9);
		json_decref(result);
		result = result_of("lun.list", "{}");
		rows = json_object_get(result, "luns");
		ck_assert_int_eq(
			json_unpack(json_array_get(rows, 0), "{s:i}", "sessions", &sessions), 0);
		ck_assert_int_eq(sessions, i < 3);
		json_decref(result);
	}
}
END_TEST

/* Commands that wait for data count; connections that did not log in do not. */
START_TEST(in_flight)
{
	struct rig_peer p = rig_connect(&rig), stranger = rig_connect(&rig);
	(void)stranger;
	RIG_LOGIN(&p, "InitialR2T=Yes\0ImmediateData=No");
	rig_clear_attention(&p);
	for (int i = 0; i < 3; i++) {
		struct bhs_scsi_cmd c =
			rig_command(&p, ISCSI_FINAL | ISCSI_CMD_WRITE, 8 * RIG_BLOCK);
		rig_rw10(&c, true, 0, 8);
		rig_send(&p, &c, NULL, 0);
		rig_expect_r2t(&p, NULL);
	}
	json_t *result = result_of("session.list", "{}");
	json_t *rows = json_object_get(result, "sessions");
	ck_assert_uint_eq(json_array_size(rows), 1);
	ck_assert_int_eq(json_integer_value(json_object_get(json_array_get(rows, 0), "in_flight")),
			 3);
	json_decref(result);
}
END_TEST

/* Its WRITE waits for data; what comes of that later is dropped, and it hears why it ends. */
START_TEST(session_end)
{
	struct rig_peer p = rig_connect(&rig);
	int tsih, ended;
	const char *initiator;

	RIG_LOGIN(&p, "InitialR2T=Yes\0ImmediateData=No\0DefaultTime2Wait=3");
	rig_clear_attention(&p);
	struct bhs_scsi_cmd c = rig_command(&p, ISCSI_FINAL | ISCSI_CMD_WRITE, RIG_BLOCK);
	rig_rw10(&c, true, 0, 1);
	rig_send(&p, &c, NULL, 0);
	uint32_t ttt = rig_expect_r2t(&p, NULL);
	expect_error("session.end", "{\"tsih\":7}", CONTROL_ERR_NOT_FOUND);
	expect_error("session.end", "{\"tsih\":1,\"initiator\":\"iqn.x\"}", CONTROL_ERR_REFUSED);
	rig_expect_nothing(&p);
	json_t *result = result_of("session.end",
				   "{\"tsih\":1,\"initiator\":\"iqn.2026-01.org.memtgt:peer\"}");
	ck_assert_int_eq(json_unpack(result, "{s:s, s:i, s:i}", "initiator", &initiator, "tsih",
				     &tsih, "in_flight", &ended),
			 0);
	ck_assert_str_eq(initiator, "iqn.2026-01.org.memtgt:peer");
	ck_assert_int_eq(tsih, 1);
	ck_assert_int_eq(ended, 1);
	json_decref(result);
	struct rig_pdu r = rig_expect(&p, ISCSI_OP_ASYNC);
	ck_assert_uint_eq(r.async.event, ISCSI_ASYNC_DROP_SESSION);
	ck_assert_uint_eq(get16(r.async.param2), 3);
	ck_assert_uint_eq(get16(r.async.param3), 0);
	rig_pdu_free(&r);
	rig_data_out(&p, &c, ttt, 0, 0, RIG_BLOCK, true, 0x66);
	ck_assert(rig_is_closed(&p));
	ck_assert_uint_eq(rig_counter(&rig, COUNT_ENDED_OPERATOR), 1);
	expect_error("session.end", "{\"tsih\":1}", CONTROL_ERR_NOT_FOUND);
	p = rig_connect(&rig);
	RIG_LOGIN(&p, "");
	rig_clear_attention(&p);
	rig_check_blocks(&p, 0, 1, 0);
}
END_TEST

/* rig_login() is always the same initiator port, whose sessions would replace each other. */
static void login_as(unsigned i)
{
	static const char text[] =
		"InitiatorName=iqn.2026-01.a\0SessionType=Normal\0TargetName=" TARGET;
	struct rig_peer p = rig_connect(&rig);
	struct bhs_login_req h = {.opcode = ISCSI_OP_LOGIN_REQ | ISCSI_IMMEDIATE,
				  .flags = ISCSI_LOGIN_TRANSIT | ISCSI_STAGE_OPERATIONAL << 2 |
					   ISCSI_STAGE_FULL_FEATURE,
				  .isid = {0x80, 0, 0, 0, 0, (uint8_t)i}};

	rig_send(&p, &h, text, sizeof(text));
	struct rig_pdu rsp = rig_expect(&p, ISCSI_OP_LOGIN_RSP);
	ck_assert_uint_eq(rsp.login_rsp.status_class, 0);
	rig_pdu_free(&rsp);
}

static void see_session(const json_t *row)
{
	json_int_t tsih = json_integer_value(json_object_get(row, "tsih"));

	ck_assert_int_lt(last_tsih, tsih);
	last_tsih = tsih;
	rows_seen++;
}

/* As many as fill two pages, and one more and two more; each is told once, in order. */
START_TEST(sessions_in_pages)
{
	unsigned n = SURVEY_MAX * 2 + (unsigned)_i;

	/* So that those who came first have the highest ones. */
	rig.node.directory.last_tsih = UINT16_MAX - SURVEY_MAX - 5;
	for (unsigned i = 0; i < n; i++) {
		login_as(i);
	}
	rows_seen = 0;
	last_tsih = 0;
	ck_assert_uint_eq(all_pages("session.list", "sessions", see_session), _i ? 3 : 2);
	ck_assert_uint_eq(rows_seen, n);
}
END_TEST

/* The question outlives who asked: a reactor that comes late finds its part and frees it. */
START_TEST(reactor_that_is_late)
{
	struct survey *v = malloc(sizeof(*v));

	ck_assert_int_eq(survey_take(&rig.node, 0, NULL, 10, v), -ETIMEDOUT);
	free(v);
	reactor_turn(&rig.worker.reactor, false);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("control_methods");
	TCase *t = tcase_create("control_methods");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_loop_test(t, fields, 0, CONTROL_METHODS);
	tcase_add_loop_test(t, table_row, 0, CONTROL_METHODS);
	tcase_add_loop_test(t, pages_of_claims, 0, 7);
	tcase_add_test(t, lun);
	tcase_add_test(t, pool);
	tcase_add_test(t, pool_resized);
	tcase_add_test(t, draining);
	tcase_add_test(t, no_such);
	tcase_add_test(t, luns_in_pages);
	tcase_add_test(t, session);
	tcase_add_test(t, session_of_a_rule);
	tcase_add_test(t, in_flight);
	tcase_add_test(t, session_end);
	tcase_add_loop_test(t, sessions_in_pages, 0, 3);
	tcase_add_test(t, reactor_that_is_late);
	suite_add_tcase(s, t);
	return test_main(s);
}
