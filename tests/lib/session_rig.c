// SPDX-License-Identifier: MIT
/* session_rig.c - see session_rig.h. */
#include "session_rig.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "iscsi/session.h"
#include "lib/fake_engine.h"
#include "lib/filler.h"
#include "pdu/digest.h"
#include "store/store.h"

#define TARGET	"iqn.2026-01.org.memtgt:rig"
#define DRAIN_S 4 /* conn.c gives up on a peer before that */

void rig_init(struct rig *r)
{
	memset(r, 0, sizeof(*r));
	r->config.limits = (struct config_limits){
		.connections = 8,
		.connections_per_address = 8,
		.logins = 8,
		.login_timeout = 15,
		.rx_stall = 10,
		.tx_stall = 10,
		.ping_interval = 30,
		.ping_timeout = 30,
		.queue_depth = 16,
	};
	r->config.login = (struct config_login){
		.header_digest = DIGEST_NONE | DIGEST_CRC32C,
		.data_digest = DIGEST_NONE | DIGEST_CRC32C,
		.max_recv_data_segment_length = 262144,
		.max_burst_length = 1048576,
		.first_burst_length = 262144,
		.max_outstanding_r2t = 8,
		.immediate_data = true,
		.default_time2wait = 2,
		.default_time2retain = 20, /* the default: nothing to be offered */
	};
	r->target_config.access.any = true;
	strcpy(r->target_config.name, TARGET);
	r->config.targets = &r->target_config;
	r->config.ntargets = 1;
	r->portal_group = 1;
	r->blocks = RIG_BLOCKS;
	r->pool = RIG_BLOCKS * RIG_BLOCK;
}

static void wake(void *arg)
{
	struct rig *r = arg;
	reactor_wake(&r->worker.reactor);
}

void rig_start(struct rig *r)
{
	enum store_provisioning p = r->thin ? STORE_THIN : STORE_FULL;
	struct store_options o = {.kind = STORE_PLAIN,
				  .full_bytes = r->thin ? 0 : r->pool,
				  .ceiling = r->pool,
				  .readers = 1,
				  .no_filler = true};
	char why[256];
	ck_assert_int_eq(store_open(&r->store, &o, why, sizeof(why)), 0);
	ck_assert_int_eq(store_lun_create(r->store, r->blocks * RIG_BLOCK, p, NULL, NULL, NULL,
					  &r->lu.store, why, sizeof(why)),
			 0);
	r->lu.thin = r->thin;
	r->lu.block_size = RIG_BLOCK;
	r->lu.block_shift = 9;
	r->lu.blocks = r->blocks;
	r->target = (struct scsi_target){.name = TARGET};
	r->target.by_id[0] = &r->lu;
	r->node = (struct iscsi_node){.config = &r->config,
				      .targets = &r->target,
				      .ntargets = 1,
				      .workers = &r->worker,
				      .nworkers = 1};
	ck_assert_int_eq(iscsi_node_init(&r->node), 0);
	r->engine = fake_engine(r->config.limits.connections);
	r->worker.reader = store_reader(r->store, 0);
	store_on_retire(r->store, wake, r);
	ck_assert_int_eq(iscsi_worker_init(&r->node, 0, r->engine), 0);
}

uint64_t rig_counter(const struct rig *r, enum counter which)
{
	uint64_t sum[COUNTERS];
	iscsi_node_counters(&r->node, sum);
	return sum[which];
}

/* Each connection ended for one reason, which was counted. */
static void check_ends(const struct rig *r)
{
	uint64_t sum[COUNTERS], ended = 0;
	iscsi_node_counters(&r->node, sum);
#define CONN_END(id, name, text) ended += sum[COUNT_ENDED_##id];
#include "tbl/counters.def"
	ck_assert_uint_eq(sum[COUNT_ACCEPTED], ended);
}

