/* SPDX-License-Identifier: MIT */
/* nexus.h - what waits for one I_T nexus. */
#ifndef MEMTGT_NEXUS_H
#define MEMTGT_NEXUS_H

#include "scsi/scsi.h"

/* The unit attentions of one LU; `lu` is one of the nexus' target. */
struct scsi_attentions *nexus_attentions(const struct scsi_nexus *n, const struct scsi_lu *lu);

#endif
