// SPDX-License-Identifier: MIT
/*
 * fuzz_image - any bytes as an image of a LUN. What is handed out lies in the LUN, in order, and is
 * what stands there.
 *
 * Each input is read twice: as it is, and with its checksums made right, which gets behind them.
 */
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/image.h"
#include "fuzz/fuzz.h"
#include "pdu/digest.h"

struct bytes {
	const uint8_t *p;
	size_t n, at;
};

static int get(void *arg, void *p, size_t n)
{
	struct bytes *b = arg;

	if (n > b->n - b->at)
		return -ENODATA;
	memcpy(p, b->p + b->at, n);
	b->at += n;
	return 0;
}

static uint32_t crc(const uint8_t *p, size_t n)
{
	return ~digest_update(DIGEST_INIT, p, n);
}

/* Follows the lengths as they stand there. */
static void make_right(uint8_t *p, size_t n)
{
	size_t front = sizeof(struct image_header);

	if (n < front)
		return;
	st32(p + offsetof(struct image_header, crc), crc(p, offsetof(struct image_header, crc)));
	if (ld32(p + offsetof(struct image_header, version)) == 2) {
		if (n - front < sizeof(struct image_identity))
			return;
		st32(p + front + offsetof(struct image_identity, crc),
		     crc(p + front, offsetof(struct image_identity, crc)));
		size_t label = ld32(p + front + offsetof(struct image_identity, label_length));
		front += sizeof(struct image_identity);
		if (label > IMAGE_LABEL || n - front < label + 4)
			return;
		if (label) {
			st32(p + front + label, crc(p + front, label));
			front += label + 4;
		}
	}
	for (size_t at = front; n - at >= sizeof(struct image_record);) {
		uint8_t *r = p + at;
		size_t length = ld32(r + offsetof(struct image_record, length));
		bool is_end = !memcmp(r, IMAGE_TAG_END, 4);
		at += sizeof(struct image_record);
		if (length > n - at)
			length = n - at;
		st32(r + offsetof(struct image_record, digest),
		     is_end ? crc(p, (size_t)(r - p)) : crc(p + at, length));
		st32(r + offsetof(struct image_record, crc),
		     crc(r, offsetof(struct image_record, crc)));
		at += length;
	}
}

static void parse(const uint8_t *p, size_t n)
{
	struct bytes b = {.p = p, .n = n};
	struct image_in i;
	uint64_t end = 0, extents = 0;
	int rc = image_in_open(&i, get, &b);

	REQUIRE(!rc || (rc == -EINVAL && i.why[0]));
	REQUIRE(rc || (i.lun.label_len <= IMAGE_LABEL && i.front_bytes <= n));
	REQUIRE(strlen(i.lun.target) <= ISCSI_NAME_MAX && !strchr(i.lun.target, '/'));
	while (!rc && (rc = image_in_next(&i)) > 0) {
		REQUIRE(i.place >= end && i.length && i.length <= IMAGE_DATA_MAX);
		end = i.place + i.length;
		REQUIRE(end <= i.lun.bytes && end % i.lun.block_bytes == 0);
		REQUIRE(!memcmp(i.data, p + b.at - i.length, i.length));
		REQUIRE(++extents == i.extents);
		rc = 0;
	}
	REQUIRE(!rc || i.why[0]);
	image_in_close(&i);
}

int LLVMFuzzerTestOneInput(const uint8_t *in, size_t n)
{
	uint8_t *copy = malloc(n + 1);

	REQUIRE(copy);
	parse(in, n);
	if (n)
		memcpy(copy, in, n);
	make_right(copy, n);
	parse(copy, n);
	free(copy);
	return 0;
}
