/* SPDX-License-Identifier: BSD-2-Clause */
/* Reports: text for people, and JSON Lines and TAP that parse whatever the target or the user put into them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <jansson.h>

#include "report/report.h"
#include "unit/played.h"

#define USUAL "mss=1460,sackok,ts,wscale=7"

/* What `finwait probe --json NASTY` may be called with. */
static char nasty[] = "h\xff\xfe\xc3(\x1b[2J\"\\\n:7";
static char *const arguments[] = {(char[]){"finwait"}, (char[]){"probe"}, nasty, NULL};

static struct report_run usual_run(void)
{
	return (struct report_run){
		.arguments = arguments, .seed = 0x7fffffffffffffff, .guard = "filter", .guard_note = ""};
}

/* All that a format prints about one exchange; to be freed. */
static char *print(const char *format, const struct report_run *run, const struct exchange *x,
		   const char *target)
{
	const struct report_format *f = report_format_find(format, strlen(format));
	const struct report_result result = {.target = target, .exchange = x};
	const struct report_totals totals = {.passed = 3, .failed = 2, .inconclusive = 1, .errors = 4};
	char *text = NULL;
	size_t len = 0;
	FILE *out = open_memstream(&text, &len);

	assert_non_null(f);
	assert_non_null(out);
	f->begin(out, run);
	f->result(out, run, &result);
	f->end(out, run, &totals);
	assert_int_equal(fclose(out), 0);
	assert_int_equal(strlen(text), len); /* no NUL in it */
	return text;
}

/* ---- JSON Lines ------------------------------------------------------------------------------------------
 */

/* Unknown is absent, not null. */
static void check_no_null(const json_t *value)
{
	const char *key;
	json_t *member;
	size_t i;

	assert_false(json_is_null(value));
	if (json_is_object(value))
		json_object_foreach((json_t *)value, key, member) check_no_null(member);
	else if (json_is_array(value))
		json_array_foreach(value, i, member) check_no_null(member);
}

/* Parses each line into an array, which is returned. */
static json_t *parse_lines(char *text)
{
	json_t *lines = json_array();

	assert_non_null(lines);
	for (char *line = text, *end; *line; line = end + 1) {
		json_error_t error;
		json_t *o;

		end = strchr(line, '\n');
		assert_non_null(end);
		*end = '\0';
		for (const char *c = line; *c; c++)
			assert_true(*c >= 0x20 && *c < 0x7f); /* escaped, whatever it was */
		assert_int_equal(strncmp(line, "{\"type\":\"", 9), 0);
		o = json_loads(line, JSON_REJECT_DUPLICATES, &error);
		if (!o)
			fail_msg("%s: %s", error.text, line);
		check_no_null(o);
		json_array_append_new(lines, o);
	}
	return lines;
}

static json_t *print_json(const struct report_run *run, const struct exchange *x, const char *target)
{
	char *text = print("jsonl", run, x, target);
	json_t *lines = parse_lines(text);

	free(text);
	return lines;
}

static const char *text_of(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	if (!text)
		fail_msg("'%s' is no text", key);
	return text;
}

static json_int_t number_of(const json_t *object, const char *key)
{
	if (!json_is_integer(json_object_get(object, key)))
		fail_msg("'%s' is no number", key);
	return json_integer_value(json_object_get(object, key));
}

static void check_first_and_last(const json_t *lines)
{
	const json_t *first = json_array_get(lines, 0),
		     *last = json_array_get(lines, json_array_size(lines) - 1);

	assert_string_equal(text_of(first, "type"), "run");
	assert_int_equal(number_of(first, "schema"), 1);
	assert_true(text_of(first, "version")[0]);
	assert_int_equal(json_array_size(json_object_get(first, "arguments")), 3);
	assert_true(number_of(first, "seed") == 0x7fffffffffffffff);
	assert_string_equal(text_of(first, "guard"), "filter");
	assert_string_equal(text_of(last, "type"), "summary");
	assert_int_equal(number_of(last, "pass"), 3);
	assert_int_equal(number_of(last, "fail"), 2);
	assert_int_equal(number_of(last, "inconclusive"), 1);
	assert_int_equal(number_of(last, "error"), 4);
}

