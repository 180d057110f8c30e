/* SPDX-License-Identifier: BSD-2-Clause */
/* The checks that put a connection of the target into a state and verify it there: `finwait drive`, and the
 * beginning of every check that needs a state. */
#ifndef FINWAIT_CHECKS_DRIVE_H
#define FINWAIT_CHECKS_DRIVE_H

#include "checks/check.h"

/* How the connection is opened, seen from the target. */
enum opener { OPENER_PASSIVE, OPENER_ACTIVE, OPENER_SIMULTANEOUS, OPENERS };

/* By state, in the order of enum tcp_state, and opener; one without a name: the state is not reached that
 * way. */
extern const struct check drive_checks[TCP_STATES][OPENERS];

/* The states that passive opens lead to with an application that can do `actions`. */
tcp_states drive_reaches(unsigned actions);

#endif
