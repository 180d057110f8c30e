/* SPDX-License-Identifier: BSD-2-Clause */
/* Calls of an agent one after another, for who has nothing else to do meanwhile: a call comes in, its reply
 * comes out, once it is there. */
#ifndef FINWAIT_DRIVE_AGENT_WAIT_H
#define FINWAIT_DRIVE_AGENT_WAIT_H

#include <signal.h>

#include "drive/agent_client.h"

/* The clock of these functions, which agent_client_new() and agent_client_call() have to be given with them.
 */
int64_t agent_wait_now(void);

/* Returns true once the session is ready, or lost; false if *stop (may be NULL) was set before. */
bool agent_wait_ready(struct agent_client *c, const volatile sig_atomic_t *stop);

/* Waits for the reply to a call that agent_client_call() has returned, just now or earlier; for 0 the reply
 * says why there was none. False if *stop was set before; then the call still waits. */
bool agent_wait_reply(struct agent_client *c, uint32_t call, const volatile sig_atomic_t *stop,
		      struct agent_reply *reply);

#endif
