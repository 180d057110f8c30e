/* SPDX-License-Identifier: BSD-2-Clause */
#include "core/conn.h"

#include "core/conn_states.h"
#include "core/judge.h"
#include "core/seq.h"

uint32_t conn_relative(const struct conn_end *e, uint32_t seq)
{
	return seq - (e->known & CONN_SYN ? e->iss : 0);
}

/* ---- the beginning ----------------------------------------------------------------------------- */

static void set_states(struct conn_end *e, tcp_states states, enum tcp_state assumed)
{
	e->states = states;
	e->ever = states;
	e->assumed = (uint8_t)assumed;
	e->passed = IN(assumed);
}

void conn_init(struct conn *c, unsigned vantage)
{
	*c = (struct conn){ .vantage = (uint8_t)vantage };
	for (int i = 0; i < CONN_ENDS; i++)
		set_states(&c->ends[i], IN(TCP_CLOSED) | IN(TCP_LISTEN), TCP_LISTEN);
}

void conn_reopen(struct conn *c)
{
	struct conn_end old[CONN_ENDS] = { c->ends[0], c->ends[1] };

	conn_init(c, c->vantage | CONN_REUSED);
	for (int i = 0; i < CONN_ENDS; i++)
		if ((old[i].known & (CONN_SYN_BARE | CONN_ACKED_SYN)) == CONN_SYN_BARE &&
		    !(old[1 - i].known & CONN_ACKED_SYN)) {
			c->ends[i].known = CONN_OTHER_SYN;
			c->ends[i].other_iss = old[i].iss;
		}
}

/* What the first segment of a recording says about both ends. */
static void begin(struct conn *c, unsigned from, const struct segment *s)
{
	struct conn_end *me = &c->ends[from], *peer = &c->ends[1 - from];

	c->begun = true;
	c->start_us = s->t_us;
	if ((c->vantage & CONN_LIVE) || (s->flags & FLAG_RST))
		return;
	if (!(s->flags & FLAG_SYN)) { /* in the middle */
		set_states(me, TCP_SYNCHRONIZED, TCP_ESTABLISHED);
		set_states(peer, TCP_ANY, TCP_ESTABLISHED);
	} else if (s->flags & FLAG_ACK) {
		set_states(me, IN(TCP_SYN_RECEIVED), TCP_SYN_RECEIVED);
		set_states(peer, IN(TCP_SYN_SENT) | IN(TCP_CLOSED) | IN(TCP_LISTEN), TCP_SYN_SENT);
	} else {
		set_states(me, IN(TCP_SYN_SENT), TCP_SYN_SENT);
	}
}

bool conn_is_over(const struct conn *c)
{
	const struct conn_end *a = &c->ends[0], *b = &c->ends[1];

	return ((a->known | b->known) & CONN_RESET) || (a->known & b->known & CONN_ACKED_FIN);
}

bool conn_is_reopened(const struct conn *c, unsigned from, const struct segment *s)
{
	const struct conn_end *me = &c->ends[from], *peer = &c->ends[1 - from];

	if (!c->begun || !(s->flags & FLAG_SYN) || (s->flags & (FLAG_RST | FLAG_FIN)) ||
	    ((me->known & CONN_SYN) && s->seq == me->iss))
		return false;
	if (s->flags & FLAG_ACK && (peer->known & CONN_SYN) && s->ack == peer->iss + 1)
		return false; /* a SYN came twice */
	if (conn_is_over(c))
		return true;
	if ((s->flags & FLAG_ACK) && !(peer->known & CONN_SEEN) && (me->known & CONN_FIN))
		return true; /* one direction only */
	if (s->flags & FLAG_ACK)
		return (peer->known & CONN_OTHER_SYN) && s->ack == peer->other_iss + 1 &&
		       (me->known & CONN_SEEN);
	/* Far from the numbers of a connection whose beginning was not captured. */
	if ((me->known & (CONN_SEEN | CONN_SYN)) == CONN_SEEN && !seq_in(s->seq, me->end - 65536, 2 * 65536))
		return true;
	return (me->known & CONN_SEEN) && !(peer->known & CONN_SEEN);
}

/* ---- what a segment shows ---------------------------------------------------------------------- */

