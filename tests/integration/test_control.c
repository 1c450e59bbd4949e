// SPDX-License-Identifier: MIT
/*
 * test_control.c - memtgtctl and the control socket of a real memtgtd: who is there, who may ask,
 * who hangs.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
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

#include "lib/ctl.h"
#include "lib/daemon.h"
#include "lib/rawinit.h"
#include "lib/test_main.h"
#include "memtgt/control.h"

#define REACTORS 3
#define SESSIONS 6

#define STATUS_LINE "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"status\"}\n"

static struct daemon d;
static char folder[64];

static void make_folder(void)
{
	strcpy(folder, "/tmp/test_control.XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(folder));
	ck_assert_int_eq(chmod(folder, 0755), 0);
	snprintf(ctl_path, CTL_PATH, "%s/sock", folder);
}

static void remove_folder(void)
{
	unlink(ctl_path);
	ck_assert_int_eq(rmdir(folder), 0);
}

static void start(void)
{
	char more[512];

	snprintf(more, sizeof(more), "reactor = { count = %u; }; control = { socket = \"%s\"; };",
		 REACTORS, ctl_path);
	daemon_start(&d,
		     "{ id = 0; size = \"16M\"; },"
		     "{ id = 7; size = \"1G\"; provisioning = \"thin\"; block_size = 4096; }",
		     more);
}

static void setup(void)
{
	make_folder();
	start();
}

static void teardown(void)
{
	if (d.pid)
		daemon_stop(&d);
	ck_assert_int_eq(access(ctl_path, F_OK), -1);
	remove_folder();
}

/* ---- a daemon that is well ---- */

START_TEST(commands)
{
	ctl("version", 0);
	ctl_has("memtgtd");
	ctl("status", 0);
	ctl_has("serving");
	ctl("--json status", 0);
	ctl_has("\"luns\": 2");
	ctl_has("\"reactors\": 3");
	ctl("pool show", 0);
	ctl_has("16 MiB");
	ctl("--long pool show", 0);
	ctl_has("the most that may be promised");
	ctl("lun list", 0);
	ck_assert_uint_eq(ctl_lines(), 3);
	ctl_has(DAEMON_TARGET "    7   1 GiB     0 B  thin  ready  no ");
	ctl("lun list " DAEMON_TARGET, 0);
	ck_assert_uint_eq(ctl_lines(), 3);
	ctl("lun show id=7 target=" DAEMON_TARGET, 0);
	ctl_has("block_bytes   4096");
	ctl("-j lun show " DAEMON_TARGET " 0", 0);
	ctl_has("\"bytes\": 16777216");
	ctl("session list", 0);
	ck_assert_uint_eq(ctl_lines(), 1);
	ctl("counters", 0);
	ctl_has("control_requests");
}
END_TEST

START_TEST(refusals)
{
	ctl("lun show " DAEMON_TARGET " 1", 1);
	ctl_has("has no LUN 1");
	ctl("lun list iqn.2026-01.none", 1);
	ctl_has("there is no target");
	ctl("lun show " DAEMON_TARGET " 256", 1);
	ctl_has("has no LUN 256");
	ctl("lun show held 256", 1);
	ctl_has("nothing is held in table 256");
	ctl("lun show " DAEMON_TARGET " 65536", 1);
	ctl_has("needed is a whole number from 0 to 65535");
	ctl("lun resize " DAEMON_TARGET " 256 1M", 1);
	ctl_has("needed is a whole number from 0 to 255");
	static const char *const wrong[] = {
		"",
		"nothing",
		"lun",
		"lun list a b",
		"lun show",
		"lun show x",
		"lun show x -1",
		"lun show x 1x",
		"lun show id=1 id=2",
		"lun show from=x 1 2",
		"--timeout 0 status",
		"--timeout 3601 status",
		"--timeout x status",
		"--timeout -1 status",
		"--nothing",
		"-s",
	};
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		ctl(wrong[i], 2);
	ctl("--help", 0);
	ctl_has("lun show TARGET ID");
	ctl("--version", 0);
}
END_TEST

