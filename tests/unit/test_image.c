// SPDX-License-Identifier: MIT
/*
 * test_image.c - images of LUNs in memory: what is left out, what comes back, and every kind of
 * damage.
 */
#include "base/image.h"

#include <check.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "lib/test_main.h"
#include "pdu/digest.h"

#define ROOM  ((size_t)4 << 20)
#define BLOCK 512u
#define NAME  "iqn.2026-01.org.memtgt:a"

static uint8_t image[ROOM], copy[ROOM];
static size_t len, at;
static size_t refuse_from; /* bytes that are taken before an error */
static struct image_in in;

static int put(void *arg, const void *p, size_t n)
{
	(void)arg;
	if (len + n > refuse_from)
		return -EPIPE;
	memcpy(image + len, p, n);
	len += n;
	return 0;
}

static int get(void *arg, void *p, size_t n)
{
	(void)arg;
	if (n > len - at)
		return -ENODATA;
	memcpy(p, image + at, n);
	at += n;
	return 0;
}

static void setup(void)
{
	len = at = 0;
	refuse_from = ROOM;
	memset(copy, 0, sizeof(copy));
}

static void begin(struct image_out *o, uint64_t bytes, uint32_t block)
{
	const struct image_lun lun = {.bytes = bytes, .block_bytes = block};

	ck_assert_int_eq(image_out_begin(o, put, NULL, &lun), 0);
}

/* 0, or the error of the first call that gave one. What it hands out goes to `copy`. */
static int read_all(void)
{
	at = 0;
	int rc = image_in_open(&in, get, NULL);

	while (!rc && (rc = image_in_next(&in)) > 0) {
		if (in.place + in.length <= sizeof(copy))
			memcpy(copy + in.place, in.data, in.length);
		rc = 0;
	}
	image_in_close(&in);
	return rc;
}

static void expect_bad(const char *text)
{
	ck_assert_int_eq(read_all(), -EINVAL);
	ck_assert_msg(strstr(in.why, text) != NULL, "no \"%s\" in: %s", text, in.why);
}

/* ---- what is good ---- */

/* Bytes that are not zero: from, to. */
static const struct {
	uint64_t bytes;
	struct {
		size_t from, to;
	} data[3];
	unsigned extents;
	size_t stored;
} luns[] = {
	/* clang-format off */
	{512,         {{0, 0}},                                  0, 0},
	{512,         {{511, 512}},                              1, 512},
	{4096 + 512,  {{4096, 4097}},                            1, 512},
	{65536,       {{0, 65536}},                              1, 65536},
	{65536,       {{4095, 4096}, {8192, 8193}},              2, 8192},
	{65536,       {{4095, 4097}},                            1, 8192},
	{65536,       {{0, 1}, {32768, 40960}, {65535, 65536}},  3, 16384},
	{3 << 20,     {{0, 3 << 20}},                            3, 3 << 20},
	{3 << 20,     {{(1 << 20) - 1, (1 << 20) + 1}},          2, 8192},
	/* clang-format on */
};

START_TEST(round_trip)
{
	uint8_t *lun = calloc(1, luns[_i].bytes);
	struct image_out o;

	for (size_t i = 0; i < 3; i++)
		memset(lun + luns[_i].data[i].from, 0x5a,
		       luns[_i].data[i].to - luns[_i].data[i].from);
	begin(&o, luns[_i].bytes, BLOCK);
	for (size_t off = 0; off < luns[_i].bytes; off += IMAGE_DATA_MAX) {
		size_t n = luns[_i].bytes - off;
		n = n < IMAGE_DATA_MAX ? n : IMAGE_DATA_MAX;
		ck_assert_int_eq(image_out_data(&o, off, lun + off, n), 0);
	}
	ck_assert_int_eq(image_out_end(&o), 0);
	ck_assert_uint_eq(o.extents, luns[_i].extents);
	ck_assert_uint_eq(o.data_bytes, luns[_i].stored);
	ck_assert_uint_eq(len, 64 + 32 * (luns[_i].extents + 1) + luns[_i].stored);
	ck_assert_int_eq(read_all(), 0);
	ck_assert_uint_eq(at, len);
	ck_assert_uint_eq(in.lun.bytes, luns[_i].bytes);
	ck_assert_uint_eq(in.lun.block_bytes, BLOCK);
	ck_assert_uint_eq(in.extents, luns[_i].extents);
	ck_assert_uint_eq(in.data_bytes, luns[_i].stored);
	ck_assert_mem_eq(copy, lun, luns[_i].bytes);
	free(lun);
}
END_TEST