static void note_syn(const struct judge *g)
{
	struct conn_end *me = g->me;
	const struct segment *s = g->s;
	/* Of options that were cut off, each may have been there and may not. */
	uint8_t present = s->options.cut ? UINT8_MAX : s->options.present;

	if ((me->known & CONN_SYN) && me->iss != s->seq) {
		me->known |= CONN_OTHER_SYN;
		me->other_iss = s->seq;
		return;
	}
	if (!(me->known & CONN_SYN)) {
		me->iss = s->seq;
		me->options_all = UINT8_MAX;
		if (!(me->known & CONN_SEEN) || g->c->vantage & CONN_LIVE) {
			me->end = s->seq + segment_len(s);
			me->contiguous = me->data_end = me->beyond_seq = me->end;
		}
	}
	me->known |= CONN_SEEN | CONN_SYN | (s->flags & FLAG_ACK ? CONN_SYN_ACK : CONN_SYN_BARE);
	me->options |= present;
	me->options_all &= s->options.present;
	if (g->c->vantage & CONN_LIVE)
		me->known &= ~(uint32_t)CONN_RESET; /* it was for an older connection */
	if (s->options.cut)
		me->wscale = 14;
	else if (s->options.present & OPTION_WSCALE)
		me->wscale = s->options.wscale > 14 ? 14 : s->options.wscale; /* RFC 7323 2.3 */
	me->syns_sent += me->syns_sent < UINT8_MAX;
}

static void remember_ack(struct conn_end *me, uint32_t ack)
{
	if (judge_acked_before(me, ack))
		return;
	me->acks[me->acks_count % CONN_ACKS] = ack;
	me->acks_count = me->acks_count == 2 * CONN_ACKS - 1 ? CONN_ACKS : me->acks_count + 1;
}

/* What was acknowledged, and what of it the other end needs. */
static void note_ack(const struct judge *g)
{
	struct conn_end *me = g->me, *peer = g->peer;
	uint32_t ack = g->s->ack;
	/* Not the handshake's third segment, nor what repeats its number: something went before. */
	bool missed = me->known & CONN_ACKED ? ack != me->ack : segment_len(g->s) || g->s->seq != me->end;

	remember_ack(me, ack);
	if (!(me->known & CONN_ACKED) || seq_gt(ack, me->ack)) {
		me->ack = ack;
		me->acked_ms = g->now_ms;
	}
	me->known |= CONN_ACKED;
	/* A number beyond all that was seen may be right where it is not known what was sent; before
	 * anything but a SYN was sent, it is wrong. */
	if (!(peer->known & CONN_SYN) ||
	    (seq_gt(ack, peer->iss) && (seq_le(ack, peer->end) || (peer->known & CONN_DATA) || missed)) ||
	    (peer->known & CONN_BIG))
		me->known |= CONN_ACKED_SYN;
	if ((peer->known & CONN_FIN) && seq_gt(ack, peer->fin_seq))
		me->known |= CONN_ACKED_FIN;
}

/* How often data was sent again that the other end, where the capture was made, has not acknowledged. */
static void note_waiting(const struct judge *g)
{
	struct conn_end *me = g->me;

	if (!g->peer_near || !g->s->len || !(g->peer->known & CONN_ACKED) || g->s->seq != g->peer->ack)
		return;
	if (!me->beyond || me->beyond_seq != g->s->seq)
		me->beyond = 0;
	else if (g->now_ms - me->beyond_ms < APART_MS)
		return;
	me->beyond_seq = g->s->seq;
	me->beyond_ms = g->now_ms;
	me->beyond += me->beyond < UINT8_MAX;
}

/* Where the data has its first hole. */
static void note_data(const struct judge *g)
{
	struct conn_end *me = g->me;
	const struct segment *s = g->s;
	uint32_t end = s->seq + s->len;

	note_waiting(g);

	if (s->len) {
		me->data_end = seq_max(me->data_end, end);
		me->known |= CONN_DATA;
	}
	if (seq_le(s->seq, me->contiguous) && seq_gt(end, me->contiguous))
		me->contiguous = end;
	me->end = seq_max(me->end, s->seq + segment_len(s));
	if ((me->known & CONN_SYN) && me->end - me->iss > 1u << 30)
		me->known |= CONN_BIG;
}

