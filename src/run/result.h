/* SPDX-License-Identifier: BSD-2-Clause */
/* What an exchange says in the end: its lines and verdicts go in, its points, its outcome and the last
 * word on what the target's states were come out. */
#ifndef FINWAIT_RUN_RESULT_H
#define FINWAIT_RUN_RESULT_H

#include <stdint.h>

struct exchange;

/* Fills points, outcome, certainty and reach of a finished exchange. */
void result_settle(struct exchange *x, int64_t now_us);

#endif
