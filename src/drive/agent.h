/* SPDX-License-Identifier: BSD-2-Clause */
/* The driver that has an agent make the calls: requests of a check become socket calls on the target, replies
 * become answers. */
#ifndef FINWAIT_DRIVE_AGENT_H
#define FINWAIT_DRIVE_AGENT_H

#include "drive/agent_client.h"
#include "run/driver.h"

/* `client` is ready, or lost, and belongs to the driver from here on; the times given to the driver are of
 * the clock that the client was made with. Listeners are shared by all exchanges with one address of the
 * target, and stay until the end. NULL without memory; then the client is freed. */
struct driver *agent_driver_new(struct agent_client *client);

#endif
