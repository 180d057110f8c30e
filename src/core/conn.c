/* SPDX-License-Identifier: BSD-2-Clause */
#include "core/conn.h"

#include "core/judge.h"
#include "core/seq.h"

enum {
	REORDER_US = 1000000, /* how long a segment may be overtaken by later ones */
	APART_US = 150000,    /* what comes closer together may be one segment, duplicated on its way */
};

/* ---- what the target may have become ----------------------------------------------------------- */

/* Where a state goes when everything has arrived that the prober sent so far and that is acceptable
 * (RFC 9293 3.10.7). */
static enum tcp_state successor(const struct conn *c, enum tcp_state state)
{
	const struct conn_side *p = &c->prober, *t = &c->target;
	bool acks_fin = t->fin && p->acked && seq_gt(p->ack, t->fin_seq);

	if (c->reset_sent)
		return state == TCP_LISTEN ? TCP_LISTEN : TCP_CLOSED;
	if (p->syn && (state == TCP_LISTEN || state == TCP_SYN_SENT))
		state = TCP_SYN_RECEIVED;
	if (state == TCP_SYN_RECEIVED && t->syn && p->acked && seq_gt(p->ack, t->iss))
		state = TCP_ESTABLISHED;
	if (acks_fin && state == TCP_FIN_WAIT_1)
		state = TCP_FIN_WAIT_2;
	else if (acks_fin && state == TCP_CLOSING)
		state = TCP_TIME_WAIT;
	else if (acks_fin && state == TCP_LAST_ACK)
		state = TCP_CLOSED;
	if (p->fin && state == TCP_ESTABLISHED)
		state = TCP_CLOSE_WAIT;
	else if (p->fin && state == TCP_FIN_WAIT_1)
		state = TCP_CLOSING;
	else if (p->fin && state == TCP_FIN_WAIT_2)
		state = TCP_TIME_WAIT;
	return state;
}

/* Each segment of the prober has arrived, or is still on its way, or is lost: every state on the way to
 * the successor may be the one. */
static tcp_states reachable(const struct conn *c, tcp_states set)
{
	const struct conn_side *p = &c->prober, *t = &c->target;
	bool acks_fin = t->fin && p->acked && seq_gt(p->ack, t->fin_seq);

	for (int state = TCP_CLOSED; state < TCP_STATES; state++)
		if (set & IN(state))
			set |= IN(successor(c, (enum tcp_state)state));
	/* FIN and ACK of FIN may come one without the other. */
	if (set & IN(TCP_FIN_WAIT_1))
		set |= (acks_fin ? IN(TCP_FIN_WAIT_2) : 0) | (p->fin ? IN(TCP_CLOSING) : 0);
	/* The handshake's ACK may have come without the FIN. */
	if ((set & IN(TCP_SYN_RECEIVED)) && t->syn && p->acked && seq_gt(p->ack, t->iss) &&
	    !c->reset_sent)
		set |= IN(TCP_ESTABLISHED);
	return set;
}

/* ---- SYN and SYN,ACK --------------------------------------------------------------------------- */

static void open_seen(struct conn *c, const struct segment *s)
{
	struct conn_side *t = &c->target;

	t->syn = true;
	t->iss = s->seq;
	t->end = s->seq + segment_len(s);
	c->contiguous = t->end;
	c->data_end = t->end;
	c->beyond_seq = t->end;
	t->window = s->window;
	t->options |= s->options.present;
	if (s->flags & FLAG_ACK) {
		t->acked = true;
		t->ack = s->ack;
		c->acked_us = s->t_us;
	}
}

