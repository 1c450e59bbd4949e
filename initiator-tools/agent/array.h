/* SPDX-License-Identifier: MIT */
/*
 * array.h - how the copies of a loan's volume are, as device mapper knows: asked by ioctl(2), so
 * that no program has to be started, and nothing of it waits for a disk.
 */
#ifndef MEMTGT_ARRAY_H
#define MEMTGT_ARRAY_H

#include <stdbool.h>
#include <stddef.h>

#include "initiator-tools/agent/judge.h"
#include "initiator-tools/host/dm.h"

struct array {
	bool is_mirror; /* else it is linear: one image, whole */
	unsigned n;
	struct array_image {
		unsigned major, minor; /* of the device below; both 0: none is there */
		char health;	       /* 'A' whole, 'a' being filled, 'D' failed */
	} images[DM_LEGS_MAX];
};

/* Of the device with this name. 0; -ENXIO: there is none; or -errno. */
int array_ask(const char *name, struct array *out) __attribute__((warn_unused_result));

/* The image that lies on this disk; NULL: none does. Of a linear one: the device `name` itself. */
const struct array_image *array_on(const struct array *a, const char *name, const char *disk);
enum leg_health array_health(const struct array_image *image);

/* "raid1 3 0 region_size 4096 2 254:0 254:1 254:2 254:3": the table of target "raid". */
bool array_parse_table(const char *text, struct array *out);

#endif
