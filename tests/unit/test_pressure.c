// SPDX-License-Identifier: MIT
/* test_pressure.c - the states of a donor host: thresholds, order, hysteresis. */
#include <check.h>

#include "lib/test_main.h"
#include "pressure/pressure.h"

#define MIB	 ((uint64_t)1 << 20)
#define HEADROOM (1000 * MIB)
#define TICK	 (100 * NS_PER_MS)

static struct pressure p;
static struct pressure_sample now;

static void setup(void)
{
	pressure_init(&p, HEADROOM);
	now = (struct pressure_sample){.now = 1, .available = 4000 * MIB};
	ck_assert_int_eq(pressure_step(&p, &now), PRESSURE_GREEN);
}

/* Time passes, a tenth of a second at a time, with this much memory and this part of the time spent
 * in stalls. Returns the state at the end. */
static enum pressure_state run(uint64_t mib, double stalled, uint64_t ns)
{
	enum pressure_state s = p.state;

	for (uint64_t t = 0; t < ns; t += TICK) {
		now.now += TICK;
		now.available = mib * MIB;
		now.stalled_us += (uint64_t)(stalled * (double)TICK / (double)NS_PER_US);
		s = pressure_step(&p, &now);
	}
	return s;
}

/* One look: how the state is after it, and after the levels that it still calls for. */
static enum pressure_state settle(uint64_t mib)
{
	enum pressure_state s = run(mib, 0, TICK), last;

	do {
		last = s;
		s = pressure_step(&p, &now);
		ck_assert_int_le(s, last + 1);
	} while (s != last);
	return s;
}

