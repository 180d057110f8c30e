/* SPDX-License-Identifier: BSD-2-Clause */
/* A SYN on the ports of a connection in TIME-WAIT: the exchange that led there and the one that sent the SYN
 * come in, what the rules say to the answer comes out. */
#ifndef FINWAIT_RUN_TRIED_SYN_H
#define FINWAIT_RUN_TRIED_SYN_H

#include "run/exchange.h"

struct tried_syn {
	enum outcome outcome;
	char observed[160];
	const char *reason; /* a sentence part: why not, or what it agrees with; NULL */
};

/* Makes `x` send a SYN, `above` the next number that the target expects on the connection of `old`, which is
 * finished. False without memory. */
bool tried_syn_init(struct exchange *x, const struct exchange *old, const struct check *check, int32_t above);

/* Judges by `row` what it drew once it is finished. */
void tried_syn_judge(struct tried_syn *t, const struct rule *row, const struct exchange *old,
		     const struct exchange *x);

#endif
