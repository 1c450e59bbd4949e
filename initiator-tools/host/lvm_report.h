/* SPDX-License-Identifier: MIT */
/*
 * lvm_report.h - what pvs(8) and lvs(8) say, in JSON. Pure: bytes become facts.
 */
#ifndef MEMTGT_LVM_REPORT_H
#define MEMTGT_LVM_REPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "initiator-tools/host/disk.h"

#define LVM_NAME_BYTES 128 /* LVM's own limit */
#define LVM_TAGS_BYTES 256
#define LVM_ROWS_MAX   1024

/* The fields of -o. */
#define LVM_PV_FIELDS	   "pv_name,vg_name,vg_tags"
#define LVM_SEGMENT_FIELDS "lv_name,lv_attr,lv_size,devices"

struct lvm_pv {
	char disk[DISK_NAME_MAX];   /* "sda"; empty: LVM knows of it, but it is not there */
	char group[LVM_NAME_BYTES]; /* empty: of none */
	char tags[LVM_TAGS_BYTES];  /* the group's, "a,b" */
};

/* A part of a volume, or of a volume's image, on one disk. */
struct lvm_segment {
	char volume[LVM_NAME_BYTES];
	bool is_hidden; /* it is a part of another volume */
	char attr[11];	/* lvs(8), lv_attr */
	uint64_t size;	/* of the volume */
	/* Empty: on a disk that is not there, or on other volumes. */
	char disk[DISK_NAME_MAX];
};

struct lvm_pvs {
	struct lvm_pv *rows;
	size_t n;
};

struct lvm_segments {
	struct lvm_segment *rows;
	size_t n;
};

/* 0 and *out, whose rows are to be freed; -EBADMSG: that is no such report; -ENOMEM. */
int lvm_read_pvs(const char *text, size_t n, struct lvm_pvs *out)
	__attribute__((warn_unused_result));
int lvm_read_segments(const char *text, size_t n, struct lvm_segments *out)
	__attribute__((warn_unused_result));

/* "a,b" has "b". */
bool lvm_has_tag(const char *tags, const char *tag);

#endif