/* Sessions of all reactors, each once. */
START_TEST(sessions)
{
	struct raw r[SESSIONS], discovery;
	char text[64];

	for (unsigned i = 0; i < SESSIONS; i++) {
		raw_open(&r[i], d.port);
		raw_set_isid(&r[i], i + 1);
		ck_assert_uint_eq(
			raw_login(&r[i], DAEMON_TARGET, i == 3 ? "DataDigest=CRC32C\n" : NULL), 0);
	}
	raw_open(&discovery, d.port);
	ck_assert_uint_eq(raw_login(&discovery, NULL, NULL), 0);
	ctl("session list", 0);
	ck_assert_uint_eq(ctl_lines(), 1 + SESSIONS + 1);
	ctl("session list " DAEMON_TARGET, 0);
	ck_assert_uint_eq(ctl_lines(), 1 + SESSIONS);
	ctl("--json session list", 0);
	for (unsigned i = 0; i < SESSIONS; i++) {
		snprintf(text, sizeof(text), "\"tsih\": %u,", r[i].tsih);
		ctl_has(text);
		const uint8_t *id = r[i].isid;
		snprintf(text, sizeof(text), "\"isid\": \"%02x%02x%02x%02x%02x%02x\"", id[0], id[1],
			 id[2], id[3], id[4], id[5]);
		ctl_has(text);
	}
	for (unsigned i = 0; i < REACTORS; i++) {
		snprintf(text, sizeof(text), "\"reactor\": %u,", i);
		ctl_has(text);
	}
	ctl_has("\"DataDigest\": \"CRC32C\"");
	ctl_has("\"address\": \"127.0.0.1:");
	ctl_has("\"type\": \"discovery\"");
	for (unsigned i = 0; i < SESSIONS; i++)
		raw_close(&r[i]);
	raw_close(&discovery);
}
END_TEST

/* A host that took its time is told, and its connection ends; it may come back. */
START_TEST(a_session_is_ended)
{
	struct raw r;
	char words[64];

	raw_session(&r, d.port, NULL);
	snprintf(words, sizeof(words), "session end %u iqn.2026-01.x", r.tsih);
	ctl(words, 1);
	raw_ping(&r);
	snprintf(words, sizeof(words), "--json session end %u", r.tsih);
	ctl(words, 0);
	ctl_has("\"in_flight\": 0");
	ctl_has("\"target\": \"" DAEMON_TARGET "\"");
	raw_expect(&r, ISCSI_OP_ASYNC);
	ck_assert_uint_eq(r.bhs.async.event, ISCSI_ASYNC_DROP_SESSION);
	raw_expect_closed(&r);
	raw_close(&r);
	ctl(words, 1);
	daemon_log_wait(&d, "is ended by the operator");
	raw_session(&r, d.port, NULL);
	raw_close(&r);
}
END_TEST

/* While others ask without pause, sessions come, work and go. */
START_TEST(asked_without_pause)
{
	static uint8_t bytes[4096];
	int fd[4];

	for (int i = 0; i < 4; i++)
		fd[i] = ctl_client();
	for (int round = 0; round < 20; round++) {
		struct raw r;
		for (int i = 0; i < 4; i++)
			ck_assert(ctl_say(fd[i], "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":"
						 "\"session.list\"}\n" STATUS_LINE));
		raw_session(&r, d.port, NULL);
		ck_assert_uint_eq(raw_write(&r, 0, 0, bytes, sizeof(bytes), 512), 0);
		raw_close(&r);
		for (int i = 0; i < 8; i++) {
			ck_assert(ctl_hear(fd[i / 2]));
			ctl_has("\"result\"");
		}
	}
	for (int i = 0; i < 4; i++)
		close(fd[i]);
}
END_TEST

/* ---- changes ---- */

