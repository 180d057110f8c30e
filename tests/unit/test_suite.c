/* SPDX-License-Identifier: BSD-2-Clause */
/* The matrix in virtual time: with a correct peer every check passes, and with a faulty one the fault is found. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "unit/played_cell.h"

static enum outcome outcome_of(const struct matrix_cell *cell, const struct cell_scene *scene, struct played_cell *p)
{
	play_cell(p, cell, scene);
	return p->x.outcome;
}

/* Every check of the matrix against the correct peer. */
static void all_pass(const struct cell_scene *scene)
{
	static struct played_cell p;
	size_t count, wrong = 0;
	const struct matrix_cell *cells = all_cells(&count);

	assert_true(count > 700);
	for (size_t i = 0; i < count; i++) {
		if (outcome_of(&cells[i], scene, &p) != OUTCOME_PASS) {
			wrong++;
			print_message("# %s: %s\n", cells[i].name, outcome_name(p.x.outcome));
			if (wrong < 20)
				show_cell(&p);
		}
		exchange_free(&p.x);
	}
	assert_int_equal(wrong, 0);
}

static void test_a_correct_peer_passes(void **state)
{
	(void)state;
	all_pass(&(struct cell_scene){ .isn = 1000000, .waits = true });
	all_pass(&(struct cell_scene){ .isn = 0xfffffffa, .seed = 9, .waits = true, .six = true, .lossless = true });
}

static void test_also_far_away_and_without_options(void **state)
{
	(void)state;
	all_pass(&(struct cell_scene){ .isn = 77, .seed = 3, .waits = true, .latency_us = 90000 });
	all_pass(&(struct cell_scene){ .isn = 0x7fffffff, .seed = 5, .teardown = TEARDOWN_RST_ACK });
}

/* ---- faults -------------------------------------------------------------------------------------- */

/* Those that no single segment in a verified state shows; who finds them instead. */
static const struct {
	enum peer_fault fault;
	const char *why;
} others[] = {
	{ FAULT_ISS_CONSTANT, "isn/unpredictable" },
	{ FAULT_NO_BACK_OFF, "repeat/" },
	{ FAULT_FIN_NOT_REPEATED, "repeat/fin-first" },
	{ FAULT_FIN_MOVES, "repeat/fin-first" },
	{ FAULT_SYN_ACK_OPTION_WSCALE, "syn/no-options" },
	{ FAULT_SYN_ACK_OPTION_TIMESTAMPS, "syn/no-options" },
	{ FAULT_DATA_SEQ_OFF_BY_ONE, "drive/close-wait/passive, which has the target send" },
	{ FAULT_TIMESTAMPS_WRONG_ECHO, "nobody: the echo is not judged" },
};

static const char *found_elsewhere(enum peer_fault f)
{
	for (size_t i = 0; i < sizeof others / sizeof *others; i++)
		if (others[i].fault == f)
			return others[i].why;
	return NULL;
}

/* The first check that fails with the fault; NULL: none. */
static const struct matrix_cell *finder(enum peer_fault f, struct played_cell *p)
{
	/* What is legal may be an application that acts by itself, or a path that loses. */
	const bool legal = faults_info(f)->legal;
	const struct cell_scene scene = { .isn = 5000, .seed = f, .waits = !legal, .lossless = !legal, .fault = f };
	size_t count;
	const struct matrix_cell *cells = all_cells(&count);

	for (size_t i = 0; i < count; i++) {
		if (outcome_of(&cells[i], &scene, p) == OUTCOME_FAIL && (!legal || p->x.certainty == CERTAIN))
			return &cells[i];
		exchange_free(&p->x);
	}
	return NULL;
}

static void test_faults_are_found(void **state)
{
	static struct played_cell p;
	unsigned found = 0, all = 0, missed = 0;

	(void)state;
	for (int f = FAULT_NONE + 1; f < FAULTS; f++) {
		const struct fault *fault = faults_info((enum peer_fault)f);
		const struct matrix_cell *cell = finder((enum peer_fault)f, &p);

		if (fault->legal) {
			if (cell) {
				print_message("# %s, which is legal, is called wrong by %s\n", fault->name, cell->name);
				show_cell(&p);
				missed++;
				exchange_free(&p.x);
			}
			continue;
		}
		all++;
		found += cell != NULL;
		if (cell) {
			print_message("# %s (%s): %s: %s\n", fault->name, fault->citation, cell->name,
				      p.x.verdicts_count ? p.x.verdicts[0].rule->citation : "");
			exchange_free(&p.x);
		} else {
			print_message("# %s (%s): not found by the matrix%s%s\n", fault->name, fault->citation,
				      found_elsewhere((enum peer_fault)f) ? ", but by " : "",
				      found_elsewhere((enum peer_fault)f) ? found_elsewhere((enum peer_fault)f) : "");
			missed += !found_elsewhere((enum peer_fault)f);
		}
	}
	print_message("# faults found / faults: %u / %u\n", found, all);
	assert_int_equal(missed, 0);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_correct_peer_passes),
		cmocka_unit_test(test_also_far_away_and_without_options),
		cmocka_unit_test(test_faults_are_found),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
