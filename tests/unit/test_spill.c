// SPDX-License-Identifier: MIT
/*
 * test_spill.c - what LUNs hold, to files and back: whole, damaged, another's, without room, and
 * with the process killed at each fail point, its memory kept or lost.
 */
#include "spill/spill.h"

#include <check.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fail_point.h"
#include "base/image.h"
#include "lib/test_main.h"
#include "luns/label.h"
#include "state/file.h"
#include "store/store.h"

#define TARGET "iqn.2026-01.org.memtgt:a"
#define MIB    ((uint64_t)1 << 20)
#define BYTES  (6 * MIB + 4096)
#define PIECE  65536u

static char folder[64], spills[80], states[80], why[512];
static struct store *store;
static struct state_file *state;
static struct spill spill;
static uint8_t data[PIECE];

/* ---- a process' life ---- */

static const struct store_files none = {-1, -1, -1};

static void begin(const struct store_files *kept)
{
	const struct store_options o = {
		.kind = STORE_PLAIN, .ceiling = 64 * MIB, .readers = 1, .kept = kept};

	ck_assert_msg(!store_open(&store, &o, why, sizeof(why)), "%s", why);
	store_reader_offline(store_reader(store, 0));
	ck_assert_msg(!state_open(states, &state, why, sizeof(why)), "%s", why);
	spill = (struct spill){
		.dir = spills, .state = state, .store = store, .reader = store_reader(store, 0)};
}

/* The memory is lost. */
static void end(void)
{
	store_close(store);
	state_close(state);
	store = NULL;
}

/* Somebody has it, for another process. */
static struct store_files leave(void)
{
	struct store_files files;

	store_get_files(store, &files);
	files = (struct store_files){dup(files.pool), dup(files.tables), dup(files.records)};
	store_leave(store);
	state_close(state);
	store = NULL;
	return files;
}

static void setup(void)
{
	strcpy(folder, "/tmp/test_spill.XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(folder));
	snprintf(spills, sizeof(spills), "%s/spill", folder);
	snprintf(states, sizeof(states), "%s/state", folder);
	ck_assert_int_eq(mkdir(spills, 0700), 0);
	ck_assert_int_eq(mkdir(states, 0700), 0);
	signal(SIGXFSZ, SIG_IGN);
}

static void clean(const char *path)
{
	DIR *d = opendir(path);
	const struct dirent *e;

	while (d && (e = readdir(d)))
		if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0)
			unlinkat(dirfd(d), e->d_name, 0);
	if (d)
		closedir(d);
	rmdir(path);
}

static void teardown(void)
{
	clean(spills);
	clean(states);
	clean(folder);
}

/* ---- LUNs ---- */

static void make_data(unsigned salt)
{
	for (size_t i = 0; i < sizeof(data); i++)
		data[i] = (uint8_t)((i * 2654435761u >> 13) + salt * 31) | 1;
}

static struct store_lun *make_lun(unsigned id, bool is_full)
{
	struct luns_label label = {
		.id = id, .block_size = 512, .generation = 5, .serial = "SERIAL"};
	uint8_t bytes[STORE_LABEL_MAX];
	struct store_lun *l;

	strcpy(label.target, TARGET);
	const struct store_label as = {bytes, label_write(&label, bytes)};
	ck_assert_msg(!store_lun_create(store, BYTES, is_full ? STORE_FULL : STORE_THIN, &as, NULL,
					NULL, &l, why, sizeof(why)),
		      "%s", why);
	return l;
}

static void write_at(struct store_lun *l, uint64_t off, unsigned salt)
{
	make_data(salt);
	for (size_t done = 0; done < sizeof(data);) {
		store_reader_online(spill.reader);
		int64_t n =
			store_write(spill.reader, l, off + done, data + done, sizeof(data) - done);
		store_reader_offline(spill.reader);
		ck_assert(n > 0 || n == -EAGAIN);
		done += n > 0 ? (size_t)n : 0;
	}
}

/* A start as it should be. */
static int restore(void)
{
	int err = spill_restore(&spill);

	if (!err)
		return spill_forget(&spill);
	spill_drop(&spill);
	return err;
}

/* At the front, over the border of two pages, and at the end. */
static void fill(struct store_lun *l, unsigned salt)
{
	write_at(l, 0, salt);
	write_at(l, 2 * MIB - 4096, salt + 1);
	write_at(l, BYTES - sizeof(data), salt + 2);
}

