/* SPDX-License-Identifier: BSD-2-Clause */
/* One session with an agent: calls go out as lines of its protocol, replies come back, each with the call
 * that it answers, whenever they are there. An agent that breaks the protocol, is silent for too long or goes
 * away is lost: its descriptors are closed, and every call then has that as its reply. */
#ifndef FINWAIT_DRIVE_AGENT_CLIENT_H
#define FINWAIT_DRIVE_AGENT_CLIENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/address.h"
#include "drive/agent_reply.h"

enum {
	AGENT_CALLS = 4096, /* that may be without their replies being taken */
	AGENT_WHY = 256,
	AGENT_PATIENCE_US = 5000000, /* for a call that does not wait for the network */
};

struct agent_client_params {
	/* Nonblocking; the same one twice for a socket. The client closes them. With a pipe as `out` the
	 * process has to ignore SIGPIPE. */
	int in, out;
	const char *token;           /* NULL: none */
	const struct address *allow; /* the prober's: what the agent may have connections with */
	size_t allow_count;
	int64_t greeting_us; /* how long its greeting may take */
};

struct agent_client;

/* A session that waits for the agent's greeting. Nothing of *params is used later. NULL without memory, with
 * the descriptors closed. */
struct agent_client *agent_client_new(const struct agent_client_params *params, int64_t now_us);
void agent_client_free(struct agent_client *c);

/* Whether calls can be made: the greeting and the hello have been exchanged. */
bool agent_client_ready(const struct agent_client *c);
/* Why there is no session any more, one sentence without its full stop, printable; NULL while there is one.
 */
const char *agent_client_lost(const struct agent_client *c);
/* Ends the session, since the agent did what it must not: a sentence as above. */
void agent_client_lose(struct agent_client *c, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Whether the agent has said that it can do this: a verb, an option, a family. */
bool agent_client_can(const struct agent_client *c, const char *word);
/* What the agent says it runs on, printable; "" if it does not say. */
const char *agent_client_system(const struct agent_client *c);

/* Sends "VERB KEY=VALUE..."; the whole line has to be printable ASCII and to fit into AGENT_LINE with its
 * tag. The reply has to come within patience_us, or the agent is lost; `arg` comes back with it. Returns the
 * call, 0 if the agent is lost or too many calls wait already. Only once the session is ready. */
uint32_t agent_client_call(struct agent_client *c, void *arg, int64_t now_us, int64_t patience_us,
			   const char *format, ...) __attribute__((format(printf, 5, 6)));

/* Reads and writes what can be without blocking. */
void agent_client_pump(struct agent_client *c, int64_t now_us);
/* Takes the reply that has been there longest; false if there is none. */
bool agent_client_next(struct agent_client *c, struct agent_reply *reply);
/* Takes the reply to this call; false if it is not there. */
bool agent_client_take(struct agent_client *c, uint32_t call, struct agent_reply *reply);

/* When to pump: what to poll() for, in *fd (-1: nothing) and *events, and the time to do it even so, which is
 * returned; INT64_MAX for none, 0 if replies wait to be taken. */
int64_t agent_client_waits_for(const struct agent_client *c, int *fd, short *events);

#endif
