/* SPDX-License-Identifier: BSD-2-Clause */
/* A controller's session: every verb, error and limit of the protocol. The session is driven in memory, its
 * sockets are real ones on loopback; the time is the tests' own. */
#include "agent/agent_session.h"
#include "agent/listener.h"

#include <errno.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

enum { PATIENCE_MS = 30000, LINE_ROOM = 4097 };

static const char token[] = "a token of sixteen or more";
static struct agent_config config;
static struct agent_session *s;
static uint64_t now_ms;
static char reply[LINE_ROOM];

/* --- a controller --- */

static void feed(const char *bytes, size_t len)
{
	assert_int_equal(agent_session_input(s, bytes, len, now_ms), len);
}

static void say(const char *format, ...)
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
static bool heard(void)
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
static bool turn(int timeout_ms)
{
	static struct pollfd polled[AGENT_SOCKETS_MAX];
	size_t n = agent_session_poll(s, polled);

	int ready = poll(polled, (nfds_t)n, n > 0 ? timeout_ms : 0);

	assert_true(ready >= 0);
	agent_session_turn(s, polled, n, now_ms);
	return ready > 0;
}

static const char *hear(void)
{
	bool ready = true;

	while (!heard()) {
		assert_true(ready);
		ready = turn(PATIENCE_MS);
	}
	return reply;
}

static void expect(const char *wanted)
{
	assert_string_equal(hear(), wanted);
}

/* The same, where text that is not fixed follows. */
static void expect_start(const char *wanted)
{
	if (strncmp(hear(), wanted, strlen(wanted)) != 0)
		fail_msg("'%s' does not start with '%s'", reply, wanted);
}

static void silent(void)
{
	turn(0);
	assert_false(heard());
}

/* The value of a key in the last reply. */
static const char *value(const char *key)
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

static void start(const char *hello)
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

static int set_up(void **state)
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

static int tear_down(void **state)
{
	(void)state;
	agent_session_free(s);
	s = NULL;
	return 0;
}

/* Another session, in the place of the first. */
static void restart(const char *hello)
{
	agent_session_free(s);
	start(hello);
}

static unsigned make_socket(const char *family)
{
	say("s socket family=%s", family);
	hear();
	return (unsigned)atoi(value("socket"));
}

/* A listener on loopback; its address goes to `local`. */
static unsigned make_listener(const char *family, char local[AGENT_ADDRESS_ROOM], int backlog)
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
static void make_pair(const char *family, unsigned *a, unsigned *b)
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

