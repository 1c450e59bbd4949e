// SPDX-License-Identifier: MIT
/*
 * reserve6.c - RESERVE and RELEASE, (6) and (10): the whole unit for the nexus that asks. SPC-2
 * 7.16 to 7.19. Extents and third parties are obsolete, and refused by the CDB's usage mask.
 */
#include "scsi/handlers.h"
#include "scsi/reserve.h"
#include "scsi/scsi.h"

static struct scsi_result take(struct scsi_task *t, struct scsi_fence *f)
{
	return scsi_reserve(t->lu, t->nexus, f);
}

static struct scsi_result give(struct scsi_task *t, struct scsi_fence *f)
{
	return scsi_release(t->lu, t->nexus, f);
}

struct scsi_result scsi_reserve6(struct scsi_task *t)
{
	return scsi_fenced(t, take);
}

struct scsi_result scsi_release6(struct scsi_task *t)
{
	return scsi_fenced(t, give);
}
