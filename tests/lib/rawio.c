// SPDX-License-Identifier: MIT
/* rawio.c - the raw initiator's SCSI commands, with the burst rules of RFC 7143 4.2.5. */
#include "rawinit.h"

#include <string.h>

#include <check.h>

static uint32_t min32(uint32_t a, uint32_t b)
{
	return a < b ? a : b;
}

/* Data-Out PDUs for [from, from + n), the last with F. */
static void send_data(struct raw *r, const union raw_bhs *cmd, const uint8_t *all, uint32_t from,
		      uint32_t n, uint32_t ttt)
{
	union raw_bhs h = {.out = {.opcode = ISCSI_OP_DATA_OUT}};
	uint32_t datasn = 0;

	memcpy(h.out.lun, cmd->any.lun, 8);
	h.out.itt = cmd->any.itt;
	put32(&h.out.ttt, ttt);
	put32(&h.out.exp_statsn, r->exp_statsn);
	while (n) {
		uint32_t part = min32(n, r->max_send);
		n -= part;
		h.out.flags = n ? 0 : ISCSI_FINAL;
		put32(&h.out.datasn, datasn++);
		put32(&h.out.offset, from);
		ck_assert(raw_send(r, &h, all + from, part));
		from += part;
	}
}

void raw_answer_r2t(struct raw *r, const uint8_t *all)
{
	union raw_bhs cmd = r->bhs;
	uint32_t n = get32(r->bhs.r2t.desired_len);

	ck_assert_uint_gt(n, 0);
	ck_assert_uint_le(n, r->max_burst);
	send_data(r, &cmd, all, get32(r->bhs.r2t.offset), n, get32(r->bhs.r2t.ttt));
}

uint8_t raw_write(struct raw *r, unsigned lun, uint64_t lba, const void *p, uint32_t bytes,
		  uint32_t block)
{
	const uint8_t *all = p;
	uint8_t cdb[16];
	uint32_t now = r->immediate_data ? min32(bytes, min32(r->first_burst, r->max_send)) : 0;
	uint32_t unsolicited = r->initial_r2t ? now : min32(bytes, r->first_burst);

	raw_cdb_rw16(cdb, 0x8a, lba, bytes / block);
	union raw_bhs h = raw_command(r, ISCSI_CMD_WRITE | ISCSI_ATTR_SIMPLE, cdb, bytes);
	raw_set_lun(&h, lun);
	if (unsolicited == now)
		h.cmd.flags |= ISCSI_FINAL;
	ck_assert(raw_send(r, &h, all, now));
	if (unsolicited > now)
		send_data(r, &h, all, now, unsolicited - now, ISCSI_TAG_NONE);
	uint32_t asked = unsolicited, r2tsn = 0;
	for (;;) {
		ck_assert(raw_recv(r));
		ck_assert_uint_eq(get32(r->bhs.any.itt), get32(h.any.itt));
		if (r->bhs.any.opcode != ISCSI_OP_R2T)
			break;
		ck_assert_uint_eq(get32(r->bhs.r2t.r2tsn), r2tsn++);
		ck_assert_uint_eq(get32(r->bhs.r2t.offset), asked);
		asked += get32(r->bhs.r2t.desired_len);
		ck_assert_uint_le(asked, bytes);
		raw_answer_r2t(r, all);
	}
	ck_assert_uint_eq(r->bhs.any.opcode, ISCSI_OP_SCSI_RSP);
	if (r->bhs.rsp.status == 0)
		ck_assert_uint_eq(asked, bytes);
	return r->bhs.rsp.status;
}

uint8_t raw_read(struct raw *r, unsigned lun, uint64_t lba, void *p, uint32_t bytes, uint32_t block)
{
	uint8_t cdb[16];
	uint32_t got = 0, datasn = 0;

	raw_cdb_rw16(cdb, 0x88, lba, bytes / block);
	union raw_bhs h =
		raw_command(r, ISCSI_FINAL | ISCSI_CMD_READ | ISCSI_ATTR_SIMPLE, cdb, bytes);
	raw_set_lun(&h, lun);
	ck_assert(raw_send(r, &h, NULL, 0));
	for (;;) {
		ck_assert(raw_recv(r));
		ck_assert_uint_eq(get32(r->bhs.any.itt), get32(h.any.itt));
		if (r->bhs.any.opcode == ISCSI_OP_SCSI_RSP)
			return r->bhs.rsp.status;
		ck_assert_uint_eq(r->bhs.any.opcode, ISCSI_OP_DATA_IN);
		ck_assert_uint_eq(get32(r->bhs.in.datasn), datasn++);
		ck_assert_uint_eq(get32(r->bhs.in.offset), got);
		ck_assert_uint_le(got + r->len, bytes);
		memcpy((uint8_t *)p + got, r->data, r->len);
		got += (uint32_t)r->len;
		if (r->bhs.in.flags & ISCSI_DATA_STATUS) {
			ck_assert(r->bhs.in.flags & ISCSI_FINAL);
			ck_assert_uint_eq(got, bytes);
			return r->bhs.in.status;
		}
	}
}

uint8_t raw_test_unit_ready(struct raw *r, unsigned lun)
{
	uint8_t cdb[16] = {0};
	union raw_bhs h = raw_command(r, ISCSI_FINAL | ISCSI_ATTR_SIMPLE, cdb, 0);
	raw_set_lun(&h, lun);
	ck_assert(raw_send(r, &h, NULL, 0));
	raw_expect(r, ISCSI_OP_SCSI_RSP);
	ck_assert_uint_eq(get32(r->bhs.any.itt), get32(h.any.itt));
	return r->bhs.rsp.status;
}

void raw_ping(struct raw *r)
{
	static const char text[] = "are you there?";
	union raw_bhs h = raw_request(r, ISCSI_OP_NOP_OUT | ISCSI_IMMEDIATE, ISCSI_FINAL);
	ck_assert(raw_send(r, &h, text, sizeof(text)));
	raw_expect(r, ISCSI_OP_NOP_IN);
	ck_assert_uint_eq(get32(r->bhs.any.itt), get32(h.any.itt));
	ck_assert_uint_eq(get32(r->bhs.nop_in.ttt), ISCSI_TAG_NONE);
	ck_assert_uint_eq(r->len, sizeof(text));
	ck_assert_mem_eq(r->data, text, sizeof(text));
}
