/* SPDX-License-Identifier: BSD-2-Clause */
/* TCP options: every kind, every length, every truncation, and text both ways. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/options.h"
#include "core/random.h"

enum { EOL = 0, NOP = 1, MSS = 2, WSCALE = 3, SACK_PERMITTED = 4, SACK = 5, TIMESTAMPS = 8 };

/* Parses from memory of exactly `len` bytes, so that reading further is seen by the sanitizer. */
static struct tcp_options parse(const void *bytes, size_t len)
{
	uint8_t *exact = malloc(len ? len : 1);
	struct tcp_options o;

	assert_non_null(exact);
	memcpy(exact, bytes, len);
	memset(&o, 0xa5, sizeof o);
	options_parse(&o, exact, len);
	free(exact);
	return o;
}

#define PARSE(literal) parse(literal, sizeof literal - 1)

static void test_nothing(void **state)
{
	struct tcp_options o;

	(void)state;
	options_parse(&o, NULL, 0);
	assert_int_equal(o.raw_len, 0);
	assert_int_equal(o.present, 0);
	assert_int_equal(o.malformed, -1);
	o = PARSE("\x01\x01\x01\x01");
	assert_int_equal(o.raw_len, 4);
	assert_int_equal(o.present, 0);
	assert_int_equal(o.malformed, -1);
}

static void test_every_kind(void **state)
{
	struct tcp_options o =
		PARSE("\x02\x04\x05\xb4\x04\x02\x08\x0a\x01\x02\x03\x04\xff\xfe\xfd\xfc\x01\x03\x03\x0e");

	(void)state;
	assert_int_equal(o.malformed, -1);
	assert_int_equal(o.present, OPTION_MSS | OPTION_SACK_PERMITTED | OPTION_TIMESTAMPS | OPTION_WSCALE);
	assert_int_equal(o.mss, 1460);
	assert_int_equal(o.tsval, 0x01020304);
	assert_int_equal(o.tsecr, 0xfffefdfc);
	assert_int_equal(o.wscale, 14);
	assert_int_equal(o.sack_count, 0);
	assert_int_equal(o.raw_len, 20);
	assert_memory_equal(o.raw, "\x02\x04\x05\xb4", 4);
}

static void test_sack_blocks(void **state)
{
	uint8_t bytes[34] = {SACK};

	(void)state;
	for (unsigned i = 2; i < sizeof bytes; i++)
		bytes[i] = (uint8_t)(0x80 + i);
	for (unsigned blocks = 1; blocks <= 4; blocks++) {
		struct tcp_options o;

		bytes[1] = (uint8_t)(2 + 8 * blocks);
		o = parse(bytes, bytes[1]);
		assert_int_equal(o.malformed, -1);
		assert_int_equal(o.present, OPTION_SACK);
		assert_int_equal(o.sack_count, blocks);
		for (uint32_t i = 0; i < blocks; i++) {
			uint32_t first = 0x82838485u + 8 * i * 0x01010101u;

			assert_int_equal(o.sack[i].left, first);
			assert_int_equal(o.sack[i].right, first + 0x04040404u);
		}
	}
}

/* What follows the end-of-options byte is padding, whatever it says (RFC 9293 3.1). */
static void test_end_of_options(void **state)
{
	struct tcp_options o = PARSE("\x03\x03\x02\x00\x02\x00\xff\xff");

	(void)state;
	assert_int_equal(o.malformed, -1);
	assert_int_equal(o.present, OPTION_WSCALE);
	assert_int_equal(o.raw_len, 8);
	assert_memory_equal(o.raw + 4, "\x02\x00\xff\xff", 4);
}

