// SPDX-License-Identifier: MIT
/* methods_upgrade.c - another program takes over. */
#include <unistd.h>

#include "control/clean.h"
#include "control/methods.h"
#include "upgrade/upgrade.h"

#define WHY 768u

/* The answer is sent before serving ends, which waits for the clients' calls. */
json_t *method_upgrade(struct rpc_call *c)
{
	char path[UPGRADE_PATH], why[WHY] = "";

	if (upgrade_ask(control_daemon_of(c)->upgrade, rpc_text(c, "binary", NULL), path, why,
			sizeof(why)))
		return rpc_refuse(c, CONTROL_ERR_REFUSED, "%s", why);
	return json_pack("{s:o, s:s, s:i, s:I}", "binary", control_json_text(path), "version",
			 PACKAGE_VERSION, "pid", (int)getpid(), "ready_ns",
			 (json_int_t)control_daemon_of(c)->ready_at);
}
