// SPDX-License-Identifier: MIT
/*
 * note.c - bytes of the caller's that are kept with a LUN and change while it is used.
 *
 * They are too many for the record, so they have a part of their own of its file, behind the two
 * copies: a place per table, of two halves. A note is written to the half that does not count, and
 * counts when it is whole: whenever the process ends, the old note is there or the new one.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/crc32c.h"
#include "store/internal.h"

#define NOTE_MAGIC "MTGTNOTE"
#define NOTE_HALF  ((off_t)256 << 10)

struct note_head {
	uint8_t magic[8];
	be32 crc; /* of what follows, and the data */
	be32 length;
	be64 sequence; /* of two that are right the higher one counts */
	be32 slot;
	uint8_t reserved[4];
};
WIRE_SIZE(struct note_head, 32);
WIRE_AT(struct note_head, length, 12);
_Static_assert(STORE_NOTE_MAX + sizeof(struct note_head) == NOTE_HALF, "a note fills its half");
_Static_assert(RECORDS_FILE == RECORDS_BYTES + 2 * TABLES_MAX * NOTE_HALF, "a place per table");

static off_t place_of(const struct store_lun *l, unsigned half)
{
	return RECORDS_BYTES + ((off_t)l->table.slot * 2 + half) * NOTE_HALF;
}

static uint32_t crc_of(const uint8_t *raw, size_t n)
{
	const size_t from = offsetof(struct note_head, length);

	return ~crc32c_update(CRC32C_INIT, raw + from, n - from);
}

static void put_head(const struct store_lun *l, uint64_t sequence, uint8_t *raw, size_t n)
{
	struct note_head h = {0};

	memcpy(h.magic, NOTE_MAGIC, sizeof(h.magic));
	put32(&h.length, (uint32_t)(n - sizeof(h)));
	put64(&h.sequence, sequence);
	put32(&h.slot, l->table.slot);
	memcpy(raw, &h, sizeof(h));
	put32(&h.crc, crc_of(raw, n));
	memcpy(raw, &h, sizeof(h));
}

enum note_is { NOTE_NONE, NOTE_GOOD, NOTE_BAD };

/* One half, all of it: raw has NOTE_HALF. */
static enum note_is read_half(const struct store_lun *l, unsigned half, uint8_t *raw,
			      uint64_t *sequence, size_t *n)
{
	const ssize_t got = pread(l->store->records.fd, raw, (size_t)NOTE_HALF, place_of(l, half));
	struct note_head h;

	*sequence = 0;
	*n = 0;
	if (got < 0)
		return NOTE_BAD;
	if (got < NOTE_HALF) /* the file ends before: there was never a note */
		return NOTE_NONE;
	memcpy(&h, raw, sizeof(h));
	if (!memcmp(&h, &(struct note_head){.magic = {0}}, sizeof(h)))
		return NOTE_NONE; /* or it was being written */
	const uint32_t len = get32(h.length);
	if (memcmp(h.magic, NOTE_MAGIC, sizeof(h.magic)) || len > STORE_NOTE_MAX ||
	    get32(h.slot) != l->table.slot || get32(h.crc) != crc_of(raw, sizeof(h) + len))
		return NOTE_BAD;
	*sequence = get64(h.sequence);
	*n = len;
	return NOTE_GOOD;
}

/* Which half counts, in `raw`. */
static enum note_is choose(const struct store_lun *l, uint8_t *raw, unsigned *half,
			   uint64_t *sequence, size_t *n)
{
	uint64_t seq[2];
	const enum note_is a = read_half(l, 0, raw, &seq[0], n);
	const enum note_is b = read_half(l, 1, raw, &seq[1], n);

	*half = b == NOTE_GOOD && (a != NOTE_GOOD || seq[1] > seq[0]);
	if (!*half)
		(void)read_half(l, 0, raw, &seq[0], n);
	*sequence = seq[*half];
	/* The one that is damaged may have been the newer. */
	if (a == NOTE_BAD || b == NOTE_BAD)
		return NOTE_BAD;
	return a == NOTE_GOOD || b == NOTE_GOOD ? NOTE_GOOD : NOTE_NONE;
}