static void test_greeting(void **state)
{
	static const char *const words[] = { "socket", "setopt", "getopt", "bind", "listen", "accept", "connect",
					     "send",   "recv",	 "shutdown", "close", "abort", "name", "state",
					     "reuseaddr", "reuseport", "v6only", "nodelay", "keepalive", "maxseg",
					     "user_timeout", "linger", "error", "ipv4" };
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
	static const char *const wrong[] = { "", " token=", " token=a%20token%20of%20sixteen%20or%20mor",
					     " token=a%20token%20of%20sixteen%20or%20more.", " token=b%20token%20of%20sixteen%20or%20more" };
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
	assert_true(agent_network_read("10.0.0.0/8", &ten) && agent_address_read("[::ffff:198.18.0.9]:1", &controller));
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
		"socket", "socket family=ipx", "socket family=ipv4 family=ipv4", "socket family=ipv4 x=1", "socket ipv4",
		"bind socket=1", "bind socket=1 local=127.0.0.1", "bind local=127.0.0.1:1", "listen socket=1",
		"listen socket=1 backlog=-1", "listen socket=1 backlog=2147483648", "accept socket=1 from=x",
		"accept socket=1 timeout_ms=3600001", "accept socket=1 timeout_ms=-1", "connect socket=1",
		"connect socket=1 to=127.0.0.1:1 wait=2", "send socket=1", "send socket=1 data=a",
		"send socket=1 data=aGk= pattern=mix seed=1 offset=0 length=1", "send socket=1 data=aGk= seed=1",
		"send socket=1 pattern=mux seed=1 offset=0 length=1", "send socket=1 pattern=mix offset=0 length=1",
		"send socket=1 pattern=mix seed=4294967296 offset=0 length=1",
		"send socket=1 pattern=mix seed=1 offset=0 length=1073741825",
		"recv socket=1 pattern=mix seed=1 offset=4294967296 length=1", "recv socket=1 seed=1", "recv socket=1 length=0",
		"recv socket=1 length=x", "shutdown socket=1", "shutdown socket=1 how=all", "close", "abort", "name",
		"name socket=", "name socket=x", "setopt socket=1 option=nodelay", "setopt socket=1 option=nodelay value=2",
		"setopt socket=1 option=linger value=-2", "setopt socket=1 option=maxseg value=99999999999",
		"setopt socket=1 value=1", "getopt socket=1", "state", "state local=127.0.0.1:1",
		"state socket=1 local=127.0.0.1:1", "state local=127.0.0.1:1 peer=[::1]:1", "close socket=1%",
	};
	static const char *const unknown[] = { "bind local=127.0.0.1:0 socket=", "listen backlog=1 socket=", "accept socket=",
					       "connect to=127.0.0.1:1 socket=", "send data= socket=", "recv socket=",
					       "shutdown how=both socket=", "close socket=", "abort socket=", "name socket=",
					       "state socket=", "getopt option=error socket=",
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

static bool has_ipv6(void)
{
	struct agent_address address;
	int fd = socket(AF_INET6, SOCK_STREAM, 0);
	bool has;

	assert_true(agent_address_read("[::1]:0", &address));
	has = fd >= 0 && bind(fd, &address.at.any, address.len) == 0;
	close(fd);
	return has;
}

static void whole_life(const char *family)
{
	char local[AGENT_ADDRESS_ROOM], peer[AGENT_ADDRESS_ROOM];
	unsigned listener = make_listener(family, local, 5), a = make_socket(family), b;

	say("1 state socket=%u", listener);
	expect("1 ok state=LISTEN");
	say("1 state socket=%u", a);
	expect("1 ok state=CLOSED");
	say("w accept socket=%u timeout_ms=0", listener);
	expect_start("w error EAGAIN ");
	say("w accept socket=%u", listener);
	silent();
	say("2 connect socket=%u to=%s", a, local);
	expect_start("2 ok local=");
	assert_string_equal(value("peer"), local);
	strcpy(peer, value("local"));
	expect_start("w ok socket=");
	b = (unsigned)atoi(value("socket"));
	assert_string_equal(value("local"), local);
	assert_string_equal(value("peer"), peer);
	say("3 name socket=%u", a);
	expect_start("3 ok local=");
	assert_string_equal(value("local"), peer);
	assert_string_equal(value("peer"), local);
	say("4 state local=%s peer=%s", local, peer);
	expect("4 ok state=ESTABLISHED");
	say("4 state socket=%u", b);
	expect("4 ok state=ESTABLISHED");
	say("4 connect socket=%u to=%s", b, local);
	expect_start("4 error EISCONN ");
	say("5 send socket=%u data=aGVsbG8=", a);
	expect("5 ok length=5");
	say("6 recv socket=%u length=2", b);
	expect("6 ok length=2 data=aGU= end=no");
	say("6 recv socket=%u", b);
	expect("6 ok length=3 data=bGxv end=no");
	say("7 shutdown socket=%u how=write", a);
	expect("7 ok");
	say("8 recv socket=%u", b);
	expect("8 ok length=0 end=eof");
	say("8 state socket=%u", b);
	expect("8 ok state=CLOSE-WAIT");
	say("8 send socket=%u data=", b);
	expect("8 ok length=0");
	say("9 close socket=%u", b);
	expect("9 ok");
	say("9 recv socket=%u", a);
	expect("9 ok length=0 end=eof");
	say("9 close socket=%u", a);
	expect("9 ok");
	say("9 state local=%s peer=%s", peer, local);
	expect("9 ok state=TIME-WAIT");
	say("9 state local=%s peer=%s", local, peer);
	expect("9 ok state=CLOSED");
	say("9 name socket=%u", a);
	expect_start("9 error EBADF ");
}

static void test_life_ipv4(void **state)
{
	(void)state;
	whole_life("ipv4");
}

static void test_life_ipv6(void **state)
{
	(void)state;
	if (!has_ipv6())
		skip();
	whole_life("ipv6");
}

static void test_errors_of_the_system(void **state)
{
	char local[AGENT_ADDRESS_ROOM], free_place[64];
	unsigned listener = make_listener("ipv4", local, 5), a = make_socket("ipv4");

	(void)state;
	say("1 bind socket=%u local=%s", a, local);
	expect_start("1 error EADDRINUSE ");
	say("1 bind socket=%u local=[::1]:0", a);
	hear();
	assert_true(strncmp(reply, "1 error EAFNOSUPPORT ", 21) == 0 || strncmp(reply, "1 error EINVAL ", 15) == 0);
	say("1 accept socket=%u", a);
	expect_start("1 error EINVAL ");
	say("1 recv socket=%u", a);
	expect_start("1 error ENOTCONN ");
	say("1 shutdown socket=%u how=both", a);
	expect_start("1 error ENOTCONN ");
	say("2 close socket=%u", listener);
	expect("2 ok");
	strcpy(free_place, local);
	say("3 connect socket=%u to=%s", a, free_place);
	expect_start("3 error ECONNREFUSED ");
	a = make_socket("ipv4");
	say("4 connect socket=%u to=%s wait=0", a, free_place);
	hear();
	if (strncmp(reply, "4 ok local=127.0.0.1:", 21) == 0) {
		assert_null(strstr(reply, "peer="));
		say("5 getopt socket=%u option=error", a);
		expect("5 ok value=ECONNREFUSED");
		say("5 getopt socket=%u option=error", a);
		expect("5 ok value=0");
	} else {
		assert_int_equal(strncmp(reply, "4 error ECONNREFUSED ", 21), 0);
	}
}

/* Three callers, and who gets whom. */
static void test_accept_from(void **state)
{
	char local[AGENT_ADDRESS_ROOM], caller[3][64], from[64];
	unsigned listener = make_listener("ipv4", local, 16), a[3];

	(void)state;
	for (int i = 0; i < 3; i++) {
		a[i] = make_socket("ipv4");
		say("c connect socket=%u to=%s", a[i], local);
		expect_start("c ok ");
		strcpy(caller[i], value("local"));
	}
	say("2 accept socket=%u from=%s", listener, caller[2]);
	expect_start("2 ok ");
	assert_string_equal(value("peer"), caller[2]);
	/* The two others were taken off the queue and kept, in their order. */
	say("1 accept socket=%u timeout_ms=0", listener);
	expect_start("1 ok ");
	assert_string_equal(value("peer"), caller[0]);
	say("1 accept socket=%u from=%s timeout_ms=0", listener, caller[0]);
	expect_start("1 error EAGAIN ");
	say("1 accept socket=%u from=%s timeout_ms=0", listener, caller[1]);
	expect_start("1 ok ");
	/* Who is named goes to who named it, though others have waited longer. */
	say("x socket family=ipv4");
	hear();
	a[0] = (unsigned)atoi(value("socket"));
	say("x bind socket=%u local=127.0.0.1:0", a[0]);
	hear();
	strcpy(from, value("local"));
	say("p accept socket=%u", listener);
	say("q accept socket=%u", listener);
	say("f accept socket=%u from=%s", listener, from);
	say("c connect socket=%u to=%s", a[0], local);
	expect_start("c ok ");
	expect_start("f ok ");
	assert_string_equal(value("peer"), from);
	silent();
	for (int i = 1; i < 3; i++) {
		a[i] = make_socket("ipv4");
		say("c connect socket=%u to=%s", a[i], local);
		expect_start("c ok ");
		expect_start(i == 1 ? "p ok " : "q ok ");
	}
}

/* Outside the session: a plain socket of the test's. */
static int call(const char *from, const char *to)
{
	struct agent_address at;
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	assert_true(fd >= 0 && agent_address_read(from, &at));
	assert_int_equal(bind(fd, &at.at.any, at.len), 0);
	assert_true(agent_address_read(to, &at));
	assert_int_equal(connect(fd, &at.at.any, at.len), 0);
	return fd;
}

static void expect_reset(int fd)
{
	struct pollfd wait = { .fd = fd, .events = POLLIN };
	char byte;

	assert_int_equal(poll(&wait, 1, PATIENCE_MS), 1);
	assert_int_equal(recv(fd, &byte, 1, 0), -1);
	assert_int_equal(errno, ECONNRESET);
	close(fd);
}

static void test_accept_of_strangers(void **state)
{
	char local[AGENT_ADDRESS_ROOM];
	unsigned listener;
	int stranger, friend;

	(void)state;
	restart("h hello version=1 allow=127.0.0.2");
	listener = make_listener("ipv4", local, 5);
	stranger = call("127.0.0.3:0", local);
	/* Nobody takes it off the queue while no accept waits. */
	silent();
	assert_int_equal(agent_session_poll(s, &(struct pollfd){ 0 }), 0);
	say("a accept socket=%u", listener);
	silent();
	expect_reset(stranger);
	friend = call("127.0.0.2:0", local);
	expect_start("a ok ");
	say("x abort socket=2");
	expect("x ok");
	expect_reset(friend);
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

static void test_timeouts(void **state)
{
	unsigned a, b;

	(void)state;
	make_pair("ipv4", &a, &b);
	say("0 recv socket=%u timeout_ms=0", a);
	expect_start("0 error EAGAIN ");
	assert_int_equal(agent_session_timeout(s, now_ms), -1);
	say("1 recv socket=%u timeout_ms=5000", a);
	say("2 recv socket=%u pattern=mix seed=1 offset=0 length=10 timeout_ms=3600000", b);
	say("3 send socket=%u data=aGVsbG8=", a);
	expect("3 ok length=5");
	assert_int_equal(agent_session_timeout(s, now_ms), 5000);
	now_ms += 4999;
	silent();
	assert_int_equal(agent_session_timeout(s, now_ms), 1);
	now_ms++;
	turn(0);
	expect_start("1 error EAGAIN ");
	now_ms += 3600000;
	turn(0);
	expect_start("2 error EAGAIN ");
	assert_non_null(strstr(reply, "after 5 bytes"));
	assert_int_equal(agent_session_timeout(s, now_ms), -1);
}

/* Nobody answers: a socket of the test's that drops what comes. */
static int make_silent(char local[AGENT_ADDRESS_ROOM])
{
	char why[256];
	struct agent_address at = { .len = sizeof(at.at) };
	int fd = listener_open("127.0.0.1", 0, true, "--port", why, sizeof(why));

	assert_true(fd >= 0);
	assert_int_equal(getsockname(fd, &at.at.any, &at.len), 0);
	agent_address_write(&at, local);
	return fd;
}

static void test_connect_without_an_answer(void **state)
{
	char local[AGENT_ADDRESS_ROOM];
	int nobody = make_silent(local);
	unsigned a = make_socket("ipv4");

	(void)state;
	say("u setopt socket=%u option=user_timeout value=1", a);
	expect("u ok");
	say("1 connect socket=%u to=%s timeout_ms=100", a, local);
	silent();
	now_ms += 100;
	turn(0);
	expect_start("1 error EAGAIN ");
	say("2 state socket=%u", a);
	expect("2 ok state=SYN-SENT");
	say("3 connect socket=%u to=%s", a, local);
	expect_start("3 error EALREADY ");
	say("4 connect socket=%u to=%s", make_socket("ipv4"), local);
	say("5 recv socket=%u", a);
	/* After the first retransmission. */
	expect("5 ok length=0 end=timed-out");
	say("6 abort socket=2");
	expect_start("4 error ECANCELED ");
	expect("6 ok");
	close(nobody);
}

static void test_calls_of_one_verb_in_their_order(void **state)
{
	unsigned a, b;

	(void)state;
	make_pair("ipv4", &a, &b);
	say("1 recv socket=%u", a);
	say("2 recv socket=%u length=1", a);
	say("3 recv socket=%u pattern=mix seed=1 offset=0 length=2", a);
	say("0 recv socket=%u timeout_ms=0", a);
	expect_start("0 error EAGAIN ");
	say("4 send socket=%u data=YQ==", b);
	expect("4 ok length=1");
	expect("1 ok length=1 data=YQ== end=no");
	say("4 send socket=%u data=YmJi", b);
	expect("4 ok length=3");
	expect("2 ok length=1 data=Yg== end=no");
	expect("3 ok length=2 match=0 end=no");
	say("5 recv socket=%u", a);
	say("6 recv socket=%u", a);
	say("7 close socket=%u", a);
	expect_start("5 error ECANCELED ");
	expect_start("6 error ECANCELED ");
	expect("7 ok");
}

static void test_ends_of_a_connection(void **state)
{
	unsigned a, b;

	(void)state;
	make_pair("ipv4", &a, &b);
	say("1 recv socket=%u", b);
	say("2 abort socket=%u", a);
	expect("2 ok");
	expect("1 ok length=0 end=reset");
	say("3 state socket=%u", b);
	expect("3 ok state=CLOSED");
	say("3 send socket=%u data=aGk=", b);
	expect_start("3 error EPIPE ");
	make_pair("ipv4", &a, &b);
	say("1 recv socket=%u pattern=mix seed=9 offset=3 length=100", b);
	say("2 send socket=%u pattern=mix seed=9 offset=3 length=50", a);
	expect("2 ok length=50");
	say("3 close socket=%u", a);
	expect("3 ok");
	expect("1 ok length=50 match=50 end=eof");
	/* With linger 0 a close is an abort; with more it does not hold up the agent. */
	make_pair("ipv4", &a, &b);
	say("4 setopt socket=%u option=linger value=0", a);
	expect("4 ok");
	say("4 close socket=%u", a);
	expect("4 ok");
	say("5 recv socket=%u", b);
	expect("5 ok length=0 end=reset");
	make_pair("ipv4", &a, &b);
	say("6 setopt socket=%u option=linger value=30000", a);
	expect("6 ok");
	say("6 send socket=%u data=aGk=", a);
	expect("6 ok length=2");
	say("6 close socket=%u", a);
	expect("6 ok");
	say("7 recv socket=%u", b);
	expect("7 ok length=2 data=aGk= end=no");
	say("7 recv socket=%u", b);
	expect("7 ok length=0 end=eof");
}

/* The formula of the protocol, computed in another way than by the agent. */
static unsigned pattern_byte(uint64_t seed, uint64_t i)
{
	return (unsigned)(((((i % 4294967296) ^ seed) * 2654435761) % 4294967296) / 16777216);
}

static void test_pattern(void **state)
{
	static const unsigned first[8] = { 0x9e, 0x00, 0xda, 0x3c, 0x17, 0x78, 0x53, 0xb5 };
	static const char signs[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	unsigned a, b;
	const char *data;

	(void)state;
	make_pair("ipv4", &a, &b);
	say("1 send socket=%u pattern=mix seed=1 offset=0 length=8", a);
	expect("1 ok length=8");
	for (unsigned i = 0; i < 8; i++) {
		assert_int_equal(pattern_byte(1, i), first[i]);
		say("2 recv socket=%u length=1", b);
		expect_start("2 ok length=1 ");
		data = value("data");
		assert_int_equal((strchr(signs, data[0]) - signs) << 2 | (strchr(signs, data[1]) - signs) >> 4, first[i]);
	}
	/* Beyond 2^32 the numbers begin anew. */
	say("3 send socket=%u pattern=mix seed=4294967295 offset=4294967295 length=3", a);
	expect("3 ok length=3");
	say("4 recv socket=%u pattern=mix seed=4294967295 offset=4294967295 length=1", b);
	expect("4 ok length=1 match=1 end=no");
	say("4 recv socket=%u pattern=mix seed=4294967295 offset=0 length=2", b);
	expect("4 ok length=2 match=2 end=no");
	/* The sixth byte is wrong: what follows does not count, right or not. */
	say("5 send socket=%u pattern=mix seed=7 offset=0 length=5", a);
	expect("5 ok length=5");
	say("5 send socket=%u pattern=mix seed=8 offset=5 length=1", a);
	expect("5 ok length=1");
	say("5 send socket=%u pattern=mix seed=7 offset=6 length=4", a);
	expect("5 ok length=4");
	say("6 recv socket=%u pattern=mix seed=7 offset=0 length=10", b);
	expect("6 ok length=10 match=5 end=no");
	say("7 recv socket=%u pattern=mix seed=7 offset=0 length=0", b);
	expect("7 ok length=0 match=0 end=no");
	/* Much more than both ends buffer. */
	say("8 send socket=%u pattern=mix seed=7 offset=0 length=30000000", a);
	silent();
	say("9 recv socket=%u pattern=mix seed=7 offset=0 length=30000000", b);
	expect("8 ok length=30000000");
	expect("9 ok length=30000000 match=30000000 end=no");
}

static void test_longest_data(void **state)
{
	static char data[4 * 1024];
	unsigned a, b;

	(void)state;
	make_pair("ipv4", &a, &b);
	say("1 send socket=%u pattern=mix seed=1 offset=0 length=5000", a);
	expect("1 ok length=5000");
	say("2 recv socket=%u length=1000000", b);
	expect_start("2 ok length=2048 data=");
	memset(data, 'A', 4000);
	say("3 send socket=%u data=%s", a, data);
	expect("3 ok length=3000");
}

static void test_options(void **state)
{
	static const char *const switches[] = { "reuseaddr", "reuseport", "nodelay", "keepalive" };
	unsigned a = make_socket("ipv4");

	(void)state;
	for (size_t i = 0; i < sizeof(switches) / sizeof(switches[0]); i++) {
		for (int on = 1; on >= 0; on--) {
			say("1 setopt socket=%u option=%s value=%d", a, switches[i], on);
			expect("1 ok");
			say("2 getopt socket=%u option=%s", a, switches[i]);
			expect(on ? "2 ok value=1" : "2 ok value=0");
		}
	}
	say("3 setopt socket=%u option=user_timeout value=4321", a);
	expect("3 ok");
	say("3 getopt socket=%u option=user_timeout", a);
	expect("3 ok value=4321");
	say("4 getopt socket=%u option=linger", a);
	expect("4 ok value=-1");
	say("4 setopt socket=%u option=linger value=7", a);
	expect("4 ok");
	say("4 getopt socket=%u option=linger", a);
	expect("4 ok value=7");
	say("4 setopt socket=%u option=linger value=-1", a);
	expect("4 ok");
	say("4 getopt socket=%u option=linger", a);
	expect("4 ok value=-1");
	say("5 setopt socket=%u option=maxseg value=1000", a);
	expect("5 ok");
	say("5 getopt socket=%u option=maxseg", a);
	expect_start("5 ok value=");
	say("5 setopt socket=%u option=maxseg value=2147483647", a);
	expect_start("5 error EINVAL ");
	if (!has_ipv6())
		return;
	a = make_socket("ipv6");
	say("6 setopt socket=%u option=v6only value=1", a);
	expect("6 ok");
	say("6 getopt socket=%u option=v6only", a);
	expect("6 ok value=1");
}

static void test_numbers_are_not_used_again(void **state)
{
	unsigned a = make_socket("ipv4"), b;

	(void)state;
	say("1 close socket=%u", a);
	expect("1 ok");
	b = make_socket("ipv4");
	assert_true(b > a);
	say("1 abort socket=%u", b);
	expect("1 ok");
	assert_true(make_socket("ipv4") > b);
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
		cmocka_unit_test_setup_teardown(test_unreadable_lines, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_long_lines, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_bad_requests, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_life_ipv4, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_life_ipv6, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_errors_of_the_system, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_accept_from, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_accept_of_strangers, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_kept_are_limited_and_reset, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_timeouts, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_connect_without_an_answer, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_calls_of_one_verb_in_their_order, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_ends_of_a_connection, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_pattern, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_longest_data, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_options, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_numbers_are_not_used_again, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_most_sockets, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_most_calls, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_replies_that_nobody_reads, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_the_end_resets_everything, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
