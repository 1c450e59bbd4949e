// SPDX-License-Identifier: MIT
/*
 * state_file.c - reads and replaces the file of what LUNs held: see state_file.h.
 *
 * { "memtgt_state": 1, "host": "32 hex digits", "luns": [ { "target": "iqn...", "id": 0,
 * "generation": 1, "used": true, "spilled": "..." }, ... ] }
 */
#include "state_file.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/io.h"

#define LOCK_NAME    "lock"
#define LOCK_TRIES   50u /* a process that ends may have it a moment longer */
#define LOCK_STEP_NS 100000000
#define DEPTH_MAX    8u /* of the text: its own is 3 */

struct entry {
	char target[ISCSI_NAME_MAX + 1];
	unsigned id;
	struct state_lun lun;
};

struct state_file {
	pthread_mutex_t lock;		    /* of host, entries, n, changes */
	char host[2 * STATE_HOST_SIZE + 1]; /* hex; "": nobody asked for it */
	struct entry *entries;
	size_t n;
	uint64_t changes;

	pthread_mutex_t saving; /* of what follows; taken before `lock` */
	uint64_t saved;		/* which of the changes are on the disk */
	char *path;
	int dir, locked; /* descriptors */
};

#define SAY(...) snprintf(why, why_len, __VA_ARGS__)

static struct state_file *file_new(void)
{
	struct state_file *f = calloc(1, sizeof(*f));

	if (!f)
		return NULL;
	pthread_mutex_init(&f->lock, NULL);
	pthread_mutex_init(&f->saving, NULL);
	f->dir = f->locked = -1;
	return f;
}

void state_close(struct state_file *f)
{
	if (!f)
		return;
	if (f->dir >= 0)
		close(f->dir);
	if (f->locked >= 0)
		close(f->locked);
	pthread_mutex_destroy(&f->lock);
	pthread_mutex_destroy(&f->saving);
	free(f->entries);
	free(f->path);
	free(f);
}

const char *state_path(const struct state_file *f)
{
	return f->path;
}

/* ---- entries, under the lock ---- */

static struct entry *find(const struct state_file *f, const char *target, unsigned id)
{
	for (size_t i = 0; i < f->n; i++)
		if (f->entries[i].id == id && !strcasecmp(f->entries[i].target, target))
			return &f->entries[i];
	return NULL;
}

static struct entry *find_or_add(struct state_file *f, const char *target, unsigned id)
{
	struct entry *e = find(f, target, id);

	if (e)
		return e;
	struct entry *more = reallocarray(f->entries, f->n + 1, sizeof(*more));
	if (!more)
		return NULL;
	f->entries = more;
	e = &more[f->n++];
	*e = (struct entry){.id = id};
	snprintf(e->target, sizeof(e->target), "%s", target);
	return e;
}

bool state_find(struct state_file *f, const char *target, unsigned id, struct state_lun *out)
{
	pthread_mutex_lock(&f->lock);
	const struct entry *e = find(f, target, id);
	*out = e ? e->lun : (struct state_lun){0};
	pthread_mutex_unlock(&f->lock);
	return e != NULL;
}

/* The lock is held on success. */
static int begin_set(struct state_file *f, const char *target, unsigned id, struct entry **e)
{
	if (id >= STATE_IDS || !*target || strlen(target) > ISCSI_NAME_MAX)
		return -EINVAL;
	pthread_mutex_lock(&f->lock);
	*e = find_or_add(f, target, id);
	if (*e)
		return 0;
	pthread_mutex_unlock(&f->lock);
	return -ENOMEM;
}

static void end_set(struct state_file *f, bool changed)
{
	f->changes += changed;
	pthread_mutex_unlock(&f->lock);
}

int state_set_used(struct state_file *f, const char *target, unsigned id, bool used)
{
	struct entry *e;
	int rc = begin_set(f, target, id, &e);

	if (rc)
		return rc;
	bool changed = e->lun.used != used;
	e->lun.used = used;
	end_set(f, changed);
	return 0;
}

int state_set_generation(struct state_file *f, const char *target, unsigned id, uint32_t generation)
{
	struct entry *e;
	int rc = begin_set(f, target, id, &e);

	if (rc)
		return rc;
	bool changed = e->lun.generation != generation;
	e->lun.generation = generation;
	end_set(f, changed);
	return 0;
}

