/* SPDX-License-Identifier: MIT */
/*
 * setting.h - one setting of a configuration with groups in braces and comments from # on, as
 * lvm.conf and multipath.conf are; in which group it stands is not looked at.
 */
#ifndef MEMTGT_SETTING_H
#define MEMTGT_SETTING_H

#include <stdbool.h>

#include "initiator-tools/check/tree.h"

struct setting {
	const char *key;
	char value[TREE_LINE_MAX + 1];
	bool is_there;
	bool names_memtgt; /* MEMTGT stands somewhere in the file, whatever for */
};

/* For tree_lines(): looks for "key = value" or "key value", also behind a brace; the last counts.
 */
int setting_take(const char *line, void *setting);
/* Is it there, and this word, in quotes or not? */
bool setting_is(const struct setting *s, const char *word);

#endif
