/* SPDX-License-Identifier: BSD-2-Clause */
/* A segment of an open connection: SEQ, ACK, FIN, and the states that can send it. */
#include "core/conn_states.h"
#include "core/judge.h"
#include "core/seq.h"

enum { NEAR_BY = 4096 }; /* numbers of one connection; farther away they may be of another */

#define OTHER_CONNECTION "it is of another connection with these ports"
#define OLDER_CONNECTION "it is of an older connection with these ports"

/* Somewhat before the ISS, and not a long way behind it. */
static bool precedes(const struct conn_end *e, uint32_t seq)
{
	return judge_has_iss(e) && seq_in(seq, e->iss - (1u << 28), 1u << 28);
}

/* ---- ACK --------------------------------------------------------------------------------------- */

/* In a recording only the peer's FIN tells where its numbers end: data may have been missed. */
static void judge_ack_beyond(const struct judge *g, uint32_t end, const char *excuse)
{
	struct verdict *v;

	if (seq_le(g->s->ack, end)) {
		judge_pass(g, RULE_ACK_UNSENT);
		return;
	}
	v = judge_fail(g, RULE_ACK_UNSENT, excuse);
	judge_expected(v, "ack at most %u, all that was sent", conn_relative(g->peer, end));
	judge_observed(v, "ack %u", conn_relative(g->peer, g->s->ack));
}

static void judge_ack_unsent(const struct judge *g)
{
	const struct conn_end *p = g->peer;

	if (!(g->s->flags & FLAG_ACK) || !(p->known & CONN_SEEN))
		return;
	if (precedes(p, g->s->ack - 1)) {
		struct verdict *v = judge_fail(g, RULE_ACK_UNSENT, OLDER_CONNECTION);

		judge_expected(v, "ack 1 or more");
		judge_observed(v, "ack %d", seq_diff(g->s->ack, p->iss));
	} else if (g->live) {
		judge_ack_beyond(g, p->end, NULL);
	} else if ((p->known & (CONN_FIN | CONN_ACCUSED)) == CONN_FIN && p->end == p->fin_seq + 1) {
		judge_ack_beyond(g, p->fin_seq + 1,
				 g->s->ack - p->fin_seq < NEAR_BY ? NULL : OTHER_CONNECTION);
	} else if (g->known) {
		judge_ack_beyond(g, p->end, "the capture lost a segment");
	} else if ((p->known & (CONN_SYN_ACK | CONN_DATA)) == CONN_SYN_ACK &&
		   !(g->me->known & CONN_ACKED) && !segment_len(g->s) && g->s->seq == g->me->end) {
		judge_ack_beyond(g, p->end, "the segments before it were not captured");
	}
}

static void fail_ack_kept(const struct judge *g, const char *excuse)
{
	struct verdict *v = judge_fail(g, RULE_ACK_KEPT, excuse);

	judge_expected(v, "ack %u or more, as before", conn_relative(g->peer, g->me->ack));
	judge_observed(v, "ack %u", conn_relative(g->peer, g->s->ack));
}

/* A pure ACK carries SND.NXT, so whatever begins there was sent after it and cannot know less. In a
 * recording only the ACK of a FIN counts, and only after a second. */
static void judge_ack_kept(const struct judge *g)
{
	const struct conn_end *me = g->me;
	bool late = g->now_ms - me->acked_ms > REORDER_MS;

	if (!(me->known & CONN_ACKED) || !(g->s->flags & FLAG_ACK) || seq_ge(g->s->ack, me->ack))
		judge_pass(g, RULE_ACK_KEPT);
	else if (g->s->seq != me->end)
		return;
	else if (g->live && segment_len(g->s))
		fail_ack_kept(g, NULL);
	else if (late && (g->live || ((me->known & CONN_ACKED_FIN) && me->ack == g->peer->fin_seq + 1)))
		fail_ack_kept(g, judge_on_path(g, "it was overtaken by later ones"));
}

/* The peer's FIN: acknowledged with FIN+1, or answered, again and again, as if it did not count. Answers
 * that could be window updates or keep-alives are left out. */
