// SPDX-License-Identifier: MIT
/* upgrade.c - which program is to take over, and could it? What follows is in upgrade/exec.c. */
#include "upgrade/upgrade.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "base/spawn.h"
#include "store/store.h"

#define SAY(...) snprintf(why, why_len, __VA_ARGS__)

/* ---- which ---- */

#define DELETED " (deleted)"

/* What the kernel adds to the name of a file that is gone. A new one may be there by now. */
static void drop_deleted(char *path)
{
	size_t n = strlen(path), mark = strlen(DELETED);
	struct stat st;

	if (n > mark && !strcmp(path + n - mark, DELETED) && lstat(path, &st))
		path[n - mark] = '\0';
}

/* A name that only says which descriptor the file was opened as. */
static bool is_descriptor(const char *path)
{
	return !strncmp(path, "/proc/", 6) || !strncmp(path, "/dev/fd/", 8);
}

int upgrade_self(const char *execfn, const char *exe, char out[static UPGRADE_PATH])
{
	char folder[UPGRADE_PATH];
	int n;

	if (execfn && *execfn == '/' && !is_descriptor(execfn))
		n = snprintf(out, UPGRADE_PATH, "%s", execfn);
	else if (execfn && strchr(execfn, '/') && *execfn != '/' && getcwd(folder, sizeof(folder)))
		n = snprintf(out, UPGRADE_PATH, "%s/%s", folder, execfn);
	else {
		n = (int)readlink(exe, out, UPGRADE_PATH);
		if (n < 0)
			return -errno;
		out[n < (int)UPGRADE_PATH ? n : 0] = '\0';
		drop_deleted(out);
	}
	return n < (int)UPGRADE_PATH ? 0 : -ENAMETOOLONG;
}

/* ---- could it? ---- */

/* A decimal number without anything before it; *end: behind it. */
static bool take_number(const char *p, const char **end, unsigned *out)
{
	char *after;

	if (!isdigit((unsigned char)*p))
		return false;
	errno = 0;
	unsigned long n = strtoul(p, &after, 10);
	*out = (unsigned)n;
	*end = after;
	return !errno && n <= 1000000;
}

int upgrade_parse_formats(const char *text, size_t n, unsigned *oldest, unsigned *newest)
{
	const char *p = text;

	if (!take_number(p, &p, oldest) || *p++ != ' ' || !take_number(p, &p, newest) ||
	    *p++ != '\n' || p != text + n || *oldest > *newest)
		return -EINVAL;
	return 0;
}

/* The first line of what it printed. */
static const char *first_line(struct spawn_result *r)
{
	r->out[strcspn(r->out, "\n")] = '\0';
	return r->out;
}

/* A sentence, if the program did not run to its end. */
static int run(const struct upgrade *u, const char *const argv[], bool errors,
	       struct spawn_result *r, char *why, size_t why_len)
{
	int err = spawn_run(argv, u->limit_ms, errors, r);

	if (err == -ETIMEDOUT)
		SAY("%.300s %s did not end within %u ms, and was killed", argv[0], argv[1],
		    u->limit_ms);
	else if (err)
		SAY("%.300s cannot be run: %s", argv[0], strerror(-err));
	return err ? -EINVAL : 0;
}

static int check_formats(const struct upgrade *u, const char *binary, char *why, size_t why_len)
{
	const char *const argv[] = {binary, "--store-formats", NULL};
	unsigned oldest, newest;
	struct spawn_result r;
	int err = run(u, argv, false, &r, why, why_len);

	if (err)
		return err;
	if (r.status || r.is_cut || upgrade_parse_formats(r.out, r.len, &oldest, &newest)) {
		SAY("%.300s is no memtgtd, or too old a one: it does not tell by --store-formats "
		    "which memory it can go on with",
		    binary);
		return -EINVAL;
	}
	if (oldest <= STORE_FORMAT_NEWEST && STORE_FORMAT_NEWEST <= newest)
		return 0;
	SAY("%.300s reads memory of the formats %u to %u, and this one has format %u: what LUNs "
	    "hold would be lost",
	    binary, oldest, newest, STORE_FORMAT_NEWEST);
	return -EINVAL;
}

static int check_config(const struct upgrade *u, const char *binary, char *why, size_t why_len)
{
	const char *const argv[] = {binary, "--check-config", "-c", u->config, NULL};
	struct spawn_result r;
	int err = run(u, argv, true, &r, why, why_len);

	if (err || !r.status)
		return err;
	SAY("%.200s does not take the configuration: %.200s", binary, first_line(&r));
	return -EINVAL;
}

static int check(const struct upgrade *u, const char *binary, char *why, size_t why_len)
{
	if (!u->can_leave) {
		SAY("another program could not go on with this memory: what LUNs hold would be "
		    "lost");
		return -EINVAL;
	}
	if (*binary != '/') {
		SAY("found the program \"%.200s\"; needed is a path that begins with /", binary);
		return -EINVAL;
	}
	int err = check_formats(u, binary, why, why_len);
	return err ? err : check_config(u, binary, why, why_len);
}

/* ---- asking ---- */

/* One at a time. */
static int begin(struct upgrade *u, char *why, size_t why_len)
{
	pthread_mutex_lock(&u->lock);
	bool is_busy = u->is_checking || u->is_wanted;
	u->is_checking |= !is_busy;
	pthread_mutex_unlock(&u->lock);
	if (is_busy)
		SAY("an upgrade is under way");
	return is_busy ? -EBUSY : 0;
}

static void end(struct upgrade *u, const char *binary)
{
	pthread_mutex_lock(&u->lock);
	u->is_checking = false;
	if (binary) {
		snprintf(u->binary, sizeof(u->binary), "%s", binary);
		u->is_wanted = true;
		(void)eventfd_write(u->wake, 1);
	}
	pthread_mutex_unlock(&u->lock);
}

int upgrade_ask(struct upgrade *u, const char *binary, char path[static UPGRADE_PATH], char *why,
		size_t why_len)
{
	int err = begin(u, why, why_len);

	if (err)
		return err;
	if (snprintf(path, UPGRADE_PATH, "%s", binary ? binary : u->self) >= (int)UPGRADE_PATH) {
		SAY("the program's path is too long");
		err = -EINVAL;
	}
	if (!err)
		err = check(u, path, why, why_len);
	end(u, err ? NULL : path);
	return err;
}

bool upgrade_is_wanted(struct upgrade *u)
{
	pthread_mutex_lock(&u->lock);
	bool is_wanted = u->is_wanted;
	pthread_mutex_unlock(&u->lock);
	return is_wanted;
}

void upgrade_cancel(struct upgrade *u)
{
	eventfd_t none;

	pthread_mutex_lock(&u->lock);
	u->is_wanted = false;
	(void)eventfd_read(u->wake, &none);
	pthread_mutex_unlock(&u->lock);
}

int upgrade_open(struct upgrade *u, const char *config)
{
	*u = (struct upgrade){.config = config, .limit_ms = UPGRADE_LIMIT_MS};
	pthread_mutex_init(&u->lock, NULL);
	u->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (u->wake < 0) {
		int err = -errno;
		log_error("eventfd: %s", strerror(-err));
		return err;
	}
	int err = upgrade_self((const char *)getauxval(AT_EXECFN), "/proc/self/exe", u->self);
	if (err) /* then an upgrade needs a path */
		snprintf(u->self, sizeof(u->self), "(unknown)");
	return 0;
}

void upgrade_close(struct upgrade *u)
{
	if (u->wake >= 0)
		close(u->wake);
	u->wake = -1;
	pthread_mutex_destroy(&u->lock);
}
