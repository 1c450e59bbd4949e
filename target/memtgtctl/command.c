// SPDX-License-Identifier: MIT
/* command.c - finds the command, puts the words where its parameters are. */
#include "memtgtctl/command.h"

#include <ctype.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/config.h"
#include "control/protocol.h"

#define NAME_MAX_BYTES 64
#define HELP_COLUMN    24

/* "lun show" of "lun.show". */
static const char *spoken(const char *method)
{
	static char name[NAME_MAX_BYTES];

	snprintf(name, sizeof(name), "%s", method);
	for (char *p = name; *p; p++)
		if (*p == '.')
			*p = ' ';
	return name;
}

/* How many of the words are this method's name; 0: they are not. */
static size_t match(const char *method, char *const *words, size_t n)
{
	size_t used = 0;

	for (const char *p = method; *p; used++) {
		size_t len = strcspn(p, ".");
		if (used == n || strlen(words[used]) != len || strncmp(words[used], p, len) != 0)
			return 0;
		p += len + (p[len] == '.');
	}
	return used;
}

static size_t find(char *const *words, size_t n, unsigned *method)
{
	for (unsigned i = 0; i < CONTROL_METHODS; i++) {
		size_t used = match(control_table.methods[i].name, words, n);
		*method = i;
		if (used)
			return used;
	}
	return 0;
}

/* ---- parameters ---- */

static json_t *number(const char *text)
{
	char *end;

	errno = 0;
	long long n = strtoll(text, &end, 10);
	return isdigit((unsigned char)*text) && !*end && !errno ? json_integer(n) : NULL;
}

static json_t *size(const char *text)
{
	uint64_t n;

	return config_parse_size(text, &n) || n > INT64_MAX ? NULL : json_integer((json_int_t)n);
}

static json_t *truth(const char *text)
{
	static const char *const yes[] = {"true", "yes", "on"}, *const no[] = {"false", "no",
									       "off"};

	for (size_t i = 0; i < sizeof(yes) / sizeof(yes[0]); i++) {
		if (!strcmp(text, yes[i]))
			return json_true();
		if (!strcmp(text, no[i]))
			return json_false();
	}
	return NULL;
}

static json_t *value_of(const struct control_param *p, const char *text)
{
	switch (p->type) {
	case CONTROL_UINT:
		return number(text);
	case CONTROL_SIZE:
		return size(text);
	case CONTROL_BOOL:
		return truth(text);
	case CONTROL_TEXT:
		return json_string(text);
	}
	return NULL;
}

/* NAME=VALUE, if the command has a parameter of that name. */
static const struct control_param *named(unsigned method, const char *word)
{
	char name[NAME_MAX_BYTES];
	const char *equals = strchr(word, '=');

	if (!equals || (size_t)(equals - word) >= sizeof(name))
		return NULL;
	memcpy(name, word, (size_t)(equals - word));
	name[equals - word] = '\0';
	const struct control_param *p = control_param_find(&control_table, method, name);
	return p && p->need != CONTROL_PAGE ? p : NULL;
}

/* The first that has no value yet. */
static const struct control_param *next_free(const struct command *c)
{
	for (size_t i = 0; i < control_table.nparams; i++) {
		const struct control_param *p = &control_table.params[i];
		if (p->method == c->method && p->need != CONTROL_PAGE &&
		    !json_object_get(c->params, p->name))
			return p;
	}
	return NULL;
}

static int take(struct command *c, const char *word, char *why, size_t n)
{
	const struct control_param *p = named(c->method, word);
	const char *text = p ? strchr(word, '=') + 1 : word;
	char allowed[160];

	if (!p)
		p = next_free(c);
	if (!p) {
		snprintf(why, n, "\"%s\" is too much", word);
		return -1;
	}
	if (json_object_get(c->params, p->name)) {
		snprintf(why, n, "%s is given twice", p->name);
		return -1;
	}
	if (!json_object_set_new(c->params, p->name, value_of(p, text)))
		return 0;
	control_param_allowed(p, allowed, sizeof(allowed));
	snprintf(why, n, "%s: found \"%s\"; needed is %s", p->name, text, allowed);
	return -1;
}

static int check_required(const struct command *c, char *why, size_t n)
{
	const struct control_param *p = next_free(c);

	if (!p || p->need == CONTROL_OPT)
		return 0;
	snprintf(why, n, "%s is missing: %s", p->name, p->text);
	return -1;
}

/* What each LUN has of its own. */
static int check_none(const struct command *c, char *why, size_t n)
{
	static const char *const own[] = {"target", "id", "file"};

	for (size_t i = 0; i < sizeof(own) / sizeof(own[0]); i++)
		if (json_object_get(c->params, own[i])) {
			snprintf(why, n, "%s is too much: --all is for every LUN", own[i]);
			return -1;
		}
	return 0;
}

static int read_words(char *const *words, size_t n, bool is_all, struct command *out, char *why,
		      size_t why_len)
{
	size_t used = find(words, n, &out->method);
	int err = 0;

	if (!used) {
		snprintf(why, why_len, "there is no command \"%s%s%s\"", words[0], n > 1 ? " " : "",
			 n > 1 ? words[1] : "");
		return -1;
	}
	out->params = json_object();
	if (!out->params) {
		snprintf(why, why_len, "out of memory");
		return -1;
	}
	for (size_t i = used; !err && i < n; i++)
		err = take(out, words[i], why, why_len);
	if (!err)
		err = is_all ? check_none(out, why, why_len) : check_required(out, why, why_len);
	if (err)
		json_decref(out->params);
	return err;
}

int command_read(char *const *words, size_t n, struct command *out, char *why, size_t why_len)
{
	return read_words(words, n, false, out, why, why_len);
}

int command_read_all(char *const *words, size_t n, struct command *out, char *why, size_t why_len)
{
	return read_words(words, n, true, out, why, why_len);
}

/* ---- help ---- */

/* "lun show TARGET ID", "lun list [TARGET]". */
static void usage_of(unsigned method, char *out, size_t n)
{
	size_t used = (size_t)snprintf(out, n, "%s", spoken(control_table.methods[method].name));

	for (size_t i = 0; i < control_table.nparams && used < n; i++) {
		const struct control_param *p = &control_table.params[i];
		if (p->method != method || p->need == CONTROL_PAGE)
			continue;
		size_t name = used + 1 + (p->need == CONTROL_OPT);
		used += (size_t)snprintf(out + used, n - used,
					 p->need == CONTROL_OPT ? " [%s]" : " %s", p->name);
		for (; name < used && name < n; name++)
			out[name] = (char)toupper((unsigned char)out[name]);
	}
}

void command_list(FILE *out)
{
	char line[160];

	for (unsigned i = 0; i < CONTROL_METHODS; i++) {
		usage_of(i, line, sizeof(line));
		if (strlen(line) > HELP_COLUMN)
			fprintf(out, "  %s\n", line);
		fprintf(out, "  %-*s  %s\n", HELP_COLUMN, strlen(line) > HELP_COLUMN ? "" : line,
			control_table.methods[i].text);
	}
}
