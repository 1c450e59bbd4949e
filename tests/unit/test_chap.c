// SPDX-License-Identifier: MIT
/* test_chap.c - the exchange of CHAP: algorithms, both directions, every wrong value. */
#include "iscsi/chap.h"

#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/test_main.h"

#define ALL 15u

static struct config_credential credentials[] = {
	{.name = "alpha", .secret = "alpha-secret-1234", .secret_len = 17},
	{.name = "beta", .secret = "beta-secret-12345", .secret_len = 17},
	{.name = "donor", .secret = "donor-secret-1234", .secret_len = 17},
	{.name = "other", .secret = "other-secret-1234", .secret_len = 17},
};
enum { ALPHA, BETA, DONOR, OTHER };

static struct config config = {.credentials = credentials, .ncredentials = 4};
static struct config_auth auth;
static struct chap c;
static char said[4096]; /* our last keys, "a=b|c=d|" */

static void setup(void)
{
	config.login.chap_algorithms = ALL;
	auth = (struct config_auth){
		.required = true, .chap = {1 << ALPHA | 1 << BETA}, .mutual = &credentials[DONOR]};
	chap_begin(&c, &config, &auth);
}

static enum chap_result hear(const char *a, const char *n, const char *r, const char *i,
			     const char *ch)
{
	const char *keys[CHAP_KEYS] = {
		[CHAP_A] = a, [CHAP_N] = n, [CHAP_R] = r, [CHAP_I] = i, [CHAP_C] = ch};
	struct writer w = writer_of(said, sizeof(said) - 1);
	enum chap_result result = chap_input(&c, keys, &w);

	for (size_t k = 0; k < writer_len(&w); k++)
		if (!said[k])
			said[k] = '|';
	said[writer_len(&w)] = '\0';
	if (result != CHAP_OK) {
		ck_assert_ptr_nonnull(c.why);
		ck_assert_int_eq(c.phase, CHAP_FAILED);
	}
	return result;
}

static const char *hex_of(const uint8_t *p, size_t n)
{
	static char text[2 * 2048 + 3];

	strcpy(text, "0x");
	for (size_t i = 0; i < n; i++)
		sprintf(text + 2 + 2 * i, "%02x", p[i]);
	return text;
}

/* Made by other functions of the library than chap.c uses, from the very definition. */
static size_t digest(unsigned number, uint8_t id, const char *secret, const uint8_t *challenge,
		     size_t n, uint8_t out[64])
{
	const EVP_MD *md = number == 5	 ? EVP_md5()
			   : number == 6 ? EVP_sha1()
			   : number == 7 ? EVP_sha256()
					 : EVP_sha3_256();
	uint8_t all[2048] = {id};
	unsigned len = 0;

	memcpy(all + 1, secret, strlen(secret));
	memcpy(all + 1 + strlen(secret), challenge, n);
	ck_assert(EVP_Digest(all, 1 + strlen(secret) + n, out, &len, md, NULL));
	return len;
}

/* What who knows this secret answers to our challenge. */
static const char *response(const char *secret)
{
	uint8_t out[64];
	size_t n = digest(chap_number(c.algorithm), c.id, secret, c.challenge, CHAP_CHALLENGE, out);

	return hex_of(out, n);
}

static void challenged(const char *algorithms)
{
	ck_assert_int_eq(hear(algorithms, NULL, NULL, NULL, NULL), CHAP_OK);
	ck_assert_int_eq(c.phase, CHAP_WANTS_NR);
}

static void refused(enum chap_result r, const char *why)
{
	ck_assert_int_eq(r, CHAP_REFUSED);
	ck_assert_msg(strstr(c.why, why) != NULL, "\"%s\", not \"%s\"", c.why, why);
	ck_assert_str_eq(said, "");
}

/* md5sum(1), sha1sum(1), sha256sum(1), openssl dgst -sha3-256, each of "xabcdefghijklmnopyz". */
static const char *const known[] = {
	"0x61d434ac7790bbd3d49ac76bac75de28",
	"0xa4433c4c06533cfa2d85f983ddbb8325ffab7cee",
	"0xa19253d914369b4ff8c8cef43d0769e3f98a790682382ceef2de09c7f7669624",
	"0xcb5952793e998b9a98bb490e52a4a4608006633579b18d142d41343bc52756e6",
};

