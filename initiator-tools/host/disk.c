// SPDX-License-Identifier: MIT
/* disk.c - sysfs: sessions of iSCSI, their connections, their disks. */
#include "initiator-tools/host/disk.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "initiator-tools/answer.h"

#define TEXT_MAX 256
#define VPD_MAX	 4096
#define FLAT	 0x4000u

const char *disk_root = "";

/* False: it is too long, and the path is empty. */
static bool join(char out[static DISK_PATH_MAX], const char *folder, const char *file)
{
	bool fits = snprintf(out, DISK_PATH_MAX, "%s/%s", folder, file) < DISK_PATH_MAX;

	if (!fits)
		*out = '\0';
	return fits;
}

/* A text of sysfs, without its newline; false: there is none. */
static bool read_text(char out[static TEXT_MAX], const char *folder, const char *file)
{
	char path[DISK_PATH_MAX];

	join(path, folder, file);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	ssize_t n = read(fd, out, TEXT_MAX - 1);
	close(fd);
	out[n > 0 ? n : 0] = '\0';
	out[strcspn(out, "\n")] = '\0';
	return n > 0;
}

static bool is_text(const char *folder, const char *file, const char *wanted)
{
	char text[TEXT_MAX];

	return read_text(text, folder, file) && !strcmp(text, wanted);
}

/* The next entry of a folder that begins so; NULL: there is none. */
static const char *next_entry(DIR *dir, const char *prefix)
{
	struct dirent *e;

	while (dir && (e = readdir(dir)))
		if (e->d_name[0] != '.' && !strncmp(e->d_name, prefix, strlen(prefix)))
			return e->d_name;
	return NULL;
}

/* The first such entry, appended to the path; false: there is none. */
static bool enter(char path[static DISK_PATH_MAX], const char *prefix)
{
	DIR *dir = opendir(path);
	const char *name = next_entry(dir, prefix);
	size_t n = strlen(path);
	bool fits = name && n + 1 + strlen(name) < DISK_PATH_MAX;

	if (fits)
		snprintf(path + n, DISK_PATH_MAX - n, "/%s", name);
	if (dir)
		closedir(dir);
	return fits;
}

/* ---- the session ---- */

static bool same_address(const char *a, const char *b)
{
	for (int family = AF_INET; family != -1; family = family == AF_INET ? AF_INET6 : -1) {
		uint8_t x[16] = {0}, y[16] = {0};
		if (inet_pton(family, a, x) == 1 && inet_pton(family, b, y) == 1)
			return !memcmp(x, y, sizeof(x));
	}
	return !strcmp(a, b);
}

/* By the address that was asked for, whatever the donor sent it to then. */
static bool is_by_portal(const char *session, const char *portal)
{
	char path[DISK_PATH_MAX], host[DONOR_PORTAL_MAX + 1], text[TEXT_MAX];
	uint16_t port;
	unsigned its_port;

	if (donor_parse_portal(portal, host, &port))
		return false;
	char folder[DISK_PATH_MAX];

	if (!join(folder, session, "device") || !enter(folder, "connection") ||
	    !join(path, folder, "iscsi_connection") || !enter(path, "connection") ||
	    !read_text(text, path, "persistent_port") || sscanf(text, "%u", &its_port) != 1 ||
	    its_port != port)
		return false;
	return read_text(text, path, "persistent_address") && same_address(text, host);
}

static bool is_session(const char *path, const struct loan_disk *d)
{
	char text[TEXT_MAX];

	return is_text(path, "targetname", d->target) &&
	       (!read_text(text, path, "ifacename") || !strcmp(text, "default")) &&
	       is_by_portal(path, d->portal);
}

/* Its place in sysfs has the number of its host: ".../host3/session1/iscsi_session/session1". */
static int host_of(const char *session)
{
	char place[DISK_PATH_MAX];
	ssize_t n = readlink(session, place, sizeof(place) - 1);
	int host = -1;

	place[n > 0 ? n : 0] = '\0';
	for (const char *p = place; (p = strstr(p, "/host")); p++)
		if (sscanf(p, "/host%d/", &host) == 1)
			break;
	return host;
}

/* One that is logged in, and the lowest number of those. */
static bool is_better(const struct disk *a, const struct disk *b)
{
	if (b->session < 0 || a->is_logged_in != b->is_logged_in)
		return b->session < 0 || a->is_logged_in;
	return a->session < b->session;
}