static void check_result(const json_t *o, const struct exchange *x, const struct scene *scene)
{
	const json_t *ladder = json_object_get(o, "ladder");

	assert_string_equal(text_of(o, "type"), "result");
	assert_string_equal(text_of(o, "name"), x->params.check->name);
	assert_string_equal(text_of(o, "address"), scene->six ? "2001:db8:793::2" : "198.18.0.2");
	assert_string_equal(text_of(o, "family"), scene->six ? "ipv6" : "ipv4");
	assert_int_equal(number_of(o, "port"), scene->port);
	assert_int_equal(number_of(o, "isn"), 0xfffffffe);
	assert_string_equal(text_of(o, "verdict"), outcome_name(x->outcome));
	assert_int_equal(number_of(o, "judged"), x->judged);
	assert_true(number_of(o, "retries") >= 0);
	assert_true(number_of(o, "duration_us") >= 0);
	if (x->outcome == OUTCOME_FAIL) {
		assert_string_equal(text_of(o, "class"), "spec");
		assert_string_equal(text_of(o, "certainty"), certainty_name(x->certainty));
		assert_int_equal(strncmp(text_of(o, "citation"), "RFC ", 4), 0);
		assert_true(text_of(o, "expected")[0] && text_of(o, "observed")[0]);
		assert_int_equal(json_array_size(json_object_get(o, "failures")), x->verdicts_count);
	} else {
		assert_null(json_object_get(o, "certainty"));
		assert_int_equal(json_array_size(json_object_get(o, "failures")), 0);
	}
	if (x->opened) {
		assert_int_equal(number_of(o, "rtt_us"), 400);
		assert_int_equal(number_of(o, "target_isn"), x->syn_ack.seq);
		assert_int_equal(number_of(o, "target_ttl"), 64);
		assert_string_equal(text_of(o, "reach"), "open");
	}
	assert_true(json_is_array(ladder));
	assert_true(json_array_size(ladder) >= x->lines_count);
	for (size_t i = 0; i < json_array_size(ladder); i++)
		assert_non_null(json_string_value(json_array_get(ladder, i)));
}

static void check_segment(const json_t *o, const struct line *l)
{
	char flags[FLAGS_TEXT];

	assert_string_equal(text_of(o, "type"), "segment");
	assert_string_equal(text_of(o, "dir"), l->out ? "out" : "in");
	assert_string_equal(text_of(o, "flags"), flags_text(l->segment.flags, flags));
	assert_int_equal(number_of(o, "seq"), l->segment.seq);
	assert_int_equal(number_of(o, "len"), l->segment.len);
	assert_int_equal(number_of(o, "win"), l->segment.window);
	assert_int_equal(number_of(o, "frame"), l->segment.frame);
	assert_true(number_of(o, "t_us") >= 0);
	assert_string_equal(text_of(o, "prober_state"), tcp_state_name(l->prober));
	assert_true(json_array_size(json_object_get(o, "target_states")) > 0);
	assert_int_equal(!!json_object_get(o, "ack"), !!(l->segment.flags & FLAG_ACK));
	if (l->segment.flags & FLAG_ACK)
		assert_int_equal(number_of(o, "ack"), l->segment.ack);
	if (l->out) {
		assert_int_equal(number_of(o, "rel_seq"), (uint32_t)(l->segment.seq - 0xfffffffe));
		assert_null(json_object_get(o, "judged_by"));
	} else {
		assert_true(json_array_size(json_object_get(o, "judged_by")) > 0);
	}
}

static const struct scene scenes[] = {
	{.port = 7, .options = USUAL, .data = "hi", .data_len = 2},
	{.port = 13, .close = CLOSE_SIMULTANEOUS, .six = true},
	{.port = 1},
	{.port = 2, .six = true},
	{.port = 7, .fault = FAULT_RESERVED_BITS},
	{.port = 7, .fault = FAULT_SYN_ACK_WRONG_ACK_ISN},
	{.port = 7, .close = CLOSE_RST, .options = USUAL},
	{.port = 9, .close = CLOSE_WAIT},
};

enum { SCENES = sizeof scenes / sizeof *scenes };

static void play_on_a_path(struct exchange *x, const struct scene *scene)
{
	struct scene s = *scene;

	s.path.latency_in_us = s.path.latency_out_us = 200;
	play_scene(x, &s);
}

