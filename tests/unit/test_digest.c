// SPDX-License-Identifier: MIT
/* The CRC32C of RFC 7143 B.4, in one piece and in any two. */
#include <string.h>

#include "lib/test_main.h"
#include "pdu/digest.h"

/* clang-format off */
static const struct vector {
	uint8_t in[48];
	size_t n;
	uint8_t wire[4];
} vectors[] = {
	{{0}, 32, {0xaa, 0x36, 0x91, 0x8a}},
	{{0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
	  0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff},
	 32, {0x43, 0xab, 0xa8, 0x62}},
	{{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15,
	  16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31},
	 32, {0x4e, 0x79, 0xdd, 0x46}},
	{{31, 30, 29, 28, 27, 26, 25, 24, 23, 22, 21, 20, 19, 18, 17, 16,
	  15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0},
	 32, {0x5c, 0xdb, 0x3f, 0x11}},
	{{0x01, 0xc0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x14, 0, 0, 0, 0, 0, 0x04, 0,
	  0, 0, 0, 0x14, 0, 0, 0, 0x18, 0x28, 0, 0, 0, 0, 0, 0, 0, 0x02},
	 48, {0x56, 0x3a, 0x96, 0xd9}},
};
/* clang-format on */
#define NVECTORS ((int)(sizeof(vectors) / sizeof(*vectors)))

START_TEST(rfc_vectors)
{
	const struct vector *v = &vectors[_i];
	uint8_t out[4];

	digest_final(digest_update(DIGEST_INIT, v->in, v->n), out);
	ck_assert_mem_eq(out, v->wire, 4);
}
END_TEST

START_TEST(any_two_pieces)
{
	const struct vector *v = &vectors[_i];

	for (size_t cut = 0; cut <= v->n; cut++) {
		uint8_t out[4];
		uint32_t crc = digest_update(DIGEST_INIT, v->in, cut);
		digest_final(digest_update(crc, v->in + cut, v->n - cut), out);
		ck_assert_mem_eq(out, v->wire, 4);
	}
}
END_TEST

START_TEST(nothing_changes_nothing)
{
	ck_assert_uint_eq(digest_update(DIGEST_INIT, NULL, 0), DIGEST_INIT);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("digest");
	TCase *t = tcase_create("crc32c");

	suite_add_tcase(s, t);
	tcase_add_loop_test(t, rfc_vectors, 0, NVECTORS);
	tcase_add_loop_test(t, any_two_pieces, 0, NVECTORS);
	tcase_add_test(t, nothing_changes_nothing);
	return test_main(s);
}
