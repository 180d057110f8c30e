/* SPDX-License-Identifier: BSD-2-Clause */
/* What an exchange says that was to drive the target into a state: what was verified goes in, points come
 * out. Used by run/result.c. */
#ifndef FINWAIT_RUN_REACHED_H
#define FINWAIT_RUN_REACHED_H

struct exchange;

/* Adds the points behind "opened" of a finished exchange whose check has a goal. */
void reached_settle(struct exchange *x);

/* Why a check with a goal did not come to its connection, when the target was to open it: adds "opened". */
void reached_settle_opened(struct exchange *x);

#endif