static void judge_syn_ack(const struct judge *g)
{
	struct conn *c = g->c;
	const struct segment *s = g->s;

	if (c->target.syn && seq_in(s->seq, c->target.iss + 1, c->target.end - c->target.iss)) {
		struct verdict *v = judge_fail(g, RULE_STATE, CERTAIN, NULL);

		judge_expected(v, "no SYN once the connection is open");
		judge_observed(v, "SYN at SEQ %u of the connection", judge_relative(&c->target, s->seq));
		return;
	}
	if (c->target.syn && c->target.iss != s->seq) {
		if (c->was_reset || c->reset_sent)
			return; /* our SYN came twice, the second time to a listener */
		struct verdict *v = judge_fail(g, RULE_SYN_ACK_REPEAT, LIKELY,
					 "SYN cookies, a proxy that answers twice, or a reset while our "
					       "SYN came twice");

		judge_expected(v, "SEQ %u as in the first SYN,ACK", c->target.iss);
		judge_observed(v, "SEQ %u", s->seq);
		return;
	}
	if (c->target.syn) {
		judge_pass(g, RULE_SYN_ACK_REPEAT);
		g->j->notes |= NOTE_REPEATED;
	}
	if (c->prober.syn && s->ack != c->prober.iss + 1) {
		struct verdict *v = judge_fail(g, RULE_SYN_ACK_NUMBER, CERTAIN, NULL);

		judge_expected(v, "ack 1: our ISN+1");
		judge_observed(v, "ack %u", judge_relative(&c->prober, s->ack));
	} else {
		judge_pass(g, RULE_SYN_ACK_NUMBER);
		if (!c->target.syn)
			g->j->notes |= NOTE_OPENED;
	}
	if (!c->target.syn) {
		open_seen(c, s);
		c->states = IN(TCP_SYN_RECEIVED);
		c->assumed = TCP_SYN_RECEIVED;
	}
}

/* A SYN without ACK: the application of the target opens towards us (simultaneous open, RFC 9293
 * Figure 7), or SYN,ACK lacks its ACK bit. */
static void judge_syn(const struct judge *g)
{
	struct conn *c = g->c;

	if (c->prober.syn) {
		struct verdict *v = judge_fail(g, RULE_STATE, LIKELY,
					 "the target's application connected to our port just now");

		judge_expected(v, "SYN,ACK, RST or nothing in answer to our SYN");
		judge_observed(v, "SYN without ACK");
	}
	if (!c->target.syn)
		open_seen(c, g->s);
	c->states = IN(TCP_SYN_SENT) | IN(TCP_SYN_RECEIVED);
	c->assumed = TCP_SYN_SENT;
}

/* ---- segments of an open connection ------------------------------------------------------------ */

/* Nothing can be acknowledged that the prober has not sent. */
static void judge_ack_unsent(const struct judge *g)
{
	const struct conn_side *p = &g->c->prober;

	if (!p->syn || !(g->s->flags & FLAG_ACK))
		return;
	if (seq_le(g->s->ack, p->iss)) {
		struct verdict *v = judge_fail(g, RULE_ACK_UNSENT, LIKELY,
					       "it is of an older connection with these ports");

		judge_expected(v, "ack 1 or more");
		judge_observed(v, "ack %d", seq_diff(g->s->ack, p->iss));
	} else if (seq_gt(g->s->ack, p->end)) {
		struct verdict *v = judge_fail(g, RULE_ACK_UNSENT, CERTAIN, NULL);

		judge_expected(v, "ack at most %u, all that was sent", judge_relative(p, p->end));
		judge_observed(v, "ack %u", judge_relative(p, g->s->ack));
	} else {
		judge_pass(g, RULE_ACK_UNSENT);
	}
}


/* A RST may overtake what was sent before it, for a while. */
static void judge_after_reset(const struct judge *g)
{
	struct verdict *v;

	if (g->s->t_us - g->c->was_reset_us < REORDER_US) {
		g->j->notes |= NOTE_OLD;
		return;
	}
	v = judge_fail(g, RULE_AFTER_RST, LIKELY, "the RST overtook this segment");
	judge_expected(v, "nothing after the target's own RST");
	judge_observed(v, "a segment %lld ms later", (long long)(g->s->t_us - g->c->was_reset_us) / 1000);
}

