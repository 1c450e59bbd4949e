// SPDX-License-Identifier: MIT
/*
 * pdu_rx.c - the order of a PDU's parts, and what is checked at each. RFC 7143 11.2.
 *
 * The header, its AHS and its digest are copied, since they are small and arrive in any split. The
 * data segment is never copied: data() gets pointers into the bytes that were given.
 */
#include "pdu/pdu_rx.h"

#include <assert.h>
#include <string.h>

#include "pdu/digest.h"

enum part {
	PART_BHS,
	PART_AHS,
	PART_HEADER_DIGEST,
	PART_DATA,
	PART_DATA_WHOLE,
	PART_PAD,
	PART_END
};

/* The bytes that are given, and who gets the PDUs. */
struct feed {
	const struct pdu_rx_ops *ops;
	void *arg;
	const uint8_t *p;
	size_t left;
};

void pdu_rx_init(struct pdu_rx *rx, uint32_t max_data, uint32_t max_ahs)
{
	*rx = (struct pdu_rx){.max_data = max_data, .max_ahs = max_ahs, .state = PART_BHS};
}

bool pdu_rx_partial(const struct pdu_rx *rx)
{
	return rx->state != PART_BHS || rx->have;
}

static void enter(struct pdu_rx *rx, enum part part)
{
	rx->state = (uint8_t)part;
	rx->have = 0;
}

static void skip(struct feed *f, size_t n)
{
	f->p += n;
	f->left -= n;
}

/* Takes up to the `want` bytes of this part into `to`. True: they are all in. */
static bool collect(struct pdu_rx *rx, struct feed *f, void *to, uint32_t want)
{
	size_t n = want - rx->have;

	if (n > f->left)
		n = f->left;
	if (to && n)
		memcpy((uint8_t *)to + rx->have, f->p, n);
	rx->have += (uint32_t)n;
	skip(f, n);
	return rx->have == want;
}

/* PDU_STOP is kept for the caller, but the PDU goes on: header() is called once. */
static enum pdu_error header_whole(struct pdu_rx *rx, struct feed *f)
{
	enum pdu_error e = f->ops->header(f->arg, rx);

	if (e > PDU_STOP)
		return e;
	if (!rx->data_len)
		enter(rx, PART_END);
	else
		enter(rx, rx->data_digest ? PART_DATA_WHOLE : PART_DATA);
	return e;
}

static enum pdu_error after_ahs(struct pdu_rx *rx, struct feed *f)
{
	if (!rx->header_digest)
		return header_whole(rx, f);
	enter(rx, PART_HEADER_DIGEST);
	return PDU_OK;
}

/* The lengths are judged before anything they announce has come. */
static enum pdu_error take_bhs(struct pdu_rx *rx, struct feed *f)
{
	if (!collect(rx, f, &rx->bhs, ISCSI_BHS_LEN))
		return PDU_OK;
	rx->ahs_len = rx->bhs.ahs_words * 4u;
	rx->data_len = get24(rx->bhs.data_len);
	if (rx->ahs_len > rx->max_ahs)
		return PDU_AHS_TOO_LONG;
	if (rx->data_len > rx->max_data)
		return PDU_TOO_LONG;
	if (!rx->ahs_len)
		return after_ahs(rx, f);
	enter(rx, PART_AHS);
	return PDU_OK;
}

static enum pdu_error take_ahs(struct pdu_rx *rx, struct feed *f)
{
	return collect(rx, f, rx->ahs, rx->ahs_len) ? after_ahs(rx, f) : PDU_OK;
}

/*
 * 13.1: over BHS and AHS. The bytes of the digest itself are compared as they come, so that they
 * need no place of their own.
 */
static enum pdu_error take_header_digest(struct pdu_rx *rx, struct feed *f)
{
	uint8_t right[ISCSI_DIGEST_LEN];
	uint32_t crc = digest_update(DIGEST_INIT, &rx->bhs, ISCSI_BHS_LEN);

