// SPDX-License-Identifier: MIT
/* work.c - the way of a command that changes a loan. */
#include "initiator-tools/loan/work.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "initiator-tools/donors.h"
#include "initiator-tools/loan/choose.h"
#include "initiator-tools/loan/record.h"

#define LOCK_WAIT_MS 60000u
#define BAR_WIDTH    30

/* ---- what it tells ---- */

static void end_line(struct work *w)
{
	if (w->is_line_open)
		fputc('\n', stderr);
	w->is_line_open = false;
}

int work_fail(struct work *w, int status, const char *fmt, ...)
{
	va_list args;

	end_line(w);
	va_start(args, fmt);
	fputs("memloan: ", stderr);
	if (*w->loan.wish.name)
		fprintf(stderr, "%s: ", w->loan.wish.name);
	vfprintf(stderr, fmt, args);
	fputc('\n', stderr);
	va_end(args);
	return status;
}

static void say_step(struct work *w, const struct plan *p)
{
	const struct loan_leg *leg = p->leg == PLAN_NONE ? NULL : &w->loan.legs[p->leg];

	fprintf(stderr, "memloan: %s: %s%s", w->loan.wish.name, p->is_undo ? "giving back: " : "",
		step_text(p->step));
	if (p->disk != PLAN_NONE)
		fprintf(stderr, " (%s, LUN %u)", leg->disks[p->disk].donor,
			leg->disks[p->disk].lun);
	else if (leg)
		fprintf(stderr, " (%s)", leg->disks[0].donor);
}

static void bar(unsigned permille)
{
	char marks[BAR_WIDTH + 1];

	memset(marks, ' ', BAR_WIDTH);
	memset(marks, '#', permille * BAR_WIDTH / 1000);
	marks[BAR_WIDTH] = '\0';
	fprintf(stderr, " [%s] %3u%%", marks, permille / 10);
}

/* Some have nothing to do for this loan. */
static bool is_worth_telling(const struct loan_wish *wish, enum step_id step)
{
	return (step != STEP_CRYPT || wish->is_encrypted) &&
	       (step != STEP_SWAP || wish->kind == LOAN_SWAP) && step != STEP_SIZE;
}

/* A terminal sees it grow; a log has a line for what is done. */
static void tell(struct advance *a, const struct plan *p, unsigned permille)
{
	struct work *w = a->arg;
	bool is_terminal = isatty(STDERR_FILENO);

	if (w->is_quiet || (!is_terminal && permille < 1000) ||
	    !is_worth_telling(&w->loan.wish, p->step))
		return;
	if (w->is_line_open)
		fputs("\r\033[K", stderr);
	say_step(w, p);
	if (permille > 0 && permille < 1000)
		bar(permille);
	w->is_line_open = permille < 1000;
	if (permille == 1000)
		fputs(p->is_undo ? "\n" : ": done\n", stderr);
	fflush(stderr);
}

static void note(struct advance *a, const char *text)
{
	(void)work_fail(a->arg, 0, "%s", text);
}

/* ---- donors ---- */

struct choosing {
	struct work *work;
	struct advance *advance;
};

static bool avoids(void *arg, const char *donor)
{
	const struct choosing *c = arg;

	return advance_avoids(c->advance, donor) ||
	       (c->work->to && strcmp(c->work->to, donor) != 0);
}

/* In the child: the choice is in shared memory. */
static int then_choose(struct asking *a, struct donor **order, size_t n)
{
	struct choosing *c = a->arg;
	char why[LOAN_WHY_BYTES];

	if (!choose_leg(c->advance->loan, order, n, avoids, c, c->work->choice, why, sizeof(why)))
		return LOAN_OK;
	fprintf(stderr, "memloan: %s\n", why);
	return LOAN_NONE;
}

static const struct donor *donor_of(const struct conf *conf, const char *name)
{
	for (size_t i = 0; i < conf->ndonors; i++)
		if (!strcmp(conf->donors[i].name, name))
			return &conf->donors[i];
	return NULL;
}

bool work_knows_donor(const struct work *w, const char *name)
{
	return donor_of(&w->asking.conf, name) != NULL;
}

/* The texts of CHAP come from the configuration. */
static bool add_access(const struct conf *conf, struct loan_disk *disk)
{
	const struct donor *d = donor_of(conf, disk->donor);

	if (!d || !d->chap_user)
		return true;
	disk->chap_user = strdup(d->chap_user);
	disk->chap_secret_file = strdup(d->chap_secret_file);
	return disk->chap_user && disk->chap_secret_file;
}

static int take_choice(struct work *w, struct advance *a)
{
	const struct choice *c = w->choice;
	struct loan_leg *leg = loan_add_leg(a->loan, c->n);
	bool ok = leg != NULL;

	for (size_t i = 0; ok && i < c->n; i++) {
		leg->disks[i] = c->disks[i];
		ok = add_access(&w->asking.conf, &leg->disks[i]);
	}
	if (!ok)
		snprintf(a->why, sizeof(a->why), "out of memory, or too many donors have failed");
	return ok ? 0 : -ENOMEM;
}

static int choose(struct advance *a)
{
	struct work *w = a->arg;
	struct choosing c = {w, a};

	w->choice = mmap(NULL, sizeof(*w->choice), PROT_READ | PROT_WRITE,
			 MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (w->choice == MAP_FAILED)
		return -ENOMEM;
	w->asking.then = then_choose;
	w->asking.arg = &c;
	end_line(w);
	int status = asking_run(&w->asking), err = -ENOSPC;
	if (!status)
		err = take_choice(w, a);
	else
		snprintf(a->why, sizeof(a->why), "no donor could be chosen");
	munmap(w->choice, sizeof(*w->choice));
	return err;
}

/* ---- a command ---- */

/* The first line of a file of the kernel, or another that has one. */
static int first_line(const char *path, char *out, size_t n)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t got = fd < 0 ? -1 : read(fd, out, n - 1);

	if (fd >= 0)
		close(fd);
	if (got <= 0)
		return -ENOENT;
	out[got] = '\0';
	out[strcspn(out, "\n")] = '\0';
	return *out ? 0 : -ENOENT;
}

