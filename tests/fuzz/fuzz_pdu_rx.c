// SPDX-License-Identifier: MIT
/*
 * fuzz_pdu_rx - any bytes, in any split, to a receiver of any digests and limits.
 *
 * Byte 0: bits 0-1 digests, bits 2-4 size of the steps, bit 5 data() stops now and then. The rest
 * is the stream. What the callbacks may rely on is asserted.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz/fuzz.h"
#include "pdu/pdu_rx.h"

#define DATA_MAX 512u
#define AHS_MAX	 64u

struct seen {
	bool open, stops;
	uint32_t got, stop_after;
	const uint8_t *from, *to;
	uint8_t last;
};

static enum pdu_error on_header(void *arg, struct pdu_rx *rx)
{
	struct seen *s = arg;

	REQUIRE(!s->open && rx->data_len <= DATA_MAX && rx->ahs_len <= AHS_MAX);
	s->open = true;
	s->got = 0;
	return PDU_OK;
}

static size_t on_data(void *arg, struct pdu_rx *rx, uint32_t offset, const uint8_t *p, size_t n)
{
	struct seen *s = arg;

	REQUIRE(s->open && n && offset == s->got && offset + n <= rx->data_len);
	REQUIRE(p >= s->from && p + n <= s->to);
	s->last ^= p[n - 1];
	if (s->stops && s->stop_after++ % 3 == 0)
		n /= 2;
	s->got += (uint32_t)n;
	return n;
}

static enum pdu_error on_end(void *arg, struct pdu_rx *rx, bool digest_ok)
{
	struct seen *s = arg;

	REQUIRE(s->open && s->got == (digest_ok ? rx->data_len : 0));
	s->open = false;
	return PDU_OK;
}

int LLVMFuzzerTestOneInput(const uint8_t *in, size_t n)
{
	static const struct pdu_rx_ops ops = {on_header, on_data, on_end};
	struct pdu_rx rx;
	struct seen s = {0};
	size_t done = 1, end = 1;

	if (!n)
		return 0;
	pdu_rx_init(&rx, DATA_MAX, AHS_MAX);
	rx.header_digest = in[0] & 1;
	rx.data_digest = in[0] & 2;
	s.stops = in[0] & 32;
	size_t step = (size_t)1 << (in[0] >> 2 & 7) * 2;
	for (unsigned idle = 0; idle < 4;) {
		unsigned pdus = 3;
		size_t taken = 0;
		end = n - end < step ? n : end + step;
		uint8_t *block = malloc(end - done + (end == done));
		if (!block)
			return 0;
		memcpy(block, in + done, end - done);
		s.from = block;
		s.to = block + (end - done);
		enum pdu_error e = pdu_rx_feed(&rx, &ops, &s, block, end - done, &pdus, &taken);
		free(block);
		REQUIRE(taken <= end - done &&
			(e == PDU_OK || taken || e == PDU_STOP || e == PDU_HEADER_DIGEST));
		done += taken;
		if (e != PDU_OK && e != PDU_STOP)
			return 0;
		idle = taken || end < n ? 0 : idle + 1;
	}
	return 0;
}
