/* SPDX-License-Identifier: BSD-2-Clause */
/* A controller's session: the greeting, who may do what, requests that are wrong, limits, and its end. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "controller_by_hand.h"

static const char token[] = "a token of sixteen or more";

static void test_greeting(void **state)
{
	static const char *const words[] = { "socket",       "setopt",  "getopt",  "bind",      "listen",
					     "accept",       "connect", "send",    "recv",      "shutdown",
					     "close",        "abort",   "name",    "state",     "reuseaddr",
					     "reuseport",    "v6only",  "nodelay", "keepalive", "maxseg",
					     "user_timeout", "linger",  "error",   "ipv4" };
	char with[32], all[1024];

	(void)state;
	agent_session_free(s);
	s = agent_session_new(&config, NULL);
	expect_start("hello finwait-agent 1 system=Linux-");
	assert_string_equal(value("sockets"), "1024");
	snprintf(all, sizeof(all), ",%s,", strstr(reply, " can=") + 5);
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		snprintf(with, sizeof(with), ",%s,", words[i]);
		if (strcmp(words[i], "v6only") != 0 || strstr(all, ",ipv6,"))
			assert_non_null(strstr(all, with));
	}
	assert_null(strstr(all, ",hello,"));
}

static void test_hello_comes_first(void **state)
{
	(void)state;
	restart(NULL);
	say("a socket family=ipv4");
	expect_start("a error EPERM ");
	say("b nothing =");
	expect_start("b error EPERM ");
	say("c hello version=2");
	expect_start("c error EPROTONOSUPPORT ");
	say("c hello");
	expect_start("c error EINVAL ");
	say("c hello version=1 name=x");
	expect_start("c error EINVAL ");
	say("c hello version=1 allow=127.0.0.1,");
	expect_start("c error EINVAL ");
	say("c hello version=1 allow=");
	expect_start("c error EINVAL ");
	say("d hello version=1");
	expect("d ok");
	say("e hello version=1");
	expect_start("e error EALREADY ");
	say("f connect socket=%u to=127.0.0.1:1", make_socket("ipv4"));
	expect_start("f error EACCES ");
}

static void test_token(void **state)
{
	static const char *const wrong[] = { "",
					     " token=",
					     " token=a%20token%20of%20sixteen%20or%20mor",
					     " token=a%20token%20of%20sixteen%20or%20more.",
					     " token=a%20token%20of%20sixteen%20or%20more%00",
					     " token=b%20token%20of%20sixteen%20or%20more" };
	char text[512];

	(void)state;
	strcpy(config.token, token);
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		restart(NULL);
		say("t hello version=1%s", wrong[i]);
		expect_start("t error EACCES ");
		assert_true(agent_session_over(s));
		assert_int_equal(agent_session_input(s, "t name\n", 7, now_ms), 0);
	}
	restart(NULL);
	memset(text, 'x', 300);
	text[300] = '\0';
	say("t hello version=1 token=%s", text);
	expect_start("t error EACCES ");
	assert_true(agent_session_over(s));
	restart("h hello version=1 token=a%20token%20of%20sixteen%20or%20more");
	assert_false(agent_session_over(s));
}

/* Over TCP: from 198.18.0.9, and the agent was started with --allow 10.0.0.0/8. */
static void test_allow_of_a_remote_controller(void **state)
{
	struct agent_network ten;
	struct agent_address controller;

	(void)state;
	assert_true(agent_network_read("10.0.0.0/8", &ten) &&
		    agent_address_read("[::ffff:198.18.0.9]:1", &controller));
	config.networks = &ten;
	config.n_networks = 1;
	agent_session_free(s);
	s = agent_session_new(&config, &controller);
	hear();
	say("a hello version=1 allow=10.1.0.0/16,198.18.0.8/31");
	expect_start("a error EACCES ");
	say("a hello version=1 allow=0.0.0.0/0");
	expect_start("a error EACCES ");
	say("a hello version=1 allow=198.18.0.9,10.1.0.0/16");
	expect("a ok");
	say("b state local=127.0.0.1:1 peer=10.2.0.1:1");
	expect_start("b error EACCES ");
	say("b state local=127.0.0.1:1 peer=10.1.255.1:1");
	expect("b ok state=CLOSED");
	agent_session_free(s);
	s = agent_session_new(&config, &controller);
	hear();
	say("a hello version=1");
	expect("a ok");
	say("b state local=127.0.0.1:1 peer=10.2.0.1:1");
	expect("b ok state=CLOSED");
	say("b state local=127.0.0.1:1 peer=198.18.0.9:1");
	expect("b ok state=CLOSED");
	say("b state local=127.0.0.1:1 peer=198.18.0.8:1");
	expect_start("b error EACCES ");
	say("b connect socket=%u to=127.0.0.1:1", make_socket("ipv4"));
	expect_start("b error EACCES ");
}

