/* SPDX-License-Identifier: BSD-2-Clause */
/* Ways to an agent, as text, as a token file and as connections on loopback. */
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#include "drive/agent_uri.h"

enum { PATIENCE_US = 30000000 };

static char directory[] = "/tmp/finwait-uri-XXXXXX";
static char path[64];

static int set_up(void **state)
{
	(void)state;
	if (!mkdtemp(directory))
		return -1;
	snprintf(path, sizeof path, "%s/file", directory);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	unlink(path);
	return rmdir(directory);
}

static void test_good(void **state)
{
	static const struct {
		const char *text;
		enum agent_uri_kind kind;
		const char *part;
	} cases[] = {
		{ "tcp:host.example:7930", AGENT_TCP, "host.example:7930" },
		{ "tcp:198.18.0.2:1", AGENT_TCP, "198.18.0.2:1" },
		{ "tcp:[2001:db8::1]:7930", AGENT_TCP, "[2001:db8::1]:7930" },
		{ "tcp:[fe80::1%eth0]:7930", AGENT_TCP, "[fe80::1%eth0]:7930" },
		{ "unix:/run/agent", AGENT_UNIX, "/run/agent" },
		{ "unix:a b", AGENT_UNIX, "a b" },
		{ "exec:ssh host 'finwait-agent --stdio'", AGENT_EXEC, "ssh host 'finwait-agent --stdio'" },
	};
	struct agent_uri uri;
	char why[256];

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		assert_int_equal(agent_uri_parse(&uri, cases[i].text, why, sizeof why), 0);
		assert_int_equal(uri.kind, cases[i].kind);
		assert_string_equal(uri.text, cases[i].part);
	}
}

static void test_bad(void **state)
{
	static const char *const cases[][2] = {
		{ "", "'' is no way to an agent: write tcp:HOST:PORT, unix:PATH or exec:COMMAND." },
		{ "host:7930",
		  "'host:7930' is no way to an agent: write tcp:HOST:PORT, unix:PATH or exec:COMMAND." },
		{ "TCP:host:7930",
		  "'TCP:host:7930' is no way to an agent: write tcp:HOST:PORT, unix:PATH or exec:COMMAND." },
		{ "tcp:", "The agent 'tcp:' names no host: write tcp:HOST:PORT." },
		{ "tcp::7930", "The agent 'tcp::7930' names no host: write tcp:HOST:PORT." },
		{ "tcp:host",
		  "The agent 'tcp:host' names no port: write tcp:HOST:PORT (finwait-agent's own is 7930)." },
		{ "tcp:host:",
		  "The agent 'tcp:host:' names no port: write tcp:HOST:PORT (finwait-agent's own is 7930)." },
		{ "tcp:[::1]",
		  "The agent 'tcp:[::1]' names no port: write tcp:HOST:PORT (finwait-agent's own is 7930)." },
		{ "tcp:2001:db8::1:7930", "The agent 'tcp:2001:db8::1:7930' has more than one colon: write "
					  "an IPv6 address in brackets, "
					  "tcp:[2001:db8::1]:7930." },
		{ "unix:", "The agent 'unix:' names no path: write unix:PATH." },
		{ "exec:", "The agent 'exec:' names no command: write exec:COMMAND." },
		{ "exec:  ", "The agent 'exec:  ' names no command: write exec:COMMAND." },
	};
	char why[256], longest[200] = "unix:";
	struct agent_uri uri;

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		assert_int_equal(agent_uri_parse(&uri, cases[i][0], why, sizeof why), -1);
		assert_string_equal(why, cases[i][1]);
	}
	memset(longest + 5, 'x', 108);
	assert_int_equal(agent_uri_parse(&uri, longest, why, sizeof why), -1);
	assert_non_null(strstr(why, "has a path that is too long for a unix socket."));
	longest[5 + 107] = '\0';
	assert_int_equal(agent_uri_parse(&uri, longest, why, sizeof why), 0);
}

static void write_file(const char *text, mode_t mode)
{
	FILE *out = fopen(path, "w");

	assert_non_null(out);
	fputs(text, out);
	assert_int_equal(fclose(out), 0);
	assert_int_equal(chmod(path, mode), 0);
}

static void refuse_token(const char *reason)
{
	char token[AGENT_TOKEN], why[256] = "";

	assert_int_equal(agent_token_read(token, path, why, sizeof why), -1);
	assert_non_null(strstr(why, path));
	if (!strstr(why, reason))
		fail_msg("\"%s\" does not say: %s", why, reason);
}

