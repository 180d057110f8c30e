/* SPDX-License-Identifier: BSD-2-Clause */
/* What finwait test finds: for each fault of the peer the checks are played until one fails as it should, by a
 * rule that rests on what the fault breaks. What the suite cannot see stands in a table, with the reason. What is
 * legal is never accused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "unit/played_cell.h"

/* Faults that show at another place than the one they break, or only with other options. */
static const struct shown {
	enum peer_fault fault;
	const char *citation; /* of the rule */
	const char *options;  /* of our SYNs; NULL: the usual */
} shown[] = {
	{ FAULT_SYN_ACK_WRONG_ACK_ISN, "RFC 9293 3.5", NULL },
	{ FAULT_SYN_ACK_WRONG_ACK_PLUS_TWO, "RFC 9293 3.5", NULL },
	{ FAULT_SYN_ACK_WRONG_ACK_RANDOM, "RFC 9293 3.5", NULL },
	{ FAULT_SYN_ACK_OPTION_WSCALE, "RFC 7323 2.2", "none" },
	{ FAULT_SYN_ACK_OPTION_TIMESTAMPS, "RFC 7323 3.2", "none" },
	{ FAULT_SYN_ACK_NO_ACK, "RFC 9293 3.10.7", NULL },
	{ FAULT_SYN_ACK_FIN, "RFC 9293 3.10", NULL },
	{ FAULT_OPTION_BAD_LENGTH, "RFC 9293 3.1", NULL },
	{ FAULT_RST_OUT_OF_WINDOW, "RFC 9293 3.5.2", NULL },
	{ FAULT_RST_SEQ_LOW, "RFC 9293 3.5.2", NULL },
	/* by the reset with which it begins */
	{ FAULT_ACTIVITY_AFTER_RST, "RFC 9293 3.10.7.4", NULL },
	{ FAULT_DATA_AFTER_FIN, "RFC 9293 3.6", NULL },
	{ FAULT_NO_TIME_WAIT, "RFC 9293 3.5.2", NULL },
	/* by what it sends again instead of an ACK */
	{ FAULT_FIN_MOVES, "RFC 9293 3.10.7.4", NULL },
	{ FAULT_CLOSING_FIN_BIT_LOST, "RFC 9293 3.10.7.4", NULL },
};

/* What the suite cannot find, and why. Each must still be looked for in vain. */
static const struct {
	enum peer_fault fault;
	const char *why;
} unseen[] = {
	{ FAULT_ISS_CONSTANT, "shows in several connections; each check has one" },
	{ FAULT_TIMESTAMPS_WRONG_ECHO, "what is echoed is judged nowhere yet" },
	{ FAULT_DATA_SEQ_OFF_BY_ONE, "the application is not asked to send anything" },
	{ FAULT_NO_BACK_OFF, "no check waits for three repetitions; finwait check judges them" },
	{ FAULT_FIN_NOT_REPEATED, "no check waits for a repetition" },
	{ FAULT_FIN_WAIT_1_TIME_WAIT, "TIME-WAIT answers as CLOSING does; only the repetition of the FIN is missing" },
	{ FAULT_LISTEN_ACK_IGNORED, "that a listener is there again is shown by the RST for a bare ACK: inconclusive" },
	{ FAULT_CLOSED_SILENT, "a filter on the way does the same: inconclusive" },
};

static struct played_cell played;
static size_t played_count;

static const char *why_unseen(enum peer_fault fault)
{
	for (size_t i = 0; i < sizeof unseen / sizeof *unseen; i++)
		if (unseen[i].fault == fault)
			return unseen[i].why;
	return NULL;
}

static const struct shown *shown_elsewhere(enum peer_fault fault)
{
	for (size_t i = 0; i < sizeof shown / sizeof *shown; i++)
		if (shown[i].fault == fault)
			return &shown[i];
	return NULL;
}

/* "RFC 9293 3.10.7.4, 3.5.3 (MUST-9)" -> "RFC 9293 3.10.7.4" */
static const char *first_citation(const char *citation)
{
	static char text[64];
	size_t n = strcspn(citation, ",(");

	while (n && citation[n - 1] == ' ')
		n--;
	assert_true(n < sizeof text);
	memcpy(text, citation, n);
	text[n] = '\0';
	return text;
}

