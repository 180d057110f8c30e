/* SPDX-License-Identifier: BSD-2-Clause */
/* The services in a process of their own, beside the agent: their settings come in, a child that ends with
 * its parent goes out. */
#ifndef FINWAIT_AGENT_SERVICES_CHILD_H
#define FINWAIT_AGENT_SERVICES_CHILD_H

#include "services.h"

#include <stdbool.h>
#include <sys/types.h>

struct services_child {
	pid_t pid;
	int until; /* the services end when this is closed, however that happens */
};

/* Returns when all are listening and that has been said on `announce`; false with a sentence in `why`. */
bool services_child_start(struct services_child *child, const struct services_config *config, FILE *announce,
			  char *why, size_t why_len);

/* Ends the services and waits until their ports are free. */
void services_child_end(const struct services_child *child);

#endif