START_TEST(changes)
{
	static uint8_t bytes[4096] = {1};
	struct raw r;

	raw_session(&r, d.port, NULL);
	ctl("--json lun create " DAEMON_TARGET " 8M id=3 serial=NEW-3", 0);
	ctl_has("\"id\": 3");
	ctl_has("\"bytes\": 8388608");
	ctl_has("\"provisioning\": \"thin\"");
	ctl_has("\"serial\": \"NEW-3\"");
	ctl_has("\"note\": \"");
	daemon_log_wait(&d, "control: lun.create by uid ");
	while (raw_test_unit_ready(&r, 3) != 0)
		; /* unit attentions */
	ck_assert_uint_eq(raw_write(&r, 3, 0, bytes, sizeof(bytes), 512), 0);
	ctl("--json lun show " DAEMON_TARGET " 3", 0);
	ctl_has("\"used_bytes\": 2097152");
	ctl_has("\"sessions\": 1");
	ctl("lun readonly " DAEMON_TARGET " 3 yes", 0);
	while (raw_test_unit_ready(&r, 3) != 0)
		;
	ck_assert_uint_eq(raw_write(&r, 3, 0, bytes, sizeof(bytes), 512), 2);
	ck_assert_uint_eq(raw_sense(&r), 0x072700);
	ctl("--json lun readonly " DAEMON_TARGET " 3 no", 0);
	ctl_has("\"read_only\": false");
	ctl("lun resize " DAEMON_TARGET " 3 1M", 0); /* its only page stays */
	ctl("lun resize " DAEMON_TARGET " 3 8M", 0);
	while (raw_test_unit_ready(&r, 3) != 0)
		;
	ck_assert_uint_eq(raw_write(&r, 3, 8192, bytes, sizeof(bytes), 512), 0);
	ctl("lun resize " DAEMON_TARGET " 3 2M", 1); /* what was written is beyond that */
	ctl("--json lun resize " DAEMON_TARGET " 3 2M force=yes", 0);
	ctl_has("\"used_bytes\": 2097152");
	ctl("--json lun resize " DAEMON_TARGET " 3 16M", 0);
	ctl_has("\"bytes\": 16777216");
	ctl("--json lun delete " DAEMON_TARGET " 3", 0);
	ctl_has("\"id\": 3");
	ctl("lun show " DAEMON_TARGET " 3", 1);
	ctl("--json lun create " DAEMON_TARGET " 2M provisioning=full", 0);
	ctl_has("\"id\": 1");
	ctl_has("\"used_bytes\": 2097152");
	raw_close(&r);
}
END_TEST

/* A refusal is told, logged, and changes nothing. */
START_TEST(refused_changes)
{
	static const char *const refused[] = {
		"lun create " DAEMON_TARGET " 8M id=7",
		"lun create " DAEMON_TARGET " 8M block_size=1024",
		"lun create " DAEMON_TARGET " 1000",
		"lun create " DAEMON_TARGET " 511",
		"lun create " DAEMON_TARGET " 65T",
		"lun create " DAEMON_TARGET " 8M provisioning=none",
		"lun create " DAEMON_TARGET " 8M provisioning=thick",
		"lun create iqn.2026-01.none 8M",
		"lun delete " DAEMON_TARGET " 1",
		"lun resize " DAEMON_TARGET " 0 8M",
		"lun resize " DAEMON_TARGET " 1 8M",
		"lun readonly " DAEMON_TARGET " 1 yes",
	};

	for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++)
		ctl(refused[i], 1);
	daemon_log_wait(&d, "control: lun.readonly by uid ");
	ctl("lun list", 0);
	ck_assert_uint_eq(ctl_lines(), 3);
	ctl("--json lun show " DAEMON_TARGET " 0", 0);
	ctl_has("\"bytes\": 16777216");
}
END_TEST

/* The status of a login. RFC 7143 11.13.5 */
static unsigned login(struct raw *r, unsigned isid, const char *target)
{
	raw_open(r, d.port);
	raw_set_isid(r, isid);
	return raw_login(r, target, NULL);
}

