// SPDX-License-Identifier: MIT
/* setting.c - lines of configurations. */
#include "initiator-tools/check/setting.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

int setting_take(const char *line, void *arg)
{
	struct setting *s = arg;
	char text[TREE_LINE_MAX + 1];
	size_t n = strlen(s->key);

	snprintf(text, sizeof(text), "%s", line);
	text[strcspn(text, "#!")] = '\0';
	s->names_memtgt |= strstr(text, "MEMTGT") != NULL;
	for (const char *p = text; (p = strstr(p, s->key)); p += n) {
		bool begins = p == text || strchr(" \t{/", p[-1]);
		if (!begins || !p[n] || !strchr(" \t=", p[n]))
			continue;
		const char *value = p + n + strspn(p + n, " \t=");
		snprintf(s->value, sizeof(s->value), "%s", value);
		s->value[strcspn(s->value, "}")] = '\0';
		s->is_there = true;
	}
	return 0;
}

bool setting_is(const struct setting *s, const char *word)
{
	const char *v = s->value + strspn(s->value, " \t\"");
	size_t n = strlen(word);

	return s->is_there && !strncmp(v, word, n) && !isalnum((unsigned char)v[n]);
}
