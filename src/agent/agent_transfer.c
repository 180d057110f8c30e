/* SPDX-License-Identifier: BSD-2-Clause */
/* send and recv: bytes that the request holds, or a pattern of any length. */
#include "agent_call.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#ifndef MSG_NOSIGNAL
#define MSG_NOSIGNAL 0 /* SIGPIPE is ignored as well */
#endif

enum {
	RECEIVED_MAX = 2048,   /* what a reply can hold as base64 */
	PATTERN_MAX = 1 << 30, /* of one call */
	PIECE = 16 * 1024,     /* handed to the system at once */
	PIECES = 16,           /* then others have their turn */
};

/* Byte i of the stream: the upper 8 bits of a product, so that neighbours and seeds differ. */
static unsigned char pattern_byte(uint32_t seed, uint32_t i)
{
	return (unsigned char)((uint32_t)((i ^ seed) * UINT32_C(2654435761)) >> 24);
}

/* The next bytes of the text, at most a piece; returns how many. */
static size_t next_piece(const struct agent_text *text, unsigned char piece[PIECE])
{
	uint64_t left = text->length - text->done;
	size_t n = left < PIECE ? (size_t)left : PIECE;

	for (size_t i = 0; i < n; i++) {
		uint64_t at = text->done + i;

		piece[i] = text->is_pattern ? pattern_byte(text->seed, text->offset + (uint32_t)at)
					    : text->bytes[at];
	}
	return n;
}

static bool only_later(int error)
{
	return error == EAGAIN || error == EWOULDBLOCK || error == EINTR;
}

/* pattern, seed, offset and length; answers and returns false when they are wrong. */
static bool read_pattern(const struct agent_request *r, struct agent_text *text)
{
	uint64_t seed, offset;

	if (strcmp(agent_line_value(r->line, "pattern"), "mix") != 0) {
		agent_error(r->s, r->line->tag, EINVAL, "the only pattern is mix");
		return false;
	}
	if (!agent_number_of(r, "seed", UINT32_MAX, &seed) ||
	    !agent_number_of(r, "offset", UINT32_MAX, &offset) ||
	    !agent_number_of(r, "length", PATTERN_MAX, &text->length))
		return false;
	text->is_pattern = true;
	text->seed = (uint32_t)seed;
	text->offset = (uint32_t)offset;
	return true;
}

/* Answers and returns true if one of these keys was given, which do not go with the others. */
static bool has_stray(const struct agent_request *r, const char *const keys[])
{
	for (; *keys; keys++) {
		if (!agent_line_value(r->line, *keys))
			continue;
		agent_error(r->s, r->line->tag, EINVAL, "the key %s belongs to a pattern, or excludes one",
			    *keys);
		return true;
	}
	return false;
}

/* --- send --- */

static bool send_goes_on(struct agent_session *s, struct agent_call *call)
{
	struct agent_text *text = &call->text;
	unsigned char piece[PIECE];

	for (int pieces = 0; text->done < text->length; pieces++) {
		size_t n = next_piece(text, piece);
		ssize_t sent;

		if (pieces == PIECES)
			return false;
		sent = send(call->socket->fd, piece, n, MSG_NOSIGNAL);
		if (sent < 0 && only_later(errno))
			return false;
		if (sent < 0) {
			agent_error(s, call->tag, errno, "%s after %llu bytes", strerror(errno),
				    (unsigned long long)text->done);
			return true;
		}
		text->done += (uint64_t)sent;
	}
	agent_ok(s, call->tag, "length=%llu", (unsigned long long)text->length);
	return true;
}

/* The bytes of `data`, or the pattern; answers and returns false when they are wrong. */
static bool read_text(const struct agent_request *r, struct agent_text *text)
{
	static const char *const of_pattern[] = { "seed", "offset", "length", NULL };
	static const char *const of_data[] = { "data", NULL };
	const char *data;
	long n;

	if (agent_line_value(r->line, "pattern"))
		return !has_stray(r, of_data) && read_pattern(r, text);
	if (has_stray(r, of_pattern))
		return false;
	data = agent_text_of(r, "data");
	if (!data)
		return false;
	text->bytes = malloc(strlen(data) + 1);
	if (!text->bytes) {
		agent_system_error(r->s, r->line->tag, ENOMEM);
		return false;
	}
	n = agent_line_decode64(data, text->bytes);
	if (n < 0) {
		agent_error(r->s, r->line->tag, EINVAL, "data must be base64, with its padding");
		return false;
	}
	text->length = (uint64_t)n;
	return true;
}

