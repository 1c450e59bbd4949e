// SPDX-License-Identifier: MIT
/* command.c - options and commands, read and told by one table. */
#include "initiator-tools/command.h"

#include <getopt.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define ALL	     UINT64_MAX
#define FOR(id)	     (UINT64_C(1) << COMMAND_##id)
#define OPT_HELP     (OPTIONS + 256)
#define OPT_VERSION  (OPTIONS + 257)
#define OPT_FIRST    256
#define HELP_COLUMN  26
#define LETTERS_SIZE (3 * OPTIONS + 4)

static const struct {
	const char *name, *operands, *text;
} commands[] = {
#define COMMAND(id, n, o, run, t) {n, o, t},
#include "initiator-tools/commands.def"
};

static const struct {
	uint64_t commands;
	const char *name;
	char letter;
	const char *argument, *text;
} options[] = {
#define OPTION(id, c, n, l, a, t) {c, n, l, a, t},
#include "initiator-tools/commands.def"
};

static int argument_of(size_t i)
{
	const char *a = options[i].argument;

	return !*a ? no_argument : *a == '[' ? optional_argument : required_argument;
}

static void make_tables(struct option *longs, char *letters)
{
	*letters++ = ':'; /* getopt says nothing itself */
	for (size_t i = 0; i < OPTIONS; i++) {
		longs[i] = (struct option){.name = options[i].name,
					   .has_arg = argument_of(i),
					   .val = (int)(OPT_FIRST + i)};
		if (!options[i].letter)
			continue;
		*letters++ = options[i].letter;
		for (int colons = argument_of(i); colons; colons--)
			*letters++ = ':';
	}
	*letters++ = 'h';
	*letters = '\0';
	longs[OPTIONS] = (struct option){.name = "help", .val = OPT_HELP};
	longs[OPTIONS + 1] = (struct option){.name = "version", .val = OPT_VERSION};
	longs[OPTIONS + 2] = (struct option){0};
}

static size_t option_of(int c)
{
	if (c >= OPT_FIRST)
		return (size_t)(c - OPT_FIRST);
	for (size_t i = 0; i < OPTIONS; i++)
		if (options[i].letter == c)
			return i;
	return OPTIONS;
}

static int take(struct command_line *out, size_t i, const char *value, char *why, size_t n)
{
	if (i == OPTION_PORTAL) {
		if (out->nportals == COMMAND_PORTALS_MAX) {
			snprintf(why, n, "at most %d --portal can be given", COMMAND_PORTALS_MAX);
			return -1;
		}
		out->portals[out->nportals++] = value;
	}
	out->given[i] = true;
	out->value[i] = value;
	return 0;
}

static int find_command(const char *word, struct command_line *out, char *why, size_t n)
{
	for (unsigned i = 0; i < COMMANDS; i++)
		if (!strcmp(commands[i].name, word)) {
			out->command = i;
			return 0;
		}
	snprintf(why, n, "there is no command \"%s\"", word);
	return -1;
}

/* The next of the words that say what the command's operands are; its length, 0: there is none. */
static size_t next_operand(const char **words)
{
	*words += strspn(*words, " ");
	return strcspn(*words, " ");
}

static int take_operands(int argc, char **argv, struct command_line *out, char *why, size_t n)
{
	const char *words = commands[out->command].operands;
	size_t count = 0, len;

	for (; (len = next_operand(&words)); words += len)
		if (optind < argc) {
			out->operands[count++] = argv[optind++];
		} else if (*words != '[') {
			snprintf(why, n, "%s needs %.*s", commands[out->command].name, (int)len,
				 words);
			return -1;
		}
	if (optind == argc)
		return 0;
	snprintf(why, n, "\"%s\" is too much", argv[optind]);
	return -1;
}

static int check(const struct command_line *c, char *why, size_t n)
{
	for (size_t i = 0; i < OPTIONS; i++)
		if (c->given[i] && !(options[i].commands & UINT64_C(1) << c->command)) {
			snprintf(why, n, "--%s does not belong to %s", options[i].name,
				 commands[c->command].name);
			return -1;
		}
	return 0;
}

int command_read(int argc, char **argv, struct command_line *out, char *why, size_t why_len)
{
	struct option longs[OPTIONS + 3];
	char letters[LETTERS_SIZE];
	int err = 0;

	*out = (struct command_line){.command = COMMANDS};
	make_tables(longs, letters);
	optind = 0; /* from the beginning, also a second time */
	for (int c; !err && (c = getopt_long(argc, argv, letters, longs, NULL)) != -1;) {
		out->help |= c == 'h' || c == OPT_HELP;
		out->version |= c == OPT_VERSION;
		if (out->help || out->version)
			return 0;
		if (c == '?' || c == ':') {
			snprintf(why, why_len, c == ':' ? "%s needs a value" : "there is no %s",
				 argv[optind - 1]);
			return -1;
		}
		err = take(out, option_of(c), optarg, why, why_len);
	}
	if (err)
		return err;
	if (optind == argc) {
		snprintf(why, why_len, "no command is given");
		return -1;
	}
	err = find_command(argv[optind++], out, why, why_len);
	if (!err)
		err = take_operands(argc, argv, out, why, why_len);
	return err ? err : check(out, why, why_len);
}

/* "-s, --size SIZE", "-w, --watch[=SECONDS]". */
static void usage_of(size_t i, char *out, size_t n)
{
	const char *a = options[i].argument;
	char letter[8] = "    ";

	if (options[i].letter)
		snprintf(letter, sizeof(letter), "-%c, ", options[i].letter);
	if (*a == '[')
		snprintf(out, n, "%s--%s[=%s", letter, options[i].name, a + 1);
	else
		snprintf(out, n, "%s--%s%s%s", letter, options[i].name, *a ? " " : "", a);
}

static void list_options(FILE *out, uint64_t whose)
{
	char line[80];

	for (size_t i = 0; i < OPTIONS; i++) {
		if (whose == ALL ? options[i].commands != ALL
				 : options[i].commands == ALL || !(options[i].commands & whose))
			continue;
		usage_of(i, line, sizeof(line));
		if (strlen(line) > HELP_COLUMN)
			fprintf(out, "  %s\n", line);
		fprintf(out, "  %-*s  %s\n", HELP_COLUMN, strlen(line) > HELP_COLUMN ? "" : line,
			options[i].text);
	}
}

void command_usage(FILE *out)
{
	fputs("Usage: memloan [OPTION]... COMMAND [OPTION]...\n"
	      "Borrows memory from hosts that run memtgtd, or another iSCSI target.\n"
	      "\n",
	      out);
	list_options(out, ALL);
	fprintf(out, "  %-*s  %s\n", HELP_COLUMN, "    --version",
		"print the version of this program and exit");
	fprintf(out, "  %-*s  %s\n", HELP_COLUMN, "-h, --help", "print this and exit");
	for (unsigned i = 0; i < COMMANDS; i++) {
		const char *operands = commands[i].operands;
		fprintf(out, "\nmemloan %s%s%s: %s\n", commands[i].name, *operands ? " " : "",
			operands, commands[i].text);
		list_options(out, UINT64_C(1) << i);
	}
	fputs("\nSee memloan(8), memloan.conf(5).\n", out);
}
