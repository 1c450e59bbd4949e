// SPDX-License-Identifier: MIT
/* finding.c - the rows, the facts, and particulars as text. */
#include "initiator-tools/check/finding.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "initiator-tools/check/tree.h"

#define OWN_LUNS_LIMIT NS_PER_S

const struct finding_row finding_rows[FINDINGS] = {
#define FINDING(id, s, w, t, c, l, f)               \
	[FINDING_##id] = {.severity = SEVERITY_##s, \
			  .word = (w),              \
			  .text = (t),              \
			  .cure = (c),              \
			  .look = (l),              \
			  .fix = (f)},
#include "initiator-tools/check/findings.def"
};

const char *severity_word(enum severity s)
{
	static const char *const words[] = {
#define X(id, word) [SEVERITY_##id] = (word),
		SEVERITIES(X)
#undef X
	};

	return words[s];
}

/* Names of targets and processes are what others made them. */
static void make_printable(char *text)
{
	for (; *text; text++)
		if (*text < ' ' || *text > '~')
			*text = '?';
}

__attribute__((format(printf, 2, 0))) static void append(struct finding *out, const char *fmt,
							 va_list args)
{
	static const char more[] = "; ...";
	size_t have = strlen(out->what), room = sizeof(out->what) - sizeof(more);
	char text[FINDING_WHAT_BYTES];

	vsnprintf(text, sizeof(text), fmt, args);
	make_printable(text);
	if (have + strlen(text) + 2 <= room)
		snprintf(out->what + have, sizeof(out->what) - have, "%s%s", have ? "; " : "",
			 text);
	else if (have < sizeof(more) || strcmp(out->what + have - sizeof(more) + 1, more) != 0)
		snprintf(out->what + have, sizeof(out->what) - have, "%s", more);
}

void finding_add(struct finding *out, const char *fmt, ...)
{
	va_list args;

	out->result = FOUND;
	va_start(args, fmt);
	append(out, fmt, args);
	va_end(args);
}

void finding_unknown(struct finding *out, const char *fmt, ...)
{
	va_list args;

	if (out->result == FOUND_NOT)
		out->result = FOUND_UNKNOWN;
	va_start(args, fmt);
	append(out, fmt, args);
	va_end(args);
}

static uint64_t read_ram(void)
{
	char text[8192];
	uint64_t kib = 0;

	if (tree_read(text, sizeof(text), "/proc/meminfo") <= 0 ||
	    !tree_key(text, "MemTotal", &kib) || kib > UINT64_MAX >> 10)
		return 0;
	return kib << 10;
}

void facts_read(struct facts *f, const char *socket)
{
	*f = (struct facts){.ram = read_ram(), .is_systemd = tree_exists("/run/systemd/system")};
	f->processes_err = processes_read(&f->processes);
	f->sessions_err = sessions_read(&f->sessions);
	f->areas_err = areas_read(&f->areas);
	f->own_err = own_luns_read(&f->own, socket, OWN_LUNS_LIMIT);
}

void facts_free(struct facts *f)
{
	processes_free(&f->processes);
	sessions_free(&f->sessions);
	own_luns_free(&f->own);
	*f = (struct facts){0};
}

bool unit_exists(const char *path)
{
	static const char *const folders[] = {
		"/etc/systemd/system",	   "/run/systemd/system", "/usr/local/lib/systemd/system",
		"/usr/lib/systemd/system", "/lib/systemd/system",
	};

	for (size_t i = 0; i < sizeof(folders) / sizeof(folders[0]); i++)
		if (tree_exists("%s/%s", folders[i], path))
			return true;
	return false;
}
