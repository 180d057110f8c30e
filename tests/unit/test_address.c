/* SPDX-License-Identifier: BSD-2-Clause */
/* Addresses as text, both ways, against the C library's own functions. */
#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "core/address.h"
#include "core/random.h"

static struct address parsed(const char *text)
{
	struct address a;

	if (!address_parse(&a, text))
		fail_msg("'%s' is not read as an address", text);
	return a;
}

static void check_text(const char *in, const char *out)
{
	struct address a = parsed(in);
	char text[ADDRESS_TEXT];

	assert_ptr_equal(address_text(&a, text), text);
	assert_string_equal(text, out);
}

/* RFC 5952 4: no leading zeros, the first longest run of at least two zero groups shortened, lower case. */
static void test_canonical_text(void **state)
{
	(void)state;
	check_text("198.18.0.1", "198.18.0.1");
	check_text("0.0.0.0", "0.0.0.0");
	check_text("255.255.255.255", "255.255.255.255");
	check_text("::", "::");
	check_text("::1", "::1");
	check_text("1::", "1::");
	check_text("2001:0db8:0000:0000:0000:0000:0002:0001", "2001:db8::2:1");
	check_text("2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1");
	check_text("2001:0:0:1:0:0:0:1", "2001:0:0:1::1");
	check_text("2001:db8:0:0:1:0:0:1", "2001:db8::1:0:0:1");
	check_text("1:0:0:4:5:6:0:0", "1::4:5:6:0:0");
	check_text("1:2:3:4:5:6:0:0", "1:2:3:4:5:6::");
	check_text("0:0:3:4:5:6:7:8", "::3:4:5:6:7:8");
	check_text("0:2:3:4:5:6:7:0", "0:2:3:4:5:6:7:0");
	check_text("FE80::ABCD:EF01", "fe80::abcd:ef01");
	check_text("ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255",
		   "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff");
	check_text("64:ff9b::192.0.2.33", "64:ff9b::c000:221");
	check_text("1:2:3:4:5:6:7::", "1:2:3:4:5:6:7:0");
	check_text("::2:3:4:5:6:7:8", "0:2:3:4:5:6:7:8");
}

static void test_no_address(void **state)
{
	struct address none = {0};
	char text[ADDRESS_TEXT];

	(void)state;
	assert_string_equal(address_text(&none, text), "none");
	assert_int_equal(address_len(&none), 0);
	assert_false(address_is_loopback(&none));
	assert_false(address_is_multicast(&none));
	assert_false(address_is_link_local(&none));
}

static void test_bad_text(void **state)
{
	static const char *const bad[] = {
		"",
		" ",
		".",
		":",
		"1",
		"1.2.3",
		"1.2.3.",
		"1.2.3.4.",
		"1.2.3.4.5",
		"1..2.3",
		".1.2.3",
		"256.1.1.1",
		"1.1.1.256",
		"1.1.1.1000",
		"01.2.3.4",
		"1.2.3.04",
		"00.0.0.0",
		"0x7f.0.0.1",
		" 1.2.3.4",
		"1.2.3.4 ",
		"-1.2.3.4",
		"+1.2.3.4",
		"1.2.3.4/8",
		"1,2,3,4",
		"localhost",
		"4294967296.1.1.1",
		"99999999999999999999.1.1.1",
		":::",
		"::1::",
		"1::2::3",
		":1",
		"1:",
		"1:2",
		"1:2:3:4:5:6:7",
		"1:2:3:4:5:6:7:",
		"1:2:3:4:5:6:7:8:",
		"1:2:3:4:5:6:7:8:9",
		":1:2:3:4:5:6:7:8",
		"12345::",
		"::12345",
		"::00001",
		"g::",
		"::g",
		"::1%1",
		"::1%eth0",
		"fe80::1%",
		"[::1]",
		"::1/64",
		"1:2:3:4:5:6:7:1.2.3.4",
		"::1.2.3",
		"::1.2.3.256",
		"::1.2.3.4:5",
		"1.2.3.4::",
		"1.2.3.4:1::",
		"::01.2.3.4",
		"1:::2",
		"1:2:3:4::5:6:7:8",
		"::1:2:3:4:5:6:7:8",
		"1:2:3:4:5:6:7:8::",
		" ::1",
		"::1 ",
		"1:2:3:4:5:6:1.2.3.4:7",
		"1:2:3:4:5:1.2.3.4",
		"::-1",
		"::+1",
		"::0x1",
	};
	struct address a;

	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		if (address_parse(&a, bad[i]))
			fail_msg("'%s' is read as an address", bad[i]);
}

/* Groups that are often zero, so that runs of every length come up. Not ::/80, where inet_ntop() writes an
 * IPv4 tail. */
static void random_address(struct address *a, uint64_t *random)
{
	uint64_t r = random_next(random);

	*a = (struct address){.family = r & 1 ? 6 : 4};
	for (size_t i = 0; i < address_len(a); i++)
		a->bytes[i] = (uint8_t)random_next(random);
	for (size_t i = 0; a->family == 6 && i < 8; i++) {
		if (r >> (8 + i) & 1)
			a->bytes[2 * i] = a->bytes[2 * i + 1] = 0;
		else if (r >> (16 + i) & 1)
			a->bytes[2 * i] = 0;
	}
	if (a->family == 6 && !memcmp(a->bytes, (uint8_t[10]){0}, 10))
		a->bytes[0] = 0x20;
}

static void test_random_addresses(void **state)
{
	uint64_t random = 4711;

	(void)state;
	for (int i = 0; i < 50000; i++) {
		char ours[ADDRESS_TEXT], theirs[INET6_ADDRSTRLEN];
		struct address a, back;

		random_address(&a, &random);
		inet_ntop(a.family == 6 ? AF_INET6 : AF_INET, a.bytes, theirs, sizeof theirs);
		assert_string_equal(address_text(&a, ours), theirs);
		back = parsed(ours);
		assert_memory_equal(&back, &a, sizeof a);
	}
}