	digest_final(digest_update(crc, rx->ahs, rx->ahs_len), right);
	while (f->left && rx->have < ISCSI_DIGEST_LEN) {
		if (*f->p != right[rx->have])
			return PDU_HEADER_DIGEST;
		rx->have++;
		skip(f, 1);
	}
	return rx->have == ISCSI_DIGEST_LEN ? header_whole(rx, f) : PDU_OK;
}

static enum pdu_error take_data(struct pdu_rx *rx, struct feed *f)
{
	size_t n = rx->data_len - rx->have;

	if (n > f->left)
		n = f->left;
	size_t took = f->ops->data(f->arg, rx, rx->have, f->p, n);
	assert(took <= n);
	rx->have += (uint32_t)took;
	skip(f, took);
	if (took < n)
		return PDU_STOP;
	if (rx->have == rx->data_len)
		enter(rx, ISCSI_PAD(rx->data_len) ? PART_PAD : PART_END);
	return PDU_OK;
}

/* 11.2.3: padding bytes SHOULD be zero, so their value is not judged. */
static enum pdu_error take_pad(struct pdu_rx *rx, struct feed *f)
{
	if (collect(rx, f, NULL, (uint32_t)ISCSI_PAD(rx->data_len)))
		enter(rx, PART_END);
	return PDU_OK;
}

static enum pdu_error end(struct pdu_rx *rx, struct feed *f, bool digest_ok)
{
	enter(rx, PART_BHS);
	return f->ops->end(f->arg, rx, digest_ok);
}

static enum pdu_error take_end(struct pdu_rx *rx, struct feed *f)
{
	return end(rx, f, true);
}

/*
 * Under DataDigest nothing is taken until data, padding and digest are all here. `have` is then
 * what data() took before it asked to stop: the CRC was right, and is not computed again.
 */
static enum pdu_error take_data_whole(struct pdu_rx *rx, struct feed *f)
{
	size_t covered = rx->data_len + ISCSI_PAD(rx->data_len);
	size_t whole = covered - rx->have + ISCSI_DIGEST_LEN;

	if (f->left < whole)
		return PDU_OK;
	if (!rx->have) {
		uint8_t right[ISCSI_DIGEST_LEN];
		digest_final(digest_update(DIGEST_INIT, f->p, covered), right);
		if (memcmp(right, f->p + covered, sizeof(right)) != 0) {
			skip(f, whole);
			return end(rx, f, false);
		}
	}
	size_t n = rx->data_len - rx->have;
	size_t took = f->ops->data(f->arg, rx, rx->have, f->p, n);
	assert(took <= n);
	if (took < n) {
		rx->have += (uint32_t)took;
		skip(f, took);
		return PDU_STOP;
	}
	skip(f, whole);
	return end(rx, f, true);
}

static enum pdu_error (*const take[])(struct pdu_rx *rx, struct feed *f) = {
	[PART_BHS] = take_bhs,
	[PART_AHS] = take_ahs,
	[PART_HEADER_DIGEST] = take_header_digest,
	[PART_DATA] = take_data,
	[PART_DATA_WHOLE] = take_data_whole,
	[PART_PAD] = take_pad,
	[PART_END] = take_end,
};

enum pdu_error pdu_rx_feed(struct pdu_rx *rx, const struct pdu_rx_ops *ops, void *arg,
			   const uint8_t *p, size_t n, unsigned *pdus, size_t *taken)
{
	struct feed f = {.ops = ops, .arg = arg, .p = p, .left = n};
	enum pdu_error e = PDU_OK;

	while (e == PDU_OK && *pdus) {
		uint8_t part = rx->state;
		size_t left = f.left;
		if (!left && part != PART_END)
			break;
		bool ends = part == PART_END || part == PART_DATA_WHOLE;
		e = take[part](rx, &f);
		/* A PDU counts when it is over, whatever end() said. */
		if (ends && rx->state == PART_BHS)
			(*pdus)--;
		else if (part == rx->state && left == f.left)
			break; /* DataDigest: the rest is not here yet */
	}
	*taken = n - f.left;
	return e;
}
