/* SPDX-License-Identifier: MIT */
/*
 * disk.h - which disk of this host is a donor's LUN: sysfs, from the session's target name and the
 * LUN to a block device, with the identity that was learnt when it was found. Never opens a disk.
 */
#ifndef MEMTGT_DISK_H
#define MEMTGT_DISK_H

#include <stdbool.h>
#include <stddef.h>

#include "initiator-tools/loan/loan.h"

#define DISK_NAME_MAX 32

/* The root of all paths, "" but in tests: "/sys" is "ROOT/sys". */
extern const char *disk_root;

struct disk {
	int session, host;	  /* numbers of sysfs; -1: none */
	bool is_logged_in;	  /* the session's state is LOGGED_IN */
	char name[DISK_NAME_MAX]; /* "sda"; empty: there is no such disk */
	bool is_running;	  /* device/state is "running" */
	bool is_same;		  /* it has the loan's NAA and serial, as the kernel read them */
};

/* 0; -ENOENT: there is no session with the target, or not by this portal; -ENODEV: no such LUN. */
int disk_find(const struct loan_disk *d, struct disk *out) __attribute__((warn_unused_result));

#endif
