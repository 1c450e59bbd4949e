// SPDX-License-Identifier: MIT
/* pdu_login.c - Login Request, RFC 7143 11.12: from the negotiation to a session. */
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "iscsi/access.h"
#include "iscsi/login.h"
#include "iscsi/session.h"

/* The login and its last answer, which waits until older sessions of the same name are gone. */
struct login_phase {
	struct login login; /* first: session.login */
	struct login_reply last;
};

static struct login_phase *phase_of(struct session *s)
{
	return container_of(s->login, struct login_phase, login);
}

void login_free(struct session *s)
{
	if (!s->login)
		return;
	login_end(s->login);
	free(phase_of(s));
	s->login = NULL;
}

/* A connection that says nothing costs no login state. */
static bool begin(struct session *s)
{
	struct login_phase *p = calloc(1, sizeof(*p));
	if (!p)
		return false;
	if (login_begin(&p->login, s->w->node->config, &s->conn.peer, s->conn.portal)) {
		free(p);
		return false;
	}
	s->login = &p->login;
	/* 11.12.9: the numbering begins where the initiator expects it. */
	const struct bhs_login_req *h = (const void *)&s->rx.bhs;
	s->statsn = get32(h->exp_statsn);
	s->exp_cmdsn = get32(h->cmdsn);
	return true;
}

enum pdu_error pdu_login_header(struct session *s)
{
	if (!s->login && !begin(s))
		return session_fail(s, "no memory for a login");
	if (!session_collect(s))
		return session_fail(s, "no memory for login text");
	return PDU_OK;
}

static enum pdu_error answer(struct session *s, const struct login_reply *from, bool ends)
{
	struct reply *r = reply_new(s, ISCSI_OP_LOGIN_RSP, s->rx.bhs.itt, (uint32_t)from->text_len);
	if (!r || from->text_len > REPLY_DATA_MAX)
		return session_fail(s, "no memory to answer a login");
	memcpy(&r->bhs, &from->bhs, sizeof(r->bhs));
	if (from->text_len)
		memcpy(r->data, from->text, from->text_len);
	r->ends = ends;
	r->why = CONN_CLOSE_LOGIN_REFUSED;
	r->digests_on = s->state == SESSION_FULL;
	/* 11.13.4: a refusal carries StatSN only by courtesy, but every response takes one. */
	reply_send(s, r);
	return PDU_OK;
}

static enum pdu_error refuse(struct session *s, enum iscsi_login_status status, const char *why)
{
	struct login_reply reply;
	log_peer(LOG_LEVEL_WARNING, "%s: login refused (0x%04x): %s", session_name(s), status, why);
	login_refuse(s->login, status, &reply);
	s->state = SESSION_ENDING;
	return answer(s, &reply, true);
}

static enum pdu_error failed(struct session *s, const struct login_reply *reply)
{
	const struct login *l = s->login;
	const char *why = l->why ? l->why : "no reason given";
	unsigned status = (unsigned)reply->bhs.status_class << 8 | reply->bhs.status_detail;

	/* Two places, two limits: who guesses secrets does not hide other refusals. */
	if (l->chap.user[0])
		log_peer(LOG_LEVEL_WARNING, "%s: login refused (0x%04x) to CHAP user \"%s\": %s",
			 session_name(s), status, l->chap.user, why);
	else
		log_peer(LOG_LEVEL_WARNING, "%s: login refused (0x%04x): %s", session_name(s),
			 status, why);
	s->state = SESSION_ENDING;
	return answer(s, reply, true);
}

/* Each limit has its own count of lines, so that none hides the other. */
static enum pdu_error too_many(struct session *s, const struct directory_limits *limits,
			       enum directory_result which)
{
	static struct log_limit of_target, of_initiator;
	struct login *l = s->login;
	struct login_reply reply;

	access_full(l->target, l->rule, limits, which, l->said, sizeof(l->said));
	session_count(s, COUNT_REFUSED_SESSIONS, 1);
	log_line_limited(which == DIRECTORY_TARGET_FULL ? &of_target : &of_initiator,
			 LOG_LEVEL_WARNING, "%s: login refused (0x%04x): %s", session_name(s),
			 ISCSI_LOGIN_OUT_OF_RESOURCES, l->said);
	login_refuse(l, ISCSI_LOGIN_OUT_OF_RESOURCES, &reply);
	s->state = SESSION_ENDING;
	return answer(s, &reply, true);
}

/* What the session needs of the target that was named. NULL, or why there can be no session. */
static const char *attach(struct session *s, const struct login *l)
{
	struct iscsi_node *n = s->w->node;
	s->target = &n->targets[l->target - n->config->targets];
	struct scsi_attentions *ua = calloc(SCSI_LUNS_MAX, sizeof(*ua));
	if (!ua)
		return "no memory for the nexus";
	scsi_nexus_init(&s->nexus, s->target, ua);
	s->rule = l->rule;
	s->nexus.port_group = l->portal_group;
	access_luns(l->rule, &s->nexus.luns);
	/* SPC-4 7.6.4: an iSCSI initiator port is its name, ",i,0x", and the ISID. */
	const uint8_t *i = l->isid;
	snprintf(s->nexus.port_name, sizeof(s->nexus.port_name), "%s,i,0x%02x%02x%02x%02x%02x%02x",
		 l->params.initiator_name, i[0], i[1], i[2], i[3], i[4], i[5]);
	return NULL;
}

