/* SPDX-License-Identifier: MIT */
/* test_main.h - the end of every unit test's main(). */
#ifndef MEMTGT_TEST_MAIN_H
#define MEMTGT_TEST_MAIN_H

#include <check.h>

/* Run the suite, telling each test in TAP on stdout. Returns main()'s exit status. */
int test_main(Suite *suite);

#endif
