// SPDX-License-Identifier: MIT
/*
 * test_donors.c - a survey of donors of all kinds. That they are on this host counts for nothing
 * here, save where a test says so: else none would be usable.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "initiator-tools/guard.h"
#include "initiator-tools/own.h"
#include "initiator-tools/own_luns.h"
#include "initiator-tools/rank.h"
#include "initiator-tools/survey.h"
#include "lib/daemon.h"
#include "lib/fake_donor.h"
#include "lib/test_main.h"

#define ME     "iqn.2026-01.org.example:me"
#define YOU    "iqn.2026-01.org.example:you"
#define MiB    ((uint64_t)1 << 20)
#define MANY   200
#define FAKE_T "iqn.2026-01.org.example:fake"

static struct donor donors[MANY];
static size_t ndonors;

static bool is_elsewhere(int fd)
{
	(void)fd;
	return false;
}

static const struct survey patient = {
	.rules = {.initiator = ME, .timeout_ns = 60 * NS_PER_S, .is_own = is_elsewhere},
	.limits = {.small_ns = 60 * NS_PER_S, .large_ns = 60 * NS_PER_S, .all_ns = 60 * NS_PER_S},
};
static const struct survey hasty = {
	.rules = {.initiator = ME, .timeout_ns = NS_PER_S, .is_own = is_elsewhere},
	.limits = SURVEY_LIMITS,
};

static struct survey guarded;

static struct donor *add(unsigned port)
{
	struct donor *d = &donors[ndonors++];

	snprintf(d->name, sizeof(d->name), "%03zu", ndonors - 1);
	ck_assert_int_gt(asprintf(&d->portals[d->nportals++], "127.0.0.1:%u", port), 0);
	return d;
}

static struct donor *add_fake(struct fake_donor *f)
{
	if (!f->port)
		fake_start(f);
	return add(f->port);
}

static unsigned long long ask(const struct survey *s)
{
	unsigned long long begun = test_now_ms();

	ck_assert_int_eq(survey_run(s, donors, ndonors), 0);
	return test_now_ms() - begun;
}

static void forget(void)
{
	for (size_t i = 0; i < ndonors; i++)
		donor_free(&donors[i]);
	memset(donors, 0, sizeof(donors));
	ndonors = 0;
}

static void ck_state(const struct donor *d, enum donor_state want, const char *why)
{
	ck_assert_msg(d->state == want && strstr(d->why, why), "%s: %s (%s), not %s (%s)", d->name,
		      donor_state_word(d->state), d->why, donor_state_word(want), why);
}

/* A thin LUN of 64 MiB, free. */
static struct fake_donor fake_good(void)
{
	return (struct fake_donor){
		.target = FAKE_T,
		.attentions = 2,
		.nluns = 1,
		.luns = {{.id = 0, .size = 64 * MiB, .is_thin = true, .available = 16}},
	};
}

START_TEST(a_donor_is_usable_and_measured)
{
	static struct fake_donor f;

	f = fake_good();
	struct donor *d = add_fake(&f);
	ask(&patient);
	ck_state(d, DONOR_USABLE, "");
	ck_assert_uint_eq(d->nluns, 1);
	ck_assert_str_eq(d->luns[0].target, FAKE_T);
	ck_assert_uint_eq(d->luns[0].size, 64 * MiB);
	ck_assert_int_eq(d->luns[0].claim, CLAIM_NONE);
	ck_assert_str_eq(d->luns[0].serial, "FAKE-1");
	ck_assert_str_eq(d->luns[0].naa, "3000000000000000");
	ck_assert_uint_eq(d->free, 32 * MiB);
	ck_assert_uint_gt(d->path.samples, 0);
	ck_assert_uint_gt(d->path.p50, 0);
	ck_assert_uint_ge(d->path.p99, d->path.p50);
	ck_assert_uint_gt(d->path.bytes, 0);
	ck_assert_uint_le(d->path.bytes, 32 * MiB);
	ck_assert_uint_gt(d->path.ns, 0);
}
END_TEST

