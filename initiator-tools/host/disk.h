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
#define DISK_PATH_MAX 512

/* The root of all paths, "" but in tests: "/sys" is "ROOT/sys". */
extern const char *disk_root;

struct disk {
	int session, host;	  /* numbers of sysfs; -1: none */
	unsigned channel, target; /* of the session, for a scan */
	bool is_logged_in;	  /* the session's state is LOGGED_IN */
	unsigned others;	  /* further disks of the session */
	bool is_known;		  /* the kernel has found the LUN; the disk may come later */
	char name[DISK_NAME_MAX]; /* "sda"; empty: there is no such disk */
	unsigned major, minor;	  /* of its device node */
	unsigned block_size;	  /* bytes; 0: unknown */
	bool is_running;	  /* device/state is "running" */
	bool is_held;		  /* another block device, of dm or md, is made from it */
	bool is_same;		  /* it has the loan's NAA and serial, as the kernel read them */
};

/*
 * By the default interface of iscsiadm, with the target, by this portal. 0; -ENOENT: there is no
 * such session; -ENODEV: it shows no such LUN, and *out has the session.
 */
int disk_find(const struct loan_disk *d, struct disk *out) __attribute__((warn_unused_result));

/* A path of sysfs for what is to be written there: "host3/scan" in class scsi_host, and a file of
 * the disk's SCSI device ("delete", "state"). */
void disk_scan_path(const struct disk *k, char out[static DISK_PATH_MAX]);
void disk_device_path(const struct disk *k, const char *file, char out[static DISK_PATH_MAX]);

/* How the kernel writes a LUN's number: as the peripheral or, `is_flat` or above 255, the flat
 * space address of SAM-5 4.7.7. */
unsigned disk_kernel_lun(unsigned lun, bool is_flat);

#endif
