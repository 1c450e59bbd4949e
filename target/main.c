// SPDX-License-Identifier: MIT
/* main.c - memtgtd(8): options, configuration, server. */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/config.h"
#include "base/log.h"
#include "server.h"

#define DEFAULT_CONFIG SYSCONFDIR "/memtgt/memtgtd.conf"

static const char usage[] =
	"Usage: memtgtd [-c FILE] [--check-config]\n"
	"Lends this host's memory as iSCSI disks.\n"
	"\n"
	"  -c, --config FILE   read FILE instead of " DEFAULT_CONFIG "\n"
	"      --check-config  check the configuration, report every error in it, and exit\n"
	"      --version       print the version and exit\n"
	"  -h, --help          print this and exit\n"
	"\n"
	"Runs in the foreground and logs to standard error. See memtgtd(8), memtgtd.conf(5).\n";

enum { OPT_CHECK = 256, OPT_VERSION };

static const struct option options[] = {
	{"config", required_argument, NULL, 'c'},
	{"check-config", no_argument, NULL, OPT_CHECK},
	{"version", no_argument, NULL, OPT_VERSION},
	{"help", no_argument, NULL, 'h'},
	{NULL, 0, NULL, 0},
};

int main(int argc, char **argv)
{
	const char *path = DEFAULT_CONFIG;
	bool check = false;

	for (int o; (o = getopt_long(argc, argv, "c:h", options, NULL)) != -1;) {
		switch (o) {
		case 'c':
			path = optarg;
			break;
		case OPT_CHECK:
			check = true;
			break;
		case OPT_VERSION:
			puts("memtgtd " PACKAGE_VERSION);
			return EXIT_SUCCESS;
		case 'h':
			fputs(usage, stdout);
			return EXIT_SUCCESS;
		default:
			fputs(usage, stderr);
			return EXIT_FAILURE;
		}
	}
	if (optind < argc) {
		fprintf(stderr, "memtgtd: unexpected argument %s\n%s", argv[optind], usage);
		return EXIT_FAILURE;
	}

	struct config *c;
	if (config_load(path, &c, stderr))
		return EXIT_FAILURE;
	log_set_level((enum log_level)c->log_level);
	int status = check ? EXIT_SUCCESS : server_run(c);
	if (check)
		printf("%s: no errors\n", path);
	config_free(c);
	return status;
}
