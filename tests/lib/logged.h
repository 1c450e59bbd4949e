/* SPDX-License-Identifier: MIT */
/* logged.h - what the test's own process writes to its log. */
#ifndef MEMTGT_LOGGED_H
#define MEMTGT_LOGGED_H

/* From here on the log is kept for logged(), as for a terminal; the level stays as it is. */
void log_catch(void);
void log_release(void);

/* All that was logged since the last call, 64 KiB at most. Good until the next call. */
const char *logged(void);

#endif
