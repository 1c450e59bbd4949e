// SPDX-License-Identifier: MIT
/*
 * fuzz_session - whole sessions as sequences of PDUs, on the fake engine: several peers at once.
 *
 * Input: byte 0 chooses the configuration; then actions. The first byte of an action is its peer
 * (bits 5-6) and its place in `actions`. Headers are made valid (CmdSN, tags, the last R2T) and
 * then changed: a count, and that many pairs of place and XOR mask.
 *
 * Whatever the peers did: what they got is well formed, a new initiator is served at once, and
 * nothing is left behind when all are gone.
 */
#include <errno.h>
#include <netinet/in.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "fuzz/fuzz.h"
#include "iscsi/live.h"
#include "reactor/conn.h"
#include "lib/fake_engine.h"
#include "lib/session_rig.h"
#include "memtgt/cursor.h"
#include "store/store.h"

#define PEERS	 4
#define DATA_MAX 8192u

static struct rig rig;
static struct fuzz_peer {
	struct rig_peer rig;
	bool connected;
	bool header_digest, data_digest; /* what the target has agreed to, once it logs in */
	be32 r2t_itt, r2t_ttt, r2t_offset;
	uint32_t r2t_len, statsn;
	bool statsn_known;
} peers[PEERS];

#define KEYS(t)                               \
	{                                     \
		.text = (t), .len = sizeof(t) \
	}
static const struct {
	const char *text;
	size_t len; /* with the last NUL */
} key_sets[] = {
	KEYS(""),
	KEYS("HeaderDigest=CRC32C\0DataDigest=CRC32C"),
	KEYS("InitialR2T=Yes\0ImmediateData=No\0MaxBurstLength=1024\0FirstBurstLength=512"),
	KEYS("MaxRecvDataSegmentLength=512\0MaxOutstandingR2T=2\0DataDigest=CRC32C\0"
	     "iSCSIProtocolLevel=2"),
};
#define NKEYS (sizeof(key_sets) / sizeof(key_sets[0]))

static const char names[] = "InitiatorName=iqn.2026-01.org.memtgt:fuzz\0"
			    "SessionType=Normal\0TargetName=iqn.2026-01.org.memtgt:rig";
static const char discovery[] = "InitiatorName=iqn.2026-01.org.memtgt:fuzz\0SessionType=Discovery";

/* ---- the peer sends ---- */

static void change(struct cursor *c, void *bhs)
{
	for (unsigned n = cursor_u8(c) % 8; n; n--) {
		uint8_t where = cursor_u8(c);
		((uint8_t *)bhs)[where % ISCSI_BHS_LEN] ^= cursor_u8(c);
	}
}

/* Changes the header, and sends it with a data segment whose length the input gives. */
static void send_pdu(struct fuzz_peer *p, struct cursor *c, void *bhs)
{
	static uint8_t data[DATA_MAX];

	change(c, bhs);
	uint32_t n = cursor_u16(c) % (DATA_MAX + 1);
	uint32_t given = n < c->left ? n : (uint32_t)c->left;
	memset(data, 0x5a, sizeof(data));
	if (given)
		memcpy(data, cursor_take(c, given), given);
	rig_send(&p->rig, bhs, data, n);
}

/* Where it comes from, and by which portal group. */
static void come_from(unsigned n)
{
	struct sockaddr_in *in = (void *)&rig.peer;

	in->sin_family = AF_INET;
	in->sin_addr.s_addr = htonl(INADDR_LOOPBACK + n % 3);
	rig.portal_group = (uint16_t)(1 + n / 3);
}

static void play_connect(struct fuzz_peer *p, struct cursor *c)
{
	(void)c;
	if (p->connected && !fake_closed(rig.engine, p->rig.fd))
		return;
	come_from((unsigned)(p - peers));
	*p = (struct fuzz_peer){.rig = rig_connect(&rig), .connected = true};
}

static void play_login(struct fuzz_peer *p, struct cursor *c)
{
	uint8_t how = cursor_u8(c);
	const size_t keys = how % NKEYS;
	struct bhs_login_req h = {.opcode = ISCSI_OP_LOGIN_REQ | ISCSI_IMMEDIATE,
				  .flags = ISCSI_LOGIN_TRANSIT | ISCSI_STAGE_OPERATIONAL << 2 |
					   ISCSI_STAGE_FULL_FEATURE,
				  .isid = {0x80, 0, 0, 0, 0, (uint8_t)(how >> 4)}};
	char text[1024];
	size_t first = how & 8 ? sizeof(discovery) : sizeof(names);

	memcpy(text, how & 8 ? discovery : names, first);
	memcpy(text + first, key_sets[keys].text, key_sets[keys].len);
	put32(&h.cmdsn, p->rig.cmdsn);
	change(c, &h);
	rig_send(&p->rig, &h, text, (uint32_t)(first + key_sets[keys].len));
}

