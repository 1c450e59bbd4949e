/* SPDX-License-Identifier: MIT */
/*
 * stopped.h - a unit whose content was lost, and who knows that.
 *
 * It reads as zeroes, which a host that had data in it must not take for that data. So it comes up
 * stopped (NOT READY 04/02) for everybody, and is started by START STOP UNIT, for the initiator
 * port that sends it. A port (its name and ISID) that started it finds it so when it logs in again;
 * the latest SCSI_STARTERS are remembered, as long as the content is.
 *
 * Linux sends START STOP UNIT when it probes a disk that it does not know, but also when it is told
 * to look again at one that it has (rescan, as after a resize). The first time it begins with
 * INQUIRY for the standard data; with a disk that it has it goes on without. So who uses the unit,
 * or starts it, and has not asked what it is since he logged in, knows it from before the loss: for
 * that session it is not started at all (04/03) until he logs in anew.
 */
#ifndef MEMTGT_STOPPED_H
#define MEMTGT_STOPPED_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "scsi/sense.h"

#define SCSI_STARTERS	  32u
#define SCSI_STARTER_SIZE 16u /* bytes: a digest of the port's name */

struct scsi_lu;
struct scsi_nexus;

/* Who started a LU, the latest first. All zeroes: nobody. */
struct scsi_starters {
	pthread_mutex_t lock; /* a leaf; only taken where a LU is stopped */
	unsigned n;
	uint8_t port[SCSI_STARTERS][SCSI_STARTER_SIZE];
};

/* In the nexus' reactor. SENSE_OK: for this nexus it is not stopped. Else what is told. */
enum scsi_outcome scsi_stopped(struct scsi_nexus *n, struct scsi_lu *lu);
/* The same, for a command that would use it. */
enum scsi_outcome scsi_stopped_use(struct scsi_nexus *n, struct scsi_lu *lu);
/* INQUIRY for the standard data. */
void scsi_stopped_probe(struct scsi_nexus *n, const struct scsi_lu *lu);
/* START STOP UNIT. SENSE_OK: from now on it is not stopped. Else what is told. */
enum scsi_outcome scsi_stopped_start(struct scsi_nexus *n, struct scsi_lu *lu);

/* A copy of who started it, latest first, and how many; from any thread. */
unsigned scsi_starters_get(struct scsi_lu *lu,
			   uint8_t port[static SCSI_STARTERS * SCSI_STARTER_SIZE]);
/* Before the LU is shown: n of them, as they were got. */
void scsi_starters_set(struct scsi_lu *lu, const uint8_t *port, unsigned n);

#endif
