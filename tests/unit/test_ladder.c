/* SPDX-License-Identifier: BSD-2-Clause */
/* The ladder: what fits on a terminal, what may be in it, and what it tells. */
#include <ctype.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "report/ladder.h"
#include "unit/played.h"

enum { WIDTH = 80, PICTURE = 1 << 17 };

#define USUAL "mss=1460,sackok,ts,wscale=7"

static const uint16_t ports[] = {7, 9, 13, 19, 80, 11010, 1, 2};

enum { PORTS = sizeof ports / sizeof *ports };

struct picture {
	char text[PICTURE]; /* lines, each ended by a newline */
	size_t len;
};

static void add_line(void *arg, const char *text)
{
	struct picture *p = arg;
	size_t n = strlen(text);

	assert_null(strchr(text, '\n'));
	assert_true(p->len + n + 2 < sizeof p->text);
	memcpy(p->text + p->len, text, n);
	p->len += n;
	p->text[p->len++] = '\n';
	p->text[p->len] = '\0';
}

static const char *draw(struct picture *p, const struct exchange *x, bool color, bool utf8, bool verbose)
{
	const struct ladder_style style = {.color = color, .utf8 = utf8, .verbose = verbose};

	p->len = 0;
	p->text[0] = '\0';
	ladder_draw(x, &style, add_line, p);
	return p->text;
}

/* Characters of one line, UTF-8 counted as a terminal does. */
static size_t columns(const char *line, size_t len)
{
	size_t n = 0;

	for (size_t i = 0; i < len; i++)
		n += ((unsigned char)line[i] & 0xc0) != 0x80;
	return n;
}

static void check_lines(const char *text, bool utf8)
{
	for (const char *line = text, *end; *line; line = end + 1) {
		end = strchr(line, '\n');
		assert_non_null(end);
		if (columns(line, (size_t)(end - line)) > WIDTH)
			fail_msg("more than %d columns: %.*s", WIDTH, (int)(end - line), line);
		if (end > line && end[-1] == ' ')
			fail_msg("ends in a space: %.*s", (int)(end - line), line);
		for (const char *c = line; c < end; c++)
			if ((unsigned char)*c < 0x20 || *c == 0x7f || (!utf8 && (unsigned char)*c > 0x7f))
				fail_msg("byte %#x in: %.*s", (unsigned char)*c, (int)(end - line), line);
	}
}

/* Takes out "ESC [ digits m", which must be well formed and switched off again within the line. */
static void remove_colors(char *text)
{
	bool on = false;
	char *to = text;

	for (const char *from = text; *from; from++) {
		if (*from != '\x1b') {
			assert_false(*from == '\n' && on);
			*to++ = *from;
			continue;
		}
		assert_int_equal(*++from, '[');
		on = from[1] != '0';
		while (isdigit((unsigned char)from[1]) || from[1] == ';')
			from++;
		assert_int_equal(*++from, 'm');
	}
	*to = '\0';
}

/* "─", "→", "←" as in the plain picture. */
static void to_ascii(char *text)
{
	static const char *const from[] = {"\xe2\x94\x80", "\xe2\x86\x92", "\xe2\x86\x90"};
	char *to = text;

	for (const char *c = text; *c;) {
		size_t i = 0;

		while (i < 3 && strncmp(c, from[i], 3))
			i++;
		*to++ = i < 3 ? "-><"[i] : *c;
		c += i < 3 ? 3 : 1;
	}
	*to = '\0';
}

/* All styles of one exchange say the same. */
static void check_styles(const struct exchange *x)
{
	static struct picture plain, other;

	for (int verbose = 0; verbose < 2; verbose++) {
		check_lines(draw(&plain, x, false, false, verbose), false);
		check_lines(draw(&other, x, false, true, verbose), true);
		to_ascii(other.text);
		assert_string_equal(other.text, plain.text);
		draw(&other, x, true, false, verbose);
		assert_true(!x->judged || strchr(other.text, '\x1b'));
		remove_colors(other.text);
		assert_string_equal(other.text, plain.text);
	}
}

static void test_ordinary_exchanges(void **state)
{
	(void)state;
	for (int close = 0; close < CLOSE_KINDS; close++)
		for (int port = 0; port < PORTS; port++)
			for (int variant = 0; variant < 4; variant++) {
				struct scene scene = {.close = (enum close_kind)close, .port = ports[port]};
				struct exchange x;

				scene.six = variant & 1;
				scene.options = variant & 2 ? USUAL : NULL;
				scene.data = "hello\r\n";
				scene.data_len = variant & 2 ? 7 : 0;
				scene.path = (struct sim_config){.latency_in_us = 200, .latency_out_us = 200};
				play_scene(&x, &scene);
				check_styles(&x);
				exchange_free(&x);
			}
}

