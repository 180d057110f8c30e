/* SPDX-License-Identifier: BSD-2-Clause */
/* Where controllers come from: addresses, a path or standard input come in, and their sessions are served
 * until a signal ends it. */
#ifndef FINWAIT_AGENT_SERVER_H
#define FINWAIT_AGENT_SERVER_H

#include "agent_session.h"

#include <stdio.h>

enum {
	AGENT_PORT = 7930,
	AGENT_ADDRESSES_MAX = 16,
	AGENT_ALLOW_MAX = 64,
	AGENT_CONTROLLERS_MAX = 8,
	AGENT_IDLE_S = 600,
	AGENT_IDLE_MAX_S = 1000000,
};

enum agent_way { AGENT_TCP, AGENT_UNIX, AGENT_STDIO };

struct agent_server_config {
	enum agent_way way;
	const char *addresses[AGENT_ADDRESSES_MAX]; /* numeric */
	size_t n;                                   /* 0: 127.0.0.1, and ::1 where there is IPv6 */
	uint16_t port;
	const char *path; /* of the unix socket */
	const char *token_file;
	struct agent_network allow[AGENT_ALLOW_MAX];
	size_t n_allow;
	unsigned idle_s;
};

/* Prints one line on `announce` when it listens (nothing over stdio), and serves: one session over stdio,
 * else until SIGTERM or SIGINT. Returns 0, or -1 with a sentence in `why`. */
int agent_server_run(const struct agent_server_config *config, FILE *announce, char *why, size_t why_len);

#endif