static void judge_fin_counted(const struct judge *g)
{
	struct conn_end *me = g->me;
	const struct conn_end *p = g->peer;
	const struct segment *s = g->s;
	struct verdict *v;
	bool updates;

	if (!(p->known & CONN_FIN) || !(s->flags & FLAG_ACK))
		return;
	if (s->ack == p->fin_seq + 1) {
		judge_pass(g, RULE_FIN_COUNTED);
		if (me->ack != s->ack)
			g->j->notes |= NOTE_ACKS_FIN;
		return;
	}
	updates = (!judge_has_iss(p) || p->fin_seq != p->iss + 1) && s->window != me->window;
	if (s->ack != p->fin_seq || me->ack != s->ack || segment_len(s) || s->seq != me->end || !s->window ||
	    !me->window || updates || p->fins_sent == me->fins_refused_last)
		return;
	me->fins_refused_last = p->fins_sent;
	me->fins_refused++;
	if (me->fins_refused != (g->live ? 3 : 2))
		return;
	v = judge_fail(g, RULE_FIN_COUNTED,
		       g->live ? NULL : judge_on_path(g, "the FINs were lost, and it answers something else"));
	judge_expected(v, "ack %u: FIN+1", conn_relative(p, p->fin_seq + 1));
	judge_observed(v, "ack %u in answer to each FIN", conn_relative(p, s->ack));
}

/* ---- SEQ --------------------------------------------------------------------------------------- */

/* One byte or none at ISS is a keep-alive probe (RFC 9293 3.8.4): legal. */
static void judge_syn_counted(const struct judge *g)
{
	const struct conn_end *me = g->me;
	const struct segment *s = g->s;
	struct verdict *v;

	if (!judge_has_iss(me))
		return;
	if (seq_gt(s->seq, me->iss)) {
		judge_pass(g, RULE_SYN_COUNTED);
	} else if (s->seq == me->iss ? (s->flags & FLAG_FIN) || s->len > 1 : g->live || precedes(me, s->seq)) {
		bool other = s->seq != me->iss && !g->live;

		v = judge_fail(g, RULE_SYN_COUNTED,
			       other ? OLDER_CONNECTION : NULL);
		judge_expected(v, "SEQ 1 or more: SYN counts one");
		judge_observed(v, "SEQ %d, %u bytes%s", seq_diff(s->seq, me->iss), s->len,
			       s->flags & FLAG_FIN ? " and FIN" : "");
	}
}

static void judge_fin(const struct judge *g)
{
	struct conn_end *me = g->me;
	uint32_t fin_seq = g->s->seq + g->s->len;
	struct verdict *v;

	if ((me->known & CONN_FIN) && me->fin_seq != fin_seq) {
		v = judge_fail(g, RULE_FIN_MOVED,
			       g->live ? NULL : judge_on_path(g, "somebody on the path has changed it"));
		judge_expected(v, "FIN at %u, as before", conn_relative(me, me->fin_seq));
		judge_observed(v, "FIN at %u", conn_relative(me, fin_seq));
		return;
	}
	/* A pure ACK shows SND.NXT, which counts the FIN. */
	if (!(me->known & CONN_FIN) && (seq_lt(fin_seq, me->data_end) || seq_lt(fin_seq + 1, me->end))) {
		v = judge_fail(g, RULE_FIN_PLACE,
			       g->live ? NULL : judge_on_path(g, "somebody on the path has changed it"));
		judge_expected(v, "FIN at %u or beyond, behind what was sent",
			       conn_relative(me, seq_max(me->data_end, me->end - 1)));
		judge_observed(v, "FIN at %u", conn_relative(me, fin_seq));
		return;
	}
	judge_pass(g, RULE_FIN_PLACE);
	judge_back_off(g, me->known & CONN_FIN);
	if (me->known & CONN_FIN) {
		g->j->notes |= NOTE_REPEATED;
		judge_pass(g, RULE_FIN_MOVED);
	} else {
		g->j->notes |= NOTE_FIN;
	}
}

/* What is sent again begins with the hole (RFC 6298 5.4), which may get lost again and again. So only one
 * segment that comes alone, time and again, from behind the hole shows that there is nothing in it. */
