/* SPDX-License-Identifier: BSD-2-Clause */
#include "cmd/exit_status.h"

int exit_status_worse(int a, int b)
{
	static const int rank[] = {
		[EXIT_CONFORMS] = 0, [EXIT_NOTHING_JUDGED] = 1, [EXIT_NOT_RUN] = 2, [EXIT_VIOLATED] = 3};

	if (a == EXIT_UNDECIDED)
		return b;
	return rank[a] >= rank[b] ? a : b;
}

bool exit_status_counts(bool strict, const struct verdict *v)
{
	return strict ||
	       (v->certainty == CERTAIN && (v->rule->class == CLASS_MUST || v->rule->class == CLASS_SPEC));
}
