// SPDX-License-Identifier: MIT
/* main.c - memtgtctl(8): options, one command, its result. */
#include <errno.h>
#include <getopt.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "control/protocol.h"
#include "memtgt/control.h"
#include "memtgtctl/call.h"
#include "memtgtctl/command.h"
#include "memtgtctl/show.h"
#include "memtgtctl/transfer.h"

enum { EXIT_REFUSED = 1, EXIT_USAGE, EXIT_NO_DAEMON };

#define TIMEOUT_DEFAULT 10u
#define TIMEOUT_MAX	3600u

struct options {
	const char *socket;
	unsigned timeout_s;
	bool json, is_long;
};

static void usage(FILE *out)
{
	fputs("Usage: memtgtctl [-s SOCKET] [--json | --long] [--timeout SECONDS] COMMAND\n"
	      "Asks a running memtgtd, over its control socket.\n"
	      "\n"
	      "  -s, --socket SOCKET    in place of " CONTROL_SOCKET "\n"
	      "  -j, --json             print the result as JSON\n"
	      "  -l, --long             print all that is known\n"
	      "  -t, --timeout SECONDS  give up after so long (default 10)\n"
	      "      --version          print the version of this program and exit\n"
	      "  -h, --help             print this and exit\n"
	      "\n"
	      "Commands; parameters in this order, or as NAME=VALUE:\n",
	      out);
	command_list(out);
	fputs("\nSee memtgtctl(8), memtgt-control(7).\n", out);
}

static void __attribute__((noreturn)) wrong(const char *what)
{
	fprintf(stderr, "memtgtctl: %s; memtgtctl --help tells all\n", what);
	exit(EXIT_USAGE);
}

static unsigned seconds(const char *text)
{
	char *end;

	errno = 0;
	unsigned long n = strtoul(text, &end, 10);
	if (errno || end == text || *end || !n || n > TIMEOUT_MAX || strchr(text, '-'))
		wrong("--timeout is a whole number of seconds, from 1 to 3600");
	return (unsigned)n;
}

static void read_options(int argc, char **argv, struct options *o)
{
	enum { OPT_VERSION = 256 };
	static const struct option options[] = {
		{"socket", required_argument, NULL, 's'},
		{"json", no_argument, NULL, 'j'},
		{"long", no_argument, NULL, 'l'},
		{"timeout", required_argument, NULL, 't'},
		{"version", no_argument, NULL, OPT_VERSION},
		{"help", no_argument, NULL, 'h'},
		{NULL, 0, NULL, 0},
	};

	for (int c; (c = getopt_long(argc, argv, "s:jlt:h", options, NULL)) != -1;) {
		switch (c) {
		case 's':
			o->socket = optarg;
			break;
		case 'j':
			o->json = true;
			break;
		case 'l':
			o->is_long = true;
			break;
		case 't':
			o->timeout_s = seconds(optarg);
			break;
		case OPT_VERSION:
			puts("memtgtctl " PACKAGE_VERSION);
			exit(EXIT_SUCCESS);
		case 'h':
			usage(stdout);
			exit(EXIT_SUCCESS);
		default:
			wrong("wrong options");
		}
	}
	if (optind == argc)
		wrong("no command is given");
}

/* A list comes in pages: *whole has those so far, and takes the rows of another. */
static int add_page(json_t **whole, json_t *page, const char *list)
{
	if (!*whole) {
		*whole = page;
		return 0;
	}
	int err = json_array_extend(json_object_get(*whole, list), json_object_get(page, list));
	json_decref(page);
	return err;
}

/* What stands in "next" of a page goes into "from" of the next call; false: it was the last. */
static bool turn_page(const struct command *command, json_t *page)
{
	json_t *next = json_object_get(page, "next");

	if (!next || json_object_set(command->params, "from", next))
		return false;
	return !json_object_del(page, "next");
}

static enum call_result get_all(struct call *c, const struct command *command, json_t **whole)
{
	const struct control_method *m = &control_table.methods[command->method];
	json_t *page;
	bool more = true;

	*whole = NULL;
	while (more) {
		enum call_result r = call_method(c, m->name, command->params, &page);
		if (r != CALL_OK)
			return r;
		more = turn_page(command, page);
		if (add_page(whole, page, m->list)) {
			snprintf(c->why, sizeof(c->why), "this is no answer of memtgtd");
			return CALL_FAILED;
		}
	}
	return CALL_OK;
}

static void print(const struct options *o, unsigned method, const json_t *result)
{
	if (o->json) {
		(void)json_dumpf(result, stdout, JSON_INDENT(2));
		putchar('\n');
	} else {
		show_result(stdout, method, result, o->is_long);
	}
}

int main(int argc, char **argv)
{
	static const int statuses[] = {
		[CALL_OK] = EXIT_SUCCESS,
		[CALL_REFUSED] = EXIT_REFUSED,
		[CALL_FAILED] = EXIT_NO_DAEMON,
	};
	struct options o = {.socket = CONTROL_SOCKET, .timeout_s = TIMEOUT_DEFAULT};
	struct command command;
	struct call call;
	json_t *result = NULL;
	char why[512];

	read_options(argc, argv, &o);
	if (command_read(argv + optind, (size_t)(argc - optind), &command, why, sizeof(why)))
		wrong(why);
	enum call_result r = call_open(&call, o.socket, o.timeout_s);
	if (r == CALL_OK)
		r = transfer_is(&command) ? transfer_run(&call, &command, &result)
					  : get_all(&call, &command, &result);
	if (r == CALL_OK && result)
		print(&o, command.method, result);
	else if (r != CALL_OK)
		fprintf(stderr, "memtgtctl: %s\n", call.why);
	json_decref(result);
	json_decref(command.params);
	call_close(&call);
	if (r == CALL_OK && (fflush(stdout) || ferror(stdout))) {
		perror("memtgtctl: cannot write");
		return EXIT_REFUSED;
	}
	return statuses[r];
}
