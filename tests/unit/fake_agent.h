/* SPDX-License-Identifier: BSD-2-Clause */
/* An agent played by hand at the other end of a socket pair: a test says what it says, and looks at what it
 * was asked. Include after cmocka.h. */
#ifndef FINWAIT_TESTS_FAKE_AGENT_H
#define FINWAIT_TESTS_FAKE_AGENT_H

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "drive/agent_client.h"

#define FAKE_CAN                                                                                             \
	"socket,setopt,getopt,bind,listen,accept,connect,send,recv,shutdown,close,abort,name,state,"         \
	"reuseaddr,"                                                                                         \
	"ipv4,ipv6"

struct fake {
	int fd;
	char in[2 * AGENT_LINE];
	size_t in_len;
	char tag[64];          /* of the request heard last */
	char said[AGENT_LINE]; /* and the rest of it */
};

static inline void fake_say_bytes(struct fake *f, const void *bytes, size_t len)
{
	assert_int_equal(send(f->fd, bytes, len, MSG_NOSIGNAL), len);
}

static inline void fake_say(struct fake *f, const char *text)
{
	fake_say_bytes(f, text, strlen(text));
}

/* The next request that is there, without its tag; NULL if there is none. */
static inline const char *fake_hear(struct fake *f)
{
	ssize_t n = recv(f->fd, f->in + f->in_len, sizeof f->in - f->in_len, MSG_DONTWAIT);
	char *end, *space;

	f->in_len += n > 0 ? (size_t)n : 0;
	end = memchr(f->in, '\n', f->in_len);
	if (!end)
		return NULL;
	*end++ = '\0';
	assert_true(end - f->in <= AGENT_LINE);
	space = strchr(f->in, ' ');
	assert_non_null(space);
	snprintf(f->tag, sizeof f->tag, "%.*s", (int)(space - f->in), f->in);
	snprintf(f->said, sizeof f->said, "%s", space + 1);
	f->in_len -= (size_t)(end - f->in);
	memmove(f->in, end, f->in_len);
	return f->said;
}

/* Answers the request heard last. */
static inline void fake_answer(struct fake *f, const char *text)
{
	char line[2 * AGENT_LINE];

	snprintf(line, sizeof line, "%s %s\n", f->tag, text);
	fake_say(f, line);
}

/* A request, and what is answered. */
static inline void fake_turn(struct fake *f, const char *request, const char *reply)
{
	const char *heard = fake_hear(f);

	assert_non_null(heard);
	assert_string_equal(heard, request);
	fake_answer(f, reply);
}

/* A client at time 0, before the greeting. */
static inline struct agent_client *fake_connect(struct fake *f, const char *token,
						const struct address *allow, size_t allow_count)
{
	struct agent_client_params params = {
		.token = token, .allow = allow, .allow_count = allow_count, .greeting_us = 10000000
	};
	struct agent_client *c;
	int ends[2];

	*f = (struct fake){ 0 };
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
	assert_int_equal(fcntl(ends[0], F_SETFL, O_NONBLOCK), 0);
	params.in = params.out = ends[0];
	f->fd = ends[1];
	c = agent_client_new(&params, 0);
	assert_non_null(c);
	return c;
}

/* A client that is ready, with an agent that can do what is in the list `can`. */
static inline struct agent_client *fake_session(struct fake *f, const char *can)
{
	struct agent_client *c = fake_connect(f, NULL, NULL, 0);
	char greeting[AGENT_LINE];

	snprintf(greeting, sizeof greeting, "hello finwait-agent 1 system=Fake-1 sockets=1024 can=%s\n", can);
	fake_say(f, greeting);
	agent_client_pump(c, 0);
	fake_turn(f, "hello version=1", "ok");
	agent_client_pump(c, 0);
	assert_true(agent_client_ready(c));
	return c;
}

static inline void fake_end(struct fake *f)
{
	close(f->fd);
	f->fd = -1;
}

#endif
