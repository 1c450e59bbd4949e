// SPDX-License-Identifier: MIT
/*
 * PDUs from bytes in every split, with and without digests, and what happens when lengths lie,
 * digests are wrong, and the receiver wants no more for now.
 */
#include <stdlib.h>
#include <string.h>

#include "lib/test_main.h"
#include "pdu/digest.h"
#include "pdu/pdu_rx.h"

enum { HEADER = 1, DATA = 2 }; /* which digests */

/* What was called, as the test expects to read it. */
struct seen {
	uint8_t data[1 << 16];
	size_t n;
	unsigned headers, ends, bad_digests, data_calls;
	uint32_t itt, ahs_sum;
	uint32_t pdu_data; /* bytes of the PDU at hand */
	size_t accept;	   /* data() takes no more than this in all */
	enum pdu_error at_header, at_end;
	const uint8_t *from, *to; /* data() must point in here */
};

static enum pdu_error on_header(void *arg, struct pdu_rx *rx)
{
	struct seen *s = arg;

	s->headers++;
	s->itt = get32(rx->bhs.itt);
	s->pdu_data = 0;
	for (uint32_t i = 0; i < rx->ahs_len; i++)
		s->ahs_sum += rx->ahs[i];
	return s->at_header;
}

static size_t on_data(void *arg, struct pdu_rx *rx, uint32_t offset, const uint8_t *p, size_t n)
{
	struct seen *s = arg;

	ck_assert_uint_gt(n, 0);
	ck_assert_uint_eq(offset, s->pdu_data);
	ck_assert_uint_le(offset + n, rx->data_len);
	ck_assert(p >= s->from && p + n <= s->to);
	if (n > s->accept)
		n = s->accept;
	s->accept -= n;
	ck_assert_uint_le(s->n + n, sizeof(s->data));
	memcpy(s->data + s->n, p, n);
	s->n += n;
	s->pdu_data += (uint32_t)n;
	s->data_calls++;
	return n;
}

static enum pdu_error on_end(void *arg, struct pdu_rx *rx, bool digest_ok)
{
	struct seen *s = arg;

	s->ends++;
	ck_assert_uint_eq(s->ends, s->headers);
	if (digest_ok)
		ck_assert_uint_eq(s->pdu_data, rx->data_len);
	else
		ck_assert_uint_eq(s->pdu_data, 0);
	s->bad_digests += !digest_ok;
	return s->at_end;
}

static const struct pdu_rx_ops ops = {.header = on_header, .data = on_data, .end = on_end};

static struct seen *seen_new(void)
{
	struct seen *s = calloc(1, sizeof(*s));
	s->accept = SIZE_MAX;
	return s;
}

static void put_digest(uint8_t *at, const uint8_t *from, size_t n)
{
	digest_final(digest_update(DIGEST_INIT, from, n), at);
}

/* Lays out a PDU, returns its length. Data bytes count up from `first`. */
static size_t pdu(uint8_t *p, uint8_t ahs_words, uint32_t data_len, uint8_t first, unsigned digests)
{
	struct bhs bhs = {.opcode = ISCSI_OP_NOP_OUT, .ahs_words = ahs_words};
	size_t n = ISCSI_BHS_LEN;

	put24(&bhs.data_len, data_len);
	put32(&bhs.itt, 0x1234u + first);
	memcpy(p, &bhs, sizeof(bhs));
	for (unsigned i = 0; i < ahs_words * 4u; i++)
		p[n++] = (uint8_t)(i + 1);
	if (digests & HEADER) {
		put_digest(p + n, p, n);
		n += 4;
	}
	uint8_t *data = p + n;
	for (uint32_t i = 0; i < data_len; i++)
		data[i] = (uint8_t)(first + i);
	memset(data + data_len, 0xa5, ISCSI_PAD(data_len));
	size_t whole = data_len + ISCSI_PAD(data_len);
	n += whole;
	if (digests & DATA && data_len) {
		put_digest(p + n, data, whole);
		n += 4;
	}
	return n;
}

static void receiver(struct pdu_rx *rx, unsigned digests)
{
	pdu_rx_init(rx, 8192, ISCSI_AHS_MAX);
	rx->header_digest = digests & HEADER;
	rx->data_digest = digests & DATA;
}

/*
 * Feeds p in steps, as the reactor does: what was not taken is offered again with more behind it.
 * Each offer is a heap block of just its size.
 */
static enum pdu_error feed(struct pdu_rx *rx, struct seen *s, const uint8_t *p, size_t n,
			   size_t first, size_t step, size_t *all)
{
	size_t done = 0, end = first;
	enum pdu_error e = PDU_OK;

	while (e == PDU_OK && done < n) {
		if (end > n)
			end = n;
		unsigned pdus = 100;
		size_t taken = 0;
		uint8_t *block = malloc(end - done + !(end - done));
		memcpy(block, p + done, end - done);
		s->from = block;
		s->to = block + (end - done);
		e = pdu_rx_feed(rx, &ops, s, block, end - done, &pdus, &taken);
		free(block);
		done += taken;
		if (end == n)
			break;
		end += step;
	}
	*all = done;
	return e;
}

