// SPDX-License-Identifier: MIT
/* daemon.c - starts, watches and ends a memtgtd for a test. */
#include "daemon.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <check.h>

#include "sweeper.h"

#define LOG_MAX (16u << 20) /* of a log that is looked at */

static const char *const sanitizer_words[] = {
	"ERROR: AddressSanitizer", "ERROR: LeakSanitizer", "WARNING: ThreadSanitizer",
	"runtime error:",	   "Assertion `",
};

unsigned long long test_now_ms(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (unsigned long long)t.tv_sec * 1000 + (unsigned long long)t.tv_nsec / 1000000;
}

void test_sleep_ms(unsigned ms)
{
	struct timespec t = {.tv_sec = ms / 1000, .tv_nsec = (long)(ms % 1000) * 1000000};
	while (nanosleep(&t, &t) && errno == EINTR)
		;
}

/* The whole log so far; the caller frees it. */
static char *log_read(const struct daemon *d)
{
	struct stat st;

	ck_assert_int_eq(fstat(d->log, &st), 0);
	size_t size = st.st_size < LOG_MAX ? (size_t)st.st_size : LOG_MAX;
	char *text = malloc(size + 1);
	ck_assert_ptr_nonnull(text);
	ssize_t n = pread(d->log, text, size, 0);
	text[n > 0 ? n : 0] = 0;
	return text;
}

/* It was read, or never will be. */
static void drop_config(const struct daemon *d)
{
	if (d->config[0])
		unlink(d->config);
}

/* Fails the test and shows what the daemon said. */
static void __attribute__((noreturn)) give_up(const struct daemon *d, const char *why)
{
	drop_config(d);
	char *text = log_read(d);
	size_t n = strlen(text);
	fprintf(stderr, "# %s; the end of memtgtd's log:\n%s\n", why,
		n > 4000 ? text + n - 4000 : text);
	free(text);
	ck_abort_msg("%s", why);
	abort(); /* not reached; Check's macro does not say so */
}

static void check_log(const struct daemon *d)
{
	for (size_t i = 0; i < sizeof(sanitizer_words) / sizeof(*sanitizer_words); i++)
		if (daemon_log_has(d, sanitizer_words[i]))
			give_up(d, sanitizer_words[i]);
}

static int new_file(char *path)
{
	int fd = mkstemp(path);
	ck_assert_msg(fd >= 0, "%s: %s", path, strerror(errno));
	return fd;
}

static void open_log(struct daemon *d)
{
	const char *dir = getenv("DAEMON_LOGS");
	char path[4096];

	snprintf(path, sizeof(path), "%s/memtgtd-log-XXXXXX", dir ? dir : "/tmp");
	d->log = new_file(path);
	if (!dir)
		unlink(path);
	/* All who share the description add to the end. */
	ck_assert_int_eq(fcntl(d->log, F_SETFL, O_APPEND), 0);
}

static void write_config(const struct daemon *d, int fd, const char *luns, const char *more)
{
	dprintf(fd,
		"portals = ( { address = \"127.0.0.1\"; port = %u; } );\n"
		"targets = ( { name = \"" DAEMON_TARGET "\"; luns = ( %s ); } );\n"
		"%s%s\n",
		d->port, luns, more && strstr(more, "state_dir") ? "" : "state_dir = \"\";\n",
		more ? more : "");
	/* The daemon may drop its rights before it reads. */
	ck_assert_int_eq(fchmod(fd, 0644), 0);
}

static void __attribute__((noreturn)) run_daemon(const struct daemon *d, bool kept)
{
	const char *program = getenv("MEMTGTD");
	if (!program)
		program = "target/memtgtd";
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	setpgid(0, 0); /* Check's signals to the test's group are not for it */
	dup2(d->log, STDERR_FILENO);
	dup2(d->log, STDOUT_FILENO);
	execl(program, program, "-c", d->config, kept ? "--keeper" : (char *)NULL, (char *)NULL);
	dprintf(STDERR_FILENO, "%s: %s\n", program, strerror(errno));
	_exit(127);
}

static void wait_ready(struct daemon *d)
{
	static const char mark[] = "memtgtd: ready on ";
	unsigned long long limit = test_now_ms() + DAEMON_PATIENCE_MS;

	for (;;) {
		char *text = log_read(d);
		char *line = strstr(text, mark);
		if (line && strchr(line, '\n')) {
			int got = sscanf(line + sizeof(mark) - 1, "127.0.0.1:%u", &d->port);
			free(text);
			if (got != 1)
				give_up(d, "a ready line without the port");
			return;
		}
		free(text);
		if (waitpid(d->pid, NULL, WNOHANG) != 0)
			give_up(d, "memtgtd ended before it was ready");
		if (test_now_ms() > limit)
			give_up(d, "memtgtd did not become ready");
		test_sleep_ms(5);
	}
}

/* A test that is to run over one engine must not pass over another. */
static void check_engine(const struct daemon *d)
{
	const char *engine = getenv("DAEMON_ENGINE");
	char line[256];

	if (!engine)
		return;
	snprintf(line, sizeof(line), " on %s\n", engine);
	if (!daemon_log_has(d, line))
		give_up(d, "the reactors run on another engine than DAEMON_ENGINE says");
}

