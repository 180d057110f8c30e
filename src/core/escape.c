/* SPDX-License-Identifier: BSD-2-Clause */
#include "core/escape.h"

#include <stdio.h>
#include <string.h>

int escape_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* What the escape behind a backslash stands for; *used characters of it. -1 if it is none. */
static int meaning(const char *text, size_t len, size_t *used)
{
	static const char letters[] = "rnt0\\\"", meanings[] = "\r\n\t\0\\\"";
	const char *at = len && *text ? strchr(letters, *text) : NULL;

	*used = 1;
	if (at)
		return meanings[at - letters];
	*used = 3;
	if (len < 3 || *text != 'x' || escape_digit(text[1]) < 0 || escape_digit(text[2]) < 0)
		return -1;
	return escape_digit(text[1]) * 16 + escape_digit(text[2]);
}

long escape_read(uint8_t *bytes, const char *text, size_t len, char *why, size_t why_len)
{
	long n = 0;

	for (size_t i = 0, used = 0; i < len; i += used) {
		int byte = (unsigned char)text[i];

		used = 1;
		if (byte == '\\') {
			byte = meaning(text + i + 1, len - i - 1, &used);
			used++;
		}
		if (byte < 0) {
			snprintf(why, why_len, "'\\%.*s' is no escape: use \\r, \\n, \\t, \\0, \\\\, \\\" or \\xNN",
				 i + 1 < len ? 1 : 0, text + i + 1);
			return -1;
		}
		bytes[n++] = (uint8_t)byte;
	}
	return n;
}