/* Four PDUs: data of every padding, an AHS, none. */
static size_t stream(uint8_t *p, unsigned digests)
{
	size_t n = pdu(p, 0, 5, 10, digests);
	n += pdu(p + n, 2, 8, 20, digests);
	n += pdu(p + n, 0, 0, 30, digests);
	return n + pdu(p + n, 1, 7, 40, digests);
}

static void check_stream(const struct seen *s)
{
	static const uint8_t data[] = {10, 11, 12, 13, 14, 20, 21, 22, 23, 24,
				       25, 26, 27, 40, 41, 42, 43, 44, 45, 46};
	ck_assert_uint_eq(s->headers, 4);
	ck_assert_uint_eq(s->ends, 4);
	ck_assert_uint_eq(s->bad_digests, 0);
	ck_assert_uint_eq(s->n, sizeof(data));
	ck_assert_mem_eq(s->data, data, sizeof(data));
	ck_assert_uint_eq(s->ahs_sum, 36 + 10);
	ck_assert_uint_eq(s->itt, 0x1234 + 40);
}

START_TEST(every_split)
{
	uint8_t p[1024];
	size_t n = stream(p, (unsigned)_i);

	for (size_t first = 0; first <= n; first++) {
		for (size_t step = first % 3 + 1; step <= n; step += n / 2) {
			struct seen *s = seen_new();
			struct pdu_rx rx;
			size_t taken;
			receiver(&rx, (unsigned)_i);
			ck_assert_int_eq(feed(&rx, s, p, n, first, step, &taken), PDU_OK);
			ck_assert_uint_eq(taken, n);
			ck_assert(!pdu_rx_partial(&rx));
			check_stream(s);
			free(s);
		}
	}
}
END_TEST

/* A PDU that is whole in the bytes given: data() is called once. */
START_TEST(whole_is_one_call)
{
	uint8_t p[4096];
	struct seen *s = seen_new();
	struct pdu_rx rx;
	size_t taken, n = pdu(p, 3, 2001, 1, (unsigned)_i);

	receiver(&rx, (unsigned)_i);
	ck_assert_int_eq(feed(&rx, s, p, n, n, 1, &taken), PDU_OK);
	ck_assert_uint_eq(s->data_calls, 1);
	ck_assert_uint_eq(s->ends, 1);
	free(s);
}
END_TEST

/* A connection may end at any byte: nothing is reported that did not come. 47-byte BHS among them.
 */
START_TEST(every_truncation)
{
	uint8_t p[256];
	size_t n = pdu(p, 1, 7, 1, (unsigned)_i);

	for (size_t cut = 0; cut < n; cut++) {
		struct seen *s = seen_new();
		struct pdu_rx rx;
		size_t taken;
		receiver(&rx, (unsigned)_i);
		ck_assert_int_eq(feed(&rx, s, p, cut, cut, 1, &taken), PDU_OK);
		ck_assert_uint_eq(s->ends, 0);
		ck_assert_uint_eq(s->headers, cut >= 52u + (_i & HEADER ? 4 : 0));
		if (_i & DATA)
			ck_assert_uint_eq(s->n, 0);
		ck_assert_int_eq(pdu_rx_partial(&rx), cut != 0);
		free(s);
	}
}
END_TEST

static enum pdu_error judge(uint32_t data_len, uint8_t ahs_words, uint32_t max_data,
			    uint32_t max_ahs)
{
	struct bhs bhs = {.opcode = ISCSI_OP_NOP_OUT, .ahs_words = ahs_words};
	struct seen *s = seen_new();
	struct pdu_rx rx;
	size_t taken;

	put24(&bhs.data_len, data_len);
	pdu_rx_init(&rx, max_data, max_ahs);
	enum pdu_error e = feed(&rx, s, (const uint8_t *)&bhs, sizeof(bhs), sizeof(bhs), 1, &taken);
	ck_assert_uint_eq(taken, 48);
	if (e != PDU_OK)
		ck_assert_uint_eq(s->headers, 0);
	free(s);
	return e;
}

