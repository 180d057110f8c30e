/* SPDX-License-Identifier: BSD-2-Clause */
#include "core/options.h"

#include <stdio.h>
#include <string.h>

enum { KIND_EOL, KIND_NOP, KIND_MSS, KIND_WSCALE, KIND_SACK_PERMITTED, KIND_SACK, KIND_TIMESTAMPS = 8 };

static uint32_t get(const uint8_t *p, size_t n)
{
	uint32_t value = 0;

	while (n--)
		value = value << 8 | *p++;
	return value;
}

static void put(uint8_t *p, uint32_t value, size_t n)
{
	while (n--) {
		p[n] = (uint8_t)value;
		value >>= 8;
	}
}

/* One option of at least kind and length. False if its kind wants another length. */
static bool parse_one(struct tcp_options *o, const uint8_t *p)
{
	uint8_t len = p[1];

	switch (p[0]) {
	case KIND_MSS:
		o->present |= OPTION_MSS;
		if (len == 4)
			o->mss = (uint16_t)get(p + 2, 2);
		return len == 4;
	case KIND_WSCALE:
		o->present |= OPTION_WSCALE;
		if (len == 3)
			o->wscale = p[2];
		return len == 3;
	case KIND_SACK_PERMITTED:
		o->present |= OPTION_SACK_PERMITTED;
		return len == 2;
	case KIND_SACK:
		o->present |= OPTION_SACK;
		if (len < 10 || len > 34 || (len - 2) % 8)
			return false;
		o->sack_count = (uint8_t)((len - 2) / 8);
		for (int i = 0; i < o->sack_count; i++) {
			o->sack[i].left = get(p + 2 + 8 * i, 4);
			o->sack[i].right = get(p + 6 + 8 * i, 4);
		}
		return true;
	case KIND_TIMESTAMPS:
		o->present |= OPTION_TIMESTAMPS;
		if (len != 10)
			return false;
		o->tsval = get(p + 2, 4);
		o->tsecr = get(p + 6, 4);
		return true;
	default:
		o->present |= OPTION_OTHER;
		return true;
	}
}

void options_parse(struct tcp_options *o, const uint8_t *bytes, size_t len)
{
	*o = (struct tcp_options){ .malformed = -1 };
	if (len > OPTIONS_MAX)
		len = OPTIONS_MAX;
	o->raw_len = (uint8_t)len;
	if (len)
		memcpy(o->raw, bytes, len);
	for (size_t at = 0; at < len && o->raw[at] != KIND_EOL;) {
		if (o->raw[at] == KIND_NOP) {
			at++;
			continue;
		}
		if (at + 1 >= len || o->raw[at + 1] < 2 || o->raw[at + 1] > len - at ||
		    !parse_one(o, o->raw + at)) {
			o->malformed = o->raw[at];
			return;
		}
		at += o->raw[at + 1];
	}
}

/* No order is prescribed; NOPs fill up to four (RFC 9293 3.1). */
bool options_build(struct tcp_options *o)
{
	uint8_t out[2 * OPTIONS_MAX] = { 0 };
	size_t n = 0;

	if (o->sack_count > 4)
		return false;
	if (o->present & OPTION_MSS) {
		memcpy(out + n, "\x02\x04", 2);
		put(out + n + 2, o->mss, 2);
		n += 4;
	}
	if (o->present & OPTION_SACK_PERMITTED) {
		memcpy(out + n, "\x04\x02", 2);
		n += 2;
	}
	if (o->present & OPTION_TIMESTAMPS) {
		while (n % 4 != 2) /* aligns the two numbers (RFC 7323 appendix A) */
			out[n++] = KIND_NOP;
		memcpy(out + n, "\x08\x0a", 2);
		put(out + n + 2, o->tsval, 4);
		put(out + n + 6, o->tsecr, 4);
		n += 10;
	}
	if (o->present & OPTION_WSCALE) {
		memcpy(out + n, "\x03\x03", 2);
		out[n + 2] = o->wscale;
		n += 3;
	}
	if (o->present & OPTION_SACK) {
		out[n] = KIND_SACK;
		out[n + 1] = (uint8_t)(2 + 8 * o->sack_count);
		for (int i = 0; i < o->sack_count; i++) {
			put(out + n + 2 + 8 * i, o->sack[i].left, 4);
			put(out + n + 6 + 8 * i, o->sack[i].right, 4);
		}
		n += 2u + 8u * o->sack_count;
	}
	while (n % 4)
		out[n++] = KIND_NOP;
	if (n > OPTIONS_MAX)
		return false;
	memcpy(o->raw, out, n);
	o->raw_len = (uint8_t)n;
	o->malformed = -1;
	return true;
}