/* MUST-6: an unknown option with a length is stepped over. */
static void test_unknown_kinds(void **state)
{
	(void)state;
	for (int kind = 0; kind < 256; kind++) {
		uint8_t bytes[40] = {0};

		if (kind <= SACK || kind == TIMESTAMPS)
			continue;
		for (uint8_t len = 2; len <= 36; len++) {
			struct tcp_options o;

			memset(bytes, 0xff, sizeof bytes);
			bytes[0] = (uint8_t)kind;
			bytes[1] = len;
			memcpy(bytes + len, "\x02\x04\x12\x34", 4);
			o = parse(bytes, len + 4u);
			assert_int_equal(o.malformed, -1);
			assert_int_equal(o.present, OPTION_OTHER | OPTION_MSS);
			assert_int_equal(o.mss, 0x1234);
		}
	}
}

static bool legal_length(int kind, unsigned len)
{
	switch (kind) {
	case MSS:
		return len == 4;
	case WSCALE:
		return len == 3;
	case SACK_PERMITTED:
		return len == 2;
	case SACK:
		return len == 10 || len == 18 || len == 26 || len == 34;
	case TIMESTAMPS:
		return len == 10;
	default:
		return len >= 2;
	}
}

/* Each kind with each length byte in each room: legal if the kind allows it and it ends in time. */
static void test_every_length(void **state)
{
	static const uint8_t kinds[] = {MSS, WSCALE, SACK_PERMITTED, SACK, TIMESTAMPS, 9, 34, 254, 255};

	(void)state;
	for (size_t k = 0; k < sizeof kinds; k++)
		for (unsigned len = 0; len < 256; len++)
			for (size_t room = 1; room <= OPTIONS_MAX; room++) {
				uint8_t bytes[OPTIONS_MAX] = {kinds[k], (uint8_t)len};
				bool legal = legal_length(kinds[k], len) && len <= room && room > 1;
				struct tcp_options o = parse(bytes, room);

				if (o.malformed != (legal ? -1 : kinds[k]))
					fail_msg("kind %d, length %u of %zu bytes: malformed %d", kinds[k],
						 len, room, o.malformed);
				assert_int_equal(o.raw_len, room);
				if (legal)
					assert_int_not_equal(o.present, 0);
			}
}

/* What comes before an illegal option counts, what comes after it does not. */
static void test_parsing_stops(void **state)
{
	struct tcp_options o = PARSE("\x02\x04\x02\x18\x08\x00\x03\x03\x07\x01");

	(void)state;
	assert_int_equal(o.malformed, TIMESTAMPS);
	assert_true(o.present & OPTION_MSS);
	assert_int_equal(o.mss, 536);
	assert_false(o.present & OPTION_WSCALE);
	assert_int_equal(o.raw_len, 10);
}

/* Every beginning of a full header: legal only where an option ends. */
static void test_every_truncation(void **state)
{
	static const uint8_t full[] =
		"\x02\x04\x05\xb4\x04\x02\x08\x0a\x00\x00\x00\x01\x00\x00\x00\x02\x01\x03\x03\x07"
		"\xfe\x04\x11\x22\x05\x0a\x00\x00\x00\x01\x00\x00\x00\x05\x01\x01";
	static const struct {
		size_t begin, end;
		uint8_t kind;
	} options[] = {
		{0, 4, MSS},      {4, 6, SACK_PERMITTED}, {6, 16, TIMESTAMPS},
		{17, 20, WSCALE}, {20, 24, 0xfe},         {24, 34, SACK},
	};

	(void)state;
	for (size_t len = 0; len < sizeof full; len++) {
		struct tcp_options o = parse(full, len);
		int expected = -1;

		for (size_t i = 0; i < sizeof options / sizeof *options; i++)
			if (len > options[i].begin && len < options[i].end)
				expected = options[i].kind;
		assert_int_equal(o.malformed, expected);
	}
}

