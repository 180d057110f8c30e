/* SPDX-License-Identifier: BSD-2-Clause */
/* Frames made by hand, whole, cut, padded and broken. Each is decoded from a buffer of exactly its size, so
 * that the address sanitizer sees a read beyond it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "wire/checksum.h"
#include "wire/decode.h"

enum { ROOM = 2048 };

struct frame {
	uint8_t bytes[ROOM];
	size_t len;
};

static void add(struct frame *f, const void *bytes, size_t len)
{
	assert_true(f->len + len <= ROOM);
	memcpy(f->bytes + f->len, bytes, len);
	f->len += len;
}

static void put16(uint8_t *p, size_t value)
{
	p[0] = (uint8_t)(value >> 8);
	p[1] = (uint8_t)value;
}

static const uint8_t ports_and_numbers[12] = { 0xa3, 0x91, 0x00, 0x07, 1, 2, 3, 4, 0xa, 0xb, 0xc, 0xd };
static const uint8_t mss_and_nops[8] = { 2, 4, 5, 0xb4, 1, 1, 1, 0 };

static struct address address(uint8_t family, uint8_t last)
{
	struct address a = { .family = family, .bytes = { 198, 18, 0 } };

	a.bytes[address_len(&a) - 1] = last;
	return a;
}

/* An IP header for `len` bytes of `protocol`, from ...1 to ...2. */
static void add_ip(struct frame *f, uint8_t family, uint8_t protocol, size_t len)
{
	struct address src = address(family, 1), dst = address(family, 2);
	uint8_t v4[12] = { 0x45, 0xb8, 0, 0, 0x12, 0x34, 0x40, 0, 63, protocol };
	uint8_t v6[8] = { 0x6b, 0x80, 0, 0, 0, 0, protocol, 63 };

	put16(v4 + 2, len + 20);
	put16(v6 + 4, len);
	add(f, family == 4 ? v4 : v6, family == 4 ? 12 : 8);
	add(f, src.bytes, address_len(&src));
	add(f, dst.bytes, address_len(&dst));
}

/* SYN|ACK|AE with 8 bytes of options and `len` bytes of data, its checksum right. */
static void add_tcp(struct frame *f, uint8_t family, size_t len)
{
	struct address src = address(family, 1), dst = address(family, 2);
	static const uint8_t rest[8] = { 0x71, 0x12, 0x20, 0x00, 0, 0, 0x12, 0x34 };
	size_t at = f->len, tcp = 28 + len;
	uint8_t byte = 'a';
	uint16_t sum;

	add(f, ports_and_numbers, 12);
	add(f, rest, 8);
	add(f, mss_and_nops, 8);
	while (len--)
		add(f, &byte, 1);
	sum = (uint16_t)~checksum_fold(
		checksum_add(checksum_pseudo(&src, &dst, 6, (uint32_t)tcp), f->bytes + at, tcp));
	memcpy(f->bytes + at + 16, &sum, 2);
}

static struct frame packet(uint8_t family, size_t len)
{
	struct frame f = { .len = 0 };

	add_ip(&f, family, 6, 28 + len);
	add_tcp(&f, family, len);
	return f;
}

static struct segment out;
static struct decode_packet at;

/* Decodes the first `captured` of `len` bytes from a buffer that ends there. `out` keeps no pointer. */
static enum decode_status decode(enum decode_link link, const uint8_t *bytes, size_t captured, size_t len)
{
	uint8_t *copy = malloc(captured ? captured : 1);
	enum decode_status status;

	assert_non_null(copy);
	memcpy(copy, bytes, captured);
	/* An empty buffer, too, must not be read: point behind the one byte. */
	status = decode_frame(link, captured ? copy : copy + 1, captured, len, &out, &at);
	if (status == DECODE_TCP) {
		assert_true(out.data >= copy && out.data + out.data_len <= copy + captured);
		for (size_t i = 0; i < out.data_len; i++)
			assert_int_equal(out.data[i], bytes[out.data - copy + (ptrdiff_t)i]);
	} else {
		assert_null(out.data);
	}
	assert_true(at.offset + at.captured <= captured && at.captured <= at.len);
	out.data = NULL;
	free(copy);
	return status;
}