void rig_stop(struct rig *r)
{
	struct iscsi_worker *w = &r->worker;
	list_for_each_safe (it, next, &w->reactor.all)
		conn_close(container_of(it, struct conn, link), CONN_CLOSE_PEER);
	rig_run(r);
	if (!list_empty(&w->reactor.all)) /* one that waits for its peer's end of stream */
		rig_advance(r, DRAIN_S);
	ck_assert_uint_eq(w->tasks.used, 0);
	ck_assert_uint_eq(w->replies.used, 0);
	ck_assert_uint_eq(w->bufs.used, 0);
	ck_assert_uint_eq(w->bounces.used, 0);
	ck_assert_uint_eq(w->scsi.bufs.used, 0);
	reactor_fini(&w->reactor);
	check_ends(r);
	ck_assert_uint_eq(r->node.admission.connections, 0);
	ck_assert_uint_eq(r->node.admission.logins, 0);
	iscsi_node_free(&r->node);
	scsi_reserve_free(&r->lu);
	store_lun_destroy(r->lu.store);
	store_close(r->store);
}

static size_t unread(struct rig *r)
{
	size_t sum = 0;
	list_for_each (it, &r->worker.reactor.all)
		sum += fake_unread(r->engine, container_of(it, struct conn, link)->io.fd);
	return sum;
}

static void turns(struct rig *r, int n)
{
	while (n--) {
		if (!r->filler_rests)
			filler_run(r->store);
		reactor_turn(&r->worker.reactor, false);
	}
}

void rig_run(struct rig *r)
{
	for (size_t before = SIZE_MAX, now; (now = unread(r)) != before; before = now)
		turns(r, 40);
}

void rig_advance(struct rig *r, unsigned seconds)
{
	while (seconds--) {
		fake_advance(r->engine, NS_PER_S);
		turns(r, 5);
	}
}

struct rig_peer rig_connect(struct rig *r)
{
	struct rig_peer p = {.rig = r, .fd = fake_socket(r->engine), .cmdsn = 100, .itt = 1};
	ck_assert_ptr_null(admission_enter(&r->node.admission, &r->peer));
	ck_assert_int_eq(conn_open(&r->worker.reactor, p.fd, &r->peer, r->portal_group), 0);
	return p;
}

struct rig_peer rig_begin(struct rig *r, const char *keys, size_t n)
{
	rig_start(r);
	struct rig_peer p = rig_connect(r);
	rig_login(&p, keys, n);
	rig_clear_attention(&p);
	return p;
}

/* ---- sending ---- */

static size_t put_crc(uint8_t *at, const uint8_t *from, size_t n)
{
	digest_final(digest_update(DIGEST_INIT, from, n), at);
	return ISCSI_DIGEST_LEN;
}

void rig_send_cut(struct rig_peer *p, void *bhs, const void *data, uint32_t n, size_t cut)
{
	uint8_t *buf = calloc(1, ISCSI_BHS_LEN + n + 16);
	ck_assert_ptr_nonnull(buf);
	size_t len = ISCSI_BHS_LEN;
	put24(&((struct bhs *)bhs)->data_len, n);
	memcpy(buf, bhs, ISCSI_BHS_LEN);
	if (p->header_digest)
		len += put_crc(buf + len, buf, len);
	if (n) {
		uint8_t *at = buf + len;
		memcpy(at, data, n);
		size_t padded = n + ISCSI_PAD(n);
		len += padded;
		if (p->data_digest)
			len += put_crc(at + padded, at, padded);
	}
	fake_feed(p->rig->engine, p->fd, buf, len < cut ? len : cut);
	free(buf);
}

void rig_send(struct rig_peer *p, void *bhs, const void *data, uint32_t n)
{
	rig_send_cut(p, bhs, data, n, SIZE_MAX);
}

uint8_t *rig_filled(uint8_t v, size_t n)
{
	static uint8_t buf[1 << 20];
	ck_assert_uint_le(n, sizeof(buf));
	memset(buf, v, n);
	return buf;
}

void rig_data_out(struct rig_peer *p, const struct bhs_scsi_cmd *c, uint32_t ttt, uint32_t sn,
		  uint32_t offset, uint32_t n, bool final, uint8_t v)
{
	struct bhs_data_out d = {.opcode = ISCSI_OP_DATA_OUT, .flags = final ? ISCSI_FINAL : 0};
	d.itt = c->itt;
	put32(&d.ttt, ttt);
	put32(&d.datasn, sn);
	put32(&d.offset, offset);
	rig_send(p, &d, rig_filled(v, n), n);
}

