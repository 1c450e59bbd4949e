// SPDX-License-Identifier: MIT
/* tool.c - finds a program, runs it, and says what went wrong in one line. */
#include "initiator-tools/host/tool.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define WORDS_MAX  512
#define PATH_BYTES 256

const char *tool_path = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

static bool find(const char *name, char path[static PATH_BYTES])
{
	for (const char *p = tool_path; *p;) {
		int n = (int)strcspn(p, ":");
		int len = snprintf(path, PATH_BYTES, "%.*s/%s", n, p, name);
		if (len < PATH_BYTES && !access(path, X_OK))
			return true;
		p += n + (p[n] == ':');
	}
	return false;
}

int tool_run(const char *const argv[], struct spawn_result *r, char *why, size_t why_len)
{
	const char *words[WORDS_MAX];
	char path[PATH_BYTES];
	size_t n = 0;

	for (; argv[n] && n + 1 < WORDS_MAX; n++)
		words[n] = argv[n];
	words[n] = NULL;
	if (!find(argv[0], path)) {
		snprintf(why, why_len, "the program %s is not installed", argv[0]);
		return -ENOENT;
	}
	words[0] = path;
	int err = spawn_run(words, TOOL_LIMIT_MS, true, r);
	if (!err && !r->status)
		return 0;
	snprintf(why, why_len, "%s: %s", argv[0], err ? strerror(-err) : r->out);
	return err ? err : -EREMOTEIO;
}
