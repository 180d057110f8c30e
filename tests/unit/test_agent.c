/* SPDX-License-Identifier: BSD-2-Clause */
/* The agent's services, spoken to over loopback. The services run in a child; since they are one loop, an
 * echo that has come back proves that everything sent before it has been dealt with, which is how "it does
 * not close" can be tested without waiting. */
#include "agent/services.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

enum { PATIENCE_MS = 30000, ECHO = 7, DISCARD = 9, DAYTIME = 13, CHARGEN = 19, HTTP = 80, SINK = 11009 };

static pid_t child;
static unsigned base;

/* Starts the services on a free range of ports; tried anew elsewhere if one is taken. */
static bool start(unsigned port_base)
{
	struct services_config config = { .addresses = { "127.0.0.1" }, .n = 1, .port_base = port_base };
	char line[128] = "";
	int ends[2];
	FILE *in;

	assert_int_equal(pipe(ends), 0);
	child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		char why[256] = "";
		FILE *out = fdopen(ends[1], "w");

		close(ends[0]);
		_exit(services_run(&config, out, why, sizeof(why)) == 0 ? 0 : 3);
	}
	close(ends[1]);
	in = fdopen(ends[0], "r");
	if (!fgets(line, sizeof(line), in))
		line[0] = '\0';
	fclose(in);
	base = port_base;
	return strncmp(line, "finwait-agent: services on 127.0.0.1", 36) == 0;
}

static int set_up(void **state)
{
	struct rlimit limit;

	(void)state;
	if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
		limit.rlim_cur = limit.rlim_max;
		setrlimit(RLIMIT_NOFILE, &limit);
	}
	for (unsigned turn = 0; turn < 20; turn++) {
		if (start(2000 + ((unsigned)getpid() * 97 + turn * 1009) % 40000))
			return 0;
		waitpid(child, NULL, 0);
	}
	return -1;
}

static int tear_down(void **state)
{
	int status = -1;

	(void)state;
	kill(child, SIGTERM);
	waitpid(child, &status, 0);
	return WIFEXITED(status) && WEXITSTATUS(status) == 0 ? 0 : -1;
}

static int open_socket(bool blocking)
{
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	assert_true(fd >= 0);
	if (!blocking)
		assert_int_equal(fcntl(fd, F_SETFL, O_NONBLOCK), 0);
	return fd;
}

static int try_connect(int fd, unsigned port)
{
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons((uint16_t)(port + base)) };

	to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	return connect(fd, (struct sockaddr *)&to, sizeof(to));
}

static int connect_to(unsigned port)
{
	int fd = open_socket(true);

	assert_int_equal(try_connect(fd, port), 0);
	return fd;
}

static void say(int fd, const char *text, size_t len)
{
	assert_int_equal(send(fd, text, len, MSG_NOSIGNAL), len);
}

/* Reads until `len` bytes are there or the end has come; never waits for ever. */
static size_t hear(int fd, char *buffer, size_t len)
{
	size_t got = 0;

	while (got < len) {
		struct pollfd wait = { .fd = fd, .events = POLLIN };
		ssize_t n;

		assert_int_equal(poll(&wait, 1, PATIENCE_MS), 1);
		n = recv(fd, buffer + got, len - got, 0);
		assert_true(n >= 0);
		if (n == 0)
			break;
		got += (size_t)n;
	}
	return got;
}

static bool at_end(int fd)
{
	char byte;

	return hear(fd, &byte, 1) == 0;
}

/* Returns once the services have dealt with everything that reached them before. */
static void everything_served(void)
{
	char back[4];

	/* Twice: the first may be accepted in the turn in which the last event was first seen. */
	for (int turn = 0; turn < 2; turn++) {
		int fd = connect_to(ECHO);

		say(fd, "done", 4);
		assert_int_equal(hear(fd, back, 4), 4);
		close(fd);
	}
}