int state_set_spilled(struct state_file *f, const char *target, unsigned id, const char *uuid)
{
	struct entry *e;

	if (strlen(uuid) > STATE_SPILLED_MAX)
		return -EINVAL;
	int rc = begin_set(f, target, id, &e);
	if (rc)
		return rc;
	bool changed = strcmp(e->lun.spilled, uuid) != 0;
	snprintf(e->lun.spilled, sizeof(e->lun.spilled), "%s", uuid);
	end_set(f, changed);
	return 0;
}

/* Under the lock. */
static int make_host(struct state_file *f)
{
	uint8_t id[STATE_HOST_SIZE];

	if (getrandom(id, sizeof(id), 0) != (ssize_t)sizeof(id))
		return -errno;
	for (size_t i = 0; i < sizeof(id); i++)
		snprintf(f->host + 2 * i, 3, "%02x", id[i]);
	f->changes++;
	return 0;
}

int state_host(struct state_file *f, uint8_t id[static STATE_HOST_SIZE])
{
	pthread_mutex_lock(&f->lock);
	int rc = f->host[0] ? 0 : make_host(f);
	for (size_t i = 0; !rc && i < STATE_HOST_SIZE; i++) {
		const char byte[] = {f->host[2 * i], f->host[2 * i + 1], '\0'};
		id[i] = (uint8_t)strtoul(byte, NULL, 16);
	}
	pthread_mutex_unlock(&f->lock);
	return rc;
}

int state_list_spilled(struct state_file *f, struct state_spilled **out, size_t *n)
{
	pthread_mutex_lock(&f->lock);
	*n = 0;
	*out = calloc(f->n + 1, sizeof(**out));
	for (size_t i = 0; *out && i < f->n; i++) {
		const struct entry *e = &f->entries[i];
		struct state_spilled *s = &(*out)[*n];
		if (!e->lun.spilled[0])
			continue;
		s->id = e->id;
		memcpy(s->target, e->target, sizeof(s->target));
		memcpy(s->uuid, e->lun.spilled, sizeof(s->uuid));
		(*n)++;
	}
	pthread_mutex_unlock(&f->lock);
	return *out ? 0 : -ENOMEM;
}

/* ---- from text ---- */

/* What stands there must be of that type, and in bounds. */
static bool get_number(const json_t *o, const char *name, uint64_t max, uint64_t *out)
{
	const json_t *v = json_object_get(o, name);

	if (!json_is_integer(v) || json_integer_value(v) < 0 ||
	    (uint64_t)json_integer_value(v) > max)
		return false;
	*out = (uint64_t)json_integer_value(v);
	return true;
}

static bool get_text(const json_t *o, const char *name, size_t min, size_t max, char *out)
{
	const json_t *v = json_object_get(o, name);
	size_t n = json_string_length(v);

	if (!json_is_string(v) || n < min || n > max)
		return false;
	for (const char *p = json_string_value(v); *p; p++)
		if ((unsigned char)*p < 0x20 || *p == 0x7f)
			return false;
	memcpy(out, json_string_value(v), n + 1);
	return true;
}

static int parse_lun(struct state_file *f, const json_t *o, size_t at, char *why, size_t why_len)
{
	struct state_lun lun = {0};
	char target[ISCSI_NAME_MAX + 1];
	uint64_t id, generation;
	const json_t *used = json_object_get(o, "used");

	if (!get_text(o, "target", 1, ISCSI_NAME_MAX, target) ||
	    !get_number(o, "id", STATE_IDS - 1, &id) ||
	    !get_number(o, "generation", UINT32_MAX, &generation) || !json_is_boolean(used) ||
	    !get_text(o, "spilled", 0, STATE_SPILLED_MAX, lun.spilled)) {
		SAY("element %zu of \"luns\" is no LUN", at);
		return -EINVAL;
	}
	lun.generation = (uint32_t)generation;
	lun.used = json_is_true(used);
	if (find(f, target, (unsigned)id)) {
		SAY("LUN %u of %s stands there twice", (unsigned)id, target);
		return -EINVAL;
	}
	struct entry *e = find_or_add(f, target, (unsigned)id);
	if (!e) {
		SAY("out of memory");
		return -ENOMEM;
	}
	e->lun = lun;
	return 0;
}

static bool get_host(const json_t *o, char *out)
{
	const size_t n = (size_t)2 * STATE_HOST_SIZE;

	return get_text(o, "host", n, n, out) && strspn(out, "0123456789abcdef") == n;
}

