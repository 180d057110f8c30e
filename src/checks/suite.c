/* SPDX-License-Identifier: BSD-2-Clause */
#include "checks/suite.h"

#include "checks/drive.h"
#include "checks/life.h"

enum {
	STEP_US = 500000,   /* between the times of a span, while that is more than ... */
	STEP_PERCENT = 5,   /* ... so much of the time itself */
};

/* Whether a quick look leaves it out: what lies between the edges of a window. */
static bool between(const struct matrix_cell *cell)
{
	return cell->stimulus.position == POSITION_MIDDLE || cell->stimulus.position == POSITION_RIGHT_EDGE;
}

static struct suite_check of_cell(const struct matrix_cell *cell)
{
	return (struct suite_check){ .check = cell->check, .cell = cell, .class = cell->rule->class,
				     .citation = cell->rule->citation,
				     .tier = between(cell) ? TIER_DEFAULT : TIER_QUICK };
}

/* The way into a state is a check of its own: the handshake, the close, and the data that may go there. */
static struct suite_check of_state(const struct check *c)
{
	return (struct suite_check){ .check = *c, .class = CLASS_SPEC, .citation = "RFC 9293 3.3.2", .transfer = true };
}

int64_t suite_hold_us(const struct suite_check *c, unsigned sample)
{
	int64_t at = STEP_US;

	if (c->measure != MEASURE_SPAN)
		return c->hold_us;
	while (sample--)
		at += at * STEP_PERCENT / 100 > STEP_US ? at * STEP_PERCENT / 100 : STEP_US;
	return at;
}

size_t suite_make(const struct rule_index *index, struct matrix_cell cells[MATRIX_CELLS],
		  struct suite_check checks[SUITE_CHECKS], size_t *all)
{
	const size_t count = matrix_make(index, cells, all);
	size_t n = 0;

	for (size_t i = 0; i < count; i++)
		checks[n++] = of_cell(&cells[i]);
	for (int state = 0; state < TCP_STATES; state++)
		for (int opener = 0; opener < OPENERS; opener++)
			if (drive_checks[state][opener].name)
				checks[n++] = of_state(&drive_checks[state][opener]);
	for (const struct suite_check *c = life_checks; c->check.name; c++)
		checks[n++] = *c;
	return n;
}
