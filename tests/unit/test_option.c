/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "cmd/option.h"

struct settings {
	bool flag, verbose, seen;
	const char *text;
	int64_t number, window, any, seconds;
	int word;
	char called[16];
};

static int call(void *settings, const char *text, char *why, size_t why_len)
{
	struct settings *s = settings;

	if (!strcmp(text, "bad")) {
		snprintf(why, why_len, "'%s' is not good", text);
		return -1;
	}
	snprintf(s->called, sizeof(s->called), "%s", text);
	return 0;
}

static const char *const words[] = {"fin", "half", "wait", NULL};

#define AT(field) .offset = offsetof(struct settings, field)

static const struct option_spec specs[] = {
	{.name = "flag", .letter = 'f', .kind = OPTION_FLAG, AT(flag), .group = "First", .help = "a flag"},
	{.name = "verbose", .letter = 'v', .kind = OPTION_FLAG, AT(verbose), .group = "Second",
	 .help = "say more"},
	{.name = "text", .letter = 't', .kind = OPTION_STRING, AT(text), .argument = "FILE",
	 .group = "First",
	 .help = "a text that is explained at such a length that it does not fit in the line it begins in"},
	{.name = "isn", .letter = 'i', .kind = OPTION_NUMBER, AT(number), .argument = "NUMBER",
	 .max = UINT32_MAX, .seen = offsetof(struct settings, seen), .group = "First",
	 .help = ".begins with a dot and has a \\ and --isn in it"},
	{.name = "any", .kind = OPTION_NUMBER, AT(any), .argument = "N", .min = INT64_MIN,
	 .max = INT64_MAX, .group = "First", .help = "any number"},
	{.name = "window-of-a-very-long-name", .kind = OPTION_NUMBER, AT(window), .argument = "BYTES",
	 .min = -5, .max = 10, .group = "First", .help = "a window"},
	{.name = "timeout", .kind = OPTION_SECONDS, AT(seconds), .argument = "SECONDS", .min = 1000,
	 .max = INT64_C(3600500000), .group = "Second", .help = "a time"},
	{.name = "close", .kind = OPTION_CHOICE, AT(word), .argument = "HOW", .choices = words,
	 .group = "Second", .help = "a word"},
	{.name = "call", .kind = OPTION_CALL, .argument = "WHAT", .call = call, .group = "Second",
	 .help = "a call"},
	{.name = "clone", .kind = OPTION_FLAG, AT(verbose), .group = "Second", .help = "another flag"},
	{.name = "clo", .kind = OPTION_FLAG, AT(flag), .group = "Second", .help = "begins others"},
	{0},
};

static const struct settings defaults = {.number = 7, .seconds = 3000000, .text = "default", .word = 2};

static const struct command command = {
	.name = "probe",
	.operands = "TARGET...",
	.summary = "a summary",
	.about = "What it does, told in a sentence which is so long that it has to be cut into two lines.",
	.options = specs,
	.defaults = &defaults,
	.settings_size = sizeof(struct settings),
};

static struct settings got;
static char why[256];
static char **operands;
static size_t n_operands;

/* Parses the words of `line`, cut at single spaces. */
static enum option_result parse(const char *line)
{
	static char copy[512];
	static char *argv[32];
	int argc = 0;

	snprintf(copy, sizeof(copy), "probe %s", line);
	for (char *p = copy; p; argc++) {
		argv[argc] = p;
		p = strchr(p, ' ');
		if (p)
			*p++ = 0;
	}
	argv[argc] = NULL;
	if (!*line)
		argc = 1;
	memset(&got, 0xa5, sizeof(got));
	why[0] = 0;
	return options_read(&command, &got, argc, argv, &operands, &n_operands, why, sizeof(why));
}

static void refused(const char *line, const char *sentence)
{
	assert_int_equal(parse(line), OPTIONS_ERROR);
	assert_string_equal(why, sentence);
}

static void test_defaults(void **state)
{
	(void)state;
	assert_int_equal(parse(""), OPTIONS_OK);
	assert_memory_equal(&got, &defaults, sizeof(got));
	assert_int_equal(n_operands, 0);
}

