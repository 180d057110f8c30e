/* SPDX-License-Identifier: BSD-2-Clause */
/* Targets as users write them: "HOST:PORT", "[2001:db8::1]:7", "[fe80::1%eth0]:7" come in, endpoints
 * come out. Names are looked up in a child process without any privilege. */
#ifndef FINWAIT_WIRE_RESOLVE_H
#define FINWAIT_WIRE_RESOLVE_H

#include <stdbool.h>
#include <stddef.h>

#include "core/address.h"

/* `family` is 4, 6 or 0 for either (the first address the resolver prefers). Port 0 is refused. With
 * `port_optional` a text without a port leaves target->port as it is; an IPv6 address then needs no brackets.
 * *usage as in route_find(): true for text that is no target, false for a name nobody knows.
 * 0, or -1 with a sentence in `why` that names the text and what is wrong with it. */
int resolve_target(struct endpoint *target, const char *text, int family, bool port_optional, bool *usage,
		   char *why, size_t why_len);

/* "ADDR", "ADDR:PORT", "[ADDR6]", "[ADDR6]:PORT", "fe80::1%eth0": numeric only; for --source.
 * A missing port is 0. 0 or -1 with a sentence. */
int resolve_source(struct endpoint *source, const char *text, char *why, size_t why_len);

#endif
