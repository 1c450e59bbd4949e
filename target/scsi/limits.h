/* SPDX-License-Identifier: MIT */
/* limits.h - what VPD page B0h (Block Limits, SBC-3 6.5.3) promises and the handlers keep. */
#ifndef MEMTGT_SCSI_LIMITS_H
#define MEMTGT_SCSI_LIMITS_H

#include <stdint.h>

#define SCSI_TRANSFER_MAX      ((uint32_t)32 << 20) /* bytes of one READ, WRITE, VERIFY */
#define SCSI_TRANSFER_OPTIMAL  ((uint32_t)1 << 20)  /* bytes */
#define SCSI_UNMAP_BLOCKS      UINT32_MAX	    /* no limit: it runs in slices */
#define SCSI_UNMAP_DESCRIPTORS 256u
#define SCSI_COMPARE_BLOCKS    255u /* COMPARE AND WRITE: all that its CDB can tell */
#define SCSI_ATOMIC_MAX	       ((uint32_t)1 << 20) /* bytes of one WRITE ATOMIC */

#endif
