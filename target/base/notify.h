/* SPDX-License-Identifier: MIT */
/* notify.h - what the service manager is told, sd_notify(3). Nothing without systemd. */
#ifndef MEMTGT_NOTIFY_H
#define MEMTGT_NOTIFY_H

void notify_ready(void);
void notify_stopping(void);

#endif
