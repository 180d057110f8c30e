/* SPDX-License-Identifier: BSD-2-Clause */
/* What is measured over finished exchanges of one check of the suite, where no single segment decides: they come
 * in, an outcome with a sentence comes out. */
#ifndef FINWAIT_RUN_MEASURED_H
#define FINWAIT_RUN_MEASURED_H

#include <stddef.h>

#include "checks/suite.h"
#include "run/exchange.h"

struct measured {
	enum outcome outcome;
	enum certainty certainty; /* of a failure */
	char text[VERDICT_TEXT];  /* what was found; of a failure: instead of `expected` */
	const char *expected;
	const char *excuse;       /* of a failure that is only likely */
};

/* `exchanges` are the `n` of the check, in their order; for the numbers that connections begin with, all of the
 * suite. Only for checks that measure something. */
void measured(struct measured *m, const struct suite_check *c, const struct exchange *exchanges, size_t n);

#endif
