// SPDX-License-Identifier: MIT
/* rawinit.c - connects, sends and receives PDUs, keeps the sequence numbers. */
#include "rawinit.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <check.h>

#include "daemon.h"

/* RFC 3385; the reflected polynomial. */
static uint32_t crc32c(uint32_t crc, const uint8_t *p, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		crc ^= p[i];
		for (int k = 0; k < 8; k++)
			crc = crc >> 1 ^ (0x82f63b78u & -(crc & 1));
	}
	return crc;
}

static void digest(const void *p, size_t n, uint8_t out[static 4])
{
	uint32_t crc = ~crc32c(~0u, p, n);
	for (int i = 0; i < 4; i++)
		out[i] = (uint8_t)(crc >> 8 * i);
}

static void bind_to(int fd, const char *source)
{
	struct sockaddr_in from = {.sin_family = AF_INET};

	ck_assert_int_eq(inet_pton(AF_INET, source, &from.sin_addr), 1);
	ck_assert_msg(!bind(fd, (struct sockaddr *)&from, sizeof(from)), "bind to %s: %s", source,
		      strerror(errno));
}

void raw_open(struct raw *r, unsigned port)
{
	raw_open_from(r, port, NULL);
}

void raw_use(struct raw *r, unsigned port, int fd)
{
	int one = 1;

	memset(r, 0, sizeof(*r));
	r->fd = fd;
	r->port = port;
	r->cmdsn = 1;
	r->data = malloc(RAW_DATA_MAX + 1);
	ck_assert_ptr_nonnull(r->data);
	raw_set_isid(r, (uint32_t)getpid());
	ck_assert_int_eq(setsockopt(r->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one)), 0);
}

