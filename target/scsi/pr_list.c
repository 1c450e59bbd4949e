// SPDX-License-Identifier: MIT
/* pr_list.c - see pr_list.h. Clauses are those of SPC-4. */
#include "scsi/pr_list.h"

#include <assert.h>
#include <ctype.h>
#include <string.h>

#include "base/lower.h"

#define PROTOCOL_ISCSI 0x05u /* 7.6.1 */
#define FORMAT_PORT    0x40u /* TPID FORMAT 01b: a port, with its ISID; 7.6.4.6 */
#define ID_HEAD	       4u
#define ID_LEN_MIN     20u
#define ISID_DIGITS    12u
#define NODE_NAME_MAX  223u
static const char separator[] = ",i,0x";

/* 6.16.3 */
#define SPEC_I_PT 0x08u
#define ALL_TG_PT 0x04u
#define APTPL	  0x01u
#define AT_FLAGS  20u
/* 6.16.4 */
#define MOVE_UNREG 0x02u
#define AT_MOVE_ID 24u

/* A name, ",i,0x" and the ISID. Nothing is left to be guessed. */
static bool is_port_name(const char *s, size_t n)
{
	const size_t tail = sizeof(separator) - 1 + ISID_DIGITS;

	if (n <= tail || n - tail > NODE_NAME_MAX)
		return false;
	for (size_t i = 0; i < n - tail; i++)
		if ((unsigned char)s[i] <= 0x20 || s[i] == 0x7f)
			return false;
	if (memcmp(s + n - tail, separator, sizeof(separator) - 1) != 0)
		return false;
	for (size_t i = n - ISID_DIGITS; i < n; i++)
		if (!isxdigit((unsigned char)s[i]))
			return false;
	return true;
}

/*
 * One TransportID. A node without an ISID (TPID FORMAT 00b) names all ports that are known, and
 * which those are would depend on who is logged in at the moment: it is refused.
 */
static bool get_id(struct cursor *c, struct claim_port *out)
{
	const uint8_t *head = cursor_take(c, ID_HEAD);
	const size_t len = head ? ld16(head + 2) : 0;
	const uint8_t *p = head ? cursor_take(c, len) : NULL;

	if (!p || head[0] != (FORMAT_PORT | PROTOCOL_ISCSI) || len < ID_LEN_MIN || len % 4)
		return false;
	const size_t n = strnlen((const char *)p, len);
	if (n == len || n > SCSI_PORT_NAME_MAX || !is_port_name((const char *)p, n))
		return false;
	*out = (struct claim_port){0};
	memcpy(out->name, p, n);
	text_lower(out->name, n);
	return true;
}

/* 6.16.3, with TransportIDs from byte 28 on */
static struct scsi_result get_ids(const uint8_t *p, size_t n, struct claim_request *req,
				  struct claim_port *ports)
{
	struct cursor c = cursor_of(p, n);

	(void)cursor_take(&c, PR_LIST_MIN);
	const uint32_t len = cursor_u32(&c);
	if (c.bad || len != c.left)
		return scsi_fail(SENSE_BAD_LIST_LENGTH);
	while (c.left) {
		const size_t at = n - c.left;

		if (!get_id(&c, &ports[req->nports]))
			return scsi_bad_list((unsigned)at);
		req->nports++;
	}
	return scsi_ok();
}

static struct scsi_result read_common(const uint8_t *p, size_t n, struct claim_request *req,
				      struct claim_port *ports)
{
	const uint8_t flags = p[AT_FLAGS];

	req->spec_i_pt = flags & SPEC_I_PT;
	req->all_tg_pt = flags & ALL_TG_PT;
	req->aptpl = flags & APTPL;
	if (req->spec_i_pt && req->action == CLAIM_REGISTER)
		return get_ids(p, n, req, ports);
	return n == PR_LIST_MIN ? scsi_ok() : scsi_fail(SENSE_BAD_LIST_LENGTH);
}

/* 6.16.4 */
static struct scsi_result read_move(const uint8_t *p, size_t n, struct claim_request *req,
				    struct claim_port *ports)
{
	struct cursor c = cursor_of(p, n);

	(void)cursor_take(&c, 16);
	(void)cursor_u8(&c);
	const uint8_t flags = cursor_u8(&c);
	req->move_port = cursor_u16(&c);
	const uint32_t len = cursor_u32(&c);
	req->unregister = flags & MOVE_UNREG;
	req->aptpl = flags & APTPL;
	if (len != c.left)
		return scsi_fail(SENSE_BAD_LIST_LENGTH);
	if (!get_id(&c, &ports[0]) || c.left)
		return scsi_bad_list(AT_MOVE_ID);
	req->nports = 1;
	return scsi_ok();
}

struct scsi_result pr_list_read(const uint8_t *p, size_t n, struct claim_request *req,
				struct claim_port *ports)
{
	if (n < PR_LIST_MIN)
		return scsi_fail(SENSE_BAD_LIST_LENGTH);
	req->key = ld64(p);
	req->new_key = ld64(p + 8);
	req->nports = 0;
	req->ports = ports;
	return req->action == CLAIM_REGISTER_MOVE ? read_move(p, n, req, ports)
						  : read_common(p, n, req, ports);
}

size_t pr_transport_id_len(const char *name)
{
	const size_t text = (strlen(name) + 4) & ~(size_t)3; /* with a NUL at least */

	return ID_HEAD + (text < ID_LEN_MIN ? ID_LEN_MIN : text);
}

void pr_put_transport_id(struct writer *w, const char *name)
{
	const size_t len = pr_transport_id_len(name) - ID_HEAD;

	writer_u8(w, FORMAT_PORT | PROTOCOL_ISCSI);
	writer_u8(w, 0);
	writer_u16(w, (uint16_t)len);
	writer_put(w, name, strlen(name));
	writer_zero(w, len - strlen(name));
}