static void judge_hole(const struct judge *g)
{
	struct conn_end *me = g->me;
	const struct segment *s = g->s;
	bool next = s->seq == me->contiguous + 1; /* no large segment that the path cannot carry */
	struct verdict *v;

	if (!segment_len(s) || !g->live)
		return;
	if (seq_le(s->seq, me->contiguous) || s->seq != me->beyond_seq) {
		me->beyond_seq = s->seq;
		me->beyond_ms = g->now_ms;
		me->beyond = 0;
		return;
	}
	if (g->now_ms - me->beyond_ms < APART_MS)
		return;
	me->beyond_ms = g->now_ms;
	if (++me->beyond != 2)
		return;
	v = judge_fail(g, s->len ? RULE_OLDEST_FIRST : RULE_FIN_PLACE,
		       next ? NULL : "the path drops what lies before it each time");
	judge_expected(v, "SEQ %u, the first number that we do not know",
		       conn_relative(me, me->contiguous));
	judge_observed(v, "SEQ %u%s, three times", conn_relative(me, s->seq), s->len ? "" : " and FIN");
}

static void judge_data(const struct judge *g)
{
	const struct conn_end *me = g->me;
	uint32_t end = g->s->seq + g->s->len;
	bool here = g->live || seq_in(g->s->seq, me->fin_seq - NEAR_BY, 2 * NEAR_BY);

	if (!(me->known & CONN_FIN) || (g->s->flags & FLAG_FIN)) /* a FIN that moved has said it */
		return;
	/* A keep-alive probe may have a byte (RFC 9293 3.8.4). */
	if (g->s->len == 1 && g->s->seq == me->fin_seq && me->end == me->fin_seq + 1)
		return;
	if (seq_gt(end, me->fin_seq + !g->s->len)) { /* without data, SEQ = FIN+1 is the right one */
		struct verdict *v = judge_fail(g, RULE_DATA_AFTER_FIN, here ? NULL : OTHER_CONNECTION);

		judge_expected(v, "nothing beyond the FIN at %u", conn_relative(me, me->fin_seq));
		judge_observed(v, "SEQ %u, %u bytes", conn_relative(me, g->s->seq), g->s->len);
	} else if (g->s->len) {
		judge_pass(g, RULE_DATA_AFTER_FIN);
	}
}

/* ---- the state --------------------------------------------------------------------------------- */

/* Data taken although every ACK of the handshake was wrong has a rule of its own. */
static void fail_state(const struct judge *g, tcp_states can)
{
	const struct conn_end *me = g->me, *p = g->peer;
	char text[120];
	struct verdict *v;

	if (me->states == IN(TCP_SYN_RECEIVED) && (p->known & CONN_ACKED) && !(p->known & CONN_ACKED_SYN)) {
		v = judge_fail_row(g, TCP_SYN_RECEIVED, EVENT_DATA_BAD_ACK,
				   "the right ACK was not captured");
		judge_expected(v, "RST with SEQ %u, the ACK of that data", conn_relative(me, p->ack));
		judge_observed(v, "ack %u: the data was taken", conn_relative(p, g->s->ack));
		return;
	}
	v = judge_fail(g, RULE_STATE,
		       g->near ? judge_on_path(g, "segments to this end were not captured") :
				 "segments were lost or reordered before they were captured");
	judge_expected(v, "a segment of %s", tcp_states_text(me->states, text, sizeof text));
	judge_observed(v, "one that only %s sends", tcp_states_text(can, text, sizeof text));
}

static enum tcp_state latest(tcp_states set)
{
	enum tcp_state last = TCP_TIME_WAIT;

	while (last && !(set & IN(last)))
		last--;
	return last;
}

static void judge_state(const struct judge *g)
{
	struct conn_end *me = g->me;
	const struct segment *s = g->s;
	tcp_states can = conn_senders(g->index, me, g->peer, s);
	tcp_states before = conn_reachable(g->index, g->peer, me->states);
	bool fin_due = (s->flags & FLAG_FIN) || !(me->known & CONN_SEEN) || seq_gt(s->seq, me->contiguous);

	if (fin_due)
		before = conn_reachable(g->index, g->peer, conn_may_close(g->index, before));
	me->ever |= before;
	if ((s->flags & FLAG_FIN) && !g->old)
		me->assumed = (uint8_t)conn_closed_from(g->index, (enum tcp_state)me->assumed);
	if ((g->old ? me->ever : before) & can)
		judge_pass(g, RULE_STATE);
	else if (!g->j->count && !(me->known & CONN_ACCUSED))
		fail_state(g, can);
	if (g->old)
		return;
	me->states = before & can ? before & can : can;
	me->ever |= me->states;
	if (!(IN(me->assumed) & me->states))
		me->assumed = (uint8_t)latest(me->states);
}