/* Begins to know an endpoint in the middle of its connection. */
static void note_middle(const struct judge *g)
{
	struct conn_end *me = g->me;

	me->known |= CONN_SEEN;
	me->end = g->s->seq;
	me->contiguous = me->data_end = me->beyond_seq = g->s->seq;
}

/* A FIN inside the sender's own data is none. */
static void note_fin(const struct judge *g)
{
	struct conn_end *me = g->me, *peer = g->peer;
	uint32_t fin_seq = g->s->seq + g->s->len;

	if (!(g->s->flags & FLAG_FIN) || (me->known & CONN_FIN) || seq_lt(fin_seq, me->data_end) ||
	    seq_lt(fin_seq + 1, me->end))
		return;
	me->known |= CONN_FIN;
	me->fin_seq = fin_seq;
	if ((g->c->vantage & CONN_LIVE) && !g->live && (peer->known & CONN_FIN) &&
	    seq_gt(g->s->ack, peer->fin_seq))
		me->known |= CONN_FIN_ACKS_FIN;
	if ((peer->known & CONN_ACKED) && seq_gt(peer->ack, fin_seq))
		peer->known |= CONN_ACKED_FIN;
}

static void note(const struct judge *g)
{
	struct conn_end *me = g->me;
	const struct segment *s = g->s;

	if (s->flags & FLAG_SYN) {
		note_syn(g);
		if (me->known & CONN_OTHER_SYN && s->seq != me->iss)
			return;
	} else if (!(me->known & CONN_SEEN)) {
		note_middle(g);
	}
	note_fin(g);
	if ((s->flags & (FLAG_SYN | FLAG_FIN)) && (g->c->vantage & CONN_LIVE) && !g->live)
		me->repeat_ms = g->now_ms; /* the prober is not judged by it */
	me->fins_sent += (s->flags & FLAG_FIN) && me->fins_sent < UINT8_MAX;
	if (s->flags & FLAG_ACK)
		note_ack(g);
	if (!(s->flags & FLAG_SYN))
		note_data(g);
	else
		me->end = seq_max(me->end, s->seq + segment_len(s));
	me->window = s->window;
	if (s->options.present & OPTION_TIMESTAMPS) {
		me->ts_max = me->known & CONN_TSVAL ? seq_max(me->ts_max, s->options.tsval) : s->options.tsval;
		me->known |= CONN_TSVAL;
	}
}

/* ---- what it does to the other end ------------------------------------------------------------- */

/* Whether a RST is one that the other end has to obey, as far as its window is known (RFC 9293 3.10.7.4,
 * step 2; 3.10.7.3: by its ACK). Many take more than they advertised. */
static bool reset_is_in_window(const struct judge *g)
{
	const struct conn_end *peer = g->peer;

	if (!(peer->known & CONN_ACKED) || g->live)
		return true;
	return seq_in(g->s->seq, peer->ack - 1, 2 * judge_window(peer) + 4 * 65536);
}

/* All that came before it has been acknowledged, so that it was next. */
static bool reset_is_exact(const struct judge *g)
{
	const struct conn_end *me = g->me, *peer = g->peer;
	bool fin = (me->known & CONN_FIN) && me->fin_seq == me->contiguous;

	return (peer->known & CONN_ACKED) && g->s->seq == peer->ack && g->s->seq == me->contiguous + fin;
}

static void note_reset(const struct judge *g)
{
	struct conn_end *me = g->me;

	if (reset_is_exact(g))
		me->known |= CONN_RESET_EXACT;
	me->reset_ms = g->now_ms;
	me->reset_seq = g->s->seq;
	me->known |= reset_is_in_window(g) ? CONN_RESET : CONN_RESET_OUT;
}

static void reach_peer(const struct judge *g, tcp_states before)
{
	struct conn_end *me = g->me, *peer = g->peer;

	if ((g->s->flags & FLAG_ACK) && !(g->s->flags & FLAG_RST)) {
		if (before & (IN(TCP_CLOSED) | IN(TCP_LISTEN)))
			peer->known |= CONN_LATE;
		if (me->known & CONN_RESET) {
			me->known |= CONN_STRAY;
			me->stray_ack = g->s->ack;
		}
	}
	peer->states = conn_reachable(g->index, me, before);
	peer->assumed = (uint8_t)conn_successor(g->index, me, (enum tcp_state)peer->assumed);
	peer->ever |= peer->states;
	peer->passed |= IN(peer->assumed);
}

