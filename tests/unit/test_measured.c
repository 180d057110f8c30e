/* SPDX-License-Identifier: BSD-2-Clause */
/* What is measured over exchanges: each outcome, from exchanges made by hand. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "run/measured.h"

enum { LINES = 16 };

static struct line lines[LINES];
static struct exchange x;
static struct suite_check check;

/* The target sends `flags` at each of these times, in hundredths of a second. */
static void sends(enum measure what, uint16_t flags, const int *at, size_t n)
{
	memset(&x, 0, sizeof x);
	memset(lines, 0, sizeof lines);
	check = (struct suite_check){ .measure = what, .hold_us = 10000000 };
	x.params.check = &check.check;
	x.lines = lines;
	x.lines_count = n + 1;
	lines[0].out = true;
	lines[0].segment.flags = FLAG_ACK;
	for (size_t i = 0; i < n; i++) {
		lines[i + 1].segment.flags = flags;
		lines[i + 1].segment.seq = 77;
		lines[i + 1].segment.t_us = 1000000 + at[i] * 10000;
	}
}

static enum outcome outcome(void)
{
	struct measured m;

	measured(&m, &check, &x, 1);
	assert_true(m.text[0]);
	return m.outcome;
}

#define SENDS(what, flags, ...)                                                                                \
	sends(what, flags, (const int[]){ __VA_ARGS__ }, sizeof((const int[]){ __VA_ARGS__ }) / sizeof(int))

static void test_repetitions(void **state)
{
	(void)state;
	SENDS(MEASURE_SYN, FLAG_SYN, 0, 100, 300, 700);
	assert_int_equal(outcome(), OUTCOME_PASS);
	SENDS(MEASURE_SYN, FLAG_SYN, 0, 101, 203, 305);
	assert_int_equal(outcome(), OUTCOME_FAIL);
	SENDS(MEASURE_SYN_ACK, FLAG_SYN | FLAG_ACK, 0, 100, 200);
	assert_int_equal(outcome(), OUTCOME_FAIL);
	/* the copies after 1, 3 and 7 s were lost: the next gap is still longer */
	SENDS(MEASURE_SYN_ACK, FLAG_SYN | FLAG_ACK, 0, 1500, 3100);
	assert_int_equal(outcome(), OUTCOME_PASS);
	SENDS(MEASURE_SYN, FLAG_SYN, 0);
	assert_int_equal(outcome(), OUTCOME_FAIL);
	SENDS(MEASURE_SYN, FLAG_SYN, 0, 100);
	assert_int_equal(outcome(), OUTCOME_PASS);
	/* of another kind */
	SENDS(MEASURE_SYN, FLAG_SYN | FLAG_ACK, 0, 100, 300);
	assert_int_equal(outcome(), OUTCOME_INCONCLUSIVE);
}

static void test_a_probe_before_the_timer(void **state)
{
	(void)state;
	SENDS(MEASURE_FIN, FLAG_FIN | FLAG_ACK, 0, 20, 40, 80, 160);
	assert_int_equal(outcome(), OUTCOME_PASS);
	SENDS(MEASURE_FIN, FLAG_FIN | FLAG_ACK, 0, 20, 40, 60, 80);
	assert_int_equal(outcome(), OUTCOME_FAIL);
}

static void test_another_number(void **state)
{
	(void)state;
	SENDS(MEASURE_FIN, FLAG_FIN | FLAG_ACK, 0, 20, 60);
	lines[2].segment.seq++;
	assert_int_equal(outcome(), OUTCOME_FAIL);
	/* but a FIN that carries the data before it, which was lost, begins there */
	SENDS(MEASURE_FIN, FLAG_FIN | FLAG_ACK, 0, 20, 60);
	lines[2].segment.seq -= 5;
	lines[2].segment.len = 5;
	assert_int_equal(outcome(), OUTCOME_PASS);
}

static void test_answers_are_no_repetitions(void **state)
{
	(void)state;
	SENDS(MEASURE_SYN_ACK, FLAG_SYN | FLAG_ACK, 0, 100, 100, 300);
	lines[2] = lines[0];
	lines[2].segment.t_us = lines[3].segment.t_us - 100;
	assert_int_equal(outcome(), OUTCOME_PASS); /* one gap only */
}