START_TEST(what_is_asked_decides)
{
	static struct fake_donor f;
	struct survey s = patient;

	f = fake_good();
	struct donor *d = add_fake(&f);
	s.asked = 32 * MiB;
	ask(&s);
	ck_state(d, DONOR_USABLE, "");
	s.asked++;
	ask(&s);
	ck_state(d, DONOR_SMALL, "");
}
END_TEST

START_TEST(claims_are_told_with_their_owners)
{
	static struct fake_donor f;

	f = fake_good();
	f.nluns = 4;
	for (unsigned i = 1; i < 4; i++) {
		f.luns[i] = f.luns[0];
		f.luns[i].id = i;
	}
	f.luns[0].claims[0] = YOU;
	f.luns[1].claims[0] = ME;
	f.luns[2].no_claims = true;
	struct donor *d = add_fake(&f);
	ask(&patient);
	ck_state(d, DONOR_USABLE, "");
	ck_assert_uint_eq(d->nluns, 4);
	ck_assert_int_eq(d->luns[0].claim, CLAIM_OTHERS);
	ck_assert_str_eq(d->luns[0].claims[0], YOU);
	ck_assert_uint_eq(d->luns[0].reservation, 7);
	ck_assert_int_eq(d->luns[1].claim, CLAIM_OURS);
	ck_assert_int_eq(d->luns[2].claim, CLAIM_UNKNOWN);
	ck_assert_int_eq(d->luns[3].claim, CLAIM_NONE);
	ck_assert_uint_eq(d->free_luns, 1);
}
END_TEST

START_TEST(what_speaks_against_a_donor_is_told)
{
	static struct fake_donor claimed, claimless, stopped, full, empty, bare;

	claimed = claimless = stopped = full = empty = fake_good();
	claimed.luns[0].claims[0] = YOU;
	claimless.luns[0].no_claims = true;
	stopped.luns[0].is_stopped = true;
	full.luns[0].available = 0;
	empty.nluns = 0;
	bare = (struct fake_donor){.nluns = 0};
	add_fake(&claimed);
	add_fake(&claimless);
	add_fake(&stopped);
	add_fake(&full);
	add_fake(&empty);
	add_fake(&bare);
	ask(&patient);
	ck_state(&donors[0], DONOR_CLAIMED, "");
	ck_state(&donors[1], DONOR_CLAIMLESS, "");
	ck_state(&donors[2], DONOR_STOPPED, "");
	ck_state(&donors[3], DONOR_FULL, "");
	ck_state(&donors[4], DONOR_NO_LUNS, "");
	ck_state(&donors[5], DONOR_NO_LUNS, "shows this initiator no target");
}
END_TEST

START_TEST(refusals_are_told_in_words)
{
	static struct fake_donor drains, strange, secret, partly;

	drains = strange = secret = partly = fake_good();
	drains.login_status = 0x0301;
	strange.discovery_status = 0x0277;
	secret.discovery_status = 0x0201;
	partly.target2 = "iqn.2026-01.org.example:not-yours";
	add_fake(&drains);
	add_fake(&strange);
	add_fake(&secret);
	add_fake(&partly);
	ask(&patient);
	ck_state(&donors[0], DONOR_REFUSED, "it is draining or full (status 0301h)");
	ck_state(&donors[1], DONOR_REFUSED, "an unknown status (status 0277h)");
	ck_state(&donors[2], DONOR_REFUSED, "authentication failure (status 0201h)");
	/* One target of two is enough. */
	ck_state(&donors[3], DONOR_USABLE, "");
	ck_assert_uint_eq(donors[3].nluns, 1);
}
END_TEST

