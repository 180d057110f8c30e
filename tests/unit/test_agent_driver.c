/* SPDX-License-Identifier: BSD-2-Clause */
/* The driver for agents: what it asks for each action, and what it makes of every kind of reply. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "drive/agent.h"
#include "unit/fake_agent.h"

enum { TIMEOUT_US = 3000000, TARGET_PORT = 40000, MANY = 300 };

static struct fake f;
static struct driver *d;

static void begin(const char *can)
{
	d = agent_driver_new(fake_session(&f, can));
	assert_non_null(d);
}

static void end(void)
{
	d->ops->close(d);
	fake_end(&f);
}

static struct request request(size_t id, enum action action)
{
	struct request r = {
		.id = id, .action = action, .seed = 7, .length = 1000, .timeout_us = TIMEOUT_US
	};

	assert_true(address_parse(&r.prober.addr, "198.18.0.1") &&
		    address_parse(&r.target.addr, "198.18.0.2"));
	r.prober.port = (uint16_t)(20000 + id);
	return r;
}

static void ask(size_t id, enum action action)
{
	struct request r = request(id, action);

	d->ops->ask(d, &r, 0);
}

static bool answered(struct driver_answer *a)
{
	memset(a, 0xa5, sizeof *a);
	return d->ops->answer(d, 0, a);
}

static void no_answer(void)
{
	struct driver_answer a;

	assert_false(answered(&a));
}

/* The next answer, which is this one. */
static struct driver_answer expect(size_t id, enum action action, enum answer_kind kind, const char *text)
{
	struct driver_answer a;

	assert_true(answered(&a));
	assert_int_equal(a.id, id);
	assert_int_equal(a.action, action);
	assert_string_equal(a.text, text);
	assert_int_equal(a.kind, kind);
	return a;
}

/* The agent is asked this, and replies; what the driver asks next has then been sent. */
static void turn(const char *said, const char *reply)
{
	fake_turn(&f, said, reply);
}

static void pump(void)
{
	no_answer();
}

static void open_listener(void)
{
	ask(1, ACTION_LISTEN);
	turn("socket family=ipv4", "ok socket=1");
	pump();
	turn("setopt socket=1 option=reuseaddr value=1", "ok");
	pump();
	turn("bind socket=1 local=198.18.0.2:0", "ok local=198.18.0.2:40000");
	pump();
	turn("listen socket=1 backlog=512", "ok");
	assert_int_equal(expect(1, ACTION_LISTEN, ANSWER_DONE, "").target.port, TARGET_PORT);
}

static void open_accepted(void)
{
	open_listener();
	ask(1, ACTION_ACCEPT);
	turn("accept socket=1 from=198.18.0.1:20001 timeout_ms=3000",
	     "ok socket=2 local=198.18.0.2:40000 peer=198.18.0.1:20001");
	expect(1, ACTION_ACCEPT, ANSWER_DONE, "");
}

static void open_connected(size_t id)
{
	char line[128], local[64];

	ask(id, ACTION_CONNECT);
	snprintf(line, sizeof line, "ok socket=%zu", id);
	turn("socket family=ipv4", line);
	pump();
	snprintf(line, sizeof line, "bind socket=%zu local=198.18.0.2:0", id);
	snprintf(local, sizeof local, "ok local=198.18.0.2:%zu", TARGET_PORT + id);
	turn(line, local);
	pump();
	snprintf(line, sizeof line, "connect socket=%zu to=198.18.0.1:%zu wait=0", id, 20000 + id);
	turn(line, local);
	assert_int_equal(expect(id, ACTION_CONNECT, ANSWER_DONE, "").target.port, TARGET_PORT + id);
}

