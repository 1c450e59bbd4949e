/* SPDX-License-Identifier: MIT */
/*
 * stopped.h - a unit whose content was lost, and who knows that.
 *
 * It reads as zeroes, which a host that had data in it must not take for that data. So it comes up
 * stopped (NOT READY 04/02) for everybody, and is started by START STOP UNIT, for the initiator
 * port that sends it: Linux sends it when it probes a disk it does not know, and never for one that
 * it has. A port (its name and ISID) that started it finds it so when it logs in again; the latest
 * SCSI_STARTERS are remembered, as long as the content is.
 */
#ifndef MEMTGT_STOPPED_H
#define MEMTGT_STOPPED_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

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

/* Is it stopped, for this nexus? In the nexus' reactor. */
bool scsi_is_stopped(struct scsi_nexus *n, struct scsi_lu *lu);
/* START STOP UNIT by way of it: from now on it is not. No more than that if it is not stopped. */
void scsi_lu_start(struct scsi_nexus *n, struct scsi_lu *lu);

/* A copy of who started it, latest first, and how many; from any thread. */
unsigned scsi_starters_get(struct scsi_lu *lu,
			   uint8_t port[static SCSI_STARTERS * SCSI_STARTER_SIZE]);
/* Before the LU is shown: n of them, as they were got. */
void scsi_starters_set(struct scsi_lu *lu, const uint8_t *port, unsigned n);

#endif
