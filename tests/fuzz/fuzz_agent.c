/* SPDX-License-Identifier: BSD-2-Clause */
/* Arbitrary bytes as what a controller sends to finwait-agent: one byte for how it comes, then the stream.
 * The sockets are real, but kept on loopback: the linker puts the three calls at the end of this file between
 * the agent and the system (--wrap). */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/agent_session.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { LINE_MAX_BYTES = 4096, TURN_MS = 40 };

/* Every line is printable, not too long, and an answer. */
static void check_line(const char *line, size_t len)
{
	static const char *const kinds[] = { " ok", " error ", " finwait-agent 1 " };
	size_t tag = 0;

	if (len > LINE_MAX_BYTES || line[len - 1] != '\n')
		abort();
	for (size_t i = 0; i + 1 < len; i++) {
		if (line[i] < ' ' || line[i] > '~')
			abort();
	}
	while (tag < len && line[tag] != ' ')
		tag++;
	if (tag == 0 || tag > 16)
		abort();
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		if (len - tag > strlen(kinds[i]) && strncmp(line + tag, kinds[i], strlen(kinds[i])) == 0)
			return;
	}
	abort();
}

static void hear(struct agent_session *s)
{
	size_t len;
	const char *text = agent_session_output(s, &len), *end;

	while (len > 0) {
		end = memchr(text, '\n', len);
		if (!end)
			abort();
		check_line(text, (size_t)(end + 1 - text));
		agent_session_written(s, (size_t)(end + 1 - text));
		text = agent_session_output(s, &len);
	}
}

static void turn(struct agent_session *s, uint64_t now_ms)
{
	static struct pollfd polled[AGENT_SOCKETS_MAX];
	size_t n = agent_session_poll(s, polled);

	if (n > AGENT_SOCKETS_MAX || poll(polled, (nfds_t)n, 0) < 0)
		abort();
	agent_session_turn(s, polled, n, now_ms);
	if (agent_session_timeout(s, now_ms) < -1)
		abort();
}

/* The lowest descriptor that is free. */
static int free_descriptor(void)
{
	int fd = dup(STDERR_FILENO);

	close(fd);
	return fd;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct agent_network loopback = { .family = AF_INET, .bytes = { 127 }, .len = 8 };
	static const char token[] = "0123456789abcdef";
	struct agent_config config = { .networks = &loopback, .n_networks = 1 };
	struct agent_address controller = { .len = sizeof(controller.at.v4) };
	const char *at = (const char *)data + 1;
	uint64_t now_ms = 1000;
	struct agent_session *s;
	int free_before;
	size_t left;

	if (size < 1)
		return 0;
	free_before = free_descriptor();
	controller.at.v4.sin_family = AF_INET;
	controller.at.v4.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (data[0] & 1)
		memcpy(config.token, token, sizeof(token));
	s = agent_session_new(&config, data[0] & 2 ? &controller : NULL);
	if (!s)
		return 0;
	for (left = size - 1; left > 0 && !agent_session_over(s);) {
		const char *end = memchr(at, '\n', left);
		size_t len = end ? (size_t)(end + 1 - at) : left,
		       used = agent_session_input(s, at, len, now_ms);

		/* A controller that does not read finds the agent full, and must have a reason to wait. */
		if (used < len && !agent_session_over(s) && !agent_session_full(s))
			abort();
		turn(s, now_ms);
		if (!(data[0] & 4) || agent_session_full(s))
			hear(s);
		at += used;
		left -= used;
		now_ms += TURN_MS;
	}
	agent_session_end(s);
	hear(s);
	agent_session_free(s);
	if (free_descriptor() != free_before)
		abort();
	return 0;
}

/* --- between the agent and the system --- */

int __real_bind(int fd, const struct sockaddr *address, socklen_t len);
int __real_connect(int fd, const struct sockaddr *address, socklen_t len);
int __real_listen(int fd, int backlog);
int __wrap_bind(int fd, const struct sockaddr *address, socklen_t len);
int __wrap_connect(int fd, const struct sockaddr *address, socklen_t len);
int __wrap_listen(int fd, int backlog);

static int only_loopback(const struct sockaddr *address, socklen_t len)
{
	struct agent_address it = { .len = len };
	struct agent_network network;

	if (len > sizeof(it.at))
		abort();
	memcpy(&it.at, address, len);
	network = agent_network_of(&it);
	if (agent_network_loopback(&network))
		return 0;
	errno = EADDRNOTAVAIL;
	return -1;
}

int __wrap_bind(int fd, const struct sockaddr *address, socklen_t len)
{
	return only_loopback(address, len) < 0 ? -1 : __real_bind(fd, address, len);
}

int __wrap_connect(int fd, const struct sockaddr *address, socklen_t len)
{
	return only_loopback(address, len) < 0 ? -1 : __real_connect(fd, address, len);
}

/* Without a bind() before, it would listen on every address. */
int __wrap_listen(int fd, int backlog)
{
	struct agent_address local = { .len = sizeof(local.at) };

	if (getsockname(fd, &local.at.any, &local.len) < 0 || only_loopback(&local.at.any, local.len) < 0)
		return -1;
	return __real_listen(fd, backlog);
}
