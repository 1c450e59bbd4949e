// SPDX-License-Identifier: MIT
/* test_config_keys.c - every row of the table of keys: below, at and above its limits. */
#include "base/config_keys.h"

#include <inttypes.h>

#include "lib/test_main.h"
#include "unit/config_fixture.h"

/* The least group and the highest. */
#define PORTALS_OF_GROUPS                            \
	"portals = ( { address = \"127.0.0.1\"; }, " \
	"{ address = \"127.0.0.2\"; group = 63; } );\n"

/* A configuration in which KEY = VALUE stands in the scope of the row, the rest being right. */
static const char *text_with(const struct config_key *k, const char *value)
{
	static char text[8192];
	char setting[4096];

	snprintf(setting, sizeof(setting), "%s = %s;", k->name, value);
	/* Its own limit is tested in test_config.c. */
	if (!strcmp(k->name, "FirstBurstLength"))
		strcat(setting, " MaxBurstLength = 16777215;");
	switch (k->scope) {
	case SCOPE_TOP:
		snprintf(text, sizeof(text), PORTALS TARGETS "%s", setting);
		break;
	case SCOPE_PORTAL:
		snprintf(text, sizeof(text), TARGETS "portals = ( { %s %s } );",
			 k->required ? "" : "address = \"127.0.0.1\";", setting);
		break;
	case SCOPE_TARGET:
		snprintf(text, sizeof(text),
			 PORTALS_OF_GROUPS
			 "targets = ( { %s luns = ( { id = 0; size = 4096; } ); %s } );",
			 k->required ? "" : "name = \"iqn.2026-01.a\";", setting);
		break;
	case SCOPE_LUN:
		snprintf(text, sizeof(text),
			 PORTALS
			 "targets = ( { name = \"iqn.2026-01.a\"; luns = ( { %s %s %s } ); } );",
			 strcmp(k->name, "id") ? "id = 0;" : "",
			 strcmp(k->name, "size") ? "size = 4096;" : "provisioning = \"thin\";",
			 setting);
		break;
	case SCOPE_LEND:
		snprintf(text, sizeof(text),
			 PORTALS "targets = ( { name = \"iqn.2026-01.a\"; lend = { %s %s }; } );",
			 strcmp(k->name, "size") ? "size = \"2M\";" : "slab = \"64T\";", setting);
		break;
	case SCOPE_RULE:
		snprintf(text, sizeof(text), PORTALS TARGETS "access = ( { %s %s } );",
			 strcmp(k->name, "initiator") ? "initiator = \"iqn.x\";" : "", setting);
		break;
	case SCOPE_SHOWN:
		snprintf(text, sizeof(text),
			 PORTALS TARGETS
			 "access = ( { initiator = \"iqn.x\"; luns = ( { %s %s } ); } );",
			 k->required ? "" : "id = 0;", setting);
		break;
	default:
		snprintf(text, sizeof(text), PORTALS TARGETS "%s = { %s };",
			 config_scope_name(k->scope), setting);
		break;
	}
	return text;
}

static uint64_t number_at(const struct config_key *k, const void *object)
{
	const char *field = (const char *)object + k->offset;

	switch (k->size) {
	case 1:
		return *(const bool *)field;
	case 2:
		return *(const uint16_t *)(const void *)field;
	case 4:
		return *(const uint32_t *)(const void *)field;
	default:
		return *(const uint64_t *)(const void *)field;
	}
}

static const void *object_of(const struct config_key *k, const struct config *c)
{
	switch (k->scope) {
	case SCOPE_PORTAL:
		return &c->portals[0];
	case SCOPE_TARGET:
	case SCOPE_LEND:
		return &c->targets[0];
	case SCOPE_LUN:
		return &c->targets[0].luns[0];
	case SCOPE_RULE:
		return &c->targets[0].access.rules[0];
	case SCOPE_SHOWN:
		return &c->targets[0].access.rules[0].luns[0];
	default:
		return c;
	}
}

static void accepted(const struct config_key *k, const char *value, uint64_t expected)
{
	struct config *c = fixture_good(text_with(k, value));

	ck_assert_uint_eq(number_at(k, object_of(k, c)), expected);
	config_free(c);
}

static void refused(const struct config_key *k, const char *value)
{
	char expected[128];

	snprintf(expected, sizeof(expected), "%s: found %s; allowed is", k->name, value);
	fixture_bad(text_with(k, value), expected);
}

static void try_number(const struct config_key *k, uint64_t v)
{
	char value[32];
	bool ok = v >= k->min && v <= k->max;

	snprintf(value, sizeof(value), "%" PRIu64, v);
	if (ok)
		accepted(k, value, v);
	else
		refused(k, value);
}

static void try_range(const struct config_key *k)
{
	if (k->min > 0)
		try_number(k, k->min - 1);
	else
		refused(k, "-1");
	try_number(k, k->min);
	try_number(k, k->max);
	try_number(k, k->max + 1);
	refused(k, "true");
}

