// SPDX-License-Identifier: MIT
/* protocol.c - the tables, and what can be said of their rows. */
#include "control/protocol.h"

#include <stdio.h>
#include <string.h>

#include "base/config.h"
#include "base/config_text.h"
#include "memtgt/iscsi_proto.h"

static const struct control_method methods[] = {
#define CONTROL_METHOD(id_, call_, name_, effect_, list_, text_) \
	[CONTROL_##id_] = {name_, CONTROL_##effect_, list_, text_},
#include "tbl/control_methods.def"
};

static const struct control_param params[] = {
#define CONTROL_PARAM(method_, name_, type_, need_, min_, max_, text_) \
	{CONTROL_##method_, #name_, CONTROL_##type_, CONTROL_##need_, min_, max_, text_},
#include "tbl/control_methods.def"
};

const struct control_field control_fields[] = {
#define CONTROL_FIELD(method_, name_, kind_, heading_, text_) \
	{CONTROL_##method_, #name_, KIND_##kind_, heading_, text_},
#include "tbl/control_methods.def"
#define COUNTER(id_, name_, text_) {CONTROL_COUNTERS, #name_, KIND_NUMBER, "", text_},
#include "tbl/counters.def"
};
const size_t control_fields_count = sizeof(control_fields) / sizeof(control_fields[0]);

const struct control_table control_table = {
	.methods = methods,
	.nmethods = CONTROL_METHODS,
	.params = params,
	.nparams = sizeof(params) / sizeof(params[0]),
};

int control_method_find(const struct control_table *t, const char *name)
{
	for (size_t i = 0; i < t->nmethods; i++)
		if (!strcmp(t->methods[i].name, name))
			return (int)i;
	return -1;
}

const struct control_param *control_param_find(const struct control_table *t, unsigned method,
					       const char *name)
{
	for (size_t i = 0; i < t->nparams; i++)
		if (t->params[i].method == method && !strcmp(t->params[i].name, name))
			return &t->params[i];
	return NULL;
}

void control_param_allowed(const struct control_param *p, char *out, size_t n)
{
	char min[24], max[24];

	switch (p->type) {
	case CONTROL_TEXT:
		snprintf(out, n, "a text of %llu to %llu bytes without control characters",
			 (unsigned long long)p->min, (unsigned long long)p->max);
		return;
	case CONTROL_UINT:
		snprintf(out, n, "a whole number from %llu to %llu", (unsigned long long)p->min,
			 (unsigned long long)p->max);
		return;
	case CONTROL_SIZE:
		config_text_of_size(p->min, min);
		config_text_of_size(p->max, max);
		snprintf(out, n, "a size from %s to %s, such as \"256M\"", min, max);
		return;
	case CONTROL_BOOL:
		snprintf(out, n, "true or false");
		return;
	}
}

const char *control_error_text(int code)
{
	static const struct {
		int code;
		const char *text;
	} errors[] = {
#define CONTROL_ERROR(id_, code_, text_) {code_, text_},
#include "tbl/control_errors.def"
	};

	for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]); i++)
		if (errors[i].code == code)
			return errors[i].text;
	return NULL;
}