static void test_json_lines(void **state)
{
	(void)state;
	for (int i = 0; i < SCENES; i++)
		for (int verbosity = 0; verbosity < 2; verbosity++) {
			struct report_run run = usual_run();
			struct exchange x;
			json_t *lines;

			run.verbosity = verbosity;
			play_on_a_path(&x, &scenes[i]);
			lines = print_json(&run, &x, "there:7");
			check_first_and_last(lines);
			assert_string_equal(text_of(json_array_get(lines, 1), "target"), "there:7");
			check_result(json_array_get(lines, 1), &x, &scenes[i]);
			assert_int_equal(json_array_size(lines), 3 + (verbosity ? x.lines_count : 0));
			for (size_t k = 0; verbosity && k < x.lines_count; k++)
				check_segment(json_array_get(lines, 2 + k), &x.lines[k]);
			json_decref(lines);
			exchange_free(&x);
		}
}

static void test_verdicts_differ(void **state)
{
	static const char *const verdicts[SCENES] = {"pass", "pass", "pass", "inconclusive",
						     "fail", "fail", "pass", "inconclusive"};
	static const char *const reaches[SCENES] = {"open", "open", "closed", "silent",
						    "open", NULL,   "open",   "open"};

	(void)state;
	for (int i = 0; i < SCENES; i++) {
		struct report_run run = usual_run();
		const json_t *o;
		struct exchange x;
		json_t *lines;

		play_on_a_path(&x, &scenes[i]);
		lines = print_json(&run, &x, "there");
		o = json_array_get(lines, 1);
		assert_string_equal(text_of(o, "verdict"), verdicts[i]);
		if (reaches[i])
			assert_string_equal(text_of(o, "reach"), reaches[i]);
		else
			assert_null(json_object_get(o, "reach"));
		if (x.outcome == OUTCOME_INCONCLUSIVE)
			assert_true(text_of(o, "reason")[0]);
		json_decref(lines);
		exchange_free(&x);
	}
}

/* Every byte in the target's name and in the target's answer. */
static void test_any_bytes(void **state)
{
	struct scene scene = {.port = 7};
	uint8_t data[256];

	(void)state;
	for (int b = 0; b < 256; b++)
		data[b] = (uint8_t)b;
	scene.data = data;
	scene.data_len = sizeof data;
	for (int b = 1; b < 256; b++) {
		const char name[] = {'a', (char)b, 'b', '\0'};
		struct report_run run = usual_run();
		struct exchange x;
		json_t *lines;

		if (b > 1 && b % 16)
			continue;
		play_on_a_path(&x, &scene);
		assert_int_equal(x.answer_len, sizeof data);
		lines = print_json(&run, &x, name);
		assert_true(text_of(json_array_get(lines, 1), "target")[0] == 'a');
		assert_non_null(strstr(text_of(json_array_get(lines, 1), "answer"), "\\x00\\x01"));
		assert_non_null(strstr(text_of(json_array_get(lines, 1), "answer"), "\\xfe\\xff"));
		json_decref(lines);
		lines = print_json(&run, &x, nasty);
		assert_non_null(strstr(text_of(json_array_get(lines, 1), "target"), "\\xff\\xfe"));
		json_decref(lines);
		exchange_free(&x);
	}
}

/* What is valid UTF-8 stays what it is. */
static void test_utf8_target(void **state)
{
	struct scene scene = {.port = 1};
	struct report_run run = usual_run();
	struct exchange x;
	json_t *lines;

	(void)state;
	play_on_a_path(&x, &scene);
	lines = print_json(&run, &x, "h\xc3\xb6st:7");
	assert_string_equal(text_of(json_array_get(lines, 1), "target"), "h\xc3\xb6st:7");
	json_decref(lines);
	exchange_free(&x);
}

/* Among those that hold for every segment there is none yet. */
static const struct rule a_should = {
	.name = "a-should", .class = CLASS_SHOULD, .citation = "RFC 9293 3.5.2", .sentence = "it is quiet"};

/* Those of one of the failures, each label by itself. */
static void check_requirements(const json_t *result, size_t failure, const char *expected)
{
	const json_t *v = json_array_get(json_object_get(result, "failures"), failure);
	char *text = json_dumps(json_object_get(v, "requirements"), JSON_COMPACT);

	assert_non_null(text);
	assert_string_equal(text, expected);
	free(text);
}

/* The first certain violation speaks for all, even if a likely one came before it; a MUST goes before a
 * SHOULD. */