/* The bytes of memtgt-control(7): CRC32C of "123456789" is e3069283. */
START_TEST(layout)
{
	static uint8_t block[BLOCK] = "123456789";
	struct image_out o;

	begin(&o, 1024, BLOCK);
	ck_assert_int_eq(image_out_data(&o, 512, block, sizeof(block)), 0);
	ck_assert_int_eq(image_out_end(&o), 0);
	ck_assert_mem_eq(image, "MTGTLUN\n\0\0\0\1\0\0\2\0\0\0\0\0\0\0\4\0", 24);
	ck_assert_mem_eq(image + 64, "DATA\0\0\2\0\0\0\0\0\0\0\2\0", 16);
	ck_assert_mem_eq(image + 96, block, sizeof(block));
	ck_assert_mem_eq(image + 96 + 512, "END.\0\0\0\0\0\0\0\0\0\0\0\1", 16);
	ck_assert_uint_eq(ld32(image + 60), ~digest_update(DIGEST_INIT, image, 60));
	ck_assert_uint_eq(ld32(image + 80), ~digest_update(DIGEST_INIT, block, 512));
	ck_assert_uint_eq(ld32(image + 92), ~digest_update(DIGEST_INIT, image + 64, 28));
	ck_assert_uint_eq(ld32(image + 624), ~digest_update(DIGEST_INIT, image, 608));
	ck_assert_uint_eq(~digest_update(DIGEST_INIT, "123456789", 9), 0xe3069283);
}
END_TEST

START_TEST(errors_of_who_writes)
{
	static uint8_t block[4096] = {1};
	struct image_lun lun = {.bytes = 8192, .block_bytes = BLOCK};
	struct image_out o;

	refuse_from = 63;
	ck_assert_int_eq(image_out_begin(&o, put, NULL, &lun), -EPIPE);
	refuse_from = 64 + 255;
	strcpy(lun.target, NAME);
	ck_assert_int_eq(image_out_begin(&o, put, NULL, &lun), -EPIPE);
	len = 0;
	for (refuse_from = 64; refuse_from < 64 + 32 + 4096; refuse_from += 32) {
		len = 0;
		begin(&o, 8192, BLOCK);
		ck_assert_int_eq(image_out_data(&o, 0, block, sizeof(block)), -EPIPE);
	}
	len = 0;
	begin(&o, 8192, BLOCK);
	ck_assert_int_eq(image_out_data(&o, 0, block, sizeof(block)), 0);
	ck_assert_int_eq(image_out_end(&o), -EPIPE);
}
END_TEST

/* ---- what is not ---- */

/* Two extents of a block, and one of 8 KiB, in 64 KiB. */
static void make_small(const char *target)
{
	static uint8_t lun[65536];
	struct image_lun of = {.bytes = sizeof(lun), .block_bytes = BLOCK, .id = 7};
	struct image_out o;

	strcpy(of.target, target);
	memcpy(of.uuid, "0123456789abcdef", sizeof(of.uuid));

	for (size_t i = 0; i < 8192; i++)
		lun[32768 + i] = (uint8_t)(i * 7 + 1);
	lun[5] = 1;
	lun[16384] = 2;
	ck_assert_int_eq(image_out_begin(&o, put, NULL, &of), 0);
	ck_assert_int_eq(image_out_data(&o, 0, lun, sizeof(lun)), 0);
	ck_assert_int_eq(image_out_end(&o), 0);
	ck_assert_uint_eq(o.extents, 3);
	ck_assert_int_eq(read_all(), 0);
}

START_TEST(cut_anywhere)
{
	size_t whole;

	make_small(_i ? NAME : "");
	whole = len;
	for (len = 0; len < whole; len++)
		expect_bad("cut off");
}
END_TEST

/* Of make_small(): between what begins the third extent and the end. */
static bool is_data(size_t byte)
{
	return byte >= 1536 && byte + 256 < len;
}