START_TEST(a_donor_that_does_not_answer_is_left)
{
	static struct fake_donor silent, slow, half, stalls;
	unsigned long long ms;

	slow = stalls = fake_good();
	silent.manner = FAKE_SILENT;
	slow.manner = FAKE_SLOW;
	half.manner = FAKE_HALF;
	stalls.manner = FAKE_STALLS_ASKED;
	add_fake(&silent);
	add_fake(&slow);
	add_fake(&half);
	add_fake(&stalls);
	ms = ask(&hasty);
	printf("# %llu ms for four that do not answer\n", ms);
	ck_state(&donors[0], DONOR_SILENT, "login and SendTargets in time");
	ck_state(&donors[1], DONOR_SILENT, "login and SendTargets in time");
	ck_state(&donors[2], DONOR_SILENT, "login and SendTargets in time");
	ck_state(&donors[3], DONOR_SILENT, "its LUNs in time");
	ck_assert_uint_lt(ms, DAEMON_PATIENCE_MS);
}
END_TEST

START_TEST(a_donor_that_breaks_off_is_left)
{
	static struct fake_donor closes, garbage, dies;

	dies = fake_good();
	closes.manner = FAKE_CLOSES;
	garbage.manner = FAKE_GARBAGE;
	dies.manner = FAKE_DIES_ASKED;
	add_fake(&closes);
	add_fake(&garbage);
	add_fake(&dies);
	add(fake_dead_port());
	ask(&patient);
	ck_state(&donors[0], DONOR_BROKEN, "");
	ck_state(&donors[1], DONOR_BROKEN, "");
	ck_state(&donors[2], DONOR_BROKEN, "");
	ck_state(&donors[3], DONOR_UNREACHABLE, "connection refused");
}
END_TEST

START_TEST(a_donor_that_lies_breaks_nothing)
{
	static struct fake_donor f;

	f = fake_good();
	f.manner = FAKE_LIES;
	for (unsigned i = 0; i < 20; i++)
		add_fake(&f);
	ask(&patient);
	ck_assert_uint_gt(f.commands, 100);
}
END_TEST

/* Measuring has a limit of its own. */
START_TEST(a_donor_that_stalls_while_measured_is_not_usable)
{
	static struct fake_donor f;
	struct survey s = patient;

	f = fake_good();
	f.manner = FAKE_STALLS_READ;
	struct donor *d = add_fake(&f);
	s.limits = hasty.limits;
	unsigned long long ms = ask(&s);
	ck_state(d, DONOR_SILENT, "a READ of 4 KiB was not answered");
	ck_assert_uint_eq(d->path.samples, 0);
	ck_assert_uint_lt(ms, DAEMON_PATIENCE_MS);
}
END_TEST

START_TEST(a_second_portal_is_tried)
{
	static struct fake_donor f;

	f = fake_good();
	struct donor *d = add(fake_dead_port());
	fake_start(&f);
	ck_assert_int_gt(asprintf(&d->portals[d->nportals++], "127.0.0.1:%u", f.port), 0);
	ask(&patient);
	ck_state(d, DONOR_USABLE, "");
	ck_assert_str_eq(d->address, d->portals[1]);
}
END_TEST

START_TEST(more_luns_than_are_looked_at_are_told)
{
	static struct fake_donor f;

	f = fake_good();
	f.nluns = FAKE_LUNS_MAX;
	for (unsigned i = 1; i < f.nluns; i++) {
		f.luns[i] = f.luns[0];
		f.luns[i].id = i;
	}
	f.target2 = NULL;
	struct donor *d = add_fake(&f);
	ask(&patient);
	ck_state(d, DONOR_USABLE, "");
	ck_assert_uint_eq(d->nluns, FAKE_LUNS_MAX);
	ck_assert_uint_eq(d->free_luns, FAKE_LUNS_MAX);
	ck_assert(!d->is_cut);
}
END_TEST

START_TEST(this_host_is_known_by_its_address)
{
	static struct fake_donor f;
	struct survey s = patient;

	f = fake_good();
	struct donor *d = add_fake(&f);
	s.rules.is_own = own_host;
	ask(&s);
	ck_state(d, DONOR_OWN, "");
	ck_assert(d->is_own);
	ck_assert_uint_eq(d->nluns, 1);
	ck_assert_uint_eq(d->path.samples, 0);
}
END_TEST

