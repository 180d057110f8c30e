/* SPDX-License-Identifier: BSD-2-Clause */
/* The frames of the program `faulty`. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "peer/frame.h"

static const uint8_t ours[FRAME_MAC] = { 2, 0, 0, 0, 0, 1 }, theirs[FRAME_MAC] = { 2, 0, 0, 0, 0, 2 };

static struct segment sample(bool six)
{
	struct segment s = {
		.seq = 0xfffffff0,
		.ack = 0x80000001,
		.flags = FLAG_PSH | FLAG_ACK | FLAG_AE | 0x200,
		.window = 0xfedc,
		.urgent = 7,
		.ip_id = (uint16_t)(six ? 0 : 0xabcd),
		.ttl = 63,
		.tos = 0x2e,
		.len = 5,
		.data_len = 5,
		.data = (const uint8_t *)"hello",
	};
	char why[128];

	assert_true(address_parse(&s.src.addr, six ? "2001:db8:793::66" : "198.18.0.66"));
	assert_true(address_parse(&s.dst.addr, six ? "2001:db8:793::1" : "198.18.0.1"));
	s.src.port = 7;
	s.dst.port = 40000;
	assert_true(options_from_text(&s.options, "ts,mss=1400", why, sizeof why));
	return s;
}

static void test_round_trip(void **unused)
{
	uint8_t frame[FRAME_MAX];
	struct segment s, back;

	(void)unused;
	for (int six = 0; six < 2; six++) {
		size_t len;

		s = sample(six);
		len = frame_encode(frame, &s, theirs, ours);
		assert_true(len > 0);
		assert_memory_equal(frame, theirs, FRAME_MAC);
		assert_true(frame_decode(&back, frame, len, false));
		assert_int_equal(back.checksum, CHECKSUM_GOOD);
		assert_true(endpoint_equal(&s.src, &back.src) && endpoint_equal(&s.dst, &back.dst));
		assert_int_equal(back.seq, s.seq);
		assert_int_equal(back.ack, s.ack);
		assert_int_equal(back.flags, s.flags);
		assert_int_equal(back.window, s.window);
		assert_int_equal(back.urgent, s.urgent);
		assert_int_equal(back.ip_id, s.ip_id);
		assert_int_equal(back.ttl, s.ttl);
		assert_int_equal(back.tos, s.tos);
		assert_int_equal(back.options.raw_len, s.options.raw_len);
		assert_memory_equal(back.options.raw, s.options.raw, s.options.raw_len);
		assert_int_equal(back.len, 5);
		assert_memory_equal(back.data, "hello", 5);
		/* Ethernet padding is not data. */
		assert_true(frame_decode(&back, frame, len + 6, false));
		assert_int_equal(back.len, 5);
		for (size_t cut = 0; cut < len; cut++)
			assert_false(frame_decode(&back, frame, cut, false));
		frame[len - 1] ^= 1;
		assert_true(frame_decode(&back, frame, len, false));
		assert_int_equal(back.checksum, CHECKSUM_BAD);
		assert_true(frame_decode(&back, frame, len, true));
		assert_int_equal(back.checksum, CHECKSUM_UNKNOWN);
		s.checksum = CHECKSUM_BAD;
		len = frame_encode(frame, &s, theirs, ours);
		assert_true(frame_decode(&back, frame, len, false));
		assert_int_equal(back.checksum, CHECKSUM_BAD);
	}
}

/* A packet with checksums that other code computed: SYN from 10.0.0.1:1 to 10.0.0.2:2, SEQ 3. */
static void test_known_bytes(void **unused)
{
	static const uint8_t known[] = {
		0x45, 0, 0, 40, 0, 0, 0x40, 0, 64, 6, 0x26, 0xce, 10, 0, 0, 1, 10, 0, 0, 2,
		0, 1, 0, 2, 0, 0, 0, 3, 0, 0, 0, 0, 0x50, 0x02, 0xff, 0xff, 0x9b, 0xda, 0, 0,
	};
	struct segment s = { .seq = 3, .flags = FLAG_SYN, .window = 65535, .ttl = 64 };
	uint8_t frame[FRAME_MAX];

	(void)unused;
	assert_true(address_parse(&s.src.addr, "10.0.0.1") && address_parse(&s.dst.addr, "10.0.0.2"));
	s.src.port = 1;
	s.dst.port = 2;
	assert_int_equal(frame_encode(frame, &s, theirs, ours), 14 + sizeof known);
	assert_memory_equal(frame + 14, known, sizeof known);
}

static void test_neighbours(void **unused)
{
	static const uint8_t arp[42] = { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2, 0, 0, 0, 0, 2, 8, 6,
					 0, 1, 8, 0, 6, 4, 0, 1, 2, 0, 0, 0, 0, 2, 198, 18, 0, 1,
					 0, 0, 0, 0, 0, 0, 198, 18, 0, 66 };
	uint8_t request[78] = { 0 }, out[FRAME_MAX];
	struct address addrs[2];
	size_t len;

	(void)unused;
	assert_true(address_parse(&addrs[0], "198.18.0.66") && address_parse(&addrs[1], "2001:db8:793::66"));
	assert_int_equal(frame_answer(out, arp, sizeof arp, addrs, 2, ours), 42);
	assert_memory_equal(out, theirs, FRAME_MAC);
	assert_int_equal(out[21], 2); /* reply */
	assert_memory_equal(out + 22, ours, FRAME_MAC);
	assert_memory_equal(out + 28, addrs[0].bytes, 4);
	memcpy(request, arp, sizeof arp);
	request[41] = 67; /* somebody else's */
	assert_int_equal(frame_answer(out, request, sizeof arp, addrs, 2, ours), 0);

	memset(request, 0, sizeof request);
	memcpy(request + FRAME_MAC, theirs, FRAME_MAC);
	memcpy(request + 12, "\x86\xdd\x60", 3);
	request[20] = 58;
	request[21] = 255;
	memcpy(request + 22, addrs[1].bytes, 16);
	request[37] = 1; /* from ::1 of the same prefix */
	request[54] = 135;
	memcpy(request + 62, addrs[1].bytes, 16);
	len = frame_answer(out, request, sizeof request, addrs, 2, ours);
	assert_int_equal(len, 86);
	assert_memory_equal(out, theirs, FRAME_MAC);
	assert_int_equal(out[54], 136);
	assert_memory_equal(out + 80, ours, FRAME_MAC);
	request[21] = 64; /* came through a router (RFC 4861 7.1.1) */
	assert_int_equal(frame_answer(out, request, sizeof request, addrs, 2, ours), 0);
	for (size_t cut = 0; cut < sizeof request; cut++)
		assert_int_equal(frame_answer(out, request, cut, addrs, 2, ours), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_round_trip),
		cmocka_unit_test(test_known_bytes),
		cmocka_unit_test(test_neighbours),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
