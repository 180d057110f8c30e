/* SPDX-License-Identifier: BSD-2-Clause */
/* What an exchange says in the end: its lines and verdicts go in, its points, its outcome and the last
 * word on what the target's states were come out. */
#ifndef FINWAIT_RUN_RESULT_H
#define FINWAIT_RUN_RESULT_H

#include <stdint.h>

#include "core/verdict.h"

struct exchange;

/* Adds a point to x->points, as far as there is room. */
__attribute__((format(printf, 5, 6))) void result_add(struct exchange *x, const char *name, enum outcome outcome,
						      const struct rule *rule, const char *format, ...);

/* Fills points, outcome, certainty and reach of a finished exchange. */
void result_settle(struct exchange *x, int64_t now_us);

#endif
