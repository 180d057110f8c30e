/* SPDX-License-Identifier: BSD-2-Clause */
/* What an agent says: one line of its protocol comes in, its words, unescaped, or what is wrong with it come
 * out. All of it is untrusted: nothing is taken from a line that breaks a rule of the protocol. */
#ifndef FINWAIT_DRIVE_AGENT_REPLY_H
#define FINWAIT_DRIVE_AGENT_REPLY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/address.h"

enum {
	AGENT_LINE = 4096, /* bytes of a line with its LF, both ways */
	AGENT_KEYS = 64,   /* more in one line are refused */
	AGENT_TAG = 17,    /* room for a tag, ... */
	AGENT_ERRNO = 24,  /* ... for the name of an errno, ... */
	AGENT_QUOTE = 64,  /* ... and for a line as it is shown to the user */
};

enum agent_outcome {
	AGENT_OK,
	AGENT_ERROR, /* the agent, or its system, refused: `error` and `text` */
	AGENT_LOST,  /* there will be no reply: `text` says why, one sentence without its full stop */
};

struct agent_reply {
	uint32_t call; /* which it answers, and ... */
	void *arg;     /* ... what the caller gave with that; see agent_client.h */
	enum agent_outcome outcome;
	char error[AGENT_ERRNO]; /* "ECONNREFUSED" */
	size_t keys;
	uint16_t key_at[AGENT_KEYS]; /* in text, where the value follows the key's NUL */
	char text[AGENT_LINE];       /* printable, but for values */
};

/* Reads "TAG ok KEY=VALUE..." or "TAG error ERRNO TEXT", `len` bytes without the line's end. NULL, or a
 * sentence part that says what is wrong with the line; then *r holds nothing. */
const char *agent_reply_parse(struct agent_reply *r, char tag[AGENT_TAG], const char *line, size_t len);

/* Reads "hello finwait-agent VERSION KEY=VALUE...". NULL, or a sentence part as above. */
const char *agent_greeting_parse(struct agent_reply *r, unsigned *version, const char *line, size_t len);

/* The value of a key, any bytes but NUL; NULL if the reply has no such key. */
const char *agent_reply_value(const struct agent_reply *r, const char *key);
/* False if there is no such key, or its value is no such thing (or, for a number, greater than `most`). */
bool agent_reply_number(const struct agent_reply *r, const char *key, uint64_t most, uint64_t *number);
/* A scope is left out: it is a name on the agent's host, and means nothing here. */
bool agent_reply_endpoint(const struct agent_reply *r, const char *key, struct endpoint *endpoint);
/* Base64. False also if there is no room in `bytes`. */
bool agent_reply_bytes(const struct agent_reply *r, const char *key, uint8_t *bytes, size_t room,
		       size_t *len);

/* Whether `word` is in a list "a,b,c". */
bool agent_list_has(const char *list, const char *word);

/* An endpoint and an address as values; a scope of this host is left out, as above. Return `text`. */
const char *agent_endpoint_value(const struct endpoint *endpoint, char text[ENDPOINT_TEXT]);
const char *agent_address_value(const struct address *address, char text[ADDRESS_TEXT]);

/* `text` as a value: %XX for what may not stand there. False if there is no room. */
bool agent_escape(const char *text, char *value, size_t room);
/* Base64 with its padding and a NUL. False if there is no room. */
bool agent_base64(const uint8_t *bytes, size_t len, char *text, size_t room);

/* The beginning of any bytes, printable; returns `quote`. */
const char *agent_quote(const char *bytes, size_t len, char quote[AGENT_QUOTE]);

#endif