static unsigned state_of(int fd)
{
	struct tcp_info info;
	socklen_t len = sizeof(info);

	memset(&info, 0, sizeof(info));
	assert_int_equal(getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &len), 0);
	return info.tcpi_state;
}

/* Whether a state is reached, as it is once the peer's ACK is in, which may be delayed. */
static bool reaches(int fd, unsigned state)
{
	for (int ms = 0; ms < PATIENCE_MS && state_of(fd) != state; ms++)
		poll(NULL, 0, 1);
	return state_of(fd) == state;
}

static void abort_connection(int fd)
{
	struct linger at_once = { .l_onoff = 1, .l_linger = 0 };

	assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once)), 0);
	close(fd);
}

static void test_echo_closes_when_the_peer_does(void **state)
{
	int fd = connect_to(ECHO);
	char back[16];

	(void)state;
	say(fd, "hello", 5);
	assert_int_equal(hear(fd, back, 5), 5);
	assert_memory_equal(back, "hello", 5);
	say(fd, "again", 5);
	shutdown(fd, SHUT_WR);
	assert_int_equal(hear(fd, back, sizeof(back)), 5);
	assert_memory_equal(back, "again", 5);
	close(fd);
}

static void test_echo_does_not_close_first(void **state)
{
	int fd = connect_to(ECHO);
	struct pollfd now = { .fd = fd, .events = POLLIN };

	(void)state;
	everything_served();
	assert_int_equal(poll(&now, 1, 0), 0);
	close(fd);
}

/* More than both sides buffer, and nothing read before all is written or stuck. */
static void test_echo_waits_for_a_slow_reader(void **state)
{
	static char sent[8192], back[8192];
	int fd = connect_to(ECHO), writer = dup(fd);
	size_t total = 0, offset = 0;

	(void)state;
	for (size_t i = 0; i < sizeof(sent); i++)
		sent[i] = (char)(i * 31 >> 3);
	assert_int_equal(fcntl(fd, F_SETFL, O_NONBLOCK), 0);
	for (size_t turns = 0; turns < 4096; turns++) {
		ssize_t n = send(writer, sent + total % sizeof(sent), sizeof(sent) - total % sizeof(sent), 0);

		if (n < 0)
			break;
		total += (size_t)n;
	}
	everything_served();
	shutdown(writer, SHUT_WR);
	while (offset < total) {
		size_t start_at = offset % sizeof(sent), n = sizeof(sent) - start_at;

		if (n > total - offset)
			n = total - offset;
		assert_int_equal(hear(fd, back, n), n);
		assert_memory_equal(back, sent + start_at, n);
		offset += n;
	}
	assert_true(at_end(fd));
	close(fd);
	close(writer);
}

static void keeps_its_half(unsigned port)
{
	int fd = connect_to(port);
	struct pollfd now = { .fd = fd, .events = POLLIN };

	say(fd, "swallow this", 12);
	shutdown(fd, SHUT_WR);
	assert_true(reaches(fd, TCP_FIN_WAIT2));
	everything_served();
	assert_int_equal(poll(&now, 1, 0), 0);
	abort_connection(fd);
}

static void test_discard_keeps_its_half_open(void **state)
{
	(void)state;
	keeps_its_half(DISCARD);
}

static void test_sink_keeps_its_half_open(void **state)
{
	(void)state;
	keeps_its_half(SINK);
}

/* More connections than there is room for at once: each must have been given up when its peer was gone. */
static void test_resets_free_their_place(void **state)
{
	(void)state;
	for (int i = 0; i < 1300; i++) {
		int fd = connect_to(i % 2 ? DISCARD : SINK);

		if (i % 3 == 0)
			shutdown(fd, SHUT_WR);
		abort_connection(fd);
	}
	everything_served();
}

static void test_daytime_closes_first(void **state)
{
	int fd = connect_to(DAYTIME);
	char line[128];
	size_t n = hear(fd, line, sizeof(line));

	(void)state;
	assert_in_range(n, 20, 64);
	assert_memory_equal(line + n - 6, "-UTC\r\n", 6);
	assert_int_equal(state_of(fd), TCP_CLOSE_WAIT);
	close(fd);
}

