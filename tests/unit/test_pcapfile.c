/* SPDX-License-Identifier: BSD-2-Clause */
/* Captures that are written and read again, cut, damaged, and files that are none. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "wire/pcapfile.h"

enum { FILE_HEADER = 24, FRAME_HEADER = 16, LINK_TYPE = 20, WHY = 400 };

static char path[] = "/tmp/finwait-pcapfile-XXXXXX";
static const uint8_t packet[] = {0x45, 1, 2, 3, 4};

/* Three frames of 1, 2 and 3 of 5 bytes. */
static void write_three(void)
{
	char why[WHY];
	struct pcapfile *f = pcapfile_create(path, why, sizeof why);

	assert_non_null(f);
	for (size_t i = 1; i <= 3; i++)
		assert_int_equal(pcapfile_write(f, (int64_t)i * 1000001, packet, i, 5, why, sizeof why), 0);
	assert_int_equal(pcapfile_close(f, why, sizeof why), 0);
}

static void patch(long offset, const void *bytes, size_t len)
{
	FILE *f = fopen(path, "r+b");

	assert_non_null(f);
	assert_int_equal(fseek(f, offset, SEEK_SET), 0);
	assert_int_equal(fwrite(bytes, 1, len, f), len);
	fclose(f);
}

/* How many frames can be read; `end` is what the last attempt returned. */
static uint64_t read_all(int *end, char why[WHY])
{
	struct pcapreader *r = pcapfile_open(path, why, WHY);
	struct pcapfile_frame frame;
	uint64_t n = 0;

	assert_non_null(r);
	why[0] = '\0';
	while ((*end = pcapfile_next(r, &frame, why, WHY)) > 0)
		assert_int_equal(frame.number, ++n);
	pcapfile_close_reader(r);
	return n;
}

static void test_whole(void **state)
{
	char why[WHY] = "";
	struct pcapfile_frame frame;
	struct pcapreader *r;

	(void)state;
	write_three();
	r = pcapfile_open(path, why, sizeof why);
	assert_non_null(r);
	assert_int_equal(pcapfile_link(r), DECODE_RAW);
	for (size_t i = 1; i <= 3; i++) {
		assert_int_equal(pcapfile_next(r, &frame, why, sizeof why), 1);
		assert_int_equal(frame.number, i);
		assert_int_equal(frame.real_us, i * 1000001);
		assert_int_equal(frame.captured, i);
		assert_int_equal(frame.len, 5);
		assert_memory_equal(frame.bytes, packet, i);
	}
	assert_int_equal(pcapfile_next(r, &frame, why, sizeof why), 0);
	assert_string_equal(why, "");
	pcapfile_close_reader(r);
}

/* At every length: what is whole is read, and the rest is told. */
static void test_cut(void **state)
{
	static const long ends[] = {FILE_HEADER, FILE_HEADER + FRAME_HEADER + 1,
				    FILE_HEADER + 2 * FRAME_HEADER + 3, FILE_HEADER + 3 * FRAME_HEADER + 6};
	char why[WHY];
	int end;

	(void)state;
	write_three();
	for (long len = ends[3]; len >= ends[0]; len--) {
		uint64_t whole = 0;

		while (whole < 3 && ends[whole + 1] <= len)
			whole++;
		assert_int_equal(truncate(path, len), 0);
		assert_int_equal(read_all(&end, why), whole);
		assert_int_equal(end, len == ends[whole] ? 0 : -1);
		if (end) {
			char expected[40];

			snprintf(expected, sizeof expected,
				 "damaged after frame %llu: ", (unsigned long long)whole);
			assert_non_null(strstr(why, expected));
		}
	}
	assert_int_equal(truncate(path, FILE_HEADER - 1), 0);
	assert_null(pcapfile_open(path, why, sizeof why));
	assert_non_null(strstr(why, path));
}

static void test_damaged(void **state)
{
	static const uint8_t huge[4] = {0xff, 0xff, 0xff, 0x7f};
	char why[WHY];
	int end;

	(void)state;
	write_three();
	patch(FILE_HEADER + FRAME_HEADER + 1 + 8, huge, sizeof huge); /* the second frame's captured length */
	assert_int_equal(read_all(&end, why), 1);
	assert_int_equal(end, -1);
	assert_non_null(strstr(why, "damaged after frame 1"));
}

static void test_links(void **state)
{
	static const struct {
		uint8_t type;
		enum decode_link link;
	} known[] = {{0, DECODE_NULL},  {1, DECODE_ETHERNET}, {9, DECODE_PPP},
		     {50, DECODE_PPP},  {101, DECODE_RAW},    {108, DECODE_NULL},
		     {113, DECODE_SLL}, {228, DECODE_RAW},    {229, DECODE_RAW}};
	const uint8_t wireless = 105, nobodys = 250;
	char why[WHY];

	(void)state;
	write_three();
	for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
		struct pcapreader *r;

		patch(LINK_TYPE, &known[i].type, 1);
		r = pcapfile_open(path, why, sizeof why);
		assert_non_null(r);
		assert_int_equal(pcapfile_link(r), known[i].link);
		pcapfile_close_reader(r);
	}
	patch(LINK_TYPE, &wireless, 1);
	assert_null(pcapfile_open(path, why, sizeof why));
	assert_non_null(strstr(why, "link type 105 (IEEE802_11)"));
	patch(LINK_TYPE, &nobodys, 1);
	assert_null(pcapfile_open(path, why, sizeof why));
	assert_non_null(strstr(why, "link type 250"));
}

static void test_none(void **state)
{
	char why[WHY];

	(void)state;
	write_three();
	patch(0, "none", 4);
	assert_null(pcapfile_open(path, why, sizeof why));
	assert_non_null(strstr(why, "is no capture"));
	assert_null(pcapfile_open("/nonexistent/file", why, sizeof why));
	assert_string_equal(why, "cannot read /nonexistent/file: No such file or directory");
	assert_null(pcapfile_open("/tmp", why, sizeof why));
}

static int set_up(void **state)
{
	int fd = mkstemp(path);

	(void)state;
	return fd < 0 || close(fd);
}

static int tear_down(void **state)
{
	(void)state;
	return unlink(path);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_whole), cmocka_unit_test(test_cut),  cmocka_unit_test(test_damaged),
		cmocka_unit_test(test_links), cmocka_unit_test(test_none),
	};

	return cmocka_run_group_tests_name("pcapfile", tests, set_up, tear_down);
}