START_TEST(known_answers)
{
	struct config_credential who = {.secret = "abcdefghijklmnop", .secret_len = 16};
	uint8_t out[CHAP_RESPONSE_MAX];
	char number[] = {(char)('5' + _i), 0};

	challenged(number);
	ck_assert(chap_digest(c.algorithm, 'x', &who, (const uint8_t *)"yz", 2, out));
	ck_assert_str_eq(hex_of(out, chap_digest_len(c.algorithm)), known[_i]);
}
END_TEST

/* clang-format off */
static const struct {
	const char *list;
	unsigned ours, chosen; /* 0: refused */
} lists[] = {
	{"5", ALL, 5}, {"6", ALL, 6}, {"7", ALL, 7}, {"8", ALL, 8},
	{"8,7,6,5", ALL, 8}, {"5,7", ALL, 5}, {"5,7", CONFIG_CHAP_SHA256, 7},
	{"5,6,7,8", CONFIG_CHAP_SHA3_256, 8}, {"5", CONFIG_CHAP_SHA1, 0}, {"7,8", 3, 0},
	{"9,1,7", ALL, 7}, {"0x7", ALL, 7}, {"0X8", ALL, 8}, {",,5", ALL, 5}, {"MD5,5", ALL, 5},
	{"5,5,5", ALL, 5},
	{"", ALL, 0}, {",", ALL, 0}, {"MD5", ALL, 0}, {"05", ALL, 0}, {"55", ALL, 0}, {" 5", ALL, 0},
	{"5 ", ALL, 0}, {"5x", ALL, 0}, {"0x", ALL, 0}, {"-5", ALL, 0}, {"4,9,10", ALL, 0},
	{"261", ALL, 0}, {"4294967301", ALL, 0}, {"18446744073709551621", ALL, 0},
	{"0000000000000005", ALL, 0}, {"sha256", ALL, 0}, {"SHA3-256", ALL, 0}, {"5;7", ALL, 0},
};
/* clang-format on */

START_TEST(bad_input_lio_only_whole_numbers_match)
{
	char want[32];

	config.login.chap_algorithms = lists[_i].ours;
	enum chap_result r = hear(lists[_i].list, NULL, NULL, NULL, NULL);
	if (!lists[_i].chosen) {
		refused(r, "algorithm");
		return;
	}
	ck_assert_int_eq(r, CHAP_OK);
	ck_assert_uint_eq(chap_number(c.algorithm), lists[_i].chosen);
	snprintf(want, sizeof(want), "CHAP_A=%u|", lists[_i].chosen);
	ck_assert_int_eq(strncmp(said, want, strlen(want)), 0);
}
END_TEST

START_TEST(a_list_of_thousands)
{
	char *list = malloc(16000);
	size_t n = 0;

	while (n < 15000)
		n += (size_t)sprintf(list + n, "%zu,", n + 9);
	strcpy(list + n, "7");
	challenged(list);
	ck_assert_uint_eq(chap_number(c.algorithm), 7);
	free(list);
}
END_TEST

START_TEST(the_challenge_as_it_is_sent)
{
	char want[256];

	challenged("7");
	snprintf(want, sizeof(want), "CHAP_A=7|CHAP_I=%u|CHAP_C=%s|", c.id,
		 hex_of(c.challenge, CHAP_CHALLENGE));
	ck_assert_str_eq(said, want);
}
END_TEST

/* CVE-2024-45751 was a generator that anybody can run himself. Here: never one twice, no bit dull.
 */
START_TEST(bad_input_cve_2024_45751_challenges_differ)
{
	enum { N = 200 };
	static uint8_t seen[N][CHAP_CHALLENGE];
	unsigned ones[8 * CHAP_CHALLENGE] = {0};

	for (unsigned i = 0; i < N; i++) {
		setup();
		challenged("5");
		memcpy(seen[i], c.challenge, CHAP_CHALLENGE);
		for (unsigned j = 0; j < i; j++)
			ck_assert_mem_ne(seen[i], seen[j], CHAP_CHALLENGE);
		for (unsigned b = 0; b < 8 * CHAP_CHALLENGE; b++)
			ones[b] += seen[i][b / 8] >> b % 8 & 1;
	}
	/* A fair bit is hardly ever outside of this: seven times its deviation. */
	for (unsigned b = 0; b < 8 * CHAP_CHALLENGE; b++)
		ck_assert(ones[b] > N / 4 && ones[b] < N - N / 4);
}
END_TEST