static void test_chargen_goes_on_after_our_fin(void **state)
{
	static char text[200000];
	int fd = connect_to(CHARGEN);

	(void)state;
	shutdown(fd, SHUT_WR);
	assert_int_equal(hear(fd, text, sizeof(text)), sizeof(text));
	assert_memory_equal(text, " !\"#$%&'()", 10);
	for (size_t at = 0; at < sizeof(text); at++) {
		size_t line = at / 74, column = at % 74;
		char wanted = column < 72 ? (char)(32 + (line + column) % 95) : column == 72 ? '\r' : '\n';

		assert_int_equal(text[at], wanted);
	}
	abort_connection(fd);
}

/* Reads one answer: its header up to `limit` bytes, then as much as it says. Returns the body's length. */
static size_t hear_answer(int fd, bool head, char *header, size_t limit)
{
	char page[512];
	const char *length;
	size_t n = 0, body;

	do {
		assert_true(n + 1 < limit);
		assert_int_equal(hear(fd, header + n, 1), 1);
		header[++n] = '\0';
	} while (n < 4 || strcmp(header + n - 4, "\r\n\r\n") != 0);
	assert_memory_equal(header, "HTTP/1.1 200 OK\r\n", 17);
	length = strstr(header, "Content-Length: ");
	assert_non_null(length);
	body = (size_t)atoi(length + 16);
	assert_in_range(body, 1, sizeof(page));
	return head ? 0 : hear(fd, page, body);
}

static void ask(int fd, const char *request)
{
	say(fd, request, strlen(request));
}

static void test_http_keeps_the_connection(void **state)
{
	int fd = connect_to(HTTP);
	char header[512];

	(void)state;
	ask(fd, "GET / HTTP/1.1\r\nHost: x\r\n\r\n");
	assert_true(hear_answer(fd, false, header, sizeof(header)) > 0);
	assert_null(strstr(header, "Connection: close"));
	/* A body that looks like a request is not one. */
	ask(fd, "POST /a HTTP/1.1\r\nHost: x\r\ncontent-LENGTH: 18\r\n\r\nGET / HTTP/1.0\r\n\r\n"
		"HEAD / HTTP/1.1\r\nHost: x\r\n\r\n");
	assert_true(hear_answer(fd, false, header, sizeof(header)) > 0);
	assert_null(strstr(header, "Connection: close"));
	hear_answer(fd, true, header, sizeof(header));
	ask(fd, "GET / HTTP/1.1\r\nHost: x\r\nConnection: TE, Close\r\n\r\n");
	assert_true(hear_answer(fd, false, header, sizeof(header)) > 0);
	assert_non_null(strstr(header, "Connection: close"));
	assert_true(at_end(fd));
	close(fd);
}

static void test_http_closes_for_old_versions(void **state)
{
	static const char *const requests[] = { "GET / HTTP/1.0\r\n\r\n", "GET /\n\n", "\x01\xff\n\r\n" };

	(void)state;
	for (size_t i = 0; i < sizeof(requests) / sizeof(requests[0]); i++) {
		int fd = connect_to(HTTP);
		char header[512];

		ask(fd, requests[i]);
		assert_true(hear_answer(fd, false, header, sizeof(header)) > 0);
		assert_true(at_end(fd));
		assert_int_equal(state_of(fd), TCP_CLOSE_WAIT);
		close(fd);
	}
}

/* Many requests at once, with lines longer than any buffer, and our half closed behind them. */
static void test_http_answers_every_request(void **state)
{
	enum { REQUESTS = 400 };
	static char request[3000];
	int fd = connect_to(HTTP);
	char header[512];

	(void)state;
	memset(request, 'a', sizeof(request));
	memcpy(request, "GET / HTTP/1.1\r\nLong: ", 22);
	memcpy(request + sizeof(request) - 4, "\r\n\r\n", 4);
	say(fd, request, sizeof(request));
	for (int i = 1; i < REQUESTS; i++)
		ask(fd, "GET / HTTP/1.1\n\n");
	shutdown(fd, SHUT_WR);
	for (int i = 0; i < REQUESTS; i++)
		assert_true(hear_answer(fd, false, header, sizeof(header)) > 0);
	assert_true(at_end(fd));
	close(fd);
}

