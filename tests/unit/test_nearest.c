/* SPDX-License-Identifier: BSD-2-Clause */
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "cmd/nearest.h"

static void test_distances(void **state)
{
	static const struct {
		const char *a, *b;
		unsigned distance;
	} rows[] = {
		{"", "", 0},           {"", "abc", 3},         {"probe", "probe", 0},
		{"prob", "probe", 1},  {"probbe", "probe", 1}, {"prope", "probe", 1},
		{"porbe", "probe", 1}, {"orpbe", "probe", 2},  {"kitten", "sitting", 3},
		{"ca", "abc", 3}, /* optimal string alignment: a swapped pair is not edited again */
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		assert_int_equal(nearest_distance(rows[i].a, rows[i].b), rows[i].distance);
		assert_int_equal(nearest_distance(rows[i].b, rows[i].a), rows[i].distance);
	}
}

static void test_long_words_are_unrelated(void **state)
{
	char word[80];

	(void)state;
	memset(word, 'a', sizeof(word) - 1);
	word[sizeof(word) - 1] = 0;
	assert_int_equal(nearest_distance(word, word), UINT_MAX);
	word[64] = 0;
	assert_int_equal(nearest_distance(word, word), 0);
	assert_int_equal(nearest_distance(word, ""), 64);
}

static const char *suggestion(const char *wrong)
{
	static const char *const words[] = {"seed", "send", "source", "syn-options", "c"};
	struct nearest n = {0};

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		nearest_try(&n, wrong, words[i]);
	return n.best;
}

static void test_suggestions(void **state)
{
	(void)state;
	assert_string_equal(suggestion("sead"), "seed");
	/* As near to "send", but "seed" came first. */
	assert_string_equal(suggestion("sned"), "seed");
	assert_string_equal(suggestion("sedn"), "send");
	assert_string_equal(suggestion("syn-option"), "syn-options");
	assert_null(suggestion("window"));
	assert_null(suggestion(""));
	/* One slip away, but nothing of it is left. */
	assert_null(suggestion("x"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_distances),
		cmocka_unit_test(test_long_words_are_unrelated),
		cmocka_unit_test(test_suggestions),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