START_TEST(lengths_are_judged_with_the_bhs)
{
	ck_assert_int_eq(judge(8191, 0, 8192, 0), PDU_OK);
	ck_assert_int_eq(judge(8192, 0, 8192, 0), PDU_OK);
	ck_assert_int_eq(judge(8193, 0, 8192, 0), PDU_TOO_LONG);
	ck_assert_int_eq(judge(0xffffff, 0, 8192, 0), PDU_TOO_LONG);
	ck_assert_int_eq(judge(0xffffff, 0, 0xffffff, 0), PDU_OK);
	ck_assert_int_eq(judge(1, 0, 0, 0), PDU_TOO_LONG);
	ck_assert_int_eq(judge(0, 1, 8192, 0), PDU_AHS_TOO_LONG);
	ck_assert_int_eq(judge(0, 3, 8192, 16), PDU_OK);
	ck_assert_int_eq(judge(0, 4, 8192, 16), PDU_OK);
	ck_assert_int_eq(judge(0, 5, 8192, 16), PDU_AHS_TOO_LONG);
	ck_assert_int_eq(judge(0, 255, 8192, ISCSI_AHS_MAX), PDU_OK);
	ck_assert_int_eq(judge(0, 255, 8192, ISCSI_AHS_MAX - 1), PDU_AHS_TOO_LONG);
}
END_TEST

START_TEST(longest_ahs)
{
	uint8_t p[2048];
	struct seen *s = seen_new();
	struct pdu_rx rx;
	size_t taken, n = pdu(p, 255, 1, 1, HEADER | DATA);

	receiver(&rx, HEADER | DATA);
	ck_assert_int_eq(feed(&rx, s, p, n, 1, 1, &taken), PDU_OK);
	ck_assert_uint_eq(s->ends, 1);
	free(s);
}
END_TEST

/* Any one bit of header, AHS or header digest. */
START_TEST(header_digest_wrong)
{
	uint8_t p[256];
	size_t n = pdu(p, 2, 4, 1, HEADER);

	for (size_t i = 0; i < 60; i++) {
		if (i >= 4 && i < 8)
			continue; /* other lengths: other bytes are the digest */
		struct seen *s = seen_new();
		struct pdu_rx rx;
		size_t taken;
		receiver(&rx, HEADER);
		p[i] ^= 0x10;
		ck_assert_int_eq(feed(&rx, s, p, n, i, 7, &taken), PDU_HEADER_DIGEST);
		ck_assert_uint_eq(s->headers, 0);
		p[i] ^= 0x10;
		free(s);
	}
}
END_TEST

/* Data, padding and digest are covered; the stream goes on behind it. */
START_TEST(data_digest_wrong)
{
	uint8_t p[512];
	size_t bad = pdu(p, 0, 5, 1, DATA);
	size_t n = bad + pdu(p + bad, 0, 6, 50, DATA);

	for (size_t i = ISCSI_BHS_LEN; i < bad; i++) {
		struct seen *s = seen_new();
		struct pdu_rx rx;
		size_t taken;
		receiver(&rx, DATA);
		p[i] ^= 0x01;
		ck_assert_int_eq(feed(&rx, s, p, n, i, 3, &taken), PDU_OK);
		ck_assert_uint_eq(taken, n);
		ck_assert_uint_eq(s->ends, 2);
		ck_assert_uint_eq(s->bad_digests, 1);
		ck_assert_uint_eq(s->n, 6);
		ck_assert_uint_eq(s->data[0], 50);
		p[i] ^= 0x01;
		free(s);
	}
}
END_TEST

/* Under DataDigest nothing of the data part is taken while a byte is missing. */
START_TEST(data_digest_waits_for_all)
{
	uint8_t p[256];
	size_t n = pdu(p, 0, 5, 1, DATA);

	for (size_t cut = ISCSI_BHS_LEN; cut < n; cut++) {
		struct seen *s = seen_new();
		struct pdu_rx rx;
		size_t taken;
		receiver(&rx, DATA);
		ck_assert_int_eq(feed(&rx, s, p, cut, cut, 1, &taken), PDU_OK);
		ck_assert_uint_eq(taken, ISCSI_BHS_LEN);
		ck_assert_uint_eq(s->headers, 1);
		free(s);
	}
}
END_TEST

/* data() takes k bytes, then none, then the rest. */
START_TEST(data_stops_and_goes_on)
{
	uint8_t p[256];
	size_t n = pdu(p, 0, 9, 1, (unsigned)_i);

	for (size_t k = 0; k < 9; k++) {
		struct seen *s = seen_new();
		struct pdu_rx rx;
		size_t taken, more;
		receiver(&rx, (unsigned)_i);
		s->accept = k;
		ck_assert_int_eq(feed(&rx, s, p, n, n, 1, &taken), PDU_STOP);
		ck_assert_uint_eq(s->n, k);
		ck_assert(pdu_rx_partial(&rx));
		ck_assert_int_eq(feed(&rx, s, p + taken, n - taken, n - taken, 1, &more), PDU_STOP);
		ck_assert_uint_eq(more, 0);
		s->accept = SIZE_MAX;
		ck_assert_int_eq(feed(&rx, s, p + taken, n - taken, n - taken, 1, &more), PDU_OK);
		ck_assert_uint_eq(taken + more, n);
		ck_assert_uint_eq(s->n, 9);
		ck_assert_uint_eq(s->data[8], 9);
		ck_assert_uint_eq(s->ends, 1);
		ck_assert_uint_eq(s->headers, 1);
		free(s);
	}
}
END_TEST