START_TEST(any_bit)
{
	make_small(_i ? NAME : "");
	/* What follows the name is the same with it as without. */
	const size_t bytes = _i ? 1024 : len;

	ck_assert_uint_le(bytes, len);
	/* Each bit of what is read field by field; of the long extent each byte, as one checksum is
	 * over all of it. */
	for (size_t bit = 0; bit < bytes * 8; bit += is_data(bit / 8) ? 9 : 1) {
		image[bit / 8] ^= (uint8_t)(1u << bit % 8);
		ck_assert_msg(read_all() == -EINVAL, "bit %zu was missed", bit);
		image[bit / 8] ^= (uint8_t)(1u << bit % 8);
	}
	ck_assert_int_eq(read_all(), 0);
}
END_TEST

/* What is handed out before a fault is found was right: no extent with a wrong byte. */
START_TEST(nothing_wrong_is_handed_out)
{
	static uint8_t good[65536];

	make_small("");
	memcpy(good, copy, sizeof(good));
	for (size_t byte = 64; byte < len; byte += is_data(byte) ? 13 : 1) {
		memset(copy, 0, sizeof(good));
		image[byte] ^= 0x40;
		ck_assert_int_eq(read_all(), -EINVAL);
		image[byte] ^= 0x40;
		for (size_t i = 0; i < sizeof(good); i += BLOCK)
			ck_assert(!copy[i] || !memcmp(copy + i, good + i, BLOCK));
	}
}
END_TEST

/* All its checksums are right; what it says is not. */
static void add(const char *tag, uint32_t length, uint64_t place, size_t data)
{
	struct image_record *r = (struct image_record *)(void *)(image + len);
	uint8_t *p = image + len + sizeof(*r);

	memset(r, 0, sizeof(*r));
	memset(p, 0x33, data);
	memcpy(r->tag, tag, 4);
	put32(&r->length, length);
	put64(&r->place, place);
	put32(&r->digest, ~digest_update(DIGEST_INIT, data ? p : image, data ? data : len));
	put32(&r->crc, ~digest_update(DIGEST_INIT, r, offsetof(struct image_record, crc)));
	len += sizeof(*r) + data;
}

static void add_header(uint32_t version, uint32_t block, uint64_t bytes, uint8_t reserved)
{
	struct image_header *h = (struct image_header *)(void *)image;

	memset(h, 0, sizeof(*h));
	memcpy(h->magic, IMAGE_MAGIC, sizeof(h->magic));
	put32(&h->version, version);
	put32(&h->block_bytes, block);
	put64(&h->lun_bytes, bytes);
	h->reserved[35] = reserved;
	put32(&h->crc, ~digest_update(DIGEST_INIT, h, offsetof(struct image_header, crc)));
	len = sizeof(*h);
}

static const struct {
	uint32_t version, block;
	uint64_t bytes;
	uint8_t reserved;
	const char *why;
} headers[] = {
	/* clang-format off */
	{0, 512,  65536,                  0, "version 0"},
	{3, 512,  65536,                  0, "version 3"},
	{2, 512,  65536,                  0, "cut off"},
	{1, 0,    65536,                  0, "blocks of 0"},
	{1, 1024, 65536,                  0, "blocks of 1024"},
	{1, 512,  0,                      0, "no sense"},
	{1, 512,  513,                    0, "no sense"},
	{1, 4096, 512,                    0, "no sense"},
	{1, 512,  (uint64_t)1 << 63,      0, "no sense"},
	{1, 512,  65536,                  1, "no sense"},
	/* clang-format on */
};

START_TEST(header)
{
	add_header(headers[_i].version, headers[_i].block, headers[_i].bytes, headers[_i].reserved);
	add(IMAGE_TAG_END, 0, 0, 0);
	expect_bad(headers[_i].why);
}
END_TEST

/* Whose it is comes back, up to the longest name; and it may be of nobody. */
START_TEST(identity)
{
	char name[ISCSI_NAME_MAX + 1] = NAME;

	make_small("");
	ck_assert_str_eq(in.lun.target, "");
	setup();
	if (_i)
		memset(name + strlen(name), 'x', ISCSI_NAME_MAX - strlen(name));
	make_small(name);
	ck_assert_str_eq(in.lun.target, name);
	ck_assert_uint_eq(in.lun.id, 7);
	ck_assert_mem_eq(in.lun.uuid, "0123456789abcdef", IMAGE_UUID);
	ck_assert_uint_eq(in.front_bytes, 64 + 256);
}
END_TEST

