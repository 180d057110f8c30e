/* SPDX-License-Identifier: BSD-2-Clause */
/* What an endpoint can be doing, by the table of rules: the facts about what was sent to it go in, the
 * states that it may have reached come out; a segment of it goes in, the states that can send it come out.
 * For the observer in conn.c and the judge. */
#ifndef FINWAIT_CORE_CONN_STATES_H
#define FINWAIT_CORE_CONN_STATES_H

#include "core/conn.h"

/* Closes the states `set` of an end under all that may have arrived from its peer `p`, and every subset of
 * it. */
tcp_states conn_reachable(const struct rule_index *index, const struct conn_end *p,
			  tcp_states set);

/* The state that follows `state` if everything has arrived that its peer sent, in order. */
enum tcp_state conn_successor(const struct rule_index *index, const struct conn_end *p,
			      enum tcp_state state);

/* The states, of all, in which an endpoint with these numbers sends `s`, which is neither SYN nor RST. */
tcp_states conn_senders(const struct rule_index *index, const struct conn_end *e,
			const struct conn_end *p, const struct segment *s);

/* Where its application's CLOSE leads, with its FIN: the state itself where a CLOSE sends none. */
enum tcp_state conn_closed_from(const struct rule_index *index, enum tcp_state state);
tcp_states conn_may_close(const struct rule_index *index, tcp_states set);

/* The states in which an application's ABORT has to send a RST. */
tcp_states conn_abortable(const struct rule_index *index);

#endif
