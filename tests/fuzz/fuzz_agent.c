// SPDX-License-Identifier: MIT
/*
 * fuzz_agent.c - any bytes as what the agent reads: an event of the kernel, a table of device
 * mapper, the file that says since when loans are degraded. The first byte chooses.
 */
#include <stdlib.h>
#include <string.h>

#include "fuzz/fuzz.h"
#include "initiator-tools/agent/array.h"
#include "initiator-tools/agent/since.h"
#include "initiator-tools/agent/uevent.h"

static void check_event(const uint8_t *in, size_t n)
{
	struct uevent e;

	if (uevent_parse(cursor_of(in, n), &e))
		REQUIRE(e.is_removed || uevent_text(e.attention)[0]);
}

static void check_table(const uint8_t *in, size_t n)
{
	struct array a;
	char *text = malloc(n + 1);

	REQUIRE(text);
	memcpy(text, in, n);
	text[n] = '\0';
	if (array_parse_table(text, &a))
		REQUIRE(a.is_mirror && a.n && a.n <= DM_LEGS_MAX);
	free(text);
}

static void check_since(const uint8_t *in, size_t n)
{
	REQUIRE(since_parse((const char *)in, n, "swap") >= 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *in, size_t n)
{
	static void (*const checks[])(const uint8_t *, size_t) = {check_event, check_table,
								  check_since};

	if (n)
		checks[in[0] % 3](in + 1, n - 1);
	return 0;
}
