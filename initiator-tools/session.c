// SPDX-License-Identifier: MIT
/* session.c - libiscsi, held short. */
#include "initiator-tools/session.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>

#include "initiator-tools/answer.h"

/* RFC 7143 11.13.5 */
static const struct {
	enum iscsi_login_status status;
	const char *text;
} statuses[] = {
	/* What donors say that take no newcomers stands before the protocol's own words. */
	{ISCSI_LOGIN_SERVICE_UNAVAILABLE, "it is draining or full"},
#define X(id, text) {id, text},
#include "tbl/iscsi_login.def"
#undef X
};

const char *session_status_text(unsigned status)
{
	for (size_t i = 0; i < sizeof(statuses) / sizeof(statuses[0]); i++)
		if (statuses[i].status == status)
			return statuses[i].text;
	return status >> 8 == 1 ? "it wants another address to be asked" : "an unknown status";
}

/* Two sessions of one name must differ, or the donor takes the later one for the earlier. */
static void set_isid(struct iscsi_context *c)
{
	static uint16_t qualifier;
	uint32_t random;

	if (getrandom(&random, sizeof(random), GRND_NONBLOCK) == sizeof(random))
		iscsi_set_isid_random(c, random & 0xffffff, qualifier++);
}

struct iscsi_context *session_open(const struct session_access *a, const char *portal,
				   const char *target, iscsi_command_cb cb, void *arg, char *why,
				   size_t why_len)
{
	struct iscsi_context *c = iscsi_create_context(a->initiator);

	if (!c) {
		snprintf(why, why_len, "out of memory");
		return NULL;
	}
	set_isid(c);
	iscsi_set_noautoreconnect(c, 1);
	iscsi_set_header_digest(c, ISCSI_HEADER_DIGEST_NONE);
	iscsi_set_session_type(c, target ? ISCSI_SESSION_NORMAL : ISCSI_SESSION_DISCOVERY);
	if ((target && iscsi_set_targetname(c, target)) ||
	    (a->user && iscsi_set_initiator_username_pwd(c, a->user, a->secret)) ||
	    iscsi_connect_async(c, portal, cb, arg)) {
		answer_text((const uint8_t *)iscsi_get_error(c), strlen(iscsi_get_error(c)), why,
			    why_len);
		iscsi_destroy_context(c);
		return NULL;
	}
	return c;
}

void session_close(struct iscsi_context *c)
{
	if (c)
		iscsi_destroy_context(c);
}

/* libiscsi tells the status only in its sentence: "... Status: TEXT(513)". */
static bool status_of(const char *error, unsigned *status)
{
	const char *begin = strstr(error, "Status: "), *number = begin ? strrchr(begin, '(') : NULL;

	return number && sscanf(number, "(%u)", status) == 1;
}

enum donor_state session_refusal(struct iscsi_context *c, char *why, size_t why_len)
{
	const char *error = iscsi_get_error(c);
	unsigned status;

	if (status_of(error, &status)) {
		snprintf(why, why_len, "%s (status %04Xh)", session_status_text(status), status);
		return DONOR_REFUSED;
	}
	answer_text((const uint8_t *)error, strlen(error), why, why_len);
	return DONOR_BROKEN;
}

int session_connect_error(struct iscsi_context *c, char *why, size_t why_len)
{
	int err = 0;
	socklen_t n = sizeof(err);

	if (getsockopt(iscsi_get_fd(c), SOL_SOCKET, SO_ERROR, &err, &n))
		err = errno;
	if (err)
		snprintf(why, why_len, "%s",
			 err == ECONNREFUSED ? "connection refused: nothing listens there"
					     : strerror(err));
	return err;
}

bool session_is_over(struct iscsi_context *c)
{
	char byte;
	ssize_t n = recv(iscsi_get_fd(c), &byte, 1, MSG_PEEK | MSG_DONTWAIT);

	return n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR);
}
