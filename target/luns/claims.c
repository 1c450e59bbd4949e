// SPDX-License-Identifier: MIT
/* claims.c - see luns/claims.h. */
#include "luns/claims.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/lower.h"
#include "memtgt/cursor.h"

size_t claims_length(const struct claims *c)
{
	size_t sum = sizeof(struct claims_wire);

	for (uint32_t i = 0; i < c->n; i++)
		sum += sizeof(struct claims_wire_entry) + strlen(c->at[i].port.name);
	return sum;
}

/* For CLAIM_NONE and the types *_ALL it says nothing, and was written as what it happened to be. */
static bool has_holder(unsigned type)
{
	return type != CLAIM_NONE && !claims_is_all((enum claim_type)type);
}

void claims_write(const struct claims *c, const uint8_t naa[static 8], uint8_t *out)
{
	struct claims_wire h = {
		.magic = CLAIMS_MAGIC,
		.flags = (uint8_t)((c->aptpl ? CLAIMS_APTPL : 0) | (c->scrubs ? CLAIMS_SCRUBS : 0)),
		.type = (uint8_t)c->type,
	};
	struct writer w = writer_of(out, claims_length(c));

	put16(&h.version, CLAIMS_VERSION);
	put32(&h.generation, c->generation);
	put32(&h.holder, has_holder(c->type) ? c->holder : 0);
	put32(&h.n, c->n);
	memcpy(h.naa, naa, sizeof(h.naa));
	writer_put(&w, &h, sizeof(h));
	for (uint32_t i = 0; i < c->n; i++) {
		const struct claim_registrant *r = &c->at[i];
		const size_t len = strlen(r->port.name);
		struct claims_wire_entry e = {.all_ports = r->all_ports, .name_len = (uint8_t)len};

		put64(&e.key, r->key);
		put16(&e.target_port, r->port.target_port);
		writer_put(&w, &e, sizeof(e));
		writer_put(&w, r->port.name, len);
	}
}

static bool read_entry(struct cursor *c, struct claim_registrant *r)
{
	const uint8_t *p = cursor_take(c, sizeof(struct claims_wire_entry));
	struct claims_wire_entry e;

	if (!p)
		return false;
	memcpy(&e, p, sizeof(e));
	const char *name = (const char *)cursor_take(c, e.name_len);
	if (!name || !e.name_len || e.name_len > SCSI_PORT_NAME_MAX || e.all_ports > 1 ||
	    memchr(name, 0, e.name_len))
		return false;
	r->key = get64(e.key);
	r->all_ports = e.all_ports;
	r->port.target_port = get16(e.target_port);
	memcpy(r->port.name, name, e.name_len);
	text_lower(r->port.name, e.name_len); /* older ones were kept as they came */
	return r->key != 0;
}

static int read_all(struct cursor *c, const struct claims_wire *h, struct claims **out)
{
	const uint32_t n = get32(h->n);
	const bool held = has_holder(h->type);

	if (n > SCSI_REGISTRANTS_MAX || h->flags & ~CLAIMS_FLAGS ||
	    !(h->type == CLAIM_NONE || claims_is_type(h->type)) || (h->type != CLAIM_NONE && !n) ||
	    (held && get32(h->holder) >= n))
		return -EINVAL;
	struct claims *to = claims_new(n);
	if (!to)
		return -ENOMEM;
	to->generation = get32(h->generation);
	to->type = (enum claim_type)h->type;
	to->holder = held ? get32(h->holder) : 0;
	to->aptpl = h->flags & CLAIMS_APTPL;
	to->scrubs = h->flags & CLAIMS_SCRUBS;
	while (to->n < n && read_entry(c, &to->at[to->n]))
		to->n++;
	if (to->n == n && !c->left) {
		*out = to;
		return 0;
	}
	free(to);
	return -EINVAL;
}

int claims_read(const uint8_t *p, size_t n, const uint8_t naa[static 8], struct claims **out)
{
	struct cursor c = cursor_of(p, n);
	const uint8_t *head = cursor_take(&c, sizeof(struct claims_wire));
	struct claims_wire h;

	*out = NULL;
	if (!head)
		return -EINVAL;
	memcpy(&h, head, sizeof(h));
	if (memcmp(h.magic, CLAIMS_MAGIC, sizeof(h.magic)) != 0 || !get16(h.version))
		return -EINVAL;
	if (get16(h.version) > CLAIMS_VERSION)
		return -ENOTSUP;
	if (memcmp(h.naa, naa, sizeof(h.naa)) != 0)
		return 0;
	return read_all(&c, &h, out);
}

int luns_claims_keep(struct scsi_lu *lu, const struct claims *now)
{
	const size_t n = claims_length(now);
	uint8_t *bytes = malloc(n);
	int rc = -ENOMEM;

	if (bytes) {
		claims_write(now, lu->naa, bytes);
		rc = store_lun_set_note(lu->store, bytes, n);
	}
	free(bytes);
	if (rc)
		log_peer(
			LOG_LEVEL_ERROR,
			"LUN %u: a change of registrations is refused, since it cannot be kept: %s",
			lu->id, strerror(-rc));
	return rc;
}

/* Nobody is let in: not by whom the reservation was, nor what it allowed, is known. */
static struct claims *lost(const char *target, unsigned id, int rc)
{
	struct claims *c = claims_new(0);

	if (!c)
		return NULL;
	c->lost = true;
	log_error("%s LUN %u: who had registered with it and reserved it cannot be read (%s), so "
		  "all who would read or write it get RESERVATION CONFLICT: \"memtgtctl claim "
		  "clear\" ends that, when no initiator counts on its reservation any more",
		  target, id, strerror(-rc));
	return c;
}

int luns_claims_adopt(struct scsi_lu *lu, const char *target)
{
	struct claims *c = NULL;
	uint8_t *bytes;
	size_t n;
	int rc = store_lun_note(lu->store, &bytes, &n);

	if (!rc && bytes)
		rc = claims_read(bytes, n, lu->naa, &c);
	free(bytes);
	if (rc && rc != -ENOMEM)
		c = lost(target, lu->id, rc);
	if (!c)
		return rc ? -ENOMEM : 0;
	scsi_claims_set(lu, c);
	return 0;
}
