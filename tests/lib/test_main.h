/* SPDX-License-Identifier: MIT */
/* test_main.h - the end of every unit test's main(). */
#ifndef MEMTGT_TEST_MAIN_H
#define MEMTGT_TEST_MAIN_H

#include <check.h>

/* What this test is for cannot be tried here, and why. tests/run counts it as a skip, which must be
 * named in expected-skips.txt; the test is to return. */
void test_skip(const char *why, ...) __attribute__((format(printf, 1, 2)));

/* The number in this variable of the environment, or another if that is not set. */
unsigned long test_number(const char *name, unsigned long otherwise);

/* Run the suite, telling each test in TAP on stdout. Returns main()'s exit status. */
int test_main(Suite *suite);

#endif
