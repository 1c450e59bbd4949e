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
#include "memtgtctl/bulk.h"
#include "memtgtctl/call.h"
#include "memtgtctl/command.h"
#include "memtgtctl/pages.h"
#include "memtgtctl/show.h"
#include "memtgtctl/takeover.h"
#include "memtgtctl/transfer.h"

enum { EXIT_REFUSED = 1, EXIT_USAGE, EXIT_NO_DAEMON };

#define TIMEOUT_DEFAULT 10u
#define TIMEOUT_MAX	3600u

struct options {
	const char *socket;
	unsigned timeout_s;
	bool json, is_long;
	const char *all; /* the folder with a file for each LUN; NULL: one LUN is meant */
	bool force;	 /* such files are overwritten, and LUNs that hold data */
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
	      "      --all DIR          lun export, lun import: every LUN, each in a file in DIR\n"
	      "      --force            with --all: overwrite files, or LUNs that hold data\n"
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
	enum { OPT_VERSION = 256, OPT_ALL, OPT_FORCE };
	static const struct option options[] = {
		{"socket", required_argument, NULL, 's'},
		{"json", no_argument, NULL, 'j'},
		{"long", no_argument, NULL, 'l'},
		{"timeout", required_argument, NULL, 't'},
		{"all", required_argument, NULL, OPT_ALL},
		{"force", no_argument, NULL, OPT_FORCE},
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
		case OPT_ALL:
			o->all = optarg;
			break;
		case OPT_FORCE:
			o->force = true;
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
	if (o->force && !o->all)
		wrong("--force belongs to --all; a command's own is force=yes");
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

static enum call_result run_one(const struct options *o, const struct command *command,
				struct call *call)
{
	json_t *result = NULL;
	enum call_result r = call_open(call, o->socket, o->timeout_s);

	if (r == CALL_OK)
		r = transfer_is(command) ? transfer_run(call, command, true, &result)
					 : pages_get(call, command, &result);
	if (r == CALL_OK && result)
		print(o, command->method, result);
	json_decref(result);
	call_close(call);
	return r;
}

static enum call_result run_all(const struct options *o, const struct command *command,
				struct call *call)
{
	const struct bulk b = {.socket = o->socket,
			       .timeout_s = o->timeout_s,
			       .folder = o->all,
			       .force = o->force,
			       .json = o->json,
			       .command = command};

	if (!transfer_is(command))
		wrong("--all belongs to lun export and lun import");
	return bulk_run(&b, call->why, sizeof(call->why));
}

static enum call_result run_takeover(const struct options *o, const struct command *command,
				     struct call *call)
{
	const struct takeover t = {
		.socket = o->socket, .timeout_s = o->timeout_s, .command = command};
	json_t *result = NULL;
	enum call_result r = takeover_run(&t, &result, call->why, sizeof(call->why));

	if (r == CALL_OK && o->json) {
		(void)json_dumpf(result, stdout, JSON_INDENT(2));
		putchar('\n');
	} else if (r == CALL_OK) {
		takeover_show(stdout, result);
	}
	json_decref(result);
	return r;
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
	char why[512];

	read_options(argc, argv, &o);
	char *const *words = argv + optind;
	size_t n = (size_t)(argc - optind);
	if (o.all ? command_read_all(words, n, &command, why, sizeof(why))
		  : command_read(words, n, &command, why, sizeof(why)))
		wrong(why);
	enum call_result r = o.all				 ? run_all(&o, &command, &call)
			     : command.method == CONTROL_UPGRADE ? run_takeover(&o, &command, &call)
								 : run_one(&o, &command, &call);
	if (r != CALL_OK)
		fprintf(stderr, "memtgtctl: %s\n", call.why);
	json_decref(command.params);
	if (r == CALL_OK && (fflush(stdout) || ferror(stdout))) {
		perror("memtgtctl: cannot write");
		return EXIT_REFUSED;
	}
	return statuses[r];
}
