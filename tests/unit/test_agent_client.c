/* SPDX-License-Identifier: BSD-2-Clause */
/* The client's side of the agent's protocol, against an agent that says whatever it likes; in virtual time.
 */
#include <errno.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "drive/agent_client.h"
#include "drive/agent_wait.h"
#include "unit/fake_agent.h"

#define CALL(c, arg, ...) agent_client_call(c, arg, 0, AGENT_PATIENCE_US, __VA_ARGS__)

static void assert_lost(struct agent_client *c, const char *why)
{
	const char *lost = agent_client_lost(c);
	short events;
	int fd;

	if (!lost)
		fail_msg("not lost, but expected: %s", why);
	assert_string_equal(lost, why);
	assert_false(agent_client_ready(c));
	agent_client_waits_for(c, &fd, &events);
	assert_int_equal(fd, -1);
	assert_int_equal(agent_client_call(c, NULL, 0, 1, "socket family=ipv4"), 0);
}

static void test_hello(void **state)
{
	struct address allow[2];
	struct fake f;
	struct agent_client *c;

	(void)state;
	assert_true(address_parse(&allow[0], "198.18.0.1") && address_parse(&allow[1], "fe80::1"));
	allow[1].scope = 3;
	c = fake_connect(&f, "a%token~of-19-bytes", allow, 2);
	agent_client_pump(c, 0);
	assert_null(fake_hear(&f));
	fake_say(&f, "hello finwait-agent 1 system=Some%20thing%07-1 sockets=7 can=socket,connect new=1\r\n");
	agent_client_pump(c, 0);
	assert_false(agent_client_ready(c));
	assert_string_equal(fake_hear(&f),
			    "hello version=1 token=a%25token~of-19-bytes allow=198.18.0.1,fe80::1");
	fake_answer(&f, "ok more=later");
	agent_client_pump(c, 0);
	assert_true(agent_client_ready(c));
	assert_null(agent_client_lost(c));
	assert_string_equal(agent_client_system(c), "Some thing?-1");
	assert_true(agent_client_can(c, "socket") && agent_client_can(c, "connect"));
	assert_false(agent_client_can(c, "sock") || agent_client_can(c, "connect2") ||
		     agent_client_can(c, "") || agent_client_can(c, "socket,connect"));
	agent_client_free(c);
	fake_end(&f);
}

static void test_hello_too_long(void **state)
{
	struct address allow[400];
	struct fake f;
	struct agent_client *c;

	(void)state;
	for (size_t i = 0; i < 400; i++)
		assert_true(address_parse(&allow[i], "198.18.100.100"));
	c = fake_connect(&f, NULL, allow, 400);
	assert_lost(c, "the token and the addresses of this host are too long for the agent");
	agent_client_free(c);
	fake_end(&f);
}