static void try_words(const struct config_key *k)
{
	char value[64];

	for (size_t i = 0; k->words[i]; i++) {
		snprintf(value, sizeof(value), "\"%s\"", k->words[i]);
		struct config *c = fixture_good(text_with(k, value));
		const char *field = (const char *)object_of(k, c) + k->offset;
		if (k->type == KEY_NAME)
			ck_assert_str_eq(field, k->words[i]);
		else
			ck_assert_uint_eq(number_at(k, object_of(k, c)),
					  k->type == KEY_WORDS ? (uint64_t)1 << i : i);
		config_free(c);
		/* Words are written just so. */
		snprintf(value, sizeof(value), "\"%sx\"", k->words[i]);
		refused(k, value);
	}
	refused(k, "\"\"");
	refused(k, "0");
}

static void try_members(const struct config_key *k)
{
	const uint64_t values[] = {k->min, k->max, k->max + 1};
	char value[64], expected[64];

	for (size_t i = 0; i < 3; i++) {
		snprintf(value, sizeof(value), "[ %" PRIu64 " ]", values[i]);
		snprintf(expected, sizeof(expected), "%s.[0]: found %" PRIu64, k->name, values[i]);
		if (values[i] > k->max)
			fixture_bad(text_with(k, value), expected);
		else
			config_free(fixture_good(text_with(k, value)));
	}
	fixture_bad(text_with(k, "[ -1 ]"), ".[0]: found -1");
}

static void try_lengths(const struct config_key *k)
{
	char value[512];

	if (k->bad("aaa")) /* addresses and names are tested with their own rules */
		return;
	for (size_t n = k->max - 1; n <= k->max + 1; n++) {
		memset(value, 'a', sizeof(value));
		value[0] = value[n + 1] = '"';
		value[n + 2] = '\0';
		struct config *c;
		int errors = fixture_load_text(text_with(k, value), &c);
		ck_assert_int_eq(errors, n > k->max);
		config_free(c);
	}
	if (k->min)
		refused(k, "\"\"");
	refused(k, "7");
}

START_TEST(row)
{
	const struct config_key *k = &config_keys[_i];

	/* Of another file: test_config_secrets.c. */
	if (k->scope == SCOPE_SECRETS || k->scope == SCOPE_CREDENTIAL)
		return;
	switch (k->type) {
	case KEY_GROUP:
	case KEY_LIST:
	case KEY_ACCESS:
	case KEY_CHAP:
	case KEY_MUTUAL:
		fixture_bad(text_with(k, "7"), "");
		break;
	case KEY_WORD:
	case KEY_NAME:
	case KEY_WORDS:
		try_words(k);
		break;
	case KEY_UINT:
		try_range(k);
		break;
	case KEY_SIZE:
		try_range(k);
		accepted(k, "\"4M\"", 4 << 20);
		break;
	case KEY_BOOL:
		accepted(k, "true", 1);
		accepted(k, "false", 0);
		refused(k, "1");
		break;
	case KEY_NUMBERS:
	case KEY_CPUS:
		try_members(k);
		refused(k, "7");
		break;
	case KEY_TEXT:
	case KEY_STRING:
	case KEY_NETWORK:
		try_lengths(k);
		break;
	case KEY_SECRET:
		ck_abort_msg("a secret in the configuration");
	}
}
END_TEST

/* The default is what an empty group means, and lies within the limits. */
START_TEST(preset)
{
	const struct config_key *k = &config_keys[_i];
	struct config *c = fixture_good(
		PORTALS TARGETS "access = ( { initiator = \"iqn.x\"; luns = ( { id = 0; } ); } );");

	if (!k->size || k->bad || k->required || k->type == KEY_CPUS || k->type == KEY_SECRET) {
		config_free(c);
		return;
	}
	if (k->type == KEY_NAME) {
		ck_assert_str_eq((const char *)c + k->offset, k->words[k->preset]);
	} else {
		ck_assert_uint_eq(number_at(k, object_of(k, c)), k->preset);
		ck_assert(k->words || k->type == KEY_NUMBERS ||
			  (k->preset >= k->min && k->preset <= k->max));
	}
	config_free(c);
}
END_TEST

START_TEST(no_key_twice)
{
	for (size_t i = 0; i < config_keys_count; i++)
		ck_assert_ptr_eq(config_key_find(config_keys[i].scope, config_keys[i].name),
				 &config_keys[i]);
	ck_assert_ptr_null(config_key_find(SCOPE_TOP, "queue_depth"));
	ck_assert_ptr_null(config_key_find(SCOPE_TOP, ""));
}
END_TEST

int main(void)
{
	Suite *s = suite_create("config_keys");
	TCase *t = tcase_create("config_keys");
	int n = (int)config_keys_count;

	tcase_add_checked_fixture(t, fixture_setup, fixture_teardown);
	tcase_add_loop_test(t, row, 0, n);
	tcase_add_loop_test(t, preset, 0, n);
	tcase_add_test(t, no_key_twice);
	suite_add_tcase(s, t);
	return test_main(s);
}
