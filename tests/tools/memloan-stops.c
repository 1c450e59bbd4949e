// SPDX-License-Identifier: MIT
/*
 * memloan-stops.c - memloan vm-move for tests that have one host only: to it no address is this
 * host's, and it has less patience. It stops itself (SIGSTOP) at the phase of vm_move.h that
 * $MEMTGT_STOP_AT names; who started it kills it there, or does something and lets it go on.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "initiator-tools/donors.h"
#include "initiator-tools/vm/vm_move.h"

static bool is_own(int fd)
{
	(void)fd;
	return false;
}

static void at(enum vm_phase phase)
{
	static const char *const words[] = {
#define X(id, word) [VM_##id] = word,
		VM_PHASES(X)
#undef X
	};
	const char *wanted = getenv("MEMTGT_STOP_AT");

	if (wanted && !strcmp(wanted, words[phase]))
		raise(SIGSTOP);
}

int main(int argc, char **argv)
{
	static const struct vm_rules rules = {.is_own = is_own,
					      .at = at,
					      .copies = 2,
					      .stall_ns = 2 * NS_PER_S,
					      .cancel_ns = 2 * NS_PER_S};
	struct command_line line;
	char why[256];

	signal(SIGPIPE, SIG_IGN);
	if (command_read(argc, argv, &line, why, sizeof(why)) || line.command != COMMAND_VM_MOVE) {
		fprintf(stderr, "memloan-stops: %s\n", why);
		return LOAN_USAGE;
	}
	return vm_move_with(&line, &rules);
}
