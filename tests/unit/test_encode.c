/* SPDX-License-Identifier: BSD-2-Clause */
/* Segments become packets and segments again; what the packets say is read here without the decoder, too. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "wire/decode.h"
#include "wire/encode.h"

static uint8_t packet[ENCODE_MAX];
static uint8_t data[ENCODE_MAX];
static char why[256];

/* xorshift: the same segments in every run. */
static uint32_t draw(void)
{
	static uint32_t x = 0x793;

	x ^= x << 13;
	x ^= x >> 17;
	x ^= x << 5;
	return x;
}

static struct address random_address(uint8_t family)
{
	struct address a = { .family = family };

	for (size_t i = 0; i < address_len(&a); i++)
		a.bytes[i] = (uint8_t)draw();
	return a;
}

static void random_options(struct tcp_options *options)
{
	uint8_t raw[OPTIONS_MAX];
	size_t len = draw() % 11 * 4;

	for (size_t i = 0; i < len; i++)
		raw[i] = (uint8_t)(draw() % 3 ? draw() % 12 : draw());
	options_parse(options, raw, draw() % 2 ? len : 0);
}

static struct segment random_segment(void)
{
	uint8_t family = draw() % 2 ? 4 : 6;
	struct segment s = {
		.src = { random_address(family), (uint16_t)draw() },
		.dst = { random_address(family), (uint16_t)draw() },
		.seq = draw(),
		.ack = draw(),
		.flags = draw() & 0xfff,
		.window = (uint16_t)draw(),
		.urgent = (uint16_t)draw(),
		.ip_id = family == 4 ? (uint16_t)draw() : 0,
		.ttl = (uint8_t)draw(),
		.tos = (uint8_t)draw(),
		.checksum = draw() % 4 ? CHECKSUM_GOOD : CHECKSUM_BAD,
		.data = data,
	};

	random_options(&s.options);
	if (draw() % 2)
		s.len = draw() % 20 ? draw() % 100 : draw() % 60000;
	s.data_len = s.len;
	return s;
}

static uint16_t word(const uint8_t *p)
{
	return (uint16_t)(p[0] << 8 | p[1]);
}

/* RFC 1071, the slow way. */
static uint32_t sum(const uint8_t *p, size_t len)
{
	uint32_t total = 0;

	for (size_t i = 0; i < len; i++)
		total += i % 2 ? p[i] : (uint32_t)p[i] << 8;
	return total;
}

static uint16_t fold(uint32_t total)
{
	while (total >> 16)
		total = (total & 0xffff) + (total >> 16);
	return (uint16_t)total;
}

static void assert_same(const struct segment *a, const struct segment *b)
{
	assert_true(endpoint_equal(&a->src, &b->src));
	assert_true(endpoint_equal(&a->dst, &b->dst));
	assert_int_equal(a->seq, b->seq);
	assert_int_equal(a->ack, b->ack);
	assert_int_equal(a->flags, b->flags);
	assert_int_equal(a->window, b->window);
	assert_int_equal(a->urgent, b->urgent);
	assert_int_equal(a->ip_id, b->ip_id);
	assert_int_equal(a->ttl, b->ttl);
	assert_int_equal(a->tos, b->tos);
	assert_int_equal(a->checksum, b->checksum);
	assert_memory_equal(&a->options, &b->options, sizeof(a->options));
	assert_int_equal(a->len, b->len);
	assert_int_equal(a->data_len, b->data_len);
	if (a->len)
		assert_memory_equal(a->data, b->data, a->len);
	assert_int_equal(b->icmp.type, 0);
}

static void test_round_trip(void **state)
{
	struct encoder *e = encode_new(why, sizeof(why));

	(void)state;
	assert_non_null(e);
	for (int i = 0; i < 20000; i++) {
		struct segment in = random_segment(), out;
		size_t len = encode_segment(e, &in, packet, sizeof(packet), why, sizeof(why));
		struct decode_packet at;

		assert_int_not_equal(len, 0);
		assert_int_equal(decode_frame(DECODE_RAW, packet, len, len, &out, &at), DECODE_TCP);
		assert_int_equal(at.offset, 0);
		assert_int_equal(at.captured, len);
		assert_int_equal(at.len, len);
		assert_same(&in, &out);
	}
	encode_free(e);
}

