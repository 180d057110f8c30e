/* SPDX-License-Identifier: BSD-2-Clause */
/* Inside of the driver for agents: a job's next call comes in, its line goes out; the reply comes in, what it
 * says goes into the job's answer. */
#ifndef FINWAIT_DRIVE_AGENT_CALLS_H
#define FINWAIT_DRIVE_AGENT_CALLS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "drive/agent_client.h"
#include "run/driver.h"

enum { CALL_TEXT = 512 };

/* The calls that an action is made of. */
enum call {
	CALL_END,
	CALL_SOCKET,
	CALL_REUSEADDR,
	CALL_BIND,      /* to the port asked for, if any */
	CALL_BIND_FREE, /* to any free port */
	CALL_LISTEN,
	CALL_CONNECT,
	CALL_ACCEPT,
	CALL_SHUTDOWN,
	CALL_SEND,
	CALL_RECV,
	CALL_ABORT,
	CALL_CLOSE,
	CALL_STATE_OF_ENDS,
	CALL_STATE_OF_SOCKET,
};

/* A socket of the agent; its number is never 0. */
struct held {
	uint64_t socket;       /* 0: none */
	struct endpoint local; /* as the agent says; port 0 until it does */
};

/* What the agent holds for one exchange. */
struct session {
	struct session *next;
	size_t id, jobs;
	bool released;
	bool told; /* that the agent is lost */
	struct job *opener; /* connects or accepts; NULL: none */
	struct held connection;
};

struct listener {
	struct listener *next;
	struct endpoint wanted;
	bool open;
	struct held held;
};

/* A request, from ask() until answer(). */
struct job {
	struct job *next;
	struct request request;
	struct session *session;
	struct listener *listener; /* that it opens or waits for; NULL: none */
	struct held *held;         /* what its calls are about */
	const enum call *at;       /* in its program; NULL: another job opens its listener */
	bool answered;
	bool dropped; /* the exchange is over: nobody wants the answer */
	struct driver_answer answer;
};

struct call_kind {
	const char *verb;
	bool needs_socket;
	bool waits;         /* for the network, as long as the request allows */
	const char *unless; /* the errno with which the program just goes on; NULL: none */
	/* Whether the program goes on without it. NULL: never. */
	bool (*skip)(const struct agent_client *c, const struct job *job);
	/* Takes what a reply says. NULL, or a sentence part that says what is wrong with it. */
	const char *(*take)(struct job *job, const struct agent_reply *r);
};

extern const struct call_kind agent_calls[];

/* The line for the call that the job is at, without timeout. */
void agent_call_write(const struct job *job, char text[CALL_TEXT]);

#endif
