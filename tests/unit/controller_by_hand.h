/* SPDX-License-Identifier: BSD-2-Clause */
/* A controller of finwait-agent driven by hand: requests go in, replies are looked at line by line. The
 * session is driven in memory, its sockets are real ones on loopback, the time is the test's own. To be
 * included after cmocka.h, by the tests of the session only. */
#ifndef FINWAIT_TESTS_CONTROLLER_BY_HAND_H
#define FINWAIT_TESTS_CONTROLLER_BY_HAND_H

#include "agent/agent_session.h"
#include "agent/listener.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

enum { PATIENCE_MS = 30000, LINE_ROOM = 4097 };

static struct agent_config config;
static struct agent_session *s;
static uint64_t now_ms;
static char reply[LINE_ROOM];

static inline void feed(const char *bytes, size_t len)
{
	assert_int_equal(agent_session_input(s, bytes, len, now_ms), len);
}

__attribute__((format(printf, 1, 2))) static inline void say(const char *format, ...)
{
	char line[8192];
	va_list values;

	va_start(values, format);
	vsnprintf(line, sizeof(line) - 1, format, values);
	va_end(values);
	strcat(line, "\n");
	feed(line, strlen(line));
}

/* Whether a whole line waits; it then is in `reply`. */
static inline bool heard(void)
{
	size_t len, n;
	const char *out = agent_session_output(s, &len), *end = len > 0 ? memchr(out, '\n', len) : NULL;

	if (!end)
		return false;
	n = (size_t)(end - out);
	assert_true(n < sizeof(reply));
	memcpy(reply, out, n);
	reply[n] = '\0';
	agent_session_written(s, n + 1);
	return true;
}

/* One turn of the session, after at most so long; whether a descriptor was ready. */
static inline bool turn(int timeout_ms)
{
	static struct pollfd polled[AGENT_SOCKETS_MAX];
	size_t n = agent_session_poll(s, polled);

	int ready = poll(polled, (nfds_t)n, n > 0 ? timeout_ms : 0);

	assert_true(ready >= 0);
	agent_session_turn(s, polled, n, now_ms);
	return ready > 0;
}

static inline const char *hear(void)
{
	bool ready = true;

	while (!heard()) {
		assert_true(ready);
		ready = turn(PATIENCE_MS);
	}
	return reply;
}

static inline void expect(const char *wanted)
{
	assert_string_equal(hear(), wanted);
}

/* The same, where text that is not fixed follows. */
static inline void expect_start(const char *wanted)
{
	if (strncmp(hear(), wanted, strlen(wanted)) != 0)
		fail_msg("'%s' does not start with '%s'", reply, wanted);
}

static inline void silent(void)
{
	turn(0);
	assert_false(heard());
}

/* The value of a key in the last reply. */
static inline const char *value(const char *key)
{
	static char values[4][64];
	static unsigned next;
	char *to = values[next++ % 4], with[32];
	const char *at;

	snprintf(with, sizeof(with), " %s=", key);
	at = strstr(reply, with);
	if (!at)
		fail_msg("no %s in: %s", key, reply);
	else
		snprintf(to, 64, "%.*s", (int)strcspn(at + strlen(with), " "), at + strlen(with));
	return to;
}

static inline void start(const char *hello)
{
	now_ms = 1000;
	s = agent_session_new(&config, NULL);
	assert_non_null(s);
	hear();
	if (hello) {
		say("%s", hello);
		expect("h ok");
	}
}

static inline int set_up(void **state)
{
	struct rlimit limit;

	(void)state;
	memset(&config, 0, sizeof(config));
	if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
		limit.rlim_cur = limit.rlim_max;
		setrlimit(RLIMIT_NOFILE, &limit);
	}
	start("h hello version=1 allow=127.0.0.0/8,::1");
	return 0;
}

static inline int tear_down(void **state)
{
	(void)state;
	agent_session_free(s);
	s = NULL;
	return 0;
}

/* Another session, in the place of the first. */
static inline void restart(const char *hello)
{
	agent_session_free(s);
	start(hello);
}

static inline unsigned make_socket(const char *family)
{
	say("s socket family=%s", family);
	hear();
	return (unsigned)atoi(value("socket"));
}

/* A listener on loopback; its address goes to `local`. */
static inline unsigned make_listener(const char *family, char local[AGENT_ADDRESS_ROOM], int backlog)
{
	unsigned n = make_socket(family);

	say("b bind socket=%u local=%s:0", n, strcmp(family, "ipv6") == 0 ? "[::1]" : "127.0.0.1");
	hear();
	strcpy(local, value("local"));
	say("l listen socket=%u backlog=%d", n, backlog);
	expect("l ok");
	return n;
}

/* Connects two sockets of the session: `a` is the one that called, and is named first. */
static inline void make_pair(const char *family, unsigned *a, unsigned *b)
{
	char local[AGENT_ADDRESS_ROOM];
	unsigned listener = make_listener(family, local, 5);

	*a = make_socket(family);
	say("c connect socket=%u to=%s", *a, local);
	expect_start("c ok local=");
	say("a accept socket=%u", listener);
	expect_start("a ok socket=");
	*b = (unsigned)atoi(value("socket"));
	say("x close socket=%u", listener);
	expect("x ok");
}

/* Outside the session: a plain socket of the test's. */
static inline int call(const char *from, const char *to)
{
	struct agent_address at;
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	assert_true(fd >= 0 && agent_address_read(from, &at));
	assert_int_equal(bind(fd, &at.at.any, at.len), 0);
	assert_true(agent_address_read(to, &at));
	assert_int_equal(connect(fd, &at.at.any, at.len), 0);
	return fd;
}

static inline void expect_reset(int fd)
{
	struct pollfd wait = { .fd = fd, .events = POLLIN };
	char byte;

	assert_int_equal(poll(&wait, 1, PATIENCE_MS), 1);
	assert_int_equal(recv(fd, &byte, 1, 0), -1);
	assert_int_equal(errno, ECONNRESET);
	close(fd);
}

static inline bool has_ipv6(void)
{
	struct agent_address address;
	int fd = socket(AF_INET6, SOCK_STREAM, 0);
	bool has;

	assert_true(agent_address_read("[::1]:0", &address));
	has = fd >= 0 && bind(fd, &address.at.any, address.len) == 0;
	close(fd);
	return has;
}

/* Nobody answers: a socket of the test's that drops what comes. */
static inline int make_silent(char local[AGENT_ADDRESS_ROOM])
{
	char why[256];
	struct agent_address at = { .len = sizeof(at.at) };
	int fd = listener_open("127.0.0.1", 0, true, "--port", why, sizeof(why));

	assert_true(fd >= 0);
	assert_int_equal(getsockname(fd, &at.at.any, &at.len), 0);
	agent_address_write(&at, local);
	return fd;
}

#endif