static void test_checksums_by_hand(void **state)
{
	struct encoder *e = encode_new(why, sizeof(why));

	(void)state;
	for (int i = 0; i < 2000; i++) {
		struct segment s = random_segment();
		size_t header = s.src.addr.family == 4 ? 20 : 40, tcp, len;
		uint32_t total;

		len = encode_segment(e, &s, packet, sizeof(packet), why, sizeof(why));
		assert_true(len >= header + 20);
		tcp = len - header;
		if (header == 20)
			assert_int_equal(fold(sum(packet, 20)), 0xffff);
		total = sum(s.src.addr.bytes, address_len(&s.src.addr)) +
			sum(s.dst.addr.bytes, address_len(&s.dst.addr)) + 6 + (uint32_t)tcp +
			sum(packet + header, tcp);
		if (s.checksum == CHECKSUM_BAD)
			assert_int_not_equal(fold(total), 0xffff);
		else
			assert_int_equal(fold(total), 0xffff);
	}
	encode_free(e);
}

static struct segment plain(uint8_t family)
{
	return (struct segment){
		.src = { { family, { 198, 18, 0, 1 }, 0 }, 41873 },
		.dst = { { family, { 198, 18, 0, 2 }, 0 }, 7 },
		.seq = 0x01020304,
		.ack = 0xa0b0c0d0,
		.flags = FLAG_SYN,
		.window = 64240,
		.ttl = 64,
		.options = { .malformed = -1 },
	};
}

static void test_bytes(void **state)
{
	struct encoder *e = encode_new(why, sizeof(why));
	struct segment s = plain(4);

	(void)state;
	s.flags = FLAG_SYN | FLAG_AE | 0x800;
	s.ip_id = 0x1234;
	s.tos = 0xb8;
	assert_int_equal(encode_segment(e, &s, packet, sizeof(packet), why, sizeof(why)), 40);
	assert_int_equal(packet[0], 0x45);
	assert_int_equal(packet[1], 0xb8);
	assert_int_equal(word(packet + 2), 40);
	assert_int_equal(word(packet + 4), 0x1234);
	assert_int_equal(word(packet + 6), 0x4000); /* DF */
	assert_int_equal(packet[8], 64);
	assert_int_equal(packet[9], 6);
	assert_int_equal(word(packet + 20), 41873);
	assert_int_equal(word(packet + 22), 7);
	assert_int_equal(word(packet + 24), 0x0102);
	assert_int_equal(word(packet + 32), 0x5902); /* data offset 5, the flags */
	s = plain(6);
	s.tos = 0xb8;
	assert_int_equal(encode_segment(e, &s, packet, sizeof(packet), why, sizeof(why)), 60);
	assert_int_equal(word(packet), 0x6b80);
	assert_int_equal(word(packet + 2), 0);
	assert_int_equal(word(packet + 4), 20);
	assert_int_equal(packet[6], 6);
	assert_int_equal(packet[7], 64);
	encode_free(e);
}

/* Options and data come and go: nothing of one segment may show in the next. */
static void test_presence_changes(void **state)
{
	struct encoder *e = encode_new(why, sizeof(why));
	struct segment out;
	struct decode_packet at;

	(void)state;
	for (int i = 0; i < 64; i++) {
		struct segment s = plain(i & 1 ? 4 : 6);
		size_t len;

		if (i & 2)
			options_parse(&s.options, (const uint8_t *)"\2\4\5\xb4\4\2\1\1", i & 16 ? 4 : 8);
		if (i & 4) {
			s.data = data;
			s.len = s.data_len = i & 8 ? 1000 : 3;
		}
		len = encode_segment(e, &s, packet, sizeof(packet), why, sizeof(why));
		assert_int_equal(len, (i & 1 ? 40 : 60) + s.options.raw_len + s.len);
		assert_int_equal(decode_frame(DECODE_RAW, packet, len, len, &out, &at), DECODE_TCP);
		assert_same(&s, &out);
	}
	encode_free(e);
}