/* The columns hold with the longest numbers that a long transfer on a slow path has. */
static void test_long_transfer(void **state)
{
	struct scene scene = {.port = 19, .close = CLOSE_WAIT, .chargen_bytes = 300000, .options = USUAL};
	static struct picture p;
	unsigned skipped = 0, told = 0;
	struct exchange x;

	(void)state;
	scene.path = (struct sim_config){.latency_in_us = 400000, .latency_out_us = 500000};
	play_scene(&x, &scene);
	check_styles(&x);
	for (size_t i = 0; i < x.lines_count; i++)
		skipped += x.lines[i].skipped;
	assert_true(skipped > 100);
	draw(&p, &x, false, false, false);
	for (const char *at = p.text; (at = strchr(at, '(')); at++) {
		unsigned n;
		int end = 0;

		if (sscanf(at, "(%u more segments%n", &n, &end) == 1 && end)
			told += n;
	}
	assert_int_equal(told, skipped);
	exchange_free(&x);
}

/* Each of `words` in this order. */
static void check_order(const char *text, const char *const words[])
{
	const char *at = text;

	for (size_t i = 0; words[i]; i++) {
		const char *found = strstr(at, words[i]);

		if (!found)
			fail_msg("no '%s' at its place in:\n%s", words[i], text);
		at = found + strlen(words[i]);
	}
}

/* The picture of the textbook: RFC 9293 Figures 6 and 12. */
static void test_four_way_close(void **state)
{
	static const char *const words[] = {
		"prober",
		"target\n",
		"CLOSED",
		"LISTEN\n",
		"SYN-SENT",
		"--- S",
		">",
		"SYN-RECEIVED\n",
		"0.40",
		"<-- S.",
		"0 ack 1",
		"SYN-RECEIVED",
		" ok\n",
		"ESTABLISHED",
		"--- .",
		"1 ack 1",
		">",
		"ESTABLISHED\n",
		"FIN-WAIT-1",
		"--- F.",
		"1 ack 1",
		">",
		"CLOSE-WAIT\n",
		"FIN-WAIT-2",
		"<-- .",
		"1 ack 2",
		"CLOSE-WAIT",
		" ok\n",
		"TIME-WAIT",
		"<-- F.",
		"1 ack 2",
		"LAST-ACK",
		" ok\n",
		"TIME-WAIT",
		"--- .",
		"2 ack 2",
		">",
		NULL,
	};
	struct scene scene = {.port = 7, .fault = FAULT_ACK_APART};
	static struct picture p;
	struct exchange x;

	(void)state;
	scene.path = (struct sim_config){.latency_in_us = 200, .latency_out_us = 200};
	play_scene(&x, &scene);
	check_order(draw(&p, &x, false, false, false), words);
	exchange_free(&x);
	scene.fault = FAULT_NONE;
	play_scene(&x, &scene);
	assert_non_null(strstr(draw(&p, &x, false, false, false), "three instead of four, legal"));
	exchange_free(&x);
}

static void test_refused_and_silent(void **state)
{
	static const char *const refused[] = {"CLOSED", "CLOSED\n", "SYN-SENT", "--- S", "CLOSED\n",
					      "<-- R.", "0 ack 1",  "CLOSED",   "ok\n",  NULL};
	struct scene scene = {.port = 1};
	static struct picture p;
	struct exchange x;

	(void)state;
	play_scene(&x, &scene);
	check_order(draw(&p, &x, false, false, false), refused);
	exchange_free(&x);
	scene.port = 2;
	play_scene(&x, &scene);
	draw(&p, &x, false, false, false);
	assert_null(strstr(p.text, "LISTEN")); /* nothing is known of it */
	assert_null(strstr(p.text, "SYN-RECEIVED"));
	assert_non_null(strstr(p.text, " ?\n"));
	assert_non_null(strstr(p.text, "(repeated)"));
	exchange_free(&x);
	scene.path.unreachable = (struct icmp_error){.type = 3, .code = 13};
	assert_true(address_parse(&scene.path.unreachable.sender, "198.18.0.254"));
	play_scene(&x, &scene);
	assert_non_null(strstr(draw(&p, &x, false, false, false), "ICMP type 3 code 13 from 198.18.0.254\n"));
	check_styles(&x);
	exchange_free(&x);
}

