/* SPDX-License-Identifier: BSD-2-Clause */
/* Targets as users write them, good and bad. The names that need a resolver are ones that every machine
 * answers by itself. */
#include "wire/resolve.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lab/ns.h"

static void test_numeric(void **state)
{
	static const struct {
		const char *text, *endpoint;
	} cases[] = {
		{"198.18.0.1:7", "198.18.0.1:7"},       {"198.18.0.1:65535", "198.18.0.1:65535"},
		{"[2001:db8::1]:7", "[2001:db8::1]:7"}, {"[::1]:00080", "[::1]:80"},
		{"[fe80::1%lo]:7", "[fe80::1%1]:7"},    {"[fe80::1%1]:7", "[fe80::1%1]:7"},
	};
	char why[256], text[ENDPOINT_TEXT];
	struct endpoint e;
	bool usage;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		assert_int_equal(resolve_target(&e, cases[i].text, 0, false, &usage, why, sizeof(why)), 0);
		assert_string_equal(endpoint_text(&e, text), cases[i].endpoint);
	}
}

/* Each error names what is wrong. */
static void test_refused(void **state)
{
	static const struct {
		const char *text;
		int family;
		const char *says;
	} cases[] = {
		{"", 0, "names no host"},
		{":7", 0, "names no host"},
		{"[]:7", 0, "names no host"},
		{"198.18.0.1", 0, "write 198.18.0.1:7"},
		{"198.18.0.1:", 0, "names no port"},
		{"[::1]", 0, "write [::1]:7"},
		{"localhost", 0, "write localhost:7"},
		{"198.18.0.1:0", 0, "port 0 "},
		{"198.18.0.1:70000", 0, "port 70000 "},
		{"198.18.0.1:65536", 0, "port 65536 "},
		{"198.18.0.1:18446744073709551617", 0, "port 18446744073709551617 "},
		{"198.18.0.1:-1", 0, "unknown port '-1'"},
		{"198.18.0.1: 7", 0, "unknown port ' 7'"},
		{"198.18.0.1:7x/", 0, "unknown port '7x/'"},
		{"198.18.0.1:nosuchservice", 0, "unknown port 'nosuchservice'"},
		{"localhost:nosuchservice", 0, "unknown port 'nosuchservice'"},
		{"[::1:7", 0, "no closing bracket"},
		{"[::1]7", 0, "behind the bracket"},
		{"[198.18.0.1]:7", 0, "is not an IPv6 address"},
		{"[name]:7", 0, "is not an IPv6 address"},
		{"2001:db8::1", 0, "write [2001:db8::1]:7"},
		{"1:2:3", 0, "is not an IPv6 address"},
		{"127.1:7", 0, "neither a host name nor an address"},
		{"010.0.0.256:7", 0, "neither a host name nor an address"},
		{"0x7f000001:7", 0, "neither a host name nor an address"},
		{"a b:7", 0, "neither a host name nor an address"},
		{"[fe80::1%nosuch0]:7", 0, "no such interface 'nosuch0'"},
		{"[fe80::1%]:7", 0, "no such interface ''"},
		{"[fe80::1%999999]:7", 0, "no such interface '999999'"},
		{"[2001:db8::1%lo]:7", 0, "not a link-local address"},
		{"198.18.0.1:7", 6, "no IPv6 address: leave out -6"},
		{"[::1]:7", 4, "no IPv4 address: leave out -4"},
	};
	struct endpoint e;
	char why[256];
	bool usage;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		usage = false;
		why[0] = '\0';
		assert_int_equal(resolve_target(&e, cases[i].text, cases[i].family, false, &usage, why, sizeof(why)),
				 -1);
		if (!strstr(why, cases[i].says))
			fail_msg("'%s': %s", cases[i].text, why);
		assert_true(usage);
	}
}

static void test_too_long(void **state)
{
	char text[5000], why[256];
	struct endpoint e;
	bool usage;

	(void)state;
	memset(text, 'a', sizeof(text));
	memcpy(text + sizeof(text) - 3, ":7", 3);
	assert_int_equal(resolve_target(&e, text, 0, false, &usage, why, sizeof(why)), -1);
	assert_non_null(strstr(why, "too long"));
	/* A message that does not fit is cut, not written past its end. */
	memset(why, 'x', sizeof(why));
	assert_int_equal(resolve_target(&e, text, 0, false, &usage, why, 20), -1);
	assert_int_equal(why[19], '\0');
	assert_int_equal(why[20], 'x');
}