/* A pure ACK carries SND.NXT, so whatever begins there was sent after it and cannot know less. */
static void judge_ack_kept(const struct judge *g)
{
	const struct conn_side *t = &g->c->target;

	if (!t->acked || !(g->s->flags & FLAG_ACK) || seq_ge(g->s->ack, t->ack)) {
		judge_pass(g, RULE_ACK_KEPT);
	} else if (g->s->seq == t->end && segment_len(g->s)) {
		struct verdict *v = judge_fail(g, RULE_ACK_KEPT, CERTAIN, NULL);

		judge_expected(v, "ack %u or more, as before", judge_relative(&g->c->prober, t->ack));
		judge_observed(v, "ack %u", judge_relative(&g->c->prober, g->s->ack));
	} else if (g->s->seq == t->end && g->s->t_us - g->c->acked_us > REORDER_US) {
		struct verdict *v = judge_fail(g, RULE_ACK_KEPT, LIKELY, "it was overtaken by later ones");

		judge_expected(v, "ack %u or more, as before", judge_relative(&g->c->prober, t->ack));
		judge_observed(v, "ack %u", judge_relative(&g->c->prober, g->s->ack));
	}
}

/* One byte or none at ISS is a keep-alive probe (RFC 9293 3.8.4): legal. */
static void judge_syn_counted(const struct judge *g)
{
	const struct conn_side *t = &g->c->target;
	const struct segment *s = g->s;

	if (g->c->data_end - t->iss > 1u << 30) {
		return; /* the ISN is too far back to compare with */
	} else if (seq_gt(s->seq, t->iss)) {
		judge_pass(g, RULE_SYN_COUNTED);
	} else if ((s->flags & FLAG_FIN) || s->len > 1 || seq_lt(s->seq, t->iss)) {
		struct verdict *v = judge_fail(g, RULE_SYN_COUNTED, CERTAIN, NULL);

		judge_expected(v, "SEQ 1 or more: SYN counts one");
		judge_observed(v, "SEQ %d, %u bytes%s", seq_diff(s->seq, t->iss), s->len,
			 s->flags & FLAG_FIN ? " and FIN" : "");
	}
}

/* The prober's FIN: acknowledged with FIN+1, or answered, again and again, as if it did not count.
 * Answers that could be window updates or keep-alives are left out. */
static void judge_fin_counted(const struct judge *g)
{
	struct conn *c = g->c;
	const struct segment *s = g->s;
	bool updates;

	if (!c->prober.fin || !(s->flags & FLAG_ACK))
		return;
	if (s->ack == c->prober.fin_seq + 1) {
		judge_pass(g, RULE_FIN_COUNTED);
		if (c->target.ack != s->ack)
			g->j->notes |= NOTE_ACKS_FIN;
		return;
	}
	updates = c->prober.fin_seq != c->prober.iss + 1 && s->window != c->target.window;
	if (s->ack == c->prober.fin_seq && c->target.ack == s->ack && !segment_len(s) &&
	    s->seq == c->target.end && s->window && c->target.window && !updates && c->fins_sent != c->fins_refused_last) {
		c->fins_refused_last = c->fins_sent;
		if (++c->fins_refused == 3) {
			struct verdict *v = judge_fail(g, RULE_FIN_COUNTED, CERTAIN, NULL);

			judge_expected(v, "ack %u: FIN+1", judge_relative(&c->prober, c->prober.fin_seq + 1));
			judge_observed(v, "ack %u in answer to each of our FINs", judge_relative(&c->prober, s->ack));
		}
	}
}

