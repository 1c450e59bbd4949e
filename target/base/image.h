/* SPDX-License-Identifier: MIT */
/*
 * image.h - a LUN as a stream of bytes, or as a file: memtgt-control(7), IMAGES.
 *
 * A header, and who it is of; an extent for each part that is not all zeroes, which is a record and
 * its data, in rising order; a record that ends it. Each has a CRC32C of its own, and the last has
 * one of all that went before. Knows no socket and no file: bytes come and go through a function of
 * the caller's. Data is handed out only after its CRC was right.
 */
#ifndef MEMTGT_IMAGE_H
#define MEMTGT_IMAGE_H

#include <stddef.h>
#include <stdint.h>

#include "memtgt/iscsi_proto.h"
#include "memtgt/wire.h"

#define IMAGE_MAGIC    "MTGTLUN\n"
#define IMAGE_VERSION  2u		 /* the newest; 1: one of nobody */
#define IMAGE_DATA_MAX ((size_t)1 << 20) /* of an extent */
#define IMAGE_GRAIN    4096u		 /* zeroes in such a piece of an extent are left out */
#define IMAGE_WHY      160u
#define IMAGE_UUID     16u
#define IMAGE_LABEL    1024u

#define IMAGE_TAG_DATA "DATA"
#define IMAGE_TAG_END  "END."
#define IMAGE_TAG_STOP "STOP"

struct image_header {
	uint8_t magic[8];
	be32 version;
	be32 block_bytes;
	be64 lun_bytes;
	uint8_t reserved[36];
	be32 crc; /* of what is before it */
};
WIRE_SIZE(struct image_header, 64);
WIRE_AT(struct image_header, lun_bytes, 16);
WIRE_AT(struct image_header, crc, 60);

/* Of the LUN's memory, if that is told. */
enum image_kind { IMAGE_NOT_TOLD, IMAGE_FULL, IMAGE_THIN, IMAGE_KINDS };

/* Version 2: whose it is. Right behind the header; the label follows, and the label's CRC32C. */
struct image_identity {
	uint8_t target[ISCSI_NAME_MAX + 1]; /* its name, then NULs */
	be32 id;			    /* of the LUN */
	uint8_t uuid[IMAGE_UUID];	    /* of this image, and of no other */
	be32 label_length;		    /* 0: neither it nor its checksum are there */
	uint8_t kind;			    /* enum image_kind */
	uint8_t reserved[3];
	be32 crc; /* of what is before it in this struct */
};
WIRE_SIZE(struct image_identity, 256);
WIRE_AT(struct image_identity, label_length, 244);
WIRE_AT(struct image_identity, id, 224);
WIRE_AT(struct image_identity, uuid, 228);
WIRE_AT(struct image_identity, crc, 252);

struct image_record {
	uint8_t tag[4];
	be32 length; /* DATA: bytes that follow the record; else 0 */
	be64 place;  /* DATA: where in the LUN; else how many extents there were */
	be32 digest; /* DATA: of those bytes; END: of all before this record; STOP: 0 */
	uint8_t reserved[8];
	be32 crc; /* of what is before it in the record */
};
WIRE_SIZE(struct image_record, 32);
WIRE_AT(struct image_record, place, 8);
WIRE_AT(struct image_record, crc, 28);

/* What an image is of. */
struct image_lun {
	uint64_t bytes;
	uint32_t block_bytes;
	char target[ISCSI_NAME_MAX + 1]; /* "": of nobody; then neither id nor uuid are there */
	unsigned id;
	uint8_t uuid[IMAGE_UUID];
	enum image_kind kind;
	uint8_t label[IMAGE_LABEL]; /* what memtgtd knows a kept LUN by; of no use to others */
	size_t label_len;
};

/* ---- writing ---- */

/* All n bytes. 0 or -errno. */
typedef int image_write(void *arg, const void *p, size_t n);

struct image_out {
	image_write *write;
	void *arg;
	uint32_t crc; /* running, of all that was written */
	uint64_t extents, data_bytes;
};

/* These return 0, or what `write` returned. */
int image_out_begin(struct image_out *o, image_write *write, void *arg, const struct image_lun *lun)
	__attribute__((warn_unused_result));
/* What the LUN has at `off`, in rising order; both multiples of the block, n <= IMAGE_DATA_MAX. */
int image_out_data(struct image_out *o, uint64_t off, const uint8_t *p, size_t n)
	__attribute__((warn_unused_result));
int image_out_end(struct image_out *o) __attribute__((warn_unused_result));
/* In place of the end: what was written is no image. */
int image_out_stop(struct image_out *o) __attribute__((warn_unused_result));

/* ---- reading ---- */

/* Just n bytes. 0, -ENODATA (they end before that), or -errno. */
typedef int image_read(void *arg, void *p, size_t n);

struct image_in {
	image_read *read;
	void *arg;
	struct image_lun lun;
	uint64_t extents, data_bytes; /* seen so far */
	/* As it lies there: what is before the first record, */
	struct {
		struct image_header header;
		struct image_identity identity;
		uint8_t label[IMAGE_LABEL + sizeof(be32)];
	} front;
	size_t front_bytes;
	struct image_record record; /* and the record that was read last. */
	uint8_t *data;		    /* of the last extent */
	size_t length;
	uint64_t place, next; /* of the last extent, and its end */
	uint32_t crc;
	char why[IMAGE_WHY]; /* a sentence, after an error */
};

/* Reads the header, and whose it is. To be closed in any case. 0 or -errno; -EINVAL: damaged, or no
 * image. */
int image_in_open(struct image_in *i, image_read *read, void *arg)
	__attribute__((warn_unused_result));
/* 1: an extent; 0: the end, and all was right; -ECONNABORTED: who wrote it stopped; -EINVAL:
 * damaged, or cut off; or what `read` returned. */
int image_in_next(struct image_in *i) __attribute__((warn_unused_result));
void image_in_close(struct image_in *i);

#endif
