// SPDX-License-Identifier: MIT
/* test_control_socket.c - the file of the control socket: mode, group, what stands in its place. */
#include "control/socket.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/test_main.h"

static char folder[64], path[128], why[512];
static struct control_socket s;

static void setup(void)
{
	strcpy(folder, "/tmp/test_socket.XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s/sock", folder);
	why[0] = '\0';
}

static void teardown(void)
{
	char command[128];

	snprintf(command, sizeof(command), "rm -rf '%s'", folder);
	ck_assert_int_eq(system(command), 0);
}

static int try_open(const char *group)
{
	return control_socket_open(&s, path, group, why, sizeof(why));
}

/* A connection that waits in the queue. */
static int try_connect(void)
{
	struct sockaddr_un un = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	strcpy(un.sun_path, path);
	int rc = connect(fd, (const struct sockaddr *)&un, sizeof(un)) ? -errno : 0;
	close(fd);
	return rc;
}

static struct stat look(void)
{
	struct stat st;

	ck_assert_int_eq(lstat(path, &st), 0);
	return st;
}

static void refused(const char *group, int err, const char *sentence)
{
	ck_assert_int_eq(try_open(group), err);
	ck_assert_msg(strstr(why, sentence) != NULL, "no \"%s\" in: %s", sentence, why);
	ck_assert_int_eq(s.fd, -1);
	control_socket_close(&s); /* harmless */
}

START_TEST(comes_and_goes)
{
	ck_assert_int_eq(try_open(NULL), 0);
	ck_assert_int_eq(look().st_mode, S_IFSOCK | 0600);
	ck_assert_int_eq(try_connect(), 0);
	control_socket_close(&s);
	ck_assert_int_eq(access(path, F_OK), -1);
	control_socket_close(&s);
}
END_TEST

/* Whatever the umask is. */
START_TEST(mode)
{
	static const mode_t masks[] = {0, 022, 077, 0777};

	umask(masks[_i]);
	ck_assert_int_eq(try_open(NULL), 0);
	ck_assert_int_eq(look().st_mode, S_IFSOCK | (0600 & ~masks[_i]));
	control_socket_close(&s);
	char own[16];
	snprintf(own, sizeof(own), "%u", getgid());
	ck_assert_int_eq(try_open(own), 0);
	ck_assert_int_eq(look().st_mode, S_IFSOCK | 0660);
	ck_assert_uint_eq(look().st_gid, getgid());
	control_socket_close(&s);
}
END_TEST

START_TEST(stale)
{
	ck_assert_int_eq(try_open(NULL), 0);
	close(s.fd); /* as if it had been killed */
	ck_assert_int_eq(try_connect(), -ECONNREFUSED);
	ino_t old = look().st_ino;
	ck_assert_int_eq(try_open(NULL), 0);
	ck_assert_int_eq(try_connect(), 0);
	(void)old;
	control_socket_close(&s);
}
END_TEST

START_TEST(in_use)
{
	struct control_socket first;

	ck_assert_int_eq(try_open(NULL), 0);
	first = s;
	refused(NULL, -EADDRINUSE, "in use");
	ck_assert_int_eq(try_connect(), 0);
	control_socket_close(&first);
}
END_TEST

/* One whose queue is full is in use, too. */
START_TEST(in_use_and_full)
{
	struct sockaddr_un un = {.sun_family = AF_UNIX};
	struct control_socket first;
	int fd;

	ck_assert_int_eq(try_open(NULL), 0);
	first = s;
	strcpy(un.sun_path, path);
	do
		fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
	while (!connect(fd, (const struct sockaddr *)&un, sizeof(un)));
	ck_assert_int_eq(errno, EAGAIN);
	refused(NULL, -EADDRINUSE, "in use");
	control_socket_close(&first);
}
END_TEST

START_TEST(no_socket)
{
	int fd = open(path, O_CREAT | O_WRONLY, 0600);

	close(fd);
	refused(NULL, -EEXIST, "no socket");
	ck_assert_int_eq(look().st_mode, S_IFREG | 0600);
	unlink(path);
	ck_assert_int_eq(symlink("/dev/null", path), 0);
	refused(NULL, -EEXIST, "no socket");
	ck_assert(S_ISLNK(look().st_mode));
	unlink(path);
	ck_assert_int_eq(mkdir(path, 0700), 0);
	refused(NULL, -EEXIST, "no socket");
}
END_TEST

START_TEST(no_folder)
{
	snprintf(path, sizeof(path), "%s/none/sock", folder);
	refused(NULL, -ENOENT, "there is no folder");
	snprintf(path, sizeof(path), "/dev/null/sock");
	refused(NULL, -ENOTDIR, "/dev/null");
}
END_TEST