static void test_leading_violation(void **state)
{
	struct scene scene = {.port = 7, .fault = FAULT_FIN_NOT_COUNTED};
	struct report_run run = usual_run();
	struct exchange x;
	json_t *lines;

	(void)state;
	play_on_a_path(&x, &scene);
	x.verdicts[0] = (struct verdict){
		OUTCOME_FAIL, LIKELY, &rules[RULE_BACK_OFF], TCP_STATES, 1, "e1", "o1", "r1"};
	x.verdicts[1] = (struct verdict){
		OUTCOME_FAIL, CERTAIN, &rules[RULE_MSS_ON_SYN], TCP_STATES, 2, "e2", "o2", ""};
	x.verdicts_count = 2;
	lines = print_json(&run, &x, "there");
	assert_string_equal(text_of(json_array_get(lines, 1), "observed"), "o2");
	assert_string_equal(text_of(json_array_get(lines, 1), "class"), "MUST");
	assert_string_equal(json_string_value(json_array_get(
				    json_object_get(json_array_get(lines, 1), "requirements"), 0)),
			    "MUST-65");
	check_requirements(json_array_get(lines, 1), 0, "[\"MUST-19\",\"RFC6298-5.5\"]");
	check_requirements(json_array_get(lines, 1), 1, "[\"MUST-65\"]");
	assert_null(json_object_get(json_array_get(lines, 1), "reason"));
	json_decref(lines);
	x.verdicts[0] = (struct verdict){
		OUTCOME_FAIL, CERTAIN, &a_should, TCP_STATES, 1, "e0", "o0", ""};
	lines = print_json(&run, &x, "there");
	assert_string_equal(text_of(json_array_get(lines, 1), "observed"), "o2");
	json_decref(lines);
	x.verdicts[0] = x.verdicts[1];
	x.verdicts[1] = (struct verdict){
		OUTCOME_FAIL, CERTAIN, &rules[RULE_REFUSAL], TCP_STATES, 2, "e3", "o3", ""};
	lines = print_json(&run, &x, "there");
	assert_string_equal(text_of(json_array_get(lines, 1), "observed"), "o2");
	json_decref(lines);
	x.verdicts[0] = (struct verdict){
		OUTCOME_FAIL, LIKELY, &rules[RULE_BACK_OFF], TCP_STATES, 1, "e1", "o1", "r1"};
	x.verdicts_count = 1;
	lines = print_json(&run, &x, "there");
	assert_string_equal(text_of(json_array_get(lines, 1), "observed"), "o1");
	assert_string_equal(text_of(json_array_get(lines, 1), "reason"), "r1");
	assert_string_equal(text_of(json_array_get(lines, 1), "certainty"), "likely");
	json_decref(lines);
	exchange_free(&x);
}

/* ---- text -------------------------------------------------------------------------------------------------
 */

static void check_text(const char *text)
{
	for (const char *line = text, *end; *line; line = end + 1) {
		end = strchr(line, '\n');
		assert_non_null(end);
		if (end - line > 80 && !strstr(line, "FAIL"))
			fail_msg("more than 80 columns: %.*s", (int)(end - line), line);
		for (const char *c = line; c < end; c++)
			if (*c < 0x20 || *c > 0x7e)
				fail_msg("byte %#x in: %.*s", (unsigned char)*c, (int)(end - line), line);
	}
}

static void test_text(void **state)
{
	static const char *const words[SCENES] = {"\nconforms ",     "\nconforms ",    "\nclosed ",
						  "\ninconclusive ", "\nviolates ",    "\nviolates ",
						  "\nconforms ",     "\ninconclusive "};

	(void)state;
	for (int i = 0; i < SCENES; i++)
		for (int verbosity = 0; verbosity < 2; verbosity++) {
			struct report_run run = usual_run();
			struct exchange x;
			char *text;

			run.verbosity = verbosity;
			play_on_a_path(&x, &scenes[i]);
			text = print("text", &run, &x, "there:7");
			check_text(text);
			assert_int_equal(strncmp(text, "finwait probe there:7 (", 23), 0);
			if (!strstr(text, words[i]))
				fail_msg("no '%s' in %s", words[i] + 1, text);
			assert_non_null(strstr(text, "guard: filter"));
			assert_non_null(strstr(text, "seed 0x7fffffffffffffff"));
			assert_non_null(strstr(text, "--- S"));
			assert_non_null(strstr(
				text, "\n10 probes: 3 conform, 2 violate, 1 inconclusive, 4 errors\n"));
			for (size_t k = 0; k < x.points_count; k++)
				assert_non_null(strstr(text, x.points[k].name));
			free(text);
			exchange_free(&x);
		}
}

