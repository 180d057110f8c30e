/* SPDX-License-Identifier: BSD-2-Clause */
/* The lines of the agent's protocol: the text of a request comes in, its words go out; and how values are
 * written: numbers, escapes, base64. Knows no verb and no socket. */
#ifndef FINWAIT_AGENT_LINE_H
#define FINWAIT_AGENT_LINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	AGENT_LINE_MAX = 4096, /* bytes of a line with its LF, both ways */
	AGENT_TAG_MAX = 16,
	AGENT_KEYS_MAX = 8, /* more than any verb knows */
};

struct agent_word {
	const char *key, *value; /* the value without its escapes */
};

/* All pointers lead into the text that was read. */
struct agent_line {
	const char *tag, *verb;
	struct agent_word words[AGENT_KEYS_MAX];
	size_t n;
	const char *bad; /* what is wrong with what follows the verb, or NULL */
};

/* Cuts up a line of `len` bytes, without its LF; text[len] is overwritten. False when it cannot be read at
 * all: other than printable ASCII, no tag or a wrong one, no verb. */
bool agent_line_read(char *text, size_t len, struct agent_line *line);

/* NULL when the key was not given. */
const char *agent_line_value(const struct agent_line *line, const char *key);

/* Decimal digits and nothing else, at most `max`. */
bool agent_line_number(const char *text, uint64_t max, uint64_t *number);

/* Writes `text` as a value, with escapes; cut when `room` is too small, which is at least 1. */
void agent_line_escape(const char *text, char *out, size_t room);

/* The bytes go to `out`, which has room for 3/4 of the text. Returns how many, or -1 when it is not base64
 * with all its padding. */
long agent_line_decode64(const char *text, unsigned char *out);

/* `out` has room for 4 bytes for every 3 begun, and a NUL. */
void agent_line_encode64(const unsigned char *bytes, size_t n, char *out);

#endif
