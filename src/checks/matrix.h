/* SPDX-License-Identifier: BSD-2-Clause */
/* The matrix: a check for each state, each kind of segment, each position and acknowledgment for which
 * core/rules.h has a rule. None is written by hand: the rules come in, the checks come out. */
#ifndef FINWAIT_CHECKS_MATRIX_H
#define FINWAIT_CHECKS_MATRIX_H

#include "checks/check.h"
#include "checks/stimulus.h"

enum {
	MATRIX_NAME = 64,
	MATRIX_ABOUT = 120,
	MATRIX_CELLS = 1024, /* at most */
};

struct matrix_cell {
	enum tcp_state state;
	struct stimulus stimulus;
	enum event event;        /* what the segment is there, by the numbers of a usual connection, ... */
	const struct rule *rule; /* ... and the rule for that */
	struct check check;      /* its texts are those below */
	char name[MATRIX_NAME];
	char about[MATRIX_ABOUT];
};

/* The way into CLOSED where a port is known on which nobody listens: a stray segment must draw RST. */
extern const struct check matrix_closed_port;

/* Fills `cells`, in the order of states. Returns how many there are; *all becomes how many combinations were
 * looked at: those without a rule are left out, those that can differ in nothing are not built. */
size_t matrix_make(const struct rule_index *index, struct matrix_cell cells[MATRIX_CELLS], size_t *all);

#endif
