/* SPDX-License-Identifier: BSD-2-Clause */
/* Where controllers come from: addresses, tokens, unix sockets, standard input; how many, how long, and what
 * is left when a session ends. The agent runs in a child. */
#include "agent/agent_server.h"
#include "agent/agent_token.h"
#include "agent/agent_unix.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

enum { PATIENCE_MS = 30000 };

static char directory[] = "/tmp/finwait-agent.XXXXXX";
static char path[64];
static pid_t child;
static char line[4200];
static rlim_t descriptors; /* how many the agent may have; 0: as many as this process */

static int set_up(void **state)
{
	(void)state;
	strcpy(directory + sizeof(directory) - 7, "XXXXXX");
	if (!mkdtemp(directory))
		return -1;
	snprintf(path, sizeof(path), "%s/it", directory);
	child = 0;
	descriptors = 0;
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	if (child > 0) {
		kill(child, SIGKILL);
		waitpid(child, NULL, 0);
	}
	unlink(path);
	return rmdir(directory);
}

/* Reads one line from a descriptor, byte by byte; false at its end. */
static bool hear(int fd)
{
	size_t len = 0;

	for (;;) {
		struct pollfd wait = { .fd = fd, .events = POLLIN };
		ssize_t n;

		assert_int_equal(poll(&wait, 1, PATIENCE_MS), 1);
		n = read(fd, line + len, 1);
		if (n <= 0) {
			line[len] = '\0';
			return false;
		}
		if (line[len] == '\n')
			break;
		assert_true(++len < sizeof(line));
	}
	line[len] = '\0';
	return true;
}

static void expect(int fd, const char *start)
{
	assert_true(hear(fd));
	if (strncmp(line, start, strlen(start)) != 0)
		fail_msg("'%s' does not start with '%s'", line, start);
}

static void say(int fd, const char *text)
{
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
}

/* Starts the agent and leaves its announcement in `line`. */
static void start(const struct agent_server_config *config)
{
	int ends[2];

	assert_int_equal(pipe(ends), 0);
	child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		char why[512] = "";
		FILE *out = fdopen(ends[1], "w");
		int result;

		close(ends[0]);
		if (descriptors > 0) {
			struct rlimit limit = { descriptors, descriptors };

			assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
		}
		result = agent_server_run(config, out, why, sizeof(why));
		fprintf(out, "%s\n", why);
		fclose(out);
		_exit(result == 0 ? 0 : 3);
	}
	close(ends[1]);
	assert_true(hear(ends[0]));
	close(ends[0]);
}

/* Waits for the agent's end. */
static int ended(void)
{
	int status = -1;

	assert_int_equal(waitpid(child, &status, 0), child);
	child = 0;
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static int stop(void)
{
	kill(child, SIGTERM);
	return ended();
}

static unsigned start_tcp(struct agent_server_config *config)
{
	config->way = AGENT_TCP;
	config->addresses[0] = "127.0.0.1";
	config->n = 1;
	if (!config->idle_s)
		config->idle_s = 600;
	start(config);
	assert_int_equal(strncmp(line, "finwait-agent: agent on 127.0.0.1 port ", 39), 0);
	return (unsigned)atoi(line + 39);
}

static int connect_to(unsigned port)
{
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons((uint16_t)port) };
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	assert_true(fd >= 0);
	assert_int_equal(connect(fd, (struct sockaddr *)&to, sizeof(to)), 0);
	return fd;
}

static int connect_unix(void)
{
	struct sockaddr_un to = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	snprintf(to.sun_path, sizeof(to.sun_path), "%s", path);
	assert_true(fd >= 0);
	assert_int_equal(connect(fd, (struct sockaddr *)&to, sizeof(to)), 0);
	return fd;
}

static void write_file(const char *text, mode_t mode)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	assert_true(fd >= 0);
	say(fd, text);
	assert_int_equal(fchmod(fd, mode), 0);
	close(fd);
}

static void test_tcp(void **state)
{
	struct agent_server_config config = { .port = 0 };
	unsigned port = start_tcp(&config);
	int fd = connect_to(port);

	(void)state;
	expect(fd, "hello finwait-agent 1 ");
	say(fd, "1 hello version=1 allow=10.0.0.0/8\n");
	expect(fd, "1 error EACCES ");
	say(fd, "1 hello version=1\n2 socket family=ipv4\r\n3 connect socket=1 to=127.0.0.2:1\n");
	expect(fd, "1 ok");
	expect(fd, "2 ok socket=1");
	expect(fd, "3 error EACCES ");
	say(fd, "4 connect socket=1 to=127.0.0.1:1\n");
	expect(fd, "4 error ECONNREFUSED ");
	close(fd);
	assert_int_equal(stop(), 0);
}

