// SPDX-License-Identifier: MIT
/*
 * login.c - stages, continuation and refusal of a login. RFC 7143 6.3, 11.12, 11.13.
 *
 * A step is one text of the initiator (in one or more PDUs) and one answer (likewise). Only when
 * the whole answer is out does the login go to another stage.
 */
#include "iscsi/login.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "iscsi/access.h"

static const struct {
	enum iscsi_login_status status;
	const char *name;
} status_names[] = {
#define X(status, name) {status, name},
#include "tbl/iscsi_login.def"
#undef X
};

const char *login_status_name(enum iscsi_login_status status)
{
	for (size_t i = 0; i < sizeof(status_names) / sizeof(*status_names); i++) {
		if (status_names[i].status == status)
			return status_names[i].name;
	}
	return "unknown status";
}

int login_begin(struct login *l, const struct config *config, const struct sockaddr_storage *peer,
		uint16_t portal_group)
{
	*l = (struct login){.config = config, .peer = *peer, .portal_group = portal_group};
	l->in = malloc(2 * LOGIN_TEXT_MAX);
	if (!l->in)
		return -ENOMEM;
	l->out = l->in + LOGIN_TEXT_MAX;
	keys_begin(&l->keys, &config->login, &l->params);
	return 0;
}

void login_end(struct login *l)
{
	free(l->in);
	l->in = l->out = NULL;
}

/* 11.13; version 0 is the only one there is. */
static void reply_begin(const struct login *l, struct login_reply *out)
{
	*out = (struct login_reply){.bhs.opcode = ISCSI_OP_LOGIN_RSP};
	memcpy(out->bhs.isid, l->isid, sizeof(l->isid));
	put16(&out->bhs.tsih, l->tsih);
	put32(&out->bhs.itt, l->itt);
}

void login_refuse(const struct login *l, enum iscsi_login_status status, struct login_reply *out)
{
	reply_begin(l, out);
	out->bhs.status_class = (uint8_t)(status >> 8);
	out->bhs.status_detail = (uint8_t)status;
}

static enum iscsi_login_status fail(struct login *l, enum iscsi_login_status status,
				    const char *why)
{
	l->why = why;
	return status;
}

static enum iscsi_login_status initiator_error(struct login *l, const char *why)
{
	return fail(l, ISCSI_LOGIN_INITIATOR_ERROR, why);
}

/* 11.12: the first request tells who the connection is, the others repeat it. */
static enum iscsi_login_status check_identity(struct login *l, const struct bhs_login_req *req)
{
	if (!l->begun) {
		l->begun = true;
		memcpy(l->isid, req->isid, sizeof(l->isid));
		l->tsih = get16(req->tsih);
		l->cid = get16(req->cid);
		l->itt = get32(req->itt);
		l->cmdsn = get32(req->cmdsn);
		l->stage = ISCSI_LOGIN_CSG(req->flags);
	}
	if (memcmp(l->isid, req->isid, sizeof(l->isid)) != 0 || get16(req->tsih) != l->tsih ||
	    get16(req->cid) != l->cid || get32(req->itt) != l->itt)
		return initiator_error(l, "ISID, TSIH, CID or ITT changed during the login");
	return ISCSI_LOGIN_SUCCESS;
}

static bool wants_transit(const struct bhs_login_req *req)
{
	return req->flags & ISCSI_LOGIN_TRANSIT;
}

/* 11.12.3: the stages a login may be in and go to. */
static enum iscsi_login_status check_stage(struct login *l, const struct bhs_login_req *req)
{
	uint8_t csg = ISCSI_LOGIN_CSG(req->flags), nsg = ISCSI_LOGIN_NSG(req->flags);

	if (csg != ISCSI_STAGE_SECURITY && csg != ISCSI_STAGE_OPERATIONAL)
		return initiator_error(l, "CSG is no stage of a login");
	if (csg != l->stage)
		return initiator_error(l, "CSG is not the stage of this login");
	if (!wants_transit(req))
		return ISCSI_LOGIN_SUCCESS;
	if (req->flags & ISCSI_TEXT_CONTINUE)
		return initiator_error(l, "T and C bit together");
	if (nsg <= csg || (nsg != ISCSI_STAGE_OPERATIONAL && nsg != ISCSI_STAGE_FULL_FEATURE))
		return initiator_error(l, "NSG cannot follow CSG");
	return ISCSI_LOGIN_SUCCESS;
}

static enum iscsi_login_status check_header(struct login *l, const struct bhs_login_req *req)
{
	enum iscsi_login_status status = check_identity(l, req);

	if (status != ISCSI_LOGIN_SUCCESS)
		return status;
	if (req->version_min > 0)
		return fail(l, ISCSI_LOGIN_UNSUPPORTED_VERSION, "it speaks no version 0");
	return check_stage(l, req);
}

static enum iscsi_login_status collect(struct login *l, const uint8_t *data, size_t n)
{
	if (n > LOGIN_TEXT_MAX - l->in_len)
		return initiator_error(l, "its text is longer than 16 KiB");
	if (n)
		memcpy(l->in + l->in_len, data, n);
	l->in_len += n;
	return ISCSI_LOGIN_SUCCESS;
}

