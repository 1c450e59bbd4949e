// SPDX-License-Identifier: MIT
/* fake_donor.c - just enough of a target, written apart from memtgtd's. */
#include "fake_donor.h"

#include <check.h>
#include <netinet/in.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "memtgt/cursor.h"
#include "memtgt/iscsi_proto.h"

#define DATA_MAX  (1u << 20)
#define PIECE	  65536u
#define PAGE_SIZE (2u << 20)

/* A connection. */
struct link {
	struct fake_donor *fake;
	int fd;
	uint32_t statsn, cmdsn;
	uint8_t told[FAKE_LUNS_MAX]; /* unit attentions */
	uint32_t noise;
	uint8_t data[DATA_MAX];
};

static void send_all(struct link *l, const void *p, size_t n)
{
	const bool is_slow = l->fake->manner == FAKE_SLOW;

	for (size_t at = 0, step; at < n; at += step) {
		step = is_slow ? 1 : n - at;
		if (is_slow)
			usleep(50000);
		if (send(l->fd, (const uint8_t *)p + at, step, MSG_NOSIGNAL) != (ssize_t)step)
			pthread_exit(NULL);
	}
}

static bool receive_all(struct link *l, void *p, size_t n)
{
	return recv(l->fd, p, n, MSG_WAITALL) == (ssize_t)n;
}

/* The serials of an answer stand where those of a Login Response do. */
static void answer(struct link *l, struct bhs_login_rsp *h, const void *data, size_t n)
{
	static const uint8_t zero[4];

	put32(&h->statsn, l->statsn++);
	put32(&h->exp_cmdsn, l->cmdsn);
	put32(&h->max_cmdsn, l->cmdsn + 64);
	put24(&h->data_len, (uint32_t)n);
	if (l->fake->manner == FAKE_HALF) {
		send_all(l, h, 20);
		pause();
	}
	send_all(l, h, sizeof(*h));
	send_all(l, data, n);
	send_all(l, zero, -n & 3);
}

static void login(struct link *l, const struct bhs_login_req *req, size_t n)
{
	static const char security[] = "AuthMethod=None";
	const bool to_target = memmem(l->data, n, "TargetName=", 11) != NULL;
	const bool is_second =
		l->fake->target2 && memmem(l->data, n, l->fake->target2, strlen(l->fake->target2));
	unsigned status = to_target ? l->fake->login_status : l->fake->discovery_status;
	struct bhs_login_rsp h = {.opcode = ISCSI_OP_LOGIN_RSP, .flags = req->flags};

	if (is_second)
		status = ISCSI_LOGIN_AUTHZ_FAILURE;
	if (l->fake->manner == FAKE_CONFUSES) {
		h.opcode = ISCSI_OP_DATA_IN;
		h.flags = ISCSI_FINAL;
	}
	memcpy(h.isid, req->isid, sizeof(h.isid));
	h.itt = req->itt;
	l->cmdsn = get32(req->cmdsn);
	h.status_class = (uint8_t)(status >> 8);
	h.status_detail = (uint8_t)status;
	if (ISCSI_LOGIN_NSG(req->flags) == ISCSI_STAGE_FULL_FEATURE)
		put16(&h.tsih, 1);
	bool first = ISCSI_LOGIN_CSG(req->flags) == ISCSI_STAGE_SECURITY && !status;
	first |= l->fake->manner == FAKE_CONFUSES;
	answer(l, &h, security, first ? sizeof(security) : 0);
}

static void text(struct link *l, const struct bhs_text_req *req)
{
	char *pairs = (char *)l->data;
	size_t n = 0;
	const char *targets[] = {l->fake->target, l->fake->target2};
	struct bhs_login_rsp h = {.opcode = ISCSI_OP_TEXT_RSP, .flags = ISCSI_FINAL};

	for (size_t i = 0; i < 2; i++)
		if (targets[i]) {
			n += (size_t)sprintf(pairs + n, "TargetName=%s", targets[i]) + 1;
			n += (size_t)sprintf(pairs + n, "TargetAddress=127.0.0.1:%u,1",
					     l->fake->port) +
			     1;
		}
	h.itt = req->itt;
	memset(&h.isid, 0, sizeof(h.isid));
	/* The target transfer tag, 11.11. */
	memset((uint8_t *)&h + 20, 0xff, 4);
	answer(l, &h, pairs, n);
}