static void test_closed_refuses(void **state)
{
	int fd = open_socket(true);

	(void)state;
	assert_int_equal(try_connect(fd, 1), -1);
	assert_int_equal(errno, ECONNREFUSED);
	close(fd);
}

static void test_filtered_is_silent(void **state)
{
	int fd = open_socket(false);

	(void)state;
	assert_int_equal(try_connect(fd, 2), -1);
	assert_int_equal(errno, EINPROGRESS);
	/* Loopback delivers within connect(): an answer would be here by now. */
	everything_served();
	assert_int_equal(state_of(fd), TCP_SYN_SENT);
	close(fd);
}

/* With all places taken, whoever comes next waits, and is served when a place is free. */
static void test_full_house_waits(void **state)
{
	enum { PLACES = 1024, MORE = 8 };
	static int fds[PLACES + MORE];
	struct pollfd now = { .events = POLLIN };
	struct rlimit limit;
	char byte;

	(void)state;
	if (getrlimit(RLIMIT_NOFILE, &limit) < 0 || limit.rlim_cur < PLACES + 200)
		skip();
	everything_served();
	for (int i = 0; i < PLACES; i++) {
		fds[i] = connect_to(ECHO);
		say(fds[i], "x", 1);
		assert_int_equal(hear(fds[i], &byte, 1), 1);
	}
	for (int i = PLACES; i < PLACES + MORE; i++) {
		fds[i] = connect_to(ECHO);
		say(fds[i], "y", 1);
	}
	say(fds[0], "z", 1);
	assert_int_equal(hear(fds[0], &byte, 1), 1);
	for (int i = PLACES; i < PLACES + MORE; i++) {
		now.fd = fds[i];
		assert_int_equal(poll(&now, 1, 0), 0);
	}
	for (int i = 0; i < MORE; i++)
		close(fds[i]);
	for (int i = PLACES; i < PLACES + MORE; i++)
		assert_int_equal(hear(fds[i], &byte, 1), 1);
	for (int i = MORE; i < PLACES + MORE; i++)
		close(fds[i]);
	everything_served();
}

static void test_address_in_use_is_said(void **state)
{
	struct services_config config = { .addresses = { "127.0.0.1" }, .n = 1, .port_base = base };
	char why[256] = "";

	(void)state;
	assert_int_equal(services_run(&config, stdout, why, sizeof(why)), -1);
	assert_non_null(strstr(why, "in use"));
	assert_non_null(strstr(why, "127.0.0.1"));
	config.addresses[0] = "no address";
	assert_int_equal(services_run(&config, stdout, why, sizeof(why)), -1);
	assert_non_null(strstr(why, "'no address'"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_echo_closes_when_the_peer_does),
		cmocka_unit_test(test_echo_does_not_close_first),
		cmocka_unit_test(test_echo_waits_for_a_slow_reader),
		cmocka_unit_test(test_discard_keeps_its_half_open),
		cmocka_unit_test(test_sink_keeps_its_half_open),
		cmocka_unit_test(test_resets_free_their_place),
		cmocka_unit_test(test_daytime_closes_first),
		cmocka_unit_test(test_chargen_goes_on_after_our_fin),
		cmocka_unit_test(test_http_keeps_the_connection),
		cmocka_unit_test(test_http_closes_for_old_versions),
		cmocka_unit_test(test_http_answers_every_request),
		cmocka_unit_test(test_closed_refuses),
		cmocka_unit_test(test_filtered_is_silent),
		cmocka_unit_test(test_full_house_waits),
		cmocka_unit_test(test_address_in_use_is_said),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