static void test_token(void **state)
{
	enum { WRONG = 2 * AGENT_CONTROLLERS_MAX + 2 };
	struct agent_server_config config = { .token_file = path };
	unsigned port;
	int fd, wrong[WRONG];

	(void)state;
	write_file("0123456789abcdef\nmore\n", 0600);
	port = start_tcp(&config);
	/* More than there are places for controllers: those that were sent away, but are still there, need
	 * none. */
	for (size_t i = 0; i < WRONG; i++) {
		wrong[i] = connect_to(port);
		expect(wrong[i], "hello finwait-agent 1 ");
		/* What comes behind a wrong token is not read, but neither may it make the refusal get lost.
		 */
		say(wrong[i], "1 hello version=1 token=0123456789abcdeg\n2 socket family=ipv4\n");
		expect(wrong[i], "1 error EACCES ");
		assert_false(hear(wrong[i]));
	}
	fd = connect_to(port);
	expect(fd, "hello ");
	say(fd, "1 hello version=1 token=0123456789abcdef\n");
	expect(fd, "1 ok");
	close(fd);
	for (size_t i = 0; i < WRONG; i++)
		close(wrong[i]);
	assert_int_equal(stop(), 0);
}

/* poll() takes no more entries than there may be descriptors. */
static void test_few_descriptors(void **state)
{
	enum { WRONG = 2 * AGENT_CONTROLLERS_MAX };
	struct agent_server_config config = { .token_file = path };
	unsigned port;
	int fd, wrong[WRONG];

	(void)state;
	write_file("0123456789abcdef\n", 0600);
	descriptors = 32;
	port = start_tcp(&config);
	for (size_t i = 0; i < WRONG; i++) {
		wrong[i] = connect_to(port);
		expect(wrong[i], "hello ");
		say(wrong[i], "1 hello version=1\n");
		expect(wrong[i], "1 error EACCES ");
		assert_false(hear(wrong[i]));
	}
	fd = connect_to(port);
	expect(fd, "hello ");
	close(fd);
	for (size_t i = 0; i < WRONG; i++)
		close(wrong[i]);
	assert_int_equal(stop(), 0);
}

static void test_token_files(void **state)
{
	char token[AGENT_TOKEN_MAX + 1], why[512], text[300];

	(void)state;
	assert_false(agent_token_read(path, token, why, sizeof(why)));
	assert_non_null(strstr(why, path));
	write_file("0123456789abcdef", 0600);
	assert_true(agent_token_read(path, token, why, sizeof(why)));
	assert_string_equal(token, "0123456789abcdef");
	write_file("0123456789abcdefg\r\n", 0400);
	if (access(path, W_OK) == 0) {
		assert_true(agent_token_read(path, token, why, sizeof(why)));
		assert_string_equal(token, "0123456789abcdefg");
	}
	unlink(path);
	memset(text, 'x', sizeof(text));
	text[256] = '\n';
	text[257] = '\0';
	write_file(text, 0600);
	assert_true(agent_token_read(path, token, why, sizeof(why)));
	assert_int_equal(strlen(token), 256);
	text[256] = 'x';
	write_file(text, 0600);
	assert_false(agent_token_read(path, token, why, sizeof(why)));
	assert_non_null(strstr(why, "16 to 256"));
	write_file("0123456789abcde\n", 0600);
	assert_false(agent_token_read(path, token, why, sizeof(why)));
	write_file("0123456789 abcdef\n", 0600);
	assert_false(agent_token_read(path, token, why, sizeof(why)));
	write_file("0123456789abcdef\x7f\n", 0600);
	assert_false(agent_token_read(path, token, why, sizeof(why)));
	write_file("", 0600);
	assert_false(agent_token_read(path, token, why, sizeof(why)));
	for (mode_t mode = 0601; mode <= 0640; mode = mode == 0601 ? 0604 : mode == 0604 ? 0640 : 0641) {
		write_file("0123456789abcdef\n", mode);
		assert_false(agent_token_read(path, token, why, sizeof(why)));
		assert_non_null(strstr(why, "chmod 600"));
	}
	unlink(path);
	assert_int_equal(mkfifo(path, 0600), 0);
	assert_false(agent_token_read(path, token, why, sizeof(why)));
}