static void play_command(struct fuzz_peer *p, struct cursor *c)
{
	uint8_t flags = cursor_u8(c);
	uint32_t edtl = (uint32_t)cursor_u16(c) * 64;
	struct bhs_scsi_cmd h = rig_command(&p->rig, flags & 0x60, edtl);

	if (flags & 1)
		h.opcode |= ISCSI_IMMEDIATE;
	p->rig.cmdsn -= flags & 1;
	h.flags ^= flags & 0x87;
	for (size_t i = 0; i < sizeof(h.cdb); i++)
		h.cdb[i] = cursor_u8(c);
	send_pdu(p, c, &h);
}

static void play_data_out(struct fuzz_peer *p, struct cursor *c)
{
	uint8_t how = cursor_u8(c);
	struct bhs_data_out h = {.opcode = ISCSI_OP_DATA_OUT,
				 .flags = how & 1 ? ISCSI_FINAL : 0,
				 .itt = p->r2t_itt,
				 .ttt = p->r2t_ttt,
				 .offset = p->r2t_offset};

	put32(&h.datasn, how >> 1 & 3);
	if (how & 8) { /* the whole R2T, as asked */
		static const uint8_t zeroes[DATA_MAX];
		change(c, &h);
		rig_send(&p->rig, &h, zeroes, p->r2t_len < DATA_MAX ? p->r2t_len : DATA_MAX);
		return;
	}
	send_pdu(p, c, &h);
}

/* The requests that need no more than a tag and a number. */
static void play_other(struct fuzz_peer *p, struct cursor *c)
{
	static const uint8_t opcodes[] = {ISCSI_OP_NOP_OUT, ISCSI_OP_TMF_REQ, ISCSI_OP_TEXT_REQ,
					  ISCSI_OP_LOGOUT_REQ, ISCSI_OP_SNACK_REQ};
	uint8_t how = cursor_u8(c);
	struct bhs_tmf_req h = {.opcode = opcodes[how % sizeof(opcodes)],
				.flags = (uint8_t)(ISCSI_FINAL | how >> 4)};

	if (how & 8)
		h.opcode |= ISCSI_IMMEDIATE;
	put32(&h.itt, p->rig.itt++);
	put32(&h.cmdsn, p->rig.cmdsn);
	p->rig.cmdsn += !(how & 8);
	if (h.opcode == ISCSI_OP_NOP_OUT || h.opcode == ISCSI_OP_TEXT_REQ)
		put32(&h.ref_itt, 0xffffffff); /* there: the Target Transfer Tag */
	else
		put32(&h.ref_itt, p->rig.itt - 2);
	put32(&h.ref_cmdsn, p->rig.cmdsn - 1);
	send_pdu(p, c, &h);
}

static void play_bytes(struct fuzz_peer *p, struct cursor *c)
{
	size_t n = cursor_u8(c);

	n = n < c->left ? n : c->left;
	if (n)
		fake_feed(rig.engine, p->rig.fd, cursor_take(c, n), n);
}

/* ---- the peer's ways ---- */

static void play_split(struct fuzz_peer *p, struct cursor *c)
{
	uint8_t max = cursor_u8(c);
	fake_split(rig.engine, p->rig.fd, max, cursor_u8(c));
}

static void play_take(struct fuzz_peer *p, struct cursor *c)
{
	uint8_t step = cursor_u8(c);
	fake_take(rig.engine, p->rig.fd, step == 255 ? SIZE_MAX : step * 16u, cursor_u8(c) % 8);
}

static void play_end(struct fuzz_peer *p, struct cursor *c)
{
	switch (cursor_u8(c) % 3) {
	case 0:
		fake_eof(rig.engine, p->rig.fd);
		break;
	case 1:
		fake_fail_recv(rig.engine, p->rig.fd, ECONNRESET);
		break;
	default:
		fake_fail_send(rig.engine, p->rig.fd, EPIPE);
		break;
	}
}

static void play_time(struct fuzz_peer *p, struct cursor *c)
{
	(void)p;
	rig_advance(&rig, cursor_u8(c) % 64);
}