static void test_a_driver_that_failed(void **state)
{
	(void)state;
	SENDS(MEASURE_SYN, FLAG_SYN, 0, 100, 300);
	strcpy(x.refused, "the agent is gone");
	assert_int_equal(outcome(), OUTCOME_ERROR);
}

static void test_reset(void **state)
{
	(void)state;
	SENDS(MEASURE_RESET, FLAG_RST, 0);
	check.check.steps[0] = STEP_AWAIT_RESET;
	x.prober.reset_received = true;
	assert_int_equal(outcome(), OUTCOME_PASS);
	x.prober.reset_received = false;
	assert_int_equal(outcome(), OUTCOME_FAIL);
	check.check.steps[0] = STEP_OPEN;
	assert_int_equal(outcome(), OUTCOME_INCONCLUSIVE);
}

enum { SAMPLES = 6 };

/* Each letter is a sample: there, gone, or without an answer. */
static struct measured span(tcp_states goal, const char *found)
{
	static struct exchange samples[SAMPLES];
	struct measured m;
	size_t n = strlen(found);

	check = (struct suite_check){ .check.goal = goal, .measure = MEASURE_SPAN };
	memset(samples, 0, sizeof samples);
	for (size_t i = 0; i < n; i++) {
		samples[i].done = true;
		samples[i].params.check = &check.check;
		samples[i].params.hold_us = suite_hold_us(&check, (unsigned)i);
		samples[i].last.verified = found[i] == 't' ? VERIFIED_THERE :
					   found[i] == 'g' ? VERIFIED_GONE : VERIFIED_NOT;
	}
	measured(&m, &check, samples, n);
	return m;
}

static void test_spans(void **state)
{
	struct measured m = span(IN(TCP_TIME_WAIT), "tttgg");

	(void)state;
	assert_int_equal(m.outcome, OUTCOME_PASS);
	assert_non_null(strstr(m.text, "alive at 1.5 s, first gone at 2.0 s"));
	m = span(IN(TCP_TIME_WAIT), "t?tg?g");
	assert_non_null(strstr(m.text, "alive at 1.5 s, first gone at 2.0 s"));
	m = span(IN(TCP_TIME_WAIT), "ttgtgg");
	assert_int_equal(m.outcome, OUTCOME_PASS);
	assert_non_null(strstr(m.text, "first gone at 1.5 s, last seen alive at 2.0 s"));
	m = span(IN(TCP_TIME_WAIT), "ttt");
	assert_int_equal(m.outcome, OUTCOME_PASS);
	assert_non_null(strstr(m.text, "at least"));
	m = span(IN(TCP_TIME_WAIT), "ggg");
	assert_int_equal(m.outcome, OUTCOME_FAIL);
	assert_int_equal(m.certainty, LIKELY);
	m = span(IN(TCP_FIN_WAIT_2), "ggg");
	assert_int_equal(m.outcome, OUTCOME_PASS);
	m = span(IN(TCP_TIME_WAIT), "???");
	assert_int_equal(m.outcome, OUTCOME_INCONCLUSIVE);
}

static void test_times_are_near_enough(void **state)
{
	const struct suite_check c = { .measure = MEASURE_SPAN };
	int64_t last = 0;

	(void)state;
	for (unsigned i = 0; i < 88; i++) {
		int64_t at = suite_hold_us(&c, i), gap = at - last;

		assert_true(gap > 0 && (gap <= 500000 || gap * 100 <= last * 5));
		last = at;
	}
	assert_true(last > 250000000);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_repetitions),
		cmocka_unit_test(test_a_probe_before_the_timer),
		cmocka_unit_test(test_another_number),
		cmocka_unit_test(test_answers_are_no_repetitions),
		cmocka_unit_test(test_a_driver_that_failed),
		cmocka_unit_test(test_reset),
		cmocka_unit_test(test_spans),
		cmocka_unit_test(test_times_are_near_enough),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