void rig_send_tmf(struct rig_peer *p, enum iscsi_tmf f, be32 ref_itt)
{
	struct bhs_tmf_req h = {.opcode = ISCSI_OP_TMF_REQ | ISCSI_IMMEDIATE,
				.flags = (uint8_t)(ISCSI_FINAL | f)};
	put32(&h.itt, p->itt++);
	put32(&h.cmdsn, p->cmdsn);
	h.ref_itt = ref_itt;
	rig_send(p, &h, NULL, 0);
}

/* ---- receiving ---- */

static void check_crc(const uint8_t *p, size_t n)
{
	uint8_t crc[4];
	put_crc(crc, p, n);
	ck_assert_msg(!memcmp(crc, p + n, 4), "a digest of the target is wrong");
}

bool rig_recv(struct rig_peer *p, struct rig_pdu *out)
{
	size_t have, head = ISCSI_BHS_LEN + (p->header_digest ? ISCSI_DIGEST_LEN : 0);
	rig_run(p->rig);
	const uint8_t *b = fake_sent(p->rig->engine, p->fd, &have);
	memset(out, 0, sizeof(*out));
	if (have < head)
		return false;
	memcpy(&out->bhs, b, ISCSI_BHS_LEN);
	if (p->header_digest)
		check_crc(b, ISCSI_BHS_LEN);
	uint32_t n = get24(out->bhs.data_len);
	size_t padded = n + ISCSI_PAD(n);
	size_t tail = n && p->data_digest ? ISCSI_DIGEST_LEN : 0;
	if (have < head + padded + tail)
		return false;
	if (tail)
		check_crc(b + head, padded);
	out->data = malloc(n ? n : 1);
	ck_assert_ptr_nonnull(out->data);
	memcpy(out->data, b + head, n);
	out->data_len = n;
	fake_drop(p->rig->engine, p->fd, head + padded + tail);
	return true;
}

struct rig_pdu rig_expect(struct rig_peer *p, enum iscsi_opcode opcode)
{
	struct rig_pdu pdu;
	ck_assert_msg(rig_recv(p, &pdu), "no PDU came where 0x%02x was expected", opcode);
	ck_assert_msg(pdu.bhs.opcode == opcode, "PDU 0x%02x came where 0x%02x was expected",
		      pdu.bhs.opcode, opcode);
	return pdu;
}

void rig_pdu_free(struct rig_pdu *pdu)
{
	free(pdu->data);
	pdu->data = NULL;
}

void rig_expect_nothing(struct rig_peer *p)
{
	struct rig_pdu pdu;
	ck_assert_msg(!rig_recv(p, &pdu), "PDU 0x%02x came, none was expected", pdu.bhs.opcode);
}

void rig_expect_status(struct rig_peer *p, uint8_t status)
{
	struct rig_pdu rsp = rig_expect(p, ISCSI_OP_SCSI_RSP);
	ck_assert_uint_eq(rsp.scsi_rsp.response, 0);
	ck_assert_uint_eq(rsp.scsi_rsp.status, status);
	rig_pdu_free(&rsp);
}

uint32_t rig_expect_r2t(struct rig_peer *p, struct bhs_r2t *out)
{
	struct rig_pdu r = rig_expect(p, ISCSI_OP_R2T);
	uint32_t ttt = get32(r.r2t.ttt);
	if (out)
		*out = r.r2t;
	rig_pdu_free(&r);
	return ttt;
}

void rig_expect_tmf(struct rig_peer *p, uint8_t response)
{
	struct rig_pdu r = rig_expect(p, ISCSI_OP_TMF_RSP);
	ck_assert_uint_eq(r.tmf_rsp.response, response);
	rig_pdu_free(&r);
}

bool rig_is_closed(struct rig_peer *p)
{
	rig_run(p->rig);
	if (fake_send_ended(p->rig->engine, p->fd) && !fake_closed(p->rig->engine, p->fd)) {
		fake_eof(p->rig->engine, p->fd);
		rig_run(p->rig);
	}
	return fake_closed(p->rig->engine, p->fd);
}

