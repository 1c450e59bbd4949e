// SPDX-License-Identifier: MIT
/* test_vm_qmp.c - messages of QEMU's monitor, and a monitor that is none. */
#include "initiator-tools/vm/qmp.h"

#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/clock.h"
#include "lib/test_main.h"

#define GREETING "{\"QMP\": {\"version\": {}, \"capabilities\": []}}\r\n"
#define OK	 "{\"return\": {}, \"id\": 1}\r\n"

static const struct {
	const char *text;
	enum qmp_kind kind;
	const char *value; /* a string, or an object's text; NULL: none */
} messages[] = {
	{"", QMP_NONE, NULL},
	{"[]", QMP_NONE, NULL},
	{"{}", QMP_NONE, NULL},
	{"null", QMP_NONE, NULL},
	{"{\"QMP\": 1}", QMP_NONE, NULL},
	{"{\"QMP\": {}}", QMP_GREETING, NULL},
	{"{\"event\": 1}", QMP_NONE, NULL},
	{"{\"event\": \"STOP\", \"data\": {}}\r", QMP_EVENT, NULL},
	{"{\"return\": \"yes\", \"id\": 7}", QMP_RETURN, "yes"},
	{"{\"return\": \"yes\", \"id\": 6}", QMP_STALE, NULL},
	{"{\"return\": \"yes\", \"id\": 8}", QMP_STALE, NULL},
	{"{\"return\": \"yes\", \"id\": \"7\"}", QMP_STALE, NULL},
	{"{\"return\": \"yes\"}", QMP_STALE, NULL},
	{"{\"error\": {\"desc\": \"no\"}, \"id\": 7}", QMP_ERROR, "no"},
	{"{\"error\": {\"desc\": \"no\"}, \"id\": 6}", QMP_STALE, NULL},
	{"{\"error\": {\"desc\": \"no\"}}", QMP_ERROR, "no"},
	{"{\"error\": {\"desc\": 1}, \"id\": 7}", QMP_NONE, NULL},
	{"{\"error\": \"no\", \"id\": 7}", QMP_NONE, NULL},
	{"{\"return\": \"yes\", \"id\": 7", QMP_NONE, NULL},
	{"{\"return\": \"yes\", \"id\": 7} {}", QMP_NONE, NULL},
};
#define MESSAGES (sizeof(messages) / sizeof(messages[0]))

START_TEST(messages_are_what_they_are)
{
	json_t *value;

	for (size_t i = 0; i < MESSAGES; i++) {
		enum qmp_kind kind =
			qmp_message(messages[i].text, strlen(messages[i].text), 7, &value);
		ck_assert_msg(kind == messages[i].kind, "row %zu: %d", i, kind);
		ck_assert_msg(!value == !messages[i].value, "row %zu: a value", i);
		if (value)
			ck_assert_str_eq(json_string_value(value), messages[i].value);
		json_decref(value);
	}
}
END_TEST

/* ---- a server that says what a test wants ---- */

static struct server {
	const char *greeting, *answers[4]; /* one for each line that it is told; NULL: none */
	size_t noise;			   /* bytes without an end, after the greeting */
	bool closes;			   /* after all that */
	int fd;
	char path[64], got[512];
	pthread_t thread;
} server;

static void say(int fd, const char *text)
{
	/* In two pieces, so that none is taken for the whole. */
	size_t n = strlen(text), half = n / 2;

	if (send(fd, text, half, MSG_NOSIGNAL) < 0)
		return;
	usleep(1000);
	(void)!send(fd, text + half, n - half, MSG_NOSIGNAL);
}

static bool hear(int fd)
{
	size_t n = strlen(server.got);
	char c;

	while (recv(fd, &c, 1, 0) == 1) {
		if (n + 1 < sizeof(server.got))
			server.got[n++] = c;
		if (c == '\n')
			return true;
	}
	return false;
}

static void *serve(void *arg)
{
	int fd = accept4(server.fd, NULL, NULL, SOCK_CLOEXEC);

	(void)arg;
	if (server.greeting)
		say(fd, server.greeting);
	for (size_t i = 0; i < 4 && server.answers[i] && hear(fd); i++)
		say(fd, server.answers[i]);
	for (size_t i = 0; i < server.noise; i += 1000) {
		char noise[1000];
		memset(noise, 'x', sizeof(noise));
		if (send(fd, noise, sizeof(noise), MSG_NOSIGNAL) < 0)
			break;
	}
	while (!server.closes && hear(fd))
		continue;
	close(fd);
	return NULL;
}

