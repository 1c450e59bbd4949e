/* SPDX-License-Identifier: MIT */
/* sock.h - what is said to, and read from, a TCP socket besides its bytes. */
#ifndef MEMTGT_SOCK_H
#define MEMTGT_SOCK_H

#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

/* "ADDRESS:PORT" or "[ADDRESS]:PORT"; an IPv4 address in IPv6 clothes is shown as IPv4. */
void sock_name(const struct sockaddr_storage *a, char *out, size_t n);
/* Options of every connection. Failures cost speed only, and are ignored. */
void sock_tune(int fd);
/* Closing it will not wait for, or go on with, the sending of what it holds. */
void sock_forget_unsent(int fd);
/* Bytes the peer acknowledged so far; 0 if it is not TCP. */
uint64_t sock_acked(int fd);

#endif
