/* SPDX-License-Identifier: BSD-2-Clause */
/* Offload: an interface's name comes in, and its segments leave with their checksums computed and not
 * merged or split on the way. */
#ifndef FINWAIT_AGENT_OFFLOAD_H
#define FINWAIT_AGENT_OFFLOAD_H

#include <stddef.h>

/* Like `ethtool -K NAME tx off sg off tso off gso off gro off`, which then need not be installed. What the
 * interface does not have counts as off. 0, or -1 with a sentence in `why`. */
int offload_off(const char *name, char *why, size_t why_len);

#endif
