/* SPDX-License-Identifier: BSD-2-Clause */
#include "cmd/known_checks.h"

#include <stdlib.h>

static void add(struct spec_check *checks, size_t *n, const struct check *c)
{
	if (c->name)
		checks[(*n)++] = (struct spec_check){ c->name, c->about, c->requirements, check_needs(c), 0, NULL,
						      TCP_STATES };
}

/* One that drives the target into a state and makes socket calls there. */
static void add_reuse(struct spec_check *checks, size_t *n, const struct reuse_case *c)
{
	unsigned needs = check_needs(&drive_checks[c->state][c->opener]) | 1u << ACTION_CALLS;

	checks[(*n)++] = (struct spec_check){ c->name, c->what, c->requirement, needs, 0, NULL, TCP_STATES };
}

/* What `finwait test` plays beside the ways into states. What decides a check of the matrix is its rule. Without
 * memory there are fewer. */
static void add_suite(struct spec_check *checks, size_t *n)
{
	static struct matrix_cell cells[MATRIX_CELLS];
	static struct suite_check suite[SUITE_CHECKS];
	struct rule_index *index = malloc(sizeof *index);
	size_t count, all;

	if (!index)
		return;
	rule_index_init(index);
	count = suite_make(index, cells, suite, &all);
	free(index);
	for (size_t i = 0; i < count; i++) {
		struct check c = suite[i].check;

		if (!suite[i].cell && c.word)
			continue; /* a way into a state, listed already */
		if (suite[i].cell)
			c.requirements = NULL;
		add(checks, n, &c);
		if (suite[i].cell) {
			checks[*n - 1].rule = suite[i].cell->rule;
			checks[*n - 1].state = suite[i].cell->state;
		}
	}
}

void known_checks(struct spec_check checks[KNOWN_CHECKS + 1])
{
	size_t n = 0;

	for (size_t i = 0; i < CLOSE_KINDS; i++)
		add(checks, &n, &probe_checks[i]);
	for (size_t state = 0; state < TCP_STATES; state++)
		for (size_t opener = 0; opener < OPENERS; opener++)
			add(checks, &n, &drive_checks[state][opener]);
	add_reuse(checks, &n, &reuse_time_wait_case);
	for (const struct reuse_case *c = reuse_cases; c->name; c++)
		add_reuse(checks, &n, c);
	for (const struct reuse_syn *s = reuse_syns; s->name; s++) {
		add_reuse(checks, &n, &reuse_time_wait_case);
		checks[n - 1].name = s->name;
		checks[n - 1].about = s->what;
		checks[n - 1].requirements = NULL; /* the rules decide */
	}
	add_suite(checks, &n);
	checks[n] = (struct spec_check){ .name = NULL };
}