START_TEST(secrets_that_others_can_read_are_not_used)
{
	static struct fake_donor f;
	char path[] = "/tmp/secret-XXXXXX";
	int fd = mkstemp(path);

	ck_assert_int_ge(fd, 0);
	f = fake_good();
	struct donor *d = add_fake(&f);
	d->chap_user = strdup("user");
	d->chap_secret_file = strdup(path);
	ask(&patient);
	ck_state(d, DONOR_UNASKED, "chap_secret_file is empty");
	ck_assert_int_eq(write(fd, "0123456789ab\n", 13), 13);
	ask(&patient);
	ck_state(d, DONOR_USABLE, "");
	ck_assert_int_eq(fchmod(fd, 0640), 0);
	ask(&patient);
	ck_state(d, DONOR_UNASKED, "can be read by others");
	unlink(path);
	close(fd);
	ask(&patient);
	ck_state(d, DONOR_UNASKED, "No such file");
	ck_assert_uint_eq(f.connections, 2); /* those of the one time that it could be used */
}
END_TEST

START_TEST(a_real_donor_is_told_as_it_is)
{
	struct daemon a;
	struct survey s = patient;

	daemon_start(&a,
		     "{ id = 0; size = \"8M\"; }, { id = 5; size = \"1G\"; provisioning = "
		     "\"thin\"; block_size = 4096; }",
		     "pool = { size = \"64M\"; };");
	struct donor *d = add(a.port);
	ask(&s);
	ck_assert_uint_eq(d->nluns, 2);
	ck_assert_str_eq(d->luns[0].target, DAEMON_TARGET);
	ck_assert_uint_eq(d->luns[0].size, 8 * MiB);
	ck_assert(d->luns[0].has_provisioning && !d->luns[0].is_thin);
	ck_assert_int_eq(d->luns[0].ready, READY_YES);
	ck_assert_uint_eq(d->luns[1].id, 5);
	ck_assert_uint_eq(d->luns[1].size, 1024 * MiB);
	ck_assert_uint_eq(d->luns[1].block_size, 4096);
	ck_assert(d->luns[1].is_thin);
	/* 64 MiB less the full LUN's, and 8 MiB of that LUN; less pages that are just being made.
	 */
	ck_assert(d->has_free);
	ck_assert_uint_le(d->free, 64 * MiB);
	ck_assert_uint_ge(d->free, 32 * MiB);
	ck_assert_uint_gt(d->path.samples, 0);
	ck_assert_uint_gt(d->path.bytes, 0);
	ck_assert_str_ne(d->luns[0].naa, "");
	daemon_check_alive(&a);
	daemon_stop(&a);
}
END_TEST

/* More than a page of lun.list. */
static const char *many_luns(void)
{
	static char all[FAKE_LUNS_MAX * 64];
	size_t n = 0;

	for (unsigned i = 0; i < FAKE_LUNS_MAX; i++)
		n += (size_t)snprintf(all + n, sizeof(all) - n,
				      "%s{ id = %u; size = \"1M\"; provisioning = \"thin\"; }",
				      i ? ", " : "", i);
	return all;
}

