/* SPDX-License-Identifier: BSD-2-Clause */
#include "cmd/option.h"

#include <inttypes.h>
#include <stdarg.h>
#include <string.h>

#include "cmd/nearest.h"

enum { QUOTED = 60 }; /* how much of the user's words an error repeats */

enum { US_PER_S = 1000000 };

static const struct option_spec help_option = {
	.name = "help",
	.letter = 'h',
	.kind = OPTION_FLAG,
	.group = "Help",
	.help = "print this help",
};

static const struct option_spec version_option = {
	.name = "version",
	.kind = OPTION_FLAG,
	.group = "Help",
	.help = "print the version",
};

const struct option_spec *options_at(const struct command *c, size_t i)
{
	static const struct option_spec *const common[] = {&help_option, &version_option};
	size_t n = 0;

	while (c->options && c->options[n].name)
		n++;
	if (i < n)
		return &c->options[i];
	return i - n < sizeof(common) / sizeof(common[0]) ? common[i - n] : NULL;
}

bool options_take_value(const struct option_spec *o)
{
	return o->kind != OPTION_FLAG && (o->kind != OPTION_CALL || o->argument);
}

__attribute__((format(printf, 3, 4))) static int refuse(char *why, size_t why_len, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(why, why_len, format, args);
	va_end(args);
	return -1;
}

/* Adds to a sentence as far as there is room. */
__attribute__((format(printf, 3, 4))) static void append(char *why, size_t why_len, const char *format, ...)
{
	size_t used = strlen(why);
	va_list args;

	va_start(args, format);
	vsnprintf(why + used, why_len - used, format, args);
	va_end(args);
}

/* "option --isn wants WHAT, not 'abc'" */
static int wants(const struct option_spec *o, const char *what, const char *text, char *why, size_t why_len)
{
	return refuse(why, why_len, "option --%s wants %s, not '%.*s%s'", o->name, what, QUOTED, text,
		      strlen(text) > QUOTED ? "..." : "");
}

/* The value of a digit, or 16 if it is none. */
static unsigned digit(char c)
{
	if (c >= '0' && c <= '9')
		return (unsigned)(c - '0');
	if (c >= 'a' && c <= 'f')
		return (unsigned)(c - 'a' + 10);
	if (c >= 'A' && c <= 'F')
		return (unsigned)(c - 'A' + 10);
	return 16;
}

/* Reads digits of `base` into *value and moves *text behind them; false if there is none or on overflow.
 * Not strtol(): that accepts spaces, octal numbers and a sign. */
static bool read_digits(const char **text, unsigned base, int64_t *value)
{
	const char *p = *text;

	*value = 0;
	for (; digit(*p) < base; p++) {
		int64_t d = (int64_t)digit(*p);

		if (*value > (INT64_MAX - d) / (int64_t)base)
			return false;
		*value = *value * (int64_t)base + d;
	}
	if (p == *text)
		return false;
	*text = p;
	return true;
}

static bool parse_number(const char *text, int64_t *value)
{
	bool negative = *text == '-';
	unsigned base = 10;

	if (negative)
		text++;
	if (text[0] == '0' && (text[1] == 'x' || text[1] == 'X')) {
		base = 16;
		text += 2;
	}
	if (!read_digits(&text, base, value) || *text)
		return false;
	if (negative)
		*value = -*value;
	return true;
}

/* Decimal seconds as microseconds: "3", "0.5", ".5", "1.5s". Not strtod(): that accepts nan, inf, hex
 * floats and the decimal comma of a locale. */
static bool parse_seconds(const char *text, int64_t *us)
{
	int64_t whole = 0, fraction = 0, unit = US_PER_S;
	bool digits = digit(*text) < 10;

	if (digits && !read_digits(&text, 10, &whole))
		return false;
	if (*text == '.') {
		for (text++; digit(*text) < 10; text++, digits = true) {
			unit /= 10;
			if (!unit && *text != '0')
				return false; /* below a microsecond: would be cut to something else */
			fraction += (int64_t)digit(*text) * unit;
		}
	}
	if (*text == 's')
		text++;
	if (*text || !digits || whole > INT64_MAX / US_PER_S - 1)
		return false;
	*us = whole * US_PER_S + fraction;
	return true;
}

/* Microseconds as seconds, without trailing zeros. */
static void seconds_text(int64_t us, char *text, size_t len)
{
	int n = snprintf(text, len, "%" PRId64 ".%06" PRId64, us / US_PER_S, us % US_PER_S);

	while (n > 1 && text[n - 1] == '0')
		text[--n] = 0;
	if (text[n - 1] == '.')
		text[n - 1] = 0;
}