static int parse_root(struct state_file *f, const json_t *root, char *why, size_t why_len)
{
	const json_t *luns = json_object_get(root, "luns");
	uint64_t version;
	int rc = 0;

	if (!get_number(root, "memtgt_state", INT64_MAX, &version) || !version) {
		SAY("it has no \"memtgt_state\"");
		return -EINVAL;
	}
	if (version > STATE_FILE_VERSION) {
		SAY("a newer memtgtd wrote it: its version is %llu, and this one reads up to %d",
		    (unsigned long long)version, STATE_FILE_VERSION);
		return -ENOTSUP;
	}
	if (json_object_get(root, "host") && !get_host(root, f->host)) {
		SAY("its \"host\" is not %u hex digits", 2 * STATE_HOST_SIZE);
		return -EINVAL;
	}
	if (!json_is_array(luns)) {
		SAY("it has no list \"luns\"");
		return -EINVAL;
	}
	for (size_t i = 0; !rc && i < json_array_size(luns); i++)
		rc = parse_lun(f, json_array_get(luns, i), i, why, why_len);
	return rc;
}

/* The parser recurses, and its own limit is deep for a small stack. */
static bool too_deep(const char *text, size_t n)
{
	unsigned depth = 0;
	bool quoted = false;

	for (size_t i = 0; i < n; i++) {
		if (quoted && text[i] == '\\')
			i++;
		else if (text[i] == '"')
			quoted = !quoted;
		else if (!quoted && (text[i] == '{' || text[i] == '['))
			depth++;
		else if (!quoted && (text[i] == '}' || text[i] == ']') && depth)
			depth--;
		if (depth > DEPTH_MAX)
			return true;
	}
	return false;
}

int state_parse(const char *text, size_t n, struct state_file **out, char *why, size_t why_len)
{
	struct state_file *f = file_new();
	json_error_t error = {.line = 0};

	if (!f) {
		SAY("out of memory");
		return -ENOMEM;
	}
	json_t *root =
		too_deep(text, n) ? NULL : json_loadb(text, n, JSON_REJECT_DUPLICATES, &error);
	int rc = -EINVAL;
	if (root)
		rc = parse_root(f, root, why, why_len);
	else
		SAY("it is no JSON text: line %d: %s", error.line,
		    error.line ? error.text : "nested too deep");
	json_decref(root);
	if (rc) {
		state_close(f);
		return rc;
	}
	*out = f;
	return 0;
}

/* ---- to text ---- */

/* Under the lock. */
static json_t *luns_of(const struct state_file *f)
{
	json_t *luns = json_array();

	for (size_t i = 0; luns && i < f->n; i++) {
		const struct entry *e = &f->entries[i];
		json_t *o = json_pack("{s:s, s:i, s:I, s:b, s:s}", "target", e->target, "id",
				      (int)e->id, "generation", (json_int_t)e->lun.generation,
				      "used", e->lun.used, "spilled", e->lun.spilled);
		if (json_array_append_new(luns, o)) { /* also if there is none */
			json_decref(luns);
			luns = NULL;
		}
	}
	return luns;
}

/* Under the lock. */
static json_t *root_of(const struct state_file *f)
{
	const char *host = f->host[0] ? f->host : NULL;

	return json_pack("{s:i, s:s*, s:o}", "memtgt_state", STATE_FILE_VERSION, "host", host,
			 "luns", luns_of(f));
}

/* Sets *changes to what the text holds. */
static char *text_of(struct state_file *f, uint64_t *changes)
{
	pthread_mutex_lock(&f->lock);
	json_t *root = root_of(f);
	*changes = f->changes;
	pthread_mutex_unlock(&f->lock);
	char *text = root ? json_dumps(root, JSON_INDENT(1) | JSON_PRESERVE_ORDER) : NULL;
	json_decref(root);
	return text;
}

char *state_text(struct state_file *f)
{
	uint64_t changes;

	return text_of(f, &changes);
}

/* ---- the disk ---- */

