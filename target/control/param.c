// SPDX-License-Identifier: MIT
/* param.c - checks parameters, and says what is wrong with one and what it may be. */
#include "control/param.h"

#include <stdio.h>
#include <string.h>

#include "base/config.h"
#include "control/clean.h"

#define FOUND_BYTES   128
#define ALLOWED_BYTES 160

void param_found(const json_t *value, char *out, size_t n)
{
	switch (json_typeof(value)) {
	case JSON_STRING:
		snprintf(out, n, "\"%.80s%s\"", json_string_value(value),
			 json_string_length(value) > 80 ? "..." : "");
		control_text_clean(out);
		return;
	case JSON_INTEGER:
		snprintf(out, n, "%" JSON_INTEGER_FORMAT, json_integer_value(value));
		return;
	case JSON_REAL:
		snprintf(out, n, "the fraction %g", json_real_value(value));
		return;
	case JSON_OBJECT:
		snprintf(out, n, "an object");
		return;
	case JSON_ARRAY:
		snprintf(out, n, "an array");
		return;
	case JSON_NULL:
		snprintf(out, n, "null");
		return;
	case JSON_TRUE:
	case JSON_FALSE:
		snprintf(out, n, "%s", json_is_true(value) ? "true" : "false");
		return;
	}
}

static bool good_text(const struct control_param *p, const json_t *value)
{
	const char *text = json_string_value(value);

	if (!text || json_string_length(value) < p->min || json_string_length(value) > p->max)
		return false;
	for (; *text; text++)
		if ((unsigned char)*text < 0x20 || *text == 0x7f)
			return false;
	return true;
}

uint64_t param_number(const json_t *value)
{
	uint64_t n;

	if (json_is_string(value) && !config_parse_size(json_string_value(value), &n))
		return n;
	return (uint64_t)json_integer_value(value);
}

static bool good_number(const struct control_param *p, const json_t *value)
{
	uint64_t n;

	if (json_is_string(value)) {
		if (p->type != CONTROL_SIZE || config_parse_size(json_string_value(value), &n))
			return false;
	} else if (!json_is_integer(value) || json_integer_value(value) < 0) {
		return false;
	}
	n = param_number(value);
	return n >= p->min && n <= p->max;
}

static bool good(const struct control_param *p, const json_t *value)
{
	switch (p->type) {
	case CONTROL_TEXT:
		return good_text(p, value);
	case CONTROL_UINT:
	case CONTROL_SIZE:
		return good_number(p, value);
	case CONTROL_BOOL:
		return json_is_boolean(value);
	}
	return false;
}

/* "lun.show takes target, id". */
static void what_it_takes(const struct control_table *t, unsigned method, char *out, size_t n)
{
	const char *separator = " takes ";
	size_t used = (size_t)snprintf(out, n, "%s", t->methods[method].name);

	for (size_t i = 0; i < t->nparams && used < n; i++) {
		if (t->params[i].method != method || t->params[i].need == CONTROL_LOCAL)
			continue;
		used += (size_t)snprintf(out + used, n - used, "%s%s", separator,
					 t->params[i].name);
		separator = ", ";
	}
	if (separator[1] == 't' && used < n)
		snprintf(out + used, n - used, " takes none");
}

static bool check_known(const struct control_table *t, unsigned method, json_t *params, char *why,
			size_t n)
{
	char takes[ALLOWED_BYTES], found[FOUND_BYTES];
	const char *name;
	json_t *value;

	json_object_foreach(params, name, value)
	{
		const struct control_param *p = control_param_find(t, method, name);
		if (p && p->need != CONTROL_LOCAL)
			continue;
		snprintf(found, sizeof(found), "%.80s%s", name, strlen(name) > 80 ? "..." : "");
		control_text_clean(found);
		what_it_takes(t, method, takes, sizeof(takes));
		snprintf(why, n, "unknown parameter \"%s\"; %s", found, takes);
		return false;
	}
	return true;
}

bool param_check_all(const struct control_table *t, unsigned method, json_t *params, char *why,
		     size_t n)
{
	char found[FOUND_BYTES], allowed[ALLOWED_BYTES];

	if (!check_known(t, method, params, why, n))
		return false;
	for (size_t i = 0; i < t->nparams; i++) {
		const struct control_param *p = &t->params[i];
		if (p->method != method)
			continue;
		const json_t *value = json_object_get(params, p->name);
		if (value ? good(p, value) : p->need != CONTROL_REQ)
			continue;
		control_param_allowed(p, allowed, sizeof(allowed));
		if (value)
			param_found(value, found, sizeof(found));
		else
			snprintf(found, sizeof(found), "nothing");
		snprintf(why, n, "%s: found %s; needed is %s", p->name, found, allowed);
		return false;
	}
	return true;
}
