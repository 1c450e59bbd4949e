// SPDX-License-Identifier: MIT
/*
 * test_export.c - lun export and lun import of a real memtgtd: files and pipes, damage, who is
 * killed in the middle, who stalls.
 */
#include <check.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/image.h"
#include "lib/ctl.h"
#include "lib/daemon.h"
#include "lib/rawinit.h"
#include "lib/test_main.h"
#include "memtgt/control.h"

#define MIB  (1u << 20)
#define SIZE (20 * MIB + 4096) /* of LUN 0 and 1: the last page is a part of one */

#define FRONT (sizeof(struct image_header) + sizeof(struct image_identity))

static const struct image_lun of_nobody = {.bytes = SIZE, .block_bytes = 512};
static struct daemon d;
static char folder[64], file[128], words[256];
static uint8_t data[4 * MIB], back[4 * MIB];

static void setup(void)
{
	char more[256];

	strcpy(folder, "/tmp/test_export.XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(folder));
	snprintf(ctl_path, sizeof(ctl_path), "%s/sock", folder);
	snprintf(file, sizeof(file), "%s/image", folder);
	snprintf(more, sizeof(more),
		 "reactor = { count = 2; }; control = { socket = \"%s\"; };"
		 "pool = { size = \"192M\"; pages = \"plain\"; };",
		 ctl_path);
	daemon_start(&d,
		     "{ id = 0; size = \"20484K\"; provisioning = \"thin\"; },"
		     "{ id = 1; size = \"20484K\"; provisioning = \"full\"; },"
		     "{ id = 2; size = \"20484K\"; provisioning = \"thin\"; block_size = 4096; },"
		     "{ id = 3; size = \"20484K\"; provisioning = \"thin\"; block_size = 4096; },"
		     "{ id = 4; size = \"64M\"; provisioning = \"thin\"; },"
		     "{ id = 5; size = \"1M\"; provisioning = \"thin\"; }",
		     more);
	for (size_t i = 0; i < sizeof(data); i++)
		data[i] = (uint8_t)(i * 2654435761u >> 13) | 1;
}

/* Nothing is left in the folder but what has the image's own name. */
static void teardown(void)
{
	if (d.pid)
		daemon_stop(&d);
	unlink(file);
	unlink(ctl_path);
	ck_assert_msg(!rmdir(folder), "something is left in %s", folder);
}

static void lun(const char *verb, unsigned id, const char *more, int status)
{
	char text[512];

	snprintf(text, sizeof(text), "lun %s " DAEMON_TARGET " %u %s", verb, id, more);
	ctl(text, status);
}

/* ---- what LUNs hold ---- */

static void write_lun(unsigned id, uint64_t off, size_t n, unsigned block)
{
	struct raw r;

	raw_session(&r, d.port, NULL);
	while (raw_test_unit_ready(&r, id) != 0)
		;
	for (size_t done = 0; done < n; done += 65536) {
		size_t part = n - done < 65536 ? n - done : 65536;
		ck_assert_uint_eq(
			raw_write(&r, id, (off + done) / block, data + done, (uint32_t)part, block),
			0);
	}
	raw_close(&r);
}

static void expect_at(struct raw *r, unsigned id, uint64_t off, const uint8_t *p, size_t n,
		      unsigned block)
{
	for (size_t done = 0; done < n; done += 65536) {
		size_t part = n - done < 65536 ? n - done : 65536;
		ck_assert_uint_eq(
			raw_read(r, id, (off + done) / block, back, (uint32_t)part, block), 0);
		if (p)
			ck_assert_mem_eq(back, p + done, part);
		else
			ck_assert(!back[0] && !memcmp(back, back + 1, part - 1));
	}
}

/* Data at 3 MiB, one block after a hole, and the last 4 KiB; else zeroes. */
static void fill(unsigned id, unsigned block)
{
	write_lun(id, 3 * MIB, 3 * MIB, block);
	write_lun(id, 9 * MIB + 8192, block, block);
	write_lun(id, SIZE - 4096, 4096, block);
}

static void expect_filled(unsigned id, unsigned block)
{
	struct raw r;

	raw_session(&r, d.port, NULL);
	while (raw_test_unit_ready(&r, id) != 0)
		;
	expect_at(&r, id, 0, NULL, 3 * MIB, block);
	expect_at(&r, id, 3 * MIB, data, 3 * MIB, block);
	expect_at(&r, id, 6 * MIB, NULL, 3 * MIB + 8192, block);
	expect_at(&r, id, 9 * MIB + 8192, data, block, block);
	expect_at(&r, id, 9 * MIB + 8192 + block, NULL, 11 * MIB - 8192 - block, block);
	expect_at(&r, id, SIZE - 4096, data, 4096, block);
	raw_close(&r);
}

/* Sessions end a little after their sockets. */
static void wait_alone(void)
{
	do
		ctl("--json lun show " DAEMON_TARGET " 0", 0);
	while (!strstr(ctl_out, "\"sessions\": 0"));
}

static off_t size_of(const char *path)
{
	struct stat st;

	return stat(path, &st) ? -1 : st.st_size;
}

/* ---- round trips ---- */

static const struct {
	unsigned from, to, block;
} trips[] = {{0, 0, 512}, {0, 1, 512}, {1, 0, 512}, {2, 3, 4096}, {0, 4, 512}};

START_TEST(round_trip)
{
	unsigned from = trips[_i].from, to = trips[_i].to, block = trips[_i].block;

	fill(from, block);
	wait_alone();
	lun("export", from, file, 0);
	ctl_has("data_bytes  3.0 MiB");
	/* Of what is in the pages, only what is not zero. */
	ck_assert_int_eq(size_of(file), FRONT + 3 * MIB + 2 * 4096 + 6 * 32);
	write_lun(to, 0, 4 * MIB, block); /* in part what is a hole in the image */
	write_lun(to, 12 * MIB, 4096, block);
	if (to == 4) /* behind the end of the other */
		write_lun(to, 40 * MIB, 4 * MIB, block);
	wait_alone();
	lun("import", to, file, 0);
	expect_filled(to, block);
	if (to != 1) { /* holes have no memory */
		snprintf(words, sizeof(words), "--json lun show " DAEMON_TARGET " %u", to);
		ctl(words, 0);
		ctl_has("\"used_bytes\": 8388608");
	}
}
END_TEST

/* All that is printed goes to `to`, and what is read comes from `from`; -1: as it is. */
static int pipe_ctl(const char *what, int from, int to)
{
	int in = dup(STDIN_FILENO), nowhere = open("/dev/null", O_WRONLY);

	if (from >= 0)
		dup2(from, STDIN_FILENO);
	int status = ctl_wait(ctl_start(what, to >= 0 ? to : nowhere, false));
	dup2(in, STDIN_FILENO);
	close(in);
	close(nowhere);
	return status;
}

START_TEST(through_pipes)
{
	int out = memfd_create("image", MFD_CLOEXEC), p[2];

	fill(0, 512);
	wait_alone();
	ck_assert_int_eq(pipe_ctl("lun export " DAEMON_TARGET " 0 -", -1, out), 0);
	size_t n = (size_t)lseek(out, 0, SEEK_CUR);
	uint8_t *image = malloc(n);
	ck_assert_int_eq(pread(out, image, n, 0), (ssize_t)n);
	ck_assert_mem_eq(image, IMAGE_MAGIC, 8);
	ck_assert_int_eq(pipe2(p, O_CLOEXEC), 0);
	pid_t feeder = fork();
	if (!feeder) {
		close(p[0]);
		_exit(write(p[1], image, n) != (ssize_t)n);
	}
	close(p[1]);
	ck_assert_int_eq(pipe_ctl("lun import " DAEMON_TARGET " 1 -", p[0], -1), 0);
	ck_assert_int_eq(waitpid(feeder, NULL, 0), feeder);
	expect_filled(1, 512);
	/* A file as standard input is checked first, and read from where it stands. */
	wait_alone();
	ck_assert_int_eq(lseek(out, 0, SEEK_SET), 0);
	ck_assert_int_eq(pipe_ctl("lun import " DAEMON_TARGET " 4 -", out, -1), 0);
	expect_filled(4, 512);
	free(image);
	close(p[0]);
	close(out);
}
END_TEST

/* An export takes the place of a file when it is whole, and not before. */
START_TEST(files)
{
	int fd = open(file, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);

	ck_assert_int_eq(write(fd, "old", 3), 3);
	close(fd);
	lun("export", 7, file, 1);
	ck_assert_int_eq(size_of(file), 3);
	lun("export", 0, file, 0);
	ck_assert_int_eq(size_of(file), FRONT + 32);
	lun("import", 0, file, 0);
	lun("export", 0, "/dev/full", 1);
	ctl_has("No space left");
	lun("export", 0, "/nonexistent/image", 1);
	ctl_has("No such file");
	lun("import", 0, "/nonexistent/image", 1);
	lun("import", 0, folder, 1);
	lun("export", 0, "/dev/null", 0);
	lun("export", 0, "", 2);
	ctl_has("file is missing");
}
END_TEST

/* ---- refusals ---- */

START_TEST(sizes)
{
	fill(0, 512);
	wait_alone();
	lun("export", 0, file, 0);
	lun("import", 5, file, 1);
	ctl_has("this one has 1048576");
	ctl_has("nothing was changed");
	lun("import", 2, file, 1);
	ctl_has("blocks of 512 bytes, and the LUN has blocks of 4096");
	lun("import", 9, file, 1);
	ctl_has("has no LUN 9");
}
END_TEST

START_TEST(sessions)
{
	struct raw r;

	lun("export", 0, file, 0);
	raw_session(&r, d.port, NULL);
	lun("import", 0, file, 1);
	ctl_has("may write to LUN 0");
	unlink(file);
	lun("export", 0, file, 1);
	ctl_has("may write to LUN 0");
	ck_assert_int_eq(size_of(file), -1);
	snprintf(words, sizeof(words), "%s force=yes", file);
	lun("export", 0, words, 0);
	lun("import", 0, words, 0);
	ctl("lun readonly " DAEMON_TARGET " 0 yes", 0);
	lun("export", 0, file, 0);
	lun("import", 0, file, 0);
	raw_close(&r);
}
END_TEST

/* ---- damage ---- */

/* The LUN's content before an import that must not begin. */
static void expect_untouched(void)
{
	struct raw r;

	raw_session(&r, d.port, NULL);
	while (raw_test_unit_ready(&r, 4) != 0)
		;
	expect_at(&r, 4, 0, data, MIB, 512);
	raw_close(&r);
	wait_alone();
}

static void flip(off_t at)
{
	int fd = open(file, O_RDWR | O_CLOEXEC);
	uint8_t byte;

	ck_assert_int_eq(pread(fd, &byte, 1, at), 1);
	byte ^= 0x10;
	ck_assert_int_eq(pwrite(fd, &byte, 1, at), 1);
	close(fd);
}

static void import_bad(const char *says)
{
	lun("import", 4, file, 1);
	ctl_has(says);
	ctl_has("nothing was changed");
}

START_TEST(damaged_files)
{
	fill(0, 512);
	write_lun(4, 0, MIB, 512);
	wait_alone();
	lun("export", 0, file, 0);
	off_t n = size_of(file);
	const off_t x = FRONT;
	const off_t at[] = {0,	   9,	   17,	   30,	   61,	64,	64 + 223, x - 1, x,
			    x + 6, x + 11, x + 18, x + 26, MIB, n - 33, n - 32,	  n - 1};
	for (size_t i = 0; i < sizeof(at) / sizeof(at[0]); i++) {
		flip(at[i]);
		import_bad(at[i] ? "image" : "no image");
		flip(at[i]);
	}
	const off_t cut[] = {n - 1, n - 32, n - 33, MIB, x + 32, x + 31, x, x - 1, 64, 63, 0};
	ck_assert_int_eq(truncate(file, n + 1), 0);
	import_bad("something follows");
	for (size_t i = 0; i < sizeof(cut) / sizeof(cut[0]); i++) {
		ck_assert_int_eq(truncate(file, cut[i]), 0);
		import_bad("cut off");
	}
	expect_untouched();
}
END_TEST

/* What cannot be read twice is found out on the way; then it is said what became of the LUN. */
START_TEST(damaged_pipe)
{
	int p[2], to = memfd_create("out", MFD_CLOEXEC);
	static uint8_t image[4 * MIB];

	fill(0, 512);
	wait_alone();
	lun("export", 0, file, 0);
	int fd = open(file, O_RDONLY | O_CLOEXEC);
	ssize_t n = read(fd, image, sizeof(image));
	close(fd);
	const ssize_t keep[] = {FRONT + 32 + 512, n - 32};
	for (int i = 0; i < 2; i++) {
		ck_assert_int_eq(pipe2(p, O_CLOEXEC), 0);
		pid_t feeder = fork();
		if (!feeder) {
			close(p[0]);
			_exit(write(p[1], image, (size_t)keep[i]) != keep[i]);
		}
		close(p[1]);
		ck_assert_int_eq(ftruncate(to, 0), 0);
		ck_assert_int_eq(lseek(to, 0, SEEK_SET), 0);
		ck_assert_int_eq(pipe_ctl("lun import " DAEMON_TARGET " 4 -", p[0], to), 1);
		ssize_t told = pread(to, ctl_out, CTL_OUT - 1, 0);
		ctl_out[told > 0 ? told : 0] = '\0';
		ctl_has("standard input: the image is cut off");
		ctl_has(i ? "incomplete now" : "nothing was changed");
		close(p[0]);
		ck_assert_int_eq(waitpid(feeder, NULL, 0), feeder);
	}
	close(to);
}
END_TEST

/* ---- on the wire ---- */

#define EXPORT_LINE                                                           \
	"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"lun.export\",\"params\":" \
	"{\"target\":\"" DAEMON_TARGET "\",\"id\":0}}\n"
#define IMPORT_LINE                                                           \
	"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"lun.import\",\"params\":" \
	"{\"target\":\"" DAEMON_TARGET "\",\"id\":0}}\n"

static void take(int fd, void *p, size_t n)
{
	ck_assert_int_eq(recv(fd, p, n, MSG_WAITALL), (ssize_t)n);
}

static int stalled_export(void)
{
	uint8_t front[FRONT];
	int fd = ctl_client();

	ck_assert(ctl_say(fd, EXPORT_LINE));
	take(fd, front, sizeof(front));
	return fd;
}

/* An image of a LUN of `bytes`, with its first extent: more is to come. */
static int put_image(void *arg, const void *p, size_t n)
{
	const int *fd = arg;

	return send(*fd, p, n, MSG_NOSIGNAL) == (ssize_t)n ? 0 : -1;
}

static int put_file(void *arg, const void *p, size_t n)
{
	return fwrite(p, 1, n, arg) == n ? 0 : -1;
}

static void stalled_import(struct image_out *o, int *fd)
{
	*fd = ctl_client();
	ck_assert(ctl_say(*fd, IMPORT_LINE));
	ck_assert(ctl_hear(*fd));
	ctl_has(CONTROL_READY);
	ck_assert_int_eq(image_out_begin(o, put_image, fd, &of_nobody), 0);
	ck_assert_int_eq(image_out_data(o, MIB, data, 65536), 0);
}

/* It takes nothing, and nobody else waits for it: not a removal, not the daemon's end. */
START_TEST(stalled_clients)
{
	struct image_out o;
	int in, out;

	fill(0, 512);
	wait_alone();
	out = stalled_export();
	lun("resize", 1, "10M force=yes", 0);
	lun("delete", 0, "", 0);
	close(out);
	ctl("lun create " DAEMON_TARGET " 20484K id=0", 0);
	write_lun(0, 0, 4096, 512);
	wait_alone();
	stalled_import(&o, &in);
	lun("export", 0, file, 1);
	ctl_has("being imported or exported");
	daemon_stop(&d);
	close(in);
}
END_TEST

/* What is left of an export ends with a record that says so, and an answer that says why. */
static void expect_stopped(int fd, const char *why)
{
	struct image_record r;
	static uint8_t rest[MIB];

	do {
		take(fd, &r, sizeof(r));
		ck_assert_uint_le(get32(r.length), sizeof(rest));
		take(fd, rest, get32(r.length));
	} while (!memcmp(r.tag, IMAGE_TAG_DATA, 4));
	ck_assert_mem_eq(r.tag, IMAGE_TAG_STOP, 4);
	ck_assert(ctl_hear(fd));
	ctl_has("\"error\"");
	ctl_has(why);
	/* It is a line again: the next request is answered. */
	ck_assert(ctl_say(fd, "{\"jsonrpc\":\"2.0\",\"id\":7,\"method\":\"version\"}\n"));
	ck_assert(ctl_hear(fd));
	ctl_has("\"id\":7");
	close(fd);
}

START_TEST(stopped_exports)
{
	struct raw r;

	fill(0, 512);
	wait_alone();
	int fd = stalled_export();
	lun("resize", 0, "32M", 0);
	expect_stopped(fd, "was resized meanwhile");
	fd = stalled_export();
	raw_session(&r, d.port, NULL);
	expect_stopped(fd, "logged in meanwhile");
	raw_close(&r);
	wait_alone();
	fd = stalled_export();
	lun("delete", 0, "", 0);
	expect_stopped(fd, "was removed meanwhile");
}
END_TEST

/* The LUN may hold lines that look like requests: after a refused import they are not read. */
START_TEST(no_request_in_an_image)
{
	static const char evil[] = "\n{\"jsonrpc\":\"2.0\",\"method\":\"lun.delete\",\"params\":"
				   "{\"target\":\"" DAEMON_TARGET "\",\"id\":5}}\n";
	struct raw r;
	int fd;

	/* Refused at once, and in the middle; the client sends on. */
	raw_session(&r, d.port, NULL);
	fd = ctl_client();
	ck_assert(ctl_say(fd, IMPORT_LINE));
	(void)ctl_say(fd, evil);
	ck_assert(ctl_hear(fd));
	ctl_has("may write");
	ck_assert(!ctl_hear(fd));
	close(fd);
	raw_close(&r);
	wait_alone();
	fd = ctl_client();
	ck_assert(ctl_say(fd, IMPORT_LINE));
	ck_assert(ctl_hear(fd));
	memset(data, '\n', 64);
	ck_assert_int_eq(send(fd, data, 64, MSG_NOSIGNAL), 64);
	(void)ctl_say(fd, evil);
	ck_assert(ctl_hear(fd));
	ctl_has("no image of a LUN; nothing was changed");
	ck_assert(!ctl_hear(fd));
	close(fd);
	lun("show", 5, "", 0);
}
END_TEST

START_TEST(notifications)
{
	int fd = ctl_client();

	ck_assert(ctl_say(fd, "{\"jsonrpc\":\"2.0\",\"method\":\"lun.export\",\"params\":"
			      "{\"target\":\"" DAEMON_TARGET "\",\"id\":0}}\n"
			      "{\"jsonrpc\":\"2.0\",\"id\":7,\"method\":\"lun.export\",\"params\":"
			      "{\"target\":\"" DAEMON_TARGET "\",\"id\":0,\"file\":\"x\"}}\n"));
	ck_assert(ctl_hear(fd));
	ctl_has("\"id\":7");
	ctl_has("unknown parameter \\\"file\\\"");
	close(fd);
}
END_TEST

/* ---- somebody is killed ---- */

START_TEST(killed_clients)
{
	struct image_out o;
	int fd;

	fill(0, 512);
	wait_alone();
	for (int i = 0; i < 20; i++)
		close(stalled_export());
	for (int i = 0; i < 5; i++) {
		/* Until the one before it was seen to be gone. */
		for (;;) {
			fd = ctl_client();
			ck_assert(ctl_say(fd, IMPORT_LINE) && ctl_hear(fd));
			if (strstr(ctl_out, CONTROL_READY))
				break;
			close(fd);
		}
		ck_assert_int_eq(image_out_begin(&o, put_image, &fd, &of_nobody), 0);
		ck_assert_int_eq(image_out_data(&o, MIB, data, 65536), 0);
		close(fd);
	}
	daemon_log_wait(&d, "what the LUN holds is incomplete now");
	snprintf(words, sizeof(words), "lun export " DAEMON_TARGET " 0 %s", file);
	while (ctl_run(words, false) != 0) /* until the end of the last one was seen */
		;
	ctl_has("extents");
}
END_TEST

/* What a memtgtd may send that does not do what it should; then it hangs up. */
static const struct {
	bool extent, end, damaged;
	int status;
	const char *says;
} others[] = {
	{false, false, false, 3, "ended the connection"},
	{true, false, false, 3, "ended the connection"},
	{true, true, true, 1, "what memtgtd sent is not right"},
	{true, true, false, 3, "without an answer"}, /* the image is whole */
};

static void send_image(int fd, int which)
{
	uint8_t bytes[4096 + 256];
	struct image_out o;
	FILE *f = fmemopen(bytes, sizeof(bytes), "w");

	ck_assert_int_eq(image_out_begin(&o, put_file, f, &of_nobody), 0);
	if (others[which].extent)
		ck_assert_int_eq(image_out_data(&o, MIB, data, 4096), 0);
	if (others[which].end)
		ck_assert_int_eq(image_out_end(&o), 0);
	size_t n = (size_t)ftell(f);
	fclose(f);
	if (others[which].damaged)
		bytes[200] ^= 1;
	ck_assert_int_eq(send(fd, bytes, n, MSG_NOSIGNAL), (ssize_t)n);
}

/* Nothing is taken for an export but what is whole and said to be. */
START_TEST(not_whole)
{
	struct sockaddr_un un = {.sun_family = AF_UNIX};
	int to = memfd_create("out", MFD_CLOEXEC);
	char byte;

	daemon_stop(&d);
	int listening = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	strcpy(un.sun_path, ctl_path);
	ck_assert_int_eq(bind(listening, (const struct sockaddr *)&un, sizeof(un)), 0);
	ck_assert_int_eq(listen(listening, 4), 0);
	snprintf(words, sizeof(words), "lun export " DAEMON_TARGET " 0 %s", file);
	pid_t pid = ctl_start(words, to, false);
	int fd = accept4(listening, NULL, NULL, SOCK_CLOEXEC);
	do
		take(fd, &byte, 1);
	while (byte != '\n');
	send_image(fd, _i);
	close(fd);
	ck_assert_int_eq(ctl_wait(pid), others[_i].status);
	ssize_t n = pread(to, ctl_out, CTL_OUT - 1, 0);
	ctl_out[n > 0 ? n : 0] = '\0';
	ctl_has(others[_i].says);
	ck_assert_int_eq(size_of(file), -1);
	close(to);
	close(listening);
}
END_TEST

/* memtgtctl says so, and leaves no half of a file. */
START_TEST(killed_daemon)
{
	int out = memfd_create("out", MFD_CLOEXEC), p[2];

	fill(0, 512);
	wait_alone();
	lun("export", 0, file, 0);
	ck_assert_int_eq(pipe2(p, O_CLOEXEC), 0);
	int in = dup(STDIN_FILENO), fd = open(file, O_RDONLY | O_CLOEXEC);
	ssize_t n = read(fd, back, 4096);
	close(fd);
	unlink(file);
	dup2(p[0], STDIN_FILENO);
	pid_t importer = ctl_start("lun import " DAEMON_TARGET " 4 -", out, false);
	dup2(in, STDIN_FILENO);
	close(in);
	ck_assert_int_eq(write(p[1], back, (size_t)n), n);
	kill(d.pid, SIGSTOP);
	snprintf(words, sizeof(words), "lun export " DAEMON_TARGET " 0 %s", file);
	pid_t exporter = ctl_start(words, out, false);
	kill(d.pid, SIGKILL);
	ck_assert_int_eq(waitpid(d.pid, NULL, 0), d.pid);
	d.pid = 0;
	close(p[1]);
	ck_assert_int_ne(ctl_wait(importer), 0);
	ck_assert_int_ne(ctl_wait(exporter), 0);
	ck_assert_int_eq(size_of(file), -1);
	close(p[0]);
	close(out);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("export");
	TCase *t = tcase_create("export");

	tcase_set_timeout(t, 120);
	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_loop_test(t, round_trip, 0, sizeof(trips) / sizeof(trips[0]));
	tcase_add_test(t, through_pipes);
	tcase_add_test(t, files);
	tcase_add_test(t, sizes);
	tcase_add_test(t, sessions);
	tcase_add_test(t, damaged_files);
	tcase_add_test(t, damaged_pipe);
	tcase_add_test(t, stalled_clients);
	tcase_add_test(t, stopped_exports);
	tcase_add_test(t, no_request_in_an_image);
	tcase_add_test(t, notifications);
	tcase_add_test(t, killed_clients);
	tcase_add_loop_test(t, not_whole, 0, sizeof(others) / sizeof(others[0]));
	tcase_add_test(t, killed_daemon);
	suite_add_tcase(s, t);
	return test_main(s);
}