static int set_number(const struct option_spec *o, int64_t *value, const char *text, char *why,
		      size_t why_len)
{
	char what[96];
	int64_t number;

	if (parse_number(text, &number) && number >= o->min && number <= o->max) {
		*value = number;
		return 0;
	}
	if (o->max == INT64_MAX && o->min == INT64_MIN)
		snprintf(what, sizeof(what), "a number");
	else if (o->max == INT64_MAX)
		snprintf(what, sizeof(what), "a number not below %" PRId64, o->min);
	else
		snprintf(what, sizeof(what), "a number from %" PRId64 " to %" PRId64, o->min, o->max);
	return wants(o, what, text, why, why_len);
}

static int set_seconds(const struct option_spec *o, int64_t *value, const char *text, char *why,
		       size_t why_len)
{
	char what[96], min[32], max[32];
	int64_t us;

	if (parse_seconds(text, &us) && us >= o->min && us <= o->max) {
		*value = us;
		return 0;
	}
	seconds_text(o->min, min, sizeof(min));
	seconds_text(o->max, max, sizeof(max));
	if (o->max == INT64_MAX)
		snprintf(what, sizeof(what), "seconds, not below %s", min);
	else
		snprintf(what, sizeof(what), "seconds from %s to %s", min, max);
	return wants(o, what, text, why, why_len);
}

static int set_choice(const struct option_spec *o, int *value, const char *text, char *why, size_t why_len)
{
	struct nearest nearest = {0};

	for (int i = 0; o->choices[i]; i++) {
		if (!strcmp(o->choices[i], text)) {
			*value = i;
			return 0;
		}
		nearest_try(&nearest, text, o->choices[i]);
	}
	refuse(why, why_len, "option --%s wants ", o->name);
	for (size_t i = 0; o->choices[i]; i++)
		append(why, why_len, "%s%s", !i ? "" : o->choices[i + 1] ? ", " : " or ", o->choices[i]);
	append(why, why_len, ", not '%.*s%s'", QUOTED, text, strlen(text) > QUOTED ? "..." : "");
	if (nearest.best)
		append(why, why_len, "; did you mean %s?", nearest.best);
	return -1;
}

static int set_by_call(const struct option_spec *o, void *value, const char *text, char *why, size_t why_len)
{
	char reason[256] = "";

	if (!o->call(value, text, reason, sizeof(reason)))
		return 0;
	return refuse(why, why_len, "option --%s: %s", o->name, reason);
}

static int set_value(const struct option_spec *o, void *settings, const char *text, char *why, size_t why_len)
{
	void *at = (char *)settings + o->offset;
	int result = 0;

	switch (o->kind) {
	case OPTION_FLAG:
		*(bool *)at = true;
		break;
	case OPTION_STRING:
		*(const char **)at = text;
		break;
	case OPTION_NUMBER:
		result = set_number(o, at, text, why, why_len);
		break;
	case OPTION_SECONDS:
		result = set_seconds(o, at, text, why, why_len);
		break;
	case OPTION_CHOICE:
		result = set_choice(o, at, text, why, why_len);
		break;
	case OPTION_CALL:
		result = set_by_call(o, at, text, why, why_len);
		break;
	}
	if (!result && o->seen)
		*((bool *)settings + o->seen) = true;
	return result;
}

static const struct option_spec *by_letter(const struct command *c, char letter)
{
	const struct option_spec *o;

	for (size_t i = 0; (o = options_at(c, i)); i++)
		if (o->letter == letter)
			return o;
	return NULL;
}

static void ambiguous(const struct command *c, const char *name, size_t len, char *why, size_t why_len)
{
	const struct option_spec *o;
	const char *before = " ";

	refuse(why, why_len, "option --%.*s is ambiguous:", (int)len, name);
	for (size_t i = 0; (o = options_at(c, i)); i++) {
		if (strncmp(o->name, name, len))
			continue;
		append(why, why_len, "%s--%s", before, o->name);
		before = ", ";
	}
}

static void unknown(const struct command *c, const char *name, size_t len, char *why, size_t why_len)
{
	struct nearest nearest = {0};
	const struct option_spec *o;
	char word[QUOTED + 1];

	snprintf(word, sizeof(word), "%.*s", len < QUOTED ? (int)len : QUOTED, name);
	for (size_t i = 0; (o = options_at(c, i)); i++)
		nearest_try(&nearest, word, o->name);
	if (nearest.best)
		refuse(why, why_len, "unknown option --%s; did you mean --%s?", word, nearest.best);
	else
		refuse(why, why_len, "unknown option --%s; 'finwait %s --help' lists them", word, c->name);
}

