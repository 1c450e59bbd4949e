// SPDX-License-Identifier: MIT
/*
 * test_hostile.c - PDUs that no good initiator sends: each is answered, ignored or ends its
 * connection; the daemon and the other session go on.
 */
#include <stdlib.h>
#include <string.h>

#include "lib/daemon.h"
#include "lib/rawinit.h"
#include "lib/test_main.h"

#define BLOCK	  512u
#define SOLICITED "ImmediateData=No\nInitialR2T=Yes\n"

static struct daemon d;

/* One reactor: the sessions write the same blocks, and nothing in memtgtd orders that (issue 6). */
static void start(void)
{
	daemon_start(&d, "{ id = 0; size = \"1M\"; }", "reactor = { count = 1; };");
}

static void stop(void)
{
	daemon_check_alive(&d);
	daemon_stop(&d);
}

/* Whatever was sent has been dealt with: a new session works, and reads what it wrote. */
static void prove_service(void)
{
	struct raw r;
	uint8_t out[BLOCK], in[BLOCK];

	raw_session(&r, d.port, NULL);
	memset(out, 's', BLOCK);
	ck_assert_uint_eq(raw_write(&r, 0, 1, out, BLOCK, BLOCK), 0);
	ck_assert_uint_eq(raw_read(&r, 0, 1, in, BLOCK, BLOCK), 0);
	ck_assert_mem_eq(in, out, BLOCK);
	raw_close(&r);
}

/*
 * Reads until the connection is closed, or until the answer to a ping shows that the target has
 * read all that came before and is waiting for more. True: it is open.
 */
static bool settle(struct raw *r)
{
	union raw_bhs h = raw_request(r, ISCSI_OP_NOP_OUT | ISCSI_IMMEDIATE, ISCSI_FINAL);
	put32(&h.any.itt, 0x5e771e);
	if (!raw_send(r, &h, NULL, 0))
		return false;
	while (raw_recv(r))
		if (r->bhs.any.opcode == ISCSI_OP_NOP_IN &&
		    get32(r->bhs.any.itt) == get32(h.any.itt))
			return true;
	return false;
}

static bool target_opcode(int op)
{
	return op >= 0x20;
}

static bool known_opcode(int op)
{
	return op <= ISCSI_OP_LOGOUT_REQ || op == ISCSI_OP_SNACK_REQ;
}

/* RFC 7143 11.17.1: 04 or 05; the rejected header comes back; the session goes on. */
START_TEST(unknown_opcode_is_rejected)
{
	struct raw r;

	if (known_opcode(_i))
		return;
	raw_session(&r, d.port, NULL);
	union raw_bhs h = raw_request(&r, (uint8_t)_i | ISCSI_IMMEDIATE, ISCSI_FINAL);
	ck_assert(raw_send(&r, &h, NULL, 0));
	if (raw_recv(&r)) {
		ck_assert_uint_eq(r.bhs.any.opcode, ISCSI_OP_REJECT);
		ck_assert(r.bhs.reject.reason == ISCSI_REJECT_NOT_SUPPORTED ||
			  r.bhs.reject.reason == ISCSI_REJECT_PROTOCOL_ERROR);
		ck_assert_uint_eq(get32(r.bhs.any.itt), ISCSI_TAG_NONE);
		ck_assert_uint_eq(r.len, ISCSI_BHS_LEN);
		ck_assert_mem_eq(r.data, &h, ISCSI_BHS_LEN);
		raw_ping(&r);
	} else {
		ck_assert_msg(target_opcode(_i), "opcode %02x closed the connection", _i);
	}
	raw_close(&r);
}
END_TEST

/* Each opcode with each value of byte 1, no data (CVE-2021-28361: Text with C and no data). */
START_TEST(all_flags_without_data)
{
	struct raw r;

	raw_session(&r, d.port, NULL);
	for (int flags = 0; flags < 256; flags++) {
		union raw_bhs h = raw_request(&r, (uint8_t)_i, (uint8_t)flags);
		raw_send(&r, &h, NULL, 0);
		if (settle(&r))
			continue;
		raw_close(&r);
		raw_session(&r, d.port, NULL);
	}
	raw_close(&r);
}
END_TEST