static void test_unix_socket(void **state)
{
	struct agent_server_config config = { .way = AGENT_UNIX, .path = path, .idle_s = 600 },
				   second = config;
	struct stat about;
	char why[512] = "";
	pid_t first;
	int fd;

	(void)state;
	start(&config);
	assert_non_null(strstr(line, path));
	assert_int_equal(lstat(path, &about), 0);
	assert_true(S_ISSOCK(about.st_mode));
	assert_int_equal(about.st_mode & 0777, 0600);
	fd = connect_unix();
	expect(fd, "hello ");
	say(fd, "1 hello version=1\n2 socket family=ipv4\n3 connect socket=1 to=127.0.0.1:1\n");
	expect(fd, "1 ok");
	expect(fd, "2 ok");
	expect(fd, "3 error EACCES ");
	/* One that is served is not taken over. */
	assert_int_equal(agent_server_run(&second, stdout, why, sizeof(why)), -1);
	assert_non_null(strstr(why, "Another process"));
	/* One that was left behind is. */
	first = child;
	kill(first, SIGKILL);
	assert_int_equal(waitpid(first, NULL, 0), first);
	assert_false(hear(fd));
	close(fd);
	assert_int_equal(lstat(path, &about), 0);
	start(&config);
	fd = connect_unix();
	expect(fd, "hello ");
	close(fd);
	assert_int_equal(stop(), 0);
	assert_int_equal(lstat(path, &about), -1);
	/* Anything else is left alone. */
	write_file("mine", 0600);
	assert_int_equal(agent_server_run(&second, stdout, why, sizeof(why)), -1);
	assert_non_null(strstr(why, "not a socket"));
	assert_int_equal(lstat(path, &about), 0);
	assert_int_equal(about.st_size, 4);
	second.path = "";
	assert_int_equal(agent_server_run(&second, stdout, why, sizeof(why)), -1);
}

/* A path that is no longer the agent's own is not removed. */
static void test_foreign_path_stays(void **state)
{
	struct agent_server_config config = { .way = AGENT_UNIX, .path = path, .idle_s = 600 };
	struct stat about;

	(void)state;
	start(&config);
	assert_int_equal(unlink(path), 0);
	write_file("mine", 0600);
	assert_int_equal(stop(), 0);
	assert_int_equal(lstat(path, &about), 0);
}

static void test_most_controllers(void **state)
{
	struct agent_server_config config = { .port = 0 };
	unsigned port = start_tcp(&config);
	int fds[AGENT_CONTROLLERS_MAX], fd;

	(void)state;
	for (int i = 0; i < AGENT_CONTROLLERS_MAX; i++) {
		fds[i] = connect_to(port);
		expect(fds[i], "hello ");
	}
	fd = connect_to(port);
	expect(fd, "- error EUSERS ");
	assert_false(hear(fd));
	close(fd);
	close(fds[3]);
	/* Its place is free once the agent has seen that; until then this is refused. */
	for (int i = 0; i < 10000; i++) {
		fd = connect_to(port);
		assert_true(hear(fd));
		if (strncmp(line, "hello ", 6) == 0)
			break;
		close(fd);
	}
	assert_int_equal(strncmp(line, "hello ", 6), 0);
	say(fd, "1 hello version=1\n");
	expect(fd, "1 ok");
	for (int i = 0; i < AGENT_CONTROLLERS_MAX; i++) {
		if (i != 3)
			close(fds[i]);
	}
	close(fd);
	assert_int_equal(stop(), 0);
}

static const char hello_with_token[] = "1 hello version=1 token=0123456789abcdef\n";