static void test_odd_options_are_filled(void **state)
{
	struct encoder *e = encode_new(why, sizeof(why));
	struct segment out;
	struct decode_packet at;

	(void)state;
	for (uint8_t n = 1; n <= OPTIONS_MAX; n++) {
		struct segment s = plain(4);
		size_t padded = (n + 3u) / 4 * 4, len;

		s.options.raw_len = n;
		memset(s.options.raw, 1, n);
		len = encode_segment(e, &s, packet, sizeof(packet), why, sizeof(why));
		assert_int_equal(len, 40 + padded);
		assert_int_equal(packet[32] >> 4, 5 + padded / 4);
		for (size_t i = 0; i < padded; i++)
			assert_int_equal(packet[40 + i], i < n);
		assert_int_equal(decode_frame(DECODE_RAW, packet, len, len, &out, &at), DECODE_TCP);
		assert_int_equal(out.checksum, CHECKSUM_GOOD);
	}
	encode_free(e);
}

static void test_limits(void **state)
{
	struct encoder *e = encode_new(why, sizeof(why));

	(void)state;
	for (uint8_t family = 4; family <= 6; family += 2) {
		struct segment s = plain(family), out;
		struct decode_packet at;
		uint32_t longest = (family == 4 ? 65515 : 65529) - 20;
		size_t len;

		s.data = data;
		s.len = s.data_len = longest;
		len = encode_segment(e, &s, packet, sizeof(packet), why, sizeof(why));
		assert_int_equal(len, family == 4 ? 65535 : ENCODE_MAX);
		assert_int_equal(decode_frame(DECODE_RAW, packet, len, len, &out, &at), DECODE_TCP);
		assert_same(&s, &out);
		assert_int_equal(encode_segment(e, &s, packet, len - 1, why, sizeof(why)), 0);
		s.len = s.data_len = longest + 1;
		*why = '\0';
		assert_int_equal(encode_segment(e, &s, packet, sizeof(packet), why, sizeof(why)), 0);
		assert_non_null(strstr(why, "do not fit"));
	}
	encode_free(e);
}

static void test_refusals(void **state)
{
	struct encoder *e = encode_new(why, sizeof(why));
	struct segment s = plain(4);

	(void)state;
	s.dst.addr.family = 6;
	assert_int_equal(encode_segment(e, &s, packet, sizeof(packet), why, sizeof(why)), 0);
	assert_non_null(strstr(why, "one family"));
	s = plain(0);
	assert_int_equal(encode_segment(e, &s, packet, sizeof(packet), why, sizeof(why)), 0);
	assert_non_null(strstr(why, "one family"));
	s = plain(4);
	s.options.raw_len = OPTIONS_MAX + 1;
	assert_int_equal(encode_segment(e, &s, packet, sizeof(packet), why, sizeof(why)), 0);
	assert_non_null(strstr(why, "options"));
	s = plain(4);
	s.data = data;
	s.len = 10;
	s.data_len = 9;
	assert_int_equal(encode_segment(e, &s, packet, sizeof(packet), why, sizeof(why)), 0);
	assert_non_null(strstr(why, "only 9"));
	encode_free(e);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_round_trip),
		cmocka_unit_test(test_checksums_by_hand),
		cmocka_unit_test(test_bytes),
		cmocka_unit_test(test_presence_changes),
		cmocka_unit_test(test_odd_options_are_filled),
		cmocka_unit_test(test_limits),
		cmocka_unit_test(test_refusals),
	};

	for (size_t i = 0; i < sizeof(data); i++)
		data[i] = (uint8_t)draw();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
