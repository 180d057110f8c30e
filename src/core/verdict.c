/* SPDX-License-Identifier: BSD-2-Clause */
#include "core/verdict.h"

const char *outcome_name(enum outcome o)
{
	static const char *const names[] = {
		[OUTCOME_PASS] = "pass", [OUTCOME_SKIP] = "skip", [OUTCOME_INCONCLUSIVE] = "inconclusive",
		[OUTCOME_ERROR] = "error", [OUTCOME_FAIL] = "fail",
	};

	return names[o];
}

const char *certainty_name(enum certainty c)
{
	return c == CERTAIN ? "certain" : "likely";
}