/* ---- SCSI ---- */

static void status(struct link *l, const struct bhs_scsi_cmd *c, uint8_t what, uint32_t sense)
{
	struct bhs_scsi_rsp h = {.opcode = ISCSI_OP_SCSI_RSP, .flags = ISCSI_FINAL, .status = what};
	uint8_t data[20] = {0, 18, 0x70, 0, (uint8_t)(sense >> 16), 0, 0, 0, 0, 10};

	h.itt = c->itt;
	put32(&h.statsn, l->statsn++);
	put32(&h.exp_cmdsn, l->cmdsn);
	put32(&h.max_cmdsn, l->cmdsn + 64);
	data[14] = (uint8_t)(sense >> 8);
	data[15] = (uint8_t)sense;
	put24(&h.data_len, sense ? sizeof(data) : 0);
	send_all(l, &h, sizeof(h));
	if (sense)
		send_all(l, data, sizeof(data));
}

/* Data-In, the last one with GOOD. */
static void data_in(struct link *l, const struct bhs_scsi_cmd *c, const uint8_t *p, uint32_t n)
{
	uint32_t asked = get32(c->edtl);

	if (n > asked)
		n = asked;
	if (!n) {
		status(l, c, 0, 0);
		return;
	}
	for (uint32_t at = 0, sn = 0; at < n; sn++) {
		uint32_t piece = n - at < PIECE ? n - at : PIECE;
		struct bhs_data_in h = {.opcode = ISCSI_OP_DATA_IN};
		h.itt = c->itt;
		put24(&h.data_len, piece);
		put32(&h.datasn, sn);
		put32(&h.offset, at);
		memset(&h.ttt, 0xff, sizeof(h.ttt));
		put32(&h.exp_cmdsn, l->cmdsn);
		put32(&h.max_cmdsn, l->cmdsn + 64);
		if (at + piece == n) {
			h.flags = ISCSI_FINAL | ISCSI_DATA_STATUS |
				  (n < asked ? ISCSI_RSP_UNDERFLOW : 0);
			put32(&h.statsn, l->statsn++);
			put32(&h.resid, asked - n);
		}
		send_all(l, &h, sizeof(h));
		send_all(l, p + at, piece);
		send_all(l, (uint8_t[4]){0}, -piece & 3);
		at += piece;
	}
}

static void vpd(const struct fake_lun *lun, uint8_t page, struct writer *w)
{
	writer_u8(w, 0);
	writer_u8(w, page);
	if (page == 0x80) {
		writer_u16(w, 6);
		writer_put(w, "FAKE-1", 6);
	} else if (page == 0x83) {
		writer_u16(w, 12);
		writer_put(w, (uint8_t[]){1, 3, 0, 8, 0x30, 0, 0, 0, 0, 0, 0}, 11);
		writer_u8(w, (uint8_t)lun->id);
	} else {
		writer_u16(w, 4);
		writer_put(w, (uint8_t[]){12, 0, lun->is_thin ? 2 : 1, 0}, 4);
	}
}

static void logs(const struct fake_lun *lun, struct writer *w)
{
	writer_u32(w, 0x0c000000 | 12);
	writer_put(w, (uint8_t[]){0, 1, 3, 8}, 4);
	writer_u32(w, lun->available);
	writer_u32(w, 2u << 24);
}

static unsigned count_claims(const struct fake_lun *lun)
{
	unsigned n = 0;

	while (n < FAKE_CLAIMS_MAX && lun->claims[n])
		n++;
	return n;
}

