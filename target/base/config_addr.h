/* SPDX-License-Identifier: MIT */
/* config_addr.h - addresses in the configuration: portals, networks. Numeric ones only. */
#ifndef MEMTGT_CONFIG_ADDR_H
#define MEMTGT_CONFIG_ADDR_H

#include <stdbool.h>

#include "base/config.h"

/* What is wrong with a portal's address, an announced ADDRESS:PORT, or a network; or NULL. */
const char *config_addr_bad(const char *text);
const char *config_addr_bad_announce(const char *text);
const char *config_addr_bad_network(const char *text);

/* The rest take texts in which the functions above found nothing wrong. */

bool config_addr_is_loopback(const char *address);
/* Can both not be listened on at once: the same port of the same or of any address? */
bool config_addr_clash(const struct config_portal *a, const struct config_portal *b);
void config_addr_set_network(struct config_rule *rule, const char *network);

#endif