static void run_send(const struct agent_request *r)
{
	struct agent_socket *socket = agent_socket_of(r);
	struct agent_call *call = socket ? agent_call_new(r, socket) : NULL;

	if (!call)
		return;
	if (read_text(r, &call->text))
		agent_call_start(r->s, call);
	else
		agent_call_free(call);
}

/* --- recv --- */

/* How the connection ended; NULL for an error that is none of the ends. */
static const char *end_name(ssize_t received, int error)
{
	if (received == 0)
		return "eof";
	if (error == ECONNRESET)
		return "reset";
	return error == ETIMEDOUT ? "timed-out" : NULL;
}

static void answer_data(struct agent_session *s, const char *tag, const unsigned char *bytes, size_t n)
{
	char text[RECEIVED_MAX / 3 * 4 + 8];

	agent_line_encode64(bytes, n, text);
	agent_ok(s, tag, "length=%zu data=%s end=no", n, text);
}

/* The counts so far, where there is a pattern. */
static void answer_end(struct agent_session *s, const struct agent_call *call, const char *end)
{
	if (call->text.is_pattern)
		agent_ok(s, call->tag, "length=%llu match=%llu end=%s", (unsigned long long)call->text.done,
			 (unsigned long long)call->text.match, end);
	else
		agent_ok(s, call->tag, "length=0 end=%s", end);
}

static void count_matching(struct agent_text *text, const unsigned char *bytes, size_t n)
{
	for (size_t i = 0; i < n && text->match == text->done + i; i++) {
		if (bytes[i] == pattern_byte(text->seed, text->offset + (uint32_t)(text->done + i)))
			text->match++;
	}
	text->done += n;
}

static bool recv_goes_on(struct agent_session *s, struct agent_call *call)
{
	struct agent_text *text = &call->text;
	unsigned char piece[PIECE];

	for (int pieces = 0; text->done < text->length; pieces++) {
		uint64_t left = text->length - text->done;
		ssize_t n;

		if (pieces == PIECES)
			return false;
		n = recv(call->socket->fd, piece, left < PIECE ? (size_t)left : PIECE, 0);
		if (n < 0 && only_later(errno))
			return false;
		if (n <= 0) {
			int error = errno;
			const char *end = end_name(n, error);

			if (end)
				answer_end(s, call, end);
			else
				agent_error(s, call->tag, error, "%s after %llu bytes", strerror(error),
					    (unsigned long long)text->done);
			return true;
		}
		if (!text->is_pattern) {
			answer_data(s, call->tag, piece, (size_t)n);
			return true;
		}
		count_matching(text, piece, (size_t)n);
	}
	answer_end(s, call, "no");
	return true;
}

static void run_recv(const struct agent_request *r)
{
	static const char *const of_pattern[] = { "seed", "offset", NULL };
	struct agent_socket *socket = agent_socket_of(r);
	struct agent_text text = { .length = RECEIVED_MAX };
	struct agent_call *call;

	if (!socket)
		return;
	if (agent_line_value(r->line, "pattern")) {
		if (!read_pattern(r, &text))
			return;
	} else {
		if (has_stray(r, of_pattern))
			return;
		if (agent_line_value(r->line, "length") &&
		    !agent_number_of(r, "length", PATTERN_MAX, &text.length))
			return;
		if (text.length == 0) {
			agent_error(r->s, r->line->tag, EINVAL, "length must be at least 1");
			return;
		}
		if (text.length > RECEIVED_MAX)
			text.length = RECEIVED_MAX;
	}
	call = agent_call_new(r, socket);
	if (!call)
		return;
	call->text = text;
	agent_call_start(r->s, call);
}

const struct agent_verb agent_transfer_verbs[] = {
	{ "send",
	  run_send,
	  { "socket", "data", "pattern", "seed", "offset", "length", "timeout_ms" },
	  send_goes_on,
	  POLLOUT },
	{ "recv",
	  run_recv,
	  { "socket", "pattern", "seed", "offset", "length", "timeout_ms" },
	  recv_goes_on,
	  POLLIN },
	{ NULL, NULL, { NULL }, NULL, 0 },
};
