// SPDX-License-Identifier: MIT
/* node.c - iscsiadm, and the files in which it keeps records. */
#include "initiator-tools/host/node.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/io.h"
#include "initiator-tools/host/disk.h"
#include "initiator-tools/host/tool.h"
#include "initiator-tools/secret.h"

#define LOCK_FILE     "/run/memloan-sessions.lock"
#define LOCK_LIMIT_NS (300 * NS_PER_S) /* a login, or a logout, of others */
#define LOCK_LOOK_MS  100
#define RECORD_MAX    32768
#define AUTH	      "node.session.auth."

/* clang-format off */
static const struct {
	const char *name, *value;
} settings[] = {
	/* memloan makes the session, and it alone looks for disks. */
	{ "node.startup",                             "manual" },
	{ "node.session.scan",                        "manual" },
	/* A stall of the borrower, which swapping brings, must not look like a donor's failure. */
	{ "node.conn[0].timeo.noop_out_interval",     "5"      },
	{ "node.conn[0].timeo.noop_out_timeout",      "10"     },
	/* A donor may be away for so long before writes fail; the agent may say earlier that it is. */
	{ "node.session.timeo.replacement_timeout",   "120"    },
	/* Many pages at once. */
	{ "node.session.cmds_max",                    "512"    },
	{ "node.session.queue_depth",                 "128"    },
	/* A donor that does not answer at a login: another is looked for. */
	{ "node.session.initial_login_retry_max",     "2"      },
	{ "node.conn[0].timeo.login_timeout",         "15"     },
	{ "node.conn[0].timeo.logout_timeout",        "5"      },
};

/* What iscsiadm ends with: ISCSI_ERR_ of open-iscsi's iscsi_err.h. */
enum { SESSION_EXISTS = 15, NO_RECORD = 21 };
static const struct {
	int status, err;
	const char *text;
} statuses[] = {
	{ 4,  EHOSTUNREACH, "no connection" },
	{ 5,  EACCES,       "the donor refuses the login" },
	{ 8,  EHOSTUNREACH, "no answer in time" },
	{ 11, EHOSTUNREACH, "no answer in time" },
	{ 12, ENOTCONN,     "iscsid does not answer: is it running?" },
	{ 19, EACCES,       "the donor refuses the login" },
	{ 20, ENOTCONN,     "iscsid does not answer: is it running?" },
	{ 24, EACCES,       "the donor refuses the login: chap_user or chap_secret_file is wrong, or it lends nothing to this initiator" },
};
/* clang-format on */
#define SETTINGS (sizeof(settings) / sizeof(settings[0]))
#define STATUSES (sizeof(statuses) / sizeof(statuses[0]))

int node_lock(void)
{
	uint64_t until = clock_now() + LOCK_LIMIT_NS;
	char path[DISK_PATH_MAX];

	snprintf(path, sizeof(path), "%s" LOCK_FILE, disk_root);
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return -errno;
	while (flock(fd, LOCK_EX | LOCK_NB)) {
		int err = errno;
		if (err == EWOULDBLOCK && clock_now() < until) {
			(void)poll(NULL, 0, LOCK_LOOK_MS);
			continue;
		}
		close(fd);
		return err == EWOULDBLOCK ? -ETIMEDOUT : -err;
	}
	return fd;
}

/* ---- a record's text ---- */

/* Is there a line "NAME = VALUE"? */
static bool has_line(const char *text, const char *name, const char *value)
{
	char line[512];

	snprintf(line, sizeof(line), "%s = %s\n", name, value);
	for (const char *p = text; (p = strstr(p, line)); p++)
		if (p == text || p[-1] == '\n')
			return true;
	return false;
}

bool node_text_is_ours(const char *text)
{
	for (size_t i = 0; i < SETTINGS; i++)
		if (!has_line(text, settings[i].name, settings[i].value))
			return false;
	return has_line(text, "node.discovery_type", "static");
}

static bool append(char *out, size_t room, const char *text, size_t n)
{
	size_t used = strlen(out);

	if (used + n >= room)
		return false;
	memcpy(out + used, text, n);
	out[used + n] = '\0';
	return true;
}

static bool append_setting(char *out, size_t room, const char *name, const char *value)
{
	return append(out, room, AUTH, strlen(AUTH)) && append(out, room, name, strlen(name)) &&
	       append(out, room, " = ", 3) && append(out, room, value, strlen(value)) &&
	       append(out, room, "\n", 1);
}

