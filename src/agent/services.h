/* SPDX-License-Identifier: BSD-2-Clause */
/* The services a prober needs on a target: addresses come in, and echo, discard, daytime and their like
 * are served on them until a signal ends it. */
#ifndef FINWAIT_AGENT_SERVICES_H
#define FINWAIT_AGENT_SERVICES_H

#include <stddef.h>
#include <stdio.h>

enum { SERVICES_ADDRESSES_MAX = 16 };

struct services_config {
	const char *addresses[SERVICES_ADDRESSES_MAX]; /* numeric, IPv4 or IPv6, with %scope if it needs one */
	size_t n;                                      /* 0: 127.0.0.1, and ::1 where there is IPv6 */
	unsigned port_base;                            /* added to every port */
	const int *until;                              /* a pipe whose end of input ends the services; or NULL */
};

/* The largest port_base that keeps every port within 65535. */
unsigned services_port_base_max(void);

/* One line per service: port, name, what it does. */
void services_print(FILE *out);

/* Listens, prints one line that says so on `announce`, and serves until SIGTERM or SIGINT (which then
 * returns 0). Returns -1 with a sentence in `why` when it cannot listen or must stop. */
int services_run(const struct services_config *config, FILE *announce, char *why, size_t why_len);

#endif