static void expect_at(const struct store_lun *l, uint64_t off, unsigned salt)
{
	make_data(salt);
	for (size_t done = 0, have; done < sizeof(data); done += have) {
		const uint8_t *p = store_at(l, off + done, sizeof(data) - done, &have);
		ck_assert_mem_eq(p, data + done, have);
	}
}

static void expect_filled(const struct store_lun *l, unsigned salt)
{
	size_t have;

	expect_at(l, 0, salt);
	expect_at(l, 2 * MIB - 4096, salt + 1);
	expect_at(l, BYTES - sizeof(data), salt + 2);
	ck_assert_int_eq(*(const uint8_t *)store_at(l, MIB, 1, &have), 0);
	ck_assert_uint_eq(store_lun_bytes(l), BYTES);
}

/* The only one that is kept and has this id, taken over; NULL: there is none. */
static struct store_lun *find(unsigned id)
{
	struct store_lun *found = NULL;
	struct store_kept *all;
	struct luns_label label;
	size_t n;

	ck_assert_int_eq(store_kept_list(store, &all, &n), 0);
	for (size_t i = 0; i < n; i++) {
		/* What is half made is never left for anybody. */
		ck_assert_int_eq(label_read(all[i].label, all[i].label_len, &label), 0);
		if (label.id != id)
			continue;
		ck_assert_ptr_null(found);
		ck_assert_str_eq(label.target, TARGET);
		ck_assert_str_eq(label.serial, "SERIAL");
		ck_assert_uint_eq(label.generation, 5);
		ck_assert(all[i].used);
		ck_assert_int_eq(store_lun_adopt(store, all[i].slot, &found, why, sizeof(why)), 0);
	}
	free(all);
	return found;
}

/* ---- files ---- */

static unsigned count_files(const char *suffix)
{
	DIR *d = opendir(spills);
	const struct dirent *e;
	unsigned n = 0;

	while ((e = readdir(d))) {
		size_t len = strlen(e->d_name), tail = strlen(suffix);
		n += len > tail && !strcmp(e->d_name + len - tail, suffix);
	}
	closedir(d);
	return n;
}

static const char *file_of(unsigned id)
{
	static char path[256];
	struct state_lun s;

	ck_assert(state_find(state, TARGET, id, &s) && s.spilled[0]);
	snprintf(path, sizeof(path), "%s/%s" SPILL_SUFFIX, spills, s.spilled);
	return path;
}

static bool is_named(unsigned id)
{
	struct state_lun s;

	return state_find(state, TARGET, id, &s) && s.spilled[0];
}

static void spill_one(struct store_lun *l, unsigned id)
{
	ck_assert_int_eq(spill_lun(&spill, TARGET, id, 512, l), 0);
}

/* LUN 3 was filled and spilled, and its process has ended. */
static void spill_and_end(unsigned salt)
{
	begin(&none);
	struct store_lun *l = make_lun(3, false);
	fill(l, salt);
	spill_one(l, 3);
	store_lun_destroy(l);
	end();
}

/* ---- there and back ---- */

enum note_fate { NOTE_GOES, NOTE_STAYS, NOTE_FLIPPED, NOTE_CUT, NOTE_ALONE };

/* What is told beside the data goes along if that is asked for; what is damaged is not what was
 * written, and not nothing either. */
START_TEST(notes)
{
	static const char note[] = "who may use it";
	char path[300];
	uint8_t *got;
	size_t n;

	begin(&none);
	struct store_lun *l = make_lun(3, false);
	fill(l, 1);
	ck_assert_int_eq(store_lun_set_note(l, note, sizeof(note)), 0);
	spill.with_note = _i != NOTE_GOES;
	spill_one(l, 3);
	ck_assert_uint_eq(count_files(SPILL_NOTE), spill.with_note);
	snprintf(path, sizeof(path), "%s%s", file_of(3), SPILL_NOTE);
	if (_i == NOTE_CUT)
		ck_assert_int_eq(truncate(path, 5), 0);
	if (_i == NOTE_FLIPPED) {
		int fd = open(path, O_WRONLY);
		ck_assert_int_eq(pwrite(fd, "W", 1, 0), 1);
		close(fd);
	}
	if (_i == NOTE_ALONE)
		ck_assert_int_eq(unlink(file_of(3)), 0);
	store_lun_destroy(l);
	end();
	begin(&none);
	ck_assert_int_eq(restore(), 0);
	ck_assert_uint_eq(count_files(""), 2); /* . and .. */
	l = find(3);
	if (_i != NOTE_ALONE) {
		expect_filled(l, 1);
		ck_assert_int_eq(store_lun_note(l, &got, &n), 0);
		ck_assert_int_eq(got != NULL, _i != NOTE_GOES);
		if (got)
			ck_assert_int_eq(n == sizeof(note) && !memcmp(got, note, n),
					 _i == NOTE_STAYS);
		free(got);
		store_lun_destroy(l);
	}
	end();
}
END_TEST