/* Whether the target has shown that it knew or had sent more. */
static bool is_old(const struct judge *g)
{
	const struct conn_end *me = g->me;
	const struct segment *s = g->s;
	bool timed = (s->options.present & OPTION_TIMESTAMPS) && (me->known & CONN_TSVAL);

	if (g->near || !(me->known & CONN_SEEN))
		return false;
	if (timed && s->options.tsval != me->ts_max && !g->live)
		return seq_lt(s->options.tsval, me->ts_max);
	return seq_lt(s->seq + segment_len(s), me->end) ||
	       ((me->known & CONN_ACKED) && (s->flags & FLAG_ACK) && seq_lt(s->ack, me->ack));
}

/* The peer waits for an answer to its SYN, and this is none: it may be of another connection. */
static bool is_unopened(const struct judge *g)
{
	const struct conn_end *me = g->me, *peer = g->peer;

	if (me->known & CONN_SYN)
		return false;
	if (g->live)
		return true;
	return !(me->known & CONN_SEEN) &&
	       (peer->known & (CONN_SYN_BARE | CONN_ACKED_SYN)) == CONN_SYN_BARE &&
	       !(g->s->flags & FLAG_ACK && seq_in(g->s->ack, peer->iss + 1, peer->end - peer->iss));
}

static bool is_before(const struct conn_end *e, uint32_t seq)
{
	return judge_has_iss(e) && seq_lt(seq, e->iss);
}

/* The ports were used before, and these are numbers of then. */
static bool is_earlier(const struct judge *g)
{
	const struct segment *s = g->s;

	return (g->c->vantage & CONN_REUSED) && !(s->flags & FLAG_SYN) &&
	       (is_before(g->me, s->seq) || ((s->flags & FLAG_ACK) && is_before(g->peer, s->ack - 1)));
}

/* Everything of a segment but its header is judged here. False if it is of another connection. */
static bool judge_body(struct judge *g)
{
	const struct segment *s = g->s;

	if (is_earlier(g)) {
		g->j->notes |= NOTE_OLD_CONNECTION;
		return false;
	}
	if (s->flags & FLAG_SYN)
		return s->flags & FLAG_ACK ? judge_syn_ack(g) : judge_syn(g);
	if (is_unopened(g)) {
		judge_unopened(g);
		return false;
	}
	g->old = is_old(g);
	return judge_synchronized(g);
}

void conn_observe(struct conn *c, const struct rule_index *index, unsigned from, const struct segment *s,
		  struct judgement *j)
{
	struct judge g = {
		.c = c, .index = index, .s = s, .j = j, .me = &c->ends[from], .peer = &c->ends[1 - from],
		.live = (c->vantage & CONN_LIVE) && from == CONN_TARGET,
		.near = c->vantage & (from ? CONN_NEAR_1 : CONN_NEAR_0),
		.peer_near = c->vantage & (from ? CONN_NEAR_0 : CONN_NEAR_1),
	};
	bool judged = from == CONN_TARGET || !(c->vantage & CONN_LIVE);
	tcp_states before;

	g.known = (c->vantage & CONN_LIVE) || ((c->vantage & CONN_STATED) && g.peer_near);

	j->passed = 0;
	j->notes = 0;
	j->count = 0;
	if (!c->begun)
		begin(c, from, s);
	if (s->t_us > c->start_us)
		g.now_ms = (uint32_t)((s->t_us - c->start_us) / 1000);
	if (judged && !judge_header(&g))
		return;
	before = g.peer->states;
	if (s->flags & FLAG_RST) {
		if (judged && !judge_reset(&g))
			return;
		note_reset(&g);
	} else {
		if (judged && !judge_body(&g))
			return;
		note(&g);
	}
	g.me->ever |= g.me->states;
	g.me->passed |= IN(g.me->assumed);
	if (judged && (c->vantage & CONN_LIVE))
		return; /* what the prober is doing is not asked */
	reach_peer(&g, before);
}
