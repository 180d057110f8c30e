/* SPDX-License-Identifier: BSD-2-Clause */
/* What the files of finwait test share: the checks chosen, what they were played on, what came of it. */
#ifndef FINWAIT_CMD_TEST_H
#define FINWAIT_CMD_TEST_H

#include "checks/suite.h"
#include "cmd/driving.h"
#include "cmd/session.h"
#include "run/runner.h"

struct test_settings {
	struct plan_settings plan; /* first: the rows of plan.h are about it */
	struct driving_settings driving;
	int64_t jobs;
	int teardown; /* enum teardown */
	int64_t closed_port; /* 0: none is known */
	bool list, quick, longer;
};

/* A check, and the exchanges of the plan that it was played on. */
struct suite_result {
	const struct suite_check *check;
	unsigned missing;          /* actions that it would need; then it is not played */
	bool too_long;             /* for the time that there is: not played */
	size_t samples;
	struct exchange *exchange; /* the first of those that count; NULL: not played */
	struct exchange *first;    /* the one before, if it was repeated */
};

struct test {
	struct session session; /* first */
	const struct test_settings *settings;
	struct plan_work work;
	struct driving driving;
	struct rule_index rules;
	struct matrix_cell *cells;
	struct suite_check *checks;
	struct suite_result *results;
	size_t count, all;
	size_t played, done, to_play, repeats; /* exchanges */
	struct suite_result **played_by; /* by the number of the exchange */
	struct run run;
	int64_t rtt_us; /* the longest round trip measured so far */
	int64_t begin_us, longest_us; /* the longest wait of any */
	char heading[DRIVER_TEXT];
};

/* What the last play of a check came to. */
enum outcome test_outcome(const struct test *t, const struct suite_result *r);

/* Reports all results, the worst first, and the grid of the matrix. */
void test_report(struct test *t);

#endif
