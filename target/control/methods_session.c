// SPDX-License-Identifier: MIT
/* methods_session.c - session.list, session.end. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/config.h"
#include "control/clean.h"
#include "control/methods.h"
#include "iscsi/async.h"
#include "iscsi/node.h"
#include "iscsi/survey.h"

/* A turn of a reactor takes milliseconds. */
#define SURVEY_PATIENCE_MS 5000u

static const char *digest(bool on)
{
	return on ? "CRC32C" : "None";
}

static void put_isid(const struct survey_session *s, char out[static 13])
{
	const uint8_t *i = s->isid;

	snprintf(out, 13, "%02x%02x%02x%02x%02x%02x", i[0], i[1], i[2], i[3], i[4], i[5]);
}

/* "0=3 1=4:ro", "all", "all:ro"; nothing in a discovery session. */
#define LUNS_BYTES (CONFIG_LUNS_MAX * sizeof("255=255:ro "))

static const char *luns_of(const struct config_rule *r, char out[static LUNS_BYTES])
{
	size_t n = 0;

	out[0] = '\0';
	if (r && !r->nluns)
		snprintf(out, LUNS_BYTES, "all%s", r->read_only ? ":ro" : "");
	for (size_t i = 0; r && i < r->nluns; i++) {
		const struct config_shown *l = &r->luns[i];
		n += (size_t)snprintf(out + n, LUNS_BYTES - n, "%s%u=%u%s", i ? " " : "", l->as,
				      l->id, l->read_only || r->read_only ? ":ro" : "");
	}
	return out;
}

static const char *place_of(const struct config_rule *r)
{
	return r && r->place ? r->place : "";
}

static json_t *who(const struct survey_session *s)
{
	char isid[13], luns[LUNS_BYTES];

	put_isid(s, isid);
	/* clang-format off */
	return json_pack("{s:o, s:o, s:s, s:i, s:s, s:o, s:i, s:o, s:s, s:s, s:i, s:I, s:i}",
		"initiator", control_json_text(s->params.initiator_name),
		"alias", control_json_text(s->params.initiator_alias),
		"isid", isid,
		"tsih", s->tsih,
		"type", s->params.discovery ? "discovery" : "normal",
		"target", control_json_text(s->params.target_name),
		"portal_group", (int)s->portal_group,
		"rule", control_json_text(place_of(s->rule)),
		"luns", luns_of(s->rule, luns),
		"address", s->address,
		"reactor", (int)s->reactor,
		"age_s", (json_int_t)(s->age / NS_PER_S),
		"in_flight", (int)s->in_flight);
	/* clang-format on */
}

/* RFC 7143 13 */
static json_t *agreed(const struct iscsi_params *p)
{
	/* clang-format off */
	return json_pack("{s:s, s:s, s:I, s:I, s:I, s:I, s:I, s:b, s:b}",
		"HeaderDigest", digest(p->header_digest),
		"DataDigest", digest(p->data_digest),
		"MaxRecvDataSegmentLength", (json_int_t)p->max_recv_data_segment_length,
		"InitiatorMaxRecvDataSegmentLength", (json_int_t)p->max_xmit_data_segment_length,
		"MaxBurstLength", (json_int_t)p->max_burst_length,
		"FirstBurstLength", (json_int_t)p->first_burst_length,
		"MaxOutstandingR2T", (json_int_t)p->max_outstanding_r2t,
		"InitialR2T", (int)p->initial_r2t,
		"ImmediateData", (int)p->immediate_data);
	/* clang-format on */
}

static json_t *row(const struct survey_session *s)
{
	json_t *object = who(s), *params = agreed(&s->params);

	if (!object || !params || json_object_update(object, params)) {
		json_decref(object);
		object = NULL;
	}
	json_decref(params);
	return object;
}

static json_t *list(const struct survey *v)
{
	json_t *rows = json_array(), *result = NULL;
	bool ok = rows != NULL;

	for (size_t i = 0; ok && i < v->n; i++)
		ok = !json_array_append_new(rows, row(&v->at[i]));
	if (ok)
		result = json_pack("{s:O}", "sessions", rows);
	if (result && v->next && json_object_set_new(result, "next", json_integer(v->next))) {
		json_decref(result);
		result = NULL;
	}
	json_decref(rows);
	return result;
}

json_t *method_session_list(struct rpc_call *c)
{
	struct survey *v = malloc(sizeof(*v));
	json_t *result = NULL;

	if (!v)
		return NULL;
	int err = survey_take(control_daemon_of(c)->node, (uint16_t)rpc_number(c, "from", 0),
			      rpc_text(c, "target", NULL), SURVEY_PATIENCE_MS, v);
	if (!err)
		result = list(v);
	else if (err == -ETIMEDOUT)
		rpc_refuse(c, CONTROL_ERR_TIMEOUT, "a reactor did not answer within %u s",
			   SURVEY_PATIENCE_MS / 1000);
	free(v);
	return result;
}

static json_t *ended(const struct survey_session *s)
{
	char isid[13];

	put_isid(s, isid);
	/* clang-format off */
	return json_pack("{s:o, s:s, s:i, s:o, s:s, s:i}",
		"initiator", control_json_text(s->params.initiator_name),
		"isid", isid,
		"tsih", s->tsih,
		"target", control_json_text(s->params.target_name),
		"address", s->address,
		"in_flight", (int)s->in_flight);
	/* clang-format on */
}

json_t *method_session_end(struct rpc_call *c)
{
	const uint16_t tsih = (uint16_t)rpc_number(c, "tsih", 0);
	struct survey_session s;

	switch (async_end_tsih(control_daemon_of(c)->node, tsih, rpc_text(c, "initiator", NULL),
			       SURVEY_PATIENCE_MS, &s)) {
	case 0:
		return ended(&s);
	case -ENOENT:
		rpc_refuse(c, CONTROL_ERR_NOT_FOUND, "no session has the TSIH %u: see session list",
			   tsih);
		return NULL;
	case -EPERM:
		rpc_refuse(c, CONTROL_ERR_REFUSED,
			   "the session of TSIH %u is another initiator's: see session list", tsih);
		return NULL;
	case -ETIMEDOUT:
		rpc_refuse(
			c, CONTROL_ERR_TIMEOUT,
			"a reactor did not answer within %u s: the session ends as soon as it does",
			SURVEY_PATIENCE_MS / 1000);
		return NULL;
	default:
		return NULL;
	}
}