/* What may stand in place of a greeting, and what becomes of it. */
static void test_bad_greetings(void **state)
{
	static const char *const cases[][2] = {
		{ "SSH-2.0-OpenSSH_9.2\n", "this is no finwait-agent (it began with `SSH-2.0-OpenSSH_9.2`)" },
		{ "\n", "this is no finwait-agent (it began with ``)" },
		{ "\x1b[2Jhello\n", "this is no finwait-agent (it began with `\\x1b[2Jhello`)" },
		{ "hello finwait-agent\n", "this is no finwait-agent (it began with `hello finwait-agent`)" },
		{ "hello finwait-agent x\n",
		  "this is no finwait-agent (it began with `hello finwait-agent x`)" },
		{ "hello finwait-agent 2 frobnicate\n", "the agent speaks version 2 of the protocol, this "
							"finwait version 1: install the same release "
							"on both sides" },
		{ "hello finwait-agent 1 can=a can=b\n", "the agent does not keep to its protocol (it said "
							 "`hello finwait-agent 1 can=a can=b`: it gives a "
							 "key twice)" },
		{ "- error EUSERS too many controllers\n",
		  "the agent refuses the session: EUSERS (too many controllers)" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct fake f;
		struct agent_client *c = fake_connect(&f, NULL, NULL, 0);

		fake_say(&f, cases[i][0]);
		agent_client_pump(c, 0);
		assert_lost(c, cases[i][1]);
		assert_null(fake_hear(&f));
		agent_client_free(c);
		fake_end(&f);
	}
}

static void test_hello_refused(void **state)
{
	struct fake f;
	struct agent_client *c = fake_connect(&f, "0123456789abcdef", NULL, 0);

	(void)state;
	fake_say(&f, "hello finwait-agent 1 system=x sockets=1 can=socket\n");
	agent_client_pump(c, 0);
	fake_turn(&f, "hello version=1 token=0123456789abcdef", "error EACCES wrong token");
	fake_end(&f);
	agent_client_pump(c, 0);
	assert_lost(c, "the agent refuses the session: EACCES (wrong token)");
	agent_client_free(c);
}

/* Three calls, answered from the last to the first, and taken in both ways. */
static void test_any_order(void **state)
{
	char tags[3][64];
	int args[3];
	uint32_t calls[3];
	uint64_t number;
	struct agent_reply r;
	struct fake f;
	struct agent_client *c = fake_session(&f, FAKE_CAN);

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		calls[i] = CALL(c, &args[i], "accept socket=%zu", i + 1);
		assert_true(calls[i]);
		assert_non_null(fake_hear(&f));
		memcpy(tags[i], f.tag, sizeof f.tag);
	}
	for (size_t i = 3; i-- > 0;) {
		memcpy(f.tag, tags[i], sizeof f.tag);
		fake_answer(&f, i == 1 ? "error ECONNABORTED it is  gone" : "ok socket=7 unknown=x");
	}
	assert_false(agent_client_next(c, &r));
	agent_client_pump(c, 0);
	assert_true(agent_client_take(c, calls[1], &r));
	assert_false(agent_client_take(c, calls[1], &r));
	assert_int_equal(r.outcome, AGENT_ERROR);
	assert_string_equal(r.error, "ECONNABORTED");
	assert_string_equal(r.text, "it is  gone");
	assert_true(agent_client_next(c, &r));
	assert_int_equal(r.call, calls[2]);
	assert_ptr_equal(r.arg, &args[2]);
	assert_true(agent_client_next(c, &r));
	assert_ptr_equal(r.arg, &args[0]);
	assert_int_equal(r.outcome, AGENT_OK);
	assert_true(agent_reply_number(&r, "socket", 7, &number) && number == 7);
	assert_false(agent_reply_number(&r, "socket", 6, &number));
	assert_null(agent_reply_value(&r, "sock"));
	assert_false(agent_client_next(c, &r));
	agent_client_free(c);
	fake_end(&f);
}

static void test_byte_by_byte(void **state)
{
	static const char script[] = "hello finwait-agent 1 can=socket\n";
	struct fake f;
	struct agent_reply r;
	struct agent_client *c = fake_connect(&f, NULL, NULL, 0);
	char line[128];

	(void)state;
	for (size_t i = 0; script[i]; i++) {
		fake_say_bytes(&f, script + i, 1);
		agent_client_pump(c, 0);
	}
	fake_turn(&f, "hello version=1", "ok");
	agent_client_pump(c, 0);
	assert_true(CALL(c, NULL, "socket family=ipv6"));
	assert_string_equal(fake_hear(&f), "socket family=ipv6");
	snprintf(line, sizeof line, "%s   ok  socket=12  \r\n", f.tag);
	for (size_t i = 0; line[i]; i++) {
		assert_false(agent_client_next(c, &r));
		fake_say_bytes(&f, line + i, 1);
		agent_client_pump(c, 0);
	}
	assert_true(agent_client_next(c, &r));
	assert_string_equal(agent_reply_value(&r, "socket"), "12");
	agent_client_free(c);
	fake_end(&f);
}

