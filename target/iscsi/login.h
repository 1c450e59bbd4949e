/* SPDX-License-Identifier: MIT */
/*
 * login.h - the login phase of a connection, as a state machine over PDUs. RFC 7143 6, 11.12-11.13.
 *
 * Knows no socket and no session: takes Login Requests, gives Login Responses. When the last
 * request asks for the Full Feature Phase, it says LOGIN_COMPLETE, and the caller finds or ends
 * sessions before it sends the response that was prepared.
 */
#ifndef MEMTGT_LOGIN_H
#define MEMTGT_LOGIN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include "base/config.h"
#include "iscsi/chap.h"
#include "iscsi/keys.h"
#include "iscsi/params.h"

/* Text of one negotiation step, over all its C-bit PDUs: more ends the login. */
#define LOGIN_TEXT_MAX (16u << 10)
/* Of a sentence for the log. */
#define LOGIN_WHY_MAX 512u

enum login_step {
	LOGIN_SEND,	/* send the response, go on in the login phase */
	LOGIN_COMPLETE, /* make the session, then send the response: Full Feature Phase */
	LOGIN_FAIL,	/* send the response (status != 0), then close */
	LOGIN_DROP,	/* close without an answer */
};

struct login {
	const struct config *config;  /* borrowed */
	struct sockaddr_storage peer; /* for access rules */
	uint16_t portal_group;	      /* TPGT of the portal, answered as TargetPortalGroupTag */

	/* Filled while the login goes on; final at LOGIN_COMPLETE. */
	struct iscsi_params params;
	const struct config_target *target; /* NULL: discovery */
	const struct config_rule *rule;	    /* that lets it in */
	uint8_t isid[6];
	uint16_t tsih, cid;  /* as the initiator sent them */
	uint32_t itt, cmdsn; /* CmdSN of the login, 4.2.2.1: the first command may carry it too */
	const char *why;     /* of a failure, for the log: a sentence, good as long as this is */
	struct chap chap;    /* of the security stage; chap.user is who tried, or empty */

	/* The machine's own. */
	bool begun;
	bool over;			/* completed or failed: no more requests */
	bool named;			/* initiator and target are known */
	const struct config_auth *auth; /* what CHAP asks of it, once it is named */
	bool transit;			/* the last text came with the T bit */
	uint8_t stage;
	struct key_state keys;
	uint8_t *in; /* LOGIN_TEXT_MAX, text of this step so far */
	size_t in_len;
	uint8_t *out; /* LOGIN_TEXT_MAX, answers not sent yet */
	size_t out_len, out_sent;
	char said[LOGIN_WHY_MAX]; /* `why`, where it names something */
};

/* What to send: header (all but StatSN, ExpCmdSN, MaxCmdSN, which are the caller's), and text. */
struct login_reply {
	struct bhs_login_rsp bhs;
	const uint8_t *text; /* in l->out, good until the next call */
	size_t text_len;
};

/* 0 or -ENOMEM. One block for both texts; login_end() frees it. */
int login_begin(struct login *l, const struct config *config, const struct sockaddr_storage *peer,
		uint16_t portal_group) __attribute__((warn_unused_result));
void login_end(struct login *l);

/* One Login Request PDU with its whole data segment. */
enum login_step login_input(struct login *l, const struct bhs_login_req *req, const uint8_t *data,
			    size_t n, struct login_reply *out) __attribute__((warn_unused_result));

/* A response that refuses, made after LOGIN_COMPLETE (no session, out of resources). */
void login_refuse(const struct login *l, enum iscsi_login_status status, struct login_reply *out);

/* In words, for the log: 0x0203 is "no such target". */
const char *login_status_name(enum iscsi_login_status status);

#endif
