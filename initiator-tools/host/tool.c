// SPDX-License-Identifier: MIT
/* tool.c - finds a program, runs it, and says what went wrong in one line. */
#include "initiator-tools/host/tool.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "initiator-tools/host/outlive.h"

#define TOOL_WORDS_MAX 512

unsigned tool_limit_ms = TOOL_LIMIT_MS;
const char *tool_path = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

int tool_find(const char *name, char path[static TOOL_PATH_MAX], char *why, size_t why_len)
{
	for (const char *p = tool_path; *p;) {
		int n = (int)strcspn(p, ":");
		int len = snprintf(path, TOOL_PATH_MAX, "%.*s/%s", n, p, name);
		if (len < TOOL_PATH_MAX && !access(path, X_OK))
			return 0;
		p += n + (p[n] == ':');
	}
	snprintf(why, why_len, "the program %s is not installed (looked for in %s)", name,
		 tool_path);
	return -ENOENT;
}

/* The last line that says anything, without what a terminal would obey. */
static void last_line(const struct spawn_result *r, char *out, size_t out_len)
{
	size_t end = r->len, begin, n = 0;

	while (end && (unsigned char)r->out[end - 1] <= ' ')
		end--;
	for (begin = end; begin && r->out[begin - 1] != '\n';)
		begin--;
	while (begin < end && (unsigned char)r->out[begin] <= ' ')
		begin++;
	for (; begin < end && n + 1 < out_len; begin++, n++) {
		char c = r->out[begin];
		out[n] = c >= ' ' && c <= '~' ? c : '?';
	}
	out[n] = '\0';
}

static int judge(const char *name, int err, const struct spawn_result *r, char *why, size_t why_len)
{
	char line[200], end[48];

	if (!err && !r->status)
		return 0;
	last_line(r, line, sizeof(line));
	if (err == -ETIMEDOUT)
		snprintf(end, sizeof(end), "it did not end in time");
	else if (err)
		snprintf(end, sizeof(end), "%s", strerror(-err));
	else if (r->status < 0)
		snprintf(end, sizeof(end), "a signal ended it");
	else
		snprintf(end, sizeof(end), "exit status %d", r->status);
	snprintf(why, why_len, *line ? "%s: %s: %s" : "%s: %s", name, end, line);
	return err ? err : -EREMOTEIO;
}

/* The program's path stands in for its name. */
static int prepare(const char *const argv[], const char *words[static TOOL_WORDS_MAX],
		   char path[static TOOL_PATH_MAX], char *why, size_t why_len)
{
	size_t n = 0;

	while (argv[n])
		if (++n == TOOL_WORDS_MAX) {
			snprintf(why, why_len, "%s: too many arguments", argv[0]);
			return -E2BIG;
		}
	memcpy(words, argv, (n + 1) * sizeof(*words));
	words[0] = path;
	return tool_find(argv[0], path, why, why_len);
}

static int run(const char *const argv[], unsigned limit_ms, struct spawn_result *r, char *why,
	       size_t why_len)
{
	const char *words[TOOL_WORDS_MAX];
	char path[TOOL_PATH_MAX];
	int err = prepare(argv, words, path, why, why_len);

	if (err)
		return err;
	err = outlive_run(words, limit_ms, true, r);
	return judge(argv[0], err, r, why, why_len);
}

int tool_run(const char *const argv[], struct spawn_result *r, char *why, size_t why_len)
{
	return run(argv, tool_limit_ms, r, why, why_len);
}

int tool_run_patiently(const char *const argv[], struct spawn_result *r, char *why, size_t why_len)
{
	return run(argv, TOOL_PATIENT * tool_limit_ms, r, why, why_len);
}

int tool_ask(const char *const argv[], struct spawn_result *r, char *why, size_t why_len)
{
	const char *words[TOOL_WORDS_MAX];
	char path[TOOL_PATH_MAX];
	int err = prepare(argv, words, path, why, why_len);

	if (err)
		return err;
	err = judge(argv[0], outlive_run(words, tool_limit_ms, false, r), r, why, why_len);
	if (err || !r->is_cut)
		return err;
	snprintf(why, why_len, "%s: it says more than can be read", argv[0]);
	return -EMSGSIZE;
}

int tool_watch(const char *const argv[], bool (*go_on)(void *arg), void *arg,
	       struct spawn_result *r, char *why, size_t why_len)
{
	const char *words[TOOL_WORDS_MAX];
	char path[TOOL_PATH_MAX];
	int err = prepare(argv, words, path, why, why_len);

	if (err)
		return err;
	err = outlive_watch(words, TOOL_TICK_MS, true, go_on, arg, r);
	return judge(argv[0], err, r, why, why_len);
}