static void test_can(void **state)
{
	static const struct {
		const char *words;
		unsigned can;
	} cases[] = {
		{ FAKE_CAN, (1u << ACTIONS) - 1 },
		{ "", 1u << ACTION_KEEP_OPEN },
		{ "socket,bind,listen", 1u << ACTION_KEEP_OPEN | 1u << ACTION_LISTEN },
		{ "socket,bind,connect,abort",
		  1u << ACTION_KEEP_OPEN | 1u << ACTION_CONNECT | 1u << ACTION_ABORT },
		{ "state,send,recv,shutdown,accept",
		  1u << ACTION_KEEP_OPEN | 1u << ACTION_STATE | 1u << ACTION_SEND | 1u << ACTION_RECEIVE |
			  1u << ACTION_CLOSE_FIRST | 1u << ACTION_CLOSE_LAST },
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		begin(cases[i].words);
		assert_int_equal(d->can, cases[i].can);
		assert_string_equal(d->name, "agent");
		for (int action = 0; action < ACTIONS; action++)
			if (!(d->can & 1u << action)) {
				ask(1, (enum action)action);
				expect(1, (enum action)action, ANSWER_FAILED,
				       "the agent cannot do that on its system");
			}
		assert_null(fake_hear(&f));
		end();
	}
}

static void test_passive(void **state)
{
	struct driver_answer a;

	(void)state;
	begin(FAKE_CAN);
	open_accepted();
	ask(1, ACTION_SEND);
	ask(1, ACTION_RECEIVE);
	assert_string_equal(fake_hear(&f),
			    "send socket=2 pattern=mix seed=7 offset=0 length=1000 timeout_ms=3000");
	fake_answer(&f, "ok length=1000");
	turn("recv socket=2 pattern=mix seed=7 offset=0 length=1000 timeout_ms=3000",
	     "ok length=900 match=17 end=eof");
	a = expect(1, ACTION_SEND, ANSWER_DONE, "");
	assert_int_equal(a.length, 1000);
	a = expect(1, ACTION_RECEIVE, ANSWER_DONE, "the prober's FIN came");
	assert_int_equal(a.length, 900);
	assert_int_equal(a.matched, 17);
	ask(1, ACTION_KEEP_OPEN);
	expect(1, ACTION_KEEP_OPEN, ANSWER_DONE, "");
	ask(1, ACTION_STATE);
	turn("state local=198.18.0.2:40000 peer=198.18.0.1:20001", "ok state=CLOSE-WAIT");
	assert_int_equal(expect(1, ACTION_STATE, ANSWER_DONE, "").state, TCP_CLOSE_WAIT);
	ask(1, ACTION_CLOSE_LAST);
	turn("shutdown socket=2 how=write", "ok");
	expect(1, ACTION_CLOSE_LAST, ANSWER_DONE, "");
	d->ops->release(d, 1, 0);
	turn("abort socket=2", "ok");
	pump();
	assert_null(fake_hear(&f));
	end();
}

static void test_active(void **state)
{
	static const char *const ends[][2] = { { "no", "" },
					       { "reset", "the connection was reset" },
					       { "timed-out", "the connection timed out" } };

	(void)state;
	begin(FAKE_CAN);
	open_connected(5);
	for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) {
		char reply[64];

		ask(5, ACTION_RECEIVE);
		snprintf(reply, sizeof reply, "ok length=0 match=0 end=%s", ends[i][0]);
		turn("recv socket=5 pattern=mix seed=7 offset=0 length=1000 timeout_ms=3000", reply);
		expect(5, ACTION_RECEIVE, ANSWER_DONE, ends[i][1]);
	}
	ask(5, ACTION_CLOSE_FIRST);
	turn("shutdown socket=5 how=write", "ok");
	expect(5, ACTION_CLOSE_FIRST, ANSWER_DONE, "");
	ask(5, ACTION_ABORT);
	turn("abort socket=5", "ok");
	expect(5, ACTION_ABORT, ANSWER_DONE, "");
	/* The socket is gone, the connection may still be asked for. */
	ask(5, ACTION_STATE);
	turn("state local=198.18.0.2:40005 peer=198.18.0.1:20005", "ok state=CLOSED");
	assert_int_equal(expect(5, ACTION_STATE, ANSWER_DONE, "").state, TCP_CLOSED);
	ask(5, ACTION_SEND);
	expect(5, ACTION_SEND, ANSWER_FAILED, "the agent holds no connection of this exchange");
	d->ops->release(d, 5, 0);
	assert_null(fake_hear(&f));
	end();
}