/* Over TCP, from a link-local address: on another interface it is somebody else's. The socket is of the other
 * family, so that nothing is sent. */
static void test_link_local_controller(void **state)
{
	static const char *const hellos[] = { "a hello version=1", "a hello version=1 allow=fe80::9" };
	struct agent_address controller;

	(void)state;
	assert_true(agent_address_read("[fe80::9%3]:1", &controller));
	for (size_t i = 0; i < sizeof(hellos) / sizeof(hellos[0]); i++) {
		agent_session_free(s);
		s = agent_session_new(&config, &controller);
		hear();
		say("%s", hellos[i]);
		expect("a ok");
		make_socket("ipv4");
		say("b connect socket=1 to=[fe80::9%%253]:1");
		expect_start("b error EAFNOSUPPORT ");
		say("b connect socket=1 to=[fe80::9]:1");
		expect_start("b error EAFNOSUPPORT ");
		say("b connect socket=1 to=[fe80::9%%254]:1");
		expect_start("b error EACCES ");
		say("b connect socket=1 to=[fe80::8%%253]:1");
		expect_start("b error EACCES ");
	}
}

static void test_unreadable_lines(void **state)
{
	static const char zeros[] = "t\0name\n";

	(void)state;
	feed(zeros, sizeof(zeros) - 1);
	expect_start("- error EPROTO ");
	say("toolongatagisthis socket");
	expect_start("- error EPROTO ");
	for (int i = 2; i < 31; i++) {
		say("%s", "");
		expect_start("- error EPROTO ");
	}
	assert_false(agent_session_over(s));
	say("t nothing");
	expect_start("t error ENOSYS ");
	for (int i = 0; i < 32; i++) {
		assert_false(agent_session_over(s));
		say("%s", "t");
		expect_start("- error EPROTO ");
	}
	assert_true(agent_session_over(s));
	assert_int_equal(agent_session_input(s, "t name\n", 7, now_ms), 0);
}

/* What a page has a browser send to an agent on loopback. */
static void test_browsers_say_no_hello(void **state)
{
	static const char request[] = "POST / HTTP/1.1\r\nHost: 127.0.0.1:7930\r\n\r\n1 hello version=1\n";

	(void)state;
	restart(NULL);
	assert_in_range(agent_session_input(s, request, sizeof(request) - 1, now_ms), 1, 40);
	expect_start("POST error EPERM ");
	expect_start("- error EPROTO ");
	assert_true(agent_session_over(s));
	restart(NULL);
	for (int i = 0; i < 4096; i++)
		feed("x", 1);
	expect_start("- error EMSGSIZE ");
	assert_true(agent_session_over(s));
}

