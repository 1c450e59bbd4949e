// SPDX-License-Identifier: MIT
/* main.c - memtgtd(8): options, configuration, server. */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/config.h"
#include "base/inherit.h"
#include "base/log.h"
#include "base/notify.h"
#include "keeper/keeper.h"
#include "server.h"
#include "store/store.h"

#define DEFAULT_CONFIG SYSCONFDIR "/memtgt/memtgtd.conf"

static const char usage[] =
	"Usage: memtgtd [-c FILE] [--check-config | --keeper]\n"
	"Lends this host's memory as iSCSI disks.\n"
	"\n"
	"  -c, --config FILE   read FILE instead of " DEFAULT_CONFIG "\n"
	"      --check-config  check the configuration, report every error in it, and exit\n"
	"      --keeper        start memtgtd, and again whenever it ends; keep its memory "
	"meanwhile\n"
	"      --store-formats print the oldest and the newest format of kept memory that this\n"
	"                      program reads, and exit\n"
	"      --version       print the version and exit\n"
	"  -h, --help          print this and exit\n"
	"\n"
	"Runs in the foreground and logs to standard error. See memtgtd(8), memtgtd.conf(5).\n";

enum { OPT_CHECK = 256, OPT_KEEPER, OPT_FORMATS, OPT_VERSION };

static const struct option options[] = {
	{"config", required_argument, NULL, 'c'},
	{"check-config", no_argument, NULL, OPT_CHECK},
	{"keeper", no_argument, NULL, OPT_KEEPER},
	{"version", no_argument, NULL, OPT_VERSION},
	{"store-formats", no_argument, NULL, OPT_FORMATS},
	{"help", no_argument, NULL, 'h'},
	{NULL, 0, NULL, 0},
};

/* The daemon is the same program with the same file. */
static int keep(char *path)
{
	static char program[4096];
	char *const argv[] = {(char[]){"memtgtd"}, (char[]){"-c"}, path, NULL};
	struct keeper_options o = keeper_usual;

	ssize_t n = readlink("/proc/self/exe", program, sizeof(program) - 1);
	if (n <= 0) {
		log_error("/proc/self/exe: %m");
		return EXIT_FAILURE;
	}
	o.program = program;
	o.argv = argv;
	return keeper_run(&o);
}

static int serve(const struct config *c)
{
	notify_open();
	return inherit_read() ? EXIT_FAILURE : server_run(c);
}

struct choice {
	char *path;
	bool check, keeper;
};

/* False: it ends with *status. */
static bool read_options(int argc, char **argv, struct choice *out, int *status)
{
	*status = EXIT_SUCCESS;
	for (int o; (o = getopt_long(argc, argv, "c:h", options, NULL)) != -1;) {
		switch (o) {
		case 'c':
			out->path = optarg;
			break;
		case OPT_CHECK:
			out->check = true;
			break;
		case OPT_KEEPER:
			out->keeper = true;
			break;
		case OPT_FORMATS:
			printf("%u %u\n", STORE_FORMAT_OLDEST, STORE_FORMAT_NEWEST);
			return false;
		case OPT_VERSION:
			puts("memtgtd " PACKAGE_VERSION);
			return false;
		case 'h':
			fputs(usage, stdout);
			return false;
		default:
			fputs(usage, stderr);
			*status = EXIT_FAILURE;
			return false;
		}
	}
	if (optind == argc)
		return true;
	fprintf(stderr, "memtgtd: unexpected argument %s\n%s", argv[optind], usage);
	*status = EXIT_FAILURE;
	return false;
}

int main(int argc, char **argv)
{
	static char usual[] = DEFAULT_CONFIG;
	struct choice choice = {.path = usual};
	struct config *c;
	int status;

	if (!read_options(argc, argv, &choice, &status))
		return status;
	if (config_load(choice.path, &c, stderr))
		return EXIT_FAILURE;
	log_set_level((enum log_level)c->log_level);
	if (choice.check)
		printf("%s: no errors\n", choice.path);
	else if (!choice.keeper)
		status = serve(c);
	config_free(c);
	/* It read the file only so that a mistake in it is told at once, and not again and again.
	 */
	return choice.keeper && !choice.check ? keep(choice.path) : status;
}