static void be_ready(struct raw *r)
{
	while (raw_test_unit_ready(r, 0) != 0)
		ck_assert_uint_eq(raw_sense(r) >> 16, 6);
}

/* The sense of a write to LUN 7, 0 without; that memory is short (soft_threshold) may be told at
 * any time before. */
static uint32_t write_page(struct raw *r, unsigned page)
{
	static uint8_t bytes[4096] = {6};

	while (raw_write(r, 7, page * 512ull, bytes, sizeof(bytes), 4096) != 0)
		if (raw_sense(r) != 0x063807)
			return raw_sense(r);
	return 0;
}

/* From 1 GiB and 16 MiB down to what is used, where writes of new places find nothing; then up. */
START_TEST(pool_resized)
{
	static uint8_t bytes[4096] = {5}, back[4096];
	struct raw r;

	ck_assert_uint_eq(login(&r, 1, DAEMON_TARGET), 0);
	be_ready(&r);
	while (raw_test_unit_ready(&r, 7) != 0)
		;
	ck_assert_uint_eq(raw_write(&r, 7, 0, bytes, sizeof(bytes), 4096), 0);
	ctl("pool resize 16M", 1);
	ctl_has("LUNs have 18 MiB");
	ctl("pool resize 64T", 1);
	ctl_has("MiB at most");
	ctl("pool resize 0", 1);
	ctl("--json pool resize 18M", 0);
	ctl_has("\"max_bytes\": 18874368");
	ctl_has("\"used_bytes\": 18874368");
	ctl_has("\"promised_bytes\": 1090519040");
	daemon_log_wait(&d, "memory: at most 18 MiB now, 1040 MiB before");
	ctl("--json status", 0);
	ctl_has("\"max_bytes\": 18874368");
	ctl_has("\"new_pages\": false");
	ck_assert_uint_eq(write_page(&r, 2), 0x072707);
	ck_assert_uint_eq(raw_read(&r, 7, 0, back, sizeof(back), 4096), 0);
	ck_assert_mem_eq(back, bytes, sizeof(back));
	ctl("--json pool resize 20M", 0);
	ck_assert_uint_eq(write_page(&r, 2), 0);
	ctl("lun create " DAEMON_TARGET " 4M provisioning=full", 1);
	ctl("pool resize 24M", 0);
	ctl("lun create " DAEMON_TARGET " 4M provisioning=full", 0);
	raw_close(&r);
}
END_TEST

/* Newcomers are refused; who was there goes on, and comes back after a cut, until the drain ends or
 * it logs out. */
START_TEST(drains)
{
	static uint8_t bytes[512] = {7}, back[512];
	struct raw old, other, newcomer;

	ck_assert_uint_eq(login(&old, 1, DAEMON_TARGET), 0);
	be_ready(&old);
	ck_assert_uint_eq(raw_write(&old, 0, 0, bytes, sizeof(bytes), 512), 0);
	ck_assert_uint_eq(login(&other, 2, DAEMON_TARGET), 0);
	ctl("--json drain", 0);
	ctl_has("\"state\": \"draining\"");
	ctl_has("\"guests\": 2");
	daemon_log_wait(&d, "draining: no new initiators; sessions that may come back: 2");
	ctl("--json status", 0);
	ctl_has("\"state\": \"draining\"");
	ctl_has("\"guests\": 2");
	ck_assert_uint_eq(login(&newcomer, 3, DAEMON_TARGET), ISCSI_LOGIN_SERVICE_UNAVAILABLE);
	raw_expect_closed(&newcomer);
	raw_close(&newcomer);
	ck_assert_uint_eq(login(&newcomer, 3, NULL), 0); /* discovery */
	raw_close(&newcomer);

	ck_assert_uint_eq(raw_read(&old, 0, 0, back, sizeof(back), 512), 0);
	raw_close(&old);
	ck_assert_uint_eq(login(&old, 1, DAEMON_TARGET), 0);
	be_ready(&old);
	memset(back, 0, sizeof(back));
	ck_assert_uint_eq(raw_read(&old, 0, 0, back, sizeof(back), 512), 0);
	ck_assert_mem_eq(back, bytes, sizeof(back));

	union raw_bhs h = raw_request(&other, ISCSI_OP_LOGOUT_REQ, ISCSI_FINAL);
	ck_assert(raw_send(&other, &h, NULL, 0));
	raw_expect(&other, ISCSI_OP_LOGOUT_RSP);
	raw_close(&other);
	ctl("--json status", 0);
	ctl_has("\"guests\": 1");
	ck_assert_uint_eq(login(&other, 2, DAEMON_TARGET), ISCSI_LOGIN_SERVICE_UNAVAILABLE);
	raw_close(&other);

	ctl("--json drain off", 0);
	ctl_has("\"state\": \"serving\"");
	ctl_has("\"guests\": 0");
	daemon_log_wait(&d, "draining no more");
	ck_assert_uint_eq(login(&newcomer, 3, DAEMON_TARGET), 0);
	raw_close(&newcomer);
	raw_close(&old);
}
END_TEST