static enum decode_status decode_whole(enum decode_link link, const struct frame *f)
{
	return decode(link, f->bytes, f->len, f->len);
}

static void assert_the_segment(uint8_t family, size_t len)
{
	struct endpoint src = { address(family, 1), 0xa391 }, dst = { address(family, 2), 7 };

	assert_true(endpoint_equal(&out.src, &src));
	assert_true(endpoint_equal(&out.dst, &dst));
	assert_int_equal(out.seq, 0x01020304);
	assert_int_equal(out.ack, 0x0a0b0c0d);
	assert_int_equal(out.flags, FLAG_SYN | FLAG_ACK | FLAG_AE);
	assert_int_equal(out.window, 0x2000);
	assert_int_equal(out.urgent, 0x1234);
	assert_int_equal(out.ip_id, family == 4 ? 0x1234 : 0);
	assert_int_equal(out.ttl, 63);
	assert_int_equal(out.tos, 0xb8);
	assert_int_equal(out.options.raw_len, 8);
	assert_int_equal(out.options.mss, 1460);
	assert_int_equal(out.len, len);
	assert_int_equal(out.icmp.type, 0);
}

static const struct link_case {
	enum decode_link link;
	uint8_t family;
	size_t len;
	const char *header;
} links[] = {
	{ DECODE_RAW, 4, 0, "" },
	{ DECODE_RAW, 6, 0, "" },
	{ DECODE_ETHERNET, 4, 14, "ddddddssssss\x08\x00" },
	{ DECODE_ETHERNET, 6, 14, "ddddddssssss\x86\xdd" },
	{ DECODE_ETHERNET, 4, 18, "ddddddssssss\x81\x00\x00\x05\x08\x00" },
	{ DECODE_ETHERNET, 6, 22, "ddddddssssss\x88\xa8\x00\x05\x81\x00\x00\x06\x86\xdd" },
	{ DECODE_ETHERNET, 4, 26, "ddddddssssss\x91\x00\x00\x05\x88\xa8\x00\x05\x81\x00\x00\x06\x08\x00" },
	{ DECODE_SLL, 4, 16, "\0\0\0\1\0\6ssssss\0\0\x08\x00" },
	{ DECODE_SLL, 6, 16, "\0\4\3\4\0\6ssssss\0\0\x86\xdd" },
	{ DECODE_SLL, 4, 20, "\0\0\0\1\0\6ssssss\0\0\x81\x00\x00\x05\x08\x00" },
	{ DECODE_SLL2, 4, 20, "\x08\x00\0\0\0\0\0\2\0\1\0\6ssssss\0\0" },
	{ DECODE_SLL2, 6, 20, "\x86\xdd\0\0\0\0\0\2\0\1\4\6ssssss\0\0" },
	{ DECODE_SLL2, 6, 24, "\x81\x00\0\0\0\0\0\2\0\1\4\6ssssss\0\0\x00\x05\x86\xdd" },
	{ DECODE_NULL, 4, 4, "\2\0\0\0" },
	{ DECODE_NULL, 4, 4, "\0\0\0\2" },
	{ DECODE_NULL, 6, 4, "\x0a\0\0\0" },
	{ DECODE_NULL, 6, 4, "\0\0\0\x18" },
	{ DECODE_NULL, 6, 4, "\x1c\0\0\0" },
	{ DECODE_NULL, 6, 4, "\0\0\0\x1e" },
	{ DECODE_PPP, 4, 4, "\xff\x03\x00\x21" },
	{ DECODE_PPP, 4, 2, "\x00\x21" },
	{ DECODE_PPP, 4, 1, "\x21" },
	{ DECODE_PPP, 6, 4, "\xff\x03\x00\x57" },
	{ DECODE_PPP, 6, 3, "\xff\x03\x57" },
};

static struct frame framed(const struct link_case *c, size_t len)
{
	struct frame f = { .len = 0 };

	add(&f, c->header, c->len);
	add_ip(&f, c->family, 6, 28 + len);
	add_tcp(&f, c->family, len);
	return f;
}