static void full_status(const struct fake_lun *lun, struct writer *w)
{
	writer_u32(w, 1);
	writer_u32(w, count_claims(lun) * (24 + 4 + 224));
	for (unsigned i = 0; i < count_claims(lun); i++) {
		writer_u64(w, i + 1);
		writer_u32(w, 0);
		writer_put(w, (uint8_t[]){1, 7, 0, 0, 0, 0, 0, 1}, 8);
		writer_u32(w, 4 + 224);
		writer_put(w, (uint8_t[]){0x05, 0, 0, 224}, 4);
		writer_put(w, lun->claims[i], strlen(lun->claims[i]));
		writer_zero(w, 224 - strlen(lun->claims[i]));
	}
}

static void claims(const struct fake_lun *lun, uint8_t action, struct writer *w)
{
	unsigned n = count_claims(lun);

	if (action == 3) {
		full_status(lun, w);
		return;
	}
	writer_u32(w, 1);
	writer_u32(w, action == 0 ? 8 * n : n ? 16 : 0);
	for (unsigned i = 0; i < n && action == 0; i++)
		writer_u64(w, i + 1);
	if (n && action == 1)
		writer_put(w, (uint8_t[16]){[13] = 7}, 16);
}

static void report_luns(const struct fake_donor *f, struct writer *w)
{
	writer_u32(w, 8 * f->nluns);
	writer_u32(w, 0);
	for (unsigned i = 0; i < f->nluns; i++) {
		writer_u16(w, (uint16_t)f->luns[i].id);
		writer_zero(w, 6);
	}
}

/* false: the LUN does not know the command. */
static bool parameters(const struct fake_donor *f, const struct fake_lun *lun, const uint8_t *cdb,
		       struct writer *w)
{
	switch (cdb[0]) {
	case 0xa0:
		report_luns(f, w);
		return true;
	case 0x12:
		if (cdb[1])
			vpd(lun, cdb[2], w);
		else
			writer_zero(w, 36);
		return true;
	case 0x9e:
		writer_u64(w, lun->size / 512 - 1);
		writer_u32(w, 512);
		writer_zero(w, 20);
		return true;
	case 0x4d:
		logs(lun, w);
		return !lun->no_log;
	case 0x5e:
		claims(lun, cdb[1] & 0x1f, w);
		return !lun->no_claims;
	default:
		return false;
	}
}

static void lie(struct link *l, const struct bhs_scsi_cmd *c)
{
	for (size_t i = 0; i < 65536; i++)
		l->data[i] = (uint8_t)((l->noise = l->noise * 1664525 + 1013904223) >> 24);
	uint32_t n = l->noise >> 16;
	/* REPORT LUNS has to tell some, or nothing more is asked. */
	if (c->cdb[0] == 0xa0)
		memset(l->data, 0, 24), l->data[3] = 16, l->data[17] = 1, n = 24;
	data_in(l, c, l->data, n);
}

static const struct fake_lun *lun_of(const struct fake_donor *f, const struct bhs_scsi_cmd *c)
{
	for (unsigned i = 0; i < f->nluns; i++)
		if (f->luns[i].id == ld16(c->lun))
			return &f->luns[i];
	return NULL;
}

static void command(struct link *l, const struct bhs_scsi_cmd *c)
{
	const struct fake_donor *f = l->fake;
	const struct fake_lun *lun = lun_of(f, c);
	const uint8_t op = c->cdb[0];
	struct writer w = writer_of(l->data, sizeof(l->data));

	l->cmdsn++;
	l->fake->commands++;
	if (f->manner == FAKE_DIES_ASKED)
		pthread_exit(NULL);
	if (f->manner == FAKE_STALLS_ASKED || (f->manner == FAKE_STALLS_READ && op == 0x88))
		return;
	if (f->manner == FAKE_LIES) {
		lie(l, c);
	} else if (!lun && op != 0xa0) {
		status(l, c, 2, 0x052500);
	} else if (lun && op != 0x12 && op != 0xa0 &&
		   l->told[lun->id % FAKE_LUNS_MAX] < f->attentions) {
		l->told[lun->id % FAKE_LUNS_MAX]++;
		status(l, c, 2, 0x062900);
	} else if (op == 0x00) {
		status(l, c, lun->is_stopped ? 2 : 0, lun->is_stopped ? 0x020402 : 0);
	} else if (op == 0x88) {
		memset(l->data, 0, sizeof(l->data));
		data_in(l, c, l->data, get32(c->edtl));
	} else if (parameters(f, lun, c->cdb, &w)) {
		data_in(l, c, l->data, (uint32_t)writer_len(&w));
	} else {
		status(l, c, 2, 0x052000);
	}
}