/* Without the token nobody is kept out, however many are there and say nothing. */
static void test_places_are_for_the_token(void **state)
{
	enum { SILENT = 3 * AGENT_CONTROLLERS_MAX, LATE = 2 };
	struct agent_server_config config = { .token_file = path };
	int silent[SILENT], known[AGENT_CONTROLLERS_MAX], late[LATE];
	unsigned port;

	(void)state;
	write_file("0123456789abcdef\n", 0600);
	port = start_tcp(&config);
	for (size_t i = 0; i < SILENT; i++) {
		silent[i] = connect_to(port);
		expect(silent[i], "hello ");
	}
	/* The first has made room for others. */
	assert_false(hear(silent[0]));
	for (size_t i = 0; i + 1 < AGENT_CONTROLLERS_MAX; i++) {
		known[i] = connect_to(port);
		expect(known[i], "hello ");
		say(known[i], hello_with_token);
		expect(known[i], "1 ok");
	}
	/* Of two that come for the last place, one gets it. */
	for (size_t i = 0; i < LATE; i++) {
		late[i] = connect_to(port);
		expect(late[i], "hello ");
	}
	say(late[0], hello_with_token);
	expect(late[0], "1 ok");
	say(late[1], hello_with_token);
	expect(late[1], "- error EUSERS ");
	assert_false(hear(late[1]));
	for (size_t i = 0; i + 1 < AGENT_CONTROLLERS_MAX; i++) {
		say(known[i], "2 socket family=ipv4\n");
		expect(known[i], "2 ok socket=1");
		close(known[i]);
	}
	for (size_t i = 0; i < SILENT; i++)
		close(silent[i]);
	for (size_t i = 0; i < LATE; i++)
		close(late[i]);
	assert_int_equal(stop(), 0);
}

/* Bytes keep no place for who does not say hello. */
static void test_hello_must_come(void **state)
{
	struct agent_server_config config = { .idle_s = 1 };
	unsigned port = start_tcp(&config);
	int fd = connect_to(port);
	struct pollfd wait = { .fd = fd, .events = POLLIN };
	int turns = 0;

	(void)state;
	expect(fd, "hello ");
	while (poll(&wait, 1, PATIENCE_MS / 300) == 0 && turns++ < 300)
		send(fd, "x", 1, MSG_NOSIGNAL);
	assert_true(turns < 300);
	close(fd);
	assert_int_equal(stop(), 0);
}

/* Far more than the system buffers. False when the other end has closed before. */
static bool can_send_much(int fd)
{
	static char bytes[1 << 20];

	for (int i = 0; i < 64; i++) {
		if (send(fd, bytes, sizeof(bytes), MSG_NOSIGNAL) < 0)
			return false;
	}
	return true;
}

/* Who is refused and sends without end holds nobody up: it is not listened to for long. */
static void test_refused_and_talking(void **state)
{
	struct agent_server_config config = { .port = 0 };
	unsigned port = start_tcp(&config);
	int fds[AGENT_CONTROLLERS_MAX];

	(void)state;
	for (int i = 0; i < AGENT_CONTROLLERS_MAX; i++) {
		fds[i] = connect_to(port);
		expect(fds[i], "hello ");
	}
	for (int i = 0; i < 500; i++) {
		int fd = connect_to(port);

		assert_false(can_send_much(fd));
		close(fd);
	}
	say(fds[0], "1 hello version=1\n");
	expect(fds[0], "1 ok");
	for (int i = 0; i < AGENT_CONTROLLERS_MAX; i++)
		close(fds[i]);
	assert_int_equal(stop(), 0);
}

static void test_idle(void **state)
{
	struct agent_server_config config = { .idle_s = 1 };
	unsigned port = start_tcp(&config);
	int fd = connect_to(port);

	(void)state;
	expect(fd, "hello ");
	say(fd, "1 hello version=1\n2 socket family=ipv4\n3 accept socket=1 timeout_ms=0\n");
	expect(fd, "1 ok");
	expect(fd, "2 ok");
	expect(fd, "3 error ");
	assert_false(hear(fd));
	close(fd);
	assert_int_equal(stop(), 0);
}

/* A listener of the session, and a connection to it which it has accepted. */
static int connected_through(int controller)
{
	int fd;

	say(controller, "1 hello version=1\n2 socket family=ipv4\n3 bind socket=1 local=127.0.0.1:0\n"
			"4 listen socket=1 backlog=5\n5 accept socket=1\n");
	expect(controller, "1 ok");
	expect(controller, "2 ok");
	expect(controller, "3 ok local=127.0.0.1:");
	fd = connect_to((unsigned)atoi(strrchr(line, ':') + 1));
	expect(controller, "4 ok");
	expect(controller, "5 ok socket=2 ");
	return fd;
}