/* ---- the LUN changes ---- */

static void ignore(void *arg, unsigned found)
{
	(void)arg;
	(void)found;
}

/* The message runs now, whatever the peers were doing. */
static void tell(enum live_event e)
{
	struct live_change told = {.event = e, .target = &rig.target, .lu = &rig.lu};

	REQUIRE(!live_start(&rig.node, &told, ignore, NULL));
	reactor_turn(&rig.worker.reactor, false);
}

static void show(bool there)
{
	/* What comes is another LU, that nobody used. */
	if (there && !rig.target.by_id[0])
		memset(&rig.lu.sharing, 0, sizeof(rig.lu.sharing));
	rig.target.by_id[0] = there ? &rig.lu : NULL;
	tell(there ? LIVE_ADDED : LIVE_REMOVED);
}

static void make_read_only(bool on)
{
	rig.lu.read_only = on;
	tell(on ? LIVE_READ_ONLY : LIVE_WRITABLE);
}

static void resize(uint64_t blocks, bool force)
{
	bool smaller = blocks < rig.lu.blocks;
	char why[256];

	if (smaller) {
		rig.lu.held = blocks;
		tell(LIVE_HELD);
	}
	int rc = store_lun_resize(rig.worker.reader, rig.lu.store, blocks * RIG_BLOCK, force, why,
				  sizeof(why));
	REQUIRE(!rc || rc == -EBUSY || rc == -ENOSPC);
	if (!rc)
		rig.lu.blocks = blocks;
	rig.lu.held = 0;
	if (!rc)
		tell(LIVE_RESIZED);
}

static void play_change(struct fuzz_peer *p, struct cursor *c)
{
	uint8_t what = cursor_u8(c);
	(void)p;

	switch (what % 3) {
	case 0:
		show(what & 128);
		break;
	case 1:
		make_read_only(what & 128);
		break;
	default:
		if (rig.thin) /* a full one may wait a second for its pages */
			resize(1 + cursor_u16(c) % RIG_BLOCKS, what & 128);
		break;
	}
}

/* As it was at the start. Peers that take no answers may hold all the pages that were cut off. */
static void restore(void)
{
	if (rig.lu.blocks != RIG_BLOCKS) {
		list_for_each_safe (it, next, &rig.worker.reactor.all)
			conn_close(container_of(it, struct conn, link), CONN_CLOSE_PEER);
		rig_run(&rig);
		resize(RIG_BLOCKS, false);
	}
	make_read_only(false);
	show(true);
}

/* ---- the peer receives ---- */

static bool carries_statsn(const struct rig_pdu *pdu)
{
	switch (pdu->bhs.opcode) {
	case ISCSI_OP_R2T:
		return false;
	case ISCSI_OP_DATA_IN:
		return pdu->bhs.flags & ISCSI_DATA_STATUS;
	case ISCSI_OP_NOP_IN:
		return get32(pdu->nop_in.itt) != 0xffffffff;
	default:
		return true;
	}
}

/* RFC 7143 4.2.2.2: StatSN grows by one with each status. */
static void check_statsn(struct fuzz_peer *p, const struct rig_pdu *pdu)
{
	uint32_t statsn = get32(pdu->scsi_rsp.statsn);

	if (!carries_statsn(pdu))
		return;
	REQUIRE(!p->statsn_known || statsn == p->statsn);
	p->statsn = statsn + 1;
	p->statsn_known = true;
}

static bool says(const struct rig_pdu *pdu, const char *text)
{
	return memmem(pdu->data, pdu->data_len, text, strlen(text) + 1) != NULL;
}

/* RFC 7143 13.1: digests begin with the first PDU of the Full Feature Phase. */
static void take_login(struct fuzz_peer *p, const struct rig_pdu *pdu)
{
	p->header_digest |= says(pdu, "HeaderDigest=CRC32C");
	p->data_digest |= says(pdu, "DataDigest=CRC32C");
	if (pdu->login_rsp.status_class || (pdu->bhs.flags & 0x83) != 0x83)
		return;
	p->rig.header_digest = p->header_digest;
	p->rig.data_digest = p->data_digest;
}

