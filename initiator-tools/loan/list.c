// SPDX-License-Identifier: MIT
/* list.c - "memloan list" and "memloan status": loans as they are now. */
#include <errno.h>
#include <jansson.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/table.h"
#include "initiator-tools/agent/since.h"
#include "initiator-tools/asking.h"
#include "initiator-tools/donors.h"
#include "initiator-tools/loan/commands.h"
#include "initiator-tools/loan/look.h"
#include "initiator-tools/loan/record.h"
#include "initiator-tools/loan/work.h"

#define CELL_BYTES 256
#define COLUMNS	   7

typedef char cell[CELL_BYTES];

struct seen {
	struct loan loan;
	struct look look;
	int64_t since; /* fewer copies than promised, in seconds since 1970; 0: nobody knows */
};

/* The agent's file may be older than what is seen now. */
static bool is_degraded(const struct seen *s)
{
	return s->look.copies < s->loan.wish.copies;
}

/* "attic+cellar, shed": the donors of each copy. */
static void put_donors(const struct loan *l, cell out)
{
	size_t used = 0;

	out[0] = '\0';
	for (size_t i = 0; i < l->nlegs; i++)
		for (size_t d = 0; d < l->legs[i].ndisks && used < CELL_BYTES; d++)
			used += (size_t)snprintf(out + used, CELL_BYTES - used, "%s%s",
						 d   ? "+"
						 : i ? ", "
						     : "",
						 l->legs[i].disks[d].donor);
}

/* ---- the table of all ---- */

static struct table_column columns[] = {
	{.heading = "LOAN"},
	{.heading = "AS"},
	{.heading = "SIZE", .is_number = true},
	{.heading = "USED", .is_number = true},
	{.heading = "COPIES", .is_number = true},
	{.heading = "STATE"},
	{.heading = "FROM"},
};

static void cells_of(const struct seen *s, cell cells[static COLUMNS])
{
	const struct loan *l = &s->loan;

	snprintf(cells[0], CELL_BYTES, "%s", l->wish.name);
	snprintf(cells[1], CELL_BYTES, "%s%s", loan_kind_word(l->wish.kind),
		 l->wish.is_encrypted ? ", encrypted" : "");
	table_bytes(cells[2], CELL_BYTES, (int64_t)l->wish.size);
	snprintf(cells[3], CELL_BYTES, "-");
	if (s->look.has_used)
		table_bytes(cells[3], CELL_BYTES, (int64_t)s->look.used);
	snprintf(cells[4], CELL_BYTES, "%u/%u", s->look.copies, l->wish.copies);
	snprintf(cells[5], CELL_BYTES, "%s", look_state_word(s->look.state));
	put_donors(l, cells[6]);
}

static void print_table(const struct seen *seen, size_t n)
{
	cell cells[COLUMNS];

	table_begin(columns, COLUMNS);
	for (size_t i = 0; i < n; i++) {
		cells_of(&seen[i], cells);
		for (size_t k = 0; k < COLUMNS; k++)
			table_widen(&columns[k], cells[k]);
	}
	table_headings(stdout, columns, COLUMNS);
	for (size_t i = 0; i < n; i++) {
		cells_of(&seen[i], cells);
		for (size_t k = 0; k < COLUMNS; k++)
			table_cell(stdout, columns, COLUMNS, k, cells[k]);
	}
}

/* ---- one in full ---- */

static const char *health_text(char health)
{
	switch (health) {
	case 'A':
		return "whole";
	case 'a':
		return "being filled";
	case 'D':
		return "failed";
	default:
		return "not there";
	}
}

static void print_leg(const struct loan_leg *leg, const struct look_leg *k, unsigned permille)
{
	printf("  copy on");
	for (size_t d = 0; d < leg->ndisks; d++)
		printf("%s %s (%s, LUN %u)", d ? " and" : "", leg->disks[d].donor,
		       leg->disks[d].portal, leg->disks[d].lun);
	printf(": %s", leg->is_lost ? "lost" : health_text(k->health));
	if (k->health == 'a')
		printf(", %u%%", permille / 10);
	if (k->answering < leg->ndisks && !leg->is_lost)
		printf(", %u of %zu disks answer", k->answering, leg->ndisks);
	puts(leg->is_unwanted ? ", to be given back" : "");
}

static void print_status(const struct seen *s)
{
	const struct loan *l = &s->loan;
	char path[LOAN_PATH_BYTES], size[32], used[32];

	loan_used_path(l, path);
	table_bytes(size, sizeof(size), (int64_t)l->wish.size);
	table_bytes(used, sizeof(used), (int64_t)s->look.used);
	printf("%s: %s, %s of %s%s\n", l->wish.name, look_state_word(s->look.state),
	       loan_kind_word(l->wish.kind), size, l->wish.is_encrypted ? ", encrypted" : "");
	printf("  %u of %u copies, at %s\n", s->look.copies, l->wish.copies, path);
	if (is_degraded(s) && s->since)
		printf("  fewer copies than promised for %lld s\n",
		       (long long)(time(NULL) - s->since));
	if (s->look.has_used)
		printf("  %s are swapped out\n", used);
	for (size_t i = 0; i < l->nlegs; i++)
		print_leg(&l->legs[i], &s->look.legs[i], s->look.permille);
	for (size_t i = 0; i < l->nleft; i++)
		printf("  left on %s (%s, LUN %u): to be given back when it answers\n",
		       l->left[i].disks[0].donor, l->left[i].disks[0].portal,
		       l->left[i].disks[0].lun);
}