static void test_long_lines(void **state)
{
	static char line[6000];

	(void)state;
	memset(line, 'a', sizeof(line));
	memcpy(line, "t ", 2);
	line[4095] = '\n';
	feed(line, 4096);
	expect_start("t error ENOSYS ");
	line[4095] = 'a';
	feed(line, 4095);
	silent();
	feed("a", 1);
	expect_start("- error EMSGSIZE ");
	feed(line, sizeof(line));
	silent();
	feed("\nt x\n", 5);
	expect_start("t error ENOSYS ");
}

static void test_bad_requests(void **state)
{
	static const char *const lines[] = {
		"socket",
		"socket family=ipx",
		"socket family=ipv4 family=ipv4",
		"socket family=ipv4 x=1",
		"socket ipv4",
		"bind socket=1",
		"bind socket=1 local=127.0.0.1",
		"bind local=127.0.0.1:1",
		"listen socket=1",
		"listen socket=1 backlog=-1",
		"listen socket=1 backlog=2147483648",
		"accept socket=1 from=x",
		"accept socket=1 timeout_ms=3600001",
		"accept socket=1 timeout_ms=-1",
		"connect socket=1",
		"connect socket=1 to=127.0.0.1:1 wait=2",
		"send socket=1",
		"send socket=1 data=a",
		"send socket=1 data=aGk= pattern=mix seed=1 offset=0 length=1",
		"send socket=1 data=aGk= seed=1",
		"send socket=1 pattern=mux seed=1 offset=0 length=1",
		"send socket=1 pattern=mix offset=0 length=1",
		"send socket=1 pattern=mix seed=4294967296 offset=0 length=1",
		"send socket=1 pattern=mix seed=1 offset=0 length=1073741825",
		"recv socket=1 pattern=mix seed=1 offset=4294967296 length=1",
		"recv socket=1 seed=1",
		"recv socket=1 length=0",
		"recv socket=1 length=x",
		"shutdown socket=1",
		"shutdown socket=1 how=all",
		"close",
		"abort",
		"name",
		"name socket=",
		"name socket=x",
		"setopt socket=1 option=nodelay",
		"setopt socket=1 option=nodelay value=2",
		"setopt socket=1 option=linger value=-2",
		"setopt socket=1 option=maxseg value=99999999999",
		"setopt socket=1 value=1",
		"getopt socket=1",
		"state",
		"state local=127.0.0.1:1",
		"state socket=1 local=127.0.0.1:1",
		"state local=127.0.0.1:1 peer=[::1]:1",
		"close socket=1%",
	};
	static const char *const unknown[] = { "bind local=127.0.0.1:0 socket=",
					       "listen backlog=1 socket=",
					       "accept socket=",
					       "connect to=127.0.0.1:1 socket=",
					       "send data= socket=",
					       "recv socket=",
					       "shutdown how=both socket=",
					       "close socket=",
					       "abort socket=",
					       "name socket=",
					       "state socket=",
					       "getopt option=error socket=",
					       "setopt option=nodelay value=1 socket=" };

	(void)state;
	assert_int_equal(make_socket("ipv4"), 1);
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		say("t%zu %s", i, lines[i]);
		hear();
		if (strncmp(strchr(reply, ' '), " error EINVAL ", 14) != 0)
			fail_msg("%s: %s", lines[i], reply);
	}
	for (size_t i = 0; i < sizeof(unknown) / sizeof(unknown[0]); i++) {
		say("t %s2", unknown[i]);
		expect_start("t error EBADF ");
		say("t %s18446744073709551615", unknown[i]);
		expect_start("t error EBADF ");
		say("t %s18446744073709551616", unknown[i]);
		expect_start("t error EINVAL ");
	}
	say("t getopt socket=1 option=window");
	expect_start("t error ENOPROTOOPT ");
	say("t setopt socket=1 option=error value=0");
	expect_start("t error ENOPROTOOPT ");
	/* Nothing of all this has changed it. */
	say("t name socket=1");
	expect("t ok local=0.0.0.0:0");
}

