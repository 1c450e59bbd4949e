/* SPDX-License-Identifier: MIT */
/*
 * tree.h - small files of this host: /proc, /sys, /etc. Read whole and bounded, below a root that
 * tests choose.
 *
 * Nothing here opens a disk or waits for one: attributes of sysfs are what the kernel remembers.
 * Paths begin with "/"; what was read ends with a NUL.
 */
#ifndef MEMTGT_TREE_H
#define MEMTGT_TREE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The root of all paths, "" but in tests. */
extern const char *tree_root;

#define TREE_PATH_MAX 512
#define TREE_WORD_MAX 256
#define TREE_TEXT_MAX ((size_t)256 << 10)

/* The path below the root; false: it is too long. */
bool tree_path(char out[static TREE_PATH_MAX], const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

/* Of the file's beginning n - 1 bytes at most; the bytes read, or -errno. */
long tree_read(char *out, size_t n, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
/* The first line, without blanks around it; false: there is none. */
bool tree_word(char out[static TREE_WORD_MAX], const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
/* A decimal number, alone in its line. */
bool tree_number(uint64_t *out, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
bool tree_exists(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/*
 * Calls fn with the name of each entry of a folder but "." and "..", until it returns other than 0,
 * and returns that; -errno: the folder could not be read.
 */
typedef int tree_each_fn(const char *name, void *arg);
int tree_each(const char *folder, tree_each_fn *fn, void *arg);

/* Calls fn with each line of a file, without its end; of a longer line than TREE_LINE_MAX only so
 * much. As tree_each(). */
#define TREE_LINE_MAX 1024
int tree_lines(const char *path, tree_each_fn *fn, void *arg);

/*
 * The number behind "KEY:" at the beginning of a line, as in /proc/PID/status: "VmSwap:\t 12 kB".
 * False: there is no such line.
 */
bool tree_key(const char *text, const char *key, uint64_t *out);

#endif