static void test_link_types(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(links) / sizeof(links[0]); i++) {
		struct frame f = framed(&links[i], 5);

		assert_int_equal(decode_whole(links[i].link, &f), DECODE_TCP);
		assert_the_segment(links[i].family, 5);
		assert_int_equal(out.checksum, CHECKSUM_GOOD);
		assert_int_equal(out.data_len, 5);
		assert_int_equal(at.offset, links[i].len);
		assert_int_equal(at.captured, f.len - links[i].len);
		assert_int_equal(at.len, at.captured);
	}
}

static void test_every_cut(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(links) / sizeof(links[0]); i++) {
		struct frame f = framed(&links[i], 5);
		size_t headers = f.len - 5;

		for (size_t cut = 0; cut < f.len; cut++) {
			/* By the capture: the frame went on. */
			enum decode_status status = decode(links[i].link, f.bytes, cut, f.len);

			assert_int_equal(status, cut < headers - 8 ? DECODE_TRUNCATED : DECODE_TCP);
			if (status == DECODE_TCP && cut < headers) { /* inside the options */
				assert_true(out.options.cut && !out.options.present && !out.data_len);
				assert_int_equal(out.seq, 0x01020304);
				assert_int_equal(out.len, 5);
				assert_int_equal(out.checksum, CHECKSUM_UNKNOWN);
			} else if (status == DECODE_TCP) {
				assert_false(out.options.cut);
				assert_the_segment(links[i].family, 5);
				assert_int_equal(out.data_len, cut - headers);
				assert_int_equal(out.checksum, CHECKSUM_UNKNOWN);
				assert_int_equal(at.len, f.len - links[i].len);
				assert_int_equal(at.captured, cut - links[i].len);
			}
			/* On the wire: the frame was no longer. */
			assert_int_equal(decode(links[i].link, f.bytes, cut, cut), DECODE_DAMAGED);
		}
	}
}

static void test_other_protocols(void **state)
{
	static const struct link_case others[] = {
		{ DECODE_ETHERNET, 4, 14, "ddddddssssss\x08\x06" },
		{ DECODE_SLL, 4, 16, "\0\0\0\1\0\6ssssss\0\0\x00\x04" },
		{ DECODE_SLL2, 4, 20, "\x08\x06\0\0\0\0\0\2\0\1\0\6ssssss\0\0" },
		{ DECODE_NULL, 4, 4, "\x07\0\0\0" },
		{ DECODE_PPP, 4, 4, "\xff\x03\xc0\x21" },
	};
	struct frame f;

	(void)state;
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
		f = framed(&others[i], 0);
		assert_int_equal(decode_whole(others[i].link, &f), DECODE_OTHER);
	}
	f = packet(4, 0);
	f.bytes[9] = 17;
	assert_int_equal(decode_whole(DECODE_RAW, &f), DECODE_OTHER);
	assert_int_equal(out.src.addr.bytes[3], 1);
	assert_int_equal(out.src.port, 0);
	assert_int_equal(out.ttl, 0);
	assert_int_equal(at.len, f.len);
	/* ICMPv6 in IPv4 is nothing. */
	f.bytes[9] = 58;
	assert_int_equal(decode_whole(DECODE_RAW, &f), DECODE_OTHER);
	/* Types that contradict the version. */
	f = framed(&links[2], 0);
	f.bytes[14] = 0x65;
	assert_int_equal(decode_whole(DECODE_ETHERNET, &f), DECODE_DAMAGED);
	f = packet(4, 0);
	f.bytes[0] = 0x55;
	assert_int_equal(decode_whole(DECODE_RAW, &f), DECODE_DAMAGED);
}

static void test_tags_are_bounded(void **state)
{
	struct frame f = { .len = 0 };

	(void)state;
	add(&f, "ddddddssssss", 12);
	while (f.len < ROOM - 4)
		add(&f, "\x81\x00\x00\x01", 4);
	assert_int_equal(decode_whole(DECODE_ETHERNET, &f), DECODE_OTHER);
}

