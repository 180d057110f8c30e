/* SPDX-License-Identifier: BSD-2-Clause */
/* Checks on the life of a connection that are no single event: repetitions, how long a closed connection is
 * kept, aborts, and what a SYN may carry. Written by hand. */
#ifndef FINWAIT_CHECKS_LIFE_H
#define FINWAIT_CHECKS_LIFE_H

#include "checks/suite.h"

/* Ends with one without a name. */
extern const struct suite_check life_checks[];

#endif