/* On d->port, or any if that is 0. */
static void begin(struct daemon *d, const char *luns, const char *more, bool kept, bool ends)
{
	sigset_t term;

	open_log(d);
	strcpy(d->config, "/tmp/memtgt-test-conf-XXXXXX");
	int fd = new_file(d->config);
	write_config(d, fd, luns, more);
	close(fd);
	if (kept)
		sweeper_start(d->config);
	d->pid = fork();
	if (d->pid < 0)
		give_up(d, "fork");
	if (d->pid)
		return;
	sigemptyset(&term);
	sigaddset(&term, SIGTERM);
	if (ends && (sigprocmask(SIG_BLOCK, &term, NULL) || raise(SIGTERM)))
		_exit(127);
	run_daemon(d, kept);
}

static void start(struct daemon *d, const char *luns, const char *more, bool kept)
{
	begin(d, luns, more, kept, false);
	wait_ready(d);
	check_engine(d);
}

void daemon_start_ending(struct daemon *d, const char *luns, const char *more)
{
	memset(d, 0, sizeof(*d));
	begin(d, luns, more, false, true);
}

void daemon_start_again(struct daemon *d, const char *luns, const char *more, bool kept)
{
	start(d, luns, more, kept);
	if (kept)
		return;
	drop_config(d);
	d->config[0] = 0;
}

void daemon_start(struct daemon *d, const char *luns, const char *more)
{
	memset(d, 0, sizeof(*d));
	daemon_start_again(d, luns, more, false);
}

void daemon_kill(struct daemon *d)
{
	ck_assert_int_eq(kill(d->pid, SIGKILL), 0);
	ck_assert_int_eq(waitpid(d->pid, NULL, 0), d->pid);
	check_log(d);
	close(d->log);
	d->pid = 0;
}

void daemon_start_kept(struct daemon *d, const char *luns, const char *more)
{
	memset(d, 0, sizeof(*d));
	daemon_start_again(d, luns, more, true);
}

void daemon_start_lasting(struct daemon *d, const char *luns, const char *more)
{
	memset(d, 0, sizeof(*d));
	start(d, luns, more, false);
}

pid_t daemon_child(const struct daemon *d)
{
	static const char mark[] = "keeper: memtgtd is process ";
	char *text = log_read(d), *at = text, *last = NULL;

	while ((at = strstr(at, mark))) {
		at += sizeof(mark) - 1;
		last = at;
	}
	pid_t pid = last ? (pid_t)atoi(last) : 0;
	free(text);
	ck_assert_int_gt(pid, 0);
	return pid;
}

static unsigned times_ready(const struct daemon *d)
{
	char *text = log_read(d), *at = text;
	unsigned n = 0;

	for (; (at = strstr(at, "memtgtd: ready on ")) && (at = strchr(at, '\n')); n++)
		;
	free(text);
	return n;
}

void daemon_wait_ready(struct daemon *d, unsigned n)
{
	unsigned long long limit = test_now_ms() + DAEMON_PATIENCE_MS;

	while (times_ready(d) < n) {
		if (test_now_ms() > limit)
			give_up(d, "memtgtd did not become ready again");
		test_sleep_ms(5);
	}
}

void daemon_ask_to_end(const struct daemon *d)
{
	ck_assert_int_eq(kill(d->pid, SIGTERM), 0);
}

void daemon_wait_end(struct daemon *d, unsigned ms)
{
	unsigned long long limit = test_now_ms() + ms;
	int status = 0;

	while (waitpid(d->pid, &status, WNOHANG) == 0) {
		if (test_now_ms() > limit) {
			kill(d->pid, SIGKILL);
			give_up(d, "memtgtd did not end in time");
		}
		test_sleep_ms(5);
	}
	check_log(d);
	if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
		give_up(d, WIFEXITED(status) ? "exit status not 0" : "killed by a signal");
	close(d->log);
	drop_config(d);
	d->pid = 0;
}

void daemon_stop(struct daemon *d)
{
	daemon_ask_to_end(d);
	daemon_wait_end(d, DAEMON_PATIENCE_MS);
}

void daemon_check_alive(const struct daemon *d)
{
	int status;
	if (waitpid(d->pid, &status, WNOHANG) != 0)
		give_up(d, "memtgtd ended during the test");
	check_log(d);
}

bool daemon_log_has(const struct daemon *d, const char *text)
{
	char *log = log_read(d);
	bool has = strstr(log, text) != NULL;
	free(log);
	return has;
}

void daemon_log_wait(const struct daemon *d, const char *text)
{
	unsigned long long limit = test_now_ms() + DAEMON_PATIENCE_MS;
	while (!daemon_log_has(d, text)) {
		if (test_now_ms() > limit)
			give_up(d, text);
		test_sleep_ms(5);
	}
}

unsigned daemon_port(const struct daemon *d, unsigned i)
{
	static const char mark[] = "memtgtd: ready on ";
	char *text = log_read(d);
	const char *at = strstr(text, mark);

	for (; at && i; i--)
		at = strstr(at + 1, ", ");
	/* "ADDRESS:PORT" or "[ADDRESS]:PORT" */
	const char *end = at ? at + (*at == ',' ? 2 : sizeof(mark) - 1) : NULL;
	if (end)
		end += strcspn(end, ",\n");
	while (end && end > at && *end != ':')
		end--;
	unsigned port = end ? (unsigned)atoi(end + 1) : 0;
	free(text);
	ck_assert_uint_ne(port, 0);
	return port;
}

const char *daemon_portal(const struct daemon *d)
{
	static char text[32];
	snprintf(text, sizeof(text), "127.0.0.1:%u", d->port);
	return text;
}
