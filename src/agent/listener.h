/* SPDX-License-Identifier: BSD-2-Clause */
/* Listening sockets: an address and a port come in, a nonblocking socket in LISTEN comes out. */
#ifndef FINWAIT_AGENT_LISTENER_H
#define FINWAIT_AGENT_LISTENER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* `address` is numeric. With `silent` the socket listens but the system drops, without an answer, all that
 * is delivered to it. `option` is what chooses the port, for advice. Returns the descriptor, the caller's to
 * close, or -1 with a sentence in `why`, and errno set. */
int listener_open(const char *address, uint16_t port, bool silent, const char *option, char *why, size_t why_len);

/* Makes a descriptor nonblocking and closed on exec; false on failure, with errno set. */
bool listener_nonblocking(int fd);

#endif