START_TEST(round_trip)
{
	begin(&none);
	struct store_lun *l = make_lun(3, _i);
	fill(l, 1);
	spill_one(l, 3);
	struct stat st;
	ck_assert_int_eq(stat(file_of(3), &st), 0);
	ck_assert_int_eq(st.st_mode & 0777, 0600);
	ck_assert_int_lt(st.st_size, (off_t)MIB); /* without its zeroes */
	store_lun_destroy(l);
	end();
	begin(&none);
	ck_assert_int_eq(restore(), 0);
	l = find(3);
	ck_assert_ptr_nonnull(l);
	expect_filled(l, 1);
	ck_assert_int_eq(store_lun_provisioning(l), _i ? STORE_FULL : STORE_THIN);
	ck_assert(!is_named(3));
	ck_assert_uint_eq(count_files(""), 2); /* . and .. */
	struct state_lun s;
	ck_assert(state_find(state, TARGET, 3, &s) && s.used);
	store_lun_destroy(l);
	end();
	/* It was taken, so it is not there a second time. */
	begin(&none);
	ck_assert_int_eq(restore(), 0);
	ck_assert_ptr_null(find(3));
	end();
}
END_TEST

/* All zeroes, but used: nobody may take it for lost. */
START_TEST(zeroes)
{
	begin(&none);
	struct store_lun *l = make_lun(3, false);
	store_lun_set_used(l);
	spill_one(l, 3);
	store_lun_destroy(l);
	end();
	begin(&none);
	ck_assert_int_eq(restore(), 0);
	l = find(3);
	ck_assert_ptr_nonnull(l);
	store_lun_destroy(l);
	end();
}
END_TEST

/* Memory that is there is not older than the image. */
START_TEST(memory_was_kept)
{
	begin(&none);
	struct store_lun *l = make_lun(3, false);
	fill(l, 1);
	spill_one(l, 3);
	store_lun_leave(l);
	struct store_files files = leave();
	begin(&files);
	ck_assert_int_eq(restore(), 0);
	ck_assert(!is_named(3));
	ck_assert_uint_eq(count_files(SPILL_SUFFIX), 0);
	l = find(3);
	ck_assert_ptr_nonnull(l);
	expect_filled(l, 1);
	store_lun_destroy(l);
	end();
}
END_TEST

/* A start that fails after it has read all leaves all to the next. */
START_TEST(start_fails)
{
	spill_and_end(1);
	begin(&none);
	ck_assert_int_eq(spill_restore(&spill), 0);
	spill_drop(&spill);
	end();
	begin(&none);
	ck_assert_int_eq(restore(), 0);
	struct store_lun *l = find(3);
	ck_assert_ptr_nonnull(l);
	expect_filled(l, 1);
	store_lun_destroy(l);
	end();
}
END_TEST

/* A signal to end, half way: all is left to the next start, also what says where the data is. */
START_TEST(told_to_end)
{
	sigset_t term;
	int which;

	spill_and_end(1);
	sigemptyset(&term);
	sigaddset(&term, SIGTERM);
	sigprocmask(SIG_BLOCK, &term, NULL);
	raise(SIGTERM);
	begin(&none);
	ck_assert_int_eq(restore(), -ECANCELED);
	ck_assert(is_named(3));
	ck_assert_uint_eq(count_files(SPILL_SUFFIX), 1);
	end();
	ck_assert_int_eq(sigwait(&term, &which), 0);
	begin(&none);
	ck_assert_int_eq(restore(), 0);
	struct store_lun *l = find(3);
	ck_assert_ptr_nonnull(l);
	expect_filled(l, 1);
	store_lun_destroy(l);
	end();
}
END_TEST

/* Without spill_dir an image that is named is forgotten too: it would be old some day. */
START_TEST(no_folder)
{
	spill_and_end(1);
	begin(&none);
	spill.dir = NULL;
	ck_assert_int_eq(restore(), 0);
	ck_assert(!is_named(3));
	ck_assert_ptr_null(find(3));
	ck_assert_uint_eq(count_files(SPILL_SUFFIX), 1);
	end();
}
END_TEST

