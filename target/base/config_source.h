/* SPDX-License-Identifier: MIT */
/*
 * config_source.h - the text of a configuration: files, what they include, and places in them.
 *
 * libconfig reads one text and knows only its own includes of single files, once per name. So
 * includes are resolved here. At the top level, what is included (a file, the *.conf of a folder,
 * or what a pattern matches) becomes a document of its own, so that several files may add targets;
 * inside a group or list its text is put in place. Either way an error names the file and line
 * that the administrator wrote.
 */
#ifndef MEMTGT_CONFIG_SOURCE_H
#define MEMTGT_CONFIG_SOURCE_H

#include <libconfig.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#define CONFIG_INCLUDE_DEPTH 8
#define CONFIG_FILES_MAX     1024
#define CONFIG_FILE_BYTES    ((size_t)1 << 20)
#define CONFIG_NESTING_MAX   32 /* of groups and lists */

struct config_document;

struct config_source {
	FILE *errors;
	bool is_private;
	int nerrors;
	char **files;
	size_t nfiles;
	struct config_document **documents;
	size_t ndocuments;
	char why[4400]; /* a file is not private; room for its path */
};

/* Reads and parses. 0, or -1 after telling why; to be closed in both cases. */
int config_source_open(struct config_source *s, const char *path, FILE *errors)
	__attribute__((warn_unused_result));
/*
 * The same for files of secrets: they are refused if anybody but root and memtgtd's user may read
 * or change them, and no error shows a value. Closing wipes what was read, as far as it is ours.
 */
int config_source_open_private(struct config_source *s, const char *path, FILE *errors)
	__attribute__((warn_unused_result));
void config_source_close(struct config_source *s);
/* Is this setting from such a file? */
bool config_source_is_private(const config_setting_t *at);

/* The top level of document i < ndocuments: the first file, then what it includes. */
config_setting_t *config_source_root(const struct config_source *s, size_t i);

/* "FILE:LINE" of a setting. */
void config_source_place(const struct config_source *s, const config_setting_t *at, char *out,
			 size_t n);

int config_source_line(const struct config_source *s, const config_setting_t *at);

/*
 * Prints "FILE:LINE: KEY: text" and counts it. KEY is the path of `at`, with `member` (may be
 * NULL) behind it.
 */
void config_source_error(struct config_source *s, const config_setting_t *at, const char *member,
			 const char *fmt, ...) __attribute__((format(printf, 4, 5)));

/* There is no memory for the configuration: said once. */
void config_source_no_memory(struct config_source *s);

#endif