/* The same with data that nobody asked for. */
START_TEST(all_flags_with_data)
{
	static const uint8_t data[4 * BLOCK];
	struct raw r;

	raw_session(&r, d.port, NULL);
	for (int flags = 0; flags < 256; flags++) {
		union raw_bhs h = raw_request(&r, (uint8_t)_i, (uint8_t)flags);
		raw_send(&r, &h, data, 1 + (unsigned)flags * 7);
		if (settle(&r))
			continue;
		raw_close(&r);
		raw_session(&r, d.port, NULL);
	}
	raw_close(&r);
}
END_TEST

START_TEST(header_cut_then_closed)
{
	struct raw r;

	for (size_t n = 1; n < ISCSI_BHS_LEN; n++) {
		raw_session(&r, d.port, NULL);
		union raw_bhs h = raw_request(&r, ISCSI_OP_SCSI_CMD, ISCSI_FINAL);
		ck_assert(raw_bytes(&r, &h, n, 0));
		raw_close(&r);
	}
	prove_service();
}
END_TEST

/* Lengths above what was declared: refused before the data comes, so nothing is held for it. */
START_TEST(huge_data_segment)
{
	static const uint32_t lengths[] = {262145, 1u << 20, 0xffffff};
	struct raw r;

	raw_session(&r, d.port, NULL);
	for (size_t i = 0; i < sizeof(lengths) / sizeof(*lengths); i++) {
		union raw_bhs h = raw_request(&r, ISCSI_OP_NOP_OUT | ISCSI_IMMEDIATE, ISCSI_FINAL);
		put32(&h.any.itt, 7);
		st24(h.raw + 5, lengths[i]);
		raw_bytes(&r, &h, sizeof(h), 0);
		raw_expect_closed(&r);
		raw_close(&r);
		raw_session(&r, d.port, NULL);
	}
	raw_close(&r);
	/* A login may not have more than 8192 bytes: 13.12. */
	raw_open(&r, d.port);
	union raw_bhs h = {
		.login = {.opcode = ISCSI_OP_LOGIN_REQ | ISCSI_IMMEDIATE, .flags = 0x87}};
	st24(h.raw + 5, ISCSI_LOGIN_DATA_MAX + 1);
	raw_bytes(&r, &h, sizeof(h), 0);
	raw_expect_closed(&r);
	raw_close(&r);
	prove_service();
}
END_TEST

/* At the limit: a NOP-Out as long as the target takes; the echo fits what we take. */
START_TEST(largest_data_segment)
{
	struct raw r;
	uint8_t *data = malloc(RAW_DATA_MAX);

	ck_assert_ptr_nonnull(data);
	memset(data, 'z', RAW_DATA_MAX);
	raw_session(&r, d.port, "MaxRecvDataSegmentLength=512\n");
	union raw_bhs h = raw_request(&r, ISCSI_OP_NOP_OUT | ISCSI_IMMEDIATE, ISCSI_FINAL);
	ck_assert(raw_send(&r, &h, data, r.max_send));
	raw_expect(&r, ISCSI_OP_NOP_IN);
	ck_assert_uint_eq(r.len, 512);
	ck_assert_mem_eq(r.data, data, 512);
	free(data);
	raw_close(&r);
}
END_TEST

/* Every TotalAHSLength, with an AHS that claims other lengths than its room. 11.2.2 */
START_TEST(every_ahs_length)
{
	static const uint8_t zero_cdb[16];
	uint8_t pdu[ISCSI_BHS_LEN + ISCSI_AHS_MAX];
	struct raw r;

	raw_session(&r, d.port, NULL);
	for (unsigned words = 1; words < 256; words++) {
		union raw_bhs h = raw_command(&r, ISCSI_FINAL | ISCSI_ATTR_SIMPLE, zero_cdb, 0);
		h.cmd.ahs_words = (uint8_t)words;
		memset(pdu, 0xff, sizeof(pdu));
		memcpy(pdu, &h, ISCSI_BHS_LEN);
		st16(pdu + ISCSI_BHS_LEN, (uint16_t)(words % 3 ? words * 4 - 3 : 0xffff));
		pdu[ISCSI_BHS_LEN + 2] = words % 2 ? ISCSI_AHS_EXT_CDB : ISCSI_AHS_BIDI_LEN;
		raw_bytes(&r, pdu, ISCSI_BHS_LEN + words * 4, 0);
		if (settle(&r))
			continue;
		raw_close(&r);
		raw_session(&r, d.port, NULL);
	}
	raw_close(&r);
	prove_service();
}
END_TEST