static void begin(const struct server *s)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};

	server = *s;
	snprintf(server.path, sizeof(server.path), "/tmp/test_vm_qmp.%ld", (long)getpid());
	unlink(server.path);
	memcpy(a.sun_path, server.path, strlen(server.path));
	server.fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	ck_assert(!bind(server.fd, (struct sockaddr *)&a, sizeof(a)) && !listen(server.fd, 1));
	ck_assert(!pthread_create(&server.thread, NULL, serve, NULL));
}

static void end(struct qmp *q)
{
	qmp_close(q);
	pthread_join(server.thread, NULL);
	close(server.fd);
	unlink(server.path);
}

START_TEST(commands_and_answers)
{
	struct qmp q;
	json_t *out;

	begin(&(struct server){.greeting = GREETING,
			       .answers = {"{\"event\": \"STOP\"}\r\n" OK,
					   "{\"return\": [3], \"id\": 1}\n{\"event\": \"A\"}\n"
					   "{\"return\": [4], \"id\": 2}\n",
					   "{\"id\": 3, \"error\": {\"class\": \"GenericError\", "
					   "\"desc\": \"no\\u001b\"}}\n"}});
	ck_assert_int_eq(qmp_open(&q, server.path, 10 * NS_PER_S), 0);
	ck_assert_int_eq(qmp_run(&q, "one", json_pack("{s:i}", "a", 1), &out), 0);
	ck_assert_int_eq(json_integer_value(json_array_get(out, 0)), 4);
	json_decref(out);
	ck_assert_int_eq(qmp_run(&q, "two", NULL, NULL), -EREMOTEIO);
	ck_assert_str_eq(q.why, "no?");
	end(&q);
	ck_assert_ptr_nonnull(strstr(server.got, "\"arguments\":{\"a\":1}"));
}
END_TEST

START_TEST(nobody_is_there)
{
	struct qmp q;
	char path[200];

	memset(path, 'x', sizeof(path));
	path[0] = '/';
	path[107] = '\0';
	ck_assert_int_eq(qmp_open(&q, path, NS_PER_S), -ENOENT);
	qmp_close(&q);
	path[107] = 'x';
	path[108] = '\0';
	ck_assert_int_eq(qmp_open(&q, path, NS_PER_S), -ENAMETOOLONG);
	qmp_close(&q);
}
END_TEST

START_TEST(silence_has_an_end)
{
	struct qmp q;

	begin(&(struct server){0});
	ck_assert_int_eq(qmp_open(&q, server.path, 50 * NS_PER_MS), -ETIMEDOUT);
	end(&q);
	begin(&(struct server){.greeting = GREETING, .answers = {OK}});
	ck_assert_int_eq(qmp_open(&q, server.path, 10 * NS_PER_S), 0);
	q.limit_ns = 50 * NS_PER_MS;
	ck_assert_int_eq(qmp_run(&q, "one", NULL, NULL), -ETIMEDOUT);
	end(&q);
}
END_TEST

START_TEST(strange_answers_end_it)
{
	static const struct {
		struct server server;
		int err;
	} rows[] = {
		{{.greeting = "220 mail.example\r\n"}, -EPROTO},
		{{.greeting = GREETING, .answers = {"{\"return\": {}, \"id\": 1\n"}}, -EPROTO},
		{{.greeting = GREETING, .answers = {"\n"}}, -EPROTO},
		{{.noise = QMP_LINE_MAX + 1}, -EPROTO},
		{{.closes = true}, -ECONNRESET},
		{{.greeting = GREETING, .closes = true}, -ECONNRESET},
	};
	struct qmp q;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		begin(&rows[i].server);
		int err = qmp_open(&q, server.path, 10 * NS_PER_S);
		if (err == -EPIPE)
			err = -ECONNRESET;
		ck_assert_msg(err == rows[i].err, "row %zu: %d", i, err);
		end(&q);
	}
}
END_TEST

int main(void)
{
	Suite *s = suite_create("vm_qmp");
	TCase *t = tcase_create("qmp");

	tcase_add_test(t, messages_are_what_they_are);
	tcase_add_test(t, commands_and_answers);
	tcase_add_test(t, nobody_is_there);
	tcase_add_test(t, silence_has_an_end);
	tcase_add_test(t, strange_answers_end_it);
	suite_add_tcase(s, t);
	return test_main(s);
}