static const char *const numbers[] = {"5", "6", "7", "8"};

START_TEST(one_way)
{
	challenged(numbers[_i]);
	ck_assert_int_eq(hear(NULL, "beta", response("beta-secret-12345"), NULL, NULL), CHAP_OK);
	ck_assert_int_eq(c.phase, CHAP_PASSED);
	ck_assert_str_eq(said, "");
	ck_assert_str_eq(c.user, "beta");
	/* And nothing after it. */
	ck_assert_int_eq(hear(NULL, NULL, NULL, NULL, NULL), CHAP_OK);
	refused(hear(NULL, "beta", NULL, NULL, NULL), "does not go on");
}
END_TEST

static const size_t challenge_lengths[] = {1, 16, 31, 32, 33, 1023, 1024};

START_TEST(mutual)
{
	uint8_t theirs[1024], out[64];
	char want[256], challenge[2051];
	unsigned number = 5 + (unsigned)_i % 4;
	size_t n = challenge_lengths[_i / 4];

	memset(theirs, 0xa7, sizeof(theirs));
	challenged(numbers[_i % 4]);
	strcpy(challenge, hex_of(theirs, n));
	ck_assert_int_eq(hear(NULL, "alpha", response("alpha-secret-1234"), "200", challenge),
			 CHAP_OK);
	ck_assert_int_eq(c.phase, CHAP_PASSED);
	size_t len = digest(number, 200, "donor-secret-1234", theirs, n, out);
	snprintf(want, sizeof(want), "CHAP_N=donor|CHAP_R=%s|", hex_of(out, len));
	ck_assert_str_eq(said, want);
}
END_TEST

START_TEST(base64_in_both)
{
	char text[128] = "0b";
	uint8_t out[64];

	challenged("8");
	size_t n = digest(8, c.id, "alpha-secret-1234", c.challenge, CHAP_CHALLENGE, out);
	EVP_EncodeBlock((unsigned char *)text + 2, out, (int)n);
	ck_assert_int_eq(hear(NULL, "alpha", text, "0xFF", "0BAAAA"), CHAP_OK);
	ck_assert_ptr_nonnull(strstr(said, "CHAP_N=donor|"));
}
END_TEST

/* ---- refused ---- */

START_TEST(wrong_secret_and_unknown_user)
{
	challenged(numbers[_i]);
	refused(hear(NULL, "alpha", response("alpha-secret-1235"), NULL, NULL), "wrong response");
	setup();
	challenged(numbers[_i]);
	refused(hear(NULL, "nobody", response("alpha-secret-1234"), NULL, NULL), "no such user");
	/* Known in the file, but not to this rule: with his own secret, too. */
	setup();
	challenged(numbers[_i]);
	refused(hear(NULL, "other", response("other-secret-1234"), NULL, NULL), "no such user");
	/* A user with another's secret. */
	setup();
	challenged(numbers[_i]);
	refused(hear(NULL, "beta", response("alpha-secret-1234"), NULL, NULL), "wrong response");
	/* Case counts. */
	setup();
	challenged(numbers[_i]);
	refused(hear(NULL, "Alpha", response("alpha-secret-1234"), NULL, NULL), "no such user");
}
END_TEST

/* Each bit of a response counts. */
START_TEST(every_bit_counts)
{
	for (unsigned bit = 0; bit < 8 * 16; bit++) {
		uint8_t out[64];
		setup();
		challenged("5");
		size_t n = digest(5, c.id, "alpha-secret-1234", c.challenge, CHAP_CHALLENGE, out);
		out[bit / 8] ^= (uint8_t)(1 << bit % 8);
		refused(hear(NULL, "alpha", hex_of(out, n), NULL, NULL), "wrong response");
	}
}
END_TEST

/* An answer to another challenge, or under another algorithm, is none. */
START_TEST(replayed)
{
	char old[128];

	challenged("7");
	strcpy(old, response("alpha-secret-1234"));
	setup();
	challenged("7");
	refused(hear(NULL, "alpha", old, NULL, NULL), "wrong response");
	setup();
	challenged("8");
	uint8_t out[64];
	digest(7, c.id, "alpha-secret-1234", c.challenge, CHAP_CHALLENGE, out);
	refused(hear(NULL, "alpha", hex_of(out, 32), NULL, NULL), "wrong response");
}
END_TEST