/* Data-Out that fits no R2T: each field of it wrong in turn. */
START_TEST(wrong_data_out)
{
	static const uint8_t data[8 * BLOCK] = {0xbb};
	uint8_t cdb[16], got[BLOCK];
	struct raw r;

	raw_session(&r, d.port, SOLICITED);
	raw_cdb_rw16(cdb, 0x8a, 40, 4);
	union raw_bhs h =
		raw_command(&r, ISCSI_FINAL | ISCSI_CMD_WRITE | ISCSI_ATTR_SIMPLE, cdb, 4 * BLOCK);
	ck_assert(raw_send(&r, &h, NULL, 0));
	raw_expect(&r, ISCSI_OP_R2T);
	union raw_bhs out = {.out = {.opcode = ISCSI_OP_DATA_OUT, .flags = ISCSI_FINAL}};
	uint32_t n = 4 * BLOCK;
	out.out.itt = r.bhs.r2t.itt;
	out.out.ttt = r.bhs.r2t.ttt;
	switch (_i) {
	case 0:
		put32(&out.out.ttt, get32(out.out.ttt) ^ 0x10101);
		break;
	case 1:
		put32(&out.out.itt, get32(out.out.itt) + 1);
		break;
	case 2:
		put32(&out.out.offset, BLOCK);
		break;
	case 3:
		put32(&out.out.offset, 0xfffffe00);
		break;
	case 4:
		put32(&out.out.datasn, 5);
		break;
	case 5:
		n = 5 * BLOCK;
		break;
	case 6:
		out.out.flags = 0;
		break;
	case 7:
		n = 0;
		break;
	case 8:
		put32(&out.out.ttt, ISCSI_TAG_NONE);
		break;
	default:
		ck_abort();
	}
	raw_send(&r, &out, data, n);
	settle(&r);
	raw_close(&r);
	prove_service();
	/* None of it was written. */
	raw_session(&r, d.port, NULL);
	ck_assert_uint_eq(raw_read(&r, 0, 40, got, BLOCK, BLOCK), 0);
	ck_assert_uint_eq(got[0], 0);
	raw_close(&r);
}
END_TEST

/* Expected lengths and directions that do not agree with the CDB. */
START_TEST(lengths_that_lie)
{
	static const uint8_t flags[] = {0, ISCSI_CMD_READ, ISCSI_CMD_WRITE,
					ISCSI_CMD_READ | ISCSI_CMD_WRITE};
	static const uint32_t edtl[] = {0, 1, 511, 512, 513, 4096, 0x7fffffff, 0xffffffff};
	static const uint8_t opcodes[] = {0x00, 0x12, 0x25, 0x28, 0x2a,
					  0x42, 0x88, 0x8a, 0x93, 0xa0};
	struct raw r;
	uint8_t cdb[16];
	unsigned n = 0;

	raw_session(&r, d.port, NULL);
	for (size_t o = 0; o < sizeof(opcodes); o++) {
		for (size_t e = 0; e < sizeof(edtl) / sizeof(*edtl); e++) {
			raw_cdb_rw16(cdb, opcodes[o], 0, 2);
			if (opcodes[o] == 0x28 || opcodes[o] == 0x2a || opcodes[o] == 0x42)
				memcpy(cdb + 1, "\0\0\0\0\0\0\0\2\0", 9);
			union raw_bhs h = raw_command(
				&r, ISCSI_FINAL | flags[_i] | ISCSI_ATTR_SIMPLE, cdb, edtl[e]);
			raw_send(&r, &h, NULL, 0);
			n++;
			if (settle(&r))
				continue;
			raw_close(&r);
			raw_session(&r, d.port, NULL);
		}
	}
	ck_assert_uint_eq(n, sizeof(opcodes) * sizeof(edtl) / sizeof(*edtl));
	raw_close(&r);
	prove_service();
}
END_TEST

