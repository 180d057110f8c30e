/* SPDX-License-Identifier: BSD-2-Clause */
#include "drive/scripted.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "drive/agent_reply.h"
#include "drive/agent_wait.h"

enum { LINE = 512, BACKLOG = 16, OTHER_PORT = 9 };

struct scripted {
	struct driver driver; /* first */
	struct agent_client *client;
	const volatile sig_atomic_t *stop;
	const struct reuse_case *reuse;
	struct request request;  /* the last one */
	uint64_t first, connection, second; /* sockets; 0: none */
	struct endpoint at;      /* of the first */
	bool played;
	struct scripted_answer result;
	struct driver_answer answer;
	bool answered;
	uint32_t accepting;      /* the call that waits; 0: none */
	struct agent_reply reply;
	char verb[16]; /* of the call that it answers */
};

static struct scripted *scripted_of(struct driver *d)
{
	return (struct scripted *)d;
}

/* ---- calls -------------------------------------------------------------------------------------- */

/* Makes one call and waits. True if the agent said ok; what it said is in s->reply. */
__attribute__((format(printf, 2, 3))) static bool call(struct scripted *s, const char *format, ...)
{
	const int64_t patience_us = AGENT_PATIENCE_US + s->request.timeout_us;
	char line[LINE];
	va_list args;

	va_start(args, format);
	vsnprintf(line, sizeof line, format, args);
	va_end(args);
	snprintf(s->verb, sizeof s->verb, "%.*s", (int)strcspn(line, " "), line);
	if (!agent_wait_reply(s->client, agent_client_call(s->client, NULL, agent_wait_now(), patience_us, "%s", line),
			      s->stop, &s->reply)) {
		s->reply.outcome = AGENT_LOST;
		snprintf(s->reply.text, sizeof s->reply.text, "interrupted");
	}
	return s->reply.outcome == AGENT_OK;
}

/* The end of a call that was answered with ok: if that does not say what it has to, the agent is lost. */
static bool check(struct scripted *s, bool said)
{
	if (said)
		return true;
	agent_client_lose(s->client, "the agent does not keep to its protocol (a reply without what it has to say)");
	s->reply.outcome = AGENT_LOST;
	snprintf(s->reply.text, sizeof s->reply.text, "%s", agent_client_lost(s->client));
	return false;
}

static bool set_option(struct scripted *s, uint64_t number, const char *option)
{
	return call(s, "setopt socket=%" PRIu64 " option=%s value=1", number, option);
}

static bool new_socket(struct scripted *s, uint64_t *number)
{
	bool v6 = s->request.target.addr.family == 6;

	if (!call(s, "socket family=%s", v6 ? "ipv6" : "ipv4") ||
	    !check(s, agent_reply_number(&s->reply, "socket", UINT64_MAX, number) && *number))
		return false;
	/* Otherwise the wildcard would be that of IPv4, too. */
	return !v6 || !agent_client_can(s->client, "v6only") || set_option(s, *number, "v6only");
}

/* Where there is none, it is not needed either. */
static bool set_reuseport(struct scripted *s, uint64_t number)
{
	return !agent_client_can(s->client, "reuseport") || set_option(s, number, "reuseport");
}

static bool bind_to(struct scripted *s, uint64_t number, bool wildcard, uint16_t port, struct endpoint *got)
{
	struct endpoint at = { .addr = s->request.target.addr, .port = port };
	char text[ENDPOINT_TEXT];

	if (wildcard)
		at.addr = (struct address){ .family = at.addr.family };
	return call(s, "bind socket=%" PRIu64 " local=%s", number, agent_endpoint_value(&at, text)) &&
	       check(s, agent_reply_endpoint(&s->reply, "local", got) && got->port && (!port || got->port == port));
}

static bool connect_to(struct scripted *s, uint64_t number, struct endpoint to)
{
	char text[ENDPOINT_TEXT];

	return call(s, "connect socket=%" PRIu64 " to=%s wait=0", number, agent_endpoint_value(&to, text));
}

static bool end_socket(struct scripted *s, uint64_t *number, const char *how)
{
	uint64_t gone = *number;

	*number = 0;
	return !gone || call(s, "%s socket=%" PRIu64, how, gone);
}

/* ---- the calls of a case ------------------------------------------------------------------------ */