/* The negotiation is complete: a session of this name, once older ones are gone. 6.3.5 */
static enum pdu_error join(struct session *s)
{
	struct login *l = s->login;
	struct directory *d = &s->w->node->directory;

	if (s->w->node->stopping)
		return refuse(s, ISCSI_LOGIN_SERVICE_UNAVAILABLE, "the target is about to stop");
	if (l->tsih)
		return directory_tsih_exists(d, l->tsih)
			       ? refuse(s, ISCSI_LOGIN_TOO_MANY_CONNECTIONS,
					"a second connection, but MaxConnections=1")
			       : refuse(s, ISCSI_LOGIN_NO_SESSION, "no session has this TSIH");
	s->tsih = directory_tsih_get(d);
	if (!s->tsih)
		return refuse(s, ISCSI_LOGIN_OUT_OF_RESOURCES, "every TSIH is in use");
	if (l->params.discovery) {
		memcpy(s->entry.isid, l->isid, sizeof(s->entry.isid));
		login_joined(s);
		return PDU_OK;
	}
	const char *why = attach(s, l);
	if (why)
		return refuse(s, ISCSI_LOGIN_OUT_OF_RESOURCES, why);

	s->state = SESSION_JOINING;
	s->entry = (struct directory_entry){.target = s->target,
					    .group = l->portal_group,
					    .tsih = s->tsih,
					    .ref = session_ref(s)};
	memcpy(s->entry.isid, l->isid, sizeof(s->entry.isid));
	memcpy(s->entry.luns, s->nexus.luns.ids, sizeof(s->entry.luns));
	memcpy(s->entry.initiator, l->params.initiator_name, sizeof(s->entry.initiator));
	const struct directory_limits limits =
		access_limits(s->w->node->config, l->target, l->rule);
	enum directory_result r = directory_enter(d, &s->entry, &limits);
	if (r == DIRECTORY_CLOSED)
		return refuse(s, ISCSI_LOGIN_SERVICE_UNAVAILABLE,
			      "the target drains: it takes no new borrowers");
	if (r == DIRECTORY_TARGET_FULL || r == DIRECTORY_INITIATOR_FULL)
		return too_many(s, &limits, r);
	s->entered = true;
	if (r == DIRECTORY_ALONE)
		login_joined(s);
	return PDU_OK;
}

static void announce(struct session *s, struct log_limit *limit)
{
	s->announced = log_line_limited(limit, LOG_LEVEL_INFO, "%s: logged in to %s (TSIH %u%s%s)",
					session_name(s), s->params.target_name, s->tsih,
					s->params.header_digest ? ", HeaderDigest" : "",
					s->params.data_digest ? ", DataDigest" : "");
}

/* Apart from those of the moment: peers that come and go in a loop do not hide one that stays. */
void login_announce_late(struct session *s)
{
	static struct log_limit late;
	announce(s, &late);
}

static void tell(struct session *s)
{
	static struct log_limit limit;
	session_count(s, s->params.discovery ? COUNT_DISCOVERIES : COUNT_SESSIONS, 1);
	if (s->params.discovery)
		log_peer(LOG_LEVEL_DEBUG, "%s: discovery session", session_name(s));
	else
		announce(s, &limit);
}

void login_joined(struct session *s)
{
	struct login_reply *reply = &phase_of(s)->last;

	s->params = s->login->params;
	s->cid = s->login->cid;
	s->state = SESSION_FULL;
	put16(&reply->bhs.tsih, s->tsih);
	if (answer(s, reply, false) != PDU_OK)
		return;
	login_free(s);
	s->rx.header_digest = s->params.header_digest;
	s->rx.data_digest = s->params.data_digest;
	s->rx.max_data = s->params.max_recv_data_segment_length;
	s->counted_login = false;
	admission_logged_in(&s->w->node->admission);
	if (!s->params.discovery)
		conn_trust(&s->conn);
	tell(s);
}

enum pdu_error pdu_login_end(struct session *s)
{
	struct login_reply reply;
	uint32_t n = s->text_len;

	enum login_step step = login_input(s->login, (const void *)&s->rx.bhs, s->text, n, &reply);
	session_drop_text(s);
	/* For log lines, as far as it is known. */
	memcpy(s->params.initiator_name, s->login->params.initiator_name,
	       sizeof(s->params.initiator_name));
	switch (step) {
	case LOGIN_SEND:
		return answer(s, &reply, false);
	case LOGIN_COMPLETE:
		phase_of(s)->last = reply;
		return join(s);
	case LOGIN_FAIL:
		return failed(s, &reply);
	case LOGIN_DROP:
		break;
	}
	return session_fail(s, "%s", s->login->why ? s->login->why : "login broken off");
}
