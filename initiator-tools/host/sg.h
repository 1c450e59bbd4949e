/* SPDX-License-Identifier: MIT */
/*
 * sg.h - one SCSI command to a disk of this host by SG_IO, in a child that can be given up.
 *
 * Unit attentions, BUSY and TASK SET FULL are no answers: the command is sent again, a bounded
 * number of times.
 */
#ifndef MEMTGT_SG_H
#define MEMTGT_SG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "initiator-tools/host/disk.h"
#include "memtgt/cursor.h"

#define SG_DATA_MAX 32768u
#define SG_LIMIT_MS 20000u /* of a command, unless told otherwise */

enum sg_way { SG_NO_DATA, SG_FROM_DISK, SG_TO_DISK };

struct sg_command {
	uint8_t cdb[16], cdb_len;
	enum sg_way way;
	uint32_t len; /* of the data */
	unsigned limit_ms;
};

enum { SG_GOOD = 0x00, SG_CHECK = 0x02, SG_BUSY = 0x08, SG_CONFLICT = 0x18, SG_FULL = 0x28 };

struct sg_result {
	uint8_t status;		/* SAM-5 5.3.1 */
	uint8_t key, asc, ascq; /* after CHECK CONDITION; zeroes: no sense was there */
	uint32_t got;		/* bytes of data that came */
};

/*
 * Sense data, fixed or descriptors, also deferred: SPC-4 4.5. False: that is none, and *r stays.
 */
bool sg_sense(struct cursor c, struct sg_result *r);
/* Is the command to be sent again? */
bool sg_is_passing(const struct sg_result *r);
/* The answer in words: "05/20/00", "RESERVATION CONFLICT". */
#define SG_WORDS 40
const char *sg_words(const struct sg_result *r, char out[static SG_WORDS]);

/*
 * Whoever sends commands: a disk, or a test. `data` has c->len bytes. 0 if there is a status in *r,
 * whichever; else -errno and nothing is known about the command: -ETIMEDOUT, -ENODEV, -EIO.
 */
struct sg_device {
	int (*send)(void *arg, const struct sg_command *c, void *data, struct sg_result *r);
	void *arg;
};

/* Commands to this disk, which must stay. */
struct sg_device sg_of_disk(const struct disk *k);

/* In a child only: commands by a descriptor of sg_open(), which waits as long as the kernel does.
 */
struct sg_device sg_of_fd(int *fd);

/* As send(), until the answer is one. */
int sg_run(const struct sg_device *d, const struct sg_command *c, void *data, struct sg_result *r)
	__attribute__((warn_unused_result));

/* In a child only: the disk's node, if it is that of this disk. A descriptor or -errno. */
int sg_open(const struct disk *k, int flags) __attribute__((warn_unused_result));

#endif
