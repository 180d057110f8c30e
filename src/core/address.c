/* SPDX-License-Identifier: BSD-2-Clause */
#include "core/address.h"

#include <stdio.h>
#include <string.h>

#include "core/escape.h"

size_t address_len(const struct address *a)
{
	return a->family == 4 ? 4 : a->family == 6 ? 16 : 0;
}

bool address_equal(const struct address *a, const struct address *b)
{
	return a->family == b->family && !memcmp(a->bytes, b->bytes, address_len(a)) &&
	       (!a->scope || !b->scope || a->scope == b->scope);
}

bool endpoint_equal(const struct endpoint *a, const struct endpoint *b)
{
	return a->port == b->port && address_equal(&a->addr, &b->addr);
}

static bool all_zero(const uint8_t *bytes, size_t len)
{
	while (len--)
		if (*bytes++)
			return false;
	return true;
}

bool address_is_loopback(const struct address *a)
{
	if (a->family == 6)
		return all_zero(a->bytes, 15) && a->bytes[15] == 1;
	return a->family == 4 && a->bytes[0] == 127;
}

bool address_is_multicast(const struct address *a)
{
	return a->family == 6 ? a->bytes[0] == 0xff : a->family == 4 && a->bytes[0] >> 4 == 0xe;
}

bool address_is_unspecified(const struct address *a)
{
	return all_zero(a->bytes, address_len(a));
}

bool address_is_link_local(const struct address *a)
{
	return a->family == 6 && a->bytes[0] == 0xfe && (a->bytes[1] & 0xc0) == 0x80;
}

static uint16_t group(const struct address *a, int i)
{
	return (uint16_t)(a->bytes[2 * i] << 8 | a->bytes[2 * i + 1]);
}

/* The longest run of at least two zero groups, which RFC 5952 4.2 writes as "::". */
static int longest_zero_run(const struct address *a, int *begin)
{
	int best = 1;

	*begin = 8;
	for (int i = 0; i < 8; i++) {
		int n = 0;

		while (i + n < 8 && !group(a, i + n))
			n++;
		if (n > best) {
			best = n;
			*begin = i;
		}
	}
	return *begin == 8 ? 0 : best;
}

static void text6(const struct address *a, char *text, size_t size)
{
	int begin, run = longest_zero_run(a, &begin);
	size_t at = 0;

	for (int i = 0; i < 8; i++) {
		if (i == begin) {
			at += (size_t)snprintf(text + at, size - at, "::");
			i += run - 1;
			continue;
		}
		at += (size_t)snprintf(text + at, size - at, "%s%x",
				       i && i != begin + run ? ":" : "", group(a, i));
	}
	if (a->scope)
		snprintf(text + at, size - at, "%%%u", a->scope);
}

const char *address_text(const struct address *a, char text[ADDRESS_TEXT])
{
	if (a->family == 4)
		snprintf(text, ADDRESS_TEXT, "%u.%u.%u.%u", a->bytes[0], a->bytes[1], a->bytes[2],
			 a->bytes[3]);
	else if (a->family == 6)
		text6(a, text, ADDRESS_TEXT);
	else
		snprintf(text, ADDRESS_TEXT, "none");
	return text;
}

const char *endpoint_text(const struct endpoint *e, char text[ENDPOINT_TEXT])
{
	char addr[ADDRESS_TEXT];

	snprintf(text, ENDPOINT_TEXT, e->addr.family == 6 ? "[%s]:%u" : "%s:%u",
		 address_text(&e->addr, addr), e->port);
	return text;
}

static bool parse4(uint8_t *bytes, const char *text)
{
	for (int i = 0; i < 4; i++) {
		unsigned value = 0, digits = 0;

		for (; *text >= '0' && *text <= '9'; text++, digits++)
			if (digits == 3 || (digits && !value))
				return false;
			else
				value = value * 10 + (unsigned)(*text - '0');
		if (!digits || value > 255 || *text != (i < 3 ? '.' : '\0'))
			return false;
		bytes[i] = (uint8_t)value;
		text++;
	}
	return true;
}

/* RFC 4291 2.2: groups, at most one "::", an IPv4 tail. */
static bool parse6(uint8_t *bytes, const char *text)
{
	uint8_t out[16] = { 0 };
	int n = 0, gap = -1;

	if (text[0] == ':' && text[1] != ':')
		return false;
	while (*text) {
		unsigned value = 0;
		int digits = 0;

		if (text[0] == ':' && text[1] == ':') {
			if (gap >= 0)
				return false;
			gap = n;
			text += 2;
			continue;
		}
		if (n && n != gap && *text++ != ':')
			return false;
		if (n <= 12 && parse4(out + n, text)) {
			n += 4;
			break;
		}
		for (; escape_digit(*text) >= 0; text++, digits++)
			value = value << 4 | (unsigned)escape_digit(*text);
		if (n > 14 || digits < 1 || digits > 4)
			return false;
		out[n++] = (uint8_t)(value >> 8);
		out[n++] = (uint8_t)value;
	}
	if (gap < 0 ? n != 16 : n > 14)
		return false;
	if (gap >= 0) {
		memmove(out + gap + 16 - n, out + gap, (size_t)(n - gap));
		memset(out + gap, 0, (size_t)(16 - n));
	}
	memcpy(bytes, out, 16);
	return true;
}

bool address_parse(struct address *a, const char *text)
{
	*a = (struct address){ 0 };
	if (parse4(a->bytes, text))
		a->family = 4;
	else if (parse6(a->bytes, text))
		a->family = 6;
	return a->family;
}
