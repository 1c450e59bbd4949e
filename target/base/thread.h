/* SPDX-License-Identifier: MIT */
/* thread.h - what threads other than the main one have in common. */
#ifndef MEMTGT_THREAD_H
#define MEMTGT_THREAD_H

#include <pthread.h>
#include <signal.h>

/* Signals are the main thread's, but for SIGBUS, which is about what a thread itself does: memory
 * that fails. To be called around pthread_create(), as the new thread inherits it. */
static inline void thread_block_signals(sigset_t *before)
{
	sigset_t all;

	sigfillset(&all);
	sigdelset(&all, SIGBUS);
	pthread_sigmask(SIG_SETMASK, &all, before);
}

#endif
