/* SPDX-License-Identifier: BSD-2-Clause */
/* The table of rules is whole, and the words of verdicts are those that reports promise. */
#include <ctype.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "core/conn.h"
#include "core/rules.h"
#include "core/verdict.h"

static void test_complete(void **state)
{
	(void)state;
	for (int i = 0; i < RULES; i++) {
		const struct rule *r = &rules[i];

		assert_non_null(r->name);
		assert_non_null(r->citation);
		assert_non_null(r->sentence);
		assert_true(strlen(r->name) > 2);
		assert_int_equal(strspn(r->name, "abcdefghijklmnopqrstuvwxyz-"), strlen(r->name));
		assert_int_equal(strncmp(r->citation, "RFC ", 4), 0);
		assert_non_null(strchr(r->citation + 4, ' ')); /* and a section */
		assert_true(isdigit((unsigned char)r->citation[strlen(r->citation) - 1]));
		assert_true(strlen(r->sentence) > 10);
		assert_int_not_equal(r->sentence[strlen(r->sentence) - 1], '.');
		assert_true(r->class >= CLASS_MUST && r->class <= CLASS_CHOICE);
		assert_true(!r->requirement || r->requirement[0]);
		/* A capital MUST has a label. */
		if (r->class == CLASS_MUST)
			assert_non_null(r->requirement);
	}
}

static void test_unique(void **state)
{
	(void)state;
	for (int i = 0; i < RULES; i++)
		for (int k = 0; k < i; k++) {
			assert_string_not_equal(rules[i].name, rules[k].name);
			assert_string_not_equal(rules[i].sentence, rules[k].sentence);
		}
}

/* judgement.passed and line.passed have one bit per rule. */
static void test_fit_into_a_mask(void **state)
{
	struct judgement j;

	(void)state;
	assert_true(RULES < 8 * sizeof j.passed);
}

static void test_words(void **state)
{
	(void)state;
	assert_string_equal(rule_class_name(CLASS_MUST), "MUST");
	assert_string_equal(rule_class_name(CLASS_SHOULD), "SHOULD");
	assert_string_equal(rule_class_name(CLASS_MAY), "MAY");
	assert_string_equal(rule_class_name(CLASS_SPEC), "spec");
	assert_string_equal(rule_class_name(CLASS_CHOICE), "choice");
	assert_string_equal(outcome_name(OUTCOME_PASS), "pass");
	assert_string_equal(outcome_name(OUTCOME_SKIP), "skip");
	assert_string_equal(outcome_name(OUTCOME_INCONCLUSIVE), "inconclusive");
	assert_string_equal(outcome_name(OUTCOME_ERROR), "error");
	assert_string_equal(outcome_name(OUTCOME_FAIL), "fail");
	assert_string_equal(certainty_name(CERTAIN), "certain");
	assert_string_equal(certainty_name(LIKELY), "likely");
	assert_true(OUTCOME_PASS < OUTCOME_SKIP && OUTCOME_SKIP < OUTCOME_INCONCLUSIVE &&
		    OUTCOME_INCONCLUSIVE < OUTCOME_ERROR && OUTCOME_ERROR < OUTCOME_FAIL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_complete),
		cmocka_unit_test(test_unique),
		cmocka_unit_test(test_fit_into_a_mask),
		cmocka_unit_test(test_words),
	};

	return cmocka_run_group_tests_name("rules", tests, NULL, NULL);
}
