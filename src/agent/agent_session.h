/* SPDX-License-Identifier: BSD-2-Clause */
/* One controller: its bytes come in, calls are made on sockets, bytes for it go out. Reads and writes no
 * descriptor but those of its sockets, and has no clock: the caller moves the bytes, polls and tells the
 * time. */
#ifndef FINWAIT_AGENT_SESSION_H
#define FINWAIT_AGENT_SESSION_H

#include "agent_address.h"

#include <poll.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	AGENT_SOCKETS_MAX = 1024,
	AGENT_TOKEN_MIN = 16,
	AGENT_TOKEN_MAX = 256,
};

struct agent_config {
	char token[AGENT_TOKEN_MAX + 1]; /* empty: none is asked for */
	const struct agent_network *networks;
	size_t n_networks; /* may be connected to, beside the controller's address */
};

struct agent_session;

/* `controller` is where it connects from; NULL over stdio and unix sockets, where the controller itself names
 * what may be connected to. `config` is used until the end. NULL when there is no memory. */
struct agent_session *agent_session_new(const struct agent_config *config,
					const struct agent_address *controller);

/* Aborts all connections and closes all listeners. */
void agent_session_end(struct agent_session *s);

/* Ends it, if it has not been ended, and frees it. */
void agent_session_free(struct agent_session *s);

/* Takes bytes from the controller; returns how many were used: fewer when too many replies wait. */
size_t agent_session_input(struct agent_session *s, const char *bytes, size_t len, uint64_t now_ms);

/* Whether so many replies wait that nothing goes on until the controller has read some. */
bool agent_session_full(const struct agent_session *s);

/* Whether hello has been said and accepted. */
bool agent_session_greeted(const struct agent_session *s);

/* Whether the agent wants to hear no more from this controller: what waits is to be written, then close. */
bool agent_session_over(const struct agent_session *s);

/* What waits to be written to the controller, and that `n` bytes of it have been. */
const char *agent_session_output(const struct agent_session *s, size_t *len);
void agent_session_written(struct agent_session *s, size_t n);

/* Fills in at most AGENT_SOCKETS_MAX descriptors to wait for; returns how many. */
size_t agent_session_poll(const struct agent_session *s, struct pollfd *polled);

/* Goes on with the calls that wait. `polled` is what agent_session_poll() filled in, with no other call of
 * this interface between the two but those that write. */
void agent_session_turn(struct agent_session *s, const struct pollfd *polled, size_t n, uint64_t now_ms);

/* Milliseconds until agent_session_turn() is due even if no descriptor is ready; -1: no limit. */
int agent_session_timeout(const struct agent_session *s, uint64_t now_ms);

#endif
