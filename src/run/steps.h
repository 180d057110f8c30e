/* SPDX-License-Identifier: BSD-2-Clause */
/* The steps of a check (checks/check.h), played on an exchange: what begins each of them, when it is done,
 * and when there is no going on. Used by run/exchange.c only. */
#ifndef FINWAIT_RUN_STEPS_H
#define FINWAIT_RUN_STEPS_H

#include <stdbool.h>
#include <stdint.h>

#include "run/exchange.h"

/* The step that is being played. */
enum step steps_current(const struct exchange *x);

/* Begins the current step: segments are added to `out`, a request may be left in x->request. */
void steps_begin(struct exchange *x, int64_t now_us, struct prober_out *out);

/* Whether the current step is over; some of them go on to their second half here. */
bool steps_done(struct exchange *x, int64_t now_us, struct prober_out *out);

/* Whether the check cannot go on as planned. */
bool steps_broken_off(const struct exchange *x);

/* Once the check is broken off: a reset that nobody asked for may tell of an application that has died, and who
 * drives it is asked for a sign of life. False: no need, or nobody to ask. Sets the deadline. */
bool steps_ask_after_reset(struct exchange *x, int64_t now_us);

/* When steps_done() may answer differently without anything having arrived. */
int64_t steps_wake_at(const struct exchange *x);

/* The deadline of the current step has passed: true if it gets another try, or can do without what it waited
 * for. */
bool steps_retry(struct exchange *x, int64_t now_us, struct prober_out *out);

/* What a segment of the target shows about what the current step waits for. */
void steps_captured(struct exchange *x, const struct segment *s);

/* The driver's answer to x->request. */
void steps_answered(struct exchange *x, const struct driver_answer *a, int64_t now_us, struct prober_out *out);

#endif