/* Ethernet frames are padded to 60 bytes; the padding is no data (RFC 894). */
static void test_padding_is_no_data(void **state)
{
	(void)state;
	for (size_t i = 2; i < 4; i++) {
		struct frame f = framed(&links[i], 0);
		size_t len = f.len - 14;

		add(&f, "paddingpadding", 14);
		assert_int_equal(decode_whole(DECODE_ETHERNET, &f), DECODE_TCP);
		assert_the_segment(links[i].family, 0);
		assert_int_equal(out.checksum, CHECKSUM_GOOD);
		assert_int_equal(at.len, len);
		assert_int_equal(at.captured, len);
	}
}

/* Some count it in the IP header; then the checksum shows that it is none. */
static void test_padding_counted_as_data(void **state)
{
	struct frame f = framed(&links[2], 0), text;

	(void)state;
	assert_int_equal(links[2].family, 4);
	add(&f, "\0\0", 2);
	put16(f.bytes + 14 + 2, f.len - 14);
	assert_int_equal(decode_whole(DECODE_ETHERNET, &f), DECODE_TCP);
	assert_the_segment(4, 0);
	assert_int_equal(out.checksum, CHECKSUM_GOOD);
	/* What is not zero is data with a wrong checksum, and so are zeros in a frame that needs no padding. */
	text = f;
	text.bytes[f.len - 1] = 1;
	assert_int_equal(decode_whole(DECODE_ETHERNET, &text), DECODE_TCP);
	assert_int_equal(out.checksum, CHECKSUM_BAD);
	assert_int_equal(out.len, 2);
	add(&f, "\0\0\0", 3);
	put16(f.bytes + 14 + 2, f.len - 14);
	assert_int_equal(decode_whole(DECODE_ETHERNET, &f), DECODE_TCP);
	assert_int_equal(out.checksum, CHECKSUM_BAD);
	assert_int_equal(out.len, 5);
}

