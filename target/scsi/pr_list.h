/* SPDX-License-Identifier: MIT */
/* pr_list.h - parameter lists of PERSISTENT RESERVE OUT, and TransportIDs. SPC-4 6.16.3, 7.6.4. */
#ifndef MEMTGT_PR_LIST_H
#define MEMTGT_PR_LIST_H

#include <stddef.h>
#include <stdint.h>

#include "memtgt/cursor.h"
#include "scsi/registrants.h"

#define PR_LIST_MIN	 24u
#define PR_TRANSPORT_MIN 24u /* a TransportID: 4 bytes, and 20 at least */

/* More TransportIDs than a list of n bytes can have. */
static inline size_t pr_list_ports(size_t n)
{
	return n / PR_TRANSPORT_MIN + 1;
}

/*
 * The list of n bytes for req->action. `ports` has room for pr_list_ports(n), and req->ports points
 * to it afterwards. PARAMETER LIST LENGTH ERROR, or a field pointer to what is wrong.
 */
struct scsi_result pr_list_read(const uint8_t *p, size_t n, struct claim_request *req,
				struct claim_port *ports) SCSI_CHECKED;

/* The TransportID of an initiator port. */
void pr_put_transport_id(struct writer *w, const char *name);
size_t pr_transport_id_len(const char *name);

#endif
