/* SPDX-License-Identifier: MIT */
/*
 * qmp.h - the monitor of a QEMU: commands over its Unix socket, as JSON.
 *
 * QEMU serves one client of a socket at a time, and its main loop may stand still for as long as a
 * donor does: so each wait has a limit, the greeting too. After a limit has passed, an answer that
 * comes late would be taken for that of the next command; the numbers of commands tell them apart.
 */
#ifndef MEMTGT_QMP_H
#define MEMTGT_QMP_H

#include <jansson.h>
#include <stddef.h>
#include <stdint.h>

#define QMP_LINE_MAX  ((size_t)4 << 20) /* bytes of one message of QEMU */
#define QMP_WHY_BYTES 400

struct qmp {
	int fd;
	uint64_t limit_ns; /* of each command; the caller may change it */
	char *buf;
	size_t have, room;
	unsigned id;		 /* of the last command */
	char why[QMP_WHY_BYTES]; /* after an error: a sentence's end, printable */
};

/*
 * Connects and greets. 0, or -errno after q->why: -ENOENT, -ECONNREFUSED: nobody is there;
 * -ETIMEDOUT: it says nothing, or has another client; -EPROTO: what it says is no QMP. To be closed
 * in all cases.
 */
int qmp_open(struct qmp *q, const char *path, uint64_t limit_ns)
	__attribute__((warn_unused_result));
void qmp_close(struct qmp *q);

/*
 * Runs a command; `arguments` (NULL: none) goes to it, also after an error. *out is what it
 * returned, to be given back; `out` may be NULL. 0; -EREMOTEIO: QEMU refused, q->why has its
 * words; -ETIMEDOUT; -EPROTO; or another -errno of the socket.
 */
int qmp_run(struct qmp *q, const char *command, json_t *arguments, json_t **out)
	__attribute__((warn_unused_result));

enum qmp_kind {
	QMP_NONE, /* no message of QMP */
	QMP_GREETING,
	QMP_EVENT,
	QMP_RETURN,
	QMP_ERROR,
	QMP_STALE, /* the answer to another command */
};

/*
 * What n bytes are, a message without its newline, when the answer to command `id` is waited for.
 * *value is what was returned, or the description of an error (a string), to be given back; NULL
 * for other kinds.
 */
enum qmp_kind qmp_message(const char *text, size_t n, unsigned id, json_t **value);

#endif