static void test_more_than_a_header_has(void **state)
{
	uint8_t bytes[64];
	struct tcp_options o;

	(void)state;
	memset(bytes, NOP, sizeof bytes);
	memcpy(bytes + 38, "\x04\x02\x03\x00", 4);
	o = parse(bytes, sizeof bytes);
	assert_int_equal(o.raw_len, OPTIONS_MAX);
	assert_int_equal(o.present, OPTION_SACK_PERMITTED);
	assert_int_equal(o.malformed, -1);
	bytes[39] = 3; /* one byte too many for the 40 */
	assert_int_equal(parse(bytes, sizeof bytes).malformed, SACK_PERMITTED);
}

static void test_random_bytes(void **state)
{
	uint64_t random = 99;

	(void)state;
	for (int i = 0; i < 100000; i++) {
		uint8_t bytes[OPTIONS_MAX];
		size_t len = random_next(&random) % (sizeof bytes + 1);
		struct tcp_options o;
		char text[300];

		for (size_t k = 0; k < len; k++)
			bytes[k] = (uint8_t)(random_next(&random) % (k % 2 ? 12 : 256));
		o = parse(bytes, len);
		assert_int_equal(o.raw_len, len);
		assert_memory_equal(o.raw, bytes, len);
		assert_true(o.sack_count <= 4);
		options_text(&o, text, sizeof text);
	}
}

static struct tcp_options random_options(uint64_t *random, unsigned present)
{
	struct tcp_options o = {.present = (uint8_t)present, .malformed = 7, .raw_len = 3};

	o.mss = (uint16_t)random_next(random);
	o.wscale = (uint8_t)random_next(random);
	o.tsval = (uint32_t)random_next(random);
	o.tsecr = (uint32_t)random_next(random);
	o.sack_count = (uint8_t)(random_next(random) % 4 + 1);
	for (int i = 0; i < 4; i++) {
		o.sack[i].left = (uint32_t)random_next(random);
		o.sack[i].right = (uint32_t)random_next(random);
	}
	return o;
}

static size_t least_length(const struct tcp_options *o)
{
	return (o->present & OPTION_MSS ? 4u : 0) + (o->present & OPTION_WSCALE ? 3u : 0) +
	       (o->present & OPTION_SACK_PERMITTED ? 2u : 0) + (o->present & OPTION_TIMESTAMPS ? 10u : 0) +
	       (o->present & OPTION_SACK ? 2u + 8u * o->sack_count : 0);
}

/* build, then parse: the same meaning, in whole words. */
static void test_round_trip(void **state)
{
	unsigned refused = 0;
	uint64_t random = 3;

	(void)state;
	for (int i = 0; i < 20000; i++) {
		struct tcp_options o = random_options(&random, (unsigned)i % 32), back;

		if (!options_build(&o)) {
			assert_true(least_length(&o) > OPTIONS_MAX - 6); /* NOPs may be in the way */
			refused++;
			continue;
		}
		assert_int_equal(o.raw_len % 4, 0);
		assert_true(o.raw_len <= OPTIONS_MAX && o.raw_len >= least_length(&o));
		assert_int_equal(o.malformed, -1);
		back = parse(o.raw, o.raw_len);
		assert_int_equal(back.malformed, -1);
		assert_int_equal(back.present, o.present);
		if (o.present & OPTION_MSS)
			assert_int_equal(back.mss, o.mss);
		if (o.present & OPTION_WSCALE)
			assert_int_equal(back.wscale, o.wscale);
		if (o.present & OPTION_TIMESTAMPS) {
			assert_int_equal(back.tsval, o.tsval);
			assert_int_equal(back.tsecr, o.tsecr);
		}
		if (o.present & OPTION_SACK) {
			assert_int_equal(back.sack_count, o.sack_count);
			assert_memory_equal(back.sack, o.sack, o.sack_count * sizeof *o.sack);
		}
	}
	assert_true(refused > 0);
}

