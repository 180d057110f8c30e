/* SPDX-License-Identifier: BSD-2-Clause */
/* The opening: SYN, SYN,ACK, and what answers a SYN without being one. */
#include "core/judge.h"
#include "core/seq.h"

/* What is sent again before it is answered comes after growing pauses (RFC 6298 5.5), until they are a
 * minute long (2.5). A copy that was lost before it was seen makes two pauses one, which grow as well. */
void judge_back_off(const struct judge *g, bool repeated)
{
	struct conn_end *me = g->me;
	uint32_t gap = g->now_ms - me->repeat_ms, before = 10u * me->repeat_gap;
	struct verdict *v;

	if (repeated && gap < APART_MS)
		return; /* one segment, seen twice */
	if (g->peer->repeat_ms > me->repeat_ms)
		repeated = false; /* it answers the repetition of the other end */
	me->repeat_ms = g->now_ms;
	me->repeat_gap = (uint16_t)(!repeated ? 0 : gap / 10 > UINT16_MAX ? UINT16_MAX : gap / 10);
	if (!repeated || !before) {
		me->steady = 0;
		return;
	}
	if (gap + gap / 8 >= before + before / 2 || gap >= 55000) {
		me->steady = 0;
		judge_pass(g, RULE_BACK_OFF);
		return;
	}
	if (++me->steady != 3)
		return;
	v = judge_fail(g, RULE_BACK_OFF, "each of them answers something that was not seen");
	judge_expected(v, "a pause of about twice %u ms", before);
	judge_observed(v, "%u ms, the third pause that does not grow", gap);
}

static bool repeats_syn(const struct judge *g)
{
	return (g->me->known & (g->s->flags & FLAG_ACK ? CONN_SYN_ACK : CONN_SYN_BARE)) &&
	       g->s->seq == g->me->iss;
}

/* A SYN where the numbers of the open connection are. */
static bool judge_syn_within(const struct judge *g)
{
	const struct conn_end *me = g->me;
	struct verdict *v;

	if (!judge_has_iss(me) || !seq_in(g->s->seq, me->iss + 1, me->end - me->iss) ||
	    (!g->live && (me->known & CONN_ACCUSED)) ||
	    ((me->known & CONN_OTHER_SYN) && g->s->seq == me->other_iss))
		return false;
	v = judge_fail(g, RULE_STATE,
		       !g->live ? "it belongs to another connection with these ports" :
		       g->peer->known & CONN_RESET ? "our SYN came twice, the second time after our reset" : NULL);
	judge_expected(v, "no SYN once the connection is open");
	judge_observed(v, "SYN at SEQ %u of the connection", conn_relative(me, g->s->seq));
	return true;
}

/* An old duplicate of a SYN has come to a listener (RFC 9293 Figure 8), of this connection or of the one
 * before it. */
static bool answers_other_syn(const struct judge *g)
{
	const struct conn_end *peer = g->peer;

	if ((peer->known & CONN_SYN) && g->s->ack == peer->iss + 1)
		return false;
	return ((peer->known & CONN_OTHER_SYN) && g->s->ack == peer->other_iss + 1) ||
	       ((g->c->vantage & CONN_REUSED) && (peer->known & CONN_SYN) &&
		!seq_in(g->s->ack, peer->iss, peer->end - peer->iss + 2));
}

static void judge_syn_ack_number(const struct judge *g)
{
	const struct conn_end *me = g->me, *peer = g->peer;
	const struct segment *s = g->s;
	bool other = peer->known & CONN_OTHER_SYN;
	struct verdict *v;

	if (!(peer->known & CONN_SYN_BARE))
		return;
	/* Data on the SYN may be acknowledged at once (RFC 9293 3.10.7.2, step 3). */
	if (seq_gt(s->ack, peer->iss) &&
	    (s->ack == peer->iss + 1 ||
	     seq_le(s->ack, me->known & CONN_ACKED ? me->ack : peer->end))) {
		judge_pass(g, RULE_SYN_ACK_NUMBER);
		if (!(me->known & CONN_SYN))
			g->j->notes |= NOTE_OPENED;
		return;
	}
	/* Data on a SYN that was not captured, the first of several, may be acknowledged. */
	other |= !g->live && !seq_in(s->ack, peer->iss - 1, 4);
	v = judge_fail(g, RULE_SYN_ACK_NUMBER, other ? "it answers another SYN" : NULL);
	judge_expected(v, "ack 1: the ISN of the SYN and one");
	judge_observed(v, "ack %u", conn_relative(peer, s->ack));
}

