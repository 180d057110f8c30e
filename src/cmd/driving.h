/* SPDX-License-Identifier: BSD-2-Clause */
/* Which driver: the words of --agent, --service and --on-... come in, a driver that is ready comes out. */
#ifndef FINWAIT_CMD_DRIVING_H
#define FINWAIT_CMD_DRIVING_H

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>

#include "cmd/option.h"
#include "drive/agent_client.h"
#include "drive/agent_uri.h"
#include "drive/service.h"
#include "run/driver.h"

/* What was asked for; a member of the settings of commands that drive, which need `user_commands`. */
struct driving_settings {
	const char *agent, *agent_token, *service;
	const char *on_connect, *on_listen, *on_close;
};

#define DRIVING_OPTION(type, member) .kind = OPTION_STRING, .offset = offsetof(type, driving.member), .group = "Driver"
#define DRIVING_AGENT_OPTIONS(type)                                                                            \
	{ .name = "agent", DRIVING_OPTION(type, agent), .argument = "URI",                                     \
	  .help = "a finwait-agent on the target: tcp:HOST:PORT, unix:PATH, or exec:COMMAND, which speaks the " \
		  "agent's protocol, as in 'exec:ssh lab1 finwait-agent --stdio'" },                           \
	{ .name = "agent-token", DRIVING_OPTION(type, agent_token), .argument = "FILE",                        \
	  .help = "file with the token that the agent wants" }
#define DRIVING_SERVICE_OPTION(type)                                                                           \
	{ .name = "service", DRIVING_OPTION(type, service), .argument = "NAME[:PORT]",                         \
	  .help = "a service that the target runs: see 'finwait list services'; or what another one does: "     \
		  "[send=\"TEXT\",]then=HOW, with HOW one of closes-first (once it has the TEXT), closes-on-eof, " \
		  "keeps-open" }
#define DRIVING_OPTIONS(type)                                                                                  \
	DRIVING_AGENT_OPTIONS(type), DRIVING_SERVICE_OPTION(type),                                             \
	{ .name = "on-connect", DRIVING_OPTION(type, on_connect), .argument = "COMMAND",                       \
	  .help = "a command that makes the target connect to us, to address %h and port %p" },                \
	{ .name = "on-listen", DRIVING_OPTION(type, on_listen), .argument = "COMMAND",                         \
	  .help = "one that makes it listen on its address %h and port %p, and returns when it does" },        \
	{ .name = "on-close", DRIVING_OPTION(type, on_close), .argument = "COMMAND",                           \
	  .help = "one that makes it close the connection with our address %h and port %p" }

/* Whether a driver was named at all. */
bool driving_wanted(const struct driving_settings *settings);

enum { DRIVING_ALLOWED = 64 };

struct driving {
	const struct driving_settings *settings; /* borrowed */
	struct service_choice service;
	struct agent_uri uri;
	struct endpoint agent;     /* of tcp: */
	char token[AGENT_TOKEN];   /* "" if there is none */
	size_t command;            /* of exec:, with the helper */
	bool runs;                 /* ... and whether it does, ... */
	unsigned running;          /* ... as which number */
	struct address allowed[DRIVING_ALLOWED];
	size_t allowed_count;
	struct agent_client *client; /* belongs to the driver; NULL unless the driver is an agent */
	struct driver *driver;
	char name[DRIVER_TEXT];
};

/* Reads the words; whatever has to happen before hostile input is read happens here: names are looked up,
 * files read, commands told to the helper, which is sealed. 0, or an exit status with a sentence in `why`. */
int driving_choose(struct driving *d, const struct driving_settings *settings, char *why, size_t why_len);

/* The same where a driver is not needed: without the words for one it is a target that can be connected to, and
 * of whose application nothing is known. */
int driving_choose_any(struct driving *d, const struct driving_settings *settings, char *why, size_t why_len);

/* What it can do as far as is known before it has started; all actions for an agent. */
unsigned driving_may(const struct driving *d);

/* What to do about actions that it cannot do, a sentence part. */
const char *driving_advice(const struct driving *d, unsigned missing);

/* The port that a target without one has; 0: the driver tells, ... */
uint16_t driving_port(const struct driving *d);
/* ... if it can. */
bool driving_tells_port(const struct driving *d);

/* One of our addresses, to which the target's application may connect. */
void driving_allow(struct driving *d, const struct address *prober);

/* Only for an agent: has a session with it, in d->client, which whoever makes the driver takes; driving_start()
 * does so. As below. */
int driving_connect(struct driving *d, const volatile sig_atomic_t *stop, char *why, size_t why_len);

/* Makes the driver; waits for it, unless *stop is set. 0, or -1 with a sentence. */
int driving_start(struct driving *d, const volatile sig_atomic_t *stop, char *why, size_t why_len);

/* NULL before driving_start(). */
struct driver *driving_driver(const struct driving *d);

/* "service echo", for reports. */
const char *driving_name(const struct driving *d);

/* Also for one that was not started. */
void driving_stop(struct driving *d);

#endif