/* What a usual SYN and a usual ACK carry fits, in the places that others use. */
static void test_usual_headers(void **state)
{
	struct tcp_options o = {.present = OPTION_MSS | OPTION_SACK_PERMITTED | OPTION_TIMESTAMPS |
					   OPTION_WSCALE,
				.mss = 1460,
				.wscale = 7,
				.tsval = 1};

	(void)state;
	assert_true(options_build(&o));
	assert_int_equal(o.raw_len, 20);
	o = (struct tcp_options){.present = OPTION_TIMESTAMPS, .tsval = 0x01020304, .tsecr = 0x05060708};
	assert_true(options_build(&o));
	assert_int_equal(o.raw_len, 12); /* RFC 7323 appendix A */
	assert_memory_equal(o.raw, "\x01\x01\x08\x0a\x01\x02\x03\x04\x05\x06\x07\x08", 12);
	o.present |= OPTION_SACK;
	o.sack_count = 3;
	assert_true(options_build(&o));
	assert_int_equal(o.raw_len, 40);
	o.sack_count = 4;
	assert_false(options_build(&o));
	o = (struct tcp_options){.present = OPTION_OTHER}; /* unknown ones are not written */
	assert_true(options_build(&o));
	assert_int_equal(o.raw_len, 0);
}

static void check_text(const char *in, uint8_t present, const char *out)
{
	char why[200] = "untouched", text[200];
	struct tcp_options o, back;

	if (!options_from_text(&o, in, why, sizeof why))
		fail_msg("'%s': %s", in, why);
	assert_string_equal(why, "untouched");
	assert_int_equal(o.present, present);
	assert_int_equal(o.malformed, -1);
	back = parse(o.raw, o.raw_len);
	assert_int_equal(back.present, present);
	assert_int_equal(back.malformed, -1);
	assert_ptr_equal(options_text(&back, text, sizeof text), text);
	assert_string_equal(text, out);
}

static void test_from_text(void **state)
{
	(void)state;
	check_text("none", 0, "");
	check_text("mss=1460", OPTION_MSS, "mss 1460");
	check_text("mss=0", OPTION_MSS, "mss 0");
	check_text("mss=65535", OPTION_MSS, "mss 65535");
	check_text("sackok", OPTION_SACK_PERMITTED, "sackOK");
	check_text("ts", OPTION_TIMESTAMPS, "TS val 0 ecr 0");
	check_text("wscale=0", OPTION_WSCALE, "wscale 0");
	check_text("wscale=14", OPTION_WSCALE, "wscale 14");
	check_text("wscale=3,mss=9", OPTION_WSCALE | OPTION_MSS, "mss 9,wscale 3");
	check_text("mss=1460,sackok,ts,wscale=7",
		   OPTION_MSS | OPTION_SACK_PERMITTED | OPTION_TIMESTAMPS | OPTION_WSCALE,
		   "mss 1460,sackOK,TS val 0 ecr 0,wscale 7");
}

