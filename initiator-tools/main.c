// SPDX-License-Identifier: MIT
/* main.c - memloan(8): one command. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#include "initiator-tools/check/check.h"
#include "initiator-tools/agent/agent.h"
#include "initiator-tools/command.h"
#include "initiator-tools/donors.h"
#include "initiator-tools/loan/commands.h"
#include "initiator-tools/vm/vm_move.h"

int main(int argc, char **argv)
{
	static int (*const run[])(const struct command_line *) = {
#define COMMAND(id, name, operands, function, text) function,
#include "initiator-tools/commands.def"
	};
	struct command_line line;
	char why[256];

	/* A donor that closes its connection is no end of the program. */
	signal(SIGPIPE, SIG_IGN);
	if (command_read(argc, argv, &line, why, sizeof(why))) {
		fprintf(stderr, "memloan: %s; memloan --help tells all\n", why);
		return LOAN_USAGE;
	}
	if (line.help)
		command_usage(stdout);
	else if (line.version)
		puts("memloan " PACKAGE_VERSION);
	else
		return run[line.command](&line);
	return LOAN_OK;
}
