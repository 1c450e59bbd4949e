// SPDX-License-Identifier: MIT
/*
 * fuzz_notify - any bytes as a message to a keeper, and as the variables of what is inherited: the
 * first line $LISTEN_FDS, the rest $LISTEN_FDNAMES.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/inherit.h"
#include "fuzz/fuzz.h"
#include "keeper/message.h"

static void parse_message(const uint8_t *in, size_t n)
{
	static struct keeper_message m;
	const char *why = NULL;
	int rc = keeper_message_parse(&m, in, n, &why);

	REQUIRE(!rc || (rc == -EINVAL && why));
	if (rc)
		return;
	REQUIRE(n <= KEEPER_MESSAGE_MAX);
	REQUIRE(!(m.store && (m.forget || m.barrier)));
	REQUIRE(!(m.store || m.forget) || notify_name_ok(m.name));
	REQUIRE(!m.binary[0] || (m.binary[0] == '/' && !strchr(m.binary, '\n')));
	REQUIRE(strlen(m.status) <= KEEPER_STATUS_MAX && !strchr(m.status, '\n'));
}

static void parse_variables(const uint8_t *in, size_t n)
{
	struct inherit_fd out[INHERIT_MAX];
	char *text = malloc(n + 1);

	REQUIRE(text);
	if (n)
		memcpy(text, in, n);
	text[n] = '\0';
	char *names = strchr(text, '\n');
	if (names)
		*names++ = '\0';
	int rc = inherit_parse("7", text, names, 7, out);
	REQUIRE(rc == -EINVAL || (rc >= 0 && rc <= (int)INHERIT_MAX));
	for (int i = 0; i < rc; i++) {
		REQUIRE(out[i].fd == INHERIT_FIRST + i);
		REQUIRE(names ? notify_name_ok(out[i].name) : !out[i].name);
	}
	free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *in, size_t n)
{
	parse_message(in, n);
	parse_variables(in, n);
	return 0;
}
