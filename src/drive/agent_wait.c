/* SPDX-License-Identifier: BSD-2-Clause */
#include "drive/agent_wait.h"

#include <poll.h>
#include <stdio.h>
#include <time.h>

enum { SLICE_US = 100000 }; /* a signal between a look at *stop and poll() is seen that much later */

int64_t agent_wait_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

/* Pumps, once there is something to do or some time has passed. */
static void wait_and_pump(struct agent_client *c)
{
	struct pollfd wait = { .fd = -1 };
	int64_t at_us = agent_client_waits_for(c, &wait.fd, &wait.events), left_us = at_us - agent_wait_now();

	/* Replies to other calls stay where they are, and are no reason to hurry. */
	if (!at_us || left_us > SLICE_US)
		left_us = SLICE_US;
	poll(&wait, 1, left_us > 0 ? (int)((left_us + 999) / 1000) : 0);
	agent_client_pump(c, agent_wait_now());
}

bool agent_wait_ready(struct agent_client *c, const volatile sig_atomic_t *stop)
{
	while (!agent_client_lost(c) && !agent_client_ready(c)) {
		if (stop && *stop)
			return false;
		wait_and_pump(c);
	}
	return true;
}

bool agent_wait_reply(struct agent_client *c, uint32_t call, const volatile sig_atomic_t *stop,
		      struct agent_reply *reply)
{
	const char *lost = agent_client_lost(c);

	if (!call) {
		*reply = (struct agent_reply){ .outcome = lost ? AGENT_LOST : AGENT_ERROR };
		snprintf(reply->error, sizeof reply->error, "%s", lost ? "" : "ENOBUFS");
		snprintf(reply->text, sizeof reply->text, "%s",
			 lost ? lost : "too many calls wait for the agent already");
		return true;
	}
	while (!agent_client_take(c, call, reply)) {
		if (stop && *stop)
			return false;
		wait_and_pump(c);
	}
	return true;
}
