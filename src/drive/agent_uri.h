/* SPDX-License-Identifier: BSD-2-Clause */
/* Where an agent is, as users write it: "tcp:HOST:PORT", "unix:PATH", "exec:COMMAND" and the name of a file
 * with a token come in, their parts and connected descriptors come out. */
#ifndef FINWAIT_DRIVE_AGENT_URI_H
#define FINWAIT_DRIVE_AGENT_URI_H

#include <signal.h>
#include <stddef.h>
#include <stdint.h>

#include "core/address.h"

enum agent_uri_kind { AGENT_TCP, AGENT_UNIX, AGENT_EXEC };

struct agent_uri {
	enum agent_uri_kind kind;
	const char
		*text; /* "HOST:PORT" for wire/resolve.h, a path, a command for the shell; part of the URI */
};

enum { AGENT_TOKEN = 257 }; /* room for a token, with its NUL */

/* 0, or -1 with a sentence in `why`. */
int agent_uri_parse(struct agent_uri *uri, const char *text, char *why, size_t why_len);

/* The first line of the file, without its end. 0, or -1 with a sentence in `why`. */
int agent_token_read(char token[AGENT_TOKEN], const char *path, char *why, size_t why_len);

/* A nonblocking descriptor of a connection to the agent, or -1 with a sentence in `why`; -1 and "" if *stop
 * (may be NULL) was set before there was one. */
int agent_connect_tcp(const struct endpoint *to, int64_t patience_us, const volatile sig_atomic_t *stop,
		      char *why, size_t why_len);
int agent_connect_unix(const char *path, char *why, size_t why_len);

#endif
