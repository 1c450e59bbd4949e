// SPDX-License-Identifier: MIT
/* pages.c - a list comes in pages, and is put together. */
#include "memtgtctl/pages.h"

#include <stdbool.h>
#include <stdio.h>

#include "control/protocol.h"
#include "memtgtctl/command.h"

/* A list comes in pages: *whole has those so far, and takes the rows of another. */
static int add_page(json_t **whole, json_t *page, const char *list)
{
	if (!*whole) {
		*whole = page;
		return 0;
	}
	int err = json_array_extend(json_object_get(*whole, list), json_object_get(page, list));
	json_decref(page);
	return err;
}

/* What stands in "next" of a page goes into "from" of the next call; false: it was the last. */
static bool turn_page(const struct command *command, json_t *page)
{
	json_t *next = json_object_get(page, "next");

	if (!next || json_object_set(command->params, "from", next))
		return false;
	return !json_object_del(page, "next");
}

enum call_result pages_get(struct call *c, const struct command *command, json_t **whole)
{
	const struct control_method *m = &control_table.methods[command->method];
	json_t *page;
	bool more = true;

	*whole = NULL;
	while (more) {
		enum call_result r = call_method(c, m->name, command->params, &page);
		if (r != CALL_OK)
			return r;
		more = turn_page(command, page);
		if (add_page(whole, page, m->list)) {
			snprintf(c->why, sizeof(c->why), "this is no answer of memtgtd");
			return CALL_FAILED;
		}
	}
	return CALL_OK;
}
