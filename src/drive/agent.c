/* SPDX-License-Identifier: BSD-2-Clause */
#include "drive/agent.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "drive/agent_calls.h"

enum {
	WAIT_MOST_MS = 3600000, /* the longest timeout an agent takes */
	PROGRAM = 4,
};

/* `needs` are words of the agent's can=; the programs are played in order. */
static const struct action_kind {
	const char *needs;
	enum call program[PROGRAM + 1];
} actions[ACTIONS] = {
	[ACTION_LISTEN] = { "socket,bind,listen", { CALL_SOCKET, CALL_REUSEADDR, CALL_BIND, CALL_LISTEN } },
	[ACTION_CONNECT] = { "socket,bind,connect", { CALL_SOCKET, CALL_BIND_FREE, CALL_CONNECT } },
	[ACTION_ACCEPT] = { "socket,bind,listen,accept", { CALL_ACCEPT } },
	[ACTION_CLOSE_FIRST] = { "shutdown", { CALL_SHUTDOWN } },
	[ACTION_CLOSE_LAST] = { "shutdown", { CALL_SHUTDOWN } },
	[ACTION_KEEP_OPEN] = { "", { CALL_END } },
	[ACTION_SEND] = { "send", { CALL_SEND } },
	[ACTION_RECEIVE] = { "recv", { CALL_RECV } },
	[ACTION_ABORT] = { "abort", { CALL_ABORT } },
	[ACTION_LET_GO] = { "close", { CALL_CLOSE } },
	[ACTION_CALLS] = { "socket,setopt,bind,listen,connect,close,reuseaddr", { CALL_END } },
	[ACTION_STATE] = { "state", { CALL_STATE_OF_ENDS, CALL_STATE_OF_SOCKET } },
};

struct agent_driver {
	struct driver driver;
	struct agent_client *client;
	struct session *sessions;
	struct listener *listeners;
	struct job *jobs, **jobs_end; /* in the order of the requests */
};

static struct agent_driver *agent_of(struct driver *d)
{
	return (struct agent_driver *)d;
}

/* ---- what there is ----------------------------------------------------------------------------- */

static struct session *find_session(const struct agent_driver *d, size_t id)
{
	struct session *s = d->sessions;

	while (s && (s->released || s->id != id))
		s = s->next;
	return s;
}

/* Made where there is none yet; NULL without memory. */
static struct session *session_of(struct agent_driver *d, size_t id)
{
	struct session *s = find_session(d, id);

	if (s || !(s = calloc(1, sizeof *s)))
		return s;
	s->id = id;
	s->next = d->sessions;
	d->sessions = s;
	return s;
}

static void free_session(struct agent_driver *d, struct session *s)
{
	struct session **at = &d->sessions;

	while (*at != s)
		at = &(*at)->next;
	*at = s->next;
	free(s);
}

/* Gives back the socket of an exchange that is over. */
static void abort_held(struct agent_driver *d, struct held *held, int64_t now_us)
{
	const char *verb = agent_client_can(d->client, "abort") ? "abort" : "close";

	/* What it says to that changes nothing: no argument. */
	if (held->socket && agent_client_can(d->client, verb))
		agent_client_call(d->client, NULL, now_us, AGENT_PATIENCE_US, "%s socket=%" PRIu64, verb,
				  held->socket);
	held->socket = 0;
}

static void free_job(struct agent_driver *d, struct job *job)
{
	struct session *s = job->session;
	struct job **at = &d->jobs;

	while (*at != job)
		at = &(*at)->next;
	*at = job->next;
	if (!*at)
		d->jobs_end = at;
	free(job);
	if (!--s->jobs && s->released)
		free_session(d, s);
}

static struct listener *find_listener(struct agent_driver *d, const struct endpoint *target)
{
	struct listener *l = d->listeners;

	while (l &&
	       !(address_equal(&l->wanted.addr, &target->addr) &&
		 (!target->port || target->port == l->wanted.port || target->port == l->held.local.port)))
		l = l->next;
	return l;
}

