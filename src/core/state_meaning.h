/* SPDX-License-Identifier: BSD-2-Clause */
/* What the states of a connection are for: a state comes in, a paragraph of ours comes out (RFC 9293
 * 3.3.2). */
#ifndef FINWAIT_CORE_STATE_MEANING_H
#define FINWAIT_CORE_STATE_MEANING_H

#include "core/tcp_state.h"

#define STATE_MEANING_CITATION "RFC 9293 3.3.2"

/* Several sentences, each with its full stop. */
const char *state_meaning(enum tcp_state state);

#endif