START_TEST(no_group)
{
	refused("no-such-group-here", -ENOENT, "no group \"no-such-group-here\"");
	refused("4294967295", -ENOENT, "no group");
	refused("12x", -ENOENT, "no group");
	ck_assert_int_eq(access(path, F_OK), -1);
}
END_TEST

/* sun_path has 108 bytes. */
START_TEST(long_path)
{
	char text[CONTROL_PATH_MAX + 2];
	size_t n = CONTROL_PATH_MAX + (size_t)_i;

	memset(text, 'x', sizeof(text));
	memcpy(text, folder, strlen(folder));
	text[strlen(folder)] = '/';
	text[n] = '\0';
	int rc = control_socket_open(&s, text, NULL, why, sizeof(why));
	ck_assert_int_eq(rc, _i ? -ENAMETOOLONG : 0);
	control_socket_close(&s);
}
END_TEST

/* Whoever took the place since keeps it. */
START_TEST(not_ours_any_more)
{
	struct control_socket first;

	ck_assert_int_eq(try_open(NULL), 0);
	first = s;
	unlink(path);
	ck_assert_int_eq(try_open(NULL), 0);
	control_socket_close(&first);
	ck_assert_int_eq(try_connect(), 0);
	control_socket_close(&s);
	ck_assert_int_eq(access(path, F_OK), -1);
}
END_TEST

/* Of many that find the same stale socket, one gets it; and nobody removes what that one made. */
#define RACERS 8
#define ROUNDS 20

static pthread_barrier_t barrier;

static void *race(void *arg)
{
	struct control_socket *mine = arg;
	char text[512];

	pthread_barrier_wait(&barrier);
	if (control_socket_open(mine, path, NULL, text, sizeof(text)))
		mine->fd = -1;
	return NULL;
}

START_TEST(several_at_once)
{
	struct control_socket got[RACERS];
	pthread_t thread[RACERS];

	pthread_barrier_init(&barrier, NULL, RACERS);
	for (int round = 0; round < ROUNDS; round++) {
		ck_assert_int_eq(try_open(NULL), 0);
		close(s.fd);
		for (int i = 0; i < RACERS; i++)
			pthread_create(&thread[i], NULL, race, &got[i]);
		int winners = 0;
		for (int i = 0; i < RACERS; i++) {
			pthread_join(thread[i], NULL);
			winners += got[i].fd >= 0;
		}
		ck_assert_int_eq(winners, 1);
		ck_assert_int_eq(try_connect(), 0);
		for (int i = 0; i < RACERS; i++)
			control_socket_close(&got[i]);
		ck_assert_int_eq(access(path, F_OK), -1);
	}
	pthread_barrier_destroy(&barrier);
}
END_TEST

/* Somebody holds the lock: a start does not wait for ever. */
START_TEST(locked_folder)
{
	int fd = open(folder, O_RDONLY | O_DIRECTORY);

	ck_assert_int_eq(flock(fd, LOCK_EX), 0);
	refused(NULL, -EWOULDBLOCK, "cannot lock");
	close(fd);
	ck_assert_int_eq(try_open(NULL), 0);
	control_socket_close(&s);
}
END_TEST

/* As a user who is in no other group: runs in a child, whose exit status tells. */
static int as_nobody(const char *group)
{
	int status;
	pid_t pid = fork();

	if (!pid) {
		if (setgid(65534) || setuid(65534))
			_exit(99);
		_exit(try_open(group) ? (strstr(why, "member") ? 1 : 2) : 0);
	}
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	return WEXITSTATUS(status);
}

START_TEST(group_of_others)
{
	if (getuid()) {
		test_skip("only root can become another user");
		return;
	}
	ck_assert_int_eq(chmod(folder, 0777), 0);
	ck_assert_int_eq(as_nobody("65534"), 0);
	unlink(path);
	ck_assert_int_eq(as_nobody("0"), 1);
	ck_assert_int_eq(access(path, F_OK), -1);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("control_socket");
	TCase *t = tcase_create("control_socket");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, comes_and_goes);
	tcase_add_loop_test(t, mode, 0, 4);
	tcase_add_test(t, stale);
	tcase_add_test(t, in_use);
	tcase_add_test(t, in_use_and_full);
	tcase_add_test(t, no_socket);
	tcase_add_test(t, no_folder);
	tcase_add_test(t, no_group);
	tcase_add_loop_test(t, long_path, 0, 2);
	tcase_add_test(t, not_ours_any_more);
	tcase_add_test(t, several_at_once);
	tcase_add_test(t, locked_folder);
	tcase_add_test(t, group_of_others);
	suite_add_tcase(suite, t);
	return test_main(suite);
}