/* ---- JSON ---- */

static json_t *leg_json(const struct loan_leg *leg, const struct look_leg *k)
{
	json_t *disks = json_array();

	for (size_t d = 0; d < leg->ndisks; d++)
		json_array_append_new(
			disks, json_pack("{s:s, s:s, s:s, s:i}", "donor", leg->disks[d].donor,
					 "portal", leg->disks[d].portal, "target",
					 leg->disks[d].target, "lun", (int)leg->disks[d].lun));
	return json_pack("{s:s, s:b, s:b, s:i, s:o}", "health",
			 leg->is_lost ? "lost" : health_text(k->health), "lost", leg->is_lost,
			 "unwanted", leg->is_unwanted, "answering", (int)k->answering, "disks",
			 disks);
}

static json_t *loan_json(const struct seen *s)
{
	const struct loan *l = &s->loan;
	json_t *legs = json_array(), *left = json_array();
	char path[LOAN_PATH_BYTES];

	loan_used_path(l, path);
	for (size_t i = 0; i < l->nlegs; i++)
		json_array_append_new(legs, leg_json(&l->legs[i], &s->look.legs[i]));
	for (size_t i = 0; i < l->nleft; i++)
		json_array_append_new(left, json_string(l->left[i].disks[0].donor));
	return json_pack(
		"{s:s, s:s, s:I, s:o, s:i, s:i, s:o, s:b, s:s, s:s, s:o, s:o}", "name",
		l->wish.name, "as", loan_kind_word(l->wish.kind), "size", (json_int_t)l->wish.size,
		"used", s->look.has_used ? json_integer((json_int_t)s->look.used) : json_null(),
		"promised", (int)l->wish.copies, "copies", (int)s->look.copies, "degraded_since",
		is_degraded(s) && s->since ? json_integer(s->since) : json_null(), "encrypted",
		l->wish.is_encrypted, "state", look_state_word(s->look.state), "path", path, "legs",
		legs, "left_on", left);
}

static int print_json(const struct seen *seen, size_t n)
{
	json_t *all = json_array();

	for (size_t i = 0; i < n; i++)
		json_array_append_new(all, loan_json(&seen[i]));
	json_t *o = json_pack("{s:o}", "loans", all);
	int err = o ? json_dumpf(o, stdout, JSON_INDENT(2)) : -1;
	json_decref(o);
	putchar('\n');
	return err;
}

/* ---- the commands ---- */

static int print(const struct command_line *c, const struct seen *seen, size_t n)
{
	int err = 0;

	if (c->given[OPTION_JSON])
		err = print_json(seen, n);
	else if (c->command == COMMAND_LIST)
		print_table(seen, n);
	else
		for (size_t i = 0; i < n; i++)
			print_status(&seen[i]);
	if (!err && !fflush(stdout) && !ferror(stdout))
		return LOAN_OK;
	fprintf(stderr, "memloan: cannot write: %s\n", strerror(errno));
	return LOAN_FAILED;
}

static int look(const char *dir, const char *name, const char *boot, struct seen *out)
{
	char why[LOAN_WHY_BYTES];
	int err = record_read(dir, name, &out->loan, why, sizeof(why));

	if (!err) {
		look_at(&out->loan, boot, &out->look);
		out->since = since_read(dir, name);
	} else if (err == -ENOENT) {
		fprintf(stderr, "memloan: there is no loan \"%s\"\n", name);
	} else {
		fprintf(stderr, "memloan: %s\n", why);
	}
	return !err ? LOAN_OK : err == -ENOENT ? LOAN_NONE : LOAN_FAILED;
}

static int show(const struct command_line *c, const char *dir, char *const *names, size_t n)
{
	struct seen *seen = calloc(n + 1, sizeof(*seen));
	char boot[LOAN_UUID_SIZE];
	int status = seen && !work_boot(boot) ? LOAN_OK : LOAN_FAILED, printed;
	size_t found = 0;

	for (size_t i = 0; seen && i < n; i++) {
		int one = look(dir, names[i], boot, &seen[found]);
		found += !one;
		status = one > status ? one : status;
	}
	printed = seen ? print(c, seen, found) : LOAN_FAILED;
	while (found)
		loan_free(&seen[--found].loan);
	free(seen);
	return printed > status ? printed : status;
}

/* Without a configuration the loans of the usual folder are shown. */
int list_run(const struct command_line *c)
{
	const char *one = c->operands[0];
	struct conf conf;
	char **names;
	int status = asking_conf(c, &conf);
	const char *dir = conf.state_dir ? conf.state_dir : RECORD_DIR;

	if (!status && one && record_bad_name(one)) {
		fprintf(stderr, "memloan: \"%s\": %s\n", one, record_bad_name(one));
		status = LOAN_USAGE;
	} else if (!status && one) {
		char *const list[] = {(char *)(uintptr_t)one};
		status = show(c, dir, list, 1);
	} else if (!status) {
		int n = record_list(dir, &names);
		if (n < 0)
			fprintf(stderr, "memloan: %s: %s\n", dir, strerror(-n));
		status = n < 0 ? LOAN_FAILED : show(c, dir, names, (size_t)n);
		if (n >= 0)
			record_list_free(names, n);
	}
	conf_free(&conf);
	return status;
}