int work_boot(char out[static LOAN_UUID_SIZE])
{
	return first_line("/proc/sys/kernel/random/boot_id", out, LOAN_UUID_SIZE);
}

int work_uuid(char out[static LOAN_UUID_SIZE])
{
	return first_line("/proc/sys/kernel/random/uuid", out, LOAN_UUID_SIZE);
}

static int identify(struct work *w)
{
	if (work_boot(w->boot))
		return work_fail(w, LOAN_FAILED, "/proc/sys/kernel/random/boot_id cannot be read");
	if (first_line("/etc/machine-id", w->machine, sizeof(w->machine)))
		return work_fail(
			w, LOAN_FAILED,
			"this host has no /etc/machine-id: systemd-machine-id-setup(1) makes it");
	if (!asking_has_name(&w->asking))
		return work_fail(w, LOAN_FAILED,
				 "this host has no InitiatorName: is open-iscsi installed?");
	return 0;
}

static int lock(struct work *w)
{
	w->lock = record_lock(w->dir, LOCK_WAIT_MS);
	if (w->lock >= 0)
		return LOAN_OK;
	return work_fail(w, LOAN_FAILED, "%s: %s", w->dir,
			 w->lock == -EBUSY ? "another memloan has been at work there for a minute"
					   : strerror(-w->lock));
}

static int check_root(struct work *w)
{
	return geteuid() ? work_fail(w, LOAN_FAILED, "only root can do that for the host") : 0;
}

int work_begin(struct work *w, const struct command_line *c)
{
	*w = (struct work){.lock = -1, .is_forced = c->given[OPTION_FORCE]};
	int status = asking_begin(&w->asking, c);

	w->dir = w->asking.conf.state_dir ? w->asking.conf.state_dir : RECORD_DIR;
	if (!status)
		status = check_root(w);
	if (!status)
		status = identify(w);
	return status ? status : lock(w);
}

int work_begin_here(struct work *w, const struct command_line *c)
{
	*w = (struct work){.lock = -1};
	if (asking_conf(c, &w->asking.conf))
		(void)work_fail(w, 0, "the configuration is not right; going on with " RECORD_DIR);
	w->dir = w->asking.conf.state_dir ? w->asking.conf.state_dir : RECORD_DIR;
	int status = check_root(w);
	if (!status && work_boot(w->boot))
		status =
			work_fail(w, LOAN_FAILED, "/proc/sys/kernel/random/boot_id cannot be read");
	return status ? status : lock(w);
}

void work_end(struct work *w)
{
	end_line(w);
	loan_free(&w->loan);
	asking_end(&w->asking);
	if (w->lock >= 0)
		close(w->lock);
}

int work_read(struct work *w, const char *name)
{
	const char *bad = record_bad_name(name);

	if (bad)
		return work_fail(w, LOAN_USAGE, "\"%s\": %s", name, bad);
	int err = record_read(w->dir, name, &w->loan, w->why, sizeof(w->why));
	w->is_there = !err;
	if (err && err != -ENOENT)
		return work_fail(w, LOAN_FAILED, "%s", w->why);
	return LOAN_OK;
}

int work_need(struct work *w, const char *name)
{
	int status = work_read(w, name);

	if (!status && !w->is_there)
		status = work_fail(w, LOAN_NONE, "there is no loan \"%s\"", name);
	return status;
}

static int one_of_all(struct work *w, const char *name, int (*each)(struct work *w))
{
	int status = work_read(w, name);

	if (!status && w->is_there)
		status = each(w);
	work_forget(w);
	return status;
}

int work_all(struct work *w, int (*each)(struct work *w))
{
	char **names;
	int n = record_list(w->dir, &names), status = LOAN_OK;

	if (n < 0)
		return work_fail(w, LOAN_FAILED, "%s: %s", w->dir, strerror(-n));
	for (int i = 0; i < n; i++) {
		int one = one_of_all(w, names[i], each);
		status = one > status ? one : status;
	}
	record_list_free(names, n);
	return status;
}

int work_save(struct work *w)
{
	if (!record_write(w->dir, &w->loan, w->why, sizeof(w->why)))
		return LOAN_OK;
	return work_fail(w, LOAN_FAILED, "%s", w->why);
}

void work_forget(struct work *w)
{
	loan_free(&w->loan);
	w->is_there = false;
}

int work_advance(struct work *w)
{
	struct advance a = {.dir = w->dir,
			    .loan = &w->loan,
			    .is_forced = w->is_forced,
			    .sync_rate = w->asking.conf.sync_rate,
			    .is_degraded = w->degraded && !strcmp(w->degraded, w->loan.wish.name),
			    .choose = choose,
			    .tell = tell,
			    .note = note,
			    .arg = w};
	int err = loan_rebooted(&w->loan, w->boot);

	if (err)
		return work_fail(w, LOAN_FAILED,
				 "its key was in memory only and went with the last boot: what it "
				 "held cannot be read any more; memloan return %s",
				 w->loan.wish.name);
	err = loan_advance(&a);
	end_line(w);
	if (!err)
		return LOAN_OK;
	return work_fail(w, err == -ENOSPC ? LOAN_NONE : LOAN_FAILED, "%s", a.why);
}