static const struct config_target *target_find(const struct config *c, const char *name)
{
	for (size_t i = 0; i < c->ntargets; i++) {
		/* 4.2.7.2: names are compared without regard to case. */
		if (strcasecmp(c->targets[i].name, name) == 0)
			return &c->targets[i];
	}
	return NULL;
}

/* RFC 7143 4.4.3: a portal group that a target does not have is no place of it. */
static enum iscsi_login_status authorize(struct login *l)
{
	const struct config_target *t = l->target;

	l->rule = config_access_find(&t->access, l->params.initiator_name, &l->peer);
	if (l->rule && !l->rule->deny && access_by_group(t, l->portal_group)) {
		l->auth = &l->rule->auth;
		return ISCSI_LOGIN_SUCCESS;
	}
	l->target = NULL;
	if (l->rule && !l->rule->deny) {
		snprintf(l->said, sizeof(l->said), "target %s is not offered by portal group %u",
			 t->name, l->portal_group);
		return fail(l, ISCSI_LOGIN_NOT_FOUND, l->said);
	}
	access_explain(t, l->rule, l->said, sizeof(l->said));
	return fail(l, ISCSI_LOGIN_AUTHZ_FAILURE, l->said);
}

/* After the first text: who it is, and whether it may have what it wants. 6.3, 13.4, 13.5 */
static enum iscsi_login_status identify(struct login *l)
{
	struct iscsi_params *p = &l->params;

	l->named = true;
	if (!p->initiator_name[0])
		return fail(l, ISCSI_LOGIN_MISSING_PARAMETER, "no InitiatorName");
	l->auth = &l->config->discovery;
	if (p->discovery)
		return ISCSI_LOGIN_SUCCESS;
	if (!p->target_name[0])
		return fail(l, ISCSI_LOGIN_MISSING_PARAMETER, "no TargetName");
	l->target = target_find(l->config, p->target_name);
	if (!l->target)
		return fail(l, ISCSI_LOGIN_NOT_FOUND, "no such target");
	return authorize(l);
}

/* Why it is not who it says; and which rule wants to know. */
static enum iscsi_login_status unproven(struct login *l, const char *why)
{
	if (l->rule && l->rule->place) {
		snprintf(l->said, sizeof(l->said), "%s; the rule at %s asks for CHAP", why,
			 l->rule->place);
		why = l->said;
	}
	return fail(l, ISCSI_LOGIN_AUTH_FAILURE, why);
}

static bool chap_key_in(const struct key_state *keys)
{
	for (size_t i = 0; i < CHAP_KEYS; i++)
		if (keys->chap[i])
			return true;
	return false;
}

static enum iscsi_login_status chap_step(struct login *l, struct writer *answer)
{
	switch (chap_input(&l->chap, l->keys.chap, answer)) {
	case CHAP_OK:
		return ISCSI_LOGIN_SUCCESS;
	case CHAP_REFUSED:
		return unproven(l, l->chap.why);
	case CHAP_BROKEN:
		break;
	}
	return fail(l, ISCSI_LOGIN_TARGET_ERROR, l->chap.why);
}

/* What the text that was answered last means for who the initiator is. 6.3.2, 12.1 */
static enum iscsi_login_status authenticate(struct login *l, const struct bhs_login_req *req,
					    struct writer *answer)
{
	bool agreed = l->keys.value[KEY_AuthMethod] == AUTH_CHAP;

	if (l->auth->required && l->stage != ISCSI_STAGE_SECURITY && l->chap.phase != CHAP_PASSED)
		return unproven(l, "CHAP is required, and it went past the security stage");
	if (l->chap.phase != CHAP_IDLE)
		return chap_step(l, answer);
	/* The text that agrees on CHAP is not yet one of its steps. */
	if (chap_key_in(&l->keys))
		return initiator_error(l, "a key of CHAP, and CHAP was not agreed on before");
	if (agreed)
		chap_begin(&l->chap, l->config, l->auth);
	else if (l->auth->required && wants_transit(req))
		return unproven(l, "CHAP is required, and it offered none");
	return ISCSI_LOGIN_SUCCESS;
}

static bool is_authenticated(const struct login *l)
{
	return !l->auth->required || l->chap.phase == CHAP_PASSED;
}

/* 13.9: the tag in the first answer of a normal session; 13.6, 13.12. */
static bool declare(struct login *l, struct writer *answer)
{
	char tag[8];

	if (l->target) {
		snprintf(tag, sizeof(tag), "%u", l->portal_group);
		if (!keys_declare(&l->keys, KEY_TargetPortalGroupTag, tag, answer))
			return false;
	}
	if (l->target && l->target->alias[0] &&
	    !keys_declare(&l->keys, KEY_TargetAlias, l->target->alias, answer))
		return false;
	return l->stage != ISCSI_STAGE_OPERATIONAL || keys_declare_size(&l->keys, answer);
}

/* A whole text is in: make the whole answer. */
static enum iscsi_login_status negotiate(struct login *l, const struct bhs_login_req *req)
{
	struct writer answer = writer_of(l->out, LOGIN_TEXT_MAX);
	struct key_state *keys = &l->keys;
	enum iscsi_login_status status = keys_take(keys, &l->params, l->stage, l->in, l->in_len);

