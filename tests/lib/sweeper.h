/* SPDX-License-Identifier: MIT */
/* sweeper.h - what a keeper leaves behind is to end with the test that started it. */
#ifndef MEMTGT_TEST_SWEEPER_H
#define MEMTGT_TEST_SWEEPER_H

/*
 * Whatever this process starts from now on, and what that starts, is killed when this process is
 * gone, however that came; then `file` is removed. Processes are known by a variable of their
 * environment.
 */
void sweeper_start(const char *file);

#endif
