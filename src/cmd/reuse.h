/* SPDX-License-Identifier: BSD-2-Clause */
/* What the parts of `finwait reuse` share: its settings, and how they play one exchange after the other. */
#ifndef FINWAIT_CMD_REUSE_H
#define FINWAIT_CMD_REUSE_H

#include "checks/reuse.h"
#include "cmd/driving.h"
#include "cmd/session.h"

struct reuse_settings {
	struct plan_settings plan; /* first: the rows of plan.h are about it */
	struct driving_settings driving;
	int api; /* 0: by the agent's system; else enum api and one */
	const char *on_restart;
	int64_t wait_us;
};

/* Plays one exchange. False if the run has to end: a signal, or the link is gone. */
bool reuse_play(struct session *session, struct link *link, struct exchange *x);

/* Gives an exchange that was planned, and has not begun, other parameters. False without memory. */
bool reuse_prepare(struct exchange *x, const struct exchange_params *params);

/* Whether the target was led to where the check wants it: only then can be said what has to be. */
bool reuse_came_there(const struct exchange *x);

/* Why an exchange did not come to where it should, a sentence part; "" if it did. */
const char *reuse_why(const struct exchange *x);

#endif
