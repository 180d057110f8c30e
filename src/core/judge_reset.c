/* SPDX-License-Identifier: BSD-2-Clause */
/* A RST: refusal of a SYN, abort, or answer of a closed endpoint. */
#include "core/conn_states.h"
#include "core/judge.h"
#include "core/seq.h"

enum { SHORTEST_2MSL_MS = 15000 }; /* whoever waits less does not wait two maximum segment lifetimes */

bool judge_acked_before(const struct conn_end *e, uint32_t ack)
{
	for (unsigned i = 0; i < e->acks_count && i < CONN_ACKS; i++)
		if (e->acks[i] == ack)
			return true;
	return false;
}

/* Also true for what may have been forgotten. */
static bool may_be_acked_before(const struct conn_end *e, const struct conn_end *of, uint32_t ack)
{
	return judge_acked_before(e, ack) ||
	       (e->acks_count >= CONN_ACKS && (!(of->known & CONN_SYN) || seq_gt(ack, of->iss)) &&
		seq_le(ack, e->ack));
}

/* RFC 9293 3.5.2 group 1: no connection, and the SYN has no ACK to take a number from. What is nowhere
 * near that belongs to an older connection with the same ports, and is dropped in SYN-SENT (3.10.7.3):
 * false. */
static bool judge_refusal(const struct judge *g)
{
	const struct conn_end *p = g->peer;
	const struct segment *s = g->s;
	bool ack = s->flags & FLAG_ACK;
	bool certain = ((ack && g->live) || s->seq == 0) && !(p->known & CONN_OTHER_SYN);
	bool zero = s->seq == 0 && s->ack == 0; /* copied from where there was no ACK */
	struct verdict *v;

	if (ack && !zero ? s->ack - (p->end - 2) > 4 : s->seq && (g->c->vantage & CONN_REUSED)) {
		g->j->notes |= NOTE_OLD_CONNECTION;
		return false;
	}
	if (ack && s->seq == 0 && s->ack == p->end) {
		g->j->notes |= NOTE_REFUSED;
		judge_pass(g, RULE_REFUSAL);
		return true;
	}
	v = judge_fail(g, RULE_REFUSAL,
		       certain ? NULL :
				 "it is of an older connection with these ports, or of one whose SYN,ACK was "
				 "lost");
	judge_expected(v, "RST,ACK with SEQ 0 and ack %u", conn_relative(p, p->end));
	if (ack)
		judge_observed(v, "RST,ACK with SEQ %u and ack %u", s->seq, conn_relative(p, s->ack));
	else
		judge_observed(v, "RST without ACK, SEQ %u", s->seq);
	g->j->notes |= ack || s->seq == 0 ? NOTE_REFUSED : NOTE_OLD_CONNECTION;
	return ack || s->seq == 0;
}

/* The SYN came before this end opened by itself, or when that was over again. */
static bool refused_before(const struct judge *g)
{
	return (g->s->flags & FLAG_ACK) && g->s->seq == 0 && g->me->end != 0 &&
	       (g->peer->known & CONN_SYN) && g->s->ack == g->peer->iss + 1;
}

/* Whether this RST can only be an answer to the peer's own RST: in the form that a segment without ACK
 * draws, with that RST's number; or with a number that only that RST's ACK field had. Before a SYN,ACK the
 * refusal of a SYN looks just the same. */
static bool answers_reset(const struct judge *g)
{
	const struct conn_end *me = g->me, *p = g->peer;

	return (p->known & (CONN_RESET | CONN_RESET_OUT)) && (g->s->flags & FLAG_ACK) && g->s->seq == 0 &&
	       g->s->ack == p->reset_seq && (me->known & CONN_SEEN) && me->end != 0 &&
	       (g->live || !refused_before(g));
}

/* An abort that was on its way already has the number of an abort; it is not the answer. */
static bool judge_stray_answer(const struct judge *g)
{
	struct conn_end *me = g->me, *p = g->peer;

	if (g->s->seq == p->stray_ack) {
		judge_pass(g, RULE_STRAY_ANSWER);
		g->j->notes |= NOTE_GONE;
	} else if (g->s->seq == me->end || may_be_acked_before(p, me, g->s->seq)) {
		return false;
	} else {
		bool abort = !g->live || seq_in(g->s->seq, me->end, judge_window(p));
		struct verdict *v = judge_fail(g, RULE_STRAY_ANSWER,
					       abort ? "it is an abort, and data before it was lost" :
						       NULL);

		judge_expected(v, "RST with SEQ %u, the ACK of the stray segment",
			       conn_relative(me, p->stray_ack));
		judge_observed(v, "RST with SEQ %u", conn_relative(me, g->s->seq));
	}
	p->known |= CONN_GONE;
	return true;
}

/* Far from all numbers of this connection, and there was another one. */
static bool of_another(const struct judge *g)
{
	const struct conn_end *me = g->me;

	return (g->c->vantage & CONN_REUSED) && (me->known & CONN_SYN) &&
	       !seq_in(g->s->seq, me->iss, me->end - me->iss + (1u << 20)) &&
	       !judge_acked_before(g->peer, g->s->seq);
}