/* Another file, whole and on the disk. */
static int write_fresh(const struct state_file *f, const char *text)
{
	int fd = openat(f->dir, STATE_FILE_NAME ".new",
			O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return -errno;
	int rc = io_write_all(fd, text, strlen(text));
	if (!rc && fsync(fd))
		rc = -errno;
	if (close(fd) && !rc)
		rc = -errno;
	return rc;
}

/* Until the folder is on the disk, too, either file may be there after a loss of power. */
static int replace(const struct state_file *f, const char *text)
{
	int rc = write_fresh(f, text);

	if (rc)
		return rc;
	if (renameat(f->dir, STATE_FILE_NAME ".new", f->dir, STATE_FILE_NAME) || fsync(f->dir))
		return -errno;
	return 0;
}

int state_save(struct state_file *f, char *why, size_t why_len)
{
	uint64_t changes;
	int rc = 0;

	pthread_mutex_lock(&f->saving);
	char *text = text_of(f, &changes);
	if (!text)
		rc = -ENOMEM;
	else if (changes != f->saved)
		rc = replace(f, text);
	if (!rc)
		f->saved = changes;
	pthread_mutex_unlock(&f->saving);
	free(text);
	if (rc)
		SAY("%s cannot be written: %s: make room there, or let state_dir name another "
		    "folder",
		    f->path, strerror(-rc));
	return rc;
}

/* 0 and a text that is to be freed; NULL: there is no file. */
static int read_all(int dir, char **out, size_t *n)
{
	struct stat st;
	int rc = 0;
	int fd = openat(dir, STATE_FILE_NAME, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);

	*out = NULL;
	*n = 0;
	if (fd < 0)
		return errno == ENOENT ? 0 : -errno;
	if (fstat(fd, &st) || st.st_size < 0 || (uint64_t)st.st_size > STATE_FILE_MAX) {
		close(fd);
		return -EFBIG;
	}
	char *text = malloc((size_t)st.st_size + 1);
	if (!text)
		rc = -ENOMEM;
	while (!rc && *n < (size_t)st.st_size) {
		ssize_t got = read(fd, text + *n, (size_t)st.st_size - *n);
		if (got <= 0)
			rc = got ? -errno : -EIO;
		else
			*n += (size_t)got;
	}
	close(fd);
	if (rc)
		free(text);
	else
		*out = text;
	return rc;
}

/* The lock is a file beside it, since that one is replaced. It goes with the process. */
static int take_lock(int dir)
{
	const struct timespec step = {.tv_nsec = LOCK_STEP_NS};
	int fd = openat(dir, LOCK_NAME, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);

	if (fd < 0)
		return -errno;
	for (unsigned i = 0; flock(fd, LOCK_EX | LOCK_NB); i++) {
		int rc = -errno;
		if (rc == -EINTR)
			continue;
		if (rc != -EWOULDBLOCK || i == LOCK_TRIES) {
			close(fd);
			return rc;
		}
		nanosleep(&step, NULL);
	}
	return fd;
}

/* What is in the folder; takes both descriptors with it on success. */
static int load(const char *path, int dir, int locked, struct state_file **out, char *why,
		size_t why_len)
{
	char *text, reason[256];
	size_t n;
	int rc = read_all(dir, &text, &n);

	if (rc) {
		SAY("%s cannot be read: %s", path, strerror(-rc));
		return rc;
	}
	if (text)
		rc = state_parse(text, n, out, reason, sizeof(reason));
	else
		*out = file_new();
	free(text);
	if (rc) {
		SAY("%s: %s. It tells which LUNs had data, so none is served without it: put a "
		    "good "
		    "copy there or, if no initiator expects data of before, move it away",
		    path, reason);
		return rc;
	}
	if (!*out) {
		SAY("out of memory");
		return -ENOMEM;
	}
	(*out)->dir = dir;
	(*out)->locked = locked;
	return 0;
}

static int open_in(const char *dir, const char *path, struct state_file **out, char *why,
		   size_t why_len)
{
	int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0) {
		int rc = -errno;
		SAY("state_dir \"%s\": %s: make that folder, and give it to memtgtd's user", dir,
		    strerror(-rc));
		return rc;
	}
	int locked = take_lock(fd);
	if (locked == -EWOULDBLOCK)
		SAY("another memtgtd uses state_dir \"%s\": end it, or give each a folder of its "
		    "own",
		    dir);
	else if (locked < 0)
		SAY("state_dir \"%s\" cannot be used: %s", dir, strerror(-locked));
	int rc = locked < 0 ? locked : load(path, fd, locked, out, why, why_len);
	if (rc) {
		close(fd);
		if (locked >= 0)
			close(locked);
	}
	return rc == -EWOULDBLOCK ? -EBUSY : rc;
}

int state_open(const char *dir, struct state_file **out, char *why, size_t why_len)
{
	char *path;

	*out = NULL;
	if (asprintf(&path, "%s/%s", dir, STATE_FILE_NAME) < 0) {
		SAY("out of memory");
		return -ENOMEM;
	}
	int rc = open_in(dir, path, out, why, why_len);
	if (rc)
		free(path);
	else
		(*out)->path = path;
	return rc;
}
