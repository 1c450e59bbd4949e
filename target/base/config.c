// SPDX-License-Identifier: MIT
/* config.c - the life of a configuration: loaded whole or not at all, and freed. */
#include "base/config.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/config_access.h"
#include "base/config_read.h"
#include "base/config_value.h"

static struct config *new_config(const char *path)
{
	struct config *c = calloc(1, sizeof(*c));

	if (!c)
		return NULL;
	c->path = strdup(path);
	if (!c->path) {
		free(c);
		return NULL;
	}
	for (enum config_scope scope = SCOPE_TOP; scope <= SCOPE_REACTOR; scope++)
		config_value_presets(scope, c);
	return c;
}

int config_load(const char *path, struct config **out, FILE *errors)
{
	struct config_reader r = {.config = new_config(path)};

	assert(config_keys_count <= CONFIG_KEYS_MAX);
	if (!config_source_open(&r.source, path, errors)) {
		if (r.config) {
			config_read_all(&r);
			config_read_check(&r);
		} else {
			config_source_no_memory(&r.source);
		}
	}
	int nerrors = r.source.nerrors;
	config_source_close(&r.source);
	config_access_free(&r.access);
	free(r.portals_at);
	free(r.targets_at);
	if (nerrors)
		config_free(r.config);
	else
		*out = r.config;
	return nerrors;
}

uint64_t config_groups_of(const struct config *c, const struct config_target *target)
{
	uint64_t groups = 0;

	for (size_t i = 0; i < c->nportals; i++)
		groups |= (uint64_t)1 << c->portals[i].group;
	return target && target->portal_groups ? groups & target->portal_groups : groups;
}

void config_free(struct config *c)
{
	if (!c)
		return;
	for (size_t i = 0; i < c->nportals; i++) {
		free(c->portals[i].address);
		free(c->portals[i].announce);
	}
	free(c->portals);
	for (size_t i = 0; i < c->ntargets; i++) {
		config_access_free(&c->targets[i].access);
		free(c->targets[i].luns);
	}
	free(c->targets);
	free(c->state_dir);
	free(c->spill_dir);
	free(c->secrets);
	config_free_secrets(c);
	free(c->control.socket);
	free(c->control.group);
	free(c->path);
	free(c);
}