static void test_token(void **state)
{
	char token[AGENT_TOKEN], why[256], text[300];

	(void)state;
	write_file("0123456789abcdef", 0600);
	assert_int_equal(agent_token_read(token, path, why, sizeof why), 0);
	assert_string_equal(token, "0123456789abcdef");
	write_file("%23456789!~abcdef\r\nand a second line\n", 0400);
	assert_int_equal(agent_token_read(token, path, why, sizeof why), 0);
	assert_string_equal(token, "%23456789!~abcdef");
	unlink(path);
	memset(text, 'x', sizeof text);
	text[256] = '\0';
	write_file(text, 0600);
	assert_int_equal(agent_token_read(token, path, why, sizeof why), 0);
	assert_string_equal(token, text);

	text[256] = 'x';
	text[257] = '\0';
	write_file(text, 0600);
	refuse_token("is longer than 256 characters");
	write_file("0123456789abcde\n0123456789abcdef\n", 0600);
	refuse_token("is shorter than 16 characters");
	write_file("", 0600);
	refuse_token("is shorter than 16 characters");
	write_file("0123456789 abcdef\n", 0600);
	refuse_token("has a space in it, or something that is not printable ASCII");
	write_file("0123456789\xc3\xa4"
		   "abcdef\n",
		   0600);
	refuse_token("has a space in it, or something that is not printable ASCII");
	write_file("0123456789abcdef\n", 0640);
	refuse_token("is open to others than its owner: chmod 600 it");
	write_file("0123456789abcdef\n", 0604);
	refuse_token("is open to others than its owner: chmod 600 it");
	unlink(path);
	refuse_token("cannot be read: No such file or directory");
	assert_int_equal(mkfifo(path, 0600), 0);
	refuse_token("is not a regular file");
	unlink(path);
}

static void assert_nonblocking(int fd)
{
	assert_true(fd >= 0);
	assert_true(fcntl(fd, F_GETFL) & O_NONBLOCK);
	assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
}

static void test_tcp(void **state)
{
	struct sockaddr_in here = { .sin_family = AF_INET };
	volatile sig_atomic_t stop = 1;
	struct endpoint to = { 0 };
	char why[256], expected[256];
	socklen_t len = sizeof here, size = sizeof(int);
	int fd, nodelay = 0, listener = socket(AF_INET, SOCK_STREAM, 0);

	(void)state;
	here.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	assert_int_equal(bind(listener, (struct sockaddr *)&here, len), 0);
	assert_int_equal(getsockname(listener, (struct sockaddr *)&here, &len), 0);
	assert_true(address_parse(&to.addr, "127.0.0.1"));
	to.port = ntohs(here.sin_port);
	/* Bound but not listening: refused, and nobody else's. */
	assert_int_equal(agent_connect_tcp(&to, PATIENCE_US, NULL, why, sizeof why), -1);
	snprintf(expected, sizeof expected,
		 "The agent at 127.0.0.1:%u cannot be connected to: Connection refused. Does finwait-agent "
		 "run there?",
		 to.port);
	assert_string_equal(why, expected);
	assert_int_equal(listen(listener, 1), 0);
	fd = agent_connect_tcp(&to, PATIENCE_US, NULL, why, sizeof why);
	assert_nonblocking(fd);
	assert_int_equal(getsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &nodelay, &size), 0);
	assert_true(nodelay);
	close(fd);
	fd = agent_connect_tcp(&to, PATIENCE_US, &stop, why, sizeof why);
	if (fd < 0)
		assert_string_equal(why, "");
	else
		close(fd);
	close(listener);
}

static void test_unix(void **state)
{
	struct sockaddr_un here = { .sun_family = AF_UNIX };
	char why[256], expected[256];
	int fd, listener = socket(AF_UNIX, SOCK_STREAM, 0);

	(void)state;
	snprintf(here.sun_path, sizeof here.sun_path, "%s", path);
	assert_int_equal(agent_connect_unix(path, why, sizeof why), -1);
	snprintf(expected, sizeof expected,
		 "The agent at %s cannot be connected to: No such file or directory. Does finwait-agent run "
		 "there?",
		 path);
	assert_string_equal(why, expected);
	assert_int_equal(bind(listener, (struct sockaddr *)&here, sizeof here), 0);
	assert_int_equal(listen(listener, 1), 0);
	fd = agent_connect_unix(path, why, sizeof why);
	assert_nonblocking(fd);
	close(fd);
	close(listener);
	unlink(path);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_good), cmocka_unit_test(test_bad),  cmocka_unit_test(test_token),
		cmocka_unit_test(test_tcp),  cmocka_unit_test(test_unix),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
