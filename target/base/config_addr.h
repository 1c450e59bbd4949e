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

/* Of an address that a socket gave; false of what is no Internet address. */
bool config_addr_from_loopback(const struct sockaddr_storage *from);
/*
 * Can an initiator at `peer`, whose connection to us ends at `local`, connect to a portal with this
 * address, as far as the address tells? Not to our loopback from another host, and to a link-local
 * one only from its own link.
 */
bool config_addr_reachable(const char *address, const struct sockaddr_storage *peer,
			   const struct sockaddr_storage *local);
/* By the rule's network, if it has one. */
bool config_addr_in_network(const struct config_rule *r, const struct sockaddr_storage *from);

#endif
