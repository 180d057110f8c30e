/* SPDX-License-Identifier: BSD-2-Clause */
/* ARP and neighbour discovery frames: right ones, and everything that is wrong with others. */
#include "wire/neighbour.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "wire/checksum.h"

#define MAC_A 0x02, 0, 0, 0, 0, 0x0a
#define MAC_B 0x02, 0, 0, 0, 0, 0x0b
#define ADDR6(last) 0x20, 1, 0x0d, 0xb8, 7, 0x93, 0, 0, 0, 0, 0, 0, 0, 0, 0, last
#define GROUP6(last) 0xff, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0xff, 0, 0, last

enum { ETHERNET = 14, IPV6 = 40, ARP_FRAME = 42, ND_FRAME = 86 };

static const uint8_t mac_a[] = {MAC_A};

static const uint8_t arp_request[ARP_FRAME] = {
	0xff, 0xff, 0xff, 0xff, 0xff, 0xff, MAC_A, 8, 6, /* who has .77? tell .2 */
	0,    1,    8,    0,    6,    4,    0,     1, MAC_A, 198, 18, 0, 2, 0, 0, 0, 0, 0, 0, 198, 18, 0, 77,
};

static const uint8_t solicitation[ND_FRAME] = {
	0x33, 0x33,     0xff,         0,   0, 0x77, MAC_A, 0x86, 0xdd, 0x60, 0, 0,           0, 0, 32,    58,
	255,  ADDR6(2), GROUP6(0x77), 135, 0, 0,    0,     0,    0,    0,    0, ADDR6(0x77), 1, 1, MAC_A,
};

static const uint8_t advertisement[ND_FRAME] = {
	MAC_B,       MAC_A, 0x86, 0xdd, 0x60, 0,    0, 0, 0, 32,       58, 255, ADDR6(2),
	ADDR6(0x77), 136,   0,    0,    0,    0x60, 0, 0, 0, ADDR6(2), 2,  1,   MAC_A,
};

/* Sets the ICMPv6 checksum of a frame of `len` bytes. */
static void sum(uint8_t *frame, size_t len)
{
	struct address src = {.family = 6}, dst = {.family = 6};
	uint16_t value;

	memcpy(src.bytes, frame + ETHERNET + 8, 16);
	memcpy(dst.bytes, frame + ETHERNET + 24, 16);
	memset(frame + ETHERNET + IPV6 + 2, 0, 2);
	len -= ETHERNET + IPV6;
	value = (uint16_t)~checksum_fold(
		checksum_add(checksum_pseudo(&src, &dst, 58, (uint32_t)len), frame + ETHERNET + IPV6, len));
	memcpy(frame + ETHERNET + IPV6 + 2, &value, 2);
}

/* In memory that ends where the frame ends, so that a sanitizer sees the first byte too many. */
static bool parse(struct neighbour *n, const uint8_t *frame, size_t len)
{
	uint8_t *exact = malloc(len ? len : 1);
	bool result;

	assert_non_null(exact);
	memcpy(exact, frame, len);
	result = neighbour_parse(n, exact, len);
	free(exact);
	return result;
}

static void assert_address(const struct address *a, const char *text)
{
	char is[ADDRESS_TEXT];

	assert_string_equal(a->family ? address_text(a, is) : "", text);
}

static void test_arp(void **state)
{
	uint8_t f[ARP_FRAME];
	struct neighbour n;

	(void)state;
	assert_true(parse(&n, arp_request, sizeof(arp_request)));
	assert_address(&n.asked, "198.18.0.77");
	assert_address(&n.claimed, "198.18.0.2");
	assert_address(&n.sender, "198.18.0.2");
	assert_memory_equal(n.mac, mac_a, MAC_LEN);
	assert_true(n.told);

	memcpy(f, arp_request, sizeof(f));
	memset(f + 28, 0, 4); /* a probe */
	assert_true(parse(&n, f, sizeof(f)));
	assert_address(&n.asked, "198.18.0.77");
	assert_address(&n.claimed, "");
	assert_address(&n.sender, "");
	f[21] = 2; /* an answer from nobody */
	assert_false(parse(&n, f, sizeof(f)));

	memcpy(f, arp_request, sizeof(f));
	f[21] = 2;
	assert_true(parse(&n, f, sizeof(f)));
	assert_address(&n.asked, "");
	assert_address(&n.claimed, "198.18.0.2");
}

static void test_arp_malformed(void **state)
{
	/* hardware, protocol, both lengths, operation; a sender that is a group */
	static const size_t at[] = {14, 15, 16, 17, 18, 19, 20, 21, 22};
	struct neighbour n;
	uint8_t f[ARP_FRAME];

	(void)state;
	for (size_t i = 0; i < sizeof(at) / sizeof(*at); i++) {
		memcpy(f, arp_request, sizeof(f));
		f[at[i]] ^= 0x11;
		assert_false(parse(&n, f, sizeof(f)));
	}
	for (size_t len = 0; len < ARP_FRAME; len++)
		assert_false(parse(&n, arp_request, len));
}