static void test_vlan_ids(void **state)
{
	static const struct {
		struct link_case link;
		uint32_t vlan;
	} cases[] = {
		{ { DECODE_ETHERNET, 4, 14, "ddddddssssss\x08\x00" }, 0 },
		{ { DECODE_ETHERNET, 4, 18, "ddddddssssss\x81\x00\xe0\x00\x08\x00" }, 0 },
		{ { DECODE_ETHERNET, 4, 18, "ddddddssssss\x81\x00\xe1\x23\x08\x00" }, 0x123 },
		{ { DECODE_ETHERNET, 4, 22, "ddddddssssss\x88\xa8\x04\x56\x81\x00\x01\x23\x08\x00" }, 0x456123 },
		{ { DECODE_SLL, 4, 20, "\0\0\0\1\0\6ssssss\0\0\x81\x00\x00\x05\x08\x00" }, 5 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct frame f = framed(&cases[i].link, 0);

		assert_int_equal(decode_whole(cases[i].link.link, &f), DECODE_TCP);
		assert_int_equal(out.vlan, cases[i].vlan);
	}
}

static void test_ipv4_header(void **state)
{
	struct frame f;

	(void)state;
	for (unsigned words = 0; words <= 15; words++) {
		f = (struct frame){ .len = 0 };
		add_ip(&f, 4, 6, 28 + (words > 5 ? (words - 5) * 4 : 0));
		f.bytes[0] = (uint8_t)(0x40 | words);
		for (unsigned i = 5; i < words; i++)
			add(&f, "\1\1\1\1", 4);
		add_tcp(&f, 4, 0);
		assert_int_equal(decode_whole(DECODE_RAW, &f), words < 5 ? DECODE_DAMAGED : DECODE_TCP);
		if (words >= 5) {
			assert_the_segment(4, 0);
			assert_int_equal(out.checksum, CHECKSUM_GOOD);
		}
	}
	f = packet(4, 0);
	put16(f.bytes + 2, 19);
	assert_int_equal(decode_whole(DECODE_RAW, &f), DECODE_DAMAGED);
	put16(f.bytes + 2, f.len + 1);
	assert_int_equal(decode_whole(DECODE_RAW, &f), DECODE_DAMAGED);
}

/* A packet that the interface cuts into segments has no length yet. */
static void test_no_length(void **state)
{
	struct frame f = packet(4, 900);

	(void)state;
	put16(f.bytes + 2, 0);
	assert_int_equal(decode_whole(DECODE_RAW, &f), DECODE_TCP);
	assert_the_segment(4, 900);
	assert_int_equal(decode(DECODE_RAW, f.bytes, 100, f.len), DECODE_TCP);
	assert_the_segment(4, 900);
	assert_int_equal(out.data_len, 52);
	f = packet(6, 900);
	put16(f.bytes + 4, 0);
	assert_int_equal(decode_whole(DECODE_RAW, &f), DECODE_TCP);
	assert_the_segment(6, 900);
}

static void test_fragments(void **state)
{
	static const uint16_t v4[] = { 0x2000, 0x0001, 0x2001, 0x1fff }, v6[] = { 0x0001, 0x0008, 0xfff8 };
	uint8_t header[8] = { 6 };
	struct frame f;

	(void)state;
	for (size_t i = 0; i < 4; i++) {
		f = packet(4, 3);
		put16(f.bytes + 6, v4[i]);
		assert_int_equal(decode_whole(DECODE_RAW, &f), DECODE_FRAGMENT);
		assert_int_equal(out.dst.addr.bytes[3], 2);
		assert_int_equal(out.dst.port, 0);
	}
	for (size_t i = 0; i < 3; i++) {
		f = (struct frame){ .len = 0 };
		put16(header + 2, v6[i]);
		add_ip(&f, 6, 44, 8 + 28);
		add(&f, header, 8);
		add_tcp(&f, 6, 0);
		assert_int_equal(decode_whole(DECODE_RAW, &f), DECODE_FRAGMENT);
	}
	/* RFC 6946: an atomic fragment is whole. The reserved bits do not matter. */
	f.bytes[42] = 0;
	f.bytes[43] = 0x06;
	assert_int_equal(decode_whole(DECODE_RAW, &f), DECODE_TCP);
	assert_the_segment(6, 0);
}

static void test_extension_headers(void **state)
{
	static const uint8_t hop[8] = { 43, 0, 1, 4 }, routing[24] = { 60, 2, 4, 0 }, destination[16] = { 6, 1 };
	struct frame f = { .len = 0 };

	(void)state;
	add_ip(&f, 6, 0, 8 + 24 + 16 + 28);
	add(&f, hop, 8);
	add(&f, routing, 24);
	add(&f, destination, 16);
	add_tcp(&f, 6, 0);
	assert_int_equal(decode_whole(DECODE_RAW, &f), DECODE_TCP);
	assert_the_segment(6, 0);
	assert_int_equal(out.checksum, CHECKSUM_GOOD);
	for (size_t cut = 0; cut < f.len; cut++)
		assert_int_equal(decode(DECODE_RAW, f.bytes, cut, f.len),
				 cut < f.len - 8 ? DECODE_TRUNCATED : DECODE_TCP);
	/* Segments left: the pseudo header has a destination that is not in the IP header. */
	f.bytes[40 + 8 + 3] = 1;
	f.bytes[f.len - 1] ^= 1;
	assert_int_equal(decode_whole(DECODE_RAW, &f), DECODE_TCP);
	assert_int_equal(out.checksum, CHECKSUM_UNKNOWN);
	/* Longer than the packet. */
	f.bytes[40 + 1] = 255;
	assert_int_equal(decode_whole(DECODE_RAW, &f), DECODE_DAMAGED);
	/* Without end. */
	f = (struct frame){ .len = 0 };
	add_ip(&f, 6, 60, 1600);
	for (int i = 0; i < 200; i++)
		add(&f, "\x3c\0\0\0\0\0\0\0", 8);
	assert_int_equal(decode_whole(DECODE_RAW, &f), DECODE_OTHER);
}

static void test_data_offset(void **state)
{
	(void)state;
	for (unsigned words = 0; words <= 15; words++) {
		struct frame f = packet(4, 4);

		/* 20 bytes of header, 8 of options, 4 of data: 8 words at most. */
		f.bytes[32] = (uint8_t)(words << 4 | 1);
		assert_int_equal(decode_whole(DECODE_RAW, &f),
				 words < 5 || words > 8 ? DECODE_DAMAGED : DECODE_TCP);
		if (words >= 5 && words <= 8) {
			assert_int_equal(out.len, 32 - words * 4);
			assert_int_equal(out.options.raw_len, words * 4 - 20);
		}
	}
}

/* Options of every kind and length at every place; the parser itself has its own tests. */
static void test_malformed_options(void **state)
{
	(void)state;
	for (unsigned kind = 2; kind < 10; kind++) {
		for (unsigned len = 0; len < 12; len++) {
			struct frame f = packet(4, 0);

			memset(f.bytes + 40, 1, 8);
			f.bytes[40] = (uint8_t)kind;
			f.bytes[41] = (uint8_t)len;
			assert_int_equal(decode_whole(DECODE_RAW, &f), DECODE_TCP);
			if (len < 2 || len > 8)
				assert_int_equal(out.options.malformed, kind);
			f.bytes[47] = (uint8_t)kind; /* no room for a length */
			f.bytes[40] = f.bytes[41] = 1;
			assert_int_equal(decode_whole(DECODE_RAW, &f), DECODE_TCP);
			assert_int_equal(out.options.malformed, kind);
		}
	}
}

static void test_checksums(void **state)
{
	(void)state;
	for (uint8_t family = 4; family <= 6; family += 2) {
		size_t header = family == 4 ? 20 : 40;
		struct address src = address(family, 1), dst = address(family, 2);
		struct frame f = packet(family, 7);
		uint16_t partial;

		assert_int_equal(decode_whole(DECODE_RAW, &f), DECODE_TCP);
		assert_int_equal(out.checksum, CHECKSUM_GOOD);
		for (size_t i = header; i < f.len; i++) {
			if (i == header + 12)
				continue; /* the data offset */
			f.bytes[i] ^= 0x10;
			assert_int_equal(decode_whole(DECODE_RAW, &f), DECODE_TCP);
			assert_int_equal(out.checksum, CHECKSUM_BAD);
			f.bytes[i] ^= 0x10;
		}
		/* What a Linux peer on the same machine hands over. */
		partial = checksum_fold(checksum_pseudo(&src, &dst, 6, 28 + 7));
		memcpy(f.bytes + header + 16, &partial, 2);
		assert_int_equal(decode_whole(DECODE_RAW, &f), DECODE_TCP);
		assert_int_equal(out.checksum, CHECKSUM_UNKNOWN);
		partial = checksum_fold(checksum_pseudo(&src, &dst, 6, 0));
		memcpy(f.bytes + header + 16, &partial, 2);
		assert_int_equal(decode_whole(DECODE_RAW, &f), DECODE_TCP);
		assert_int_equal(out.checksum, CHECKSUM_UNKNOWN);
	}
}

/* An error about the first `quote` bytes of the segment, from ...1. */
static struct frame icmp(uint8_t family, uint8_t type, uint8_t code, size_t quote)
{
	struct address src = address(family, 1), dst = address(family, 2);
	struct frame f = { .len = 0 }, about = packet(family, 0);
	size_t header = family == 4 ? 20 : 40;
	uint8_t start[8] = { type, code };
	uint16_t sum;

	add_ip(&f, family, family == 4 ? 1 : 58, 8 + quote);
	add(&f, start, 8);
	add(&f, about.bytes, quote);
	sum = (uint16_t)~checksum_fold(checksum_add(
		family == 4 ? 0 : checksum_pseudo(&src, &dst, 58, (uint32_t)(8 + quote)), f.bytes + header,
		8 + quote));
	memcpy(f.bytes + header + 2, &sum, 2);
	return f;
}

static void test_icmp_errors(void **state)
{
	static const struct {
		uint8_t family, type, code;
		enum decode_status status;
	} cases[] = {
		{ 4, 3, 1, DECODE_ICMP_ERROR },	 { 4, 3, 13, DECODE_ICMP_ERROR }, { 4, 4, 0, DECODE_ICMP_ERROR },
		{ 4, 11, 0, DECODE_ICMP_ERROR }, { 4, 12, 0, DECODE_ICMP_ERROR }, { 4, 0, 0, DECODE_OTHER },
		{ 4, 5, 1, DECODE_OTHER },	 { 4, 8, 0, DECODE_OTHER },	  { 6, 1, 4, DECODE_ICMP_ERROR },
		{ 6, 2, 0, DECODE_ICMP_ERROR },	 { 6, 3, 0, DECODE_ICMP_ERROR },  { 6, 4, 1, DECODE_ICMP_ERROR },
		{ 6, 128, 0, DECODE_OTHER },	 { 6, 135, 0, DECODE_OTHER },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		size_t header = cases[i].family == 4 ? 20 : 40;
		struct frame f = icmp(cases[i].family, cases[i].type, cases[i].code, header + 8);
		struct endpoint src = { address(cases[i].family, 1), 0xa391 };
		struct endpoint dst = { address(cases[i].family, 2), 7 };

		assert_int_equal(decode_whole(DECODE_RAW, &f), cases[i].status);
		if (cases[i].status != DECODE_ICMP_ERROR) {
			assert_int_equal(out.icmp.type, 0);
			continue;
		}
		assert_int_equal(out.icmp.type, cases[i].type);
		assert_int_equal(out.icmp.code, cases[i].code);
		assert_true(address_equal(&out.icmp.sender, &src.addr));
		assert_true(endpoint_equal(&out.src, &src));
		assert_true(endpoint_equal(&out.dst, &dst));
		assert_int_equal(out.seq, 0x01020304);
		assert_int_equal(out.ttl | out.tos | out.ip_id | out.ack | out.flags | (int)out.len, 0);
	}
}

static void test_icmp_quotes(void **state)
{
	(void)state;
	for (uint8_t family = 4; family <= 6; family += 2) {
		size_t header = family == 4 ? 20 : 40;
		struct frame f = icmp(family, family == 4 ? 3 : 1, 1, header + 28);

		for (size_t cut = 0; cut < f.len; cut++)
			assert_int_equal(decode(DECODE_RAW, f.bytes, cut, f.len),
					 cut < 2 * header + 16 ? DECODE_TRUNCATED : DECODE_ICMP_ERROR);
		f.bytes[header + 1] ^= 1; /* the checksum is wrong now */
		assert_int_equal(decode_whole(DECODE_RAW, &f), DECODE_DAMAGED);
		for (size_t quote = 0; quote < header + 28; quote++) {
			f = icmp(family, family == 4 ? 3 : 1, 1, quote);
			assert_int_equal(decode_whole(DECODE_RAW, &f),
					 quote < header + 8 ? DECODE_DAMAGED : DECODE_ICMP_ERROR);
		}
	}
}

/* Nothing is expected of broken bytes but that no byte beyond them is read and that the result is sound. */
static void test_random_damage(void **state)
{
	uint32_t x = 0x9293;

	(void)state;
	for (int i = 0; i < 60000; i++) {
		const struct link_case *c = &links[(size_t)i % (sizeof(links) / sizeof(links[0]))];
		struct frame f = i % 3 ? framed(c, 9) : icmp(4 + (i & 2), 3, 1, 48);
		size_t len;

		for (int k = 0; k < 6; k++) {
			x ^= x << 13;
			x ^= x >> 17;
			x ^= x << 5;
			f.bytes[x % f.len] = (uint8_t)(x >> 16);
		}
		len = (x >> 3) % 4 ? f.len : (x >> 8) % (f.len + 1);
		if (decode(i % 3 ? c->link : DECODE_RAW, f.bytes, len, f.len) == DECODE_TCP) {
			assert_true(out.data_len <= out.len && out.len <= f.len);
			assert_true(out.options.raw_len <= OPTIONS_MAX);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_link_types),	   cmocka_unit_test(test_every_cut),
		cmocka_unit_test(test_other_protocols),	   cmocka_unit_test(test_tags_are_bounded),
		cmocka_unit_test(test_padding_is_no_data), cmocka_unit_test(test_ipv4_header),
		cmocka_unit_test(test_no_length),	   cmocka_unit_test(test_fragments),
		cmocka_unit_test(test_extension_headers),  cmocka_unit_test(test_data_offset),
		cmocka_unit_test(test_malformed_options),  cmocka_unit_test(test_checksums),
		cmocka_unit_test(test_icmp_errors),	   cmocka_unit_test(test_icmp_quotes),
		cmocka_unit_test(test_random_damage),	   cmocka_unit_test(test_vlan_ids),
		cmocka_unit_test(test_padding_counted_as_data),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