/* Whether one of the verdicts rests on this; "3.1" is not in "3.10". */
static bool rests_on(const struct exchange *x, const char *citation)
{
	for (size_t i = 0; i < x->verdicts_count; i++) {
		const char *at = x->verdicts[i].rule->citation;

		while ((at = strstr(at, citation))) {
			at += strlen(citation);
			if (!strchr("0123456789", *at) || !*at)
				return true;
		}
	}
	return false;
}

/* The first check that fails as it should; NULL if none does. *failed: how many failed in another way before. */
static const struct matrix_cell *find(enum peer_fault fault, size_t *failed)
{
	const struct shown *s = shown_elsewhere(fault);
	const char *citation = s ? s->citation : first_citation(faults_info(fault)->citation);
	const struct cell_scene scene = { .fault = fault, .isn = 1000, .waits = true, .options = s ? s->options : NULL };
	const struct matrix_cell *cells;
	size_t count;

	cells = all_cells(&count);
	*failed = 0;
	for (size_t i = 0; i < count; i++) {
		bool found;

		play_cell(&played, &cells[i], &scene);
		played_count++;
		found = played.x.outcome == OUTCOME_FAIL && rests_on(&played.x, citation);
		*failed += played.x.outcome == OUTCOME_FAIL && !found;
		exchange_free(&played.x);
		if (found)
			return &cells[i];
	}
	return NULL;
}

static void test_each_fault_is_found_or_accounted_for(void **state)
{
	unsigned found = 0, faults = 0;

	(void)state;
	for (int f = FAULT_NONE + 1; f < FAULTS; f++) {
		const struct fault *fault = faults_info((enum peer_fault)f);
		const char *why = why_unseen((enum peer_fault)f);
		const struct matrix_cell *by;
		size_t failed;

		if (fault->legal)
			continue;
		by = find((enum peer_fault)f, &failed);
		faults++;
		found += !!by;
		if (!by && why)
			print_message("# not found: %s: %s\n", fault->name, why);
		if (!by == !why)
			fail_msg("%s (%s) is %s, %zu checks failed before or in another way", fault->name,
				 fault->citation, by ? "found after all" : "not found", failed);
		/* A wrong echo tells a wrong TS.Recent, and what is judged by that fails. */
		if (!by && f != FAULT_TIMESTAMPS_WRONG_ECHO)
			assert_int_equal(failed, 0);
	}
	assert_true(faults >= 60);
	print_message("# faults found: %u of %u\n", found, faults);
}

/* ---- what is odd and legal ---------------------------------------------------------------------------- */

static void test_legal_oddities_are_not_accused(void **state)
{
	static const struct {
		enum peer_fault fault;
		enum outcome worst;
	} legal[] = {
		{ FAULT_REORDERS, OUTCOME_PASS },	   { FAULT_DELAYS, OUTCOME_PASS },
		{ FAULT_TTL_255, OUTCOME_PASS },	   { FAULT_CHALLENGE_FIRST, OUTCOME_PASS },
		{ FAULT_SYN_ACK_LATE, OUTCOME_PASS },	   { FAULT_FIN_LOST_ONCE, OUTCOME_PASS },
		{ FAULT_ACK_APART, OUTCOME_PASS },	   { FAULT_SYN_ACK_NOT_REPEATED, OUTCOME_INCONCLUSIVE },
		{ FAULT_RST_TO_FIN, OUTCOME_INCONCLUSIVE }, { FAULT_RST_AFTER_FIN, OUTCOME_INCONCLUSIVE },
	};
	const struct matrix_cell *cells;
	size_t count;

	(void)state;
	cells = all_cells(&count);
	for (size_t i = 0; i < count * (sizeof legal / sizeof *legal); i++) {
		const enum peer_fault fault = legal[i / count].fault;
		const struct matrix_cell *cell = &cells[i % count];

		/* What its application does is not known: it may be what resets. */
		play_cell(&played, cell, &(struct cell_scene){ .fault = fault, .isn = 1000 });
		played_count++;
		assert_true(faults_info(fault)->legal);
		if (played.x.outcome > legal[i / count].worst || played.x.verdicts_count) {
			show_cell(&played);
			fail_msg("%s with %s: %s", cell->name, faults_info(fault)->name, outcome_name(played.x.outcome));
		}
		exchange_free(&played.x);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_each_fault_is_found_or_accounted_for),
		cmocka_unit_test(test_legal_oddities_are_not_accused),
	};
	const clock_t begin = clock();
	int result = cmocka_run_group_tests(tests, NULL, NULL);

	print_message("# %zu checks played in %.1f s\n", played_count, (double)(clock() - begin) / CLOCKS_PER_SEC);
	return result;
}