/* ---- what is owed ------------------------------------------------------------------------------- */

static void fail_owed(const struct judge *g, enum event event, const char *expected)
{
	const struct conn_end *me = g->me, *p = g->peer;
	enum tcp_state state = !(me->known & CONN_FIN)	     ? TCP_ESTABLISHED :
			       p->known & CONN_ACKED_FIN ? TCP_FIN_WAIT_2 :
							   TCP_FIN_WAIT_1;
	struct verdict *v = judge_fail_row(g, state, event,
					   "a filter of this host dropped it, or there was no memory for it");

	judge_expected(v, "%s", expected);
	judge_observed(v, "a segment with ack %u", conn_relative(p, g->s->ack));
}

/* Where the capture was made, as somebody vouches for, what is seen has arrived: it has to be acknowledged,
 * or obeyed, by what is sent long after. */
static void judge_owed(const struct judge *g)
{
	const struct conn_end *me = g->me, *p = g->peer;
	const struct segment *s = g->s;

	if (!g->near || !(g->c->vantage & CONN_STATED) || !(s->flags & FLAG_ACK) || !me->window ||
	    !(me->known & CONN_ACKED))
		return;
	if ((p->known & CONN_RESET_EXACT) && g->now_ms - p->reset_ms > REORDER_MS)
		fail_owed(g, EVENT_RST_EXACT, "nothing after the RST at RCV.NXT");
	else if ((p->known & CONN_FIN) && p->fin_seq == p->contiguous && p->fins_sent > 2 &&
		 seq_le(s->ack, p->fin_seq))
		fail_owed(g, EVENT_FIN, "an ACK of the FIN, which came three times");
	else if (p->beyond > 3 && s->ack == p->beyond_seq)
		fail_owed(g, EVENT_DATA_IN_WINDOW, "an ACK of the data, which came four times");
}

/* A RST may overtake what was sent before it, for a while. */
static void judge_after_reset(const struct judge *g)
{
	const struct conn_end *me = g->me;
	uint32_t since = g->now_ms - me->reset_ms;
	bool copy = !g->live && seq_le(g->s->seq + segment_len(g->s), me->end) &&
		    judge_acked_before(me, g->s->ack);
	struct verdict *v;

	if ((since < REORDER_MS && !g->near) || copy || (me->known & CONN_ACCUSED)) {
		g->j->notes |= NOTE_OLD;
		return;
	}
	v = judge_fail(g, RULE_AFTER_RST,
		       me->known & CONN_RESET ? judge_on_path(g, "the RST overtook this segment") :
						"somebody else sent the RST");
	judge_expected(v, "nothing after this end's own RST");
	judge_observed(v, "a segment %u ms later", since);
}

static void note_kind(const struct judge *g)
{
	const struct conn_end *me = g->me;
	const struct segment *s = g->s;

	if (g->old)
		g->j->notes |= s->len ? NOTE_REPEATED : NOTE_OLD;
	else if ((me->known & CONN_SEEN) && s->len && seq_le(s->seq + s->len, me->end))
		g->j->notes |= NOTE_REPEATED;
}

bool judge_synchronized(const struct judge *g)
{
	note_kind(g);
	if (g->me->known & (CONN_RESET | CONN_RESET_OUT)) {
		judge_after_reset(g);
		return !g->live;
	}
	if (!g->live && (g->me->known & CONN_ACCUSED)) { /* all else would be its consequence */
		judge_state(g);
		return true;
	}
	judge_ack_unsent(g);
	if (g->me->known & CONN_SEEN) {
		judge_ack_kept(g);
		judge_syn_counted(g);
		judge_fin_counted(g);
		if ((g->s->flags & FLAG_FIN) && (g->live || !g->j->count))
			judge_fin(g);
		judge_data(g);
	}
	judge_state(g);
	judge_hole(g);
	if (!g->j->count)
		judge_owed(g);
	return true;
}