/* ---- clients that do harm ---- */

START_TEST(half_a_line)
{
	int fd = ctl_client();

	ck_assert(ctl_say(fd, "{\"jsonrpc\":"));
	for (int i = 0; i < 5; i++)
		ctl("status", 0);
	ck_assert(ctl_say(fd, "\"2.0\",\"id\":1,\"method\":\"version\"}\n"));
	ck_assert(ctl_hear(fd));
	ctl_has("\"result\"");
	ck_assert(ctl_say(fd, "{\"jsonrpc\":"));
	daemon_stop(&d); /* which does not wait for the rest */
	close(fd);
}
END_TEST

START_TEST(seventeen_clients)
{
	int fd[CONTROL_CLIENTS_MAX];

	for (unsigned i = 0; i < CONTROL_CLIENTS_MAX; i++) {
		fd[i] = ctl_client();
		ck_assert(ctl_say(fd[i], STATUS_LINE));
		ck_assert(ctl_hear(fd[i]));
	}
	ctl("status", 1);
	ctl_has("as many clients as may be");
	daemon_log_wait(&d, "a client is sent away");
	close(fd[5]);
	while (ctl_run("status", false) != 0) /* until its end was seen */
		;
	ctl_has("serving");
	for (unsigned i = 0; i < CONTROL_CLIENTS_MAX; i++)
		close(fd[i]);
}
END_TEST

/* It asks and asks, and reads nothing. */
START_TEST(never_reads)
{
	int fd = ctl_client();

	ck_assert_int_eq(fcntl(fd, F_SETFL, O_NONBLOCK), 0);
	/* Until its own buffer is full: the daemon has stopped reading. */
	for (struct pollfd f = {.fd = fd, .events = POLLOUT}; poll(&f, 1, 200) == 1;)
		(void)send(fd, STATUS_LINE, strlen(STATUS_LINE), MSG_NOSIGNAL);
	ctl("status", 0);
	daemon_stop(&d);
	close(fd);
}
END_TEST

START_TEST(killed_clients)
{
	int nowhere = open("/dev/null", O_WRONLY);

	for (int i = 0; i < 20; i++) {
		pid_t pid = ctl_start("session list", nowhere, false);
		test_sleep_ms((unsigned)i % 5);
		kill(pid, SIGKILL);
		waitpid(pid, NULL, 0);
	}
	close(nowhere);
	while (ctl_run("status", false) != 0)
		;
	daemon_check_alive(&d);
}
END_TEST

/* Every answer is a whole one until the end, which comes. */
START_TEST(asked_while_it_drains)
{
	struct raw r;
	int fd = ctl_client();

	raw_session(&r, d.port, NULL); /* does not log ctl_out, so it is waited for */
	ck_assert(ctl_say(fd, STATUS_LINE));
	ck_assert(ctl_hear(fd));
	ctl_has("\"serving\"");
	daemon_ask_to_end(&d);
	while (ctl_say(fd, STATUS_LINE) && ctl_hear(fd))
		ck_assert(strstr(ctl_out, "\"serving\"") || strstr(ctl_out, "\"stopping\""));
	close(fd);
	daemon_wait_end(&d, DAEMON_PATIENCE_MS);
	ctl("status", 3);
	ctl_has("is not there");
	raw_close(&r);
}
END_TEST