static void judge_fin(const struct judge *g)
{
	struct conn *c = g->c;
	struct conn_side *t = &c->target;
	uint32_t fin_seq = g->s->seq + g->s->len;
	struct verdict *v;

	if (t->fin && t->fin_seq != fin_seq) {
		v = judge_fail(g, RULE_FIN_MOVED, CERTAIN, NULL);
		judge_expected(v, "FIN at %u, as before", judge_relative(t, t->fin_seq));
		judge_observed(v, "FIN at %u", judge_relative(t, fin_seq));
		return;
	}
	/* A pure ACK shows SND.NXT, which counts the FIN. */
	if (!t->fin && (seq_lt(fin_seq, c->data_end) || seq_lt(fin_seq + 1, t->end))) {
		v = judge_fail(g, RULE_FIN_PLACE, CERTAIN, NULL);
		judge_expected(v, "FIN at %u or beyond, behind what was sent",
			       judge_relative(t, seq_max(c->data_end, t->end - 1)));
		judge_observed(v, "FIN at %u", judge_relative(t, fin_seq));
		return;
	}
	judge_pass(g, RULE_FIN_PLACE);
	g->j->notes |= t->fin ? NOTE_REPEATED : NOTE_FIN;
	if (t->fin)
		judge_pass(g, RULE_FIN_MOVED);
	t->fin = true;
	t->fin_seq = fin_seq;
}

/* What is sent again begins with the hole (RFC 6298 5.4), which may get lost again and again. So only one
 * segment that comes alone, time and again, from behind the hole shows that there is nothing in it. */
static void judge_hole(const struct judge *g)
{
	struct conn *c = g->c;
	const struct segment *s = g->s;
	struct verdict *v;

	if (!segment_len(s))
		return;
	if (seq_le(s->seq, c->contiguous) || s->seq != c->beyond_seq) {
		if (seq_le(s->seq, c->contiguous) && seq_gt(s->seq + s->len, c->contiguous))
			c->contiguous = s->seq + s->len;
		c->beyond_seq = s->seq;
		c->beyond_us = s->t_us;
		c->beyond = 0;
		return;
	}
	if (s->t_us - c->beyond_us < APART_US)
		return;
	c->beyond_us = s->t_us;
	if (++c->beyond != 2)
		return;
	/* A hole of one number is no large segment that the path cannot carry. */
	v = judge_fail(g, s->len ? RULE_OLDEST_FIRST : RULE_FIN_PLACE,
		       s->seq == c->contiguous + 1 ? CERTAIN : LIKELY,
		       s->seq == c->contiguous + 1 ? NULL :
						     "the path drops what lies before it each time");
	judge_expected(v, "SEQ %u, the first number that we do not know",
		       judge_relative(&c->target, c->contiguous));
	judge_observed(v, "SEQ %u%s, three times", judge_relative(&c->target, s->seq),
		       s->len ? "" : " and FIN");
}

static void judge_data(const struct judge *g)
{
	struct conn *c = g->c;
	const struct conn_side *t = &c->target;
	uint32_t end = g->s->seq + g->s->len;

	if (!t->fin)
		return;
	if (seq_gt(end, t->fin_seq + !g->s->len)) { /* without data, SEQ = FIN+1 is the right one */
		struct verdict *v = judge_fail(g, RULE_DATA_AFTER_FIN, CERTAIN, NULL);

		judge_expected(v, "nothing beyond the FIN at %u", judge_relative(t, t->fin_seq));
		judge_observed(v, "SEQ %u, %u bytes", judge_relative(t, g->s->seq), g->s->len);
	} else if (g->s->len) {
		judge_pass(g, RULE_DATA_AFTER_FIN);
	}
}