static void take_pdu(struct fuzz_peer *p, const struct rig_pdu *pdu)
{
	REQUIRE((pdu->bhs.opcode & 0x60) == 0x20);
	check_statsn(p, pdu);
	if (pdu->bhs.opcode == ISCSI_OP_R2T) {
		p->r2t_itt = pdu->r2t.itt;
		p->r2t_ttt = pdu->r2t.ttt;
		p->r2t_offset = pdu->r2t.offset;
		p->r2t_len = get32(pdu->r2t.desired_len);
		REQUIRE(p->r2t_len != 0);
	}
	if (pdu->bhs.opcode == ISCSI_OP_LOGIN_RSP)
		take_login(p, pdu);
}

static void play_receive(struct fuzz_peer *p, struct cursor *c)
{
	struct rig_pdu pdu;

	(void)c;
	while (rig_recv(&p->rig, &pdu)) {
		take_pdu(p, &pdu);
		rig_pdu_free(&pdu);
	}
}

static void (*const actions[])(struct fuzz_peer *, struct cursor *) = {
	play_receive, play_login, play_command, play_data_out, play_other,   play_bytes,
	play_split,   play_take,  play_end,	play_time,     play_connect, play_change,
};
#define NACTIONS (sizeof(actions) / sizeof(actions[0]))

/* ---- one input ---- */

/* By the peer's address: LUN 3 to read, LUN 0 alone, and all. */
static struct config_shown as_3[] = {{.id = 0, .as = 3, .read_only = true}}, as_0[] = {{.id = 0}};
static struct config_rule rules[] = {
	{.sessions = 1, .luns = as_3, .nluns = 1, .place = (char *)"fuzz:1"},
	{.luns = as_0, .nluns = 1, .place = (char *)"fuzz:2"},
	{.place = (char *)"fuzz:3"},
};
#define NRULES (sizeof(rules) / sizeof(rules[0]))

static void configure(uint8_t which)
{
	rig_init(&rig);
	for (unsigned i = 0; i < NRULES; i++) {
		rules[i].family = AF_INET;
		rules[i].prefix = 32;
		memcpy(rules[i].network, (const uint8_t[]){127, 0, 0, (uint8_t)(i + 1)}, 4);
	}
	if (which & 16)
		rig.target_config.access = (struct config_access){.rules = rules, .nrules = NRULES};
	rig.thin = !(which & 2);
	rig.config.limits.queue_depth = which & 1 ? 2 : 16;
}

/* READ data is sent from where it lies, so a WRITE that comes before it was taken changes it. */
static bool in_lun(void *arg, const void *p)
{
	const struct store_lun *l = rig.lu.store;
	uint64_t bytes = store_lun_bytes(l);
	(void)arg;

	for (uint64_t off = 0; off < bytes; off += STORE_PAGE_SIZE) {
		size_t have, want = bytes - off < STORE_PAGE_SIZE ? bytes - off : STORE_PAGE_SIZE;
		const uint8_t *page = store_at(l, off, want, &have);
		if ((const uint8_t *)p >= page && (const uint8_t *)p < page + have)
			return true;
	}
	return false;
}

/* An initiator that comes after all that: a reset that still waits for one who takes nothing would
 * meet it, and a TARGET COLD RESET end its session as well. */
static void check_service(void)
{
	rig_run(&rig);
	rig_advance(&rig, 3);
	come_from(2);
	struct rig_peer p = rig_connect(&rig);

	rig_login(&p, "", 0);
	rig_clear_attention(&p);
	struct bhs_scsi_cmd c = rig_command(&p, ISCSI_CMD_WRITE, RIG_BLOCK);
	rig_rw10(&c, true, 5, 1);
	rig_send(&p, &c, rig_filled(0x77, RIG_BLOCK), RIG_BLOCK);
	rig_run(&rig);
	rig_advance(&rig, 3); /* one of the others may not take what it reads, and is ended */
	rig_expect_status(&p, SCSI_GOOD);
	rig_check_blocks(&p, 5, 1, 0x77);
}

int LLVMFuzzerTestOneInput(const uint8_t *in, size_t n)
{
	struct cursor c = cursor_of(in, n);

	log_set_level(LOG_LEVEL_ERROR);
	configure(cursor_u8(&c));
	rig_start(&rig);
	fake_may_change(rig.engine, in_lun, NULL);
	memset(peers, 0, sizeof(peers));
	while (c.left) {
		uint8_t what = cursor_u8(&c);
		struct fuzz_peer *p = &peers[what >> 5 & 3];
		play_connect(p, &c);
		actions[(what & 31) % NACTIONS](p, &c);
	}
	restore();
	check_service();
	rig_stop(&rig);
	return 0;
}