static void free_listener(struct agent_driver *d, struct listener *l)
{
	struct listener **at = &d->listeners;

	while (*at != l)
		at = &(*at)->next;
	*at = l->next;
	free(l);
}

/* ---- answers ----------------------------------------------------------------------------------- */

/* The listener has been opened, or not, by this job: that answers those that wait for it, too. */
static void end_listener(struct agent_driver *d, struct job *opener, int64_t now_us)
{
	struct listener *l = opener->listener;

	l->open = opener->answer.kind == ANSWER_DONE;
	for (struct job *job = d->jobs; job; job = job->next)
		if (job->listener == l && job != opener) {
			job->answer = opener->answer;
			job->answer.id = job->request.id;
			job->answered = true;
			job->listener = NULL;
		}
	if (!l->open) {
		abort_held(d, &l->held, now_us);
		free_listener(d, l);
	}
}

/* The job is over; `text` NULL: as it stands in the answer. */
static void finish(struct agent_driver *d, struct job *job, enum answer_kind kind, const char *text,
		   int64_t now_us)
{
	struct session *s = job->session;

	job->answered = true;
	job->answer.kind = kind;
	s->told |= kind == ANSWER_LOST;
	if (text)
		snprintf(job->answer.text, sizeof job->answer.text, "%s", text);
	if (job->listener)
		end_listener(d, job, now_us);
	if (job == s->opener) {
		s->opener = NULL;
		if (kind != ANSWER_DONE || s->released)
			abort_held(d, &s->connection, now_us);
	}
	if (job->dropped)
		free_job(d, job);
}

/* ---- playing programs -------------------------------------------------------------------------- */

static int64_t timeout_ms(const struct job *job)
{
	int64_t ms = job->request.timeout_us / 1000;

	return ms < 0 ? 0 : ms > WAIT_MOST_MS ? WAIT_MOST_MS : ms;
}

/* False if nothing could be sent. */
static bool send_call(struct agent_driver *d, struct job *job, int64_t now_us)
{
	char text[CALL_TEXT];

	agent_call_write(job, text);
	if (agent_calls[*job->at].waits)
		return agent_client_call(d->client, job, now_us, AGENT_PATIENCE_US + timeout_ms(job) * 1000,
					 "%s timeout_ms=%" PRId64, text, timeout_ms(job));
	return agent_client_call(d->client, job, now_us, AGENT_PATIENCE_US, "%s", text);
}

/* Makes the call that the job is at, or the first behind it that need not be skipped; at the end of its
 * program it is done. */
static void go_on(struct agent_driver *d, struct job *job, int64_t now_us)
{
	const char *lost = agent_client_lost(d->client);

	while (*job->at != CALL_END && agent_calls[*job->at].skip &&
	       agent_calls[*job->at].skip(d->client, job))
		job->at++;
	if (lost)
		finish(d, job, ANSWER_LOST, lost, now_us);
	else if (*job->at == CALL_END)
		finish(d, job, ANSWER_DONE, NULL, now_us);
	else if (agent_calls[*job->at].needs_socket && !job->held->socket)
		finish(d, job, ANSWER_FAILED, "the agent holds no connection of this exchange", now_us);
	else if (!send_call(d, job, now_us))
		finish(d, job, ANSWER_FAILED, "too many calls wait for the agent already", now_us);
	else if (*job->at == CALL_ABORT || *job->at == CALL_CLOSE)
		job->held->socket = 0;
}

/* The agent said no. */
static void take_error(struct agent_driver *d, struct job *job, const struct agent_reply *r, int64_t now_us)
{
	const struct call_kind *kind = &agent_calls[*job->at];
	char text[DRIVER_TEXT];

	if (kind->unless && !strcmp(r->error, kind->unless)) {
		job->at++;
		go_on(d, job, now_us);
		return;
	}
	if (kind->waits && !strcmp(r->error, "EAGAIN"))
		snprintf(text, sizeof text, "the agent's %s was not over within %g s (%.128s)", kind->verb,
			 (double)timeout_ms(job) / 1e3, r->text);
	else
		snprintf(text, sizeof text, "the agent's %s failed: %s (%.128s)", kind->verb, r->error,
			 r->text);
	finish(d, job, ANSWER_FAILED, text, now_us);
}