/* Above SND.NXT as seen, data may have been lost before it was captured. */
static void judge_reset_number(const struct judge *g)
{
	const struct conn_end *me = g->me, *p = g->peer;
	uint32_t seq = g->s->seq;
	bool below = seq_in(seq, me->iss, me->end - me->iss) || !g->live;
	struct verdict *v;

	if (!(p->known & CONN_SEEN) || !(me->known & CONN_SEEN))
		return;
	if (may_be_acked_before(p, me, seq) || seq == me->end) {
		judge_pass(g, RULE_RST_NUMBER);
		return;
	}
	if (seq_in(seq, me->end, judge_window(p) + !g->live * 65536))
		return;
	v = judge_fail(g, RULE_RST_NUMBER,
		       !below	  ? NULL :
		       g->live ? "the RST was sent before data that overtook it" :
				 "it was sent before data that overtook it, or somebody else sent it");
	judge_expected(v, "SEQ %u, the next number of this end", conn_relative(me, me->end));
	judge_observed(v, "SEQ %u", conn_relative(me, seq));
}

/* The connection has outlived a RST that is no business of it: now it answers as if there were none. */
static bool judge_obeyed(const struct judge *g)
{
	const struct conn_end *me = g->me, *p = g->peer;
	struct verdict *v;

	if ((p->known & (CONN_RESET | CONN_RESET_OUT)) != CONN_RESET_OUT || (g->s->flags & FLAG_ACK) ||
	    !judge_acked_before(p, g->s->seq) || !(me->states & TCP_SYNCHRONIZED))
		return false;
	v = judge_fail_row(g, TCP_ESTABLISHED, EVENT_RST_OUT_OF_WINDOW, "the application aborted");
	judge_expected(v, "the connection stays: the RST at SEQ %u is outside the window",
		       conn_relative(p, p->reset_seq));
	judge_observed(v, "RST with SEQ %u, as a closed endpoint answers", conn_relative(me, g->s->seq));
	return true;
}

/* Whether an application can abort here (3.10.5: in LAST-ACK and CLOSING a TCP may still say RST), or a
 * closed endpoint answers a segment that came too late. */
static void judge_reset_state(const struct judge *g)
{
	const struct conn_end *me = g->me, *p = g->peer;
	tcp_states can = conn_abortable(g->index) | IN(TCP_SYN_SENT) | IN(TCP_CLOSED) | IN(TCP_LISTEN);
	tcp_states now = g->live ? me->states : conn_reachable(g->index, p, me->states);
	bool fin_acked = (me->known & CONN_FIN) && (p->known & CONN_ACKED_FIN);
	bool rested = g->now_ms - me->acked_ms > SHORTEST_2MSL_MS;
	struct verdict *v;
	char text[120];

	if (g->live)
		can &= ~(IN(TCP_CLOSED) | IN(TCP_LISTEN));
	if (g->live && fin_acked && (p->known & CONN_FIN) && me->ack == p->fin_seq && p->fins_sent > 1) {
		v = judge_fail(g, RULE_FIN_COUNTED, "the application aborted in FIN-WAIT-2");
		judge_expected(v, "ack %u: FIN+1", conn_relative(p, p->fin_seq + 1));
		judge_observed(v, "RST in answer to a FIN that was never acknowledged");
	} else if ((now & can) || (me->known & CONN_LATE) || !fin_acked || rested ||
		   (p->known & (CONN_RESET | CONN_ACCUSED))) {
		judge_pass(g, RULE_RST_STATE);
	} else {
		v = judge_fail(g, RULE_RST_STATE, me->states & IN(TCP_TIME_WAIT) ?
				       "this end has a very short MSL" :
				       "the last ACK came twice, or the application aborted after closing");
		judge_expected(v, "no RST from %s", tcp_states_text(me->states, text, sizeof text));
		judge_observed(v, "RST with SEQ %u", conn_relative(me, g->s->seq));
	}
}

static void closed(const struct judge *g)
{
	g->me->states = IN(TCP_CLOSED);
	g->me->assumed = TCP_CLOSED;
}

/* In SYN-SENT and SYN-RECEIVED a wrong ACK draws a RST, and the state is kept (RFC 9293 3.10.7.3, step 1, and
 * 3.10.7.4, step 5). */
static bool keeps_opening(const struct judge *g)
{
	const struct conn_end *me = g->me;

	if ((me->known & CONN_SYN_BARE) && !(me->known & CONN_ACKED))
		return !(g->peer->known & CONN_ACKED_SYN);
	return !g->live && (me->states & IN(TCP_SYN_RECEIVED)) && !(g->s->flags & FLAG_ACK) &&
	       g->s->seq != me->end;
}

bool judge_reset(const struct judge *g)
{
	struct conn_end *me = g->me, *p = g->peer;

	if (answers_reset(g)) {
		struct verdict *v = judge_fail(g, RULE_RST_FOR_RST, NULL);

		judge_expected(v, "silence");
		judge_observed(v, "RST,ACK with SEQ 0 and ack %u: an answer to the RST",
			       conn_relative(p, g->s->ack));
	} else if ((p->known & CONN_STRAY) && (g->live || !of_another(g)) && judge_stray_answer(g)) {
		/* judged */
	} else if (g->live && (me->known & p->known & CONN_SYN_BARE) && refused_before(g)) {
		/* The application gave up, and our SYN, sent again, found nobody. */
		judge_pass(g, RULE_REFUSAL);
	} else if (!(me->known & CONN_SEEN)) {
		if (g->live && !(p->known & CONN_SYN))
			return false;
		if ((p->known & (CONN_SYN_BARE | CONN_ACKED)) == CONN_SYN_BARE && !judge_refusal(g))
			return false;
	} else if (keeps_opening(g) || (!g->live && (refused_before(g) || of_another(g)))) {
		return false;
	} else if (!judge_obeyed(g)) {
		judge_reset_number(g);
		if (!(me->known & CONN_RESET))
			judge_reset_state(g);
	}
	closed(g);
	return true;
}
