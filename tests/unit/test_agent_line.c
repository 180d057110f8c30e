/* SPDX-License-Identifier: BSD-2-Clause */
/* What the agent reads and writes as text: requests, numbers, escapes, base64, addresses, networks, errors.
 */
#include "agent/agent_address.h"
#include "agent/agent_line.h"
#include "agent/errno_name.h"

#include <errno.h>
#include <net/if.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static char text[AGENT_LINE_MAX + 1];

static bool read_bytes(const char *bytes, size_t len, struct agent_line *line)
{
	memcpy(text, bytes, len);
	return agent_line_read(text, len, line);
}

static bool read_line(const char *bytes, struct agent_line *line)
{
	return read_bytes(bytes, strlen(bytes), line);
}

static void test_words(void **state)
{
	struct agent_line line;

	(void)state;
	assert_true(read_line("t1 send socket=7 data=aGk= timeout_ms=0", &line));
	assert_string_equal(line.tag, "t1");
	assert_string_equal(line.verb, "send");
	assert_null(line.bad);
	assert_int_equal(line.n, 3);
	assert_string_equal(agent_line_value(&line, "socket"), "7");
	assert_string_equal(agent_line_value(&line, "data"), "aGk=");
	assert_string_equal(agent_line_value(&line, "timeout_ms"), "0");
	assert_null(agent_line_value(&line, "sock"));
	assert_true(read_line("A.b_c-0123456789  x   k=  \r", &line));
	assert_string_equal(line.tag, "A.b_c-0123456789");
	assert_string_equal(line.verb, "x");
	assert_string_equal(agent_line_value(&line, "k"), "");
}

static void test_unreadable(void **state)
{
	static const char *const lines[] = {
		"",         " ",       "\r",          "tag",       "tag ",         "12345678901234567 name",
		"a/b name", "t\tname", "t name \x7f", "t name\rx", "t n\xc3\xa4me"
	};
	struct agent_line line;

	(void)state;
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
		assert_false(read_line(lines[i], &line));
	assert_false(read_bytes("t na\0me", 7, &line));
	assert_true(read_line("1234567890123456 name", &line));
}

static void test_bad_words(void **state)
{
	static const char *const lines[] = {
		"t v word",        "t v =x",    "t v Key=x",
		"t v a=1 b=2 a=1", "t v a=%",   "t v a=%2",
		"t v a=%2 b=1",    "t v a=%g0", "t v a=1 b=1 c=1 d=1 e=1 f=1 g=1 h=1 i=1"
	};
	struct agent_line line;

	(void)state;
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		assert_true(read_line(lines[i], &line));
		assert_string_equal(line.tag, "t");
		assert_non_null(line.bad);
	}
}

static void test_escapes(void **state)
{
	struct agent_line line;
	char out[32];

	(void)state;
	assert_true(read_line("t v a=%25%20x%fF%41=", &line));
	assert_string_equal(agent_line_value(&line, "a"), "% x\xff"
							  "A=");
	assert_true(read_line("t v a=1%002", &line));
	assert_string_equal(agent_line_value(&line, "a"), "1\x01"
							  "2");
	agent_line_escape("a b%\xff\n=", out, sizeof(out));
	assert_string_equal(out, "a%20b%25%FF%0A=");
	agent_line_escape("a b", out, 5);
	assert_string_equal(out, "a%20");
	agent_line_escape("a b", out, 4);
	assert_string_equal(out, "a");
	agent_line_escape("abc", out, 1);
	assert_string_equal(out, "");
}