/* ---- what cannot be taken ---- */

static char path[256], other[256];

static void cut(void)
{
	struct stat st;

	ck_assert_int_eq(stat(path, &st), 0);
	ck_assert_int_eq(truncate(path, st.st_size - 1), 0);
}

static void flip(void)
{
	int fd = open(path, O_RDWR | O_CLOEXEC);
	uint8_t b;

	ck_assert_int_eq(pread(fd, &b, 1, 70000), 1);
	b ^= 1;
	ck_assert_int_eq(pwrite(fd, &b, 1, 70000), 1);
	close(fd);
}

static void lose(void)
{
	ck_assert_int_eq(rename(path, other), 0);
}

static void make_empty(void)
{
	ck_assert_int_eq(truncate(path, 0), 0);
}

static void make_folder(void)
{
	lose();
	ck_assert_int_eq(mkdir(path, 0700), 0);
}

/* What is written instead has all checksums right. */
static int put_file(void *arg, const void *p, size_t n)
{
	return fwrite(p, 1, n, arg) == n ? 0 : -EIO;
}

static void replace(void (*change)(struct image_lun *lun))
{
	struct image_lun lun;
	struct image_out o;
	FILE *f = fopen(path, "re");
	struct image_header h;
	static struct image_identity d;

	ck_assert_uint_eq(fread(&h, sizeof(h), 1, f), 1);
	ck_assert_uint_eq(fread(&d, sizeof(d), 1, f), 1);
	lun = (struct image_lun){.bytes = BYTES,
				 .block_bytes = 512,
				 .id = get32(d.id),
				 .kind = (enum image_kind)d.kind,
				 .label_len = get32(d.label_length)};
	ck_assert_uint_eq(fread(lun.label, 1, lun.label_len, f), lun.label_len);
	strcpy(lun.target, (const char *)d.target);
	memcpy(lun.uuid, d.uuid, sizeof(lun.uuid));
	fclose(f);
	change(&lun);
	f = fopen(path, "we");
	ck_assert_int_eq(image_out_begin(&o, put_file, f, &lun), 0);
	ck_assert_int_eq(image_out_end(&o), 0);
	fclose(f);
}

static void other_uuid(struct image_lun *lun)
{
	lun->uuid[3] ^= 1;
}

static void other_id(struct image_lun *lun)
{
	lun->id++;
}

static void other_target(struct image_lun *lun)
{
	strcat(lun->target, "b");
}

static void no_label(struct image_lun *lun)
{
	lun->label_len = 0;
}

static void bad_label(struct image_lun *lun)
{
	lun->label_len--;
}

static void no_kind(struct image_lun *lun)
{
	lun->kind = IMAGE_NOT_TOLD;
}

static void other_block(struct image_lun *lun)
{
	lun->block_bytes = 4096;
}

static void too_large(struct image_lun *lun)
{
	lun->bytes = (uint64_t)128 << 40;
}

static void nothing(struct image_lun *lun)
{
	(void)lun;
}

static const struct {
	void (*damage)(void);
	void (*change)(struct image_lun *lun);
	bool is_good;
} faults[] = {
	{cut, NULL, false},	   {flip, NULL, false},		{lose, NULL, false},
	{make_empty, NULL, false}, {make_folder, NULL, false},	{NULL, other_uuid, false},
	{NULL, other_id, false},   {NULL, other_target, false}, {NULL, no_label, false},
	{NULL, bad_label, false},  {NULL, no_kind, false},	{NULL, other_block, false},
	{NULL, too_large, false},  {NULL, nothing, true},
};

/* It is left as it is, and never taken later, and the LUN is known to have been used: lost. */
START_TEST(not_taken)
{
	spill_and_end(1);
	begin(&none);
	strcpy(path, file_of(3));
	snprintf(other, sizeof(other), "%s/other", spills);
	if (faults[_i].damage)
		faults[_i].damage();
	else
		replace(faults[_i].change);
	ck_assert_int_eq(restore(), 0);
	struct store_lun *l = find(3);
	ck_assert_int_eq(l != NULL, faults[_i].is_good);
	ck_assert(!is_named(3));
	struct state_lun s;
	ck_assert(state_find(state, TARGET, 3, &s) && s.used);
	if (l)
		store_lun_destroy(l);
	else if (faults[_i].damage != lose)
		ck_assert_int_eq(access(path, F_OK), 0);
	end();
	rmdir(path);
	begin(&none);
	ck_assert_int_eq(restore(), 0);
	ck_assert_ptr_null(find(3));
	end();
}
END_TEST