/* By another way: what tells it is what it lends. */
START_TEST(this_host_is_known_by_what_it_lends)
{
	struct daemon a;
	struct survey s = patient;
	struct own_luns own;
	char more[256], path[] = "/tmp/donors-XXXXXX", socket[64], second[64];

	ck_assert_ptr_nonnull(mkdtemp(path));
	snprintf(socket, sizeof(socket), "%s/control", path);
	ck_assert_int_eq(own_luns_read(&own, socket, NS_PER_S), 0);
	ck_assert_uint_eq(own.n, 0);
	/* One more than the first page holds, in a target of its own. */
	snprintf(second, sizeof(second), "%s/second.conf", path);
	FILE *f = fopen(second, "w");
	ck_assert_ptr_nonnull(f);
	fputs("targets = ( { name = \"iqn.2026-01.org.memtgt:second\";\n"
	      "luns = ( { id = 0; size = \"1M\"; } ); } );\n",
	      f);
	fclose(f);
	snprintf(more, sizeof(more), "control = { socket = \"%s\"; };\n@include \"%s\"\n", socket,
		 second);
	daemon_start(&a, many_luns(), more);
	struct donor *d = add(a.port);
	ask(&s);
	ck_assert(!d->is_own);
	ck_assert_int_eq(own_luns_read(&own, socket, DAEMON_PATIENCE_MS * NS_PER_MS), 0);
	ck_assert_uint_eq(own.n, FAKE_LUNS_MAX + 1);
	s.own = &own;
	ask(&s);
	ck_state(d, DONOR_OWN, "");
	for (size_t i = 0; i < own.n; i++)
		own.naa[i][15] = 'x';
	ask(&s);
	ck_assert(!d->is_own);
	own_luns_free(&own);
	daemon_stop(&a);
	/* What is left of one that has gone, and what cannot be asked. */
	ck_assert_int_eq(own_luns_read(&own, socket, NS_PER_S), 0);
	ck_assert_int_eq(own_luns_read(&own, "/dev/null", NS_PER_S), 0);
	unlink(socket);
	unlink(second);
	rmdir(path);
}
END_TEST

static int ask_patiently(void *arg)
{
	unsigned *states = arg;

	ask(&guarded);
	for (size_t i = 0; i < ndonors; i++)
		states[i] = donors[i].state;
	forget(); /* the child's own */
	return 7;
}

/* One crashes libiscsi; the others are asked all the same. */
START_TEST(a_donor_that_crashes_us_is_left_out)
{
	static struct fake_donor good, confuses;
	unsigned *states =
		mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	good = confuses = fake_good();
	confuses.manner = FAKE_CONFUSES;
	fake_start_apart(&good);
	fake_start_apart(&confuses);
	add_fake(&good);
	add_fake(&confuses);
	add_fake(&good);
	guarded = patient;
	ck_assert_int_eq(guard_run(&guarded, donors, ndonors, 60 * NS_PER_S, ask_patiently, states),
			 7);
	printf("# it crashes this libiscsi: %s\n", donors[1].is_left_out ? "yes" : "no");
	ck_assert_int_eq(states[0], DONOR_USABLE);
	ck_assert_int_eq(states[1], DONOR_BROKEN);
	ck_assert_int_eq(states[2], DONOR_USABLE);
	munmap(states, 4096);
}
END_TEST

static int never_end(void *arg)
{
	(void)arg;
	if (guarded.serving && !donors[1].is_left_out)
		*guarded.serving = 2;
	for (;;)
		pause();
	return 0;
}

START_TEST(a_child_that_does_not_end_is_ended)
{
	add(1);
	add(1);
	guarded = patient;
	ck_assert_int_eq(guard_run(&guarded, donors, ndonors, NS_PER_S / 5, never_end, NULL), -EIO);
	ck_assert(donors[1].is_left_out && !donors[0].is_left_out);
}
END_TEST