/* "localhost" is answered from a file or by the resolver itself (RFC 6761 6.3). */
static void test_names(void **state)
{
	char why[256] = "", text[ENDPOINT_TEXT];
	struct endpoint e;
	bool usage;

	(void)state;
	assert_int_equal(resolve_target(&e, "localhost:7", 4, false, &usage, why, sizeof(why)), 0);
	assert_string_equal(endpoint_text(&e, text), "127.0.0.1:7");
	assert_int_equal(resolve_target(&e, "localhost:7", 0, false, &usage, why, sizeof(why)), 0);
	assert_true(address_is_loopback(&e.addr));
	assert_int_equal(e.port, 7);
}

/* A name that exists nowhere (RFC 6761 6.4), asked for in a network without any name server. Enters a
 * namespace for good, so it comes last. */
static void test_unknown_name(void **state)
{
	char why[256] = "";
	struct endpoint e;
	bool usage = true;

	(void)state;
	if (!ns_enter()) {
		assert_null(getenv("FINWAIT_REQUIRE_LAB"));
		skip();
	}
	assert_int_equal(resolve_target(&e, "nosuch.invalid:7", 0, false, &usage, why, sizeof(why)), -1);
	assert_non_null(strstr(why, "nosuch.invalid"));
	assert_false(usage);
}

static void test_source(void **state)
{
	static const struct {
		const char *text, *endpoint, *says;
	} cases[] = {
		{"198.18.0.1", "198.18.0.1:0", NULL},
		{"198.18.0.1:41873", "198.18.0.1:41873", NULL},
		{"2001:db8::1", "[2001:db8::1]:0", NULL},
		{"[2001:db8::1]", "[2001:db8::1]:0", NULL},
		{"[2001:db8::1]:9", "[2001:db8::1]:9", NULL},
		{"fe80::1%lo", "[fe80::1%1]:0", NULL},
		{"[fe80::1%lo]:9", "[fe80::1%1]:9", NULL},
		{"localhost", NULL, "not a numeric address"},
		{"[198.18.0.1]", NULL, "not a numeric address"},
		{"198.18.0.1:http", NULL, "no source port"},
		{"198.18.0.1:", NULL, "no source port"},
		{"198.18.0.1:0", NULL, "port 0 "},
		{"fe80::1%nosuch0", NULL, "no such interface"},
		{"", NULL, "names no host"},
	};
	char why[256], text[ENDPOINT_TEXT];
	struct endpoint e;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		int result = resolve_source(&e, cases[i].text, why, sizeof(why));

		if (cases[i].endpoint) {
			assert_int_equal(result, 0);
			assert_string_equal(endpoint_text(&e, text), cases[i].endpoint);
		} else {
			assert_int_equal(result, -1);
			if (!strstr(why, cases[i].says))
				fail_msg("'%s': %s", cases[i].text, why);
		}
	}
}

/* Where somebody else supplies the port. */
static void test_without_port(void **state)
{
	static const struct {
		const char *text, *endpoint, *says;
	} cases[] = {
		{"198.18.0.1", "198.18.0.1:4007", NULL},
		{"198.18.0.1:9", "198.18.0.1:9", NULL},
		{"2001:db8::1", "[2001:db8::1]:4007", NULL},
		{"[2001:db8::1]", "[2001:db8::1]:4007", NULL},
		{"[2001:db8::1]:9", "[2001:db8::1]:9", NULL},
		{"localhost", "127.0.0.1:4007", NULL},
		{"198.18.0.1:", NULL, "names no port"},
		{"198.18.0.1:0", NULL, "port 0 "},
		{"nosuch.invalid", NULL, "nosuch.invalid"},
	};
	char why[256], text[ENDPOINT_TEXT];
	bool usage;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct endpoint e = {.port = 4007};
		int family = strcmp(cases[i].text, "localhost") ? 0 : 4;
		int result = resolve_target(&e, cases[i].text, family, true, &usage, why, sizeof(why));

		if (cases[i].endpoint) {
			assert_int_equal(result, 0);
			assert_string_equal(endpoint_text(&e, text), cases[i].endpoint);
		} else {
			assert_int_equal(result, -1);
			if (!strstr(why, cases[i].says))
				fail_msg("'%s': %s", cases[i].text, why);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_numeric),  cmocka_unit_test(test_refused),
		cmocka_unit_test(test_too_long), cmocka_unit_test(test_names),
		cmocka_unit_test(test_source),   cmocka_unit_test(test_unknown_name),
		cmocka_unit_test(test_without_port),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