/* The other LUNs come back. */
START_TEST(one_of_two)
{
	begin(&none);
	struct store_lun *a = make_lun(3, false), *b = make_lun(4, false);
	fill(a, 1);
	fill(b, 11);
	spill_one(a, 3);
	spill_one(b, 4);
	store_lun_destroy(a);
	store_lun_destroy(b);
	strcpy(path, file_of(3));
	end();
	cut();
	begin(&none);
	ck_assert_int_eq(restore(), 0);
	ck_assert_ptr_null(find(3));
	b = find(4);
	ck_assert_ptr_nonnull(b);
	expect_filled(b, 11);
	store_lun_destroy(b);
	end();
}
END_TEST

/* ---- the disk ---- */

/* No half of a file is left, and nothing is named; the next one may fit. */
START_TEST(no_room)
{
	struct rlimit was, few;

	begin(&none);
	struct store_lun *a = make_lun(3, false), *b = make_lun(4, false);
	fill(a, 1);
	write_at(b, 0, 7);
	ck_assert_int_eq(getrlimit(RLIMIT_FSIZE, &was), 0);
	few = was;
	few.rlim_cur = 100000;
	ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &few), 0);
	ck_assert_int_eq(spill_lun(&spill, TARGET, 3, 512, a), -EFBIG);
	ck_assert_uint_eq(count_files(""), 2);
	ck_assert(!is_named(3));
	spill_one(b, 4);
	ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &was), 0);
	store_lun_destroy(a);
	store_lun_destroy(b);
	end();
	begin(&none);
	ck_assert_int_eq(restore(), 0);
	ck_assert_ptr_null(find(3));
	b = find(4);
	ck_assert_ptr_nonnull(b);
	expect_at(b, 0, 7);
	store_lun_destroy(b);
	end();
}
END_TEST

START_TEST(no_folder_to_write)
{
	begin(&none);
	struct store_lun *l = make_lun(3, false);
	fill(l, 1);
	ck_assert_int_eq(rmdir(spills), 0);
	ck_assert_int_eq(spill_lun(&spill, TARGET, 3, 512, l), -ENOENT);
	ck_assert(!is_named(3));
	store_lun_destroy(l);
	end();
}
END_TEST

/* An image that cannot be named is none; one that cannot be forgotten keeps all from being
 * offered, though it was read. */
START_TEST(no_state)
{
	begin(&none);
	struct store_lun *l = make_lun(3, false);
	fill(l, 1);
	if (_i)
		spill_one(l, 3);
	clean(states);
	if (_i)
		ck_assert_int_ne(restore(), 0);
	else
		ck_assert_int_ne(spill_lun(&spill, TARGET, 3, 512, l), 0);
	ck_assert_int_eq(is_named(3), 0);
	store_lun_destroy(l);
	end();
}
END_TEST

/* What was being written when a process died goes; what nobody names stays, and is not taken. */
START_TEST(rests)
{
	begin(&none);
	snprintf(other, sizeof(other), "%s/00000000-0000-4000-8000-000000000000.image.part",
		 spills);
	fclose(fopen(other, "we"));
	snprintf(path, sizeof(path), "%s/00000000-0000-4000-8000-000000000001.image", spills);
	fclose(fopen(path, "we"));
	ck_assert_int_eq(restore(), 0);
	ck_assert_uint_eq(count_files(".part"), 0);
	ck_assert_uint_eq(count_files(".image"), 1);
	/* What is no UUID is no path. */
	ck_assert_int_eq(state_set_spilled(state, TARGET, 3, "../../../../../../etc/passwd"), 0);
	ck_assert_int_eq(restore(), 0);
	ck_assert(!is_named(3));
	end();
}
END_TEST

/* ---- killed ---- */

#ifdef FAIL_POINTS
/* What the process does that is killed at `point`. The memory was lost, or is `files`. */
static void die_at(enum fail_point point, const struct store_files *files, bool spills_it)
{
	pid_t pid = fork();
	int status;

	if (!pid) {
		begin(files);
		struct store_lun *l = spills_it ? find(3) : NULL;
		if (fail_point_arm(fail_point_name(point)))
			_exit(1);
		_exit(spills_it ? spill_lun(&spill, TARGET, 3, 512, l) : restore());
	}
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_msg(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL, "%s was not reached",
		      fail_point_name(point));
}