/* Up to the longest, which is told apart from one that is longer. */
START_TEST(label)
{
	static const size_t lengths[] = {0, 1, 84, IMAGE_LABEL};
	struct image_lun of = {.bytes = 65536, .block_bytes = BLOCK, .target = NAME};
	struct image_out o;

	of.kind = IMAGE_FULL;
	of.label_len = lengths[_i];
	memset(of.label, 0x77, of.label_len);
	ck_assert_int_eq(image_out_begin(&o, put, NULL, &of), 0);
	ck_assert_int_eq(image_out_end(&o), 0);
	ck_assert_int_eq(read_all(), 0);
	ck_assert_uint_eq(in.lun.label_len, lengths[_i]);
	ck_assert_mem_eq(in.lun.label, of.label, IMAGE_LABEL);
	ck_assert_int_eq(in.lun.kind, IMAGE_FULL);
	ck_assert_uint_eq(in.front_bytes, 64 + 256 + (lengths[_i] ? lengths[_i] + 4 : 0));
	size_t whole = len;
	for (len = 0; len < whole; len++)
		expect_bad("cut off");
	for (size_t bit = 0; bit < len * 8; bit++) {
		image[bit / 8] ^= (uint8_t)(1u << bit % 8);
		ck_assert_msg(read_all() == -EINVAL, "bit %zu was missed", bit);
		image[bit / 8] ^= (uint8_t)(1u << bit % 8);
	}
}
END_TEST

START_TEST(label_too_long)
{
	struct image_identity *d = (struct image_identity *)(void *)(image + 64);

	make_small(NAME);
	put32(&d->label_length, IMAGE_LABEL + 1);
	put32(&d->crc, ~digest_update(DIGEST_INIT, d, offsetof(struct image_identity, crc)));
	expect_bad("no sense");
}
END_TEST

/* Its checksum is right, what it says is not. */
static const struct {
	size_t at;
	uint8_t byte;
	const char *why; /* NULL: it is good */
} identities[] = {
	/* clang-format off */
	{0,   0,    "no sense"}, /* no name */
	{0,   'x',  "no sense"},
	{4,   'A',  "no sense"},
	{5,   '/',  "no sense"},
	{5,   '\n', "no sense"},
	{223, 'x',  "no sense"}, /* behind the NUL */
	{223, 0,    NULL},
	{245, 1,    "no sense"}, /* a label of 64 KiB */
	{248, 2,    NULL},
	{248, 3,    "no sense"},
	{249, 1,    "no sense"},
	{251, 1,    "no sense"},
	{227, 255,  NULL},
	{243, 0,    NULL},
	/* clang-format on */
};

START_TEST(bad_identity)
{
	struct image_identity *d = (struct image_identity *)(void *)(image + 64);

	make_small(NAME);
	image[64 + identities[_i].at] = identities[_i].byte;
	put32(&d->crc, ~digest_update(DIGEST_INIT, d, offsetof(struct image_identity, crc)));
	/* And so is that of all. */
	st32(image + len - 16, ~digest_update(DIGEST_INIT, image, len - 32));
	st32(image + len - 4, ~digest_update(DIGEST_INIT, image + len - 32, 28));
	if (identities[_i].why)
		expect_bad(identities[_i].why);
	else
		ck_assert_msg(!read_all(), "%s", in.why);
}
END_TEST

/* A LUN of 16 KiB in blocks of 4096. */
static const struct {
	struct {
		uint32_t length;
		uint64_t place;
		size_t data;
	} extent[2];
	const char *why; /* NULL: it is good */
} extents[] = {
	/* clang-format off */
	{{{4096, 0, 4096}, {4096, 4096, 4096}},                 NULL},
	{{{4096, 0, 4096}, {4096, 12288, 4096}},                NULL},
	{{{16384, 0, 16384}},                                   NULL},
	{{{4096, 4096, 4096}, {4096, 0, 4096}},                 "extent 1 is not behind"},
	{{{4096, 0, 4096}, {4096, 0, 4096}},                    "extent 1 is not behind"},
	{{{8192, 0, 8192}, {4096, 4096, 4096}},                 "extent 1 is not behind"},
	{{{4096, 16384, 4096}},                                 "extent 0 is beyond"},
	{{{8192, 12288, 8192}},                                 "extent 0 is beyond"},
	{{{4096, 0xfffffffffffff000u, 4096}},                   "extent 0 is beyond"},
	{{{512, 0, 512}},                                       "extent 0 makes no sense"},
	{{{4096, 512, 4096}},                                   "extent 0 makes no sense"},
	{{{(1 << 20) + 4096, 0, (1 << 20) + 4096}},             "extent 0 makes no sense"},
	{{{0xfffff000u, 0, 4096}},                              "extent 0 makes no sense"},
	/* clang-format on */
};

