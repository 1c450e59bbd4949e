/* SPDX-License-Identifier: MIT */
/*
 * clean.h - texts of others as JSON: what an initiator calls itself may be any bytes.
 */
#ifndef MEMTGT_CLEAN_H
#define MEMTGT_CLEAN_H

#include <jansson.h>
#include <stddef.h>

/* A JSON string in which '?' stands for control characters and for what is no UTF-8. A new
 * reference; NULL: no memory. */
json_t *control_json_text(const char *text);

/* The same in place. */
void control_text_clean(char *text);

#endif
