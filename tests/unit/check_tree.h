/* SPDX-License-Identifier: MIT */
/*
 * check_tree.h - a host as files in a folder, for tests of memloan check: one that borrows safely,
 * with one loan on one disk, in which nothing is found. Tests then change it.
 */
#ifndef MEMTGT_TEST_CHECK_TREE_H
#define MEMTGT_TEST_CHECK_TREE_H

#include <stdbool.h>
#include <stddef.h>

/* Makes the host; tree_root leads to it. */
void check_tree_make(void);
void check_tree_remove(void);

/* A file with this text, and its folders; a text of NULL: what is there goes, with all below. */
void check_tree_put(const char *path, const char *text);
void check_tree_link(const char *path, const char *to);
/* The text of a file, until the next call; "" if there is none. */
const char *check_tree_text(const char *path);
/* The files' times, in seconds since 1970. */
void check_tree_age(const char *path, long when);

#endif
