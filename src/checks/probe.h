/* SPDX-License-Identifier: BSD-2-Clause */
/* The checks that `finwait probe` is made of: one per way to close. */
#ifndef FINWAIT_CHECKS_PROBE_H
#define FINWAIT_CHECKS_PROBE_H

#include "checks/check.h"

enum close_kind {
	CLOSE_FIN,
	CLOSE_HALF,
	CLOSE_WAIT,
	CLOSE_SIMULTANEOUS,
	CLOSE_RST,
	CLOSE_NONE,
	CLOSE_KINDS
};

extern const struct check probe_checks[CLOSE_KINDS];

#endif