void raw_open_from(struct raw *r, unsigned port, const char *source)
{
	struct sockaddr_in to = {.sin_family = AF_INET,
				 .sin_port = htons((uint16_t)port),
				 .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	ck_assert_int_ge(fd, 0);
	if (source)
		bind_to(fd, source);
	ck_assert_msg(connect(fd, (struct sockaddr *)&to, sizeof(to)) == 0, "connect: %s",
		      strerror(errno));
	raw_use(r, port, fd);
}

void raw_close(struct raw *r)
{
	close(r->fd);
	free(r->data);
	r->data = NULL;
}

/* ISID of the random type, RFC 7143 11.12.5. */
void raw_set_isid(struct raw *r, uint32_t qualifier)
{
	r->isid[0] = 0x80;
	st24(r->isid + 1, qualifier >> 8 & 0xffffff);
	st16(r->isid + 4, (uint16_t)qualifier);
}

bool raw_bytes(struct raw *r, const void *p, size_t n, size_t step)
{
	const uint8_t *at = p;
	while (n) {
		size_t part = step && step < n ? step : n;
		struct pollfd pfd = {.fd = r->fd, .events = POLLOUT};
		ck_assert_msg(poll(&pfd, 1, DAEMON_PATIENCE_MS) == 1, "the target takes no bytes");
		ssize_t sent = send(r->fd, at, part, MSG_NOSIGNAL | MSG_DONTWAIT);
		if (sent < 0 && (errno == EAGAIN || errno == EINTR))
			continue;
		if (sent < 0)
			return false;
		at += sent;
		n -= (size_t)sent;
	}
	return true;
}

size_t raw_make(const struct raw *r, const union raw_bhs *h, const void *data, size_t n,
		uint8_t *out)
{
	size_t at = ISCSI_BHS_LEN, pad = ISCSI_PAD(n);

	memcpy(out, h, ISCSI_BHS_LEN);
	st24(out + 5, (uint32_t)n);
	if (r->header_digest) {
		digest(out, ISCSI_BHS_LEN, out + at);
		at += ISCSI_DIGEST_LEN;
	}
	if (!n)
		return at;
	memcpy(out + at, data, n);
	memset(out + at + n, 0, pad);
	if (r->data_digest)
		digest(out + at, n + pad, out + at + n + pad);
	return at + n + pad + (r->data_digest ? ISCSI_DIGEST_LEN : 0);
}

bool raw_send(struct raw *r, const union raw_bhs *h, const void *data, size_t n)
{
	uint8_t *pdu = malloc(ISCSI_BHS_LEN + n + 16);
	ck_assert_ptr_nonnull(pdu);
	bool ok = raw_bytes(r, pdu, raw_make(r, h, data, n, pdu), r->step);
	free(pdu);
	return ok;
}

/* n bytes, or false if the connection ended first. */
static bool take(struct raw *r, void *p, size_t n)
{
	uint8_t *at = p;
	while (n) {
		struct pollfd pfd = {.fd = r->fd, .events = POLLIN};
		ck_assert_msg(poll(&pfd, 1, DAEMON_PATIENCE_MS) == 1,
			      "nothing from the target, and no end of the connection");
		ssize_t got = recv(r->fd, at, n, 0);
		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return false;
		at += got;
		n -= (size_t)got;
	}
	return true;
}

static void take_digest(struct raw *r, const void *p, size_t n)
{
	uint8_t want[4], got[4];
	digest(p, n, want);
	ck_assert(take(r, got, sizeof(got)));
	ck_assert_mem_eq(got, want, sizeof(got));
}

/* StatSN, ExpCmdSN and MaxCmdSN of what has them, which is all but a Data-In without status in
 * its StatSN. RFC 7143 4.2.2.1-2 */
static void check_numbers(struct raw *r)
{
	uint8_t op = r->bhs.any.opcode;
	uint32_t exp = get32(r->bhs.nop_in.exp_cmdsn), max = get32(r->bhs.nop_in.max_cmdsn);
	bool has_status = op != ISCSI_OP_DATA_IN || (r->bhs.in.flags & ISCSI_DATA_STATUS);
	/* These tell the next StatSN without using it up: 11.8, 11.19. */
	bool takes = has_status && op != ISCSI_OP_R2T &&
		     !(op == ISCSI_OP_NOP_IN && get32(r->bhs.any.itt) == ISCSI_TAG_NONE);

	if (op == ISCSI_OP_LOGIN_RSP && get16(r->bhs.login_rsp.tsih) == 0 &&
	    r->bhs.login_rsp.status_class)
		return;
	ck_assert_msg(sn_le(exp, max + 1), "ExpCmdSN %u, MaxCmdSN %u", exp, max);
	if (r->exp_cmdsn && op != ISCSI_OP_LOGIN_RSP)
		ck_assert(sn_le(r->exp_cmdsn, exp));
	r->exp_cmdsn = exp;
	r->max_cmdsn = max;
	if (!takes)
		return;
	uint32_t statsn = get32(r->bhs.nop_in.statsn);
	if (r->exp_statsn)
		ck_assert_msg(statsn == r->exp_statsn, "opcode %02x: StatSN %u, expected %u", op,
			      statsn, r->exp_statsn);
	r->exp_statsn = statsn + 1;
}

static bool receive(struct raw *r)
{
	if (!take(r, &r->bhs, ISCSI_BHS_LEN))
		return false;
	ck_assert_uint_eq(r->bhs.any.ahs_words, 0);
	if (r->header_digest)
		take_digest(r, &r->bhs, ISCSI_BHS_LEN);
	r->len = get24(r->bhs.any.data_len);
	ck_assert_uint_le(r->len, RAW_DATA_MAX - 4);
	size_t padded = r->len + ISCSI_PAD(r->len);
	if (!take(r, r->data, padded))
		return false;
	if (r->data_digest && r->len)
		take_digest(r, r->data, padded);
	r->data[r->len] = 0;
	check_numbers(r);
	return true;
}

/* An answered ping: RFC 7143 11.18. */
static void answer_ping(struct raw *r)
{
	union raw_bhs h = {.nop = {.opcode = ISCSI_OP_NOP_OUT | ISCSI_IMMEDIATE,
				   .flags = ISCSI_FINAL,
				   .ttt = r->bhs.nop_in.ttt}};
	memcpy(h.nop.lun, r->bhs.nop_in.lun, 8);
	put32(&h.nop.itt, ISCSI_TAG_NONE);
	put32(&h.nop.cmdsn, r->cmdsn);
	put32(&h.nop.exp_statsn, r->exp_statsn);
	raw_send(r, &h, NULL, 0);
}

bool raw_recv(struct raw *r)
{
	for (;;) {
		if (!receive(r))
			return false;
		if (r->keep_pings || r->bhs.any.opcode != ISCSI_OP_NOP_IN ||
		    get32(r->bhs.nop_in.ttt) == ISCSI_TAG_NONE)
			return true;
		answer_ping(r);
	}
}

void raw_expect(struct raw *r, uint8_t opcode)
{
	ck_assert_msg(raw_recv(r), "closed instead of opcode %02x", opcode);
	ck_assert_msg(r->bhs.any.opcode == opcode, "opcode %02x instead of %02x", r->bhs.any.opcode,
		      opcode);
}

void raw_expect_closed(struct raw *r)
{
	uint8_t drop[512];
	while (take(r, drop, 1))
		;
}

bool raw_silent(struct raw *r, unsigned ms)
{
	struct pollfd pfd = {.fd = r->fd, .events = POLLIN};
	return poll(&pfd, 1, (int)ms) == 0;
}

union raw_bhs raw_request(struct raw *r, uint8_t opcode, uint8_t flags)
{
	union raw_bhs h = {.any = {.opcode = opcode, .flags = flags}};
	put32(&h.any.itt, ++r->itt);
	put32(&h.nop.ttt, opcode == ISCSI_OP_SCSI_CMD ? 0 : ISCSI_TAG_NONE);
	put32(&h.nop.cmdsn, r->cmdsn);
	put32(&h.nop.exp_statsn, r->exp_statsn);
	if (!(opcode & ISCSI_IMMEDIATE))
		r->cmdsn++;
	return h;
}

union raw_bhs raw_command(struct raw *r, uint8_t flags, const uint8_t cdb[static 16], uint32_t edtl)
{
	union raw_bhs h = raw_request(r, ISCSI_OP_SCSI_CMD, flags);
	put32(&h.cmd.edtl, edtl);
	memcpy(h.cmd.cdb, cdb, 16);
	return h;
}

void raw_set_lun(union raw_bhs *h, unsigned lun)
{
	h->any.lun[1] = (uint8_t)lun; /* peripheral addressing, SAM-5 4.7.7.2 */
}

void raw_cdb_rw16(uint8_t cdb[static 16], uint8_t opcode, uint64_t lba, uint32_t blocks)
{
	memset(cdb, 0, 16);
	cdb[0] = opcode;
	st64(cdb + 2, lba);
	st32(cdb + 10, blocks);
}

uint32_t raw_sense(const struct raw *r)
{
	const uint8_t *s = r->data + 2;
	if (r->len < 2 + 14)
		return 0;
	return (uint32_t)(s[2] & 0xf) << 16 | (uint32_t)s[12] << 8 | s[13];
}