/* 200 donors: two real ones under many names, and of each other kind some. */
START_TEST(two_hundred_at_once)
{
	static struct fake_donor good, closes, garbage, claimed;
	struct daemon a;
	static const enum donor_state want[] = {DONOR_STATES_COUNT, DONOR_USABLE,
						DONOR_BROKEN,	    DONOR_BROKEN,
						DONOR_CLAIMED,	    DONOR_UNREACHABLE};

	daemon_start(&a, "{ id = 0; size = \"8M\"; }",
		     "limits = { connections = 1024; connections_per_address = 1024; logins = "
		     "1024; };");
	good = claimed = fake_good();
	closes.manner = FAKE_CLOSES;
	garbage.manner = FAKE_GARBAGE;
	claimed.luns[0].claims[0] = YOU;
	unsigned dead = fake_dead_port();
	for (unsigned i = 0; i < MANY; i++)
		switch (i % 6) {
		case 0:
			add(a.port);
			break;
		case 1:
			add_fake(&good);
			break;
		case 2:
			add_fake(&closes);
			break;
		case 3:
			add_fake(&garbage);
			break;
		case 4:
			add_fake(&claimed);
			break;
		default:
			add(dead);
		}
	printf("# %llu ms for %d donors\n", ask(&patient), MANY);
	for (unsigned i = 0; i < MANY; i++)
		if (want[i % 6] == DONOR_STATES_COUNT)
			ck_assert_msg(donors[i].nluns == 1, "%u: %s", i, donors[i].why);
		else
			ck_state(&donors[i], want[i % 6], "");
	daemon_check_alive(&a);
	daemon_stop(&a);
}
END_TEST

START_TEST(two_hundred_silent_ones)
{
	static struct fake_donor f;
	struct survey few = hasty;

	f.manner = FAKE_SILENT;
	for (unsigned i = 0; i < MANY; i++)
		add_fake(&f);
	unsigned long long ms = ask(&hasty);
	printf("# %llu ms for %d silent ones\n", ms, MANY);
	ck_assert_uint_lt(ms, DAEMON_PATIENCE_MS);
	for (unsigned i = 0; i < MANY; i++)
		ck_state(&donors[i], DONOR_SILENT, "");
	few.at_once = 100;
	ms = ask(&few);
	printf("# %llu ms if 100 are asked at a time\n", ms);
	ck_assert_uint_lt(ms, DAEMON_PATIENCE_MS);
	for (unsigned i = 0; i < MANY; i++)
		ck_state(&donors[i], DONOR_SILENT, "");
}
END_TEST

START_TEST(with_few_connections_all_are_asked)
{
	static struct fake_donor f;
	struct survey few = patient;

	f = fake_good();
	for (unsigned i = 0; i < 20; i++)
		add_fake(&f);
	few.at_once = 3;
	ask(&few);
	for (unsigned i = 0; i < 20; i++)
		ck_state(&donors[i], DONOR_USABLE, "");
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("donors");
	TCase *all = tcase_create("all");

	tcase_add_checked_fixture(all, NULL, forget);
	tcase_set_timeout(all, 120);
	tcase_add_test(all, a_donor_is_usable_and_measured);
	tcase_add_test(all, what_is_asked_decides);
	tcase_add_test(all, claims_are_told_with_their_owners);
	tcase_add_test(all, what_speaks_against_a_donor_is_told);
	tcase_add_test(all, refusals_are_told_in_words);
	tcase_add_test(all, a_donor_that_does_not_answer_is_left);
	tcase_add_test(all, a_donor_that_breaks_off_is_left);
	tcase_add_test(all, a_donor_that_lies_breaks_nothing);
	tcase_add_test(all, a_donor_that_stalls_while_measured_is_not_usable);
	tcase_add_test(all, a_second_portal_is_tried);
	tcase_add_test(all, more_luns_than_are_looked_at_are_told);
	tcase_add_test(all, this_host_is_known_by_its_address);
	tcase_add_test(all, secrets_that_others_can_read_are_not_used);
	tcase_add_test(all, a_real_donor_is_told_as_it_is);
	tcase_add_test(all, this_host_is_known_by_what_it_lends);
	tcase_add_test(all, a_donor_that_crashes_us_is_left_out);
	tcase_add_test(all, a_child_that_does_not_end_is_ended);
	tcase_add_test(all, two_hundred_at_once);
	tcase_add_test(all, two_hundred_silent_ones);
	tcase_add_test(all, with_few_connections_all_are_asked);
	suite_add_tcase(suite, all);
	return test_main(suite);
}