/* Text with a few characters changed is an address if inet_pton() says so, and then the same one. */
static void test_damaged_text(void **state)
{
	static const char alphabet[] = "0123456789abcdefABCDEFg:.%: 0";
	unsigned accepted = 0, refused = 0;
	uint64_t random = 815;

	(void)state;
	for (int i = 0; i < 50000; i++) {
		char text[ADDRESS_TEXT];
		uint8_t expected[16] = {0};
		struct address a, b;
		int family;

		random_address(&a, &random);
		address_text(&a, text);
		for (uint64_t n = random_next(&random) % 3 + 1; n && text[0]; n--) {
			size_t at = random_next(&random) % strlen(text);

			if (random_next(&random) % 3)
				text[at] = alphabet[random_next(&random) % (sizeof alphabet - 1)];
			else
				memmove(text + at, text + at + 1, strlen(text + at));
		}
		family = inet_pton(AF_INET, text, expected) == 1    ? 4
			 : inet_pton(AF_INET6, text, expected) == 1 ? 6
								    : 0;
		if (address_parse(&b, text) != !!family)
			fail_msg("'%s': inet_pton() disagrees", text);
		if (family) {
			assert_int_equal(b.family, family);
			assert_memory_equal(b.bytes, expected, 16);
			accepted++;
		} else {
			refused++;
		}
	}
	assert_true(accepted > 1000 && refused > 1000);
}

static void test_scope(void **state)
{
	struct address a = parsed("fe80::1"), b = a, c = a;
	char text[ADDRESS_TEXT];

	(void)state;
	b.scope = 3;
	c.scope = 4;
	assert_string_equal(address_text(&b, text), "fe80::1%3");
	assert_true(address_equal(&a, &b));
	assert_true(address_equal(&b, &a));
	assert_true(address_equal(&b, &b));
	assert_false(address_equal(&b, &c));
	/* The longest text there is. */
	a = parsed("fe80:1111:2222:3333:4444:5555:6666:7777");
	a.scope = UINT32_MAX;
	assert_string_equal(address_text(&a, text), "fe80:1111:2222:3333:4444:5555:6666:7777%4294967295");
}

static void test_equality(void **state)
{
	struct address a = parsed("1.2.3.4"), b = parsed("1.2.3.5"), six = parsed("102:304::");
	struct endpoint e = {a, 7}, f = {a, 8}, g = {b, 7};

	(void)state;
	assert_true(address_equal(&a, &a));
	assert_false(address_equal(&a, &b));
	assert_false(address_equal(&a, &six)); /* the same first bytes */
	a.bytes[15] = 1;                       /* not part of an IPv4 address */
	assert_true(address_equal(&a, &e.addr));
	assert_true(endpoint_equal(&e, &e));
	assert_false(endpoint_equal(&e, &f));
	assert_false(endpoint_equal(&e, &g));
}

static void test_endpoint_text(void **state)
{
	struct endpoint e = {parsed("198.18.0.1"), 7};
	char text[ENDPOINT_TEXT];

	(void)state;
	assert_ptr_equal(endpoint_text(&e, text), text);
	assert_string_equal(text, "198.18.0.1:7");
	e = (struct endpoint){parsed("2001:db8::1"), 65535};
	assert_string_equal(endpoint_text(&e, text), "[2001:db8::1]:65535");
	e.addr = parsed("fe80:1111:2222:3333:4444:5555:6666:7777");
	e.addr.scope = UINT32_MAX;
	assert_string_equal(endpoint_text(&e, text),
			    "[fe80:1111:2222:3333:4444:5555:6666:7777%4294967295]:65535");
}

static void check_kind(const char *text, const char *kinds)
{
	struct address a = parsed(text);

	assert_int_equal(address_is_loopback(&a), !!strchr(kinds, 'l'));
	assert_int_equal(address_is_multicast(&a), !!strchr(kinds, 'm'));
	assert_int_equal(address_is_unspecified(&a), !!strchr(kinds, 'u'));
	assert_int_equal(address_is_link_local(&a), !!strchr(kinds, 'k'));
	assert_int_equal(address_len(&a), strchr(text, ':') ? 16 : 4);
}

static void test_kinds(void **state)
{
	(void)state;
	check_kind("127.0.0.1", "l");
	check_kind("127.255.255.255", "l");
	check_kind("126.255.255.255", "");
	check_kind("128.0.0.0", "");
	check_kind("::1", "l");
	check_kind("::2", "");
	check_kind("1::1", "");
	check_kind("0.0.0.0", "u");
	check_kind("0.0.0.1", "");
	check_kind("::", "u");
	check_kind("223.255.255.255", "");
	check_kind("224.0.0.1", "m");
	check_kind("239.255.255.255", "m");
	check_kind("240.0.0.1", "");
	check_kind("ff02::1", "m");
	check_kind("fe00::1", "");
	check_kind("fe7f::1", "");
	check_kind("fe80::1", "k");
	check_kind("febf:ffff::1", "k");
	check_kind("fec0::1", "");
	check_kind("169.254.0.1", "");
	check_kind("254.128.0.0", "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_canonical_text), cmocka_unit_test(test_no_address),
		cmocka_unit_test(test_bad_text),       cmocka_unit_test(test_random_addresses),
		cmocka_unit_test(test_damaged_text),   cmocka_unit_test(test_scope),
		cmocka_unit_test(test_equality),       cmocka_unit_test(test_endpoint_text),
		cmocka_unit_test(test_kinds),
	};

	return cmocka_run_group_tests_name("address", tests, NULL, NULL);
}