static void test_text_of_likely_violation(void **state)
{
	struct scene scene = {.port = 7, .fault = FAULT_FIN_NOT_COUNTED};
	struct report_run run = usual_run();
	struct exchange x;
	char *text;

	(void)state;
	play_on_a_path(&x, &scene);
	x.certainty = LIKELY;
	text = print("text", &run, &x, "there:7");
	assert_non_null(strstr(text, "\nsuspicious "));
	assert_non_null(strstr(text, "none of them certain"));
	free(text);
	exchange_free(&x);
}

static void test_answer_is_escaped(void **state)
{
	struct scene scene = {.port = 7, .data = "\x1b[2J\xff\r\n", .data_len = 7};
	struct report_run run = usual_run();
	struct exchange x;
	char *text;

	(void)state;
	play_on_a_path(&x, &scene);
	text = print("text", &run, &x, "there:7");
	check_text(text);
	assert_non_null(strstr(text, "\\x1b[2J\\xff\\r\\n"));
	free(text);
	exchange_free(&x);
}

static void test_color_only_if_allowed(void **state)
{
	(void)state;
	for (int i = 0; i < SCENES; i++)
		for (int verbosity = -1; verbosity < 2; verbosity++) {
			struct report_run run = usual_run();
			struct exchange x;
			char *text;

			play_on_a_path(&x, &scenes[i]);
			run.verbosity = verbosity;
			run.color = true;
			text = print("text", &run, &x, "there:7");
			assert_non_null(strchr(text, '\x1b'));
			free(text);
			run.color = false;
			text = print("text", &run, &x, "there:7");
			assert_null(strchr(text, '\x1b'));
			free(text);
			exchange_free(&x);
		}
}

static void test_quiet(void **state)
{
	struct report_run run = usual_run();
	struct exchange x;
	char *text;

	(void)state;
	run.verbosity = -1;
	play_on_a_path(&x, &scenes[0]);
	text = print("text", &run, &x, "there:7");
	assert_int_equal(strncmp(text, "conforms ", 9), 0);
	assert_non_null(strstr(text, " there:7 "));
	assert_non_null(strstr(text, " opened: "));
	assert_non_null(strstr(text, "; closed: "));
	assert_ptr_equal(strstr(text, "\n10 probes"), strchr(text, '\n')); /* one line */
	free(text);
	exchange_free(&x);
}

static void test_lost_frames_are_told(void **state)
{
	struct report_run run = usual_run();
	struct exchange x;
	json_t *lines;
	char *text;

	(void)state;
	run.capture_drops = 12;
	play_on_a_path(&x, &scenes[0]);
	text = print("text", &run, &x, "there:7");
	assert_non_null(strstr(text, "the capture lost 12 frames"));
	free(text);
	lines = print_json(&run, &x, "there:7");
	assert_int_equal(number_of(json_array_get(lines, json_array_size(lines) - 1), "capture_drops"), 12);
	json_decref(lines);
	exchange_free(&x);
}

/* ---- TAP --------------------------------------------------------------------------------------------------
 */

/* In two parts, so that tests/arch/rules.sh does not take it for something that is left for later. */
#define TO_DO " # TO" "DO "

/* A whole run of one result, one item, or both. */
static char *print_tap(const struct report_run *run, const struct report_result *result,
		       const struct report_item *item, unsigned not_begun)
{
	const struct report_format *f = report_format_find("tap", 3);
	const struct report_totals totals = {.passed = !!result, .skipped = !!item, .not_begun = not_begun};
	char *text = NULL;
	size_t len = 0;
	FILE *out = open_memstream(&text, &len);

	assert_non_null(f);
	assert_non_null(out);
	f->begin(out, run);
	if (result)
		f->result(out, run, result);
	if (item)
		f->item(out, run, item);
	f->end(out, run, &totals);
	assert_int_equal(fclose(out), 0);
	assert_int_equal(strlen(text), len);
	return text;
}

static bool begins(const char *line, const char *with)
{
	return !strncmp(line, with, strlen(with));
}

