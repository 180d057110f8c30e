/* SPDX-License-Identifier: BSD-2-Clause */
/* A verdict: what was judged, how it came out, by which text, and how sure that is. */
#ifndef FINWAIT_CORE_VERDICT_H
#define FINWAIT_CORE_VERDICT_H

#include "core/rules.h"

enum outcome {
	OUTCOME_PASS,
	OUTCOME_SKIP,
	OUTCOME_INCONCLUSIVE,
	OUTCOME_ERROR,
	OUTCOME_FAIL,
}; /* in rising order of importance: of several, the last one speaks for all */

/* "pass", "fail", ... */
const char *outcome_name(enum outcome o);

enum certainty { CERTAIN, LIKELY };

/* "certain", "likely". */
const char *certainty_name(enum certainty c);

enum { VERDICT_TEXT = 200 };

/* `state` is the one in which a rule by state and event was broken, TCP_STATES for other rules. `frame` is
 * the number of the segment it rests on (0: on none), `rule` NULL only where nothing could be judged.
 * `reason` is a sentence part for people: the excuse that remains for a likely failure, or why nothing could
 * be known. */
struct verdict {
	enum outcome outcome;
	enum certainty certainty;
	const struct rule *rule;
	enum tcp_state state;
	uint64_t frame;
	char expected[VERDICT_TEXT];
	char observed[VERDICT_TEXT];
	char reason[VERDICT_TEXT];
};

#endif