static void test_bad_text(void **state)
{
	static const struct {
		const char *text, *blamed;
	} bad[] = {
		{"", "''"},
		{",", "''"},
		{"mss", "'mss'"},
		{"mss=", "'mss='"},
		{"mss=65536", "'mss=65536'"},
		{"mss=-1", "'mss=-1'"},
		{"mss=+1", "'mss=+1'"},
		{"mss=1x", "'mss=1x'"},
		{"mss= 1", "'mss= 1'"},
		{"mss=99999999999999999999999", "'mss=99999999999999999999999'"},
		{"MSS=1", "'MSS=1'"},
		{"wscale", "'wscale'"},
		{"wscale=15", "'wscale=15'"},
		{"wscale=256", "'wscale=256'"},
		{"sackok=1", "'sackok=1'"},
		{"ts=1", "'ts=1'"},
		{"ts,", "''"},
		{"ts,,ts", "''"},
		{",ts", "''"},
		{"none,ts", "'none'"},
		{"ts,none", "'none'"},
		{"ts sackok", "'ts sackok'"},
		{"mss=1460;ts", "'mss=1460;ts'"},
		{"sack", "'sack'"},
		{"t", "'t'"},
		{"=", "'='"},
		{"ms=1", "'ms=1'"},
		{"mss=1460,bogus", "'bogus'"},
		{"tss", "'tss'"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		struct tcp_options o;
		char why[200] = "";

		if (options_from_text(&o, bad[i].text, why, sizeof why))
			fail_msg("'%s' is read", bad[i].text);
		if (strncmp(why, bad[i].blamed, strlen(bad[i].blamed)))
			fail_msg("'%s': %s", bad[i].text, why);
		assert_non_null(strstr(why, "mss=0..65535, sackok, ts, wscale=0..14"));
	}
}

static void test_reason_fits(void **state)
{
	char text[300], why[200];
	struct tcp_options o;

	(void)state;
	memset(text, 'x', sizeof text);
	text[sizeof text - 1] = '\0';
	for (size_t room = 1; room <= sizeof why; room++) {
		memset(why, '#', sizeof why);
		assert_false(options_from_text(&o, text, why, room));
		assert_true(strlen(why) < room);
		if (room < sizeof why)
			assert_int_equal(why[room], '#');
	}
	assert_non_null(strstr(why, "none")); /* a long word does not push the advice out */
}

static void test_as_text(void **state)
{
	struct tcp_options o =
		PARSE("\x05\x12\x00\x00\x00\x01\x00\x00\x00\x02\xff\xff\xff\xff\x00\x00\x00\x00");
	char text[200];

	(void)state;
	assert_string_equal(options_text(&o, text, sizeof text), "sack 1:2,sack 4294967295:0");
	o = PARSE("\x22\x02\x04\x02");
	assert_string_equal(options_text(&o, text, sizeof text), "sackOK,unknown option");
	o = PARSE("\x04\x02\x03\x09\x01\x01\x01\x01");
	assert_string_equal(options_text(&o, text, sizeof text), "sackOK,kind 3 of illegal length");
	o = PARSE("\x08");
	assert_string_equal(options_text(&o, text, sizeof text), "kind 8 of illegal length");
	o = PARSE("\xff\x00");
	assert_string_equal(options_text(&o, text, sizeof text), "kind 255 of illegal length");
}

static void test_text_is_cut(void **state)
{
	struct tcp_options o = {.present = 0x3f,
				.malformed = 9,
				.mss = 65535,
				.wscale = 255,
				.tsval = UINT32_MAX,
				.tsecr = UINT32_MAX,
				.sack_count = 4};
	char whole[400], text[400];

	(void)state;
	options_text(&o, whole, sizeof whole);
	assert_true(strlen(whole) < sizeof whole - 1);
	for (size_t len = 1; len <= strlen(whole) + 1; len++) {
		memset(text, '#', sizeof text);
		options_text(&o, text, len);
		assert_int_equal(strlen(text), len - 1);
		assert_memory_equal(text, whole, len - 1);
		assert_int_equal(text[len], '#');
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_nothing),
		cmocka_unit_test(test_every_kind),
		cmocka_unit_test(test_sack_blocks),
		cmocka_unit_test(test_end_of_options),
		cmocka_unit_test(test_unknown_kinds),
		cmocka_unit_test(test_every_length),
		cmocka_unit_test(test_parsing_stops),
		cmocka_unit_test(test_every_truncation),
		cmocka_unit_test(test_more_than_a_header_has),
		cmocka_unit_test(test_random_bytes),
		cmocka_unit_test(test_round_trip),
		cmocka_unit_test(test_usual_headers),
		cmocka_unit_test(test_from_text),
		cmocka_unit_test(test_bad_text),
		cmocka_unit_test(test_reason_fits),
		cmocka_unit_test(test_as_text),
		cmocka_unit_test(test_text_is_cut),
	};

	return cmocka_run_group_tests_name("options", tests, NULL, NULL);
}