/* ---- login ---- */

void rig_login(struct rig_peer *p, const char *keys, size_t n)
{
	static const char names[] = "InitiatorName=iqn.2026-01.org.memtgt:peer\0"
				    "SessionType=Normal\0TargetName=" TARGET;
	char text[4096];
	memcpy(text, names, sizeof(names));
	memcpy(text + sizeof(names), keys, n);
	size_t len = sizeof(names) + n;
	if (n)
		text[len++] = '\0';

	struct bhs_login_req h = {.opcode = ISCSI_OP_LOGIN_REQ | ISCSI_IMMEDIATE,
				  .flags = ISCSI_LOGIN_TRANSIT | ISCSI_STAGE_OPERATIONAL << 2 |
					   ISCSI_STAGE_FULL_FEATURE,
				  .isid = {0x80, 0, 0, 0, 0, (uint8_t)(1 + p->isid)}};
	put32(&h.itt, 0);
	put32(&h.cmdsn, p->cmdsn);
	rig_send(p, &h, text, (uint32_t)len);
	struct rig_pdu rsp = rig_expect(p, ISCSI_OP_LOGIN_RSP);
	ck_assert_uint_eq(rsp.login_rsp.status_class, 0);
	ck_assert_uint_eq(rsp.login_rsp.flags & ISCSI_LOGIN_TRANSIT, ISCSI_LOGIN_TRANSIT);
	ck_assert_uint_ne(get16(rsp.login_rsp.tsih), 0);
	rig_pdu_free(&rsp);
}

/* ---- commands ---- */

struct bhs_scsi_cmd rig_command(struct rig_peer *p, uint8_t flags, uint32_t edtl)
{
	struct bhs_scsi_cmd c = {.opcode = ISCSI_OP_SCSI_CMD,
				 .flags = (uint8_t)(ISCSI_FINAL | ISCSI_ATTR_SIMPLE | flags)};
	put32(&c.itt, p->itt++);
	put32(&c.cmdsn, p->cmdsn++);
	put32(&c.edtl, edtl);
	return c;
}

void rig_rw10(struct bhs_scsi_cmd *c, bool write, uint32_t lba, uint16_t blocks)
{
	c->cdb[0] = write ? 0x2a : 0x28;
	st32(c->cdb + 2, lba);
	st16(c->cdb + 7, blocks);
}

void rig_check_blocks(struct rig_peer *p, uint32_t lba, uint16_t blocks, uint8_t want)
{
	uint32_t total = blocks * RIG_BLOCK, got = 0;
	struct bhs_scsi_cmd c = rig_command(p, ISCSI_CMD_READ, total);
	rig_rw10(&c, false, lba, blocks);
	rig_send(p, &c, NULL, 0);
	for (bool last = false; !last;) {
		struct rig_pdu d = rig_expect(p, ISCSI_OP_DATA_IN);
		ck_assert_uint_eq(get32(d.data_in.offset), got);
		for (uint32_t i = 0; i < d.data_len; i++)
			if (d.data[i] != want) /* an assertion of Check is a system call */
				ck_abort_msg("block %u byte %u: 0x%02x, not 0x%02x",
					     lba + (got + i) / RIG_BLOCK, (got + i) % RIG_BLOCK,
					     d.data[i], want);
		got += d.data_len;
		last = d.bhs.flags & ISCSI_DATA_STATUS;
		rig_pdu_free(&d);
	}
	ck_assert_uint_eq(got, total);
}

void rig_clear_attention(struct rig_peer *p)
{
	for (int i = 0; i < 4; i++) {
		struct bhs_scsi_cmd c = rig_command(p, 0, 0);
		rig_send(p, &c, NULL, 0);
		struct rig_pdu rsp = rig_expect(p, ISCSI_OP_SCSI_RSP);
		uint8_t status = rsp.scsi_rsp.status;
		rig_pdu_free(&rsp);
		if (status == SCSI_GOOD)
			return;
	}
	ck_abort_msg("unit attentions do not end");
}