/* By the first `len` characters of `name`: the whole name, or an abbreviation that only one option has.
 * NULL with a sentence in `why`. */
static const struct option_spec *by_name(const struct command *c, const char *name, size_t len, char *why,
					 size_t why_len)
{
	const struct option_spec *o, *found = NULL;
	size_t matches = 0;

	for (size_t i = 0; len && (o = options_at(c, i)); i++) {
		if (strncmp(o->name, name, len))
			continue;
		if (!o->name[len])
			return o;
		found = o;
		matches++;
	}
	if (matches == 1)
		return found;
	if (matches)
		ambiguous(c, name, len, why, why_len);
	else
		unknown(c, name, len, why, why_len);
	return NULL;
}

/* The words of the command line from the current one on. */
struct words {
	char **at;
	int left;
};

static enum option_result apply(const struct option_spec *o, void *settings, const char *text, char *why,
				size_t why_len)
{
	if (o == &help_option)
		return OPTIONS_HELP;
	if (o == &version_option)
		return OPTIONS_VERSION;
	return set_value(o, settings, text, why, why_len) ? OPTIONS_ERROR : OPTIONS_OK;
}

/* The word after the option as its value; NULL with a sentence if there is none. */
static const char *next_word(struct words *w, const struct option_spec *o, char *why, size_t why_len)
{
	if (w->left < 2) {
		refuse(why, why_len, "option --%s needs a value: --%s=%s", o->name, o->name,
		       o->argument ? o->argument : "VALUE");
		return NULL;
	}
	w->at++;
	w->left--;
	return *w->at;
}

static enum option_result read_long(const struct command *c, void *settings, struct words *w, char *why,
				    size_t why_len)
{
	const char *name = *w->at + 2, *text = NULL;
	size_t len = strcspn(name, "=");
	const struct option_spec *o = by_name(c, name, len, why, why_len);

	if (!o)
		return OPTIONS_ERROR;
	if (name[len])
		text = name + len + 1;
	if (text && !options_take_value(o)) {
		refuse(why, why_len, "option --%s takes no value, but '%.*s' was given", o->name, QUOTED,
		       text);
		return OPTIONS_ERROR;
	}
	if (!text && options_take_value(o)) {
		text = next_word(w, o, why, why_len);
		if (!text)
			return OPTIONS_ERROR;
	}
	return apply(o, settings, text, why, why_len);
}

/* "-q", "-qv", "-c3", "-qc 3". */
static enum option_result read_letters(const struct command *c, void *settings, struct words *w, char *why,
				       size_t why_len)
{
	for (const char *p = *w->at + 1; *p; p++) {
		const struct option_spec *o = by_letter(c, *p);
		const char *text = NULL;
		enum option_result result;

		if (!o) {
			refuse(why, why_len, "unknown option -%c; 'finwait %s --help' lists them", *p,
			       c->name);
			return OPTIONS_ERROR;
		}
		if (options_take_value(o)) {
			text = p[1] ? p + 1 : next_word(w, o, why, why_len);
			if (!text)
				return OPTIONS_ERROR;
		}
		result = apply(o, settings, text, why, why_len);
		if (result != OPTIONS_OK || text)
			return result;
	}
	return OPTIONS_OK;
}

enum option_result options_read(const struct command *c, void *settings, int argc, char **argv,
				char ***operands, size_t *n, char *why, size_t why_len)
{
	struct words w = {argv + 1, argc - 1};
	bool options_end = false;

	if (c->defaults)
		memcpy(settings, c->defaults, c->settings_size);
	else if (c->settings_size)
		memset(settings, 0, c->settings_size);
	/* Operands move to the front of argv: those places have been read by then. */
	*operands = argv + 1;
	*n = 0;
	for (; w.left > 0; w.at++, w.left--) {
		enum option_result result = OPTIONS_OK;
		char *word = *w.at;

		if (options_end || word[0] != '-' || !word[1])
			(*operands)[(*n)++] = word;
		else if (!strcmp(word, "--"))
			options_end = true;
		else if (word[1] == '-')
			result = read_long(c, settings, &w, why, why_len);
		else
			result = read_letters(c, settings, &w, why, why_len);
		if (result != OPTIONS_OK)
			return result;
	}
	return OPTIONS_OK;
}