/* A decimal number up to `max` that ends at `end`; -1 if it is none. */
static long number(const char *text, const char *end, long max)
{
	long value = 0;

	if (text == end)
		return -1;
	for (; text < end; text++) {
		if (*text < '0' || *text > '9')
			return -1;
		value = value * 10 + (*text - '0');
		if (value > max)
			return -1;
	}
	return value;
}

static bool is_word(const char *begin, const char *end, const char *word)
{
	return (size_t)(end - begin) == strlen(word) && !memcmp(begin, word, strlen(word));
}

/* One "name" or "name=value" between `begin` and `end`. */
static bool read_word(struct tcp_options *o, const char *begin, const char *end)
{
	const char *eq = memchr(begin, '=', (size_t)(end - begin));
	long value;

	if (is_word(begin, end, "sackok")) {
		o->present |= OPTION_SACK_PERMITTED;
		return true;
	}
	if (is_word(begin, end, "ts")) {
		o->present |= OPTION_TIMESTAMPS;
		return true;
	}
	if (!eq)
		return false;
	if (is_word(begin, eq, "mss") && (value = number(eq + 1, end, 65535)) >= 0) {
		o->present |= OPTION_MSS;
		o->mss = (uint16_t)value;
		return true;
	}
	/* RFC 7323 2.3: a shift above 14 is an error of the sender. */
	if (is_word(begin, eq, "wscale") && (value = number(eq + 1, end, 14)) >= 0) {
		o->present |= OPTION_WSCALE;
		o->wscale = (uint8_t)value;
		return true;
	}
	return false;
}

bool options_from_text(struct tcp_options *o, const char *text, char *why, size_t why_len)
{
	*o = (struct tcp_options){ .malformed = -1 };
	if (strcmp(text, "none"))
		for (const char *begin = text, *end; begin; begin = *end ? end + 1 : NULL) {
			end = begin + strcspn(begin, ",");
			if (!read_word(o, begin, end)) {
				snprintf(why, why_len,
					 "'%.*s' is no TCP option: use mss=0..65535, sackok, ts, "
					 "wscale=0..14, separated by commas, or none",
					 (int)(end - begin > 40 ? 40 : end - begin), begin);
				return false;
			}
		}
	return options_build(o);
}

const char *options_text(const struct tcp_options *o, char *text, size_t len)
{
	size_t n = 0;

#define ADD(...)                                                                                   \
	do {                                                                                       \
		int added = snprintf(text + n, len - n, __VA_ARGS__);                              \
		n = added < 0 || (size_t)added >= len - n ? len - 1 : n + (size_t)added;           \
	} while (0)
	text[0] = '\0';
	if (o->present & OPTION_MSS)
		ADD("%smss %u", n ? "," : "", o->mss);
	if (o->present & OPTION_SACK_PERMITTED)
		ADD("%ssackOK", n ? "," : "");
	if (o->present & OPTION_TIMESTAMPS)
		ADD("%sTS val %u ecr %u", n ? "," : "", o->tsval, o->tsecr);
	if (o->present & OPTION_WSCALE)
		ADD("%swscale %u", n ? "," : "", o->wscale);
	for (int i = 0; i < o->sack_count && i < 4; i++)
		ADD("%ssack %u:%u", n ? "," : "", o->sack[i].left, o->sack[i].right);
	if (o->present & OPTION_OTHER)
		ADD("%sunknown option", n ? "," : "");
	if (o->malformed >= 0)
		ADD("%skind %d of illegal length", n ? "," : "", o->malformed);
#undef ADD
	return text;
}