/* The states that can send this segment, by its numbers alone. */
static tcp_states senders(const struct conn *c, const struct segment *s)
{
	const struct conn_side *p = &c->prober, *t = &c->target;
	tcp_states set;

	if (p->fin && (s->flags & FLAG_ACK) && s->ack == p->fin_seq + 1)
		set = IN(TCP_CLOSE_WAIT) | IN(TCP_CLOSING) | IN(TCP_LAST_ACK) | IN(TCP_TIME_WAIT);
	else
		set = IN(TCP_ESTABLISHED) | IN(TCP_FIN_WAIT_1) | IN(TCP_FIN_WAIT_2) |
		      (segment_len(s) ? 0 : IN(TCP_SYN_RECEIVED));
	if (s->flags & FLAG_FIN)
		return set & (IN(TCP_FIN_WAIT_1) | IN(TCP_CLOSING) | IN(TCP_LAST_ACK));
	if (t->fin && s->seq == t->fin_seq + 1)
		return set & ~(IN(TCP_SYN_RECEIVED) | IN(TCP_ESTABLISHED) | IN(TCP_CLOSE_WAIT));
	if (t->fin || seq_gt(s->seq, c->contiguous)) /* the FIN may be in what was lost */
		return set;
	return set & (IN(TCP_SYN_RECEIVED) | IN(TCP_ESTABLISHED) | IN(TCP_CLOSE_WAIT));
}

/* Where a close by the application leads to: seen when its FIN is. */
static enum tcp_state fin_sent_from(enum tcp_state state)
{
	return state == TCP_CLOSE_WAIT ? TCP_LAST_ACK :
	       state == TCP_ESTABLISHED || state == TCP_SYN_RECEIVED ? TCP_FIN_WAIT_1 : state;
}

static tcp_states fin_may_be_sent(tcp_states set)
{
	for (int state = TCP_CLOSED; state < TCP_STATES; state++)
		if (set & IN(state))
			set |= IN(fin_sent_from((enum tcp_state)state));
	return set;
}

static void judge_state(const struct judge *g, bool old)
{
	struct conn *c = g->c;
	const struct segment *s = g->s;
	tcp_states can = senders(c, s), before = reachable(c, c->states);
	bool fin_due = (s->flags & FLAG_FIN) || seq_gt(s->seq, c->contiguous);
	char text[120];

	if (fin_due)
		before = reachable(c, fin_may_be_sent(before));
	c->ever |= before;
	if ((s->flags & FLAG_FIN) && !old)
		c->assumed = fin_sent_from(c->assumed);
	if (((old ? c->ever : before) & can)) {
		judge_pass(g, RULE_STATE);
	} else if (!g->j->count) {
		struct verdict *v = judge_fail(g, RULE_STATE, LIKELY,
					 "segments of the target were lost or reordered before this host");

		judge_expected(v, "a segment of %s", tcp_states_text(c->states, text, sizeof text));
		judge_observed(v, "one that only %s sends", tcp_states_text(can, text, sizeof text));
	}
	if (old)
		return;
	c->states = before & can ? before & can : can;
	c->ever |= c->states;
	if (!(IN(c->assumed) & c->states)) { /* the latest of those that are possible */
		enum tcp_state last = TCP_TIME_WAIT;

		while (last && !(c->states & IN(last)))
			last--;
		c->assumed = last;
	}
}

/* Whether the segment was overtaken: the target has shown that it knew or had sent more. */
static bool is_old(const struct conn_side *t, const struct segment *s)
{
	return seq_lt(s->seq + segment_len(s), t->end) ||
	       (t->acked && (s->flags & FLAG_ACK) && seq_lt(s->ack, t->ack));
}

static void judge_synchronized(const struct judge *g)
{
	struct conn *c = g->c;
	struct conn_side *t = &c->target;
	const struct segment *s = g->s;
	bool old = is_old(t, s);

	if (old)
		g->j->notes |= s->len ? NOTE_REPEATED : NOTE_OLD;
	else if (s->len && seq_le(s->seq + s->len, t->end))
		g->j->notes |= NOTE_REPEATED;
	if (c->was_reset) {
		judge_after_reset(g);
		return;
	}
	judge_ack_kept(g);
	judge_syn_counted(g);
	judge_fin_counted(g);
	if (s->flags & FLAG_FIN)
		judge_fin(g);
	judge_data(g);
	judge_state(g, old);
	if (s->flags & FLAG_ACK) {
		if (!t->acked || seq_gt(s->ack, t->ack))
			c->acked_us = s->t_us;
		t->ack = t->acked ? seq_max(t->ack, s->ack) : s->ack;
		t->acked = true;
	}
	judge_hole(g);
	if (s->len)
		c->data_end = seq_max(c->data_end, s->seq + s->len);
	t->end = seq_max(t->end, s->seq + segment_len(s));
	t->window = s->window;
}

