/* SPDX-License-Identifier: MIT */
/*
 * control.h - what both ends of the control socket know: memtgt-control(7).
 *
 * One JSON-RPC 2.0 object a line, each way. The methods are in tbl/control_methods.def.
 */
#ifndef MEMTGT_CONTROL_H
#define MEMTGT_CONTROL_H

/* Tried when the configuration names no other. */
#define CONTROL_SOCKET "/run/memtgt/control.sock"
/* sun_path of unix(7), without its NUL. */
#define CONTROL_PATH_MAX 107

/* Grows when something is taken away or changes its meaning; what is added leaves it as it is. */
#define CONTROL_PROTOCOL 1

/* Bytes of a line without its newline. */
#define CONTROL_REQUEST_MAX  65536u
#define CONTROL_RESPONSE_MAX (1u << 20)
/* Arrays and objects inside of each other, the request itself counted. */
#define CONTROL_DEPTH_MAX 16u

/* The notification after which lun.import takes its image. */
#define CONTROL_READY "lun.import.ready"

#define CONTROL_CLIENTS_MAX 16u
/* In this time a client sends a whole request, or takes a whole answer. */
#define CONTROL_IDLE_S 60u

#endif