static bool find_session(const struct loan_disk *d, struct disk *out)
{
	char sessions[DISK_PATH_MAX], path[DISK_PATH_MAX];
	const char *name;

	snprintf(sessions, sizeof(sessions), "%s/sys/class/iscsi_session", disk_root);
	DIR *dir = opendir(sessions);
	while ((name = next_entry(dir, "session"))) {
		struct disk k = {.session = -1};
		join(path, sessions, name);
		if (sscanf(name, "session%d", &k.session) != 1 || !is_session(path, d))
			continue;
		k.host = host_of(path);
		k.is_logged_in = is_text(path, "state", "LOGGED_IN");
		char text[TEXT_MAX];
		if (read_text(text, path, "target_id"))
			(void)sscanf(text, "%u", &k.target);
		if (k.host >= 0 && is_better(&k, out))
			*out = k;
	}
	if (dir)
		closedir(dir);
	return out->session >= 0;
}

/* ---- the disk ---- */

unsigned disk_kernel_lun(unsigned lun, bool is_flat)
{
	return lun > 255 || is_flat ? lun | FLAT : lun;
}

void disk_scan_path(const struct disk *k, char out[static DISK_PATH_MAX])
{
	snprintf(out, DISK_PATH_MAX, "%s/sys/class/scsi_host/host%d/scan", disk_root, k->host);
}

void disk_device_path(const struct disk *k, const char *file, char out[static DISK_PATH_MAX])
{
	snprintf(out, DISK_PATH_MAX, "%s/sys/class/block/%s/device/%s", disk_root, k->name, file);
}

static struct cursor read_page(const char *device, const char *file, uint8_t buf[static VPD_MAX])
{
	char path[DISK_PATH_MAX];

	join(path, device, file);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? 0 : read(fd, buf, VPD_MAX);
	if (fd >= 0)
		close(fd);
	return cursor_of(buf, n > 0 ? (size_t)n : 0);
}

static bool is_same(const char *device, const struct loan_disk *d)
{
	struct donor_lun l = {0};
	uint8_t buf[VPD_MAX];

	(void)answer_identification(read_page(device, "vpd_pg83", buf), &l);
	(void)answer_serial(read_page(device, "vpd_pg80", buf), &l);
	return !strcmp(l.naa, d->naa) && !strcmp(l.serial, d->serial);
}

/* What a disk is, by its folder of SCSI. */
static void take_disk(const char *device, const struct loan_disk *d, struct disk *out)
{
	char block[DISK_PATH_MAX], holders[DISK_PATH_MAX], text[TEXT_MAX];

	if (!join(block, device, "block") || !enter(block, ""))
		return;
	const char *name = strrchr(block, '/') + 1;
	if (strlen(name) >= sizeof(out->name))
		return;
	snprintf(out->name, sizeof(out->name), "%s", name);
	if (read_text(text, block, "dev"))
		(void)sscanf(text, "%u:%u", &out->major, &out->minor);
	if (read_text(text, block, "queue/logical_block_size"))
		(void)sscanf(text, "%u", &out->block_size);
	out->is_held = join(holders, block, "holders") && enter(holders, "");
	out->is_running = is_text(device, "state", "running");
	out->is_same = is_same(device, d);
}

static bool is_disk(const char *device)
{
	char path[DISK_PATH_MAX];

	return join(path, device, "block") && enter(path, "");
}

/* The devices of one target: "target3:0:0/3:0:0:LUN". */
static void look_at_target(const char *path, const struct loan_disk *d, struct disk *out)
{
	char device[DISK_PATH_MAX];
	DIR *dir = opendir(path);
	const char *name;

	while ((name = next_entry(dir, ""))) {
		unsigned channel, target;
		unsigned long long lun;
		if (sscanf(name, "%*u:%u:%u:%llu", &channel, &target, &lun) != 3)
			continue;
		join(device, path, name);
		bool is_it = lun == disk_kernel_lun(d->lun, false) ||
			     lun == disk_kernel_lun(d->lun, true);
		out->is_known |= is_it;
		if (is_it)
			take_disk(device, d, out);
		else
			out->others += is_disk(device);
	}
	if (dir)
		closedir(dir);
}

int disk_find(const struct loan_disk *d, struct disk *out)
{
	char session[DISK_PATH_MAX], path[DISK_PATH_MAX];
	const char *name;

	*out = (struct disk){.session = -1, .host = -1};
	if (!find_session(d, out))
		return -ENOENT;
	snprintf(session, sizeof(session), "%s/sys/class/iscsi_session/session%d/device", disk_root,
		 out->session);
	DIR *dir = opendir(session);
	while ((name = next_entry(dir, "target"))) {
		join(path, session, name);
		look_at_target(path, d, out);
	}
	if (dir)
		closedir(dir);
	return out->name[0] ? 0 : -ENODEV;
}
