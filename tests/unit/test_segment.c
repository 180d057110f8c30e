/* SPDX-License-Identifier: BSD-2-Clause */
/* The length of a segment in sequence numbers, and flags as letters. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "core/segment.h"

static void test_length(void **state)
{
	static const uint32_t lengths[] = {0, 1, 1460, 65535};

	(void)state;
	for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++)
		for (unsigned flags = 0; flags < 0x1000; flags++) {
			struct segment s = {.flags = (uint16_t)flags, .len = lengths[i]};
			uint32_t expected = lengths[i];

			if (flags & 0x001) /* FIN */
				expected++;
			if (flags & 0x002) /* SYN */
				expected++;
			assert_int_equal(segment_len(&s), expected);
		}
}

/* What counts is what was sent, even if the capture was cut. */
static void test_length_of_a_cut_segment(void **state)
{
	struct segment s = {.flags = FLAG_ACK | FLAG_FIN, .len = 100, .data_len = 3};

	(void)state;
	assert_int_equal(segment_len(&s), 101);
}

static void test_usual_flags(void **state)
{
	static const struct {
		uint16_t flags;
		const char *text;
	} cases[] = {
		{0, "-"},
		{FLAG_SYN, "S"},
		{FLAG_SYN | FLAG_ACK, "S."},
		{FLAG_ACK, "."},
		{FLAG_FIN | FLAG_ACK, "F."},
		{FLAG_PSH | FLAG_ACK, "P."},
		{FLAG_FIN | FLAG_PSH | FLAG_ACK, "FP."},
		{FLAG_RST, "R"},
		{FLAG_RST | FLAG_ACK, "R."},
		{FLAG_SYN | FLAG_ECE | FLAG_CWR, "SEW"},
		{FLAG_URG | FLAG_ACK, "U."},
		{FLAG_AE, "A"},
		{0x200, "r"},
		{0x800 | FLAG_ACK, "r."},
	};
	char text[FLAGS_TEXT];

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		assert_ptr_equal(flags_text(cases[i].flags, text), text);
		assert_string_equal(text, cases[i].text);
	}
}

/* All 4096 combinations fit, and one letter stands for each bit. */
static void test_all_flags(void **state)
{
	static const char letters[] = "FSRP.UEWArrr"; /* by bit */
	char text[FLAGS_TEXT + 1];

	(void)state;
	for (unsigned flags = 1; flags < 0x1000; flags++) {
		size_t bits = 0, reserved = 0;

		text[FLAGS_TEXT] = '#';
		flags_text((uint16_t)flags, text);
		for (int bit = 0; bit < 12; bit++)
			if (flags >> bit & 1) {
				assert_non_null(strchr(text, letters[bit]));
				bits++;
				reserved += bit > 8;
			}
		assert_int_equal(strlen(text), bits);
		for (const char *t = text; *t; t++)
			reserved -= *t == 'r';
		assert_int_equal(reserved, 0);
		assert_int_equal(text[FLAGS_TEXT], '#');
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_length),
		cmocka_unit_test(test_length_of_a_cut_segment),
		cmocka_unit_test(test_usual_flags),
		cmocka_unit_test(test_all_flags),
	};

	return cmocka_run_group_tests_name("segment", tests, NULL, NULL);
}
