// SPDX-License-Identifier: MIT
/*
 * transfer.c - images to files and back.
 *
 * Both ends check every byte. An export is a file of its name only when it is whole: before that it
 * is beside it, under another name. A file that can be read twice is checked whole before the LUN
 * is touched.
 */
#include "memtgtctl/transfer.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/image.h"
#include "base/io.h"
#include "control/protocol.h"
#include "memtgt/control.h"
#include "memtgtctl/command.h"

/* memtgtd may have gigabytes to clear between two bytes that it takes. */
#define WAIT_S	     600u
#define PROGRESS_NS  (NS_PER_S / 5)
#define PATH_BYTES   4200u
#define RECORD_BYTES sizeof(struct image_record)

struct transfer {
	struct call *call;
	const char *name; /* of the file */
	int fd;
	bool is_std;		 /* standard output or input */
	bool replaces;		 /* a file that is there */
	char beside[PATH_BYTES]; /* where an export goes first; "": straight into the file */
	enum call_result failed; /* of the call, within a function of image.h */
	bool shows;
	uint64_t shown_at;
};

bool transfer_is(const struct command *command)
{
	return command->method == CONTROL_LUN_EXPORT || command->method == CONTROL_LUN_IMPORT;
}

/* The file's fault. */
static enum call_result fault(struct transfer *t, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

static enum call_result fault(struct transfer *t, const char *fmt, ...)
{
	size_t size = sizeof(t->call->why);
	size_t n = (size_t)snprintf(t->call->why, size, "%.200s: ", t->name);
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(t->call->why + n, size - n, fmt, ap);
	va_end(ap);
	return CALL_REFUSED;
}

/* ---- the line of progress ---- */

static void show(struct transfer *t, const struct image_in *i)
{
	uint64_t now = clock_now();

	if (!t->shows || now - t->shown_at < PROGRESS_NS)
		return;
	t->shown_at = now;
	fprintf(stderr, "\r%3.0f %%  %llu MiB of data ",
		100.0 * (double)i->next / (double)i->lun.bytes,
		(unsigned long long)(i->data_bytes >> 20));
}

static void clear_line(const struct transfer *t)
{
	if (t->shown_at)
		fputs("\r                                        \r", stderr);
}

/* ---- bytes ---- */

static int read_file(void *arg, void *p, size_t n)
{
	const struct transfer *t = arg;

	return io_read_all(t->fd, p, n);
}

static int read_call(void *arg, void *p, size_t n)
{
	struct transfer *t = arg;

	t->failed = call_take(t->call, p, n);
	return t->failed == CALL_OK ? 0 : -EPIPE;
}

/* ---- export ---- */

static enum call_result open_out(struct transfer *t)
{
	struct stat st;

	t->is_std = !strcmp(t->name, "-");
	if (t->is_std) {
		t->name = "standard output";
		t->fd = STDOUT_FILENO;
		return isatty(t->fd) ? fault(t, "a terminal takes no image") : CALL_OK;
	}
	bool is_there = !stat(t->name, &st);
	if (is_there && !t->replaces)
		return fault(t, "%s", strerror(EEXIST));
	if (!is_there || S_ISREG(st.st_mode)) {
		snprintf(t->beside, sizeof(t->beside), "%s.XXXXXX", t->name);
		t->fd = mkostemp(t->beside, O_CLOEXEC);
	} else {
		t->fd = open(t->name, O_WRONLY | O_CLOEXEC);
	}
	if (t->fd >= 0)
		return CALL_OK;
	t->beside[0] = '\0';
	return fault(t, "%s", strerror(errno));
}

/* To its name, which nobody else took meanwhile, as far as the file system can tell. 0 or errno. */
static int give_name(const struct transfer *t)
{
	if (!t->replaces) {
		if (!renameat2(AT_FDCWD, t->beside, AT_FDCWD, t->name, RENAME_NOREPLACE))
			return 0;
		if (errno != EINVAL && errno != ENOSYS)
			return errno;
		if (!access(t->name, F_OK))
			return EEXIST;
	}
	return rename(t->beside, t->name) ? errno : 0;
}

/* `r` as it is, or what went wrong now. */
static enum call_result close_out(struct transfer *t, enum call_result r)
{
	int err = 0;

	if (r == CALL_OK)
		err = -io_sync(t->fd);
	if (!t->is_std && t->fd >= 0 && close(t->fd) && !err)
		err = errno;
	if (r == CALL_OK && !err && t->beside[0])
		err = give_name(t);
	if (t->beside[0] && (r != CALL_OK || err))
		(void)unlink(t->beside);
	return r == CALL_OK && err ? fault(t, "%s", strerror(err)) : r;
}

static enum call_result put(struct transfer *t, const void *p, size_t n)
{
	int err = io_write_all(t->fd, p, n);

	return err ? fault(t, "%s", strerror(-err)) : CALL_OK;
}

/* Why the image that memtgtd sent ends here. */
static enum call_result explain_sent(struct transfer *t, const struct image_in *i, int err)
{
	json_t *none;

	if (t->failed != CALL_OK)
		return t->failed;
	if (err != -ECONNABORTED)
		return fault(t, "what memtgtd sent is not right: %s", i->why);
	enum call_result r = call_answer(t->call, &none);
	if (r != CALL_OK)
		return r;
	json_decref(none);
	return fault(t, "%s", i->why);
}

static enum call_result take_image(struct transfer *t, struct image_in *i)
{
	int more = image_in_open(i, read_call, t);

	if (more)
		return explain_sent(t, i, more);
	enum call_result r = put(t, &i->front, i->front_bytes);
	while (r == CALL_OK && (more = image_in_next(i)) > 0) {
		r = put(t, &i->record, RECORD_BYTES);
		if (r == CALL_OK)
			r = put(t, i->data, i->length);
		show(t, i);
	}
	if (r != CALL_OK || more)
		return r == CALL_OK ? explain_sent(t, i, more) : r;
	return put(t, &i->record, RECORD_BYTES);
}

static enum call_result export_lun(struct transfer *t, const char *method, json_t *params,
				   json_t **result)
{
	struct image_in i = {0};
	char first;
	enum call_result r = call_request(t->call, method, params);

	if (r == CALL_OK)
		r = call_peek(t->call, &first);
	if (r != CALL_OK)
		return r;
	if (first == '{') /* an answer, and it is no */
		return call_answer(t->call, result);
	t->call->timeout_s = t->call->timeout_s > WAIT_S ? t->call->timeout_s : WAIT_S;
	r = open_out(t);
	if (r != CALL_OK)
		return r;
	r = take_image(t, &i);
	image_in_close(&i);
	if (r == CALL_OK)
		r = call_answer(t->call, result);
	return close_out(t, r);
}

/* ---- import ---- */

/* From where it stands, which standard input may do anywhere; and it stands there again. */
static enum call_result check_whole(struct transfer *t)
{
	off_t begin = lseek(t->fd, 0, SEEK_CUR);
	struct image_in i = {0};
	char more;
	int rc = image_in_open(&i, read_file, t);

	while (!rc && (rc = image_in_next(&i)) > 0)
		rc = 0;
	enum call_result r = rc ? fault(t, "%s; nothing was changed", i.why) : CALL_OK;
	image_in_close(&i);
	if (r == CALL_OK && read_file(t, &more, 1) != -ENODATA)
		r = fault(t, "something follows the image's end; nothing was changed");
	if (r == CALL_OK && lseek(t->fd, begin, SEEK_SET) < 0)
		r = fault(t, "%s", strerror(errno));
	return r;
}

static enum call_result open_in(struct transfer *t)
{
	struct stat st;

	t->is_std = !strcmp(t->name, "-");
	t->fd = t->is_std ? STDIN_FILENO : open(t->name, O_RDONLY | O_CLOEXEC);
	t->name = t->is_std ? "standard input" : t->name;
	if (t->fd < 0 || fstat(t->fd, &st))
		return fault(t, "%s", strerror(errno));
	return S_ISREG(st.st_mode) ? check_whole(t) : CALL_OK;
}

static int write_call(void *arg, const void *p, size_t n)
{
	struct transfer *t = arg;

	t->failed = call_give(t->call, p, n);
	return t->failed == CALL_OK ? 0 : -EPIPE;
}

/* The file ends here, and is not whole: memtgtd is told, and says what became of the LUN. */
static enum call_result break_off(struct transfer *t, const struct image_in *i)
{
	struct image_out o = {.write = write_call, .arg = t};
	char answer[sizeof(t->call->why)];
	json_t *none;

	if (image_out_stop(&o))
		return t->failed;
	enum call_result r = call_answer(t->call, &none);
	if (r == CALL_OK)
		json_decref(none);
	memcpy(answer, t->call->why, sizeof(answer));
	return fault(t, "%s (memtgtd: %s)", i->why, answer);
}

/* What memtgtd refuses while it is sent ends the sending: its answer tells why. */
static enum call_result give_image(struct transfer *t, struct image_in *i)
{
	int more = 0, err = write_call(t, &i->front, i->front_bytes);
	while (!err && !t->call->is_refused && (more = image_in_next(i)) > 0) {
		err = write_call(t, &i->record, RECORD_BYTES);
		if (!err)
			err = write_call(t, i->data, i->length);
		show(t, i);
	}
	if (!err && more < 0)
		return break_off(t, i);
	if (!err)
		err = write_call(t, &i->record, RECORD_BYTES);
	return err ? t->failed : CALL_OK;
}

static enum call_result import_lun(struct transfer *t, struct image_in *i, const char *method,
				   json_t *params, json_t **result)
{
	enum call_result r = call_request(t->call, method, params);

	if (r == CALL_OK)
		r = call_notified(t->call, CONTROL_READY);
	if (r != CALL_OK)
		return r;
	t->call->timeout_s = t->call->timeout_s > WAIT_S ? t->call->timeout_s : WAIT_S;
	r = give_image(t, i);
	return r == CALL_OK ? call_answer(t->call, result) : r;
}

/* The file is opened, and its header read, before memtgtd is asked. */
static enum call_result import_file(struct transfer *t, const char *method, json_t *params,
				    json_t **result)
{
	struct image_in i = {0};
	enum call_result r = open_in(t);

	if (r == CALL_OK && image_in_open(&i, read_file, t))
		r = fault(t, "%s; nothing was changed", i.why);
	if (r == CALL_OK)
		r = import_lun(t, &i, method, params, result);
	image_in_close(&i);
	if (!t->is_std && t->fd >= 0)
		close(t->fd);
	return r;
}

int transfer_identify(const char *file, struct image_lun *out, char *why, size_t why_len)
{
	struct transfer t = {.fd = open(file, O_RDONLY | O_CLOEXEC | O_NONBLOCK)};
	struct image_in i = {0};
	struct stat st;
	int rc = -1;

	if (t.fd < 0 || fstat(t.fd, &st))
		snprintf(why, why_len, "%s", strerror(errno));
	else if (!S_ISREG(st.st_mode))
		snprintf(why, why_len, "this is no file");
	else if (image_in_open(&i, read_file, &t))
		snprintf(why, why_len, "%s", i.why);
	else
		rc = 0;
	*out = i.lun;
	image_in_close(&i);
	if (t.fd >= 0)
		close(t.fd);
	return rc;
}

enum call_result transfer_run(struct call *c, const struct command *command, bool replaces,
			      json_t **result)
{
	const char *method = control_table.methods[command->method].name;
	json_t *file = json_incref(json_object_get(command->params, "file"));
	struct transfer t = {.call = c,
			     .name = json_string_value(file),
			     .fd = -1,
			     .replaces = replaces,
			     .shows = isatty(STDERR_FILENO)};
	enum call_result r;

	*result = NULL;
	(void)json_object_del(command->params, "file");
	if (command->method == CONTROL_LUN_EXPORT)
		r = export_lun(&t, method, command->params, result);
	else
		r = import_file(&t, method, command->params, result);
	clear_line(&t);
	if (t.is_std && command->method == CONTROL_LUN_EXPORT) {
		json_decref(*result);
		*result = NULL;
	}
	json_decref(file);
	return r;
}