/* What an agent may say instead of a reply; @ is the right tag. */
static void test_garbage(void **state)
{
	static const char *const cases[][2] = {
		{ "", "it begins with no tag" },
		{ "@", "it says neither ok nor error" },
		{ "@ yes", "it says neither ok nor error" },
		{ "@ okay", "it says neither ok nor error" },
		{ "@ ok socket", "a word of it is not KEY=VALUE" },
		{ "@ ok =3", "a word of it is not KEY=VALUE" },
		{ "@ ok Socket=3", "a word of it is not KEY=VALUE" },
		{ "@ ok a=1 a=1", "it gives a key twice" },
		{ "@ ok a=%0", "it has a bad %XX in it" },
		{ "@ ok a=%g0", "it has a bad %XX in it" },
		{ "@ ok a=%00", "it has a bad %XX in it" },
		{ "@ error", "it names no errno" },
		{ "@ error econnrefused no", "it names no errno" },
		{ "@ error CONNREFUSED no", "it names no errno" },
		{ "@ error EVERYTHINGISQUITETOOLONGFORME no", "it names no errno" },
		{ "@ ok text=\x7f", "it has a byte that is not printable ASCII" },
		{ "@ ok\tsocket=3", "it has a byte that is not printable ASCII" },
		{ "0@ ok", "that answers no call" },
		{ "@0 ok", "that answers no call" },
		{ "1 ok", "that answers no call" },
		{ "12345678901234567 ok", "it begins with no tag" },
		{ "9999999999999999 ok", "that answers no call" },
		{ "-1 ok", "that answers no call" },
		{ "- ok", "that answers no call" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		char line[128], quote[AGENT_QUOTE], why[AGENT_WHY];
		struct agent_reply r;
		struct fake f;
		size_t head;
		struct agent_client *c = fake_session(&f, FAKE_CAN);
		uint32_t call = CALL(c, &f, "accept socket=1");

		assert_non_null(fake_hear(&f));
		head = strcspn(cases[i][0], "@");
		snprintf(line, sizeof line - 1, "%.*s%s%s", (int)head, cases[i][0],
			 cases[i][0][head] ? f.tag : "", cases[i][0] + head + !!cases[i][0][head]);
		snprintf(why, sizeof why, "the agent does not keep to its protocol (it said `%s`: %s)",
			 agent_quote(line, strlen(line), quote), cases[i][1]);
		strcat(line, "\n");
		fake_say(&f, line);
		agent_client_pump(c, 0);
		assert_lost(c, why);
		assert_true(agent_client_next(c, &r));
		assert_int_equal(r.call, call);
		assert_ptr_equal(r.arg, &f);
		assert_int_equal(r.outcome, AGENT_LOST);
		assert_string_equal(r.text, why);
		assert_false(agent_client_next(c, &r));
		agent_client_free(c);
		fake_end(&f);
	}
}

static void test_nul(void **state)
{
	struct fake f;
	struct agent_client *c = fake_session(&f, FAKE_CAN);

	(void)state;
	fake_say_bytes(&f, "\0ok\n", 4);
	agent_client_pump(c, 0);
	assert_lost(c,
		    "the agent does not keep to its protocol (it said `\\x00ok`: it has a byte that is not "
		    "printable ASCII)");
	agent_client_free(c);
	fake_end(&f);
}

static void test_same_tag_twice(void **state)
{
	struct agent_reply r;
	struct fake f;
	struct agent_client *c = fake_session(&f, FAKE_CAN);

	(void)state;
	assert_true(CALL(c, NULL, "listen socket=1 backlog=1"));
	fake_turn(&f, "listen socket=1 backlog=1", "ok");
	fake_answer(&f, "ok");
	agent_client_pump(c, 0);
	assert_non_null(agent_client_lost(c));
	assert_non_null(strstr(agent_client_lost(c), "that answers no call"));
	/* The first one was right. */
	assert_true(agent_client_next(c, &r));
	assert_int_equal(r.outcome, AGENT_OK);
	agent_client_free(c);
	fake_end(&f);
}

static void test_longest_line(void **state)
{
	char line[AGENT_LINE + 2];
	struct agent_reply r;
	struct fake f;
	struct agent_client *c = fake_session(&f, FAKE_CAN);
	int head;

	(void)state;
	assert_true(CALL(c, NULL, "name socket=1"));
	assert_non_null(fake_hear(&f));
	head = snprintf(line, sizeof line, "%s error EPERM ", f.tag);
	memset(line + head, 'x', sizeof line - (size_t)head);
	line[AGENT_LINE - 1] = '\n';
	fake_say_bytes(&f, line, AGENT_LINE);
	agent_client_pump(c, 0);
	assert_true(agent_client_next(c, &r));
	assert_int_equal(strlen(r.text), AGENT_LINE - 1 - head);
	line[AGENT_LINE - 1] = 'x';
	fake_say_bytes(&f, line, AGENT_LINE);
	agent_client_pump(c, 0);
	assert_lost(c, "the agent does not keep to its protocol (a line of more than 4096 bytes)");
	agent_client_free(c);
	fake_end(&f);
}

static void test_many_keys(void **state)
{
	struct agent_reply r;
	char line[AGENT_LINE], tag[AGENT_TAG];
	size_t len = (size_t)snprintf(line, sizeof line, "1 ok");

	(void)state;
	for (int i = 0; i < AGENT_KEYS; i++)
		len += (size_t)snprintf(line + len, sizeof line - len, " k%d=%d", i, i);
	assert_null(agent_reply_parse(&r, tag, line, len));
	assert_string_equal(agent_reply_value(&r, "k63"), "63");
	len += (size_t)snprintf(line + len, sizeof line - len, " k=");
	assert_string_equal(agent_reply_parse(&r, tag, line, len), "it has too many keys");
	assert_int_equal(r.keys, 0);
}

static void test_silence(void **state)
{
	struct agent_reply r;
	short events;
	int fd;
	struct fake f;
	struct agent_client *c = fake_connect(&f, NULL, NULL, 0);

	(void)state;
	assert_int_equal(agent_client_waits_for(c, &fd, &events), 10000000);
	assert_true(fd >= 0);
	assert_int_equal(events, POLLIN);
	agent_client_pump(c, 9999999);
	assert_null(agent_client_lost(c));
	agent_client_pump(c, 10000000);
	assert_lost(c, "the agent does not answer (no greeting within 10 s)");
	agent_client_free(c);
	fake_end(&f);

	c = fake_connect(&f, NULL, NULL, 0);
	fake_say(&f, "hello finwait-agent 1 can=socket\n");
	agent_client_pump(c, 3000000);
	agent_client_pump(c, 7999999);
	assert_null(agent_client_lost(c));
	agent_client_pump(c, 8000000);
	assert_lost(c, "the agent does not answer (no reply to `hello` within 5 s)");
	assert_false(agent_client_next(c, &r));
	agent_client_free(c);
	fake_end(&f);

	c = fake_session(&f, FAKE_CAN);
	assert_true(agent_client_call(c, &f, 1000000, 9000000, "recv socket=1"));
	assert_true(agent_client_call(c, NULL, 2000000, 2500000, "accept socket=1"));
	assert_int_equal(agent_client_waits_for(c, &fd, &events), 4500000);
	agent_client_pump(c, 4499999);
	assert_null(agent_client_lost(c));
	agent_client_pump(c, 4500000);
	assert_lost(c, "the agent does not answer (no reply to `accept` within 2.5 s)");
	assert_true(agent_client_next(c, &r) && r.outcome == AGENT_LOST && r.arg == &f);
	assert_true(agent_client_next(c, &r) && r.outcome == AGENT_LOST && !r.arg);
	assert_int_equal(agent_client_waits_for(c, &fd, &events), INT64_MAX);
	agent_client_free(c);
	fake_end(&f);
}

/* It is we who come late: the reply is there. */
static void test_late_pump(void **state)
{
	struct agent_reply r;
	struct fake f;
	struct agent_client *c = fake_session(&f, FAKE_CAN);

	(void)state;
	assert_true(CALL(c, NULL, "name socket=1"));
	fake_turn(&f, "name socket=1", "ok local=198.18.0.2:9");
	agent_client_pump(c, 3600000000);
	assert_true(agent_client_next(c, &r));
	assert_int_equal(r.outcome, AGENT_OK);
	assert_null(agent_client_lost(c));
	agent_client_free(c);
	fake_end(&f);
}

/* After a minute without a call it is told that we are still there, and its answer is nobody's. */
static void test_idle(void **state)
{
	struct agent_reply r;
	short events;
	int fd;
	struct fake f;
	struct agent_client *c = fake_session(&f, FAKE_CAN);
	int64_t at_us;

	(void)state;
	while ((at_us = agent_client_waits_for(c, &fd, &events)) < 60000000)
		agent_client_pump(c, at_us);
	assert_int_equal(at_us, 60000000);
	assert_null(fake_hear(&f));
	agent_client_pump(c, at_us);
	fake_turn(&f, "hello version=1", "error EALREADY said before");
	agent_client_pump(c, at_us);
	assert_false(agent_client_next(c, &r));
	assert_true(agent_client_ready(c));
	assert_null(fake_hear(&f));
	agent_client_free(c);
	fake_end(&f);
}

static void test_gone(void **state)
{
	struct agent_reply r;
	struct fake f;
	struct agent_client *c = fake_session(&f, FAKE_CAN);

	(void)state;
	for (size_t i = 0; i < 3; i++)
		assert_true(CALL(c, NULL, "accept socket=%zu", i + 1));
	assert_non_null(fake_hear(&f));
	fake_answer(&f, "ok socket=9");
	fake_say(&f, "12 half a li");
	assert_non_null(fake_hear(&f));
	assert_non_null(fake_hear(&f));
	fake_end(&f);
	agent_client_pump(c, 0);
	assert_lost(c, "the agent is gone");
	assert_true(agent_client_next(c, &r));
	assert_int_equal(r.outcome, AGENT_OK);
	for (int i = 0; i < 2; i++) {
		assert_true(agent_client_next(c, &r));
		assert_int_equal(r.outcome, AGENT_LOST);
		assert_string_equal(r.text, "the agent is gone");
	}
	assert_false(agent_client_next(c, &r));
	agent_client_free(c);

	c = fake_connect(&f, NULL, NULL, 0);
	fake_end(&f);
	agent_client_pump(c, 0);
	assert_lost(c, "the agent is gone before the session began");
	agent_client_free(c);
}

/* The agent says why and closes; a call made after that must not hide it. */
static void test_last_words(void **state)
{
	struct fake f;
	struct agent_client *c = fake_session(&f, FAKE_CAN);

	(void)state;
	fake_say(&f, "- error EPROTO cannot be read\n");
	fake_end(&f);
	assert_true(CALL(c, NULL, "name socket=1"));
	agent_client_pump(c, 0);
	assert_lost(c, "the agent refuses to go on: EPROTO (cannot be read)");
	agent_client_free(c);

	c = fake_session(&f, FAKE_CAN);
	fake_end(&f);
	assert_true(CALL(c, NULL, "name socket=1"));
	agent_client_pump(c, 0);
	assert_lost(c, "the agent is gone");
	agent_client_free(c);
}

/* As many calls as may wait, with long lines, to an agent that does not read; then it does. */
static void test_many_calls(void **state)
{
	struct agent_reply r;
	short events;
	int fd, heard = 0;
	struct fake f;
	struct agent_client *c = fake_session(&f, FAKE_CAN);

	(void)state;
	for (int i = 0; i < AGENT_CALLS; i++)
		assert_true(CALL(c, NULL, "send socket=1 data=%0*d", 1000, i));
	assert_int_equal(CALL(c, NULL, "send socket=1 data=AAAA"), 0);
	assert_null(agent_client_lost(c));
	agent_client_waits_for(c, &fd, &events);
	assert_int_equal(events, POLLIN | POLLOUT);
	for (int turn = 0; heard < AGENT_CALLS && turn < AGENT_CALLS; turn++) {
		agent_client_pump(c, 0);
		while (fake_hear(&f)) {
			assert_int_equal(atoi(strchr(f.said, '=') + 8), heard++);
			fake_answer(&f, "ok length=750");
			agent_client_pump(c, 0);
		}
	}
	assert_int_equal(heard, AGENT_CALLS);
	agent_client_waits_for(c, &fd, &events);
	assert_int_equal(events, POLLIN);
	/* Also a reply that is not taken counts. */
	assert_int_equal(CALL(c, NULL, "send socket=1 data=AAAA"), 0);
	assert_true(agent_client_next(c, &r));
	assert_true(CALL(c, NULL, "send socket=1 data=AAAA"));
	assert_int_equal(CALL(c, NULL, "send socket=1 data=AAAA"), 0);
	agent_client_free(c);
	fake_end(&f);
}

/* A child's standard output and input. */
static void test_pipes(void **state)
{
	struct agent_client_params params = { .greeting_us = 1 };
	struct agent_client *c;
	int from[2], to[2];
	char hello[64] = "";

	(void)state;
	assert_int_equal(pipe(from) | pipe(to), 0);
	params.in = from[0];
	params.out = to[1];
	fcntl(from[0], F_SETFL, O_NONBLOCK);
	fcntl(to[1], F_SETFL, O_NONBLOCK);
	c = agent_client_new(&params, 0);
	assert_int_equal(write(from[1], "hello finwait-agent 1\n", 22), 22);
	agent_client_pump(c, 0);
	assert_true(read(to[0], hello, sizeof hello - 1) > 0);
	assert_non_null(strstr(hello, " hello version=1\n"));
	assert_false(agent_client_can(c, "socket"));
	close(from[1]);
	agent_client_pump(c, 0);
	assert_lost(c, "the agent is gone before the session began");
	agent_client_free(c);
	/* It has closed its end. */
	assert_int_equal(read(to[0], hello, sizeof hello), 0);
	close(to[0]);
}

static void test_wait(void **state)
{
	volatile sig_atomic_t stop = 0;
	struct agent_client_params params = { .greeting_us = 30000000 };
	struct agent_reply r;
	uint32_t first, second;
	char tag[64];
	struct fake f = { 0 };
	struct agent_client *c;
	int ends[2];

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
	fcntl(ends[0], F_SETFL, O_NONBLOCK);
	params.in = params.out = ends[0];
	f.fd = ends[1];
	c = agent_client_new(&params, agent_wait_now());
	stop = 1;
	assert_false(agent_wait_ready(c, &stop));
	stop = 0;
	/* The client's first tag: its hello can be answered beforehand. */
	fake_say(&f, "hello finwait-agent 1 can=socket\n4096 ok\n");
	assert_true(agent_wait_ready(c, &stop));
	assert_true(agent_client_ready(c));
	assert_string_equal(fake_hear(&f), "hello version=1");
	first = agent_client_call(c, NULL, agent_wait_now(), 30000000, "accept socket=1");
	assert_non_null(fake_hear(&f));
	memcpy(tag, f.tag, sizeof tag);
	second = agent_client_call(c, NULL, agent_wait_now(), 30000000, "name socket=1");
	fake_turn(&f, "name socket=1", "ok local=198.18.0.2:9");
	assert_true(agent_wait_reply(c, second, &stop, &r));
	assert_int_equal(r.call, second);
	assert_int_equal(r.outcome, AGENT_OK);
	stop = 1;
	assert_false(agent_wait_reply(c, first, &stop, &r));
	memcpy(f.tag, tag, sizeof tag);
	fake_answer(&f, "error EAGAIN nobody came");
	assert_true(agent_wait_reply(c, first, NULL, &r));
	assert_string_equal(r.error, "EAGAIN");
	first = agent_client_call(c, NULL, agent_wait_now(), 30000000, "accept socket=1");
	assert_non_null(fake_hear(&f));
	fake_end(&f);
	assert_true(agent_wait_reply(c, first, NULL, &r));
	assert_int_equal(r.outcome, AGENT_LOST);
	assert_string_equal(r.text, "the agent is gone");
	assert_true(agent_wait_reply(c, agent_client_call(c, NULL, 0, 1, "accept socket=1"), NULL, &r));
	assert_int_equal(r.outcome, AGENT_LOST);
	assert_string_equal(r.text, "the agent is gone");
	assert_true(agent_wait_ready(c, NULL));
	agent_client_free(c);
}

static void parse_value(struct agent_reply *r, const char *value)
{
	char line[512], tag[AGENT_TAG];
	int len = snprintf(line, sizeof line, "t ok v=%s", value);

	assert_null(agent_reply_parse(r, tag, line, (size_t)len));
	assert_string_equal(tag, "t");
}

static void test_endpoints(void **state)
{
	static const char *const good[][2] = {
		{ "198.18.0.1:7", "198.18.0.1:7" },
		{ "198.18.0.1:0", "198.18.0.1:0" },
		{ "[2001:db8::1]:65535", "[2001:db8::1]:65535" },
		{ "[fe80::1%25eth0]:7", "[fe80::1]:7" },
	};
	static const char *const bad[] = {
		"",
		"198.18.0.1",
		"198.18.0.1:",
		"198.18.0.1:65536",
		"198.18.0.1:-1",
		"[198.18.0.1]:7",
		"::1:7",
		"[::1]",
		"[::1:7",
		"::1]:7",
		"[]:7",
		"[%25eth0]:7",
		"[::1]7",
		"198.18.0.1:7:7",
		"198.18.0.1%25:7",
		"[::1]:0x7",
		"198.18.0.1:%207",
	};
	char text[ENDPOINT_TEXT];
	struct agent_reply r;
	struct endpoint e;

	(void)state;
	for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
		parse_value(&r, good[i][0]);
		assert_true(agent_reply_endpoint(&r, "v", &e));
		assert_string_equal(endpoint_text(&e, text), good[i][1]);
	}
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		parse_value(&r, bad[i]);
		if (agent_reply_endpoint(&r, "v", &e))
			fail_msg("%s is taken for an endpoint", bad[i]);
	}
	assert_false(agent_reply_endpoint(&r, "w", &e));
	e.addr.scope = 5;
	assert_true(address_parse(&e.addr, "fe80::1"));
	e.addr.scope = 5;
	e.port = 7;
	assert_string_equal(agent_endpoint_value(&e, text), "[fe80::1]:7");
}

