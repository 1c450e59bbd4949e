/* SPDX-License-Identifier: MIT */
/*
 * own.h - is that this host? Who borrows from himself stops for good: to free memory the kernel
 * would have to write to a process that needs memory to take it.
 */
#ifndef MEMTGT_OWN_H
#define MEMTGT_OWN_H

#include <stdbool.h>

/* Does this connected socket end on this host? Loopback, an address of an interface, or the same
 * address at both ends. A socket that cannot be asked counts as one that does. */
bool own_host(int fd);
/* Is this numeric address ("192.0.2.1", "2001:db8::1", "fe80::1%eth0") one of this host? A text
 * that is none is not. */
bool own_address(const char *text);

#endif