static void test_every_kind(void **state)
{
	(void)state;
	assert_int_equal(parse("--flag --text a=b --isn 5 --timeout=2 --close wait --call x"), OPTIONS_OK);
	assert_true(got.flag);
	assert_false(got.verbose);
	assert_string_equal(got.text, "a=b");
	assert_int_equal(got.number, 5);
	assert_true(got.seen);
	assert_int_equal(got.seconds, 2000000);
	assert_int_equal(got.word, 2);
	assert_string_equal(got.called, "x");
	assert_int_equal(parse("--text="), OPTIONS_OK);
	assert_string_equal(got.text, "");
	assert_false(got.seen);
	assert_int_equal(parse("--isn 5 --isn=6"), OPTIONS_OK);
	assert_int_equal(got.number, 6);
}

static void test_letters(void **state)
{
	(void)state;
	assert_int_equal(parse("-fv -i5 -t x"), OPTIONS_OK);
	assert_true(got.flag && got.verbose);
	assert_int_equal(got.number, 5);
	assert_string_equal(got.text, "x");
	assert_int_equal(parse("-fi 9"), OPTIONS_OK);
	assert_int_equal(got.number, 9);
	assert_int_equal(parse("-vt-f"), OPTIONS_OK);
	assert_string_equal(got.text, "-f");
	assert_false(got.flag);
}

static void test_operands_mix(void **state)
{
	(void)state;
	assert_int_equal(parse("a -f b --isn 1 - -- --flag -x"), OPTIONS_OK);
	assert_int_equal(n_operands, 5);
	assert_string_equal(operands[0], "a");
	assert_string_equal(operands[1], "b");
	assert_string_equal(operands[2], "-");
	assert_string_equal(operands[3], "--flag");
	assert_string_equal(operands[4], "-x");
	assert_true(got.flag);
	/* What follows an option is its value, whatever it looks like. */
	assert_int_equal(parse("--text -- -t --flag a"), OPTIONS_OK);
	assert_string_equal(got.text, "--flag");
	assert_false(got.flag);
	assert_int_equal(n_operands, 1);
}

static void test_abbreviations(void **state)
{
	(void)state;
	assert_int_equal(parse("--fl --is 4 --te=x"), OPTIONS_OK);
	assert_true(got.flag);
	assert_int_equal(got.number, 4);
	assert_string_equal(got.text, "x");
	/* A whole name wins over longer ones that begin with it. */
	assert_int_equal(parse("--clo"), OPTIONS_OK);
	assert_true(got.flag);
	refused("--cl", "option --cl is ambiguous: --close, --clone, --clo");
	refused("--t=3", "option --t is ambiguous: --text, --timeout");
	refused("--ver", "option --ver is ambiguous: --verbose, --version");
}

static void test_help_and_version(void **state)
{
	(void)state;
	assert_int_equal(parse("--help"), OPTIONS_HELP);
	assert_int_equal(parse("-vh --isn x"), OPTIONS_HELP);
	assert_int_equal(parse("--he"), OPTIONS_HELP);
	assert_int_equal(parse("a --version"), OPTIONS_VERSION);
	assert_int_equal(parse("-- --help"), OPTIONS_OK);
	assert_int_equal(parse("--text --help"), OPTIONS_OK);
	refused("--help=3", "option --help takes no value, but '3' was given");
}

static void test_numbers(void **state)
{
	static const struct {
		const char *text;
		int64_t value;
	} good[] = {
		{"0", 0}, {"4294967295", UINT32_MAX}, {"010", 10},      {"0x1f", 31},
		{"0XFF", 255}, {"-0", 0},             {"0xffffffff", UINT32_MAX},
	};
	static const char *const bad[] = {
		"abc",   "",     "-1",   "4294967296", "0x100000000", "99999999999999999999999", "0x",   "1a",
		"1.5",   "0x1g", "+1",   "1e3",        "--1",         "nan",                     "inf",  "0b1",
		"1,000", "\t1",  "1\n",  "-",          "18446744073709551617",                   "0x-1", "x1",
	};
	char line[128], sentence[160];

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		snprintf(line, sizeof(line), "--isn=%s", good[i].text);
		assert_int_equal(parse(line), OPTIONS_OK);
		assert_int_equal(got.number, good[i].value);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		snprintf(line, sizeof(line), "--isn=%s", bad[i]);
		snprintf(sentence, sizeof(sentence),
			 "option --isn wants a number from 0 to 4294967295, not '%s'", bad[i]);
		refused(line, sentence);
	}
	assert_int_equal(parse("--window-of-a-very-long-name -5"), OPTIONS_OK);
	assert_int_equal(got.window, -5);
	refused("--window=-6", "option --window-of-a-very-long-name wants a number from -5 to 10, not '-6'");
	assert_int_equal(parse("--any=9223372036854775807"), OPTIONS_OK);
	assert_true(got.any == INT64_MAX);
	assert_int_equal(parse("--any=-9223372036854775807"), OPTIONS_OK);
	refused("--any=9223372036854775808", "option --any wants a number, not '9223372036854775808'");
}

