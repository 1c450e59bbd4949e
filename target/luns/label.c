// SPDX-License-Identifier: MIT
/* label.c - see luns/label.h. */
#include "luns/label.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

#include "memtgt/cursor.h"

static uint16_t flags_of(const struct luns_label *l)
{
	return (uint16_t)((l->read_only ? LABEL_READ_ONLY : 0) | (l->stopped ? LABEL_STOPPED : 0) |
			  (l->by_config ? LABEL_BY_CONFIG : 0) |
			  (l->configured.is_thin ? LABEL_WAS_THIN : 0));
}

static void put_serial(uint8_t out[static SCSI_SERIAL_MAX], const char *serial)
{
	memcpy(out, serial, strnlen(serial, SCSI_SERIAL_MAX));
}

size_t label_write(const struct luns_label *l, uint8_t out[static STORE_LABEL_MAX])
{
	const size_t name = strlen(l->target);
	const size_t starters = (size_t)l->nstarters * SCSI_STARTER_SIZE;
	struct label_wire h = {.magic = LABEL_MAGIC};
	struct writer w = writer_of(out, STORE_LABEL_MAX);

	assert(name <= ISCSI_NAME_MAX && l->nstarters <= SCSI_STARTERS);
	put16(&h.version, LABEL_VERSION);
	put16(&h.length, (uint16_t)(name + starters));
	put16(&h.flags, flags_of(l));
	put16(&h.id, (uint16_t)l->id);
	put32(&h.block_size, l->block_size);
	put32(&h.generation, l->generation);
	memcpy(h.naa, l->naa, sizeof(h.naa));
	put_serial(h.serial, l->serial);
	put64(&h.configured_size, l->configured.size);
	put32(&h.configured_block_size, l->configured.block_size);
	put_serial(h.configured_serial, l->configured.serial);
	put16(&h.nstarters, (uint16_t)l->nstarters);
	put16(&h.name_len, (uint16_t)name);
	writer_put(&w, &h, sizeof(h));
	writer_put(&w, l->target, name);
	writer_put(&w, l->starters, starters);
	return writer_len(&w);
}

/* Printable ASCII, then NULs to the end. */
static bool get_serial(const uint8_t in[static SCSI_SERIAL_MAX],
		       char out[static SCSI_SERIAL_MAX + 1])
{
	size_t n = 0;

	while (n < SCSI_SERIAL_MAX && in[n] > 0x20 && in[n] < 0x7f)
		n++;
	for (size_t i = n; i < SCSI_SERIAL_MAX; i++)
		if (in[i])
			return false;
	memcpy(out, in, n);
	out[n] = '\0';
	return true;
}

static bool get_name(struct cursor *c, size_t n, char out[static ISCSI_NAME_MAX + 1])
{
	if (!n || n > ISCSI_NAME_MAX)
		return false;
	const uint8_t *p = cursor_take(c, n);
	if (!p)
		return false;
	for (size_t i = 0; i < n; i++)
		if (p[i] <= 0x20 || p[i] == 0x7f)
			return false;
	memcpy(out, p, n);
	out[n] = '\0';
	return true;
}

static bool get_fields(const struct label_wire *h, struct luns_label *out)
{
	const unsigned flags = get16(h->flags);

	out->id = get16(h->id);
	out->block_size = get32(h->block_size);
	out->generation = get32(h->generation);
	out->read_only = flags & LABEL_READ_ONLY;
	out->stopped = flags & LABEL_STOPPED;
	out->by_config = flags & LABEL_BY_CONFIG;
	out->nstarters = get16(h->nstarters);
	out->configured.size = get64(h->configured_size);
	out->configured.block_size = get32(h->configured_block_size);
	out->configured.is_thin = flags & LABEL_WAS_THIN;
	memcpy(out->naa, h->naa, sizeof(out->naa));
	return flags <= LABEL_FLAGS && out->id < SCSI_LUNS_MAX &&
	       (out->block_size == 512 || out->block_size == 4096) &&
	       out->nstarters <= SCSI_STARTERS && get_serial(h->serial, out->serial) &&
	       out->serial[0] && get_serial(h->configured_serial, out->configured.serial);
}

int label_read(const uint8_t *p, size_t n, struct luns_label *out)
{
	struct cursor c = cursor_of(p, n);
	const uint8_t *head = cursor_take(&c, sizeof(struct label_wire));
	struct label_wire h;

	memset(out, 0, sizeof(*out));
	if (!head)
		return -EINVAL;
	memcpy(&h, head, sizeof(h));
	if (memcmp(h.magic, LABEL_MAGIC, sizeof(h.magic)) != 0 || !get16(h.version))
		return -EINVAL;
	if (get16(h.version) > LABEL_VERSION)
		return -ENOTSUP;
	if (get16(h.length) != c.left || !get_fields(&h, out) ||
	    !get_name(&c, get16(h.name_len), out->target))
		return -EINVAL;
	const size_t starters = (size_t)out->nstarters * SCSI_STARTER_SIZE;
	const uint8_t *s = cursor_take(&c, starters);
	if (!s || c.left)
		return -EINVAL;
	memcpy(out->starters, s, starters);
	return 0;
}