START_TEST(our_own_challenge_is_not_answered)
{
	char back[128], right[128];

	challenged(numbers[_i]);
	strcpy(right, response("alpha-secret-1234"));
	strcpy(back, hex_of(c.challenge, CHAP_CHALLENGE));
	refused(hear(NULL, "alpha", right, "1", back), "own challenge");
	/* In whatever letters. */
	setup();
	challenged(numbers[_i]);
	strcpy(right, response("alpha-secret-1234"));
	strcpy(back, "0b");
	EVP_EncodeBlock((unsigned char *)back + 2, c.challenge, CHAP_CHALLENGE);
	refused(hear(NULL, "alpha", right, "1", back), "own challenge");
	/* One that only begins so is another. */
	setup();
	challenged(numbers[_i]);
	strcpy(right, response("alpha-secret-1234"));
	strcpy(back, hex_of(c.challenge, CHAP_CHALLENGE));
	strcat(back, "00");
	ck_assert_int_eq(hear(NULL, "alpha", right, "1", back), CHAP_OK);
}
END_TEST

/* RFC 7143 9.2.1: whoever answers as memtgtd would. */
START_TEST(our_own_response_is_refused)
{
	challenged(numbers[_i]);
	refused(hear(NULL, "alpha", response("donor-secret-1234"), NULL, NULL),
		"itself would answer");
	setup();
	challenged(numbers[_i]);
	refused(hear(NULL, "donor", response("donor-secret-1234"), NULL, NULL),
		"itself would answer");
}
END_TEST

START_TEST(we_cannot_prove_ourselves)
{
	auth.mutual = NULL;
	challenged("5");
	refused(hear(NULL, "alpha", response("alpha-secret-1234"), "1", "0x00"),
		"chap_mutual is not set");
}
END_TEST

/* Nobody learns our response who did not prove himself. */
START_TEST(no_proof_before_his)
{
	challenged("5");
	refused(hear(NULL, "alpha", response("alpha-secret-1235"), "1", "0x00"), "wrong response");
}
END_TEST

#define HEX16 "0123456789abcdef"
#define HEX256                                                                                    \
	HEX16 HEX16 HEX16 HEX16 HEX16 HEX16 HEX16 HEX16 HEX16 HEX16 HEX16 HEX16 HEX16 HEX16 HEX16 \
		HEX16
#define HEX1K HEX256 HEX256 HEX256 HEX256

