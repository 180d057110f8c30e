/* SPDX-License-Identifier: BSD-2-Clause */
/* The part of `finwait reuse` on the wire: a SYN on the ports of a connection in TIME-WAIT comes in, the
 * verdict of the rules on its answer goes to the reports. */
#ifndef FINWAIT_CMD_REUSE_SYN_H
#define FINWAIT_CMD_REUSE_SYN_H

#include "cmd/reuse.h"

/* Plays it with two planned exchanges, the first of which makes the TIME-WAIT. False if the run has to
 * end. */
bool reuse_syn_play(struct session *session, struct link *link, const struct reuse_syn *s, struct exchange x[2]);

#endif
