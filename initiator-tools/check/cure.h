/* SPDX-License-Identifier: MIT */
/*
 * cure.h - changes of this host that are safe and can be taken back: values of the kernel, and
 * files of memloan's own in folders for such files. Each says what it did, or why it could not.
 */
#ifndef MEMTGT_CURE_H
#define MEMTGT_CURE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CURE_LINE_BYTES 512
#define CURE_LINES_MAX	64

struct cure {
	char lines[CURE_LINES_MAX][CURE_LINE_BYTES]; /* what was done, in order */
	size_t n;
	unsigned failed;		 /* of them say that something could not be done */
	bool reload_units, reload_rules; /* cure_end() */
};

/* Where --fix writes values of sysctl, for every boot. */
#define CURE_SYSCTL_FILE "/etc/sysctl.d/60-memloan.conf"

/* Where the examples were installed, below the root of tree.h. */
extern const char *cure_examples;

/* Writes a value to a file of /proc or /sys that is there. */
void cure_write(struct cure *c, const char *path, const char *value);
/* "vm.min_free_kbytes": now, and in CURE_SYSCTL_FILE. */
void cure_sysctl(struct cure *c, const char *key, uint64_t value);
/* Copies an example that was installed with memloan, with its folder. What is there and is not the
 * same stays, and is told. */
void cure_install(struct cure *c, const char *example, const char *to);
/* Tells systemd and udev of files that have changed, if they are there. */
void cure_end(struct cure *c);

#endif
