/* SPDX-License-Identifier: BSD-2-Clause */
#include "drive/agent_calls.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { BACKLOG = 512 };

/* ---- taking a reply: NULL, or a sentence part that says what is wrong with it -------------------- */

static const char *take_socket(struct job *job, const struct agent_reply *r)
{
	return agent_reply_number(r, "socket", UINT64_MAX, &job->held->socket) && job->held->socket
		       ? NULL
		       : "names no socket";
}

static const char *take_local(struct job *job, const struct agent_reply *r)
{
	struct endpoint local;

	if (!agent_reply_endpoint(r, "local", &local) || !local.port)
		return "names no local address and port";
	/* The scope is that of this host. */
	local.addr.scope = job->request.target.addr.scope;
	job->held->local = job->answer.target = local;
	return NULL;
}

static const char *take_accepted(struct job *job, const struct agent_reply *r)
{
	struct endpoint peer;

	job->held = &job->session->connection;
	if (take_socket(job, r))
		return "names no socket";
	if (!agent_reply_endpoint(r, "peer", &peer) || !endpoint_equal(&peer, &job->request.prober))
		return "names another peer than the one it was asked for";
	return take_local(job, r);
}

static const char *take_length(struct job *job, const struct agent_reply *r)
{
	return agent_reply_number(r, "length", job->request.length, &job->answer.length)
		       ? NULL
		       : "names no length, or more than was asked for";
}

static const char *take_received(struct job *job, const struct agent_reply *r)
{
	static const struct {
		const char *end, *text;
	} ends[] = {
		{ "no", "" },
		{ "eof", "the prober's FIN came" },
		{ "reset", "the connection was reset" },
		{ "timed-out", "the connection timed out" },
	};
	const char *end = agent_reply_value(r, "end");

	if (take_length(job, r) || !agent_reply_number(r, "match", job->answer.length, &job->answer.matched))
		return "names no lengths, or such as cannot be";
	for (size_t i = 0; end && i < sizeof ends / sizeof *ends; i++)
		if (!strcmp(end, ends[i].end)) {
			snprintf(job->answer.text, sizeof job->answer.text, "%s", ends[i].text);
			return NULL;
		}
	return "does not say how it ended";
}

static const char *take_state(struct job *job, const struct agent_reply *r)
{
	enum tcp_state state = tcp_state_named(agent_reply_value(r, "state"));

	if (state == TCP_STATES)
		return "names no state of RFC 9293";
	job->answer.state = state;
	return NULL;
}

/* ---- calls ------------------------------------------------------------------------------------- */

static bool cannot_reuse(const struct agent_client *c, const struct job *job)
{
	(void)job;
	return !agent_client_can(c, "setopt") || !agent_client_can(c, "reuseaddr");
}

/* The target's end, its port perhaps from what the agent has said. */
static struct endpoint target_end(const struct job *job)
{
	struct endpoint e = job->request.target;

	if (!e.port)
		e.port = job->held->local.port;
	return e;
}

static bool without_ends(const struct agent_client *c, const struct job *job)
{
	(void)c;
	return !target_end(job).port;
}

static bool state_known(const struct agent_client *c, const struct job *job)
{
	(void)c;
	return job->answer.state != TCP_STATES || !job->held->socket;
}

const struct call_kind agent_calls[] = {
	[CALL_SOCKET] = { "socket", .take = take_socket },
	[CALL_REUSEADDR] = { "setopt", .needs_socket = true, .skip = cannot_reuse },
	[CALL_BIND] = { "bind", .needs_socket = true, .take = take_local },
	[CALL_BIND_FREE] = { "bind", .needs_socket = true, .take = take_local },
	[CALL_LISTEN] = { "listen", .needs_socket = true },
	[CALL_CONNECT] = { "connect", .needs_socket = true, .take = take_local },
	[CALL_ACCEPT] = { "accept", .needs_socket = true, .waits = true, .take = take_accepted },
	[CALL_SHUTDOWN] = { "shutdown", .needs_socket = true },
	[CALL_SEND] = { "send", .needs_socket = true, .waits = true, .take = take_length },
	[CALL_RECV] = { "recv", .needs_socket = true, .waits = true, .take = take_received },
	[CALL_ABORT] = { "abort", .needs_socket = true },
	[CALL_CLOSE] = { "close", .needs_socket = true },
	[CALL_STATE_OF_ENDS] = { "state", .unless = "ENOTSUP", .skip = without_ends, .take = take_state },
	[CALL_STATE_OF_SOCKET] = { "state", .unless = "ENOTSUP", .skip = state_known, .take = take_state },
};

void agent_call_write(const struct job *job, char text[CALL_TEXT])
{
	const struct request *r = &job->request;
	const char *verb = agent_calls[*job->at].verb;
	struct endpoint local = r->target;
	char target[ENDPOINT_TEXT], prober[ENDPOINT_TEXT];
	uint64_t n = job->held->socket;

	agent_endpoint_value(&r->prober, prober);
	switch (*job->at) {
	case CALL_SOCKET:
		snprintf(text, CALL_TEXT, "%s family=ipv%u", verb, r->target.addr.family);
		break;
	case CALL_REUSEADDR:
		snprintf(text, CALL_TEXT, "%s socket=%" PRIu64 " option=reuseaddr value=1", verb, n);
		break;
	case CALL_BIND:
	case CALL_BIND_FREE:
		local.port = *job->at == CALL_BIND ? r->target.port : 0;
		snprintf(text, CALL_TEXT, "%s socket=%" PRIu64 " local=%s", verb, n,
			 agent_endpoint_value(&local, target));
		break;
	case CALL_LISTEN:
		snprintf(text, CALL_TEXT, "%s socket=%" PRIu64 " backlog=%d", verb, n, BACKLOG);
		break;
	case CALL_CONNECT:
		snprintf(text, CALL_TEXT, "%s socket=%" PRIu64 " to=%s wait=0", verb, n, prober);
		break;
	case CALL_ACCEPT:
		snprintf(text, CALL_TEXT, "%s socket=%" PRIu64 " from=%s", verb, n, prober);
		break;
	case CALL_SHUTDOWN:
		snprintf(text, CALL_TEXT, "%s socket=%" PRIu64 " how=write", verb, n);
		break;
	case CALL_SEND:
	case CALL_RECV:
		snprintf(text, CALL_TEXT,
			 "%s socket=%" PRIu64 " pattern=mix seed=%" PRIu32 " offset=0 length=%" PRIu64, verb,
			 n, r->seed, r->length);
		break;
	case CALL_STATE_OF_ENDS:
		local = target_end(job);
		snprintf(text, CALL_TEXT, "%s local=%s peer=%s", verb, agent_endpoint_value(&local, target),
			 prober);
		break;
	case CALL_ABORT:
	case CALL_CLOSE:
	case CALL_STATE_OF_SOCKET:
	case CALL_END:
		snprintf(text, CALL_TEXT, "%s socket=%" PRIu64, verb, n);
		break;
	}
}