static void test_solicitation(void **state)
{
	uint8_t f[ND_FRAME];
	struct neighbour n;

	(void)state;
	memcpy(f, solicitation, sizeof(f));
	sum(f, sizeof(f));
	assert_true(parse(&n, f, sizeof(f)));
	assert_address(&n.asked, "2001:db8:793::77");
	assert_address(&n.sender, "2001:db8:793::2");
	assert_address(&n.claimed, "2001:db8:793::2");
	assert_memory_equal(n.mac, mac_a, MAC_LEN);

	/* without the option: the frame's sender is who to answer */
	f[ETHERNET + 5] = 24;
	sum(f, sizeof(f) - 8);
	assert_true(parse(&n, f, sizeof(f) - 8));
	assert_address(&n.sender, "2001:db8:793::2");
	assert_address(&n.claimed, "");
	assert_false(n.told);
	assert_memory_equal(n.mac, mac_a, MAC_LEN);
	/* and padded by Ethernet */
	assert_true(parse(&n, f, sizeof(f)));

	/* a probe */
	memset(f + ETHERNET + 8, 0, 16);
	sum(f, sizeof(f) - 8);
	assert_true(parse(&n, f, sizeof(f) - 8));
	assert_address(&n.asked, "2001:db8:793::77");
	assert_address(&n.sender, "");
	/* which must not name a link-layer address, and must go to the group */
	f[ETHERNET + 5] = 32;
	sum(f, sizeof(f));
	assert_false(parse(&n, f, sizeof(f)));
	f[ETHERNET + 5] = 24;
	f[ETHERNET + 39] ^= 1;
	sum(f, sizeof(f) - 8);
	assert_false(parse(&n, f, sizeof(f) - 8));
}

static void test_advertisement(void **state)
{
	static const uint8_t everybody[16] = {0xff, 2, [15] = 1};
	uint8_t f[ND_FRAME];
	struct neighbour n;

	(void)state;
	memcpy(f, advertisement, sizeof(f));
	sum(f, sizeof(f));
	assert_true(parse(&n, f, sizeof(f)));
	assert_address(&n.asked, "");
	assert_address(&n.claimed, "2001:db8:793::2");
	assert_true(n.told);
	assert_memory_equal(n.mac, mac_a, MAC_LEN);
	/* to everybody, but as an answer */
	memcpy(f + ETHERNET + 24, everybody, 16);
	sum(f, sizeof(f));
	assert_false(parse(&n, f, sizeof(f)));
	f[ETHERNET + IPV6 + 4] = 0x20;
	sum(f, sizeof(f));
	assert_true(parse(&n, f, sizeof(f)));
}

static void test_nd_malformed(void **state)
{
	static const struct {
		size_t at;
		uint8_t value;
	} wrong[] = {
		{ETHERNET, 0x40},             /* version */
		{ETHERNET + 5, 33},           /* longer than the frame */
		{ETHERNET + 5, 31},           /* an option cut off */
		{ETHERNET + 5, 25},           /* less than the head of an option */
		{ETHERNET + 5, 23},           /* less than the message */
		{ETHERNET + 6, 6},            /* TCP */
		{ETHERNET + 7, 254},          /* came through a router */
		{ETHERNET + 8, 0xff},         /* a group as source */
		{ETHERNET + IPV6, 134},       /* a router advertisement */
		{ETHERNET + IPV6 + 1, 1},     /* code */
		{ETHERNET + IPV6 + 8, 0xff},  /* a group as target */
		{ETHERNET + IPV6 + 25, 0},    /* an option without length */
		{ETHERNET + IPV6 + 25, 2},    /* an option longer than the message */
		{ETHERNET + IPV6 + 26, 0x03}, /* a group's MAC */
	};
	struct neighbour n;
	uint8_t f[ND_FRAME];

	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++) {
		size_t len = ND_FRAME;

		memcpy(f, advertisement, sizeof(f));
		f[wrong[i].at] = wrong[i].value;
		if (wrong[i].at == ETHERNET + 5 && f[ETHERNET + 5] < 32)
			len = ETHERNET + IPV6 + (size_t)f[ETHERNET + 5];
		sum(f, len);
		if (parse(&n, f, sizeof(f)))
			fail_msg("byte %zu = %u was accepted", wrong[i].at, wrong[i].value);
	}
	memcpy(f, advertisement, sizeof(f));
	sum(f, sizeof(f));
	for (size_t len = 0; len < ND_FRAME; len++)
		assert_false(parse(&n, f, len));
	f[ETHERNET + IPV6 + 2] ^= 1;
	assert_false(parse(&n, f, sizeof(f)));
}

/* Whatever is claimed or asked in what was accepted is an address of one family. */
static void test_random_bytes(void **state)
{
	uint32_t random = 793;
	unsigned accepted = 0;

	(void)state;
	for (int i = 0; i < 200000; i++) {
		uint8_t f[ND_FRAME];
		size_t len = i % 2 ? ND_FRAME : ARP_FRAME;
		struct neighbour n;

		memcpy(f, i % 2 ? (i % 4 == 1 ? solicitation : advertisement) : arp_request, len);
		for (int k = 0; k < 3; k++) {
			random = random * 1664525 + 1013904223;
			f[(random >> 8) % len] = (uint8_t)(random >> 24);
		}
		if (i % 2)
			sum(f, len);
		if (!parse(&n, f, len - (random >> 16 & 1)))
			continue;
		accepted++;
		assert_true(n.asked.family || n.claimed.family);
		assert_true(!n.claimed.family || !address_is_multicast(&n.claimed) || n.claimed.family == 4);
		assert_false(n.mac[0] & 1);
	}
	assert_true(accepted > 1000);
}

static void test_solicited_node(void **state)
{
	struct address a, group;

	(void)state;
	assert_true(address_parse(&a, "2001:db8::12:3456:789a"));
	neighbour_solicited_node(&a, &group);
	assert_address(&group, "ff02::1:ff56:789a");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_arp),
		cmocka_unit_test(test_arp_malformed),
		cmocka_unit_test(test_solicitation),
		cmocka_unit_test(test_advertisement),
		cmocka_unit_test(test_nd_malformed),
		cmocka_unit_test(test_random_bytes),
		cmocka_unit_test(test_solicited_node),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
