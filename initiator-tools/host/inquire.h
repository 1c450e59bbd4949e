/* SPDX-License-Identifier: MIT */
/* inquire.h - what a disk says of itself now, not what the kernel read when it was found. */
#ifndef MEMTGT_INQUIRE_H
#define MEMTGT_INQUIRE_H

#include "initiator-tools/donor.h"
#include "initiator-tools/host/sg.h"

/* NAA, serial (empty: it has none), size and block size. 0, or -errno and what it answered; after
 * -EREMOTEIO with the names that it told all the same: it may not be ready to tell its size. */
int inquire_identity(const struct sg_device *d, struct donor_lun *out, struct sg_result *r)
	__attribute__((warn_unused_result));

/* A page of its vital product data: the bytes that came, or -errno. */
int inquire_page(const struct sg_device *d, uint8_t page, uint8_t *buf, uint16_t n,
		 struct sg_result *r) __attribute__((warn_unused_result));

#endif