START_TEST(extent)
{
	uint64_t n = 0;

	add_header(1, 4096, 16384, 0);
	for (; n < 2 && extents[_i].extent[n].length; n++)
		add(IMAGE_TAG_DATA, extents[_i].extent[n].length, extents[_i].extent[n].place,
		    extents[_i].extent[n].data);
	add(IMAGE_TAG_END, 0, n, 0);
	if (extents[_i].why)
		expect_bad(extents[_i].why);
	else
		ck_assert_msg(!read_all(), "%s", in.why);
}
END_TEST

START_TEST(empty_extent)
{
	add_header(1, 4096, 16384, 0);
	add(IMAGE_TAG_DATA, 0, 0, 0);
	add(IMAGE_TAG_END, 0, 1, 0);
	expect_bad("extent 0 makes no sense");
}
END_TEST

/* An extent that was taken out whole, or came twice, or records that are of no kind. */
START_TEST(ends)
{
	add_header(1, 4096, 16384, 0);
	add(IMAGE_TAG_END, 0, 1, 0);
	expect_bad("0 extents are there, and 1");
	add_header(1, 4096, 16384, 0);
	add(IMAGE_TAG_END, 4096, 0, 4096);
	expect_bad("0 extents are there");
	add_header(1, 4096, 16384, 0);
	add("NONE", 0, 0, 0);
	expect_bad("unknown kind");
	add_header(1, 4096, 16384, 0);
	size_t begin_of_end = len;
	add(IMAGE_TAG_END, 0, 0, 0);
	image[begin_of_end + 16] ^= 1; /* the checksum over all, and that of the record is right */
	st32(image + begin_of_end + 28, ~digest_update(DIGEST_INIT, image + begin_of_end, 28));
	expect_bad("checksum over all");
}
END_TEST

START_TEST(stopped)
{
	static uint8_t block[BLOCK] = {1};
	struct image_out o;

	begin(&o, 65536, BLOCK);
	ck_assert_int_eq(image_out_data(&o, 0, block, sizeof(block)), 0);
	ck_assert_int_eq(image_out_stop(&o), 0);
	ck_assert_int_eq(read_all(), -ECONNABORTED);
	ck_assert_str_eq(in.why, "the image was not completed");
}
END_TEST

START_TEST(no_image)
{
	memset(image, 'x', 4096);
	len = 4096;
	expect_bad("no image");
	memset(image, 0, 4096);
	expect_bad("no image");
}
END_TEST

int main(void)
{
	Suite *s = suite_create("image");
	TCase *t = tcase_create("image");

	tcase_set_timeout(t, 120);
	tcase_add_checked_fixture(t, setup, NULL);
	tcase_add_loop_test(t, round_trip, 0, sizeof(luns) / sizeof(luns[0]));
	tcase_add_test(t, layout);
	tcase_add_test(t, errors_of_who_writes);
	tcase_add_loop_test(t, cut_anywhere, 0, 2);
	tcase_add_loop_test(t, any_bit, 0, 2);
	tcase_add_test(t, nothing_wrong_is_handed_out);
	tcase_add_loop_test(t, header, 0, sizeof(headers) / sizeof(headers[0]));
	tcase_add_loop_test(t, identity, 0, 2);
	tcase_add_loop_test(t, label, 0, 4);
	tcase_add_test(t, label_too_long);
	tcase_add_loop_test(t, bad_identity, 0, sizeof(identities) / sizeof(identities[0]));
	tcase_add_loop_test(t, extent, 0, sizeof(extents) / sizeof(extents[0]));
	tcase_add_test(t, empty_extent);
	tcase_add_test(t, ends);
	tcase_add_test(t, stopped);
	tcase_add_test(t, no_image);
	suite_add_tcase(s, t);
	return test_main(s);
}