static void serve(struct link *l)
{
	uint8_t h[ISCSI_BHS_LEN];

	while (receive_all(l, h, sizeof(h))) {
		size_t n = ld24(h + 5);
		if (n > DATA_MAX - 4 || (n && !receive_all(l, l->data, (n + 3) & ~(size_t)3)))
			return;
		switch (h[0] & 0x3f) {
		case ISCSI_OP_LOGIN_REQ:
			login(l, (struct bhs_login_req *)h, n);
			break;
		case ISCSI_OP_TEXT_REQ:
			text(l, (struct bhs_text_req *)h);
			break;
		case ISCSI_OP_SCSI_CMD:
			command(l, (struct bhs_scsi_cmd *)h);
			break;
		default:
			return;
		}
	}
}

static void noise(struct link *l)
{
	uint8_t some[4096];

	for (;;) {
		for (size_t i = 0; i < sizeof(some); i++)
			some[i] = (uint8_t)((l->noise = l->noise * 1664525 + 1013904223) >> 24);
		send_all(l, some, sizeof(some));
	}
}

static void close_link(void *arg)
{
	struct link *l = arg;

	close(l->fd);
	free(l);
}

static void *connection(void *arg)
{
	struct link *l = arg;

	pthread_cleanup_push(close_link, l);
	if (l->fake->manner == FAKE_GARBAGE)
		noise(l);
	else if (l->fake->manner != FAKE_CLOSES)
		serve(l);
	pthread_cleanup_pop(1);
	return NULL;
}

static void *listener(void *arg)
{
	struct fake_donor *f = arg;

	for (;;) {
		pthread_t thread;
		int fd = accept4(f->fd, NULL, NULL, SOCK_CLOEXEC);
		if (fd < 0)
			continue;
		unsigned n = f->connections++;
		if (f->manner == FAKE_SILENT)
			continue;
		struct link *l = calloc(1, sizeof(*l));
		if (!l)
			abort();
		l->fake = f;
		l->fd = fd;
		l->noise = 12345 + n;
		if (pthread_create(&thread, NULL, connection, l))
			abort();
		pthread_detach(thread);
	}
	return NULL;
}

static int bind_port(unsigned *port)
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t n = sizeof(a);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(bind(fd, (struct sockaddr *)&a, sizeof(a)), 0);
	ck_assert_int_eq(getsockname(fd, (struct sockaddr *)&a, &n), 0);
	*port = ntohs(a.sin_port);
	return fd;
}

static void start_listening(struct fake_donor *f)
{
	f->fd = bind_port(&f->port);
	ck_assert_int_eq(listen(f->fd, 1024), 0);
}

void fake_start(struct fake_donor *f)
{
	pthread_t thread;

	start_listening(f);
	ck_assert_int_eq(pthread_create(&thread, NULL, listener, f), 0);
	pthread_detach(thread);
}

void fake_start_apart(struct fake_donor *f)
{
	start_listening(f);
	pid_t test = getpid(), pid = fork();
	ck_assert_int_ge(pid, 0);
	if (!pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (getppid() == test)
			listener(f);
		_exit(EXIT_FAILURE);
	}
	close(f->fd);
}

/* Bound and not listened on: nobody else gets it, and connections are refused. */
unsigned fake_dead_port(void)
{
	unsigned port;

	(void)bind_port(&port);
	return port;
}
