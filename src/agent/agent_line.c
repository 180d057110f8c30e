/* SPDX-License-Identifier: BSD-2-Clause */
#include "agent_line.h"

#include <string.h>

static const char base64_signs[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
static const char hex_signs[] = "0123456789ABCDEF";

/* Not by <ctype.h>, which follows the locale. */
static bool is_printable(char c)
{
	return c >= ' ' && c <= '~';
}

static bool in_tag(char c)
{
	return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' ||
	       c == '_' || c == '-';
}

static bool in_key(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
}

/* The next word of the line, ended by a NUL; NULL at the end. */
static char *next_word(char **rest)
{
	char *word = *rest + strspn(*rest, " ");

	if (!*word)
		return NULL;
	*rest = word + strcspn(word, " ");
	if (**rest)
		*(*rest)++ = '\0';
	return word;
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return -1;
}

/* In place. False: an escape that is none. A NUL, which would end the value, is replaced by another byte that
 * no key's value can hold. */
static bool unescape(char *value)
{
	char *to = value;

	for (const char *from = value; *from; from++) {
		int high, low;

		if (*from != '%') {
			*to++ = *from;
			continue;
		}
		high = hex_digit(from[1]);
		low = high < 0 ? -1 : hex_digit(from[2]);
		if (low < 0)
			return false;
		*to++ = (char)(high + low > 0 ? high * 16 + low : 1);
		from += 2;
	}
	*to = '\0';
	return true;
}

/* Returns what is wrong with the word, or NULL. */
static const char *add_word(struct agent_line *line, char *word)
{
	char *key = word;

	while (in_key(*word))
		word++;
	if (word == key || *word != '=')
		return "what follows the verb must be key=value";
	*word++ = '\0';
	if (agent_line_value(line, key))
		return "a key is given twice";
	if (line->n == AGENT_KEYS_MAX)
		return "there are more keys than any verb knows";
	if (!unescape(word))
		return "a value has a wrong escape; a percent sign is written %25";
	line->words[line->n++] = (struct agent_word){ key, word };
	return NULL;
}

bool agent_line_read(char *text, size_t len, struct agent_line *line)
{
	char *word;

	memset(line, 0, sizeof(*line));
	if (len > 0 && text[len - 1] == '\r')
		len--;
	text[len] = '\0';
	for (size_t i = 0; i < len; i++) {
		if (!is_printable(text[i]))
			return false;
	}
	line->tag = next_word(&text);
	if (!line->tag || strlen(line->tag) > AGENT_TAG_MAX)
		return false;
	for (const char *c = line->tag; *c; c++) {
		if (!in_tag(*c))
			return false;
	}
	line->verb = next_word(&text);
	if (!line->verb)
		return false;
	while (!line->bad && (word = next_word(&text)))
		line->bad = add_word(line, word);
	return true;
}

const char *agent_line_value(const struct agent_line *line, const char *key)
{
	for (size_t i = 0; i < line->n; i++) {
		if (strcmp(line->words[i].key, key) == 0)
			return line->words[i].value;
	}
	return NULL;
}

bool agent_line_number(const char *text, uint64_t max, uint64_t *number)
{
	uint64_t sum = 0;

	if (!*text)
		return false;
	for (; *text; text++) {
		uint64_t digit = (uint64_t)(*text - '0');

		if (*text < '0' || *text > '9' || sum > max / 10 || sum * 10 > max - digit || digit > max)
			return false;
		sum = sum * 10 + digit;
	}
	*number = sum;
	return true;
}

void agent_line_escape(const char *text, char *out, size_t room)
{
	for (; *text; text++) {
		unsigned char byte = (unsigned char)*text;
		bool plain = is_printable(*text) && *text != ' ' && *text != '%';

		if (room <= (plain ? 1 : 3))
			break;
		if (plain) {
			*out++ = *text;
			room--;
			continue;
		}
		*out++ = '%';
		*out++ = hex_signs[byte >> 4];
		*out++ = hex_signs[byte & 15];
		room -= 3;
	}
	*out = '\0';
}

static int sign_value(char c)
{
	const char *at = c ? strchr(base64_signs, c) : NULL;

	return at ? (int)(at - base64_signs) : -1;
}

long agent_line_decode64(const char *text, unsigned char *out)
{
	size_t len = strlen(text), padding = 0;
	long n = 0;

	if (len % 4)
		return -1;
	while (padding < 2 && padding < len && text[len - 1 - padding] == '=')
		padding++;
	for (size_t i = 0; i < len; i += 4) {
		size_t given = i + 4 == len ? 4 - padding : 4;
		uint32_t bits = 0;

		for (size_t j = 0; j < 4; j++) {
			int value = j < given ? sign_value(text[i + j]) : 0;

			if (value < 0)
				return -1;
			bits = bits << 6 | (uint32_t)value;
		}
		for (size_t j = 0; j + 1 < given; j++)
			out[n++] = (unsigned char)(bits >> (16 - 8 * j));
	}
	return n;
}

void agent_line_encode64(const unsigned char *bytes, size_t n, char *out)
{
	for (size_t i = 0; i < n; i += 3) {
		size_t left = n - i;
		uint32_t bits = (uint32_t)bytes[i] << 16;

		if (left > 1)
			bits |= (uint32_t)bytes[i + 1] << 8;
		if (left > 2)
			bits |= bytes[i + 2];
		*out++ = base64_signs[bits >> 18];
		*out++ = base64_signs[bits >> 12 & 63];
		*out++ = left > 1 ? base64_signs[bits >> 6 & 63] : '=';
		*out++ = left > 2 ? base64_signs[bits & 63] : '=';
	}
	*out = '\0';
}
