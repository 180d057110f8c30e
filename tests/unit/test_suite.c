/* SPDX-License-Identifier: BSD-2-Clause */
/* All of finwait test without the wire: every check of the matrix against the correct peer, which must pass all of
 * them, whatever numbers, options and times there are. Time is virtual. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "core/random.h"
#include "unit/played_cell.h"

static struct played_cell played;
static size_t played_count;

/* Nothing is inconclusive with a peer that does all that it should. */
static void assert_passes(const struct matrix_cell *cell, const struct cell_scene *scene)
{
	const struct exchange *x = &played.x;

	play_cell(&played, cell, scene);
	played_count++;
	if (x->outcome != OUTCOME_PASS || x->verdicts_count || x->certainty != CERTAIN) {
		show_cell(&played);
		fail_msg("%s: %s, IPv%d, ISN %u, seed %llu, options %s", cell->name, outcome_name(x->outcome),
			 scene->six ? 6 : 4, scene->isn, (unsigned long long)scene->seed,
			 scene->options ? scene->options : "as usual");
	}
	assert_true(x->trial->rule && x->trial->rule->states & IN(cell->state));
	exchange_free(&played.x);
}

static void assert_all_pass(const struct cell_scene *scene)
{
	const struct matrix_cell *cells;
	size_t count;

	cells = all_cells(&count);
	for (size_t i = 0; i < count; i++) {
		/* Without timestamps there are none to be old or missing. */
		if (stimulus_forms[cells[i].stimulus.kind].ts == TS_AS_EVER || !scene->options ||
		    strstr(scene->options, "ts"))
			assert_passes(&cells[i], scene);
	}
}

/* What the judge takes the stimulus for is what the matrix made it for. */
static void test_each_cell_is_judged_by_its_rule(void **state)
{
	const struct cell_scene scene = { .isn = 1000 };
	const struct matrix_cell *cells;
	size_t count;

	(void)state;
	cells = all_cells(&count);
	for (size_t i = 0; i < count; i++) {
		play_cell(&played, &cells[i], &scene);
		if (played.x.trial->rule != cells[i].rule)
			fail_msg("%s is made for %s and judged as %s", cells[i].name, events[cells[i].event].name,
				 events[played.x.trial->event].name);
		exchange_free(&played.x);
	}
}

/* The tear-down leaves nothing that waits for an end. */
static void test_nothing_is_left(void **state)
{
	const struct matrix_cell *cells;
	size_t count;

	(void)state;
	cells = all_cells(&count);
	for (int how = TEARDOWN_RST; how <= TEARDOWN_RST_ACK; how++) {
		const struct cell_scene scene = { .isn = 0xfffffff0u, .teardown = (enum teardown)how };

		for (size_t i = 0; i < count; i++) {
			play_cell(&played, &cells[i], &scene);
			if (played.left_behind > PEER_LISTEN && played.left_behind != PEER_TIME_WAIT)
				fail_msg("%s leaves %s behind", cells[i].name, peer_state_name(played.left_behind));
			exchange_free(&played.x);
		}
	}
}

static void test_numbers_around_the_wrap(void **state)
{
	(void)state;
	for (uint32_t i = 0; i < 6; i++)
		assert_all_pass(&(struct cell_scene){ .six = i & 1, .isn = (uint32_t)-(1 + (int64_t)i), .seed = i });
}

/* The numbers of questions and new connections are far above; these wrap there. */
static void test_numbers_that_wrap_later(void **state)
{
	static const uint32_t isns[] = { 0, 0x7fffffff, 0x80000000, 0xffff0000, 0xfdffffff, 0xfe000000,
					 0xfbffffff, 0xfc000000 };

	(void)state;
	for (unsigned i = 0; i < sizeof isns / sizeof *isns; i++)
		assert_all_pass(&(struct cell_scene){ .six = i & 1, .isn = isns[i], .seed = 100 + i });
}

/* The numbers of the peer follow from its seed. */
static void test_random_numbers(void **state)
{
	uint64_t random = 1;

	(void)state;
	for (unsigned i = 0; i < 6; i++) {
		const uint64_t seed = random_next(&random);

		assert_all_pass(&(struct cell_scene){ .six = i & 1, .isn = (uint32_t)seed, .seed = seed >> 32 });
	}
}

static void test_options_and_windows(void **state)
{
	static const char *const options[] = { "none", "mss=1460", "mss=536,ts", "mss=1460,wscale=14", "mss=1460,sackok" };
	static const uint8_t scales[] = { 1, 7 };

	(void)state;
	for (unsigned i = 0; i < sizeof options / sizeof *options; i++)
		assert_all_pass(&(struct cell_scene){ .six = i & 1, .isn = 5000 + i, .seed = i, .options = options[i] });
	for (unsigned i = 0; i < sizeof scales / sizeof *scales; i++)
		assert_all_pass(&(struct cell_scene){ .isn = 5000, .seed = i, .wscale = scales[i] });
}

/* A long way: what the peer repeats by itself, after a second, crosses what is sent to it. */
static void test_long_ways(void **state)
{
	static const int64_t ways_us[] = { 5000, 40000, 100000, 300000, 499000 };

	(void)state;
	for (unsigned i = 0; i < sizeof ways_us / sizeof *ways_us; i++)
		assert_all_pass(&(struct cell_scene){ .six = i & 1, .isn = (uint32_t)-(int64_t)i, .seed = i,
						      .latency_us = ways_us[i], .rtt_us = 2 * ways_us[i],
						      .lossless = ways_us[i] <= 100000 });
}

/* What the suite knows beforehand makes it stricter, with the correct peer as well. */
static void test_what_is_known(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 8; i++)
		assert_all_pass(&(struct cell_scene){ .lossless = i & 1, .waits = i & 2, .six = i & 4,
						      .isn = 0xfffffff8u + i, .seed = i });
}

/* A copy of what came before the stimulus comes while it is on its way out: no foreign kernel has sent it. */
static void test_copies_are_no_error(void **state)
{
	const struct cell_scene scene = { .fault = FAULT_DUPLICATES, .isn = 1000 };
	const struct matrix_cell *cells;
	size_t count;

	(void)state;
	cells = all_cells(&count);
	for (size_t i = 0; i < count; i++) {
		play_cell(&played, &cells[i], &scene);
		if (played.x.outcome == OUTCOME_ERROR)
			fail_msg("%s: %s", cells[i].name, played.x.error);
		exchange_free(&played.x);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_each_cell_is_judged_by_its_rule),
		cmocka_unit_test(test_nothing_is_left),
		cmocka_unit_test(test_numbers_around_the_wrap),
		cmocka_unit_test(test_numbers_that_wrap_later),
		cmocka_unit_test(test_random_numbers),
		cmocka_unit_test(test_options_and_windows),
		cmocka_unit_test(test_what_is_known),
		cmocka_unit_test(test_long_ways),
		cmocka_unit_test(test_copies_are_no_error),
	};
	const clock_t begin = clock();
	int result = cmocka_run_group_tests(tests, NULL, NULL);

	print_message("# %zu checks played in %.1f s\n", played_count, (double)(clock() - begin) / CLOCKS_PER_SEC);
	return result;
}
