// SPDX-License-Identifier: MIT
/*
 * list_opcodes.c - prints what a LUN says it supports (REPORT SUPPORTED OPERATION CODES, SPC-4
 * 6.34), one command a line: "2a", or "9e/10" with its service action.
 */
#include <stdio.h>
#include <stdlib.h>

#include <iscsi/iscsi.h>
#include <iscsi/scsi-lowlevel.h>

#include "memtgt/wire.h"

#define ALLOC 65535u

static int fail(const char *what, const char *why)
{
	fprintf(stderr, "list_opcodes: %s: %s\n", what, why);
	return EXIT_FAILURE;
}

static int print_list(const uint8_t *p, size_t n)
{
	unsigned count = 0;

	if (n < 4 || ld32(p) != n - 4)
		return fail("the list", "its length is wrong");
	/* Command descriptors of 8 bytes, without timeouts: SPC-4 table 268. */
	for (size_t at = 4; at + 8 <= n; at += 8, count++) {
		if (p[at + 5] & 1)
			printf("%02x/%02x\n", p[at], ld16(p + at + 2));
		else
			printf("%02x\n", p[at]);
	}
	return count ? EXIT_SUCCESS : fail("the list", "it is empty");
}

int main(int argc, char **argv)
{
	struct iscsi_context *i = iscsi_create_context("iqn.2026-01.org.memtgt:opcodes");

	if (argc != 2)
		return fail("usage", "list_opcodes iscsi://ADDRESS:PORT/TARGET/LUN");
	struct iscsi_url *url = iscsi_parse_full_url(i, argv[1]);
	if (!url)
		return fail(argv[1], iscsi_get_error(i));
	iscsi_set_targetname(i, url->target);
	iscsi_set_session_type(i, ISCSI_SESSION_NORMAL);
	if (iscsi_full_connect_sync(i, url->portal, url->lun) != 0)
		return fail(argv[1], iscsi_get_error(i));
	struct scsi_task *t = iscsi_report_supported_opcodes_sync(i, url->lun, 0, 0, 0, 0, ALLOC);
	if (!t || t->status != SCSI_STATUS_GOOD)
		return fail("REPORT SUPPORTED OPERATION CODES", iscsi_get_error(i));
	int status = print_list(t->datain.data, (size_t)t->datain.size);
	scsi_free_scsi_task(t);
	iscsi_logout_sync(i);
	iscsi_destroy_url(url);
	iscsi_destroy_context(i);
	return status;
}
