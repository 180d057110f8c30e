/* SPDX-License-Identifier: BSD-2-Clause */
#include <ctype.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "checks/probe.h"
#include "core/requirements.h"
#include "core/state_meaning.h"

static bool begins(const char *text, const char *with)
{
	return !strncmp(text, with, strlen(with));
}

static void test_counts(void **state)
{
	unsigned all = 0, labels = 0, unlabelled = 0, companions = 0;
	const struct requirement *r;

	(void)state;
	for (size_t i = 0; (r = requirement_at(i)); i++) {
		all++;
		labels += requirement_labelled(r);
		unlabelled += begins(r->id, "U-");
		companions += begins(r->id, "RFC");
	}
	assert_int_equal(all, REQUIREMENTS);
	assert_int_equal(labels, REQUIREMENT_LABELS);
	assert_int_equal(unlabelled, 27);
	assert_int_equal(companions, 58);
	assert_null(requirement_at(REQUIREMENTS));
	assert_null(requirement_at(SIZE_MAX));
}

static void test_every_label_once(void **state)
{
	static const struct {
		const char *kind;
		int count;
		const char *level, *negated;
	} series[] = {
		{ "MUST", 69, "MUST", "MUST NOT" },
		{ "SHLD", 31, "SHOULD", "SHOULD NOT" },
		{ "MAY", 18, "MAY", "" },
		{ "REC", 1, "RECOMMENDED", "" },
	};

	(void)state;
	for (size_t s = 0; s < sizeof series / sizeof series[0]; s++)
		for (int n = 1; n <= series[s].count; n++) {
			const struct requirement *r;
			char id[16];

			snprintf(id, sizeof id, "%s-%d", series[s].kind, n);
			r = requirement_by_id(id);
			assert_non_null(r);
			assert_string_equal(r->id, id);
			assert_true(requirement_labelled(r));
			assert_true(begins(r->section, "RFC 9293 3."));
			assert_true(!strcmp(r->level, series[s].level) ||
				    !strcmp(r->level, series[s].negated));
		}
}

static void test_unique(void **state)
{
	const struct requirement *a, *b;

	(void)state;
	for (size_t i = 0; (a = requirement_at(i)); i++)
		for (size_t k = 0; k < i; k++) {
			b = requirement_at(k);
			assert_string_not_equal(a->id, b->id);
			assert_string_not_equal(a->sentence, b->sentence);
		}
}

static void assert_text(const char *text, size_t least)
{
	size_t n = strlen(text);

	assert_true(n >= least);
	assert_true(text[0] != ' ' && text[n - 1] != ' ' && text[n - 1] != '.');
	assert_null(strstr(text, "  "));
	for (size_t i = 0; i < n; i++)
		assert_true(text[i] >= 0x20 && text[i] < 0x7f);
}

static bool known_level(const char *level)
{
	static const char *const levels[] = {
		"MUST", "MUST NOT", "SHOULD", "SHOULD NOT", "MAY", "RECOMMENDED", "spec", "BCP", "informational",
		"MUST, MAY, SHOULD", "MUST NOT, SHOULD",
	};

	for (size_t i = 0; i < sizeof levels / sizeof levels[0]; i++)
		if (!strcmp(level, levels[i]))
			return true;
	return false;
}

static void test_complete(void **state)
{
	const struct requirement *r;

	(void)state;
	for (size_t i = 0; (r = requirement_at(i)); i++) {
		assert_true(known_level(r->level));
		assert_true(begins(r->section, "RFC ") && isdigit((unsigned char)r->section[4]));
		assert_true(r->observability <= NOT_OBSERVABLE);
		assert_text(r->sentence, 20);
		assert_text(r->how, 10);
		assert_true(isupper((unsigned char)r->sentence[0]));
		assert_null(strchr(r->id, ' ')); /* names are words of a command line */
		assert_null(strchr(r->id, '/'));
		assert_null(strchr(r->id, ';')); /* and of lists */
	}
}

static void test_lookup(void **state)
{
	(void)state;
	assert_string_equal(requirement_by_id("must-13")->id, "MUST-13");
	assert_string_equal(requirement_by_id("rfc5961-3.2-SS")->id, "RFC5961-3.2-ss");
	assert_string_equal(requirement_by_id("U-3.5.2-g1")->section, "RFC 9293 3.5.2(1)");
	assert_null(requirement_by_id("MUST-70"));
	assert_null(requirement_by_id("MUST-"));
	assert_null(requirement_by_id("MUST-133"));
	assert_null(requirement_by_id(""));
}