/* clang-format off */
static const struct {
	const char *a, *n, *r, *i, *c; /* r "+": the right response */
	const char *why;
} wrong[] = {
	/* not there, or too many */
	{NULL, NULL, NULL, NULL, NULL, "not answered"},
	{NULL, "alpha", NULL, NULL, NULL, "not answered"},
	{NULL, NULL, "+", NULL, NULL, "not answered"},
	{NULL, NULL, NULL, "1", "0x00", "not answered"},
	{"5", "alpha", "+", NULL, NULL, "not answered"},
	{"5", NULL, NULL, NULL, NULL, "not answered"},
	{NULL, "alpha", "+", "1", NULL, "together"},
	{NULL, "alpha", "+", NULL, "0x00", "together"},
	/* names */
	{NULL, "", "+", NULL, NULL, "CHAP_N"},
	{NULL, HEX256, "+", NULL, NULL, "CHAP_N"},
	{NULL, HEX1K HEX1K HEX1K, "+", NULL, NULL, "CHAP_N"},
	{NULL, "alp", "+", NULL, NULL, "no such user"},
	{NULL, "alpha ", "+", NULL, NULL, "no such user"},
	{NULL, "alpha,beta", "+", NULL, NULL, "no such user"},
	{NULL, "%n%s", "+", NULL, NULL, "no such user"},
	/* responses */
	{NULL, "alpha", "", NULL, NULL, "CHAP_R"},
	{NULL, "alpha", "0", NULL, NULL, "CHAP_R"},
	{NULL, "alpha", "0x", NULL, NULL, "CHAP_R"},
	{NULL, "alpha", "0xabc", NULL, NULL, "CHAP_R"},
	{NULL, "alpha", "0xzz", NULL, NULL, "CHAP_R"},
	{NULL, "alpha", "0x00", NULL, NULL, "CHAP_R"},
	{NULL, "alpha", "0x" HEX16 "0123456789abcd", NULL, NULL, "CHAP_R"},		/* 15 */
	{NULL, "alpha", "0x" HEX16 HEX16 "00", NULL, NULL, "CHAP_R"},			/* 17 */
	{NULL, "alpha", "0x" HEX16 HEX16 HEX16 HEX16, NULL, NULL, "CHAP_R"},		/* 32 */
	{NULL, "alpha", "0x" HEX16 HEX16 HEX16 HEX16 "00", NULL, NULL, "CHAP_R"},	/* 33 */
	{NULL, "alpha", "0x" HEX1K HEX1K, NULL, NULL, "CHAP_R"},
	{NULL, "alpha", "0x" HEX1K HEX1K "00", NULL, NULL, "CHAP_R"},
	{NULL, "alpha", "0b", NULL, NULL, "CHAP_R"},
	{NULL, "alpha", "0bAAA", NULL, NULL, "CHAP_R"},
	{NULL, "alpha", "0bA===", NULL, NULL, "CHAP_R"},
	{NULL, "alpha", "0b" HEX1K HEX1K, NULL, NULL, "CHAP_R"},
	{NULL, "alpha", "0bAAAAAAAAAAAAAAAAAAAAAA", NULL, NULL, "CHAP_R"},		/* no == */
	{NULL, "alpha", "0bAAAAAAAAAAAAAAAAAAAAAB==", NULL, NULL, "CHAP_R"},	/* bits behind */
	{NULL, "alpha", "0o17", NULL, NULL, "CHAP_R"},
	{NULL, "alpha", HEX16 HEX16, NULL, NULL, "CHAP_R"},			/* no 0x */
	{NULL, "alpha", "12345", NULL, NULL, "CHAP_R"},
	{NULL, "alpha", "0x" HEX16 HEX16, NULL, NULL, "wrong response"},
	{NULL, "alpha", "0bAAAAAAAAAAAAAAAAAAAAAA==", NULL, NULL, "wrong response"},
	/* what it asks us */
	{NULL, "alpha", "+", "", "0x00", "CHAP_I"},
	{NULL, "alpha", "+", "256", "0x00", "CHAP_I"},
	{NULL, "alpha", "+", "0x1ff", "0x00", "CHAP_I"},
	{NULL, "alpha", "+", "-1", "0x00", "CHAP_I"},
	{NULL, "alpha", "+", "01", "0x00", "CHAP_I"},
	{NULL, "alpha", "+", "1,2", "0x00", "CHAP_I"},
	{NULL, "alpha", "+", "4294967296", "0x00", "CHAP_I"},
	{NULL, "alpha", "+", "1", "", "CHAP_C"},
	{NULL, "alpha", "+", "1", "0x", "CHAP_C"},
	{NULL, "alpha", "+", "1", "0b", "CHAP_C"},
	{NULL, "alpha", "+", "1", "0x0", "CHAP_C"},
	{NULL, "alpha", "+", "1", "0xgg", "CHAP_C"},
	{NULL, "alpha", "+", "1", "0b----", "CHAP_C"},
	{NULL, "alpha", "+", "1", "17", "CHAP_C"},
	{NULL, "alpha", "+", "1", "0x" HEX1K HEX1K "00", "CHAP_C"},		/* 1025 */
	{NULL, "alpha", "+", "1", "0x" HEX1K HEX1K HEX1K HEX1K, "CHAP_C"},
};
/* clang-format on */

START_TEST(wrong_values)
{
	challenged("5");
	const char *r = wrong[_i].r;
	if (r && !strcmp(r, "+"))
		r = response("alpha-secret-1234");
	refused(hear(wrong[_i].a, wrong[_i].n, r, wrong[_i].i, wrong[_i].c), wrong[_i].why);
	/* It is over. */
	refused(hear(NULL, "alpha", response("alpha-secret-1234"), NULL, NULL), "does not go on");
}
END_TEST