/* ---- who may ---- */

START_TEST(no_permission)
{
	struct stat st;

	ck_assert_int_eq(stat(ctl_path, &st), 0);
	ck_assert_int_eq(st.st_mode, S_IFSOCK | 0600);
	if (geteuid()) /* the owner is the only other user there is */
		ck_assert_int_eq(chmod(ctl_path, 0), 0);
	ck_assert_int_eq(ctl_run("status", !geteuid()), 3);
	ctl_has("permission denied");
	ctl_has("control.group");
}
END_TEST

/* ---- no daemon, or none that answers ---- */

START_TEST(no_daemon)
{
	make_folder();
	ctl("status", 3);
	ctl_has("is memtgtd running");
	start();
	kill(d.pid, SIGKILL);
	ck_assert_int_eq(waitpid(d.pid, NULL, 0), d.pid);
	ctl("status", 3);
	ctl_has("nobody listens there");
	start(); /* takes the place of what was left behind */
	ctl("status", 0);
	daemon_stop(&d);
	remove_folder();
}
END_TEST

/* A host that has less than half of its headroom, one that is never short, one that nobody watches.
 */
static const struct {
	const char *pool, *pressure, *new_pages;
} hosts[] = {
	{"headroom = \"60T\";", "RED", "false"},
	{"headroom = \"0\";", NULL, NULL},
	{"headroom = \"0\"; reclaim = false;", "off", "true"},
};

/* Until status says so: a level takes its time. */
static void wait_for(const char *text)
{
	unsigned long long limit = test_now_ms() + DAEMON_PATIENCE_MS;

	do {
		ck_assert_msg(test_now_ms() < limit, "no %s in: %s", text, ctl_out);
		ctl("--json status", 0);
	} while (!strstr(ctl_out, text));
}

START_TEST(pressure)
{
	char more[512], text[64];

	make_folder();
	snprintf(more, sizeof(more),
		 "pool = { pages = \"plain\"; %s }; control = { socket = \"%s\"; };",
		 hosts[_i].pool, ctl_path);
	daemon_start(&d, "{ id = 0; size = \"16M\"; provisioning = \"thin\"; }", more);
	snprintf(text, sizeof(text), "\"pressure\": \"%s\"",
		 hosts[_i].pressure ? hosts[_i].pressure : "");
	if (!hosts[_i].pressure)
		text[strlen(text) - 1] = '\0'; /* others may stall the host */
	wait_for(text);
	if (!hosts[_i].pressure)
		ck_assert(strstr(ctl_out, "GREEN") || strstr(ctl_out, "YELLOW") ||
			  strstr(ctl_out, "ORANGE") || strstr(ctl_out, "RED"));
	ctl_has("\"host_available_bytes\": ");
	if (hosts[_i].new_pages) {
		snprintf(text, sizeof(text), "\"new_pages\": %s", hosts[_i].new_pages);
		wait_for(text);
	}
	daemon_stop(&d);
	remove_folder();
}
END_TEST

/* Something that is no memtgtd: what it sends when somebody connects, whether it hangs up then. */
static const struct {
	const char *sends;
	bool closes;
	const char *told;
} others[] = {
	/* clang-format off */
	{"",                            false, "no answer within 1 s"},
	{"{\"jsonrpc\":\"2.0\"",        false, "no answer within 1 s"},
	{"",                            true,  "without an answer"},
	{"{\"jsonrpc\":\"2.0\"",        true,  "without an answer"},
	{"garbage\n",                   false, "no answer of memtgtd"},
	{"[]\n",                        false, "no answer of memtgtd"},
	{"{\"result\":1}\n",            false, ""},
	{"{\"error\":\"text\"}\n",      false, "no answer of memtgtd"},
	{"\n",                          false, "no answer of memtgtd"},
	/* clang-format on */
};

