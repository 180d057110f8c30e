/* SPDX-License-Identifier: BSD-2-Clause */
/* The driver that has an agent play a case of checks/reuse.h: it opens and closes the first connection as
 * the case wants, and makes the calls of the case when it is asked for the state in which they are due. Every
 * call but accept() is waited for. */
#ifndef FINWAIT_DRIVE_SCRIPTED_H
#define FINWAIT_DRIVE_SCRIPTED_H

#include <signal.h>

#include "checks/reuse.h"
#include "drive/agent_client.h"
#include "run/driver.h"

/* What the calls came to. */
struct scripted_answer {
	bool made;               /* the last call of the case was made, ... */
	char last[AGENT_ERRNO];  /* ... and answered "ok" or the name of an errno */
	char text[DRIVER_TEXT];  /* if not: why, a sentence part */
};

/* `client` is ready and belongs to the driver from here on. Waiting ends when *stop is set. NULL without
 * memory; then the client is freed. */
struct driver *scripted_driver_new(struct agent_client *client, const volatile sig_atomic_t *stop);

/* The next case; NULL: no calls, the first socket with SO_REUSEADDR and in use also when the exchange is
 * over. */
void scripted_begin(struct driver *d, const struct reuse_case *c);

const struct scripted_answer *scripted_result(const struct driver *d);

#endif