static void expect_reset(int fd)
{
	char byte;
	struct pollfd wait = { .fd = fd, .events = POLLIN };

	assert_int_equal(poll(&wait, 1, PATIENCE_MS), 1);
	assert_int_equal(recv(fd, &byte, 1, 0), -1);
	assert_int_equal(errno, ECONNRESET);
	close(fd);
}

static void test_end_of_a_session_resets(void **state)
{
	struct agent_server_config config = { .port = 0 };
	unsigned port = start_tcp(&config);
	struct linger at_once = { .l_onoff = 1, .l_linger = 0 };
	int controller = connect_to(port), fd;

	(void)state;
	expect(controller, "hello ");
	fd = connected_through(controller);
	close(controller);
	expect_reset(fd);
	/* A controller that was killed, with a connection that breaks. */
	controller = connect_to(port);
	expect(controller, "hello ");
	fd = connected_through(controller);
	setsockopt(controller, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
	close(controller);
	expect_reset(fd);
	/* The agent is told to end. */
	controller = connect_to(port);
	expect(controller, "hello ");
	fd = connected_through(controller);
	assert_int_equal(stop(), 0);
	expect_reset(fd);
	close(controller);
}

static void test_garbage_ends_with_its_reasons(void **state)
{
	static char garbage[1 << 20];
	struct agent_server_config config = { .port = 0 };
	unsigned port = start_tcp(&config);
	int fd = connect_to(port);
	unsigned state_of_it = 1;
	size_t sent = 0;

	(void)state;
	for (size_t i = 0; i < sizeof(garbage); i++) {
		state_of_it = state_of_it * 1103515245 + 12345;
		garbage[i] = (char)(i % 50 == 49 ? '\n' : (state_of_it >> 16 & 0xff) | 0x80);
	}
	expect(fd, "hello ");
	say(fd, "1 hello version=1\n");
	expect(fd, "1 ok");
	assert_int_equal(fcntl(fd, F_SETFL, O_NONBLOCK), 0);
	while (sent < sizeof(garbage)) {
		ssize_t n = send(fd, garbage + sent, sizeof(garbage) - sent, MSG_NOSIGNAL);

		if (n < 0)
			break;
		sent += (size_t)n;
	}
	for (int i = 0; i < 32; i++)
		expect(fd, "- error EPROTO ");
	assert_false(hear(fd));
	close(fd);
	fd = connect_to(port);
	expect(fd, "hello ");
	close(fd);
	assert_int_equal(stop(), 0);
}

/* Requests before the end of input are served, and their replies written. */
static void test_stdio(void **state)
{
	struct agent_server_config config = { .way = AGENT_STDIO, .idle_s = 600 };
	int in[2], out[2];

	(void)state;
	assert_int_equal(pipe(in) | pipe(out), 0);
	child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		char why[512];

		dup2(in[0], 0);
		dup2(out[1], 1);
		close(in[1]);
		close(out[0]);
		_exit(agent_server_run(&config, stderr, why, sizeof(why)) == 0 ? 0 : 3);
	}
	close(in[0]);
	close(out[1]);
	say(in[1], "1 hello version=1 allow=127.0.0.1\n");
	for (int i = 0; i < 3000; i++)
		say(in[1], "2 socket family=ipv7\n");
	say(in[1], "3 socket family=ipv4\n4 half a li");
	close(in[1]);
	expect(out[0], "hello ");
	expect(out[0], "1 ok");
	for (int i = 0; i < 3000; i++)
		expect(out[0], "2 error EINVAL ");
	expect(out[0], "3 ok socket=1");
	assert_false(hear(out[0]));
	close(out[0]);
	assert_int_equal(ended(), 0);
}

static void test_port_in_use_is_said(void **state)
{
	struct agent_server_config config = { .port = 0 };
	char why[512] = "";

	(void)state;
	config.port = (uint16_t)start_tcp(&config);
	assert_int_equal(agent_server_run(&config, stdout, why, sizeof(why)), -1);
	assert_non_null(strstr(why, "in use; another --port avoids"));
	assert_int_equal(stop(), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_tcp, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_token, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_few_descriptors, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_token_files, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_unix_socket, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_foreign_path_stays, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_most_controllers, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_places_are_for_the_token, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_hello_must_come, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_refused_and_talking, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_idle, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_end_of_a_session_resets, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_garbage_ends_with_its_reasons, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_stdio, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_port_in_use_is_said, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