static void test_kept_are_limited_and_reset(void **state)
{
	enum { KEPT = 128, MORE = 3 };
	char local[AGENT_ADDRESS_ROOM];
	unsigned listener = make_listener("ipv4", local, 16);
	int fds[KEPT + MORE];
	struct pollfd waits = { .events = POLLIN };

	(void)state;
	say("f accept socket=%u from=127.0.0.1:1", listener);
	for (int i = 0; i < KEPT + MORE; i++) {
		fds[i] = call("127.0.0.1:0", local);
		silent();
	}
	/* The others wait in the system's queue: nothing to poll for until there is room. */
	assert_int_equal(agent_session_poll(s, &waits), 0);
	say("a accept socket=%u", listener);
	expect_start("a ok socket=2 ");
	say("x close socket=%u", listener);
	expect("f error ECANCELED socket 1 was closed");
	expect("x ok");
	for (int i = 1; i < KEPT + MORE; i++)
		expect_reset(fds[i]);
	close(fds[0]);
}

static void test_kept_are_limited_in_all(void **state)
{
	enum { LISTENERS = 9, EACH = 115 };
	static int fds[LISTENERS * EACH];
	struct pollfd waits[LISTENERS];
	char local[AGENT_ADDRESS_ROOM];
	struct rlimit limit;

	(void)state;
	if (getrlimit(RLIMIT_NOFILE, &limit) < 0 || limit.rlim_cur < 2 * LISTENERS * EACH + 100)
		skip();
	for (int i = 0; i < LISTENERS; i++) {
		say("f accept socket=%u from=127.0.0.1:1", make_listener("ipv4", local, 16));
		for (int j = 0; j < EACH; j++) {
			fds[i * EACH + j] = call("127.0.0.1:0", local);
			silent();
		}
	}
	assert_int_equal(agent_session_poll(s, waits), 0);
	/* One of them taken is room for one more. */
	say("a accept socket=1");
	expect_start("a ok socket=10 ");
	assert_int_equal(agent_session_poll(s, waits), LISTENERS);
	say("x close socket=2");
	expect("f error ECANCELED socket 2 was closed");
	expect("x ok");
	assert_int_equal(agent_session_poll(s, waits), LISTENERS - 1);
	for (int i = 0; i < LISTENERS * EACH; i++)
		close(fds[i]);
}

/* Whoever floods a listener from outside does not hold the session up: some are left for its next turn. */
static void test_outsiders_are_reset_in_turns(void **state)
{
	enum { OUTSIDERS = 100 };
	int fds[OUTSIDERS], inside;
	char local[AGENT_ADDRESS_ROOM];
	struct pollfd waits[1];
	unsigned listener;

	(void)state;
	restart("h hello version=1 allow=127.0.0.1");
	listener = make_listener("ipv4", local, 120);
	for (int i = 0; i < OUTSIDERS; i++)
		fds[i] = call("127.0.0.2:0", local);
	inside = call("127.0.0.1:0", local);
	say("a accept socket=%u", listener);
	assert_int_equal(agent_session_poll(s, waits), 1);
	assert_int_equal(poll(waits, 1, 0), 1);
	expect_start("a ok socket=2 ");
	assert_int_equal(strncmp(value("peer"), "127.0.0.1:", 10), 0);
	for (int i = 0; i < OUTSIDERS; i++)
		expect_reset(fds[i]);
	close(inside);
}

static void test_most_sockets(void **state)
{
	char local[AGENT_ADDRESS_ROOM];
	unsigned listener;
	struct rlimit limit;
	int fd;

	(void)state;
	if (getrlimit(RLIMIT_NOFILE, &limit) < 0 || limit.rlim_cur < AGENT_SOCKETS_MAX + 100)
		skip();
	listener = make_listener("ipv4", local, 5);
	for (int i = 1; i < AGENT_SOCKETS_MAX; i++)
		make_socket("ipv4");
	say("1 socket family=ipv4");
	expect_start("1 error EMFILE ");
	fd = call("127.0.0.1:0", local);
	say("2 accept socket=%u", listener);
	expect_start("2 error EMFILE ");
	say("3 close socket=5");
	expect("3 ok");
	/* It was kept. */
	say("4 accept socket=%u timeout_ms=0", listener);
	expect_start("4 ok ");
	close(fd);
}

