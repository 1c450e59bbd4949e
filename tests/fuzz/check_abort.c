// SPDX-License-Identifier: MIT
/* What Check's macros call, for a fuzzer that uses tests/lib without a suite: a failure aborts. */
#include <check.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

void _mark_point(const char *file, int line)
{
	(void)file;
	(void)line;
}

void _ck_assert_failed(const char *file, int line, const char *expr, const char *msg, ...)
{
	va_list ap;

	fprintf(stderr, "%s:%d: %s", file, line, expr ? expr : "");
	if (msg) {
		fprintf(stderr, ": ");
		va_start(ap, msg);
		vfprintf(stderr, msg, ap);
		va_end(ap);
	}
	fprintf(stderr, "\n");
	abort();
}