/* A first SYN,ACK shows that the SYN was received; of a simultaneous open too (RFC 9293 Figure 7). */
static void opened(const struct judge *g)
{
	g->me->states = IN(TCP_SYN_RECEIVED);
	g->me->assumed = TCP_SYN_RECEIVED;
}

bool judge_syn_ack(const struct judge *g)
{
	struct conn_end *me = g->me;
	const struct segment *s = g->s;

	if (judge_syn_within(g))
		return false;
	if (answers_other_syn(g)) {
		g->j->notes |= NOTE_OLD_CONNECTION;
		return false;
	}
	if ((me->known & CONN_SYN) && me->iss != s->seq) {
		struct verdict *v;

		if (((me->known | g->peer->known) & (CONN_RESET | CONN_OTHER_SYN)) || conn_is_over(g->c)) {
			/* A SYN came twice, the second time to a listener: two connections in one. */
			me->known = (me->known & ~(uint32_t)CONN_RESET) | CONN_ACCUSED;
			if (g->live) {
				me->known |= CONN_OTHER_SYN;
				me->other_iss = s->seq;
			}
			return false;
		}
		v = judge_fail(g, RULE_SYN_ACK_REPEAT,
			       "SYN cookies, a proxy that answers twice, or a reset while the SYN came twice");
		judge_expected(v, "SEQ %u as in the first SYN,ACK", me->iss);
		judge_observed(v, "SEQ %u", s->seq);
		return false;
	}
	if (repeats_syn(g)) {
		judge_pass(g, RULE_SYN_ACK_REPEAT);
		g->j->notes |= NOTE_REPEATED;
	}
	judge_syn_ack_number(g);
	judge_back_off(g, repeats_syn(g));
	if (!(me->known & CONN_SYN_ACK) && !(me->known & CONN_ACKED))
		opened(g);
	return true;
}

/* A SYN without ACK: the application opens (perhaps towards somebody who does the same, RFC 9293 Figure 7),
 * or SYN,ACK lacks its ACK bit. */
bool judge_syn(const struct judge *g)
{
	struct conn_end *me = g->me;

	if (judge_syn_within(g))
		return false;
	if (g->live && (g->peer->known & CONN_SYN) && !repeats_syn(g)) {
		struct verdict *v = judge_fail(g, RULE_STATE, "the target's application connected to our port just now");

		judge_expected(v, "SYN,ACK, RST or nothing in answer to our SYN");
		judge_observed(v, "SYN without ACK");
	}
	if (repeats_syn(g))
		g->j->notes |= NOTE_REPEATED;
	if (!(me->known & CONN_SYN) || repeats_syn(g))
		judge_back_off(g, repeats_syn(g));
	if (!(me->known & (CONN_SYN_ACK | CONN_ACKED))) {
		me->states = IN(TCP_SYN_SENT);
		if (!g->live || (g->peer->known & CONN_SYN)) /* it may have received one */
			me->states |= IN(TCP_SYN_RECEIVED);
		me->assumed = TCP_SYN_SENT;
	}
	return true;
}

/* The endpoint knows the ports from an older connection (RFC 9293 3.5.1, Figure 9); or a SYN,ACK got lost,
 * and this answers a copy of the SYN; or the SYN bit was forgotten. */
void judge_unopened(const struct judge *g)
{
	const struct conn_end *peer = g->peer;
	struct verdict *v;

	if (!(peer->known & CONN_SYN) || !(g->s->flags & FLAG_ACK) || g->s->ack != peer->iss + 1) {
		g->j->notes |= NOTE_OLD_CONNECTION;
	} else if (++g->me->unopened == 3) {
		v = judge_fail(g, RULE_STATE, "each SYN,ACK was lost and our SYN came twice");
		judge_expected(v, "SYN,ACK");
		judge_observed(v, "our SYN acknowledged by a segment without SYN");
	}
}