	if (status != ISCSI_LOGIN_SUCCESS)
		return fail(l, status, keys->why);
	if (!l->named)
		status = identify(l);
	if (status != ISCSI_LOGIN_SUCCESS)
		return status;
	keys->ours[KEY_AuthMethod] = l->auth->required ? AUTH_CHAP : AUTH_NONE;
	status = keys_answer(keys, &l->params, l->in, l->in_len, &answer);
	if (status == ISCSI_LOGIN_AUTH_FAILURE && l->auth->required)
		return unproven(l, keys->why);
	if (status != ISCSI_LOGIN_SUCCESS)
		return fail(l, status, keys->why);
	status = authenticate(l, req, &answer);
	l->in_len = 0;
	if (status != ISCSI_LOGIN_SUCCESS)
		return status;
	l->transit = wants_transit(req);
	if (l->transit)
		keys->offered = 0; /* what it left unanswered keeps its default */
	bool room = declare(l, &answer);
	if (l->stage == ISCSI_STAGE_OPERATIONAL && l->transit)
		room = room && keys_offer(keys, &l->params, &answer);
	if (!room)
		return initiator_error(l, "it sent more keys than can be answered");
	l->out_len = writer_len(&answer);
	l->out_sent = 0;
	return ISCSI_LOGIN_SUCCESS;
}

/* 13.12: until the login is over the default holds, or less if the initiator declared less. */
static size_t piece_max(const struct login *l)
{
	uint32_t declared = l->keys.value[KEY_MaxRecvDataSegmentLength];

	return declared < ISCSI_LOGIN_DATA_MAX ? declared : ISCSI_LOGIN_DATA_MAX;
}

/* The next piece of the answer, with the C bit if there is more. 11.13.2 */
static void reply_text(struct login *l, struct login_reply *out)
{
	size_t left = l->out_len - l->out_sent;
	size_t n = left < piece_max(l) ? left : piece_max(l);

	out->text = l->out + l->out_sent;
	out->text_len = n;
	l->out_sent += n;
	put24(&out->bhs.data_len, (uint32_t)n);
	out->bhs.flags = (uint8_t)(l->stage << 2);
	if (n < left)
		out->bhs.flags |= ISCSI_TEXT_CONTINUE;
}

static enum iscsi_login_status advance(struct login *l, const struct bhs_login_req *req,
				       const uint8_t *data, size_t n)
{
	if (l->out_sent < l->out_len) {
		/* 11.13.2: while our text goes on, requests are empty. */
		if (n || req->flags & ISCSI_TEXT_CONTINUE)
			return initiator_error(l, "text before the whole answer was fetched");
		return ISCSI_LOGIN_SUCCESS;
	}
	enum iscsi_login_status status = collect(l, data, n);
	if (status != ISCSI_LOGIN_SUCCESS || req->flags & ISCSI_TEXT_CONTINUE)
		return status;
	return negotiate(l, req);
}

/* Everything was said: the stage that was asked for. 11.13.3 */
static enum login_step transit(struct login *l, uint8_t nsg, struct login_reply *out)
{
	out->bhs.flags |= (uint8_t)(ISCSI_LOGIN_TRANSIT | nsg);
	l->stage = nsg;
	keys_next_stage(&l->keys);
	if (nsg != ISCSI_STAGE_FULL_FEATURE)
		return LOGIN_SEND;
	keys_finish(&l->keys, &l->params);
	l->over = true;
	return LOGIN_COMPLETE;
}

static enum login_step refuse(struct login *l, enum iscsi_login_status status,
			      struct login_reply *out)
{
	l->over = true;
	login_refuse(l, status, out);
	return LOGIN_FAIL;
}

enum login_step login_input(struct login *l, const struct bhs_login_req *req, const uint8_t *data,
			    size_t n, struct login_reply *out)
{
	*out = (struct login_reply){0};
	if (l->over)
		return LOGIN_DROP;
	enum iscsi_login_status status = check_header(l, req);
	if (status == ISCSI_LOGIN_SUCCESS)
		status = advance(l, req, data, n);
	if (status != ISCSI_LOGIN_SUCCESS)
		return refuse(l, status, out);
	reply_begin(l, out);
	reply_text(l, out);
	/* Both the text and the request for the last piece of its answer must have asked for it. */
	if (!wants_transit(req) || !l->transit || l->out_sent < l->out_len || l->keys.offered)
		return LOGIN_SEND;
	/* 12.1.3: until both sides have proved what they must, T is not granted. */
	if (!is_authenticated(l))
		return LOGIN_SEND;
	/* Here and not before: NSG may change while the pieces of an answer are fetched. */
	if (ISCSI_LOGIN_NSG(req->flags) == ISCSI_STAGE_FULL_FEATURE && !keys_acceptable(&l->keys))
		return refuse(l,
			      initiator_error(l, "it did not agree on a digest that is required"),
			      out);
	return transit(l, ISCSI_LOGIN_NSG(req->flags), out);
}
