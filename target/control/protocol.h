/* SPDX-License-Identifier: MIT */
/* protocol.h - the tables of methods and errors, for the daemon, for memtgtctl, and for tests. */
#ifndef MEMTGT_PROTOCOL_H
#define MEMTGT_PROTOCOL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum control_method_id {
#define CONTROL_METHOD(id, call, name, effect, list, text) CONTROL_##id,
#include "tbl/control_methods.def"
	CONTROL_METHODS /* how many there are */
};

enum control_error {
#define CONTROL_ERROR(id, code, text) CONTROL_ERR_##id = (code),
#include "tbl/control_errors.def"
};

enum control_type { CONTROL_TEXT, CONTROL_UINT, CONTROL_SIZE, CONTROL_BOOL };
enum control_need { CONTROL_REQ, CONTROL_OPT, CONTROL_PAGE, CONTROL_LOCAL };
enum control_effect { CONTROL_READS, CONTROL_CHANGES };
enum control_kind { KIND_TEXT, KIND_NUMBER, KIND_BYTES, KIND_SECONDS, KIND_FLAG };

/* Rows. What a column means stands in tbl/control_methods.def. */
struct control_method {
	const char *name;
	enum control_effect effect;
	const char *list;
	const char *text;
};

struct control_param {
	unsigned method; /* its place in the table of methods */
	const char *name;
	enum control_type type;
	enum control_need need;
	uint64_t min, max;
	const char *text;
};

struct control_field {
	unsigned method;
	const char *name;
	enum control_kind kind;
	const char *heading;
	const char *text;
};

/* Tests have tables of their own. */
struct control_table {
	const struct control_method *methods;
	size_t nmethods;
	const struct control_param *params;
	size_t nparams;
};

extern const struct control_table control_table;
extern const struct control_field control_fields[];
extern const size_t control_fields_count;

/* The place of the method of that name, -1 if there is none. */
int control_method_find(const struct control_table *t, const char *name);
/* NULL: the method has no such parameter. */
const struct control_param *control_param_find(const struct control_table *t, unsigned method,
					       const char *name);

/* What the parameter may be: "a whole number from 0 to 255". */
void control_param_allowed(const struct control_param *p, char *out, size_t n);

/* What a code means; NULL: it is none of ours. */
const char *control_error_text(int code);

#endif
