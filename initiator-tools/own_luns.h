/* SPDX-License-Identifier: MIT */
/*
 * own_luns.h - the LUNs that this host itself lends, by their NAA identifiers.
 *
 * An address alone does not tell this host: a forwarder, a container or a second network may lead
 * back here. A disk that the memtgtd of this host serves does. It is asked over its control socket:
 * memtgt-control(7).
 */
#ifndef MEMTGT_OWN_LUNS_H
#define MEMTGT_OWN_LUNS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define OWN_LUNS_MAX 262144u /* 1024 targets of 256 */
#define OWN_NAA_SIZE 33

struct own_luns {
	char (*naa)[OWN_NAA_SIZE];
	size_t n;
};

/*
 * Waits for at most so long. 0, with no LUN if there is no memtgtd; or -errno: there is one, but
 * what it lends could not be found out (-EACCES: only root and its group may ask).
 */
int own_luns_read(struct own_luns *o, const char *socket, uint64_t timeout_ns)
	__attribute__((warn_unused_result));
bool own_luns_has(const struct own_luns *o, const char *naa);
void own_luns_free(struct own_luns *o);

#endif