/* Each limit: one MiB above it and one below. */
START_TEST(limits_of_available_memory)
{
	static const struct {
		uint64_t mib;
		enum pressure_state state;
	} cases[] = {
		{1251, PRESSURE_GREEN}, {1249, PRESSURE_YELLOW}, {1001, PRESSURE_YELLOW},
		{999, PRESSURE_ORANGE}, {501, PRESSURE_ORANGE},	 {499, PRESSURE_RED},
		{0, PRESSURE_RED},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		ck_assert_int_eq(settle(cases[i].mib), cases[i].state);
}
END_TEST

/* From plenty to nothing in one look: no state is left out, on the way there and back. */
START_TEST(states_pass_in_order)
{
	ck_assert_int_eq(run(10, 0, TICK), PRESSURE_YELLOW);
	ck_assert_int_eq(pressure_step(&p, &now), PRESSURE_ORANGE);
	ck_assert_int_eq(pressure_step(&p, &now), PRESSURE_RED);
	ck_assert_int_eq(pressure_step(&p, &now), PRESSURE_RED);

	enum pressure_state last = PRESSURE_RED;
	unsigned changes = 0;
	for (unsigned i = 0; i < 1000 && last != PRESSURE_GREEN; i++) {
		enum pressure_state s = run(4000, 0, TICK);
		ck_assert(s == last || s + 1 == last);
		changes += s != last;
		last = s;
	}
	ck_assert_int_eq(last, PRESSURE_GREEN);
	ck_assert_uint_eq(changes, 3);
}
END_TEST

/* It gets better only after five calm seconds, and by more than the limit that made it worse. */
START_TEST(better_takes_time_and_a_margin)
{
	ck_assert_int_eq(settle(900), PRESSURE_ORANGE);
	ck_assert_int_eq(run(1050, 0, 60 * NS_PER_S), PRESSURE_ORANGE); /* not by a tenth */
	ck_assert_int_eq(run(1110, 0, 4 * NS_PER_S), PRESSURE_ORANGE);
	ck_assert_int_eq(run(1110, 0, 10 * NS_PER_S), PRESSURE_YELLOW);
	ck_assert_int_eq(run(1110, 0, 60 * NS_PER_S), PRESSURE_YELLOW);
	ck_assert_int_eq(run(1400, 0, 4 * NS_PER_S), PRESSURE_YELLOW);
	ck_assert_int_eq(run(1200, 0, TICK), PRESSURE_YELLOW); /* begins anew */
	ck_assert_int_eq(run(1400, 0, 4 * NS_PER_S), PRESSURE_YELLOW);
	ck_assert_int_eq(run(1400, 0, 5 * NS_PER_S), PRESSURE_GREEN);
}
END_TEST

/* A host that swings around a limit does not make the state swing. */
START_TEST(no_flapping)
{
	unsigned changes = 0;

	for (unsigned i = 0; i < 600; i++) {
		enum pressure_state before = p.state;
		run(i % 2 ? 1300 : 1200, 0, TICK);
		changes += p.state != before;
	}
	ck_assert_uint_eq(changes, 1);
	ck_assert_int_eq(p.state, PRESSURE_YELLOW);
}
END_TEST

/* PSI alone: YELLOW at 1 %, ORANGE at 5 % for three seconds, never RED. */
START_TEST(stalls)
{
	ck_assert_int_eq(run(4000, 0.008, 60 * NS_PER_S), PRESSURE_GREEN);
	ck_assert_int_eq(run(4000, 0.03, 60 * NS_PER_S), PRESSURE_YELLOW);
	for (unsigned i = 0; i < 20; i++) { /* short ones, however many */
		ck_assert_int_eq(run(4000, 0.5, NS_PER_S / 2), PRESSURE_YELLOW);
		ck_assert_int_eq(run(4000, 0.0, 3 * NS_PER_S), PRESSURE_YELLOW);
	}
	ck_assert_int_eq(run(4000, 0.5, 2 * NS_PER_S), PRESSURE_YELLOW);
	ck_assert_int_eq(run(4000, 0.5, 2 * NS_PER_S), PRESSURE_ORANGE);
	ck_assert_int_eq(run(4000, 1.0, 600 * NS_PER_S), PRESSURE_ORANGE);
	ck_assert_int_eq(run(4000, 0.0, 30 * NS_PER_S), PRESSURE_GREEN);
}
END_TEST

/* A headroom of 0 asks nothing of the memory that is available. */
START_TEST(without_a_headroom)
{
	pressure_init(&p, 0);
	ck_assert_int_eq(settle(0), PRESSURE_GREEN);
	ck_assert_int_eq(run(0, 0.03, 60 * NS_PER_S), PRESSURE_YELLOW);
	ck_assert_int_eq(run(0, 0.0, 60 * NS_PER_S), PRESSURE_GREEN);
}
END_TEST

/* The first sample is no measure of stalls: the counter runs since the host was started. */
START_TEST(first_sample)
{
	pressure_init(&p, HEADROOM);
	now = (struct pressure_sample){.now = 5, .available = 4000 * MIB, .stalled_us = 1000000000};
	ck_assert_int_eq(pressure_step(&p, &now), PRESSURE_GREEN);
	ck_assert_int_eq(run(4000, 0, 10 * NS_PER_S), PRESSURE_GREEN);
}
END_TEST

START_TEST(names)
{
	ck_assert_str_eq(pressure_name(PRESSURE_GREEN), "GREEN");
	ck_assert_str_eq(pressure_name(PRESSURE_YELLOW), "YELLOW");
	ck_assert_str_eq(pressure_name(PRESSURE_ORANGE), "ORANGE");
	ck_assert_str_eq(pressure_name(PRESSURE_RED), "RED");
}
END_TEST

int main(void)
{
	Suite *s = suite_create("pressure");
	TCase *c = tcase_create("states");

	tcase_add_checked_fixture(c, setup, NULL);
	tcase_add_test(c, limits_of_available_memory);
	tcase_add_test(c, states_pass_in_order);
	tcase_add_test(c, better_takes_time_and_a_margin);
	tcase_add_test(c, no_flapping);
	tcase_add_test(c, stalls);
	tcase_add_test(c, without_a_headroom);
	tcase_add_test(c, first_sample);
	tcase_add_test(c, names);
	suite_add_tcase(s, c);
	return test_main(s);
}