/* An answer to our SYN that is neither SYN,ACK nor RST: the target knows the ports from an older
 * connection (RFC 9293 3.5.1, Figure 9); or a SYN,ACK got lost, and this answers a copy of the SYN; or the
 * SYN bit was forgotten. */
static void judge_unopened(const struct judge *g)
{
	const struct conn_side *p = &g->c->prober;
	struct verdict *v;

	if (!p->syn || !(g->s->flags & FLAG_ACK) || g->s->ack != p->iss + 1) {
		g->j->notes |= NOTE_OLD_CONNECTION;
	} else if (++g->c->unopened == 3) {
		v = judge_fail(g, RULE_STATE, LIKELY, "each SYN,ACK was lost and our SYN came twice");
		judge_expected(v, "SYN,ACK");
		judge_observed(v, "our SYN acknowledged by a segment without SYN");
	}
}

void conn_received(struct conn *c, const struct segment *s, struct judgement *j)
{
	struct judge g = { c, s, j };

	j->passed = 0;
	j->notes = 0;
	j->count = 0;
	if (!judge_header(&g))
		return;
	if (s->flags & FLAG_RST) {
		judge_reset(&g);
	} else if (s->flags & FLAG_SYN) {
		if (s->flags & FLAG_ACK)
			judge_syn_ack(&g);
		else
			judge_syn(&g);
	} else if (c->target.syn) {
		judge_ack_unsent(&g);
		judge_synchronized(&g);
	} else {
		judge_unopened(&g);
	}
	c->ever |= c->states;
}

/* ---- segments of the prober -------------------------------------------------------------------- */

static void remember_ack(struct conn *c, uint32_t ack)
{
	if (!judge_acked_before(c, ack)) {
		c->acks[c->acks_count % CONN_ACKS] = ack;
		c->acks_count = c->acks_count == 2 * CONN_ACKS - 1 ? CONN_ACKS : c->acks_count + 1;
	}
	c->prober.ack = c->prober.acked ? seq_max(c->prober.ack, ack) : ack;
	c->prober.acked = true;
}

void conn_sent(struct conn *c, const struct segment *s)
{
	struct conn_side *p = &c->prober;
	tcp_states before = c->states;

	if (s->flags & FLAG_RST) {
		c->reset_sent = true;
		c->reset_seq = s->seq;
	} else {
		if (s->flags & FLAG_SYN) {
			p->syn = true;
			p->iss = s->seq;
			p->end = s->seq;
			p->options |= s->options.present;
			p->wscale = s->options.wscale;
			c->syns_sent++;
			c->reset_sent = false; /* it was for an older connection */
		}
		p->end = seq_max(p->end, s->seq + segment_len(s));
		p->window = s->window;
		if (s->flags & FLAG_FIN) {
			p->fin = true;
			p->fin_seq = s->seq + s->len;
			c->fins_sent++;
		}
		if (s->flags & FLAG_ACK) {
			c->acked_closed |= !!(before & (IN(TCP_CLOSED) | IN(TCP_LISTEN)));
			remember_ack(c, s->ack);
			if (c->reset_sent) {
				c->stray_sent = true;
				c->stray_ack = s->ack;
			}
		}
	}
	c->states = reachable(c, before);
	c->assumed = successor(c, c->assumed);
	c->ever |= c->states;
}

void conn_init(struct conn *c)
{
	*c = (struct conn){ .states = IN(TCP_CLOSED) | IN(TCP_LISTEN), .assumed = TCP_LISTEN };
	c->ever = c->states;
}