static void test_most_calls(void **state)
{
	unsigned a, b;

	(void)state;
	for (int pairs = 0; pairs < 4096 / 64; pairs++) {
		make_pair("ipv4", &a, &b);
		for (int i = 0; i < 64; i++)
			say("w recv socket=%u", a);
		if (pairs == 0) {
			say("x recv socket=%u", a);
			expect_start("x error ENOBUFS ");
			say("x connect socket=%u to=127.0.0.1:1", a);
			expect_start("x error ENOBUFS ");
		}
	}
	say("x recv socket=%u", b);
	expect_start("x error ENOBUFS ");
	say("y close socket=%u", a);
	for (int i = 0; i < 64; i++)
		expect_start("w error ECANCELED ");
	expect("y ok");
	say("x recv socket=%u timeout_ms=0", b);
	expect("x ok length=0 end=eof");
}

/* A controller that does not read is not listened to, and loses nothing when it does. */
static void test_replies_that_nobody_reads(void **state)
{
	unsigned a, b;
	size_t len, used = 1, lines = 0, answers = 0;

	(void)state;
	make_pair("ipv4", &a, &b);
	say("w recv socket=%u timeout_ms=1", b);
	while (used > 0) {
		used = agent_session_input(s, "t name socket=1\n", 16, now_ms);
		assert_true(used == 0 || used == 16);
		lines += used > 0;
		assert_true(lines < 10000);
	}
	agent_session_output(s, &len);
	assert_in_range(len, 64 * 1024, 65 * 1024);
	assert_true(agent_session_full(s));
	/* Nothing else goes on, and nothing is waited for. */
	now_ms += 10;
	assert_int_equal(agent_session_timeout(s, now_ms), -1);
	assert_int_equal(agent_session_poll(s, &(struct pollfd){ 0 }), 0);
	agent_session_turn(s, NULL, 0, now_ms);
	while (heard())
		answers += strncmp(reply, "t ", 2) == 0;
	assert_int_equal(answers, lines);
	assert_false(agent_session_full(s));
	turn(0);
	expect_start("w error EAGAIN ");
}

static void test_the_end_resets_everything(void **state)
{
	char local[AGENT_ADDRESS_ROOM];
	unsigned listener = make_listener("ipv4", local, 5);
	int waiting, taken, fd;
	struct agent_address at;
	size_t len;

	(void)state;
	taken = call("127.0.0.1:0", local);
	say("a accept socket=%u", listener);
	expect_start("a ok ");
	say("r recv socket=2");
	waiting = call("127.0.0.1:0", local);
	say("b accept socket=%u from=127.0.0.1:1", listener);
	silent();
	agent_session_end(s);
	assert_true(agent_session_over(s));
	agent_session_output(s, &len);
	assert_int_equal(len, 0);
	expect_reset(taken);
	expect_reset(waiting);
	fd = socket(AF_INET, SOCK_STREAM, 0);
	assert_true(agent_address_read(local, &at));
	assert_int_equal(connect(fd, &at.at.any, at.len), -1);
	assert_int_equal(errno, ECONNREFUSED);
	close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_greeting, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_hello_comes_first, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_token, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_allow_of_a_remote_controller, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_link_local_controller, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_unreadable_lines, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_browsers_say_no_hello, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_long_lines, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_bad_requests, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_kept_are_limited_and_reset, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_kept_are_limited_in_all, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_outsiders_are_reset_in_turns, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_most_sockets, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_most_calls, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_replies_that_nobody_reads, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_the_end_resets_everything, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