/* The same ITT for two commands that wait; reserved ITT; attributes that do not exist. */
START_TEST(tags_and_attributes)
{
	uint8_t cdb[16];
	struct raw r;

	raw_cdb_rw16(cdb, 0x8a, 50, 1);
	for (uint8_t attr = 0; attr < 8; attr++) {
		raw_session(&r, d.port, SOLICITED);
		for (int i = 0; i < 3; i++) {
			union raw_bhs h =
				raw_command(&r, ISCSI_FINAL | ISCSI_CMD_WRITE | attr, cdb, BLOCK);
			put32(&h.any.itt, i < 2 ? 0x1234 : ISCSI_TAG_NONE);
			raw_send(&r, &h, NULL, 0);
		}
		settle(&r);
		raw_close(&r);
	}
	prove_service();
}
END_TEST

/* Random headers, and random bytes, from a seed. */
START_TEST(noise)
{
	uint8_t bytes[256];
	unsigned seed = (unsigned)_i + 1;
	struct raw r;

	for (int round = 0; round < 100; round++) {
		raw_session(&r, d.port, NULL);
		for (size_t i = 0; i < sizeof(bytes); i++)
			bytes[i] = (uint8_t)(rand_r(&seed) >> 8);
		if (round & 1) { /* a header with sane lengths, so that it is looked at */
			bytes[0] &= 0x57;
			bytes[4] = 0;
			st24(bytes + 5, (uint32_t)rand_r(&seed) % 200);
			put32((be32 *)(void *)(bytes + 24), r.cmdsn);
		}
		raw_bytes(&r, bytes, sizeof(bytes), 0);
		raw_close(&r);
	}
	prove_service();
}
END_TEST

/* A client that asks for much and reads nothing does not stop the others. */
START_TEST(reader_that_never_reads)
{
	uint8_t cdb[16];
	struct raw r;

	raw_session(&r, d.port, NULL);
	raw_ping(&r);
	raw_cdb_rw16(cdb, 0x88, 0, 2048);
	for (uint32_t last = r.max_cmdsn; r.cmdsn != last;) {
		union raw_bhs h = raw_command(&r, ISCSI_FINAL | ISCSI_CMD_READ | ISCSI_ATTR_SIMPLE,
					      cdb, 2048 * BLOCK);
		ck_assert(raw_send(&r, &h, NULL, 0));
	}
	for (int i = 0; i < 20; i++)
		prove_service();
	raw_close(&r);
	prove_service();
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("hostile");
	TCase *t = tcase_create("one_daemon");

	/* One daemon for all of these: what one leaves behind must not hurt the next. */
	tcase_set_timeout(t, 240);
	tcase_add_unchecked_fixture(t, start, stop);
	tcase_add_loop_test(t, unknown_opcode_is_rejected, 0, 64);
	for (int immediate = 0; immediate <= 0x40; immediate += 0x40) {
		tcase_add_loop_test(t, all_flags_without_data, immediate,
				    immediate + ISCSI_OP_LOGOUT_REQ + 1);
		tcase_add_loop_test(t, all_flags_with_data, immediate,
				    immediate + ISCSI_OP_LOGOUT_REQ + 1);
	}
	tcase_add_loop_test(t, all_flags_without_data, ISCSI_OP_SNACK_REQ, ISCSI_OP_SNACK_REQ + 1);
	tcase_add_test(t, header_cut_then_closed);
	tcase_add_test(t, huge_data_segment);
	tcase_add_test(t, largest_data_segment);
	tcase_add_test(t, every_ahs_length);
	tcase_add_loop_test(t, wrong_data_out, 0, 9);
	tcase_add_loop_test(t, lengths_that_lie, 0, 4);
	tcase_add_test(t, tags_and_attributes);
	tcase_add_loop_test(t, noise, 0, 4);
	tcase_add_test(t, reader_that_never_reads);
	suite_add_tcase(s, t);
	return s;
}

int main(void)
{
	return test_main(suite());
}
