// SPDX-License-Identifier: MIT
/* stopped.c - see stopped.h. */
#include "scsi/stopped.h"

#include <assert.h>
#include <string.h>

#include "memtgt/wire.h"
#include "scsi/mix.h"
#include "scsi/scsi.h"

/* SPC-4 7.6.4: the name of an iSCSI initiator port has the ISID in it. */
static void digest(const struct scsi_nexus *n, uint8_t out[static SCSI_STARTER_SIZE])
{
	struct mix d = {.a = 0x7374617274657261u, .b = 0x7374617274657262u};

	mix_bytes(&d, n->port_name, strlen(n->port_name));
	mix_word(&d, 0);
	st64(out, d.a);
	st64(out + 8, d.b);
}

/* Its place; n: it is not there. Under the lock. */
static unsigned find(const struct scsi_starters *s, const uint8_t *port)
{
	unsigned i = 0;

	while (i < s->n && memcmp(s->port[i], port, SCSI_STARTER_SIZE) != 0)
		i++;
	return i;
}

/* To the front; the last one goes if there is no room. Under the lock. */
static void add(struct scsi_starters *s, const uint8_t *port)
{
	unsigned at = find(s, port);

	if (at == s->n && s->n < SCSI_STARTERS)
		s->n++;
	else if (at == s->n)
		at--;
	memmove(s->port[1], s->port[0], (size_t)at * SCSI_STARTER_SIZE);
	memcpy(s->port[0], port, SCSI_STARTER_SIZE);
}

static uint64_t bit_of(const struct scsi_lu *lu)
{
	return (uint64_t)1 << lu->id % 64;
}

/* What the nexus knows itself costs no lock. */
static bool is_stopped(struct scsi_nexus *n, struct scsi_lu *lu)
{
	uint8_t port[SCSI_STARTER_SIZE];

	if (!lu->stopped || n->started[lu->id / 64] & bit_of(lu))
		return false;
	digest(n, port);
	pthread_mutex_lock(&lu->starters.lock);
	const bool is_known = find(&lu->starters, port) < lu->starters.n;
	pthread_mutex_unlock(&lu->starters.lock);
	if (is_known)
		n->started[lu->id / 64] |= bit_of(lu);
	return !is_known;
}

enum scsi_outcome scsi_stopped(struct scsi_nexus *n, struct scsi_lu *lu)
{
	if (!is_stopped(n, lu))
		return SENSE_OK;
	return n->older[lu->id / 64] & bit_of(lu) ? SENSE_OLD_LOGIN : SENSE_NOT_STARTED;
}

enum scsi_outcome scsi_stopped_use(struct scsi_nexus *n, struct scsi_lu *lu)
{
	if (!is_stopped(n, lu))
		return SENSE_OK;
	if (!(n->probed[lu->id / 64] & bit_of(lu)))
		n->older[lu->id / 64] |= bit_of(lu);
	return scsi_stopped(n, lu);
}

void scsi_stopped_probe(struct scsi_nexus *n, const struct scsi_lu *lu)
{
	n->probed[lu->id / 64] |= bit_of(lu);
}

enum scsi_outcome scsi_stopped_start(struct scsi_nexus *n, struct scsi_lu *lu)
{
	uint8_t port[SCSI_STARTER_SIZE];
	enum scsi_outcome o = scsi_stopped_use(n, lu);

	if (o != SENSE_NOT_STARTED)
		return o;
	digest(n, port);
	pthread_mutex_lock(&lu->starters.lock);
	add(&lu->starters, port);
	pthread_mutex_unlock(&lu->starters.lock);
	/* First where it outlives us: after the answer the port counts on it. */
	if (lu->on_start)
		lu->on_start(lu);
	n->started[lu->id / 64] |= bit_of(lu);
	return SENSE_OK;
}

unsigned scsi_starters_get(struct scsi_lu *lu,
			   uint8_t port[static SCSI_STARTERS * SCSI_STARTER_SIZE])
{
	pthread_mutex_lock(&lu->starters.lock);
	const unsigned n = lu->starters.n;
	memcpy(port, lu->starters.port, (size_t)n * SCSI_STARTER_SIZE);
	pthread_mutex_unlock(&lu->starters.lock);
	return n;
}

void scsi_starters_set(struct scsi_lu *lu, const uint8_t *port, unsigned n)
{
	assert(n <= SCSI_STARTERS);
	memcpy(lu->starters.port, port, (size_t)n * SCSI_STARTER_SIZE);
	lu->starters.n = n;
}