static void test_numbers(void **state)
{
	static const char *const bad[] = {
		"", "-1", "+1", "0x1", "1x", "%201", "18446744073709551616", "99999999999999999999"
	};
	struct agent_reply r;
	uint64_t n;

	(void)state;
	parse_value(&r, "18446744073709551615");
	assert_true(agent_reply_number(&r, "v", UINT64_MAX, &n) && n == UINT64_MAX);
	assert_false(agent_reply_number(&r, "v", UINT64_MAX - 1, &n));
	parse_value(&r, "0");
	assert_true(agent_reply_number(&r, "v", 0, &n) && !n);
	parse_value(&r, "5");
	assert_false(agent_reply_number(&r, "v", 4, &n));
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		parse_value(&r, bad[i]);
		assert_false(agent_reply_number(&r, "v", UINT64_MAX, &n));
	}
}

/* RFC 4648 10. */
static void test_base64(void **state)
{
	static const char *const pairs[][2] = { { "", "" },
						{ "f", "Zg==" },
						{ "fo", "Zm8=" },
						{ "foo", "Zm9v" },
						{ "foob", "Zm9vYg==" },
						{ "fooba", "Zm9vYmE=" },
						{ "foobar", "Zm9vYmFy" } };
	static const char *const bad[] = { "Z",    "Zg",       "Zg=",  "Zg===",  "Z===",
					   "====", "Zg==Zg==", "Zm9-", "Zm9v%0A" };
	struct agent_reply r;
	uint8_t bytes[6];
	char text[9];
	size_t len;

	(void)state;
	for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
		size_t plain = strlen(pairs[i][0]);

		assert_true(agent_base64((const uint8_t *)pairs[i][0], plain, text, sizeof text));
		assert_string_equal(text, pairs[i][1]);
		assert_false(agent_base64((const uint8_t *)pairs[i][0], plain, text, strlen(pairs[i][1])));
		parse_value(&r, pairs[i][1]);
		assert_true(agent_reply_bytes(&r, "v", bytes, plain, &len));
		assert_int_equal(len, plain);
		assert_memory_equal(bytes, pairs[i][0], plain);
		if (plain)
			assert_false(agent_reply_bytes(&r, "v", bytes, plain - 1, &len));
	}
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		parse_value(&r, bad[i]);
		if (agent_reply_bytes(&r, "v", bytes, sizeof bytes, &len))
			fail_msg("%s is taken for base64", bad[i]);
	}
}