static void test_numbers(void **state)
{
	static const char *const wrong[] = { "",
					     "-1",
					     "+1",
					     " 1",
					     "1 ",
					     "0x10",
					     "1e3",
					     "256",
					     "2550",
					     "99999999999999999999",
					     "18446744073709551616" };
	uint64_t number = 99;

	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		assert_false(agent_line_number(wrong[i], 255, &number));
	assert_int_equal(number, 99);
	assert_true(agent_line_number("255", 255, &number));
	assert_int_equal(number, 255);
	assert_true(agent_line_number("0007", 255, &number));
	assert_int_equal(number, 7);
	assert_true(agent_line_number("18446744073709551615", UINT64_MAX, &number));
	assert_true(number == UINT64_MAX);
	assert_false(agent_line_number("18446744073709551616", UINT64_MAX, &number));
	assert_true(agent_line_number("0", 0, &number));
	assert_false(agent_line_number("1", 0, &number));
	assert_false(agent_line_number("9", 8, &number));
}

static void test_base64(void **state)
{
	static const struct {
		const char *bytes, *text;
	} both[] = { { "", "" },        { "f", "Zg==" },        { "fo", "Zm8=" },
		     { "foo", "Zm9v" }, { "foob", "Zm9vYg==" }, { "\xff\xfe\xfb", "//77" } };
	static const char *const wrong[] = { "Z",    "Zg",       "Zg=",    "Zg===", "====",
					     "Z===", "Zg==Zg==", "Zm9v\n", "Zm9-",  "Z=9v" };
	unsigned char bytes[16];
	char out[16];

	(void)state;
	for (size_t i = 0; i < sizeof(both) / sizeof(both[0]); i++) {
		long n = (long)strlen(both[i].bytes);

		assert_int_equal(agent_line_decode64(both[i].text, bytes), n);
		assert_memory_equal(bytes, both[i].bytes, n);
		agent_line_encode64((const unsigned char *)both[i].bytes, (size_t)n, out);
		assert_string_equal(out, both[i].text);
	}
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		assert_int_equal(agent_line_decode64(wrong[i], bytes), -1);
}

static void same_address(const char *in, const char *out)
{
	struct agent_address address;
	char written[AGENT_ADDRESS_ROOM];

	assert_true(agent_address_read(in, &address));
	agent_address_write(&address, written);
	assert_string_equal(written, out);
}

static void test_addresses(void **state)
{
	static const char *const wrong[] = { "",
					     ":",
					     "127.0.0.1",
					     "127.0.0.1:",
					     "127.0.0.1:65536",
					     "127.1:7",
					     "::1:7",
					     "[::1]",
					     "[::1]7",
					     "[::1:7",
					     "[]:7",
					     "[127.0.0.1]:7",
					     "name:7",
					     "[fe80::1%]:7",
					     "[fe80::1%nosuch]:7",
					     "[fe80::1%0]:7",
					     "127.0.0.1:-7",
					     "[::1] :7",
					     "1.2.3.4 :7" };
	struct agent_address address, other;
	char name[IF_NAMESIZE], in[64], out[64];

	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		assert_false(agent_address_read(wrong[i], &address));
	same_address("198.18.0.1:7", "198.18.0.1:7");
	same_address("[2001:db8:0::1]:0", "[2001:db8::1]:0");
	same_address("[::]:65535", "[::]:65535");
	same_address("[fe80::1%4000000000]:7", "[fe80::1%254000000000]:7");
	if (if_indextoname(1, name)) {
		snprintf(in, sizeof(in), "[fe80::1%%1]:7");
		snprintf(out, sizeof(out), "[fe80::1%%25%s]:7", name);
		same_address(in, out);
		snprintf(in, sizeof(in), "[fe80::1%%%s]:7", name);
		same_address(in, out);
	}
	assert_true(agent_address_read("[::ffff:10.0.0.1]:7", &address) &&
		    agent_address_read("10.0.0.1:7", &other));
	assert_true(agent_address_equal(&address, &other));
	assert_true(agent_address_read("10.0.0.1:8", &other));
	assert_false(agent_address_equal(&address, &other));
	assert_true(agent_address_read("[fe80::1]:7", &address) &&
		    agent_address_read("[fe80::1%2]:7", &other));
	assert_true(agent_address_equal(&address, &other));
	assert_true(agent_address_lacks_scope(&address));
	assert_false(agent_address_lacks_scope(&other));
	assert_true(agent_address_read("[fe80::1%3]:7", &address));
	assert_false(agent_address_equal(&address, &other));
}

