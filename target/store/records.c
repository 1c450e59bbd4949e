// SPDX-License-Identifier: MIT
/* records.c - records in a memfd: two copies each. */
#include "store/records.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fail_point.h"
#include "store/intent.h"

#define RETRY_NS (10 * NS_PER_MS)

static off_t place_of(uint32_t place, unsigned copy)
{
	return (off_t)place * RECORD_BYTES + (copy ? RECORDS_COPY : 0);
}

static int check_file(int fd)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return -errno;
	const bool is_ours = st.st_size == RECORDS_BYTES || st.st_size == RECORDS_FILE ||
			     st.st_size == INTENTS_FILE;
	return S_ISREG(st.st_mode) && is_ours ? 0 : -EINVAL;
}

static int make_file(void)
{
	int fd = memfd_create("memtgt-records", MFD_CLOEXEC);

	if (fd < 0)
		return -errno;
	if (ftruncate(fd, RECORDS_BYTES) < 0) {
		int rc = -errno;
		close(fd);
		return rc;
	}
	return fd;
}

int records_open(struct records *r, int fd)
{
	int rc = fd < 0 ? make_file() : check_file(fd);

	*r = (struct records){.fd = fd < 0 ? rc : fd};
	if (rc < 0)
		return rc;
	rc = -pthread_mutex_init(&r->lock, NULL);
	if (rc && fd < 0)
		close(r->fd);
	return rc;
}

void records_close(struct records *r)
{
	pthread_mutex_destroy(&r->lock);
	close(r->fd);
}

static int try_lock(const struct records *r, pid_t *pid)
{
	struct flock f = {.l_type = F_WRLCK, .l_whence = SEEK_SET};

	if (fcntl(r->fd, F_SETLK, &f) == 0)
		return 0;
	if (errno != EAGAIN && errno != EACCES)
		return -errno;
	*pid = 0;
	if (fcntl(r->fd, F_GETLK, &f) == 0 && f.l_type != F_UNLCK)
		*pid = f.l_pid;
	return -EBUSY;
}

int records_lock(struct records *r, unsigned wait_s, pid_t *pid)
{
	const struct timespec pause = {.tv_nsec = RETRY_NS};
	uint64_t until = clock_now() + wait_s * NS_PER_S;
	int rc;

	while ((rc = try_lock(r, pid)) == -EBUSY && clock_now() < until)
		nanosleep(&pause, NULL);
	return rc;
}

/* ---- one record ---- */

static int read_copy(const struct records *r, uint32_t place, unsigned copy, uint8_t *raw)
{
	ssize_t n = pread(r->fd, raw, RECORD_BYTES, place_of(place, copy));

	if (n < 0)
		return -errno;
	return n == (ssize_t)RECORD_BYTES ? 0 : -EIO;
}

static int write_part(const struct records *r, const uint8_t *p, size_t n, off_t at)
{
	ssize_t done;

	do {
		done = pwrite(r->fd, p, n, at);
	} while (done < 0 && errno == EINTR);
	if (done < 0)
		return -errno;
	return done == (ssize_t)n ? 0 : -ENOSPC;
}

/* In two parts, so that tests can end between them. */
static int write_copy(const struct records *r, uint32_t place, unsigned copy, const uint8_t *raw)
{
	const size_t half = RECORD_BYTES / 2;
	const off_t at = place_of(place, copy);
	int rc = write_part(r, raw, half, at);

	if (rc)
		return rc;
	if (copy)
		FAIL_POINT(RECORD_B_HALF);
	else
		FAIL_POINT(RECORD_A_HALF);
	return write_part(r, raw + half, half, at + (off_t)half);
}

int records_read(struct records *r, uint32_t place, uint8_t *raw, enum record_is *is, bool *healed)
{
	uint8_t copies[2][RECORD_BYTES];
	bool same;
	int rc = 0;

	for (unsigned i = 0; i < 2 && !rc; i++)
		rc = read_copy(r, place, i, copies[i]);
	if (rc)
		return rc;
	unsigned one = record_choose(copies[0], copies[1], place, is, &same);
	*healed = !same && (*is == RECORD_GOOD || *is == RECORD_NONE);
	memcpy(raw, copies[one], RECORD_BYTES);
	return *healed ? write_copy(r, place, !one, raw) : 0;
}

static uint32_t next_of_copy(const struct records *r, uint32_t place, unsigned copy)
{
	off_t at = lseek(r->fd, place_of(place, copy), SEEK_DATA);
	uint64_t next = at < 0 ? RECORDS_PLACES : (uint64_t)(at - place_of(0, copy)) / RECORD_BYTES;

	return next < RECORDS_PLACES ? (uint32_t)next : RECORDS_PLACES;
}

uint32_t records_next(const struct records *r, uint32_t place)
{
	if (place >= RECORDS_PLACES)
		return RECORDS_PLACES;
	uint32_t a = next_of_copy(r, place, 0), b = next_of_copy(r, place, 1);

	return a < b ? a : b;
}

int records_reserve(struct records *r, uint32_t place)
{
	int rc = 0;

	for (unsigned i = 0; i < 2 && !rc; i++) {
		do {
			rc = fallocate(r->fd, 0, place_of(place, i), RECORD_BYTES);
		} while (rc < 0 && errno == EINTR);
	}
	return rc < 0 ? -errno : 0;
}

int records_write(struct records *r, uint32_t place, const uint8_t *raw)
{
	FAIL_POINT(RECORD_BEGIN);
	int rc = write_copy(r, place, 0, raw);

	if (rc)
		return rc;
	FAIL_POINT(RECORD_A);
	rc = write_copy(r, place, 1, raw);
	FAIL_POINT(RECORD_B);
	return rc;
}

int records_write_store(struct records *r, const struct record_store *to)
{
	struct record_store next = *to;
	uint8_t raw[RECORD_BYTES];

	pthread_mutex_lock(&r->lock);
	next.sequence = r->store.sequence + 1;
	record_put_store(&next, raw);
	int rc = records_reserve(r, 0);
	if (!rc)
		rc = records_write(r, 0, raw);
	if (!rc)
		r->store = next;
	pthread_mutex_unlock(&r->lock);
	return rc;
}