static void test_escapes(void **state)
{
	struct agent_reply r;
	char text[24];

	(void)state;
	assert_true(agent_escape("a b%\n\xff", text, sizeof text));
	assert_string_equal(text, "a%20b%25%0A%FF");
	assert_false(agent_escape("a b%\n\xff", text, 14));
	assert_true(agent_escape("a b%\n\xff", text, 15));
	parse_value(&r, text);
	assert_string_equal(agent_reply_value(&r, "v"), "a b%\n\xff");
	parse_value(&r, "x=y%c3%A4");
	assert_string_equal(agent_reply_value(&r, "v"), "x=y\xc3\xa4");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_hello),          cmocka_unit_test(test_hello_too_long),
		cmocka_unit_test(test_bad_greetings),  cmocka_unit_test(test_hello_refused),
		cmocka_unit_test(test_any_order),      cmocka_unit_test(test_byte_by_byte),
		cmocka_unit_test(test_garbage),        cmocka_unit_test(test_nul),
		cmocka_unit_test(test_same_tag_twice), cmocka_unit_test(test_longest_line),
		cmocka_unit_test(test_many_keys),      cmocka_unit_test(test_silence),
		cmocka_unit_test(test_late_pump),      cmocka_unit_test(test_idle),
		cmocka_unit_test(test_gone),           cmocka_unit_test(test_last_words),
		cmocka_unit_test(test_many_calls),     cmocka_unit_test(test_pipes),
		cmocka_unit_test(test_wait),           cmocka_unit_test(test_endpoints),
		cmocka_unit_test(test_numbers),        cmocka_unit_test(test_base64),
		cmocka_unit_test(test_escapes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