/* The first text has CHAP_A, and that only. */
START_TEST(a_wrong_beginning)
{
	static const char *const keys[][5] = {
		{NULL, NULL, NULL, NULL, NULL},	  {NULL, "alpha", "0x00", NULL, NULL},
		{"5", "alpha", NULL, NULL, NULL}, {"5", NULL, "0x00", NULL, NULL},
		{"5", NULL, NULL, "1", NULL},	  {"5", NULL, NULL, NULL, "0x00"},
		{NULL, NULL, NULL, "1", "0x00"},
	};

	for (size_t i = 0; i < sizeof(keys) / sizeof(*keys); i++) {
		const char *const *k = keys[i];
		setup();
		refused(hear(k[0], k[1], k[2], k[3], k[4]), "begin with CHAP_A");
	}
}
END_TEST

/* For the log: bounded, printable. */
START_TEST(the_name_that_is_shown)
{
	char name[256];

	challenged("5");
	refused(hear(NULL, "a\x1b[2J \"b\xc3\xa4", response("x"), NULL, NULL), "no such user");
	ck_assert_str_eq(c.user, "a?[2J??b??");
	memset(name, 'n', 255);
	name[255] = '\0';
	setup();
	challenged("5");
	refused(hear(NULL, name, response("x"), NULL, NULL), "no such user");
	ck_assert_uint_eq(strlen(c.user), CHAP_USER_SHOWN - 1);
	ck_assert_str_eq(c.user + CHAP_USER_SHOWN - 4, "...");
}
END_TEST

START_TEST(secrets_of_every_length)
{
	char secret[256];

	for (unsigned n = CONFIG_SECRET_MIN; n <= CONFIG_SECRET_MAX; n++) {
		setup();
		memset(secret, 's', n);
		secret[n] = '\0';
		memcpy(credentials[BETA].secret, secret, n);
		credentials[BETA].secret_len = (uint8_t)n;
		challenged("7");
		ck_assert_int_eq(hear(NULL, "beta", response(secret), NULL, NULL), CHAP_OK);
	}
}
END_TEST

START_TEST(no_room_for_our_keys)
{
	for (size_t cap = 0; cap < 90; cap++) {
		const char *keys[CHAP_KEYS] = {[CHAP_A] = "5"};
		uint8_t out[128];
		struct writer w = writer_of(out, cap);
		setup();
		enum chap_result r = chap_input(&c, keys, &w);
		ck_assert(r == CHAP_OK || r == CHAP_BROKEN);
		ck_assert_int_eq(r == CHAP_OK, c.phase == CHAP_WANTS_NR);
		ck_assert_int_eq(r, cap < 80 ? CHAP_BROKEN : r);
	}
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("chap");
	TCase *t = tcase_create("chap");

	tcase_set_timeout(t, 60);
	tcase_add_checked_fixture(t, setup, NULL);
	tcase_add_loop_test(t, known_answers, 0, 4);
	tcase_add_loop_test(t, bad_input_lio_only_whole_numbers_match, 0,
			    sizeof(lists) / sizeof(*lists));
	tcase_add_test(t, a_list_of_thousands);
	tcase_add_test(t, the_challenge_as_it_is_sent);
	tcase_add_test(t, bad_input_cve_2024_45751_challenges_differ);
	tcase_add_loop_test(t, one_way, 0, 4);
	tcase_add_loop_test(t, mutual, 0,
			    4 * sizeof(challenge_lengths) / sizeof(*challenge_lengths));
	tcase_add_test(t, base64_in_both);
	tcase_add_loop_test(t, wrong_secret_and_unknown_user, 0, 4);
	tcase_add_test(t, every_bit_counts);
	tcase_add_test(t, replayed);
	tcase_add_loop_test(t, our_own_challenge_is_not_answered, 0, 4);
	tcase_add_loop_test(t, our_own_response_is_refused, 0, 4);
	tcase_add_test(t, we_cannot_prove_ourselves);
	tcase_add_test(t, no_proof_before_his);
	tcase_add_loop_test(t, wrong_values, 0, sizeof(wrong) / sizeof(*wrong));
	tcase_add_test(t, a_wrong_beginning);
	tcase_add_test(t, the_name_that_is_shown);
	tcase_add_test(t, secrets_of_every_length);
	tcase_add_test(t, no_room_for_our_keys);
	suite_add_tcase(s, t);
	return s;
}

int main(void)
{
	return test_main(suite());
}