static void take_reply(struct agent_driver *d, struct job *job, const struct agent_reply *r, int64_t now_us)
{
	const struct call_kind *kind = &agent_calls[*job->at];
	const char *wrong;

	if (r->outcome == AGENT_LOST) {
		finish(d, job, ANSWER_LOST, r->text, now_us);
		return;
	}
	if (r->outcome == AGENT_ERROR) {
		take_error(d, job, r, now_us);
		return;
	}
	wrong = kind->take ? kind->take(job, r) : NULL;
	if (wrong) {
		agent_client_lose(d->client, "the agent does not keep to its protocol (its reply to `%s` %s)",
				  kind->verb, wrong);
		finish(d, job, ANSWER_LOST, agent_client_lost(d->client), now_us);
		return;
	}
	job->at++;
	if (job->dropped && !job->listener)
		finish(d, job, ANSWER_DONE, NULL, now_us);
	else
		go_on(d, job, now_us);
}

/* ---- the driver -------------------------------------------------------------------------------- */

/* Finds the listener of a request for one, or begins to open it. */
static void begin_listen(struct agent_driver *d, struct job *job, int64_t now_us)
{
	struct listener *l = find_listener(d, &job->request.target);

	if (l && l->open) {
		job->answer.target = l->held.local;
		finish(d, job, ANSWER_DONE, NULL, now_us);
	} else if (l) {
		job->listener = l;
		job->at = NULL;
	} else if (!(l = calloc(1, sizeof *l))) {
		finish(d, job, ANSWER_FAILED, "there is no memory for another listener", now_us);
	} else {
		l->wanted = job->request.target;
		l->next = d->listeners;
		d->listeners = l;
		job->listener = l;
		job->held = &l->held;
		go_on(d, job, now_us);
	}
}

/* An exchange has one connection, which one action opens. */
static void begin_open(struct agent_driver *d, struct job *job, int64_t now_us)
{
	struct session *s = job->session;
	struct listener *l =
		job->request.action == ACTION_ACCEPT ? find_listener(d, &job->request.target) : NULL;

	if (s->opener || s->connection.socket) {
		finish(d, job, ANSWER_FAILED, "the agent holds a connection of this exchange already",
		       now_us);
	} else if (job->request.action == ACTION_ACCEPT && !(l && l->open)) {
		finish(d, job, ANSWER_FAILED, "the agent does not listen there", now_us);
	} else {
		s->opener = job;
		s->connection.local.port = 0;
		if (l)
			job->held = &l->held;
		go_on(d, job, now_us);
	}
}

static void begin(struct agent_driver *d, struct job *job, int64_t now_us)
{
	const char *lost = agent_client_lost(d->client);
	enum action action = job->request.action;

	if (lost)
		finish(d, job, ANSWER_LOST, lost, now_us);
	else if (!(d->driver.can & 1u << action))
		finish(d, job, ANSWER_FAILED, "the agent cannot do that on its system", now_us);
	else if (action == ACTION_LISTEN)
		begin_listen(d, job, now_us);
	else if (action == ACTION_CONNECT || action == ACTION_ACCEPT)
		begin_open(d, job, now_us);
	else
		go_on(d, job, now_us);
}

static void ask(struct driver *driver, const struct request *request, int64_t now_us)
{
	struct agent_driver *d = agent_of(driver);
	struct session *s = session_of(d, request->id);
	struct job *job = s ? calloc(1, sizeof *job) : NULL;

	if (!job) {
		agent_client_lose(d->client, "there is no memory for what the agent is asked");
		return;
	}
	job->request = *request;
	job->session = s;
	job->held = &s->connection;
	job->at = actions[request->action].program;
	job->answer = (struct driver_answer){ .id = request->id, .action = request->action, .state = TCP_STATES };
	s->jobs++;
	*d->jobs_end = job;
	d->jobs_end = &job->next;
	begin(d, job, now_us);
}