static int listen_at(int backlog)
{
	struct sockaddr_un un = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	strcpy(un.sun_path, ctl_path);
	ck_assert_int_eq(bind(fd, (const struct sockaddr *)&un, sizeof(un)), 0);
	ck_assert_int_eq(listen(fd, backlog), 0);
	return fd;
}

START_TEST(no_memtgtd)
{
	int to = memfd_create("out", MFD_CLOEXEC), listening, fd;

	make_folder();
	listening = listen_at(4);
	pid_t pid = ctl_start("--timeout 1 lun list", to, false);
	fd = accept4(listening, NULL, NULL, SOCK_CLOEXEC);
	ck_assert_int_ge(fd, 0);
	(void)ctl_say(fd, others[_i].sends);
	if (others[_i].closes)
		close(fd);
	int status = ctl_wait(pid);
	ssize_t n = pread(to, ctl_out, CTL_OUT - 1, 0);
	ctl_out[n > 0 ? n : 0] = '\0';
	if (others[_i].told[0])
		ck_assert_int_eq(status, 3);
	ctl_has(others[_i].told);
	if (!others[_i].closes)
		close(fd);
	close(listening);
	close(to);
	remove_folder();
}
END_TEST

/* Pages without end. */
START_TEST(endless_list)
{
	static const char page[] = "{\"result\":{\"luns\":[],\"next\":\"1 a\"}}\n";
	int to = memfd_create("out", MFD_CLOEXEC);

	make_folder();
	int listening = listen_at(4);
	pid_t pid = ctl_start("--timeout 1 lun list", to, false);
	int fd = accept4(listening, NULL, NULL, SOCK_CLOEXEC);
	while (ctl_say(fd, page))
		;
	ck_assert_int_eq(ctl_wait(pid), 3);
	close(fd);
	close(listening);
	close(to);
	remove_folder();
}
END_TEST

/* Nobody accepts, and the queue is full. */
START_TEST(full_queue)
{
	struct sockaddr_un un = {.sun_family = AF_UNIX};
	int fd[16], n = 0;

	make_folder();
	int listening = listen_at(0);
	strcpy(un.sun_path, ctl_path);
	for (bool full = false; !full && n < 16; n++) {
		fd[n] = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
		full = connect(fd[n], (const struct sockaddr *)&un, sizeof(un)) != 0;
	}
	ctl("--timeout 1 status", 3);
	ctl_has("no answer within 1 s");
	while (n)
		close(fd[--n]);
	close(listening);
	remove_folder();
}
END_TEST

int main(void)
{
	Suite *s = suite_create("control");
	TCase *t = tcase_create("control"), *n = tcase_create("no_daemon");

	tcase_set_timeout(t, 60);
	tcase_set_timeout(n, 60);
	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, commands);
	tcase_add_test(t, refusals);
	tcase_add_test(t, sessions);
	tcase_add_test(t, a_session_is_ended);
	tcase_add_test(t, asked_without_pause);
	tcase_add_test(t, changes);
	tcase_add_test(t, refused_changes);
	tcase_add_test(t, drains);
	tcase_add_test(t, pool_resized);
	tcase_add_test(t, half_a_line);
	tcase_add_test(t, seventeen_clients);
	tcase_add_test(t, never_reads);
	tcase_add_test(t, killed_clients);
	tcase_add_test(t, asked_while_it_drains);
	tcase_add_test(t, no_permission);
	suite_add_tcase(s, t);
	tcase_add_test(n, no_daemon);
	tcase_add_loop_test(n, pressure, 0, sizeof(hosts) / sizeof(hosts[0]));
	tcase_add_loop_test(n, no_memtgtd, 0, sizeof(others) / sizeof(others[0]));
	tcase_add_test(n, endless_list);
	tcase_add_test(n, full_queue);
	suite_add_tcase(s, n);
	return test_main(s);
}
