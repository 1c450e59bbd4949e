/* SPDX-License-Identifier: MIT */
/* config_access.h - rules of access as values, for those who make a configuration. */
#ifndef MEMTGT_CONFIG_ACCESS_H
#define MEMTGT_CONFIG_ACCESS_H

#include "base/config.h"

/* `to` is empty. 0 or -ENOMEM; to be freed in both cases. */
int config_access_copy(struct config_access *to, const struct config_access *from)
	__attribute__((warn_unused_result));
void config_access_free(struct config_access *a);

#endif
