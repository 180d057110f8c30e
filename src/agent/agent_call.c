/* SPDX-License-Identifier: BSD-2-Clause */
/* Keys of requests, and the calls that wait. */
#include "agent_call.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

/* --- keys --- */

const char *agent_text_of(const struct agent_request *r, const char *key)
{
	const char *value = agent_line_value(r->line, key);

	if (!value)
		agent_error(r->s, r->line->tag, EINVAL, "%s needs the key %s", r->line->verb, key);
	return value;
}

bool agent_number_of(const struct agent_request *r, const char *key, uint64_t max, uint64_t *number)
{
	const char *value = agent_text_of(r, key);

	if (!value)
		return false;
	if (agent_line_number(value, max, number))
		return true;
	agent_error(r->s, r->line->tag, EINVAL, "%s must be a number, at most %llu", key,
		    (unsigned long long)max);
	return false;
}

bool agent_address_of(const struct agent_request *r, const char *key, struct agent_address *address)
{
	const char *value = agent_text_of(r, key);

	if (!value)
		return false;
	if (agent_address_read(value, address))
		return true;
	agent_error(r->s, r->line->tag, EINVAL, "%s must be ADDRESS:PORT or [ADDRESS]:PORT, in numbers", key);
	return false;
}

struct agent_socket *agent_socket_of(const struct agent_request *r)
{
	struct agent_session *s = r->s;
	uint64_t number;

	if (!agent_number_of(r, "socket", UINT64_MAX, &number))
		return NULL;
	for (size_t i = 0; i < s->n_sockets; i++) {
		if (s->sockets[i]->number == number)
			return s->sockets[i];
	}
	agent_error(s, r->line->tag, EBADF, "this session has no socket %llu", (unsigned long long)number);
	return NULL;
}

/* --- calls that wait --- */

struct agent_call *agent_call_new(const struct agent_request *r, struct agent_socket *socket)
{
	struct agent_session *s = r->s;
	struct agent_call *call;
	uint64_t timeout_ms = 0;
	bool limited = agent_line_value(r->line, "timeout_ms") != NULL;

	if (limited && !agent_number_of(r, "timeout_ms", AGENT_TIMEOUT_MAX_MS, &timeout_ms))
		return NULL;
	if (socket->n_calls == AGENT_CALLS_OF_SOCKET_MAX || s->n_calls == AGENT_CALLS_MAX) {
		agent_error(s, r->line->tag, ENOBUFS, "too many calls wait already");
		return NULL;
	}
	call = calloc(1, sizeof(*call));
	if (!call) {
		agent_system_error(s, r->line->tag, ENOMEM);
		return NULL;
	}
	memcpy(call->tag, r->line->tag, strlen(r->line->tag));
	call->verb = r->verb;
	call->socket = socket;
	call->limited = limited;
	call->deadline_ms = s->now_ms + timeout_ms;
	return call;
}

void agent_call_free(struct agent_call *call)
{
	free(call->text.bytes);
	free(call);
}

static void time_out(struct agent_session *s, const struct agent_call *call)
{
	if (call->text.is_pattern || call->text.bytes)
		agent_error(s, call->tag, EAGAIN, "%s waited long enough, after %llu bytes", call->verb->name,
			    (unsigned long long)call->text.done);
	else
		agent_error(s, call->tag, EAGAIN, "%s waited long enough", call->verb->name);
}

/* Puts the call behind those that wait on its socket, unless its time is up already. */
static void wait_in_line(struct agent_session *s, struct agent_call *call)
{
	struct agent_call **end = &call->socket->calls;

	if (call->limited && call->deadline_ms <= s->now_ms) {
		time_out(s, call);
		agent_call_free(call);
		return;
	}
	while (*end)
		end = &(*end)->next;
	*end = call;
	call->socket->n_calls++;
	s->n_calls++;
}

void agent_call_try(struct agent_session *s, struct agent_call *call)
{
	if (call->verb->go_on(s, call))
		agent_call_free(call);
	else
		wait_in_line(s, call);
}

void agent_call_start(struct agent_session *s, struct agent_call *call)
{
	if (agent_call_first(call->socket, call->verb))
		wait_in_line(s, call);
	else
		agent_call_try(s, call);
}

struct agent_call *agent_call_first(const struct agent_socket *socket, const struct agent_verb *verb)
{
	struct agent_call *call = socket->calls;

	while (call && call->verb != verb)
		call = call->next;
	return call;
}

void agent_call_end(struct agent_session *s, struct agent_call *call)
{
	struct agent_call **at = &call->socket->calls;

	while (*at != call)
		at = &(*at)->next;
	*at = call->next;
	call->socket->n_calls--;
	s->n_calls--;
	agent_call_free(call);
}

/* --- the loop --- */

/* What the calls of a socket wait for. */
static short events_of(const struct agent_session *s, const struct agent_socket *socket)
{
	short events = 0;

	for (const struct agent_call *call = socket->calls; call; call = call->next) {
		if (agent_socket_keeps_more(s, socket))
			events = (short)(events | call->verb->events);
	}
	return events;
}

size_t agent_session_poll(const struct agent_session *s, struct pollfd *polled)
{
	size_t n = 0;

	for (size_t i = 0; i < s->n_sockets && !agent_session_full(s); i++) {
		short events = events_of(s, s->sockets[i]);

		if (events)
			polled[n++] = (struct pollfd){ .fd = s->sockets[i]->fd, .events = events };
	}
	return n;
}

/* Gives each verb's calls their turn, as long as one after the other is over at once. */
static void go_on(struct agent_session *s, struct agent_socket *socket)
{
	struct agent_call *call = socket->calls;

	while (call && !agent_session_full(s)) {
		if (call != agent_call_first(socket, call->verb) || !call->verb->go_on(s, call)) {
			call = call->next;
			continue;
		}
		agent_call_end(s, call);
		call = socket->calls;
	}
}

static void time_out_calls(struct agent_session *s, struct agent_socket *socket)
{
	struct agent_call *call = socket->calls;

	while (call && !agent_session_full(s)) {
		struct agent_call *next = call->next;

		if (call->limited && call->deadline_ms <= s->now_ms) {
			time_out(s, call);
			agent_call_end(s, call);
		}
		call = next;
	}
}

void agent_session_turn(struct agent_session *s, const struct pollfd *polled, size_t n, uint64_t now_ms)
{
	size_t at = 0;

	s->now_ms = now_ms;
	for (size_t i = 0; i < s->n_sockets; i++) {
		/* In the same order, but only sockets that wait are polled. */
		if (at < n && polled[at].fd == s->sockets[i]->fd) {
			if (polled[at].revents)
				go_on(s, s->sockets[i]);
			at++;
		}
		time_out_calls(s, s->sockets[i]);
	}
}

int agent_session_timeout(const struct agent_session *s, uint64_t now_ms)
{
	uint64_t soonest = UINT64_MAX;

	if (s->n_calls == 0 || agent_session_full(s))
		return -1;
	for (size_t i = 0; i < s->n_sockets; i++) {
		for (const struct agent_call *call = s->sockets[i]->calls; call; call = call->next) {
			if (call->limited && call->deadline_ms < soonest)
				soonest = call->deadline_ms;
		}
	}
	if (soonest == UINT64_MAX)
		return -1;
	/* At most AGENT_TIMEOUT_MAX_MS away, which an int holds. */
	return soonest <= now_ms ? 0 : (int)(soonest - now_ms);
}
