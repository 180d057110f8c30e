/* SPDX-License-Identifier: BSD-2-Clause */
/* Which driver: the words of --agent, --service and --on-... come in, a driver that is ready comes out. */
#ifndef FINWAIT_CMD_DRIVING_H
#define FINWAIT_CMD_DRIVING_H

#include <signal.h>
#include <stddef.h>

#include "cmd/option.h"
#include "drive/service.h"
#include "run/driver.h"

/* What was asked for; a member of the settings of commands that drive. */
struct driving_settings {
	const char *service;
};

#define DRIVING_OPTION(type, member) .offset = offsetof(type, driving.member), .group = "Driver"
#define DRIVING_OPTIONS(type)                                                                                  \
	{ .name = "service", .kind = OPTION_STRING, DRIVING_OPTION(type, service),                             \
	  .argument = "NAME[:PORT]",                                                                           \
	  .help = "a service that the target runs: see 'finwait list services'; or send=\"TEXT\",then=HOW, "   \
		  "with HOW one of closes-first, closes-on-eof, keeps-open" }

/* Whether a driver was named at all. */
bool driving_wanted(const struct driving_settings *settings);

struct driving {
	const struct driving_settings *settings; /* borrowed */
	struct service_choice service;
	struct driver *driver;
	char name[DRIVER_TEXT];
};

/* Reads the words; whatever has to happen before hostile input is read happens here. 0, or an exit status
 * with a sentence in `why`. */
int driving_choose(struct driving *d, const struct driving_settings *settings, char *why, size_t why_len);

/* What it can do as far as is known before it has started; all actions for an agent. */
unsigned driving_may(const struct driving *d);

/* The port that a target without one has; 0: the driver tells. */
uint16_t driving_port(const struct driving *d);

/* One of our addresses, to which the target's application may connect. */
void driving_allow(struct driving *d, const struct address *prober);

/* Makes the driver; waits for it, unless *stop is set. 0, or -1 with a sentence. */
int driving_start(struct driving *d, volatile sig_atomic_t *stop, char *why, size_t why_len);

/* NULL before driving_start(). */
struct driver *driving_driver(const struct driving *d);

/* "service echo", for reports. */
const char *driving_name(const struct driving *d);

/* Also for one that was not started. */
void driving_stop(struct driving *d);

#endif