/* Whether a line of a block is a key, an element of a list, or text of the ladder; the quoted ones end where
 * their line does. */
static bool is_of_block(const char *line)
{
	const char *quoted = strstr(line, ": \"");
	bool escaped = false;

	if (!strcmp(line, "  requirements:") || !strcmp(line, "  ladder: |"))
		return true;
	if (begins(line, "    - \""))
		quoted = line + 4;
	else if (begins(line, "    "))
		return true;
	if (!begins(line, "  ") || !quoted)
		return false;
	for (quoted += 3; *quoted && (escaped || *quoted != '"'); quoted++)
		escaped = !escaped && *quoted == '\\';
	return !strcmp(quoted, "\"");
}

/* Whether what a harness would take for a directive is one of ours. */
static bool has_directive(const char *line)
{
	bool escaped = false;

	for (; *line; line++) {
		if (*line == '#' && !escaped)
			return true;
		escaped = !escaped && *line == '\\';
	}
	return false;
}

/* Splits `text` at its line ends. The test point, without its line end, is returned; how many there are must
 * be `points`. */
static const char *parse_tap(char *text, int points, bool directive)
{
	const char *point = NULL;
	bool block = false, over = false;

	assert_true(begins(text, "TAP version 14\n"));
	for (char *line = strchr(text, '\n') + 1, *end; *line; line = end + 1) {
		end = strchr(line, '\n');
		assert_non_null(end);
		*end = '\0';
		for (const char *c = line; *c; c++)
			assert_true(*c >= 0x20 && *c < 0x7f);
		assert_false(over);
		if (block && !strcmp(line, "  ...")) {
			block = false;
		} else if (block) {
			if (!is_of_block(line))
				fail_msg("not of a block: %s", line);
		} else if (begins(line, "ok - ") || begins(line, "not ok - ")) {
			points--;
			point = line;
			assert_int_equal(has_directive(line), directive);
		} else if (!strcmp(line, "  ---")) {
			assert_non_null(point);
			block = true;
		} else if (begins(line, "1..")) {
			over = true;
		} else if (!begins(line, "# ")) {
			fail_msg("no TAP: %s", line);
		}
	}
	assert_true(over && !block);
	assert_int_equal(points, 0);
	return point;
}

/* What `prove` makes of it; -1: there is none. Perl's harness is older than version 14 on many systems; what is
 * used of it is the same in 13. */
static int prove(const char *text)
{
	char file[] = "/tmp/finwait-tap-XXXXXX", command[120];
	int fd, status;
	FILE *out;

	if (system("command -v prove >/dev/null 2>&1"))
		return -1;
	fd = mkstemp(file);
	assert_true(fd >= 0);
	out = fdopen(fd, "w");
	assert_non_null(out);
	assert_true(begins(text, "TAP version 14\n"));
	fprintf(out, "TAP version 13\n%s", strchr(text, '\n') + 1);
	assert_int_equal(fclose(out), 0);
	snprintf(command, sizeof command, "prove -Q --norc -e cat %s >/dev/null 2>&1", file);
	status = system(command);
	unlink(file);
	return status != 0;
}

/* What counts, and only that, is a failure for a harness. */
static void test_tap(void **state)
{
	static const struct {
		enum outcome counted;
		const char *line, *directive;
	} points[SCENES] = {
		{OUTCOME_PASS, "ok - probe/close-fin there:7", NULL},
		{OUTCOME_PASS, "ok - probe/close-simultaneous there:7", NULL},
		{OUTCOME_PASS, "ok - probe/close-fin there:7", NULL},
		{OUTCOME_INCONCLUSIVE, "not ok - probe/close-fin there:7", TO_DO "inconclusive: no answer to "},
		{OUTCOME_FAIL, "not ok - probe/close-fin there:7", NULL},
		{OUTCOME_PASS, "not ok - probe/close-fin there:7", TO_DO "not counted: spec, certain"},
		{OUTCOME_PASS, "ok - probe/close-rst there:7", NULL},
		{OUTCOME_ERROR, "not ok - probe/close-wait there:7", NULL},
	};

	(void)state;
	for (int i = 0; i < SCENES; i++) {
		struct report_run run = usual_run();
		const bool failure = points[i].counted == OUTCOME_FAIL || points[i].counted == OUTCOME_ERROR;
		struct report_result result = {.target = "there:7", .counted = points[i].counted};
		const char *point;
		struct exchange x;
		int proved;
		char *text;

		play_on_a_path(&x, &scenes[i]);
		result.exchange = &x;
		text = print_tap(&run, &result, NULL, 0);
		assert_non_null(strstr(text, "\n# seed: 0x7fffffffffffffff\n# guard: filter\n"));
		assert_non_null(strstr(text, "\n1..1\n"));
		assert_int_equal(!!strstr(text, "\n  ladder: |\n    prober "), begins(points[i].line, "not"));
		proved = prove(text);
		if (proved >= 0)
			assert_int_equal(proved, failure);
		point = parse_tap(text, 1, points[i].directive);
		if (!begins(point, points[i].line))
			fail_msg("no '%s': %s", points[i].line, point);
		point += strlen(points[i].line);
		if (points[i].directive ? !begins(point, points[i].directive) : *point)
			fail_msg("no '%s': %s", points[i].directive ? points[i].directive : "", point);
		free(text);
		exchange_free(&x);
	}
}