static bool inside(const char *network, const char *part)
{
	struct agent_network whole, inner;

	assert_true(agent_network_read(network, &whole));
	assert_true(agent_network_read(part, &inner));
	return agent_network_inside(&whole, 1, &inner);
}

static void test_networks(void **state)
{
	static const char *const wrong[] = { "",       "/8",    "10.0.0.0/", "10.0.0.0/33", "10.0.0.0/8/8",
					     "::/129", "::1%1", "10.0.0",    "name",        "10.0.0.0/-1" };
	struct agent_network network;

	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		assert_false(agent_network_read(wrong[i], &network));
	assert_true(inside("10.0.0.0/8", "10.255.255.255"));
	assert_true(inside("10.1.2.3/8", "10.0.0.0/9"));
	assert_false(inside("10.0.0.0/9", "10.0.0.0/8"));
	assert_false(inside("10.0.0.0/9", "10.128.0.0"));
	assert_true(inside("10.0.0.128/25", "10.0.0.129"));
	assert_false(inside("10.0.0.128/25", "10.0.0.127"));
	assert_true(inside("0.0.0.0/0", "255.255.255.255"));
	assert_false(inside("0.0.0.0/0", "::1"));
	assert_false(inside("::/0", "10.0.0.1"));
	assert_true(inside("::/0", "2001:db8::1"));
	assert_true(inside("2001:db8::/33", "2001:db8:7fff::/48"));
	assert_false(inside("2001:db8::/33", "2001:db8:8000::"));
	assert_true(inside("10.0.0.0/8", "::ffff:10.0.0.1"));
	assert_true(inside("::ffff:10.0.0.0/104", "10.2.3.4"));
	assert_false(inside("::/0", "::ffff:10.0.0.1"));
	assert_false(agent_network_inside(NULL, 0, &network));
}

static void test_loopback(void **state)
{
	static const struct {
		const char *network;
		bool loopback;
	} cases[] = { { "127.0.0.1", true },    { "127.9.9.9/32", true }, { "127.0.0.0/8", true },
		      { "127.0.0.0/7", false }, { "128.0.0.1", false },   { "::1", true },
		      { "::1/127", false },     { "::2", false },         { "::ffff:127.0.0.1", true },
		      { "0.0.0.0", false },     { "::", false } };
	struct agent_network network;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_true(agent_network_read(cases[i].network, &network));
		assert_int_equal(agent_network_loopback(&network), cases[i].loopback);
	}
}

static void test_errors(void **state)
{
	char room[ERRNO_NAME_ROOM];

	(void)state;
	assert_string_equal(errno_name(ECONNREFUSED, room), "ECONNREFUSED");
	assert_string_equal(errno_name(EAGAIN, room), "EAGAIN");
	assert_string_equal(errno_name(EWOULDBLOCK, room), EWOULDBLOCK == EAGAIN ? "EAGAIN" : "EWOULDBLOCK");
	assert_string_equal(errno_name(ENOTSUP, room), "ENOTSUP");
	assert_string_equal(errno_name(EPROTONOSUPPORT, room), "EPROTONOSUPPORT");
	assert_string_equal(errno_name(4711, room), "E4711");
	assert_string_equal(errno_name(-2147483647, room), "E-2147483647");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_words),     cmocka_unit_test(test_unreadable),
		cmocka_unit_test(test_bad_words), cmocka_unit_test(test_escapes),
		cmocka_unit_test(test_numbers),   cmocka_unit_test(test_base64),
		cmocka_unit_test(test_addresses), cmocka_unit_test(test_networks),
		cmocka_unit_test(test_loopback),  cmocka_unit_test(test_errors),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