static void pump(struct agent_driver *d, int64_t now_us)
{
	struct agent_reply reply;

	agent_client_pump(d->client, now_us);
	while (agent_client_next(d->client, &reply))
		if (reply.arg)
			take_reply(d, reply.arg, &reply, now_us);
}

static struct job *first_answered(const struct agent_driver *d)
{
	struct job *job = d->jobs;

	while (job && !job->answered)
		job = job->next;
	return job;
}

/* An exchange that asks for nothing just now has to know all the same that its connection is gone. */
static bool tell_loss(struct agent_driver *d, struct driver_answer *answer)
{
	const char *lost = agent_client_lost(d->client);
	struct session *s = d->sessions;

	while (s && (!lost || s->released || s->told))
		s = s->next;
	if (!s)
		return false;
	s->told = true;
	*answer = (struct driver_answer){ .id = s->id, .action = ACTIONS, .kind = ANSWER_LOST, .state = TCP_STATES };
	snprintf(answer->text, sizeof answer->text, "%s", lost);
	return true;
}

static bool answer(struct driver *driver, int64_t now_us, struct driver_answer *answer)
{
	struct agent_driver *d = agent_of(driver);
	struct job *job;

	pump(d, now_us);
	job = first_answered(d);
	if (!job)
		return tell_loss(d, answer);
	*answer = job->answer;
	free_job(d, job);
	return true;
}

static void release(struct driver *driver, size_t id, int64_t now_us)
{
	struct agent_driver *d = agent_of(driver);
	struct session *s = find_session(d, id);

	if (!s)
		return;
	abort_held(d, &s->connection, now_us);
	for (struct job *job = d->jobs, *next; job; job = next) {
		next = job->next;
		if (job->session != s)
			continue;
		job->dropped = true;
		if (job->answered || !job->at)
			free_job(d, job);
	}
	s->released = true;
	if (!s->jobs)
		free_session(d, s);
}

static int64_t waits_for(struct driver *driver, int *fd, short *events)
{
	struct agent_driver *d = agent_of(driver);
	int64_t at_us = agent_client_waits_for(d->client, fd, events);

	return first_answered(d) ? 0 : at_us;
}

static void close_driver(struct driver *driver)
{
	struct agent_driver *d = agent_of(driver);

	/* With its session the agent's sockets go. */
	agent_client_free(d->client);
	while (d->jobs)
		free_job(d, d->jobs);
	while (d->sessions)
		free_session(d, d->sessions);
	while (d->listeners)
		free_listener(d, d->listeners);
	free(d);
}

/* Whether the agent can do all of a list of words. */
static bool can_all(const struct agent_client *client, const char *words)
{
	char word[32];

	for (; *words; words += *words == ',') {
		size_t len = strcspn(words, ",");

		snprintf(word, sizeof word, "%.*s", (int)len, words);
		if (!agent_client_can(client, word))
			return false;
		words += len;
	}
	return true;
}

struct driver *agent_driver_new(struct agent_client *client)
{
	static const struct driver_ops ops = {
		.ask = ask,
		.answer = answer,
		.release = release,
		.waits_for = waits_for,
		.close = close_driver,
	};
	struct agent_driver *d = calloc(1, sizeof *d);

	if (!d) {
		agent_client_free(client);
		return NULL;
	}
	d->driver = (struct driver){ .ops = &ops, .name = "agent" };
	d->client = client;
	d->jobs_end = &d->jobs;
	for (unsigned i = 0; i < ACTIONS; i++)
		if (can_all(client, actions[i].needs))
			d->driver.can |= 1u << i;
	return &d->driver;
}