/* A value ends with its line, and blanks around it are not part of it. */
static bool fits_in_record(const char *value)
{
	size_t n = strlen(value);

	for (size_t i = 0; i < n; i++)
		if ((unsigned char)value[i] < 0x20 || value[i] == 0x7f)
			return false;
	return n && value[0] != ' ' && value[n - 1] != ' ';
}

static bool is_of_chap(const char *line)
{
	static const char *const names[] = {AUTH "authmethod ", AUTH "username ", AUTH "password "};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (!strncmp(line, names[i], strlen(names[i])))
			return true;
	return false;
}

/* Lines of comments mark where a record begins and ends. */
bool node_text_with_chap(const char *text, const char *user, const char *secret, char *out,
			 size_t room)
{
	bool is_put = false, ok = fits_in_record(user) && fits_in_record(secret);

	*out = '\0';
	while (ok && *text) {
		size_t n = strcspn(text, "\n");
		n += text[n] == '\n';
		if (!is_put && *text != '#') {
			is_put = true;
			ok = append_setting(out, room, "authmethod", "CHAP") &&
			     append_setting(out, room, "username", user) &&
			     append_setting(out, room, "password", secret);
		}
		if (ok && !is_of_chap(text))
			ok = append(out, room, text, n);
		text += n;
	}
	return ok && is_put;
}

/* ---- its file ---- */

/* "192.0.2.1:3260" or "[2001:db8::1]:3260" as iscsiadm names files: "192.0.2.1,3260". */
static bool portal_file(const struct loan_disk *d, char *out, size_t n)
{
	char host[DONOR_PORTAL_MAX + 1];
	uint16_t port;

	if (donor_parse_portal(d->portal, host, &port))
		return false;
	snprintf(out, n, "%s,%u", host, port);
	return true;
}

/* A file for the portal, or for it and its portal group a folder with a file for each interface. */
static bool find_in(const char *nodes, const struct loan_disk *d, char path[static DISK_PATH_MAX])
{
	char folder[DISK_PATH_MAX], portal[DONOR_PORTAL_MAX + 8];
	struct dirent *e;
	struct stat st;
	bool is_found = false;

	if (!portal_file(d, portal, sizeof(portal)))
		return false;
	size_t n = strlen(portal);
	snprintf(folder, sizeof(folder), "%s%s/%s", disk_root, nodes, d->target);
	DIR *dir = opendir(folder);
	while (dir && !is_found && (e = readdir(dir))) {
		if (strncmp(e->d_name, portal, n) != 0 || (e->d_name[n] && e->d_name[n] != ','))
			continue;
		int len = snprintf(path, DISK_PATH_MAX, "%s/%s", folder, e->d_name);
		if (len < DISK_PATH_MAX && !stat(path, &st) && S_ISDIR(st.st_mode))
			len = snprintf(path, DISK_PATH_MAX, "%s/%s/default", folder, e->d_name);
		is_found = len < DISK_PATH_MAX && !stat(path, &st) && S_ISREG(st.st_mode);
	}
	if (dir)
		closedir(dir);
	return is_found;
}

/* Where distributions keep them: Debian, and others. The folder above it takes new files. */
static bool find_record(const struct loan_disk *d, char path[static DISK_PATH_MAX],
			const char **above)
{
	static const char *const folders[][2] = {{"/etc/iscsi", "/etc/iscsi/nodes"},
						 {"/var/lib/iscsi", "/var/lib/iscsi/nodes"}};

	for (size_t i = 0; i < sizeof(folders) / sizeof(folders[0]); i++)
		if (find_in(folders[i][1], d, path)) {
			*above = folders[i][0];
			return true;
		}
	return false;
}

static bool read_record(const char *path, char text[static RECORD_MAX])
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, text, RECORD_MAX - 1);

	if (fd >= 0)
		close(fd);
	text[n > 0 ? n : 0] = '\0';
	return n > 0 && n < RECORD_MAX - 1;
}

bool node_is_ours(const struct loan_disk *d)
{
	char path[DISK_PATH_MAX], text[RECORD_MAX];
	const char *above;

	bool is_ours =
		find_record(d, path, &above) && read_record(path, text) && node_text_is_ours(text);
	explicit_bzero(text, sizeof(text));
	return is_ours;
}

/* Whole or not at all; nobody else can read it at any moment. */
static int replace(const char *path, const char *above, const char *text)
{
	char temporary[DISK_PATH_MAX];

	snprintf(temporary, sizeof(temporary), "%s%s/.memloan.new", disk_root, above);
	(void)unlink(temporary);
	int fd = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0)
		return -errno;
	int err = io_write_all(fd, text, strlen(text));
	if (close(fd) && !err)
		err = -errno;
	if (!err && rename(temporary, path))
		err = -errno;
	if (err)
		(void)unlink(temporary);
	return err;
}