static void test_state_unknown(void **state)
{
	(void)state;
	begin(FAKE_CAN);
	open_connected(1);
	ask(1, ACTION_STATE);
	turn("state local=198.18.0.2:40001 peer=198.18.0.1:20001", "error ENOTSUP no way");
	pump();
	turn("state socket=1", "ok state=FIN-WAIT-2");
	assert_int_equal(expect(1, ACTION_STATE, ANSWER_DONE, "").state, TCP_FIN_WAIT_2);
	ask(1, ACTION_STATE);
	turn("state local=198.18.0.2:40001 peer=198.18.0.1:20001", "error ENOTSUP no way");
	pump();
	turn("state socket=1", "error ENOTSUP no way either");
	assert_int_equal(expect(1, ACTION_STATE, ANSWER_DONE, "").state, TCP_STATES);
	ask(1, ACTION_STATE);
	turn("state local=198.18.0.2:40001 peer=198.18.0.1:20001", "error EACCES not yours");
	expect(1, ACTION_STATE, ANSWER_FAILED, "the agent's state failed: EACCES (not yours)");
	/* Neither a port nor a socket to name it by. */
	ask(2, ACTION_STATE);
	assert_int_equal(expect(2, ACTION_STATE, ANSWER_DONE, "").state, TCP_STATES);
	assert_null(fake_hear(&f));
	end();
}

static void test_without_reuseaddr(void **state)
{
	(void)state;
	begin("socket,setopt,bind,listen,ipv4");
	ask(1, ACTION_LISTEN);
	turn("socket family=ipv4", "ok socket=1");
	pump();
	turn("bind socket=1 local=198.18.0.2:0", "ok local=198.18.0.2:40000");
	end();
}

static void test_ipv6(void **state)
{
	struct request r = request(1, ACTION_LISTEN);
	struct driver_answer a;

	(void)state;
	begin(FAKE_CAN);
	assert_true(address_parse(&r.prober.addr, "fe80::1") && address_parse(&r.target.addr, "fe80::2"));
	r.prober.addr.scope = r.target.addr.scope = 3;
	r.target.port = 80;
	d->ops->ask(d, &r, 0);
	turn("socket family=ipv6", "ok socket=1");
	pump();
	turn("setopt socket=1 option=reuseaddr value=1", "ok");
	pump();
	turn("bind socket=1 local=[fe80::2]:80", "ok local=[fe80::2%25lan]:80");
	pump();
	turn("listen socket=1 backlog=512", "ok");
	a = expect(1, ACTION_LISTEN, ANSWER_DONE, "");
	assert_true(endpoint_equal(&a.target, &r.target));
	assert_int_equal(a.target.addr.scope, 3);
	r.action = ACTION_ACCEPT;
	d->ops->ask(d, &r, 0);
	turn("accept socket=1 from=[fe80::1]:20001 timeout_ms=3000",
	     "ok socket=2 local=[fe80::2%25lan]:80 peer=[fe80::1%25lan]:20001");
	expect(1, ACTION_ACCEPT, ANSWER_DONE, "");
	end();
}

/* One listener for all that ask, before and after it is there; another for another port. */
static void test_shared_listener(void **state)
{
	struct request other = request(9, ACTION_LISTEN);

	(void)state;
	begin(FAKE_CAN);
	ask(1, ACTION_LISTEN);
	ask(2, ACTION_LISTEN);
	ask(3, ACTION_LISTEN);
	d->ops->release(d, 1, 0);
	d->ops->release(d, 3, 0);
	turn("socket family=ipv4", "ok socket=1");
	pump();
	turn("setopt socket=1 option=reuseaddr value=1", "ok");
	pump();
	turn("bind socket=1 local=198.18.0.2:0", "ok local=198.18.0.2:40000");
	pump();
	turn("listen socket=1 backlog=512", "ok");
	assert_int_equal(expect(2, ACTION_LISTEN, ANSWER_DONE, "").target.port, TARGET_PORT);
	ask(4, ACTION_LISTEN);
	assert_int_equal(expect(4, ACTION_LISTEN, ANSWER_DONE, "").target.port, TARGET_PORT);
	assert_null(fake_hear(&f));
	other.target.port = 80;
	d->ops->ask(d, &other, 0);
	turn("socket family=ipv4", "ok socket=8");
	pump();
	turn("setopt socket=8 option=reuseaddr value=1", "ok");
	pump();
	turn("bind socket=8 local=198.18.0.2:80", "error EADDRINUSE taken");
	expect(9, ACTION_LISTEN, ANSWER_FAILED, "the agent's bind failed: EADDRINUSE (taken)");
	turn("abort socket=8", "ok");
	other.action = ACTION_ACCEPT;
	d->ops->ask(d, &other, 0);
	expect(9, ACTION_ACCEPT, ANSWER_FAILED, "the agent does not listen there");
	end();
}