/* The file of an older memtgtd ends with the records. */
static int make_room(const struct records *r)
{
	struct stat st;

	if (fstat(r->fd, &st) < 0)
		return -errno;
	if (st.st_size >= RECORDS_FILE)
		return 0;
	return ftruncate(r->fd, RECORDS_FILE) < 0 ? -errno : 0;
}

static int write_all(int fd, const uint8_t *p, size_t n, off_t at)
{
	while (n) {
		const ssize_t done = pwrite(fd, p, n, at);

		if (done < 0 && errno == EINTR)
			continue;
		if (done <= 0)
			return done < 0 ? -errno : -ENOSPC;
		p += done;
		n -= (size_t)done;
		at += done;
	}
	return 0;
}

/* The head is taken away first and comes back last: what is cut off between is no note. */
static int write_half(struct store_lun *l, unsigned half, const uint8_t *raw, size_t n)
{
	const int fd = l->store->records.fd;
	const size_t head = sizeof(struct note_head);
	static const uint8_t none[sizeof(struct note_head)];
	int rc = write_all(fd, none, head, place_of(l, half));

	if (!rc)
		rc = write_all(fd, raw + head, n - head, place_of(l, half) + (off_t)head);
	return rc ? rc : write_all(fd, raw, head, place_of(l, half));
}

/* Under the lock; raw has NOTE_HALF, of which n bytes are to be the note, with its head. */
static int replace(struct store_lun *l, uint8_t *raw, size_t n)
{
	int rc = make_room(&l->store->records);

	if (rc)
		return rc;
	if (!l->note_sequence) {
		uint8_t *old = malloc((size_t)NOTE_HALF);
		size_t had;

		if (!old)
			return -ENOMEM;
		(void)choose(l, old, &l->note_half, &l->note_sequence, &had);
		free(old);
	}
	put_head(l, l->note_sequence + 1, raw, n);
	rc = write_half(l, !l->note_half, raw, n);
	if (rc)
		return rc;
	l->note_half = !l->note_half;
	l->note_sequence++;
	return 0;
}

int store_lun_set_note(struct store_lun *l, const void *p, size_t n)
{
	const size_t head = sizeof(struct note_head);
	uint8_t *raw = n <= STORE_NOTE_MAX ? malloc(head + n) : NULL;

	if (!raw)
		return n <= STORE_NOTE_MAX ? -ENOMEM : -EINVAL;
	if (n)
		memcpy(raw + head, p, n);
	pthread_mutex_lock(&l->store->records.lock);
	int rc = replace(l, raw, head + n);
	pthread_mutex_unlock(&l->store->records.lock);
	free(raw);
	return rc;
}

int store_lun_note(struct store_lun *l, uint8_t **out, size_t *n)
{
	uint8_t *raw = malloc((size_t)NOTE_HALF);
	enum note_is is;

	*out = NULL;
	*n = 0;
	if (!raw)
		return -ENOMEM;
	pthread_mutex_lock(&l->store->records.lock);
	is = choose(l, raw, &l->note_half, &l->note_sequence, n);
	pthread_mutex_unlock(&l->store->records.lock);
	if (is != NOTE_GOOD) {
		free(raw);
		*n = 0;
		return is == NOTE_BAD ? -EIO : 0;
	}
	memmove(raw, raw + sizeof(struct note_head), *n);
	*out = raw;
	return 0;
}

/* The next LUN of the slot finds nothing; a hole reads as zeroes. */
void lun_note_forget(struct store_lun *l)
{
	struct stat st;
	const int fd = l->store->records.fd;

	l->note_sequence = 0;
	l->note_half = 0;
	if (fstat(fd, &st) == 0 && st.st_size > RECORDS_BYTES)
		(void)fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, place_of(l, 0),
				2 * NOTE_HALF);
}
