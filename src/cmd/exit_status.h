/* SPDX-License-Identifier: BSD-2-Clause */
/* What the process ends with: verdicts and the results of parts come in, one exit status comes out. */
#ifndef FINWAIT_CMD_EXIT_STATUS_H
#define FINWAIT_CMD_EXIT_STATUS_H

#include <stdbool.h>

#include "cmd/option.h"
#include "core/verdict.h"

/* No exit status yet: anything that comes is worse. */
enum { EXIT_UNDECIDED = -1 };

/* Of two results the one that is told: 1 before 3 before 4 before 0. */
int exit_status_worse(int a, int b);

/* Whether a violation makes the exit status 1: what is certain and obligatory, or all if `strict`. */
bool exit_status_counts(bool strict, const struct verdict *v);

#endif