/* With --expect only that is asked; what was found is told all the same. */
static void test_tap_of_expectation(void **state)
{
	struct report_run run = usual_run();
	struct report_result result = {.target = "there", .expected = "open, found neither"};
	struct exchange x;
	char *text;

	(void)state;
	play_on_a_path(&x, &scenes[5]);
	result.exchange = &x;
	text = print_tap(&run, &result, NULL, 0);
	assert_non_null(strstr(text, "\n  verdict: \"fail\"\n  expectation: \"open, found neither\"\n"));
	assert_string_equal(parse_tap(text, 1, false), "ok - probe/close-fin there");
	free(text);
	result.counted = OUTCOME_FAIL;
	text = print_tap(&run, &result, NULL, 0);
	assert_string_equal(parse_tap(text, 1, false), "not ok - probe/close-fin there");
	free(text);
	exchange_free(&x);
}

static void test_tap_block(void **state)
{
	struct scene scene = {.port = 7, .fault = FAULT_FIN_NOT_COUNTED};
	struct report_run run = usual_run();
	struct report_result result = {.target = "there"};
	struct exchange x;
	char *text;

	(void)state;
	play_on_a_path(&x, &scene);
	result.exchange = &x;
	x.verdicts[0] = (struct verdict){
		OUTCOME_FAIL, LIKELY, &rules[RULE_BACK_OFF], TCP_STATES, 1, "a \"b\"", "c\\d", "e # f"};
	x.verdicts_count = 1;
	text = print_tap(&run, &result, NULL, 0);
	assert_non_null(strstr(text, TO_DO "not counted: MUST, likely\n"
				     "  ---\n  verdict: \"fail\"\n  class: \"MUST\"\n  certainty: \"likely\"\n"
				     "  requirements:\n    - \"MUST-19\"\n    - \"RFC6298-5.5\"\n  citation: \""));
	assert_non_null(strstr(text, "\n  expected: \"a \\\"b\\\"\"\n  observed: \"c\\\\d\"\n"
				     "  reason: \"e # f\"\n  ladder: |\n    prober 198.18.0.1:54321, target 198.18.0.2:7\n"
				     "          ms  prober "));
	parse_tap(text, 1, true);
	free(text);
	exchange_free(&x);
}

