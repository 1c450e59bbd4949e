// SPDX-License-Identifier: MIT
/* step.c - what steps say. */
#include "initiator-tools/loan/step.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

int step_fail(struct step *s, int err, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vsnprintf(s->why, sizeof(s->why), fmt, args);
	va_end(args);
	s->is_donors_fault = false;
	return -err;
}

int step_fail_donor(struct step *s, int err, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vsnprintf(s->why, sizeof(s->why), fmt, args);
	va_end(args);
	s->is_donors_fault = true;
	return -err;
}

int step_fail_tool(struct step *s, int err, const char *why)
{
	return err == -ENOENT ? step_fail(s, ENOENT, "%s", why)
			      : step_fail_donor(s, -err, "%s", why);
}

void step_progress(struct step *s, unsigned permille)
{
	if (s->progress)
		s->progress(s->arg, permille);
}