static enum pdu_error feed_once(struct pdu_rx *rx, struct seen *s, const uint8_t *p, size_t n,
				unsigned *pdus, size_t *taken)
{
	s->from = p;
	s->to = p + n;
	return pdu_rx_feed(rx, &ops, s, p, n, pdus, taken);
}

/* header() says stop: its PDU goes on later, and header() is not called again. */
START_TEST(header_stops)
{
	uint8_t p[256];
	struct seen *s = seen_new();
	struct pdu_rx rx;
	unsigned pdus = 9;
	size_t taken, n = pdu(p, 0, (uint32_t)_i, 1, 0);

	receiver(&rx, 0);
	s->at_header = PDU_STOP;
	ck_assert_int_eq(feed_once(&rx, s, p, n, &pdus, &taken), PDU_STOP);
	ck_assert_uint_eq(taken, 48);
	ck_assert(pdu_rx_partial(&rx));
	ck_assert_int_eq(feed_once(&rx, s, p + taken, n - taken, &pdus, &taken), PDU_OK);
	ck_assert_uint_eq(s->headers, 1);
	ck_assert_uint_eq(s->ends, 1);
	ck_assert_uint_eq(pdus, 8);
	free(s);
}
END_TEST

START_TEST(callbacks_close)
{
	uint8_t p[256];
	size_t taken, n = pdu(p, 0, 4, 1, 0);
	n += pdu(p + n, 0, 4, 1, 0);

	for (int at_end = 0; at_end < 2; at_end++) {
		struct seen *s = seen_new();
		struct pdu_rx rx;
		unsigned pdus = 9;
		receiver(&rx, 0);
		*(at_end ? &s->at_end : &s->at_header) = PDU_CLOSED;
		ck_assert_int_eq(feed_once(&rx, s, p, n, &pdus, &taken), PDU_CLOSED);
		ck_assert_uint_eq(s->headers, 1);
		ck_assert_uint_eq(s->ends, at_end);
		free(s);
	}
}
END_TEST

START_TEST(counts_pdus_down)
{
	uint8_t p[1024];
	size_t n = stream(p, (unsigned)_i);

	for (unsigned budget = 0; budget < 6; budget++) {
		struct seen *s = seen_new();
		struct pdu_rx rx;
		unsigned pdus = budget;
		size_t taken;
		receiver(&rx, (unsigned)_i);
		ck_assert_int_eq(feed_once(&rx, s, p, n, &pdus, &taken), PDU_OK);
		ck_assert_uint_eq(s->ends, budget < 4 ? budget : 4);
		ck_assert_uint_eq(pdus, budget < 4 ? 0 : budget - 4);
		ck_assert_int_eq(taken == n, budget >= 4);
		free(s);
	}
}
END_TEST

START_TEST(end_stops_between_pdus)
{
	uint8_t p[256];
	struct seen *s = seen_new();
	struct pdu_rx rx;
	unsigned pdus = 9;
	size_t taken, one = pdu(p, 0, 3, 1, DATA);
	size_t n = one + pdu(p + one, 0, 3, 1, DATA);

	receiver(&rx, DATA);
	s->at_end = PDU_STOP;
	ck_assert_int_eq(feed_once(&rx, s, p, n, &pdus, &taken), PDU_STOP);
	ck_assert_uint_eq(taken, one);
	ck_assert_uint_eq(pdus, 8);
	ck_assert(!pdu_rx_partial(&rx));
	free(s);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("pdu_rx");
	TCase *t = tcase_create("assemble");

	suite_add_tcase(s, t);
	tcase_set_timeout(t, 60);
	tcase_add_loop_test(t, every_split, 0, 4);
	tcase_add_loop_test(t, whole_is_one_call, 0, 4);
	tcase_add_loop_test(t, every_truncation, 0, 4);
	tcase_add_test(t, lengths_are_judged_with_the_bhs);
	tcase_add_test(t, longest_ahs);
	tcase_add_test(t, header_digest_wrong);
	tcase_add_test(t, data_digest_wrong);
	tcase_add_test(t, data_digest_waits_for_all);
	tcase_add_loop_test(t, data_stops_and_goes_on, 0, 4);
	tcase_add_loop_test(t, header_stops, 0, 2);
	tcase_add_test(t, callbacks_close);
	tcase_add_loop_test(t, counts_pdus_down, 0, 4);
	tcase_add_test(t, end_stops_between_pdus);
	return test_main(s);
}
