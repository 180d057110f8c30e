/* SPDX-License-Identifier: BSD-2-Clause */
#include "core/conn_states.h"

#include "core/seq.h"

/* ---- what arrives ------------------------------------------------------------------------------ */

#define UNSYNCHRONIZED (IN(TCP_CLOSED) | IN(TCP_LISTEN) | IN(TCP_SYN_SENT))

/* An event, and what the peer must have sent for it: all of `needs`, none of `bars`. It counts in the states
 * `in` only: a SYN that a TIME-WAIT would take opens another connection, which is observed anew. In the order
 * in which a connection meets them. */
static const struct arrival {
	enum event event;
	uint32_t needs, bars;
	tcp_states in;
} arrivals[] = {
	{ EVENT_SYN, CONN_SYN_BARE, 0, UNSYNCHRONIZED },
	{ EVENT_SYN_ACK, CONN_SYN_ACK | CONN_ACKED_SYN, 0, IN(TCP_SYN_SENT) | IN(TCP_SYN_RECEIVED) },
	{ EVENT_ACK_ACCEPTABLE, CONN_ACKED_SYN, 0, IN(TCP_SYN_RECEIVED) },
	{ EVENT_ACK_OF_OUR_FIN, CONN_ACKED_FIN, 0, TCP_SYNCHRONIZED },
	{ EVENT_FIN, CONN_FIN | CONN_ACKED_SYN, CONN_FIN_ACKS_FIN, TCP_SYNCHRONIZED },
	{ EVENT_FIN_ACK_OF_OUR_FIN, CONN_FIN | CONN_ACKED_FIN, 0, TCP_SYNCHRONIZED },
};

enum { ARRIVALS = sizeof arrivals / sizeof *arrivals };

/* Of an endpoint that is not seen at all, everything may have come. */
static uint32_t known(const struct conn_end *p)
{
	return p->known & CONN_SEEN ? p->known : ~(uint32_t)(CONN_RESET | CONN_FIN_ACKS_FIN);
}

static tcp_states step(const struct rule_index *index, enum event event, tcp_states in, tcp_states set)
{
	tcp_states next = 0;

	/* The most frequent question of all: only the states that are there are visited. */
	for (set &= in; set; set &= (tcp_states)(set - 1))
		next |= index->next[event][__builtin_ctz(set)];
	return next;
}

tcp_states conn_reachable(const struct rule_index *index, const struct conn_end *p,
			  tcp_states set)
{
	uint32_t sent = known(p);
	tcp_states before;

	do {
		before = set;
		for (int i = 0; i < ARRIVALS; i++)
			if ((set & arrivals[i].in) &&
			    (sent & (arrivals[i].needs | arrivals[i].bars)) == arrivals[i].needs)
				set |= step(index, arrivals[i].event, arrivals[i].in, set);
	} while (set != before);
	if (sent & CONN_RESET)
		set |= step(index, EVENT_RST_EXACT, TCP_ANY, set) |
		       step(index, EVENT_RST_EXACT_ACTIVE, TCP_ANY, set);
	return set;
}

static enum tcp_state required_next(const struct rule_index *index, enum event event,
				    enum tcp_state state)
{
	const struct rule *r = index->rule[state][event];
	tcp_states next = r && r->reactions_count ? r->reactions[0].next : 0;

	if (!next)
		return state;
	return (enum tcp_state)__builtin_ctz(next);
}

enum tcp_state conn_successor(const struct rule_index *index, const struct conn_end *p,
			      enum tcp_state state)
{
	if (p->known & CONN_RESET)
		return required_next(index, EVENT_RST_EXACT, state);
	for (int i = 0; i < ARRIVALS; i++)
		if ((arrivals[i].in & IN(state)) &&
		    (p->known & (arrivals[i].needs | arrivals[i].bars)) == arrivals[i].needs)
			state = required_next(index, arrivals[i].event, state);
	return state;
}

/* ---- what leaves ------------------------------------------------------------------------------- */

/* The states in which `event` draws `reply` by what the text requires. */
static tcp_states required_in(const struct rule_index *index, enum event event, enum reply reply)
{
	tcp_states set = 0;

	for (int state = TCP_CLOSED; state < TCP_STATES; state++) {
		const struct rule *r = index->rule[state][event];

		if (r && r->reactions_count && r->reactions[0].reply == reply)
			set |= IN(state);
	}
	return set;
}

tcp_states conn_abortable(const struct rule_index *index)
{
	return required_in(index, EVENT_USER_ABORT, REPLY_RST_ABORT);
}

enum tcp_state conn_closed_from(const struct rule_index *index, enum tcp_state state)
{
	const struct rule *r = index->rule[state][EVENT_USER_CLOSE];

	return r && r->reactions_count && r->reactions[0].reply == REPLY_FIN ?
		       required_next(index, EVENT_USER_CLOSE, state) :
		       state;
}

tcp_states conn_may_close(const struct rule_index *index, tcp_states set)
{
	for (tcp_states rest = set; rest; rest &= (tcp_states)(rest - 1))
		set |= IN(conn_closed_from(index, (enum tcp_state)__builtin_ctz(rest)));
	return set;
}

/* Data on the SYN was taken at once, so that answering data may go before the handshake's end (RFC 7413). */
static bool opens_fast(const struct conn_end *e, const struct conn_end *p)
{
	return (e->known & CONN_SYN_ACK) && (p->known & CONN_SYN) && seq_gt(e->ack, p->iss + 1) &&
	       !(p->known & CONN_ACKED_SYN);
}

/* By the ACK field, which is the sender's RCV.NXT: whether it counts the peer's FIN. */
static tcp_states by_ack(const struct conn_end *e, const struct conn_end *p, const struct segment *s)
{
	tcp_states any = TCP_SYNCHRONIZED | IN(TCP_SYN_RECEIVED);

	if (!(s->flags & FLAG_ACK) || !(p->known & CONN_SEEN))
		return any;
	if ((p->known & CONN_FIN) && s->ack == p->fin_seq + 1)
		return TCP_FIN_RECEIVED;
	/* A FIN may be in what was not seen, or before the recording. */
	if (!(p->known & CONN_FIN) &&
	    (seq_gt(s->ack, p->end) || !(p->known & (CONN_SYN | CONN_DATA))))
		return any;
	any &= ~TCP_FIN_RECEIVED;
	if ((segment_len(s) || ((p->known & CONN_SYN) && s->ack != p->iss + 1)) && !opens_fast(e, p))
		any &= ~IN(TCP_SYN_RECEIVED);
	return any;
}

tcp_states conn_senders(const struct rule_index *index, const struct conn_end *e,
			const struct conn_end *p, const struct segment *s)
{
	tcp_states set = by_ack(e, p, s);
	/* Where something unacknowledged can be sent again, and where there can be something new. */
	tcp_states again = index->senders[REPLY_OLDEST_AGAIN], fresh = index->senders[REPLY_DATA];

	if (s->flags & FLAG_FIN)
		return set & again & TCP_FIN_SENT;
	if (e->known & CONN_FIN) {
		if (s->seq == e->fin_seq + 1)
			return set & TCP_FIN_SENT;
		return set;
	}
	if (!(e->known & CONN_SEEN) || seq_gt(s->seq, e->contiguous))
		return set; /* the FIN may be in what was lost */
	if (!s->len && !(e->known & (CONN_SYN | CONN_DATA)))
		return set; /* ... or before the recording */
	return set & (s->len ? fresh | again | IN(TCP_SYN_RECEIVED) : TCP_ANY) & ~TCP_FIN_SENT;
}
