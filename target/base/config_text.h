/* SPDX-License-Identifier: MIT */
/* config_text.h - what texts of the configuration may be: sizes, names, serials, patterns. */
#ifndef MEMTGT_CONFIG_TEXT_H
#define MEMTGT_CONFIG_TEXT_H

#include <stddef.h>
#include <stdint.h>

#define CONFIG_SIZE_MAX ((uint64_t)1 << 46) /* 64 TiB */

/* "64T", "1536M", "1000": the largest binary unit that leaves no fraction. At most 24 bytes. */
void config_text_of_size(uint64_t bytes, char out[static 24]);

/* Why config_parse_size() refuses this text: a sentence that says what to write. */
const char *config_text_bad_size(const char *text);

/* What is wrong with a text, or NULL. */
const char *config_text_bad_alias(const char *text);
const char *config_text_bad_serial(const char *text);
const char *config_text_bad_pattern(const char *text);
const char *config_text_bad_socket(const char *text);
const char *config_text_bad_folder(const char *text);
const char *config_text_bad_file(const char *text);
const char *config_text_bad_group(const char *text);
const char *config_text_bad_user(const char *text);

#endif
