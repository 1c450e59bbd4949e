// SPDX-License-Identifier: MIT
/* pr_in.c - PERSISTENT RESERVE IN. SPC-4 6.15. */
#include <stdlib.h>

#include "scsi/data.h"
#include "scsi/handlers.h"
#include "scsi/pr_list.h"
#include "scsi/reserve.h"

_Static_assert(8 + SCSI_REGISTRANTS_MAX * 8 <= SCSI_BUF_SIZE, "all keys in one answer");

/* Table 222 */
#define CRH    0x10u /* RESERVE and RELEASE of a registrant: 5.12.3 */
#define SIP_C  0x08u
#define ATP_C  0x04u
#define PTPL_C 0x01u
#define TMV    0x80u
#define ALLOW_COMMANDS \
	0x30u /* 011b: what reads no medium is allowed by the types Write Exclusive */
#define PTPL_A 0x01u
#define TYPES  0xea01u /* all six: table 223 */

#define FULL_R_HOLDER  0x01u
#define FULL_ALL_TG_PT 0x02u
#define FULL_HEAD      24u

typedef void put_fn(const struct claims *c, struct writer *w);

static void put_keys(const struct claims *c, struct writer *w)
{
	writer_u32(w, c->n * 8);
	for (uint32_t i = 0; i < c->n; i++)
		writer_u64(w, c->at[i].key);
}

static void put_reservation(const struct claims *c, struct writer *w)
{
	if (c->type == CLAIM_NONE) {
		writer_u32(w, 0);
		return;
	}
	writer_u32(w, 16);
	/* 6.15.3.2: where all registrants hold it there is no one key. */
	writer_u64(w, claims_is_all(c->type) ? 0 : c->at[c->holder].key);
	writer_zero(w, 5);
	writer_u8(w, (uint8_t)c->type);
	writer_zero(w, 2);
}

/* Table 225 */
static void put_status(const struct claims *c, uint32_t i, struct writer *w)
{
	const struct claim_registrant *r = &c->at[i];
	const bool holds = claims_holds(c, i);

	writer_u64(w, r->key);
	writer_zero(w, 4);
	writer_u8(w, (uint8_t)((holds ? FULL_R_HOLDER : 0) | (r->all_ports ? FULL_ALL_TG_PT : 0)));
	writer_u8(w, holds ? (uint8_t)c->type : 0);
	writer_zero(w, 4);
	writer_u16(w, r->all_ports ? 0 : r->port.target_port);
	writer_u32(w, (uint32_t)pr_transport_id_len(r->port.name));
	pr_put_transport_id(w, r->port.name);
}

static void put_full(const struct claims *c, struct writer *w)
{
	uint32_t len = 0;

	for (uint32_t i = 0; i < c->n; i++)
		len += FULL_HEAD + (uint32_t)pr_transport_id_len(c->at[i].port.name);
	writer_u32(w, len);
	for (uint32_t i = 0; i < c->n; i++)
		put_status(c, i, w);
}

static struct scsi_result wait_for_others(struct scsi_task *t, struct scsi_fence *f)
{
	scsi_fence_answer(t->nexus->target, t->lu, f);
	return scsi_ok();
}

/* Who does not find a victim here any more counts on that: none of its commands may land after the
 * answer. */
static struct scsi_result when_told(struct scsi_task *t, bool told)
{
	return told ? scsi_ok() : scsi_fenced(t, wait_for_others);
}

/* After PRGENERATION, as it is at one moment. */
static struct scsi_result answer(struct scsi_task *t, put_fn *put, bool is_long)
{
	bool told;
	struct claims *c = scsi_claims_get(t->lu, &told);
	struct writer w;

	if (!c || !(is_long ? scsi_buf_get_long(t) : scsi_buf_get(t))) {
		free(c);
		return scsi_fail(SENSE_BUSY);
	}
	w = writer_of(t->buf, is_long ? SCSI_LONG_BUF_SIZE : SCSI_BUF_SIZE);
	writer_u32(&w, c->generation);
	put(c, &w);
	free(c);
	/* What is longer than any allocation length can ask for is cut. */
	const size_t n = writer_len(&w), limit = ld16(t->cdb + 7);
	t->in_len = n < limit ? n : limit;
	return when_told(t, told);
}

struct scsi_result scsi_pr_read_keys(struct scsi_task *t)
{
	return answer(t, put_keys, false);
}

struct scsi_result scsi_pr_read_reservation(struct scsi_task *t)
{
	return answer(t, put_reservation, false);
}

struct scsi_result scsi_pr_read_full_status(struct scsi_task *t)
{
	return answer(t, put_full, true);
}

struct scsi_result scsi_pr_report_capabilities(struct scsi_task *t)
{
	struct claims *c = scsi_claims_get(t->lu, NULL);
	struct writer w;
	struct scsi_result r = c ? scsi_param_begin(t, &w) : scsi_fail(SENSE_BUSY);

	if (r.outcome == SENSE_OK) {
		writer_u16(&w, 8);
		writer_u8(&w, CRH | SIP_C | ATP_C | PTPL_C);
		writer_u8(&w, (uint8_t)(TMV | ALLOW_COMMANDS | (c->aptpl ? PTPL_A : 0)));
		writer_u16(&w, TYPES);
		writer_zero(&w, 2);
		r = scsi_param_end(t, &w, ld16(t->cdb + 7));
	}
	free(c);
	return r;
}
