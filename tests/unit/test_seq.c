/* SPDX-License-Identifier: BSD-2-Clause */
/* Sequence numbers around 2^32 and half a range apart. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/random.h"
#include "core/seq.h"

enum { HALF_LESS_ONE = 0x7fffffff };

static const uint32_t places[] = {0,          1,          2,          0x7ffffffe, 0x7fffffff,
				  0x80000000, 0x80000001, 0xfffffffe, 0xffffffff};
static const uint32_t steps[] = {1, 2, 1460, 65535, 1u << 30, HALF_LESS_ONE - 1, HALF_LESS_ONE};

/* All that there is to say about a number and the one `step` after it. */
static void check_after(uint32_t a, uint32_t step)
{
	uint32_t b = a + step;

	assert_int_equal(seq_diff(b, a), (int32_t)step);
	assert_int_equal(seq_diff(a, b), -(int32_t)step);
	assert_true(seq_lt(a, b));
	assert_true(seq_le(a, b));
	assert_false(seq_gt(a, b));
	assert_false(seq_ge(a, b));
	assert_false(seq_lt(b, a));
	assert_false(seq_le(b, a));
	assert_true(seq_gt(b, a));
	assert_true(seq_ge(b, a));
	assert_int_equal(seq_max(a, b), b);
	assert_int_equal(seq_max(b, a), b);
}

static void test_order_everywhere(void **state)
{
	uint64_t random = 1;

	(void)state;
	for (size_t i = 0; i < sizeof places / sizeof *places; i++)
		for (size_t k = 0; k < sizeof steps / sizeof *steps; k++)
			check_after(places[i], steps[k]);
	for (int i = 0; i < 20000; i++) {
		uint32_t a = (uint32_t)random_next(&random);

		check_after(a, (uint32_t)(random_next(&random) % HALF_LESS_ONE) + 1);
	}
}

static void test_equal_numbers(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
		uint32_t a = places[i];

		assert_int_equal(seq_diff(a, a), 0);
		assert_false(seq_lt(a, a));
		assert_true(seq_le(a, a));
		assert_false(seq_gt(a, a));
		assert_true(seq_ge(a, a));
		assert_int_equal(seq_max(a, a), a);
	}
}

/* Exactly half the range apart there is no order, but an answer all the same: each is "before" the other. */
static void test_half_the_range(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
		assert_int_equal(seq_diff(places[i] + 0x80000000u, places[i]), INT32_MIN);
		assert_int_equal(seq_diff(places[i], places[i] + 0x80000000u), INT32_MIN);
	}
	assert_true(seq_lt(0x80000001u, 0)); /* one more than half: before, through the wrap */
	assert_true(seq_gt(0x7fffffffu, 0));
}

static void test_in_window(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof places / sizeof *places; i++)
		for (size_t k = 0; k < sizeof steps / sizeof *steps; k++) {
			uint32_t left = places[i], len = steps[k];

			assert_true(seq_in(left, left, len));
			assert_true(seq_in(left + len - 1, left, len));
			assert_false(seq_in(left + len, left, len));
			assert_false(seq_in(left - 1, left, len));
			assert_false(seq_in(left, left, 0));
		}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_order_everywhere),
		cmocka_unit_test(test_equal_numbers),
		cmocka_unit_test(test_half_the_range),
		cmocka_unit_test(test_in_window),
	};

	return cmocka_run_group_tests_name("seq", tests, NULL, NULL);
}