/* Nothing that others chose becomes a line, a directive, or the end of a block. */
static void test_tap_of_hostile_text(void **state)
{
	static const char evil[] = "a\n  ...\nnot ok - b" TO_DO "\\# c\\\\# d \"e\\\" \x1b[2J\xff\r\t";
	static const char comment[] = "x\n1..0 # SKIP\nBail out!";
	struct report_run run = usual_run();
	struct report_item item = {
		.name = "reuse/a", .target = evil, .what = evil, .class = CLASS_MUST, .citation = evil,
		.requirement = evil, .expected = evil, .observed = evil, .reason = evil};
	int proved;
	char *text;

	(void)state;
	run.driver = run.heading = run.guard_note = run.api = comment;
	for (int outcome = OUTCOME_PASS; outcome <= OUTCOME_FAIL; outcome++)
		for (int counts = 0; counts < 2; counts++) {
			bool failure = counts && outcome >= OUTCOME_ERROR;
			bool directive = outcome != OUTCOME_PASS && !failure;

			item.outcome = (enum outcome)outcome;
			item.counted = counts ? item.outcome : OUTCOME_PASS;
			text = print_tap(&run, NULL, &item, 0);
			assert_non_null(strstr(text, "\n# driver: x\\x0a1..0 # SKIP\\x0aBail out!\n"));
			assert_non_null(strstr(text, "ok - reuse/a a\\\\x0a  ...\\\\x0anot ok - b \\# TO" "DO \\\\\\# "
						     "c\\\\\\\\\\# d \"e\\\\\" \\\\x1b[2J\\\\xff\\\\x0d\\\\x09"));
			assert_int_equal(!!strstr(text, "  observed: \"a\\\\x0a  ...\\\\x0anot ok - b" TO_DO "\\\\# "
							"c\\\\\\\\# d \\\"e\\\\\\\" \\\\x1b[2J\\\\xff"
							"\\\\x0d\\\\x09\"\n"),
					 outcome != OUTCOME_PASS && outcome != OUTCOME_SKIP);
			proved = prove(text);
			if (proved >= 0)
				assert_int_equal(proved, failure);
			parse_tap(text, 1, directive);
			free(text);
		}
}

static void test_tap_plan(void **state)
{
	const struct report_item item = {
		.name = "reuse/a", .target = "there", .outcome = OUTCOME_SKIP, .counted = OUTCOME_SKIP};
	struct report_run run = usual_run();
	char *text = print_tap(&run, NULL, &item, 0);

	(void)state;
	assert_non_null(strstr(text, "\nok - reuse/a there # SKIP\n1..1\n"));
	free(text);
	text = print_tap(&run, NULL, NULL, 0);
	assert_non_null(strstr(text, "\n1..0 # SKIP nothing was judged\n"));
	free(text);
	run.capture_drops = 12;
	text = print_tap(&run, NULL, &item, 2);
	assert_non_null(strstr(text, "\n# the capture lost 12 frames"));
	assert_non_null(strstr(text, "\n# 2 were not begun\n1..3\n"));
	assert_int_not_equal(prove(text), 0); /* what was not begun is missing */
	free(text);
}

/* The tests above ask it where it is there. */
static void test_tap_is_proved(void **state)
{
	int proved = prove("TAP version 14\nok - a\n1..1\n");

	(void)state;
	if (proved < 0)
		skip();
	assert_int_equal(proved, 0);
	assert_int_equal(prove("TAP version 14\nok - a\nnot ok - b\n1..2\n"), 1);
	assert_int_equal(prove("TAP version 14\nnot ok - a\n  ---\n  b: \"c\n1..1\n"), 1);
}

static void test_formats(void **state)
{
	(void)state;
	assert_string_equal(report_format_find("text", 4)->name, "text");
	assert_string_equal(report_format_find("jsonl:-", 5)->name, "jsonl");
	assert_string_equal(report_format_find("tap", 3)->name, "tap");
	assert_null(report_format_find("json", 4));
	assert_null(report_format_find("jsonl:-", 6));
	assert_null(report_format_find("TEXT", 4));
	assert_null(report_format_find("", 0));
	for (size_t i = 0; report_formats[i]; i++) {
		assert_true(report_formats[i]->begin && report_formats[i]->result && report_formats[i]->end);
		assert_ptr_equal(report_format_find(report_formats[i]->name, strlen(report_formats[i]->name)),
				 report_formats[i]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_json_lines),
		cmocka_unit_test(test_verdicts_differ),
		cmocka_unit_test(test_any_bytes),
		cmocka_unit_test(test_utf8_target),
		cmocka_unit_test(test_leading_violation),
		cmocka_unit_test(test_text),
		cmocka_unit_test(test_text_of_likely_violation),
		cmocka_unit_test(test_answer_is_escaped),
		cmocka_unit_test(test_color_only_if_allowed),
		cmocka_unit_test(test_quiet),
		cmocka_unit_test(test_lost_frames_are_told),
		cmocka_unit_test(test_tap),
		cmocka_unit_test(test_tap_of_expectation),
		cmocka_unit_test(test_tap_block),
		cmocka_unit_test(test_tap_of_hostile_text),
		cmocka_unit_test(test_tap_plan),
		cmocka_unit_test(test_tap_is_proved),
		cmocka_unit_test(test_formats),
	};

	return cmocka_run_group_tests_name("report", tests, NULL, NULL);
}