/* The memory of a process that filled LUN 3. */
static struct store_files filled(unsigned salt)
{
	begin(&none);
	struct store_lun *l = make_lun(3, false);
	fill(l, salt);
	ck_assert_int_eq(state_set_used(state, TARGET, 3, true), 0);
	ck_assert_int_eq(state_save(state, why, sizeof(why)), 0);
	store_lun_leave(l);
	return leave();
}

static void drop(struct store_files *f)
{
	close(f->pool);
	close(f->tables);
	close(f->records);
}

/* The next start: it finds the data, or nothing and knows that there was something. Then somebody
 * writes, and the memory is lost: what is found then is nothing, or that. */
static void expect_after(const struct store_files *files, bool must_be_there)
{
	struct state_lun s;

	begin(files);
	ck_assert_int_eq(restore(), 0);
	struct store_lun *l = find(3);
	ck_assert(l || !must_be_there);
	ck_assert(state_find(state, TARGET, 3, &s) && s.used && !s.spilled[0]);
	if (l) {
		expect_filled(l, 1);
		fill(l, 2);
		store_lun_destroy(l);
	}
	end();
	begin(&none);
	ck_assert_int_eq(restore(), 0);
	ck_assert_ptr_null(find(3));
	end();
}

static const enum fail_point spilling[] = {
	FAIL_AT_SPILL_HALF,
	FAIL_AT_SPILL_WRITTEN,
	FAIL_AT_SPILL_RENAMED,
	FAIL_AT_SPILL_NAMED,
};

START_TEST(killed_while_spilling)
{
	enum fail_point point = spilling[_i / 2];
	struct store_files files = filled(1);
	bool is_kept = _i % 2;

	die_at(point, &files, true);
	expect_after(is_kept ? &files : &none, is_kept || point == FAIL_AT_SPILL_NAMED);
	if (!is_kept)
		drop(&files);
}
END_TEST

static const enum fail_point restoring[] = {
	FAIL_AT_RESTORE_BEGUN, FAIL_AT_RESTORE_HALF,	  FAIL_AT_RESTORE_FILLED,
	FAIL_AT_RESTORE_KNOWN, FAIL_AT_RESTORE_FORGOTTEN, FAIL_AT_RESTORE_REMOVED,
};

/* An empty store, whose memory is kept. */
static struct store_files empty(void)
{
	begin(&none);
	return leave();
}

START_TEST(killed_while_restoring)
{
	enum fail_point point = restoring[_i / 2];
	bool is_kept = _i % 2;

	spill_and_end(1);
	struct store_files files = empty();
	die_at(point, &files, false);
	expect_after(is_kept ? &files : &none, is_kept || (point != FAIL_AT_RESTORE_FORGOTTEN &&
							   point != FAIL_AT_RESTORE_REMOVED));
	if (!is_kept)
		drop(&files);
}
END_TEST

/* Twice: the second start dies when it has dropped what the first had half made. */
START_TEST(killed_twice)
{
	spill_and_end(1);
	struct store_files files = empty();
	die_at(FAIL_AT_RESTORE_HALF, &files, false);
	die_at(FAIL_AT_RESTORE_DROPPED, &files, false);
	expect_after(&files, true);
}
END_TEST
#endif

int main(void)
{
	Suite *s = suite_create("spill");
	TCase *t = tcase_create("spill");

	tcase_set_timeout(t, 120);
	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_loop_test(t, notes, 0, NOTE_ALONE + 1);
	tcase_add_loop_test(t, round_trip, 0, 2);
	tcase_add_test(t, zeroes);
	tcase_add_test(t, memory_was_kept);
	tcase_add_test(t, start_fails);
	tcase_add_test(t, told_to_end);
	tcase_add_test(t, no_folder);
	tcase_add_loop_test(t, not_taken, 0, sizeof(faults) / sizeof(faults[0]));
	tcase_add_test(t, one_of_two);
	tcase_add_test(t, no_room);
	tcase_add_test(t, no_folder_to_write);
	tcase_add_loop_test(t, no_state, 0, 2);
	tcase_add_test(t, rests);
#ifdef FAIL_POINTS
	tcase_add_loop_test(t, killed_while_spilling, 0,
			    2 * sizeof(spilling) / sizeof(spilling[0]));
	tcase_add_loop_test(t, killed_while_restoring, 0,
			    2 * sizeof(restoring) / sizeof(restoring[0]));
	tcase_add_test(t, killed_twice);
#endif
	suite_add_tcase(s, t);
	return test_main(s);
}
