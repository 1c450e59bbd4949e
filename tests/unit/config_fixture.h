/* SPDX-License-Identifier: MIT */
/* config_fixture.h - configurations from text, for the tests of the reader. */
#ifndef MEMTGT_CONFIG_FIXTURE_H
#define MEMTGT_CONFIG_FIXTURE_H

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/config.h"

#define PORTALS "portals = ( { address = \"127.0.0.1\"; } );\n"
#define TARGETS                                               \
	"targets = ( { name = \"iqn.2026-01.org.memtgt:a\"; " \
	"luns = ( { id = 0; size = \"1M\"; } ); } );\n"

/* The folder of this test, and what the last load said. */
static char fixture_dir[64];
static char fixture_errors[1 << 16];

static inline void fixture_setup(void)
{
	strcpy(fixture_dir, "/tmp/test_config.XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(fixture_dir));
}

static inline void fixture_teardown(void)
{
	char command[128];

	snprintf(command, sizeof(command), "rm -rf '%s'", fixture_dir);
	ck_assert_int_eq(system(command), 0);
}

static inline const char *fixture_path(const char *name)
{
	static char path[256];

	snprintf(path, sizeof(path), "%s/%s", fixture_dir, name);
	return path;
}

static inline void fixture_write(const char *name, const char *text, size_t n)
{
	FILE *f = fopen(fixture_path(name), "w");

	ck_assert_ptr_nonnull(f);
	ck_assert_uint_eq(fwrite(text, 1, n, f), n);
	fclose(f);
}

static inline void fixture_file(const char *name, const char *text)
{
	fixture_write(name, text, strlen(text));
}

/* Loads DIR/main.conf; what is wrong stands in fixture_errors, without "DIR/". */
static inline int fixture_load(struct config **out)
{
	char *raw = NULL, *to = fixture_errors, prefix[80];
	size_t len;
	FILE *f = open_memstream(&raw, &len);

	*out = NULL;
	int n = config_load(fixture_path("main.conf"), out, f);
	fclose(f);
	size_t skip = (size_t)snprintf(prefix, sizeof(prefix), "%s/", fixture_dir);
	for (const char *p = raw; *p && to < fixture_errors + sizeof(fixture_errors) - 1;) {
		if (!strncmp(p, prefix, skip))
			p += skip;
		else
			*to++ = *p++;
	}
	*to = '\0';
	free(raw);
	ck_assert_msg((n == 0) == (*out != NULL), "%d errors, but %p", n, (void *)*out);
	return n;
}

static inline int fixture_load_text(const char *text, struct config **out)
{
	fixture_file("main.conf", text);
	return fixture_load(out);
}

/* The configuration of a text that has nothing wrong. */
static inline struct config *fixture_good(const char *text)
{
	struct config *c;
	int n = fixture_load_text(text, &c);

	ck_assert_msg(n == 0, "refused: %s%s", fixture_errors, text);
	return c;
}

/* Just one error, which is one line and contains `expected`. */
static inline void fixture_bad(const char *text, const char *expected)
{
	struct config *c;
	int n = fixture_load_text(text, &c);

	ck_assert_msg(n == 1, "%d errors, not 1:\n%s\nText:\n%s", n, fixture_errors, text);
	ck_assert_msg(strstr(fixture_errors, expected) != NULL, "no \"%s\" in: %s", expected,
		      fixture_errors);
	ck_assert_ptr_eq(strchr(fixture_errors, '\n'), fixture_errors + strlen(fixture_errors) - 1);
}

#endif
