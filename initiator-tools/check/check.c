// SPDX-License-Identifier: MIT
/* check.c - "memloan check": looks at every row, cures what it may, looks again, tells. */
#include "initiator-tools/check/check.h"

#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "initiator-tools/check/finding.h"
#include "initiator-tools/conf.h"
#include "initiator-tools/donors.h"
#include "memtgt/control.h"

struct round {
	struct finding findings[FINDINGS];
	unsigned count[SEVERITIES_COUNT];
};

static void look(const struct facts *f, struct round *r)
{
	*r = (struct round){0};
	for (size_t i = 0; i < FINDINGS; i++) {
		finding_rows[i].look(f, &r->findings[i]);
		r->count[finding_rows[i].severity] += r->findings[i].result != FOUND_NOT;
	}
}

static bool was_run(const struct round *r, size_t row)
{
	for (size_t i = 0; i < row; i++)
		if (r->findings[i].result != FOUND_NOT &&
		    finding_rows[i].fix == finding_rows[row].fix)
			return true;
	return false;
}

/* Each once: rows share them. */
static void fix(const struct facts *f, const struct round *r, struct cure *c)
{
	for (size_t i = 0; i < FINDINGS; i++)
		if (r->findings[i].result != FOUND_NOT && finding_rows[i].fix && !was_run(r, i))
			finding_rows[i].fix(f, c);
	cure_end(c);
}

/* ---- for people ---- */

static void print_finding(size_t i, const struct finding *found)
{
	const struct finding_row *row = &finding_rows[i];

	printf("%s  %s: %s%s\n", severity_word(row->severity), row->word,
	       found->result == FOUND_UNKNOWN ? "not known whether " : "", row->text);
	if (found->what[0])
		printf("        %s\n", found->what);
	printf("        cure: %s\n", row->cure);
}

static void print_text(const struct round *r, const struct cure *c)
{
	for (size_t i = 0; c && i < c->n; i++)
		printf("fix     %s\n", c->lines[i]);
	for (unsigned s = 0; s < SEVERITIES_COUNT; s++)
		for (size_t i = 0; i < FINDINGS; i++)
			if (finding_rows[i].severity == s && r->findings[i].result != FOUND_NOT)
				print_finding(i, &r->findings[i]);
	printf("%d things looked at: %u unsafe, %u to improve, %u to know\n", FINDINGS,
	       r->count[SEVERITY_UNSAFE], r->count[SEVERITY_ADVICE], r->count[SEVERITY_NOTE]);
}

/* ---- for programs ---- */

static json_t *findings_json(const struct round *r)
{
	json_t *list = json_array();

	for (size_t i = 0; i < FINDINGS; i++) {
		const struct finding_row *row = &finding_rows[i];
		const struct finding *found = &r->findings[i];
		if (found->result != FOUND_NOT)
			json_array_append_new(
				list, json_pack("{s:s, s:s, s:b, s:s, s:s, s:s, s:b}", "id",
						row->word, "severity", severity_word(row->severity),
						"known", found->result == FOUND, "text", row->text,
						"what", found->what, "cure", row->cure, "fixable",
						row->fix != NULL));
	}
	return list;
}

static int print_json(const struct round *r, const struct cure *c)
{
	json_t *fixes = json_array(), *all;

	for (size_t i = 0; c && i < c->n; i++)
		json_array_append_new(fixes, json_string(c->lines[i]));
	all = json_pack("{s:i, s:i, s:o, s:o}", "looked_at", FINDINGS, "unsafe",
			(int)r->count[SEVERITY_UNSAFE], "fixes", fixes, "findings",
			findings_json(r));
	int err = all ? json_dumpf(all, stdout, JSON_INDENT(2)) : -1;
	putchar('\n');
	json_decref(all);
	return err;
}

/* ---- the command ---- */

/* The control socket of the configuration, if there is one; NULL: it is there and wrong. */
static const char *control_socket(const struct command_line *c, struct conf *conf)
{
	static const char path[] = SYSCONFDIR "/memtgt/memloan.conf";
	const char *named = c->value[OPTION_CONFIG];

	if ((named || !access(path, F_OK)) && conf_load(named ? named : path, conf, stderr))
		return NULL;
	return conf->control_socket ? conf->control_socket : CONTROL_SOCKET;
}

int check_run(const struct command_line *c)
{
	struct conf conf = {0};
	struct facts facts;
	struct round r;
	struct cure *cure = NULL;
	const char *socket = control_socket(c, &conf);
	int err = 0;

	if (!socket)
		return LOAN_USAGE;
	if (c->given[OPTION_FIX] && !(cure = calloc(1, sizeof(*cure)))) {
		fputs("memloan: out of memory\n", stderr);
		conf_free(&conf);
		return LOAN_FAILED;
	}
	facts_read(&facts, socket);
	look(&facts, &r);
	if (cure) {
		fix(&facts, &r, cure);
		facts_free(&facts);
		facts_read(&facts, socket);
		look(&facts, &r);
	}
	facts_free(&facts);
	conf_free(&conf);
	if (c->given[OPTION_JSON])
		err = print_json(&r, cure);
	else
		print_text(&r, cure);
	bool has_failed = cure && cure->failed;
	free(cure);
	if (err || fflush(stdout) || ferror(stdout)) {
		fprintf(stderr, "memloan: cannot write: %s\n", strerror(errno));
		return LOAN_FAILED;
	}
	if (has_failed)
		return LOAN_FAILED;
	return r.count[SEVERITY_UNSAFE] ? LOAN_NONE : LOAN_OK;
}