static void test_seconds(void **state)
{
	static const struct {
		const char *text;
		int64_t us;
	} good[] = {
		{"3", 3000000},    {"0.5", 500000},      {".5", 500000},          {"1.5s", 1500000},
		{"5.", 5000000},   {"0.001", 1000},      {"1.000001", 1000001},   {"1.0000010000", 1000001},
		{"3600.5", INT64_C(3600500000)},         {"00003", 3000000},      {"2s", 2000000},
	};
	static const char *const bad[] = {
		"abc",  "",       ".",        "s",      "-1",   "nan",  "inf",  "infinity", "0x1p3",
		"0x10", "1e3",    "1,5",      "1.5.5",  "+1",   "0",    "3601", "0.000999", "1.0000001",
		"1ss",  "3600.6",   "1m",     "NaN",  "1-",   "9223372036854",
		"9223372036854775807",        "99999999999999999999999999", "\t1",
	};
	char line[128], sentence[160];

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		snprintf(line, sizeof(line), "--timeout=%s", good[i].text);
		assert_int_equal(parse(line), OPTIONS_OK);
		assert_true(got.seconds == good[i].us);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		snprintf(line, sizeof(line), "--timeout=%s", bad[i]);
		snprintf(sentence, sizeof(sentence),
			 "option --timeout wants seconds from 0.001 to 3600.5, not '%s'", bad[i]);
		refused(line, sentence);
	}
}

static void test_choices(void **state)
{
	(void)state;
	assert_int_equal(parse("--close=half"), OPTIONS_OK);
	assert_int_equal(got.word, 1);
	refused("--close=hafl", "option --close wants fin, half or wait, not 'hafl'; did you mean half?");
	refused("--close=", "option --close wants fin, half or wait, not ''");
	refused("--close=FIN", "option --close wants fin, half or wait, not 'FIN'");
}

static void test_calls(void **state)
{
	(void)state;
	refused("--call bad", "option --call: 'bad' is not good");
}

static void test_bad_options(void **state)
{
	(void)state;
	refused("--flga", "unknown option --flga; did you mean --flag?");
	refused("--txet=3", "unknown option --txet; did you mean --text?");
	refused("--zzzzzzzz", "unknown option --zzzzzzzz; 'finwait probe --help' lists them");
	refused("--=3", "unknown option --; 'finwait probe --help' lists them");
	refused("--isnx=3", "unknown option --isnx; did you mean --isn?");
	refused("-z", "unknown option -z; 'finwait probe --help' lists them");
	refused("-fz", "unknown option -z; 'finwait probe --help' lists them");
	refused("--isn", "option --isn needs a value: --isn=NUMBER");
	refused("-i", "option --isn needs a value: --isn=NUMBER");
	refused("-fi", "option --isn needs a value: --isn=NUMBER");
	refused("--flag=yes", "option --flag takes no value, but 'yes' was given");
	refused("--flag=", "option --flag takes no value, but '' was given");
}

static void test_long_words_are_cut(void **state)
{
	char line[400] = "--isn=", name[] = "probe", abbreviated[] = "--cl";

	(void)state;
	memset(line + 6, 'x', 300);
	assert_int_equal(parse(line), OPTIONS_ERROR);
	assert_int_equal(strlen(why), strlen("option --isn wants a number from 0 to 4294967295, not ''") + 63);
	memset(line, '-', 2);
	memset(line + 2, 'x', 300);
	assert_int_equal(parse(line), OPTIONS_ERROR);
	assert_non_null(strstr(why, "lists them"));
	/* A sentence that does not fit is cut, not overrun. */
	memset(why, 0, sizeof(why));
	why[20] = 'Z';
	assert_int_equal(options_read(&command, &got, 2, (char *[]){name, abbreviated, NULL}, &operands,
				      &n_operands, why, 20),
			 OPTIONS_ERROR);
	assert_int_equal(strlen(why), 19);
	assert_int_equal(why[20], 'Z');
}