/* Each call of each action refused: how far the action gets, then the error. */
static void test_errors(void **state)
{
	static const struct {
		enum action action;
		const char *calls[4]; /* verbs */
		const char *replies[4];
	} cases[] = {
		{ ACTION_LISTEN,
		  { "socket", "setopt", "bind", "listen" },
		  { "ok socket=9", "ok", "ok local=198.18.0.2:80", "" } },
		{ ACTION_CONNECT,
		  { "socket", "bind", "connect" },
		  { "ok socket=9", "ok local=198.18.0.2:80", "" } },
		{ ACTION_ACCEPT, { "accept" }, { "" } },
		{ ACTION_CLOSE_FIRST, { "shutdown" }, { "" } },
		{ ACTION_CLOSE_LAST, { "shutdown" }, { "" } },
		{ ACTION_SEND, { "send" }, { "" } },
		{ ACTION_RECEIVE, { "recv" }, { "" } },
		{ ACTION_ABORT, { "abort" }, { "" } },
		{ ACTION_STATE, { "state" }, { "" } },
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
		for (size_t bad = 0; bad < 4 && cases[i].calls[bad]; bad++) {
			enum action action = cases[i].action;
			char text[64];

			begin(FAKE_CAN);
			if (action == ACTION_ACCEPT)
				open_listener();
			else if (action != ACTION_CONNECT && action != ACTION_LISTEN)
				open_connected(1);
			ask(1, action);
			for (size_t good = 0; good < bad; good++) {
				assert_memory_equal(fake_hear(&f), cases[i].calls[good],
						    strlen(cases[i].calls[good]));
				fake_answer(&f, cases[i].replies[good]);
				pump();
			}
			assert_memory_equal(fake_hear(&f), cases[i].calls[bad], strlen(cases[i].calls[bad]));
			fake_answer(&f, "error E123 it broke");
			snprintf(text, sizeof text, "the agent's %s failed: E123 (it broke)",
				 cases[i].calls[bad]);
			expect(1, action, ANSWER_FAILED, text);
			/* Nothing half open is left: only what was opened in vain is given back. */
			if (bad && (action == ACTION_LISTEN || action == ACTION_CONNECT))
				turn("abort socket=9", "ok");
			assert_null(fake_hear(&f));
			no_answer();
			end();
		}
}

static void test_timeouts(void **state)
{
	struct request r = request(1, ACTION_RECEIVE);
	struct driver_answer a;
	short events;
	int fd;

	(void)state;
	begin(FAKE_CAN);
	open_accepted();
	ask(2, ACTION_ACCEPT);
	turn("accept socket=1 from=198.18.0.1:20002 timeout_ms=3000", "error EAGAIN nobody came");
	expect(2, ACTION_ACCEPT, ANSWER_FAILED, "the agent's accept was not over within 3 s (nobody came)");
	r.timeout_us = INT64_MAX;
	d->ops->ask(d, &r, 0);
	turn("recv socket=2 pattern=mix seed=7 offset=0 length=1000 timeout_ms=3600000",
	     "error EAGAIN after 17 bytes");
	expect(1, ACTION_RECEIVE, ANSWER_FAILED,
	       "the agent's recv was not over within 3600 s (after 17 bytes)");
	/* The agent is given a little longer than that. */
	ask(1, ACTION_RECEIVE);
	assert_int_equal(d->ops->waits_for(d, &fd, &events), 5000000);
	assert_false(d->ops->answer(d, TIMEOUT_US + AGENT_PATIENCE_US - 1, &a));
	assert_true(d->ops->answer(d, TIMEOUT_US + AGENT_PATIENCE_US, &a));
	assert_int_equal(a.kind, ANSWER_LOST);
	assert_string_equal(a.text, "the agent does not answer (no reply to `recv` within 8 s)");
	end();
}

/* Replies that are well formed, and wrong. */
static void test_liars(void **state)
{
	static const struct {
		enum action action;
		const char *reply, *wrong;
	} cases[] = {
		{ ACTION_CONNECT, "ok", "`socket` names no socket" },
		{ ACTION_CONNECT, "ok socket=0", "`socket` names no socket" },
		{ ACTION_CONNECT, "ok socket=x", "`socket` names no socket" },
		{ ACTION_ACCEPT, "ok local=198.18.0.2:40000 peer=198.18.0.1:20003",
		  "`accept` names no socket" },
		{ ACTION_ACCEPT, "ok socket=3 local=198.18.0.2:40000",
		  "`accept` names another peer than the one it was asked for" },
		{ ACTION_ACCEPT, "ok socket=3 local=198.18.0.2:40000 peer=198.18.0.1:20004",
		  "`accept` names another peer than the one it was asked for" },
		{ ACTION_ACCEPT, "ok socket=3 local=198.18.0.2:0 peer=198.18.0.1:20003",
		  "`accept` names no local address and port" },
		{ ACTION_SEND, "ok", "`send` names no length, or more than was asked for" },
		{ ACTION_SEND, "ok length=1001", "`send` names no length, or more than was asked for" },
		{ ACTION_RECEIVE, "ok length=1001 match=1 end=no",
		  "`recv` names no lengths, or such as cannot be" },
		{ ACTION_RECEIVE, "ok length=10 match=11 end=no",
		  "`recv` names no lengths, or such as cannot be" },
		{ ACTION_RECEIVE, "ok length=10 end=no", "`recv` names no lengths, or such as cannot be" },
		{ ACTION_RECEIVE, "ok length=10 match=1", "`recv` does not say how it ended" },
		{ ACTION_RECEIVE, "ok length=10 match=1 end=well", "`recv` does not say how it ended" },
		{ ACTION_STATE, "ok", "`state` names no state of RFC 9293" },
		{ ACTION_STATE, "ok state=TIME_WAIT", "`state` names no state of RFC 9293" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		enum action action = cases[i].action;
		size_t id = action == ACTION_ACCEPT || action == ACTION_CONNECT ? 3 : 1;
		char text[DRIVER_TEXT];

		begin(FAKE_CAN);
		open_accepted();
		ask(id, action);
		assert_non_null(fake_hear(&f));
		fake_answer(&f, cases[i].reply);
		snprintf(text, sizeof text, "the agent does not keep to its protocol (its reply to %s)",
			 cases[i].wrong);
		expect(id, action, ANSWER_LOST, text);
		ask(1, ACTION_KEEP_OPEN);
		expect(1, ACTION_KEEP_OPEN, ANSWER_LOST, text);
		end();
	}
}

static void test_loss(void **state)
{
	short events;
	int fd;

	(void)state;
	begin(FAKE_CAN);
	open_accepted();
	ask(1, ACTION_RECEIVE);
	ask(2, ACTION_ACCEPT);
	ask(3, ACTION_CONNECT);
	ask(4, ACTION_RECEIVE);
	expect(4, ACTION_RECEIVE, ANSWER_FAILED, "the agent holds no connection of this exchange");
	d->ops->release(d, 3, 0);
	while (fake_hear(&f))
		;
	fake_end(&f);
	expect(1, ACTION_RECEIVE, ANSWER_LOST, "the agent is gone");
	expect(2, ACTION_ACCEPT, ANSWER_LOST, "the agent is gone");
	/* It waits for nothing, and has to know. */
	expect(4, ACTIONS, ANSWER_LOST, "the agent is gone");
	no_answer();
	for (int action = 0; action < ACTIONS; action++) {
		ask(5, (enum action)action);
		expect(5, (enum action)action, ANSWER_LOST, "the agent is gone");
	}
	ask(6, ACTION_ACCEPT);
	assert_int_equal(d->ops->waits_for(d, &fd, &events), 0);
	assert_int_equal(fd, -1);
	expect(6, ACTION_ACCEPT, ANSWER_LOST, "the agent is gone");
	assert_int_equal(d->ops->waits_for(d, &fd, &events), INT64_MAX);
	d->ops->release(d, 1, 0);
	d->ops->release(d, 77, 0);
	d->ops->close(d);
}

/* Whatever a released exchange comes to hold afterwards is given back; its answers are nobody's. */
static void test_release(void **state)
{
	(void)state;
	begin(FAKE_CAN);
	open_listener();
	/* A connection that comes too late, */
	ask(2, ACTION_ACCEPT);
	d->ops->release(d, 2, 0);
	turn("accept socket=1 from=198.18.0.1:20002 timeout_ms=3000",
	     "ok socket=2 local=198.18.0.2:40000 peer=198.18.0.1:20002");
	pump();
	turn("abort socket=2", "ok");
	/* a socket that does, */
	ask(3, ACTION_CONNECT);
	d->ops->release(d, 3, 0);
	turn("socket family=ipv4", "ok socket=3");
	pump();
	turn("abort socket=3", "error EBADF no such socket");
	/* one that is being used, */
	ask(4, ACTION_CONNECT);
	turn("socket family=ipv4", "ok socket=4");
	pump();
	assert_string_equal(fake_hear(&f), "bind socket=4 local=198.18.0.2:0");
	d->ops->release(d, 4, 0);
	fake_answer(&f, "error ECANCELED closed");
	pump();
	turn("abort socket=4", "ok");
	/* and an answer that was there. The id may come again. */
	ask(4, ACTION_KEEP_OPEN);
	d->ops->release(d, 4, 0);
	pump();
	open_connected(4);
	/* An exchange has one connection. */
	ask(4, ACTION_CONNECT);
	expect(4, ACTION_CONNECT, ANSWER_FAILED, "the agent holds a connection of this exchange already");
	ask(5, ACTION_ACCEPT);
	ask(5, ACTION_ACCEPT);
	expect(5, ACTION_ACCEPT, ANSWER_FAILED, "the agent holds a connection of this exchange already");
	end();
}

static void test_release_without_abort(void **state)
{
	(void)state;
	begin("socket,bind,connect,close,ipv4");
	open_connected(1);
	d->ops->release(d, 1, 0);
	turn("close socket=1", "ok");
	end();
}

/* Hundreds side by side, answered from the last to the first. */
static void test_many(void **state)
{
	static char tags[MANY][sizeof f.tag];
	struct driver_answer a;
	size_t done = 0;

	(void)state;
	begin(FAKE_CAN);
	open_listener();
	for (size_t id = 0; id < MANY; id++) {
		char said[128];

		ask(id + 100, ACTION_ACCEPT);
		snprintf(said, sizeof said, "accept socket=1 from=198.18.0.1:%zu timeout_ms=3000",
			 20100 + id);
		assert_string_equal(fake_hear(&f), said);
		memcpy(tags[id], f.tag, sizeof f.tag);
	}
	for (size_t id = MANY; id-- > 0;) {
		char reply[128];

		memcpy(f.tag, tags[id], sizeof f.tag);
		snprintf(reply, sizeof reply, "ok socket=%zu local=198.18.0.2:40000 peer=198.18.0.1:%zu",
			 id + 2, 20100 + id);
		fake_answer(&f, reply);
		if (id % 50 == 0)
			while (answered(&a)) {
				assert_int_equal(a.kind, ANSWER_DONE);
				done++;
			}
	}
	assert_int_equal(done, MANY);
	for (size_t id = 0; id < MANY; id++) {
		char said[64];

		d->ops->release(d, id + 100, 0);
		snprintf(said, sizeof said, "abort socket=%zu", id + 2);
		turn(said, "ok");
		pump();
	}
	end();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_can),
		cmocka_unit_test(test_passive),
		cmocka_unit_test(test_active),
		cmocka_unit_test(test_state_unknown),
		cmocka_unit_test(test_without_reuseaddr),
		cmocka_unit_test(test_ipv6),
		cmocka_unit_test(test_shared_listener),
		cmocka_unit_test(test_errors),
		cmocka_unit_test(test_timeouts),
		cmocka_unit_test(test_liars),
		cmocka_unit_test(test_loss),
		cmocka_unit_test(test_release),
		cmocka_unit_test(test_release_without_abort),
		cmocka_unit_test(test_many),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
