/* SPDX-License-Identifier: BSD-2-Clause */
#include "drive/agent_reply.h"

#include <stdio.h>
#include <string.h>

#include "core/escape.h"

static const char key_bytes[] = "abcdefghijklmnopqrstuvwxyz0123456789_";
static const char errno_bytes[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
static const char tag_bytes[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-";
static const char base64_bytes[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
static const char hex_bytes[] = "0123456789abcdef";

static bool printable(char c)
{
	return c >= ' ' && c <= '~';
}

/* ---- lines ------------------------------------------------------------------------------------- */

/* %XX in place. False for a '%' without two digits, and for a NUL, which no value needs. */
static bool unescape(char *value)
{
	char *to = value;

	for (const char *from = value; *from; from++) {
		int high, low;

		if (*from != '%') {
			*to++ = *from;
			continue;
		}
		high = escape_digit(from[1]);
		low = high < 0 ? -1 : escape_digit(from[2]);
		if (low < 0 || !(high | low))
			return false;
		*to++ = (char)(high << 4 | low);
		from += 2;
	}
	*to = '\0';
	return true;
}

/* One word, whose end is a NUL. */
static const char *take_word(struct agent_reply *r, char *word)
{
	size_t key_len = strspn(word, key_bytes);

	if (!key_len || word[key_len] != '=')
		return "a word of it is not KEY=VALUE";
	word[key_len] = '\0';
	if (agent_reply_value(r, word))
		return "it gives a key twice";
	if (r->keys == AGENT_KEYS)
		return "it has too many keys";
	if (!unescape(word + key_len + 1))
		return "it has a bad %XX in it";
	r->key_at[r->keys++] = (uint16_t)(word - r->text);
	return NULL;
}

/* The words from `at` on, which points into r->text. */
static const char *take_words(struct agent_reply *r, char *at)
{
	const char *wrong = NULL;

	while (!wrong && *(at += strspn(at, " "))) {
		char *end = at + strcspn(at, " ");
		char *next = *end ? end + 1 : end;

		*end = '\0';
		wrong = take_word(r, at);
		at = next;
	}
	return wrong;
}

/* The word at *at, as long as it consists of `bytes`, into `word`; *at is then behind it and its spaces.
 * False if it is empty, too long, or has other bytes. */
static bool take_name(char **at, const char *bytes, char *word, size_t room)
{
	size_t len = strspn(*at, bytes);

	if (!len || len >= room || ((*at)[len] && (*at)[len] != ' '))
		return false;
	memcpy(word, *at, len);
	word[len] = '\0';
	*at += len;
	*at += strspn(*at, " ");
	return true;
}

static const char *copy_line(struct agent_reply *r, const char *line, size_t len)
{
	*r = (struct agent_reply){ .outcome = AGENT_OK };
	if (len >= AGENT_LINE)
		return "it is too long";
	for (size_t i = 0; i < len; i++)
		if (!printable(line[i]))
			return "it has a byte that is not printable ASCII";
	memcpy(r->text, line, len);
	return NULL;
}

static const char *parse_reply(struct agent_reply *r, char tag[AGENT_TAG], const char *line, size_t len)
{
	char verdict[8], *at = r->text;
	const char *wrong = copy_line(r, line, len);

	if (wrong)
		return wrong;
	if (!take_name(&at, tag_bytes, tag, AGENT_TAG))
		return "it begins with no tag";
	if (!take_name(&at, key_bytes, verdict, sizeof verdict))
		return "it says neither ok nor error";
	if (!strcmp(verdict, "ok"))
		return take_words(r, at);
	if (strcmp(verdict, "error"))
		return "it says neither ok nor error";
	r->outcome = AGENT_ERROR;
	if (*at != 'E' || !take_name(&at, errno_bytes, r->error, sizeof r->error))
		return "it names no errno";
	memmove(r->text, at, strlen(at) + 1);
	return NULL;
}

const char *agent_reply_parse(struct agent_reply *r, char tag[AGENT_TAG], const char *line, size_t len)
{
	const char *wrong = parse_reply(r, tag, line, len);

	if (wrong) {
		*r = (struct agent_reply){ .outcome = AGENT_LOST };
		tag[0] = '\0';
	}
	return wrong;
}

static bool parse_number(const char *text, uint64_t most, uint64_t *number)
{
	uint64_t value = 0;

	if (!*text || text[strspn(text, "0123456789")])
		return false;
	for (; *text; text++) {
		unsigned digit = (unsigned)(*text - '0');

		if (value > (most - digit) / 10 || digit > most)
			return false;
		value = value * 10 + digit;
	}
	*number = value;
	return true;
}

const char *agent_greeting_parse(struct agent_reply *r, unsigned *version, const char *line, size_t len)
{
	static const char opening[] = "hello finwait-agent ";
	char digits[AGENT_TAG], *at = r->text;
	const char *wrong = copy_line(r, line, len);
	uint64_t number;

	*version = 0;
	if (wrong)
		return wrong;
	if (strncmp(r->text, opening, sizeof opening - 1))
		return "it is no greeting";
	at += sizeof opening - 1;
	if (!take_name(&at, "0123456789", digits, sizeof digits) ||
	    !parse_number(digits, UINT16_MAX, &number))
		return "it names no version";
	*version = (unsigned)number;
	/* What another version says behind its number may look different. */
	return number == 1 ? take_words(r, at) : NULL;
}

/* ---- values ------------------------------------------------------------------------------------ */

const char *agent_reply_value(const struct agent_reply *r, const char *key)
{
	for (size_t i = 0; i < r->keys; i++) {
		const char *at = r->text + r->key_at[i];

		if (!strcmp(at, key))
			return at + strlen(at) + 1;
	}
	return NULL;
}

bool agent_reply_number(const struct agent_reply *r, const char *key, uint64_t most, uint64_t *number)
{
	const char *value = agent_reply_value(r, key);

	return value && parse_number(value, most, number);
}

bool agent_reply_endpoint(const struct agent_reply *r, const char *key, struct endpoint *endpoint)
{
	const char *value = agent_reply_value(r, key), *colon = value ? strrchr(value, ':') : NULL;
	bool bracketed = value && *value == '[';
	char text[ADDRESS_TEXT];
	uint64_t port;
	size_t len;

	if (!colon || !parse_number(colon + 1, UINT16_MAX, &port))
		return false;
	len = (size_t)(colon - value);
	if (bracketed) {
		if (len < 2 || value[len - 1] != ']')
			return false;
		value++;
		len -= 2;
	}
	if (memchr(value, '%', len) && bracketed)
		len = strcspn(value, "%");
	if (len >= sizeof text)
		return false;
	memcpy(text, value, len);
	text[len] = '\0';
	endpoint->port = (uint16_t)port;
	return address_parse(&endpoint->addr, text) && (endpoint->addr.family == 6) == bracketed;
}

/* 0 to 63, or -1. */
static int base64_digit(char c)
{
	const char *at = c ? strchr(base64_bytes, c) : NULL;

	return at ? (int)(at - base64_bytes) : -1;
}

bool agent_reply_bytes(const struct agent_reply *r, const char *key, uint8_t *bytes, size_t room, size_t *len)
{
	const char *value = agent_reply_value(r, key);
	size_t digits = value ? strspn(value, base64_bytes) : 0;
	uint32_t bits = 0;

	/* RFC 4648 4: groups of four, the last one filled up with one or two '='. */
	if (!value || strlen(value) % 4 || strlen(value) - digits > 2 ||
	    strspn(value + digits, "=") != strlen(value + digits) ||
	    digits / 4 * 3 + digits % 4 * 3 / 4 > room)
		return false;
	*len = 0;
	for (size_t i = 0; i < digits; i++) {
		bits = bits << 6 | (uint32_t)base64_digit(value[i]);
		if (i % 4)
			bytes[(*len)++] = (uint8_t)(bits >> (6 - i % 4 * 2));
	}
	return true;
}

bool agent_list_has(const char *list, const char *word)
{
	size_t len = strlen(word);

	for (const char *at = list; len && *at; at += strcspn(at, ",")) {
		at += *at == ',';
		if (strcspn(at, ",") == len && !strncmp(at, word, len))
			return true;
	}
	return false;
}

/* ---- what goes out ----------------------------------------------------------------------------- */

const char *agent_endpoint_value(const struct endpoint *endpoint, char text[ENDPOINT_TEXT])
{
	struct endpoint plain = *endpoint;

	plain.addr.scope = 0;
	return endpoint_text(&plain, text);
}

const char *agent_address_value(const struct address *address, char text[ADDRESS_TEXT])
{
	struct address plain = *address;

	plain.scope = 0;
	return address_text(&plain, text);
}

bool agent_escape(const char *text, char *value, size_t room)
{
	for (; *text; text++) {
		bool plain = printable(*text) && *text != ' ' && *text != '%';
		int n = snprintf(value, room, plain ? "%c" : "%%%02X", (unsigned char)*text);

		if ((size_t)n >= room)
			return false;
		value += n;
		room -= (size_t)n;
	}
	if (!room)
		return false;
	*value = '\0';
	return true;
}

bool agent_base64(const uint8_t *bytes, size_t len, char *text, size_t room)
{
	if ((len + 2) / 3 * 4 >= room)
		return false;
	for (size_t i = 0; i < len; i += 3) {
		size_t have = len - i < 3 ? len - i : 3;
		uint32_t bits = (uint32_t)bytes[i] << 16;

		bits |= have > 1 ? (uint32_t)bytes[i + 1] << 8 : 0;
		bits |= have > 2 ? bytes[i + 2] : 0;
		for (size_t j = 0; j < 4; j++)
			*text++ = j <= have ? base64_bytes[bits >> (18 - 6 * j) & 63] : '=';
	}
	*text = '\0';
	return true;
}

const char *agent_quote(const char *bytes, size_t len, char quote[AGENT_QUOTE])
{
	size_t at = 0;

	for (size_t i = 0; i < len; i++) {
		if (at + 8 > AGENT_QUOTE) {
			memcpy(quote + at, "...", 3);
			at += 3;
			break;
		}
		if (printable(bytes[i])) {
			quote[at++] = bytes[i];
			continue;
		}
		quote[at++] = '\\';
		quote[at++] = 'x';
		quote[at++] = hex_bytes[(unsigned char)bytes[i] >> 4];
		quote[at++] = hex_bytes[(unsigned char)bytes[i] & 15];
	}
	quote[at] = '\0';
	return quote;
}