static void test_no_options(void **state)
{
	static const struct command bare = {.name = "bare", .settings_size = sizeof(struct settings)};
	char name[] = "bare", word[] = "x", help[] = "--help";

	(void)state;
	memset(&got, 0xa5, sizeof(got));
	assert_int_equal(options_read(&bare, &got, 2, (char *[]){name, word, NULL}, &operands, &n_operands,
				      why, sizeof(why)),
			 OPTIONS_OK);
	assert_int_equal(got.number, 0);
	assert_int_equal(n_operands, 1);
	assert_int_equal(options_read(&bare, &got, 2, (char *[]){name, help, NULL}, &operands,
				      &n_operands, why, sizeof(why)),
			 OPTIONS_HELP);
}

/* What a printer prints; freed by the caller. */
static char *printed(void (*print)(const struct command *, FILE *))
{
	char *text = NULL;
	size_t len;
	FILE *out = open_memstream(&text, &len);

	assert_non_null(out);
	print(&command, out);
	assert_int_equal(fclose(out), 0);
	return text;
}

static void test_help_text(void **state)
{
	char *text = printed(options_print_help);

	(void)state;
	for (const char *line = text; *line; line += strcspn(line, "\n") + 1)
		assert_in_range(strcspn(line, "\n"), 0, 79);
	assert_non_null(strstr(text, "usage: finwait probe [OPTION...] TARGET...\n"));
	assert_non_null(strstr(text, "\nFirst:\n  -f, --flag              a flag\n"));
	assert_non_null(strstr(text, "  -t, --text=FILE         a text"));
	assert_non_null(strstr(text, "      --window-of-a-very-long-name=BYTES\n"
				     "                          a window\n"));
	assert_non_null(strstr(text, "      --close=HOW         a word; one of fin, half, wait\n"));
	assert_non_null(strstr(text, "\nHelp:\n  -h, --help  "));
	/* Groups are kept together, in the order in which they appear first. */
	assert_true(strstr(text, "--window") < strstr(text, "--verbose"));
	assert_null(strstr(strstr(text, "\nFirst:\n") + 1, "\nFirst:\n"));
	for (size_t i = 0; specs[i].name; i++)
		assert_non_null(strstr(text, specs[i].name));
	free(text);
}

static void test_mdoc_text(void **state)
{
	char *text = printed(options_print_mdoc);

	(void)state;
	assert_non_null(strstr(text, ".Ss finwait probe [option ...] TARGET...\n"));
	assert_non_null(strstr(text, ".It Fl f , Fl \\-flag\nA flag.\n"));
	assert_non_null(strstr(text, ".It Fl t Ar \"FILE\" , Fl \\-text Ns = Ns Ar \"FILE\"\n"));
	assert_non_null(strstr(text, "\n\\&.begins with a dot and has a \\e and \\-\\-isn in it.\n"));
	assert_non_null(strstr(text, ".It Fl \\-any Ns = Ns Ar \"\\&N\"\n"));
	assert_non_null(strstr(text, "Fl \\-window\\-of\\-a\\-very\\-long\\-name Ns = Ns Ar \"BYTES\"\n"));
	assert_non_null(strstr(text, "a word; one of fin, half, wait.\n"));
	free(text);
}

static void print_completion(const struct command *c, FILE *out)
{
	const struct command *const all[] = {c, NULL};

	options_print_completion(all, out);
}

static void test_completion_text(void **state)
{
	char *text = printed(print_completion);

	(void)state;
	assert_non_null(strstr(text, "complete -F _finwait finwait\n"));
	assert_non_null(strstr(text, "'probe --close')\n\t\twords='fin half wait' ;;\n"));
	assert_non_null(strstr(text, "'probe --text' | 'probe -t')\n\t\tcompopt"));
	for (size_t i = 0; specs[i].name; i++)
		assert_non_null(strstr(text, specs[i].name));
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_defaults),         cmocka_unit_test(test_every_kind),
		cmocka_unit_test(test_letters),          cmocka_unit_test(test_operands_mix),
		cmocka_unit_test(test_abbreviations),    cmocka_unit_test(test_help_and_version),
		cmocka_unit_test(test_numbers),          cmocka_unit_test(test_seconds),
		cmocka_unit_test(test_choices),          cmocka_unit_test(test_calls),
		cmocka_unit_test(test_bad_options),      cmocka_unit_test(test_long_words_are_cut),
		cmocka_unit_test(test_no_options),       cmocka_unit_test(test_help_text),
		cmocka_unit_test(test_mdoc_text),        cmocka_unit_test(test_completion_text),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
