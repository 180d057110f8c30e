/* SPDX-License-Identifier: BSD-2-Clause */
/* Arbitrary bytes as what an agent says to the driver that asks it for everything: the first byte says
 * whether the session has begun, and in pieces of what length the rest arrives. Each request has just one
 * answer. */
#include <fcntl.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "drive/agent.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { BEGUN = 1, EXCHANGES = 3 };

static const char beginning[] =
	"hello finwait-agent 1 can=socket,setopt,reuseaddr,bind,listen,accept,connect,send,"
	"recv,shutdown,abort,state\n4096 ok\n";

struct scene {
	int agent;
	struct agent_client *client;
	struct driver *driver;             /* once the session has begun */
	unsigned open[EXCHANGES][ACTIONS]; /* requests without an answer */
	bool told[EXCHANGES];
};

static void check(bool holds)
{
	if (!holds)
		abort();
}

static void check_text(const char *text)
{
	for (; *text; text++)
		check(*text >= ' ' && *text <= '~');
}

static void ask(struct scene *s, size_t id, enum action action)
{
	struct request r = {
		.id = id,
		.action = action,
		.prober = { { .family = 4, .bytes = { 198, 18, 0, 1 } }, (uint16_t)(1000 + id) },
		.target = { { .family = 4, .bytes = { 198, 18, 0, 2 } }, 0 },
		.length = 100,
		.timeout_us = 1000000,
	};

	s->driver->ops->ask(s->driver, &r, 0);
	s->open[id][action]++;
}

/* Takes all answers; each draws another request, of the next action. */
static void take_answers(struct scene *s, bool again)
{
	struct driver_answer a;
	unsigned most = again ? 50 : UINT32_MAX;

	for (unsigned turns = 0; turns < most && s->driver->ops->answer(s->driver, 0, &a); turns++) {
		check_text(a.text);
		check(a.id < EXCHANGES);
		if (a.action == ACTIONS) { /* told once, without being asked */
			check(a.kind == ANSWER_LOST && !s->told[a.id]);
			s->told[a.id] = true;
			continue;
		}
		check(a.action < ACTIONS && s->open[a.id][a.action]);
		check(a.state <= TCP_STATES && a.length <= 100 && a.matched <= a.length);
		s->open[a.id][a.action]--;
		if (again && a.kind != ANSWER_LOST)
			ask(s, a.id, (enum action)((a.action + 1) % ACTIONS));
	}
}

static void pump(struct scene *s)
{
	char heard[4096];

	if (s->driver) {
		take_answers(s, true);
	} else {
		agent_client_pump(s->client, 0);
		if (agent_client_ready(s->client)) {
			s->driver = agent_driver_new(s->client);
			check(s->driver);
			for (size_t id = 0; id < EXCHANGES; id++)
				for (int action = 0; action < ACTIONS; action++)
					ask(s, id, (enum action)action);
		}
	}
	while (recv(s->agent, heard, sizeof heard, MSG_DONTWAIT) > 0)
		;
}

static void say(struct scene *s, const void *bytes, size_t len)
{
	/* Refused once the client has hung up. */
	if (send(s->agent, bytes, len, MSG_NOSIGNAL | MSG_DONTWAIT) == (ssize_t)len)
		pump(s);
}

static void end(struct scene *s)
{
	close(s->agent);
	if (!s->driver) {
		agent_client_pump(s->client, 0);
		check(agent_client_lost(s->client));
		check_text(agent_client_lost(s->client));
		check_text(agent_client_system(s->client));
		agent_client_free(s->client);
		return;
	}
	s->driver->ops->release(s->driver, 0, 0);
	memset(s->open[0], 0, sizeof s->open[0]);
	/* Those that were asked before the loss, until nothing is new. */
	take_answers(s, false);
	for (size_t id = 0; id < EXCHANGES; id++)
		for (int action = 0; action < ACTIONS; action++)
			check(!s->open[id][action]);
	s->driver->ops->close(s->driver);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct scene s = { 0 };
	struct agent_client_params params = { .greeting_us = 1000000 };
	size_t piece;
	int ends[2];

	if (!size || socketpair(AF_UNIX, SOCK_STREAM, 0, ends) || fcntl(ends[0], F_SETFL, O_NONBLOCK))
		return 0;
	s.agent = ends[1];
	params.in = params.out = ends[0];
	s.client = agent_client_new(&params, 0);
	check(s.client);
	if (data[0] & BEGUN)
		say(&s, beginning, sizeof beginning - 1);
	piece = 1 + (size_t)(data[0] >> 1) * 64;
	for (size_t at = 1; at < size; at += piece)
		say(&s, data + at, size - at < piece ? size - at : piece);
	end(&s);
	return 0;
}