/* Under the segment that broke a rule: its name, what it says, where, expected and observed. */
static void test_violations(void **state)
{
	static const enum peer_fault faults[] = {FAULT_SYN_ACK_WRONG_ACK_ISN, FAULT_FIN_NOT_COUNTED,
						 FAULT_RESERVED_BITS, FAULT_RST_WRONG_SEQ};

	(void)state;
	for (size_t i = 0; i < sizeof faults / sizeof *faults; i++) {
		struct scene scene = {.port = 7, .fault = faults[i]};
		static struct picture p;
		struct exchange x;

		scene.close = faults[i] == FAULT_RST_WRONG_SEQ ? CLOSE_RST : CLOSE_FIN;
		play_scene(&x, &scene);
		if (x.outcome != OUTCOME_FAIL)
			fail_msg("%s is not found", faults_info(faults[i])->name);
		draw(&p, &x, false, false, false);
		/* Lines were wrapped: compare without line ends. */
		for (char *c = p.text; *c; c++)
			if (*c == '\n') {
				*c = ' ';
				memmove(c + 1, c + 1 + strspn(c + 1, " "),
					strlen(c + 1 + strspn(c + 1, " ")) + 1);
			}
		for (size_t k = 0; k < x.verdicts_count; k++) {
			const struct verdict *v = &x.verdicts[k];
			const char *const words[] = {
				" FAIL",     v->rule->name, v->rule->sentence, v->rule->citation, v->expected,
				v->observed, NULL};

			check_order(p.text, words);
			if (v->certainty == LIKELY)
				assert_non_null(strstr(p.text, v->reason));
		}
		exchange_free(&x);
	}
}

static void test_verbose(void **state)
{
	struct scene scene = {.port = 7, .options = USUAL};
	static struct picture p;
	struct exchange x;

	(void)state;
	play_scene(&x, &scene);
	draw(&p, &x, false, false, false);
	assert_null(strstr(p.text, "kept:"));
	assert_null(strstr(p.text, "wscale"));
	draw(&p, &x, false, false, true);
	assert_non_null(strstr(p.text, "<mss 1460,sackOK,TS val "));
	assert_non_null(strstr(p.text, "wscale 7>"));
	assert_non_null(strstr(p.text, "kept: checksum flags"));
	assert_non_null(strstr(p.text, "target: "));
	exchange_free(&x);
}

/* ---- text from the network ------------------------------------------------------------------------------
 */

static void test_escape_every_byte(void **state)
{
	(void)state;
	for (int b = 0; b < 256; b++) {
		char text[16], expected[8];
		uint8_t byte = (uint8_t)b;

		snprintf(expected, sizeof expected,
			 b == '\n'               ? "\\n"
			 : b == '\r'             ? "\\r"
			 : b == '\t'             ? "\\t"
			 : b == '\\'             ? "\\\\"
			 : b < 0x20 || b >= 0x7f ? "\\x%02x"
						 : "%c",
			 b);
		assert_ptr_equal(ladder_escape(&byte, 1, text, sizeof text), text);
		assert_string_equal(text, expected);
	}
}

/* Cut only between the bytes, never inside an escape, and never behind the end. */
static void test_escape_is_cut(void **state)
{
	static const uint8_t bytes[] = "a\x1b[31m\n\xff\\\0z\r\t~";
	static const char whole[] = "a\\x1b[31m\\n\\xff\\\\\\x00z\\r\\t~";
	char text[64];
	size_t longest = 0;

	(void)state;
	assert_string_equal(ladder_escape(bytes, sizeof bytes - 1, text, sizeof text), whole);
	for (size_t room = 1; room < sizeof text; room++) {
		size_t n;

		memset(text, '#', sizeof text);
		ladder_escape(bytes, sizeof bytes - 1, text, room);
		n = strlen(text);
		assert_true(n < room);
		assert_memory_equal(text, whole, n);
		assert_int_equal(text[room], '#');
		assert_true(n >= longest);
		longest = n;
		/* What is there is the escape of the first few bytes. */
		for (size_t k = 0, at = 0; at != n; k++) {
			static char prefix[64];

			assert_true(k < sizeof bytes);
			at = strlen(ladder_escape(bytes, k + 1, prefix, sizeof prefix));
			assert_true(at <= n);
		}
	}
	assert_int_equal(longest, strlen(whole));
	assert_string_equal(ladder_escape(bytes, 0, text, sizeof text), "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ordinary_exchanges), cmocka_unit_test(test_long_transfer),
		cmocka_unit_test(test_four_way_close),     cmocka_unit_test(test_refused_and_silent),
		cmocka_unit_test(test_violations),         cmocka_unit_test(test_verbose),
		cmocka_unit_test(test_escape_every_byte),  cmocka_unit_test(test_escape_is_cut),
	};

	return cmocka_run_group_tests_name("ladder", tests, NULL, NULL);
}
