// SPDX-License-Identifier: MIT
/* crash_rig.c - see crash_rig.h. */
#include "lib/crash_rig.h"

#include <check.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

#include "store/records.h"

#define CRASH_LUNS                                                               \
	"{ id = 0; size = \"" CRASH_FULL_BYTES "\"; provisioning = \"full\"; }," \
	"{ id = 1; size = \"" CRASH_THIN_BYTES "\"; provisioning = \"thin\"; }"

/* ---- the daemon ---- */

pid_t crash_child(const struct crash_rig *c)
{
	char path[64], text[32] = "";

	snprintf(path, sizeof(path), "/proc/%d/task/%d/children", (int)c->d.pid, (int)c->d.pid);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ck_assert_int_ge(fd, 0);
	ssize_t n = read(fd, text, sizeof(text) - 1);
	ck_assert_int_ge(n, 0);
	close(fd);
	return atoi(text); /* the first; it has one */
}

static void make_folder(char *path, size_t len, const char *in, const char *name)
{
	snprintf(path, len, "%s/%s", in, name);
	ck_assert_int_eq(mkdir(path, 0777), 0);
	ck_assert_int_eq(chmod(path, 0777), 0);
}

void crash_folder(struct crash_rig *c)
{
	memset(c, 0, sizeof(*c));
	strcpy(c->folder, "/tmp/memtgt-crash.XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(c->folder));
	ck_assert_int_eq(chmod(c->folder, 0755), 0);
	make_folder(c->state, sizeof(c->state), c->folder, "state");
	make_folder(c->spill, sizeof(c->spill), c->folder, "spill");
	snprintf(ctl_path, CTL_PATH, "%s/sock", c->folder);
}

void crash_start(struct crash_rig *c, const char *more)
{
	snprintf(c->more, sizeof(c->more),
		 "pool = { size = \"160M\"; pages = \"plain\"; headroom = \"64M\"; };"
		 "reactor = { count = 2; }; control = { socket = \"%s\"; };"
		 "state_dir = \"%s\"; %s",
		 ctl_path, c->state, more ? more : "");
	daemon_start_kept(&c->d, CRASH_LUNS, c->more);
	crash_served(c);
}

void crash_restart(struct crash_rig *c)
{
	daemon_stop(&c->d);
	daemon_start_again(&c->d, CRASH_LUNS, c->more, true);
	crash_served(c);
}

void crash_load(struct crash_rig *c, bool may_be_refused)
{
	const struct load_options o = {.port = c->d.port,
				       .sessions = CRASH_SESSIONS,
				       .depth = 8,
				       .luns = {0, 1},
				       .n_luns = 2,
				       .blocks = (8u << 20) / 512,
				       .seed = 1,
				       .may_be_refused = may_be_refused};

	c->load = load_start(&o);
}

void crash_served(const struct crash_rig *c)
{
	unsigned long long limit = test_now_ms() + DAEMON_PATIENCE_MS;

	while (ctl_run("--json status", false) != 0) {
		daemon_check_alive(&c->d);
		ck_assert_msg(test_now_ms() < limit, "memtgtctl is not answered: %s", ctl_out);
		test_sleep_ms(5);
	}
}

pid_t crash_kill_child(const struct crash_rig *c)
{
	unsigned long long limit = test_now_ms() + DAEMON_PATIENCE_MS;
	pid_t pid;

	while (!(pid = crash_child(c))) {
		ck_assert_msg(test_now_ms() < limit, "the keeper has no daemon");
		test_sleep_ms(1);
	}
	ck_assert_int_eq(kill(pid, SIGKILL), 0);
	return pid;
}

void crash_kill(const struct crash_rig *c)
{
	unsigned long long limit = test_now_ms() + DAEMON_PATIENCE_MS;
	pid_t killed = crash_kill_child(c), next;

	while (!(next = crash_child(c)) || next == killed) {
		ck_assert_msg(test_now_ms() < limit, "the keeper starts no other daemon");
		test_sleep_ms(1);
	}
}

void crash_copy_program(const char *to)
{
	const char *from = getenv("MEMTGTD");
	struct stat st;
	int in = open(from ? from : "target/memtgtd", O_RDONLY | O_CLOEXEC);
	int out = open(to, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0755);

	ck_assert(in >= 0 && out >= 0 && !fstat(in, &st));
	for (off_t left = st.st_size; left > 0;) {
		ssize_t n = sendfile(out, in, NULL, (size_t)left);
		ck_assert_int_gt(n, 0);
		left -= n;
	}
	close(in);
	close(out);
}

/* ---- figures ---- */

/* The number after the next `"name":`; moves *from behind it. */
static bool next_number(const char **from, const char *name, uint64_t *n)
{
	char mark[64];

	snprintf(mark, sizeof(mark), "\"%s\":", name);
	const char *p = strstr(*from, mark);
	if (!p)
		return false;
	*from = p + strlen(mark);
	*n = strtoull(*from, NULL, 10);
	return true;
}

uint64_t crash_number(const char *name)
{
	const char *p = ctl_out;
	uint64_t n = 0;

	ck_assert_msg(next_number(&p, name, &n), "no %s in: %s", name, ctl_out);
	return n;
}

uint64_t crash_sum(const char *name)
{
	const char *p = ctl_out;
	uint64_t n, sum = 0;

	while (next_number(&p, name, &n))
		sum += n;
	return sum;
}

void crash_check_pages(const struct crash_rig *c)
{
	unsigned long long limit = test_now_ms() + DAEMON_PATIENCE_MS;
	uint64_t luns, used, spent, host, retired;

	for (;;) {
		crash_served(c);
		ctl("--json lun list", 0);
		luns = crash_sum("used_bytes");
		ck_assert_uint_gt(luns, 0);
		ctl("--json pool show", 0);
		used = crash_number("used_bytes");
		spent = used + crash_number("reserve_bytes") + crash_number("coming_bytes");
		host = crash_number("host_bytes");
		retired = crash_number("retired_bytes");
		if (luns == used && host == spent && !retired)
			return;
		ck_assert_msg(test_now_ms() < limit,
			      "pages: LUNs %llu, used %llu, with reserve and coming %llu, the host "
			      "spends %llu, retired %llu",
			      (unsigned long long)luns, (unsigned long long)used,
			      (unsigned long long)spent, (unsigned long long)host,
			      (unsigned long long)retired);
		test_sleep_ms(10);
	}
}

void crash_check(struct crash_rig *c)
{
	load_look(c->load);
	crash_check_pages(c);
	daemon_check_alive(&c->d);
	load_go(c->load);
}

/* ---- what the keeper holds ---- */

int crash_open_kept(const struct crash_rig *c, const char *name)
{
	char folder[64], path[sizeof(folder) + 16], link[128];
	struct dirent *e;
	int fd = -1;

	snprintf(folder, sizeof(folder), "/proc/%d/fd", (int)c->d.pid);
	DIR *dir = opendir(folder);
	ck_assert_ptr_nonnull(dir);
	while (fd < 0 && (e = readdir(dir))) {
		snprintf(path, sizeof(path), "%s/%.10s", folder, e->d_name);
		ssize_t n = readlink(path, link, sizeof(link) - 1);
		link[n > 0 ? n : 0] = '\0';
		if (!strncmp(link, "/memfd:", 7) && strstr(link, name))
			fd = open(path, O_RDWR | O_CLOEXEC);
	}
	closedir(dir);
	ck_assert_msg(fd >= 0, "the keeper has no %s", name);
	return fd;
}

static char state_of(pid_t pid)
{
	char path[64], state = 'Z';

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	FILE *f = fopen(path, "re");
	if (f && fscanf(f, "%*d (%*[^)]) %c", &state) != 1)
		state = '?';
	if (f)
		fclose(f);
	return state;
}

/* The keeper stands still, so the daemon stays a zombie: that has let go of all. */
void crash_halt(const struct crash_rig *c)
{
	unsigned long long limit = test_now_ms() + DAEMON_PATIENCE_MS;
	pid_t pid;

	for (;;) {
		ck_assert_int_eq(kill(c->d.pid, SIGSTOP), 0);
		while (state_of(c->d.pid) != 'T')
			ck_assert_uint_lt(test_now_ms(), limit);
		if ((pid = crash_child(c)))
			break;
		ck_assert_int_eq(kill(c->d.pid, SIGCONT), 0); /* it is to start one */
		test_sleep_ms(1);
	}
	ck_assert_int_eq(kill(pid, SIGKILL), 0);
	while (state_of(pid) != 'Z') {
		ck_assert_uint_lt(test_now_ms(), limit);
		test_sleep_ms(1);
	}
}

void crash_resume(const struct crash_rig *c)
{
	ck_assert_int_eq(kill(c->d.pid, SIGCONT), 0);
	crash_served(c);
}

/* ---- damage ---- */

bool crash_damage_copy(const struct crash_rig *c, unsigned place, unsigned copy, unsigned at)
{
	off_t begin = (off_t)place * RECORD_BYTES + (copy ? RECORDS_COPY : 0);
	int fd = crash_open_kept(c, "memtgt-records");
	uint8_t raw[RECORD_BYTES];

	ck_assert_int_eq(pread(fd, raw, sizeof(raw), begin), sizeof(raw));
	bool is_there = !memcmp(raw, RECORD_MAGIC, 8);
	raw[at] ^= 0x10;
	if (is_there)
		ck_assert_int_eq(pwrite(fd, raw + at, 1, begin + at), 1);
	close(fd);
	return is_there;
}

bool crash_damage(const struct crash_rig *c, uint64_t bytes)
{
	int fd = crash_open_kept(c, "memtgt-records");
	struct record_lun_wire raw;
	unsigned place = 1;

	for (; place < 16; place++) {
		off_t at = (off_t)place * RECORD_BYTES;
		ck_assert_int_eq(pread(fd, &raw, sizeof(raw), at), sizeof(raw));
		if (!memcmp(raw.head.magic, RECORD_MAGIC, 8) && get64(raw.bytes) == bytes)
			break;
	}
	close(fd);
	return place < 16 && crash_damage_copy(c, place, 0, 200) &&
	       crash_damage_copy(c, place, 1, 1200);
}

/* ---- the end ---- */

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *f)
{
	(void)st;
	(void)type;
	(void)f;
	return remove(path);
}

void crash_stop(struct crash_rig *c, const char *what)
{
	if (c->load) {
		load_tell(c->load, what);
		load_check_well(c->load);
		load_end(c->load, true);
	}
	daemon_stop(&c->d);
	nftw(c->folder, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}