static int write_chap(const struct loan_disk *d, const char *secret, char *why, size_t n)
{
	char path[DISK_PATH_MAX], text[RECORD_MAX], with[RECORD_MAX];
	const char *above;
	int err;

	if (!find_record(d, path, &above) || !read_record(path, text)) {
		snprintf(why, n, "the record that iscsiadm made of %s is not found", d->target);
		return -ENOENT;
	}
	if (!node_text_with_chap(text, d->chap_user, secret, with, sizeof(with))) {
		snprintf(why, n, "chap_user or chap_secret_file has what iscsid cannot read");
		err = -EINVAL;
	} else {
		err = replace(path, above, with);
		if (err)
			snprintf(why, n, "%s: %s", path, strerror(-err));
	}
	explicit_bzero(text, sizeof(text));
	explicit_bzero(with, sizeof(with));
	return err;
}

static int set_chap(const struct loan_disk *d, char *why, size_t n)
{
	char secret[CHAP_SECRET_MAX + 1];

	if (!d->chap_user)
		return 0;
	const char *bad = secret_read(d->chap_secret_file, secret, why, n);
	if (bad && bad != why)
		snprintf(why, n, "%s", bad);
	int err = bad ? -EINVAL : write_chap(d, secret, why, n);
	explicit_bzero(secret, sizeof(secret));
	return err;
}

/* ---- iscsiadm ---- */

#define WORDS	 9
#define ARGV_MAX (WORDS + 3 + 4 * SETTINGS)

/* "iscsiadm -m node -T TARGET -p PORTAL -I default" and the rest: records of other interfaces are
 * the operator's. */
static int run(const struct loan_disk *d, const char *const rest[], size_t nrest,
	       struct spawn_result *r, char *why, size_t n)
{
	const char *argv[ARGV_MAX] = {"iscsiadm", "-m",	     "node", "-T",     d->target,
				      "-p",	  d->portal, "-I",   "default"};

	memcpy(argv + WORDS, rest, nrest * sizeof(*rest));
	argv[WORDS + nrest] = NULL;
	return tool_run(argv, r, why, n);
}

static int make_record(const struct loan_disk *d, char *why, size_t n)
{
	static const char *const new[] = {"-o", "new"};
	const char *update[2 + 4 * SETTINGS] = {"-o", "update"};
	char path[DISK_PATH_MAX];
	struct spawn_result r;
	const char *above;
	size_t m = 2;
	int err = 0;

	for (size_t i = 0; i < SETTINGS; i++) {
		update[m++] = "-n";
		update[m++] = settings[i].name;
		update[m++] = "-v";
		update[m++] = settings[i].value;
	}
	if (!find_record(d, path, &above))
		err = run(d, new, 2, &r, why, n);
	if (!err)
		err = run(d, update, m, &r, why, n);
	return err ? err : set_chap(d, why, n);
}

/* What happened, in words that say more than iscsiadm's last line does. */
static int explain(const struct loan_disk *d, const struct spawn_result *r, int err, char *why,
		   size_t n)
{
	for (size_t i = 0; err == -EREMOTEIO && i < STATUSES; i++)
		if (statuses[i].status == r->status) {
			snprintf(why, n, "login to %s at %s: %s", d->target, d->portal,
				 statuses[i].text);
			return -statuses[i].err;
		}
	return err;
}

int node_login(const struct loan_disk *d, char *why, size_t n)
{
	static const char *const login[] = {"--login"};
	struct spawn_result r;
	int err = make_record(d, why, n);

	if (err)
		return err;
	err = run(d, login, 1, &r, why, n);
	if (err == -EREMOTEIO && r.status == SESSION_EXISTS)
		return 0;
	return explain(d, &r, err, why, n);
}

int node_logout(const struct loan_disk *d, char *why, size_t n)
{
	static const char *const logout[] = {"--logout"}, *const delete[] = {"-o", "delete"};
	char path[DISK_PATH_MAX];
	struct spawn_result r = {.status = -1};
	struct disk k;
	const char *above;
	int err = 0;

	if (disk_find(d, &k) != -ENOENT)
		err = run(d, logout, 1, &r, why, n);
	if (err == -EREMOTEIO && r.status == NO_RECORD)
		err = 0;
	if (!err && node_is_ours(d))
		err = run(d, delete, 2, &r, why, n);
	if (err == -EREMOTEIO && !find_record(d, path, &above))
		err = 0;
	return err;
}
