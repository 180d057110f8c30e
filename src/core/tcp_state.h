/* SPDX-License-Identifier: BSD-2-Clause */
/* The eleven states of RFC 9293 3.3.2, and sets of them: a set is what an observer can say. */
#ifndef FINWAIT_CORE_TCP_STATE_H
#define FINWAIT_CORE_TCP_STATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* In the order in which a connection passes them. */
enum tcp_state {
	TCP_CLOSED,
	TCP_LISTEN,
	TCP_SYN_SENT,
	TCP_SYN_RECEIVED,
	TCP_ESTABLISHED,
	TCP_FIN_WAIT_1,
	TCP_FIN_WAIT_2,
	TCP_CLOSE_WAIT,
	TCP_CLOSING,
	TCP_LAST_ACK,
	TCP_TIME_WAIT,
	TCP_STATES
};

typedef uint16_t tcp_states; /* one bit per state */

#define IN(state) ((tcp_states)(1u << (state)))

/* States in which data and FINs have been exchanged under a completed handshake. */
#define TCP_SYNCHRONIZED ((tcp_states)(IN(TCP_STATES) - IN(TCP_ESTABLISHED)))

/* States behind the endpoint's own FIN, and behind that of its peer. */
#define TCP_FIN_SENT                                                                                         \
	(IN(TCP_FIN_WAIT_1) | IN(TCP_FIN_WAIT_2) | IN(TCP_CLOSING) | IN(TCP_LAST_ACK) | IN(TCP_TIME_WAIT))
#define TCP_FIN_RECEIVED (IN(TCP_CLOSE_WAIT) | IN(TCP_CLOSING) | IN(TCP_LAST_ACK) | IN(TCP_TIME_WAIT))

#define TCP_ANY ((tcp_states)(IN(TCP_STATES) - 1))

/* "SYN-RECEIVED". */
const char *tcp_state_name(enum tcp_state state);
/* The state of just that name; TCP_STATES if there is none, or no name (NULL). */
enum tcp_state tcp_state_named(const char *name);

/* "LAST-ACK or CLOSED", or "unknown" for all of them or none; returns `text`. */
const char *tcp_states_text(tcp_states set, char *text, size_t len);

/* Whether exactly one state is left. */
static inline bool tcp_states_single(tcp_states set)
{
	return set && !(set & (set - 1));
}

#endif