static void test_lists(void **state)
{
	(void)state;
	assert_true(requirement_in("MUST-10", "MUST-10"));
	assert_true(requirement_in("MUST-1;MUST-10", "MUST-10"));
	assert_true(requirement_in("MUST-1; MUST-10", "MUST-10"));
	assert_true(requirement_in("MUST-10;MUST-1", "MUST-1"));
	assert_false(requirement_in("MUST-10;MUST-11", "MUST-1"));
	assert_false(requirement_in("MUST-1", "MUST-10"));
	assert_false(requirement_in(NULL, "MUST-1"));
	assert_false(requirement_in("", "MUST-1"));
	assert_false(requirement_in("MUST-1;", ""));
	assert_true(requirement_decided_by("MAY-2;RFC5961-3.2-3", "U-3.10.7.4-rst3"));
	assert_true(requirement_decided_by("U-3.10.7.4-rst3", "RFC5961-3.2-3"));
	assert_false(requirement_decided_by("RFC5961-3.2-2", "RFC5961-3.2-3"));
}

/* Two names of one requirement exist both: a slip in either would quietly lose the other's rules. */
static void test_same(void **state)
{
	static const char *const pairs[][2] = {
		{ "RFC1122-4.2.2.10", "MUST-10" },	{ "RFC1948-isn", "SHLD-1" },
		{ "RFC6528-3", "SHLD-1" },		{ "RFC6528-3b", "MUST-9" },
		{ "RFC2525-2.17", "SHLD-3" },		{ "RFC5961-3.2-1", "U-3.10.7.4-rst1" },
		{ "RFC5961-3.2-2", "U-3.10.7.4-rst2" }, { "RFC5961-4.2", "U-3.10.7.4-syn" },
		{ "RFC6191-2-A1", "SHLD-4" },		{ "RFC1122-4.2.2.20e", "U-3.10.7.4-synrcvd" },
		{ "RFC5961-5.2", "U-3.10.7.4-ack5961" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++)
		for (int k = 0; k < 2; k++) {
			assert_non_null(requirement_by_id(pairs[i][k]));
			assert_true(requirement_decided_by(pairs[i][k], pairs[i][!k]));
		}
}

/* Each name of a list is one of the requirements; returns how many there are. */
static unsigned assert_known(const char *list)
{
	unsigned n = 0;

	while (list && *(list += strspn(list, "; "))) {
		size_t len = strcspn(list, "; ");
		const struct requirement *r;
		char id[64];

		assert_true(len < sizeof id);
		snprintf(id, sizeof id, "%.*s", (int)len, list);
		r = requirement_by_id(id);
		if (!r)
			fail_msg("no requirement is called %s", id);
		assert_string_equal(r->id, id);
		list += len;
		n++;
	}
	return n;
}

static void test_no_label_dangles(void **state)
{
	(void)state;
	for (size_t i = 0; i < RULES; i++)
		assert_known(rules[i].requirement);
	for (const struct rule_table *t = rule_tables; t->rows; t++)
		for (size_t i = 0; i < t->count; i++)
			assert_known(t->rows[i].requirement);
	for (size_t i = 0; i < CLOSE_KINDS; i++)
		assert_known(probe_checks[i].requirements);
}

static bool decides(const char *id, const struct rule *rule)
{
	const struct rule *r;
	size_t position = 0;

	while ((r = requirement_next_rule(id, &position)))
		if (r == rule)
			return true;
	return false;
}

static void test_deciders(void **state)
{
	const struct requirement *r;
	unsigned decided = 0;

	(void)state;
	for (size_t i = 0; (r = requirement_at(i)); i++) {
		size_t position = 0;

		decided += requirement_next_rule(r->id, &position) != NULL;
		for (size_t k = 0; k < RULES; k++)
			assert_int_equal(decides(r->id, &rules[k]),
					 requirement_decided_by(rules[k].requirement, r->id));
		for (const struct rule_table *t = rule_tables; t->rows; t++)
			for (size_t k = 0; k < t->count; k++)
				assert_int_equal(decides(r->id, &t->rows[k]),
						 !t->rows[k].impossible &&
							 requirement_decided_by(t->rows[k].requirement, r->id));
	}
	assert_true(decided >= 20);
	assert_true(decides("MUST-2", &rules[RULE_CHECKSUM]));
}

static void test_states_have_a_meaning(void **state)
{
	(void)state;
	for (int i = TCP_CLOSED; i < TCP_STATES; i++) {
		const char *text = state_meaning((enum tcp_state)i);

		assert_true(strlen(text) > 80);
		assert_int_equal(text[strlen(text) - 1], '.');
		for (int k = 0; k < i; k++)
			assert_string_not_equal(text, state_meaning((enum tcp_state)k));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_counts),
		cmocka_unit_test(test_every_label_once),
		cmocka_unit_test(test_unique),
		cmocka_unit_test(test_complete),
		cmocka_unit_test(test_lookup),
		cmocka_unit_test(test_lists),
		cmocka_unit_test(test_same),
		cmocka_unit_test(test_no_label_dangles),
		cmocka_unit_test(test_deciders),
		cmocka_unit_test(test_states_have_a_meaning),
	};

	return cmocka_run_group_tests_name("requirements", tests, NULL, NULL);
}
