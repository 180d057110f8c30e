/* SPDX-License-Identifier: BSD-2-Clause */
#include "core/judge.h"
#include "core/seq.h"

bool judge_acked_before(const struct conn *c, uint32_t ack)
{
	for (unsigned i = 0; i < c->acks_count && i < CONN_ACKS; i++)
		if (c->acks[i] == ack)
			return true;
	return false;
}

/* RFC 9293 3.5.2 group 1: no connection, and the SYN has no ACK to take a number from. What is nowhere
 * near that belongs to an older connection with the same ports, and is dropped in SYN-SENT (3.10.7.3):
 * false. */
static bool judge_refusal(const struct judge *g)
{
	const struct conn_side *p = &g->c->prober;
	const struct segment *s = g->s;
	bool ack = s->flags & FLAG_ACK;
	struct verdict *v;

	if (ack ? s->ack - (p->end - 2) > 4 : s->seq != 0) {
		g->j->notes |= NOTE_OLD_CONNECTION;
		return false;
	}
	g->j->notes |= NOTE_REFUSED;
	if (ack && s->seq == 0 && s->ack == p->end) {
		judge_pass(g, RULE_REFUSAL);
		return true;
	}
	v = judge_fail(g, RULE_REFUSAL, CERTAIN, NULL);
	judge_expected(v, "RST,ACK with SEQ 0 and ack %u", judge_relative(p, p->end));
	if (ack)
		judge_observed(v, "RST,ACK with SEQ %u and ack %u", s->seq, judge_relative(p, s->ack));
	else
		judge_observed(v, "RST without ACK, SEQ %u", s->seq);
	return true;
}

/* Also true for what may have been forgotten. */
static bool may_be_acked_before(const struct conn *c, uint32_t ack)
{
	return judge_acked_before(c, ack) ||
	       (c->acks_count >= CONN_ACKS && seq_gt(ack, c->target.iss) && seq_le(ack, c->prober.ack));
}

/* Whether this RST can only be an answer to the prober's own RST. Before a SYN,ACK, the refusal of our SYN
 * looks just the same. */
static bool answers_reset(const struct conn *c, const struct segment *s)
{
	return c->reset_sent && (s->flags & FLAG_ACK) && s->seq == 0 && s->ack == c->reset_seq &&
	       c->target.syn && c->target.end != 0;
}

/* An abort that was on its way already has the number of an abort; it is not the answer. */
static bool judge_stray_answer(const struct judge *g)
{
	struct conn *c = g->c;

	if (g->s->seq == c->stray_ack) {
		judge_pass(g, RULE_STRAY_ANSWER);
		g->j->notes |= NOTE_GONE;
	} else if (g->s->seq == c->target.end || may_be_acked_before(c, g->s->seq)) {
		return false;
	} else {
		uint32_t window = (uint32_t)c->prober.window << c->prober.wscale;
		bool abort = seq_in(g->s->seq, c->target.end, window);
		struct verdict *v = judge_fail(g, RULE_STRAY_ANSWER, abort ? LIKELY : CERTAIN,
					       abort ? "it is an abort, and data before it was lost" :
						       NULL);

		judge_expected(v, "RST with SEQ %u, the ACK of the stray segment",
			       judge_relative(&c->target, c->stray_ack));
		judge_observed(v, "RST with SEQ %u", judge_relative(&c->target, g->s->seq));
	}
	c->gone = true;
	return true;
}

static void judge_reset_number(const struct judge *g)
{
	const struct conn *c = g->c;
	const struct conn_side *t = &c->target;
	uint32_t seq = g->s->seq, window = (uint32_t)c->prober.window << c->prober.wscale;
	struct verdict *v;

	/* Above SND.NXT as seen, data may have been lost before this host. */
	if (may_be_acked_before(c, seq) || seq == t->end) {
		judge_pass(g, RULE_RST_NUMBER);
		return;
	}
	if (seq_in(seq, t->end, window))
		return;
	if (seq_in(seq, t->iss, t->end - t->iss))
		v = judge_fail(g, RULE_RST_NUMBER, LIKELY, "the RST was sent before data that overtook it");
	else
		v = judge_fail(g, RULE_RST_NUMBER, CERTAIN, NULL);
	judge_expected(v, "SEQ %u, the next number of the target", judge_relative(t, t->end));
	judge_observed(v, "SEQ %u", judge_relative(t, seq));
}

/* Whether an application can abort here (3.10.5: with LAST-ACK and CLOSING a TCP may still say RST), or a
 * closed endpoint answers a segment that came too late. */
static void judge_reset_state(const struct judge *g)
{
	const tcp_states abortable = IN(TCP_SYN_RECEIVED) | IN(TCP_ESTABLISHED) | IN(TCP_FIN_WAIT_1) |
				     IN(TCP_FIN_WAIT_2) | IN(TCP_CLOSE_WAIT) | IN(TCP_SYN_SENT);
	const struct conn *c = g->c;
	const struct conn_side *p = &c->prober, *t = &c->target;
	bool fin_acked = t->fin && p->acked && seq_gt(p->ack, t->fin_seq);
	struct verdict *v;
	char text[120];

	if (fin_acked && p->fin && t->ack == p->fin_seq && c->fins_sent > 1) {
		v = judge_fail(g, RULE_FIN_COUNTED, LIKELY, "the application aborted in FIN-WAIT-2");
		judge_expected(v, "ack %u: FIN+1", judge_relative(p, p->fin_seq + 1));
		judge_observed(v, "RST in answer to our FIN, which was never acknowledged");
	} else if ((c->states & abortable) || c->acked_closed || c->reset_sent || !fin_acked) {
		judge_pass(g, RULE_RST_STATE);
	} else {
		v = judge_fail(g, RULE_RST_STATE, LIKELY,
			       c->states & IN(TCP_TIME_WAIT) ?
				       "the target has a very short MSL" :
				       "our last ACK came twice, or the application aborted after closing");
		judge_expected(v, "no RST from %s", tcp_states_text(c->states, text, sizeof text));
		judge_observed(v, "RST with SEQ %u", judge_relative(t, g->s->seq));
	}
}

void judge_reset(const struct judge *g)
{
	struct conn *c = g->c;

	if (answers_reset(c, g->s)) {
		struct verdict *v = judge_fail(g, RULE_RST_FOR_RST, CERTAIN, NULL);

		judge_expected(v, "silence");
		judge_observed(v, "RST,ACK with SEQ 0 and ack %u: an answer to our RST",
			 judge_relative(&c->prober, g->s->ack));
	} else if (c->stray_sent && judge_stray_answer(g)) {
		/* judged */
	} else if (!c->target.syn) {
		if (!c->prober.syn || !judge_refusal(g))
			return;
	} else {
		g->j->notes |= NOTE_RESET;
		judge_reset_number(g);
		if (!c->was_reset)
			judge_reset_state(g);
	}
	if (!c->was_reset)
		c->was_reset_us = g->s->t_us;
	c->was_reset = true;
	c->states = IN(TCP_CLOSED);
	c->assumed = TCP_CLOSED;
}