static bool play_one(struct scripted *s, enum reuse_call which)
{
	struct endpoint peer = s->request.prober, got;

	switch (which) {
	case REUSE_DROP:
		/* A connection that is still open stays with its socket. */
		return end_socket(s, &s->first, "close") &&
		       (s->reuse->survives || end_socket(s, &s->connection, "close"));
	case REUSE_SOCKET:
		return new_socket(s, &s->second);
	case REUSE_REUSEADDR:
		return set_option(s, s->second, "reuseaddr");
	case REUSE_REUSEPORT:
		return set_reuseport(s, s->second);
	case REUSE_BIND:
	case REUSE_BIND_WILDCARD:
		return bind_to(s, s->second, which == REUSE_BIND_WILDCARD, s->at.port, &got);
	case REUSE_LISTEN:
		return call(s, "listen socket=%" PRIu64 " backlog=%d", s->second, BACKLOG);
	case REUSE_CONNECT_OTHER:
		peer.port = peer.port == OTHER_PORT ? OTHER_PORT + 1 : OTHER_PORT;
		return connect_to(s, s->second, peer);
	case REUSE_CONNECT:
		return connect_to(s, s->second, peer);
	case REUSE_END:
		break;
	}
	return false;
}

static const char *call_name(enum reuse_call which)
{
	static const char *const names[] = {
		[REUSE_DROP] = "close()", [REUSE_SOCKET] = "socket()",
		[REUSE_REUSEADDR] = "SO_REUSEADDR", [REUSE_REUSEPORT] = "SO_REUSEPORT",
		[REUSE_BIND] = "bind()", [REUSE_BIND_WILDCARD] = "bind()",
		[REUSE_LISTEN] = "listen()", [REUSE_CONNECT] = "connect()",
		[REUSE_CONNECT_OTHER] = "connect()",
	};

	return names[which];
}

/* Up to the first that fails; the answer to the last is the result. */
static void play(struct scripted *s)
{
	const enum reuse_call *c = s->reuse->calls;

	s->played = true;
	while (play_one(s, *c) && c[1] != REUSE_END)
		c++;
	if (s->reply.outcome == AGENT_LOST) {
		snprintf(s->result.text, sizeof s->result.text, "%.*s", DRIVER_TEXT - 1, s->reply.text);
	} else if (c[1] != REUSE_END) {
		snprintf(s->result.text, sizeof s->result.text, "%s failed before: %s", call_name(*c),
			 s->reply.error);
	} else {
		s->result.made = true;
		snprintf(s->result.last, sizeof s->result.last, "%s",
			 s->reply.outcome == AGENT_OK ? "ok" : s->reply.error);
	}
}

/* ---- actions ------------------------------------------------------------------------------------ */

/* The first socket, bound. */
static bool make_first(struct scripted *s)
{
	const struct reuse_case *r = s->reuse;

	return end_socket(s, &s->first, "close") && new_socket(s, &s->first) &&
	       (!(!r || r->reuseaddr) || set_option(s, s->first, "reuseaddr")) &&
	       (!(r && r->reuseport) || set_reuseport(s, s->first)) &&
	       bind_to(s, s->first, r && r->wildcard, 0, &s->at);
}

/* Not waited for: what the prober sent may be lost, and have to be sent again meanwhile. */
static bool begin_accept(struct scripted *s)
{
	const int64_t patience_us = AGENT_PATIENCE_US + s->request.timeout_us;
	char text[ENDPOINT_TEXT];

	snprintf(s->verb, sizeof s->verb, "accept");
	s->accepting = agent_client_call(s->client, NULL, agent_wait_now(), patience_us,
					 "accept socket=%" PRIu64 " from=%s timeout_ms=%" PRId64, s->first,
					 agent_endpoint_value(&s->request.prober, text), s->request.timeout_us / 1000);
	if (s->accepting)
		return true;
	agent_wait_reply(s->client, 0, s->stop, &s->reply);
	return false;
}

/* Its reply is in s->reply. */
static bool accepted(struct scripted *s)
{
	s->accepting = 0;
	return s->reply.outcome == AGENT_OK &&
	       check(s, agent_reply_number(&s->reply, "socket", UINT64_MAX, &s->connection) && s->connection);
}

static bool ask_state(struct scripted *s)
{
	char target[ENDPOINT_TEXT], prober[ENDPOINT_TEXT];

	if (s->reuse && !s->played)
		play(s);
	if (!call(s, "state local=%s peer=%s", agent_endpoint_value(&s->request.target, target),
		  agent_endpoint_value(&s->request.prober, prober)))
		return s->reply.outcome == AGENT_ERROR; /* it is not essential */
	s->answer.state = tcp_state_named(agent_reply_value(&s->reply, "state"));
	return true;
}

static bool act(struct scripted *s)
{
	switch (s->request.action) {
	case ACTION_LISTEN:
		if (!make_first(s) || !call(s, "listen socket=%" PRIu64 " backlog=%d", s->first, BACKLOG))
			return false;
		s->answer.target = s->request.target;
		s->answer.target.port = s->at.port;
		return true;
	case ACTION_CONNECT:
		return make_first(s) && connect_to(s, s->first, s->request.prober);
	case ACTION_ACCEPT:
		return begin_accept(s);
	case ACTION_CLOSE_FIRST:
	case ACTION_CLOSE_LAST:
		return call(s, "shutdown socket=%" PRIu64 " how=write", s->connection ? s->connection : s->first);
	case ACTION_STATE:
		return ask_state(s);
	default:
		return true;
	}
}

/* There is an answer: that it is done, or what is in s->reply. */
static void answer_with(struct scripted *s, bool done)
{
	s->answered = true;
	if (done)
		return;
	s->answer.kind = s->reply.outcome == AGENT_LOST ? ANSWER_LOST : ANSWER_FAILED;
	if (s->reply.outcome == AGENT_ERROR)
		snprintf(s->answer.text, sizeof s->answer.text, "the agent's %s failed: %s (%.128s)", s->verb,
			 s->reply.error, s->reply.text);
	else
		snprintf(s->answer.text, sizeof s->answer.text, "%.*s", DRIVER_TEXT - 1, s->reply.text);
}

static void ask(struct driver *d, const struct request *request, int64_t now_us)
{
	struct scripted *s = scripted_of(d);
	bool done;

	(void)now_us;
	s->request = *request;
	s->answer = (struct driver_answer){ .id = request->id, .action = request->action, .state = TCP_STATES };
	done = act(s);
	if (!s->accepting)
		answer_with(s, done);
}

static bool answer(struct driver *d, int64_t now_us, struct driver_answer *out)
{
	struct scripted *s = scripted_of(d);

	(void)now_us;
	if (s->accepting) {
		agent_client_pump(s->client, agent_wait_now());
		if (agent_client_take(s->client, s->accepting, &s->reply))
			answer_with(s, accepted(s));
	}
	if (!s->answered)
		return false;
	s->answered = false;
	*out = s->answer;
	return true;
}

static void release(struct driver *d, size_t id, int64_t now_us)
{
	struct scripted *s = scripted_of(d);

	(void)id;
	(void)now_us;
	s->request.timeout_us = 0;
	s->answered = false;
	if (s->accepting) {
		/* Without its listener it is over, and may be just now with a connection. */
		end_socket(s, &s->first, "abort");
		if (agent_wait_reply(s->client, s->accepting, s->stop, &s->reply))
			accepted(s);
		s->accepting = 0;
	}
	end_socket(s, &s->connection, "abort");
	end_socket(s, &s->second, "abort");
	if (s->reuse)
		end_socket(s, &s->first, "abort");
}

static int64_t waits_for(struct driver *d, int *fd, short *wanted)
{
	struct scripted *s = scripted_of(d);

	/* The time to look is in another clock; the check has a limit of its own. */
	if (s->accepting)
		agent_client_waits_for(s->client, fd, wanted);
	return s->answered ? 0 : INT64_MAX;
}

static void close_driver(struct driver *d)
{
	agent_client_free(scripted_of(d)->client);
	free(d);
}

struct driver *scripted_driver_new(struct agent_client *client, const volatile sig_atomic_t *stop)
{
	static const struct driver_ops ops = { ask, answer, release, waits_for, close_driver };
	struct scripted *s = calloc(1, sizeof *s);

	if (!s) {
		agent_client_free(client);
		return NULL;
	}
	s->driver = (struct driver){ &ops, "agent", (1u << ACTIONS) - 1 };
	s->client = client;
	s->stop = stop;
	return &s->driver;
}

void scripted_begin(struct driver *d, const struct reuse_case *c)
{
	struct scripted *s = scripted_of(d);

	s->reuse = c;
	s->played = false;
	s->result = (struct scripted_answer){ .made = false };
}

const struct scripted_answer *scripted_result(const struct driver *d)
{
	return &((const struct scripted *)d)->result;
}
