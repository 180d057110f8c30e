/* SPDX-License-Identifier: BSD-2-Clause */
/* What explains a segment: an answer that is owed, a repetition, or what application and timers do. */
#include "core/hypothesis.h"

#include <string.h>

#include "core/seq.h"

enum { KIND = FLAG_SYN | FLAG_FIN | FLAG_RST | FLAG_ACK };

static const tcp_states sends_data =
	IN(TCP_ESTABLISHED) | IN(TCP_CLOSE_WAIT) | IN(TCP_FIN_WAIT_1) | IN(TCP_CLOSING) | IN(TCP_LAST_ACK);

static bool seq_matches(const struct hypothesis *h, const struct owed *o, const struct reaction *reaction,
			uint32_t seq)
{
	const struct tcb *t = &h->tcb;
	enum seq_form form = replies[reaction->reply].seq;
	uint32_t snd_nxt = t->state <= TCP_LISTEN ? o->snd_nxt : t->snd_nxt;

	switch (form) {
	case SEQ_ZERO:
		return !seq;
	case SEQ_ISS: /* a new connection chooses it */
		return !(t->known & TCB_ISS) || seq == t->iss || t->state <= TCP_LISTEN ||
		       t->state == TCP_TIME_WAIT;
	case SEQ_SND_UNA:
		return seq == t->snd_una;
	case SEQ_SND_NXT:
		return seq == snd_nxt;
	case SEQ_SND_NXT_LESS:
		return seq == snd_nxt - 1;
	case SEQ_SEG_ACK: /* of a connection that was there, an abort will do */
		return seq == o->seg_ack || (reaction->next == IN(TCP_CLOSED) && seq == snd_nxt);
	case SEQ_FRESH: /* RFC 9293 3.6.1: above the largest number used, which is one less */
		return seq_ge(seq, h->old_nxt);
	default:
		return true;
	}
}

/* With text or FIN of ours outstanding, what is sent again. */
static bool is_repetition(const struct hypothesis *h, const struct segment *s)
{
	const struct tcb *t = &h->tcb;
	uint32_t end = s->seq + segment_len(s);

	if (t->state == TCP_SYN_SENT)
		return (s->flags & KIND) == FLAG_SYN && s->seq == t->iss;
	if (s->ack != t->rcv_nxt || !(s->flags & FLAG_ACK) || s->flags & FLAG_RST)
		return false;
	if (t->state == TCP_SYN_RECEIVED)
		return t->known & TCB_ISS && (s->flags & KIND) == (FLAG_SYN | FLAG_ACK) && s->seq == t->iss;
	if (!(IN(t->state) & sends_data) || s->flags & FLAG_SYN || !segment_len(s))
		return false;
	return seq_gt(s->seq, t->iss) && seq_lt(s->seq, t->snd_nxt) && seq_gt(end, t->snd_una) &&
	       seq_le(end, t->snd_nxt) &&
	       (!(s->flags & FLAG_FIN) || (t->known & TCB_FIN && end == t->snd_nxt));
}

static bool has_form(const struct hypothesis *h, const struct owed *o, const struct reaction *reaction,
		     const struct segment *s)
{
	enum reply reply = reaction->reply;
	const struct reply_form *form = &replies[reply];

	if (reply == REPLY_OLDEST_AGAIN)
		return is_repetition(h, s);
	if (reply == REPLY_RST_ANY)
		return s->flags & FLAG_RST;
	if (reply == REPLY_NONE || (s->flags & KIND) != form->flags)
		return false;
	if (reply == REPLY_FIN_AGAIN && !(h->tcb.known & TCB_FIN))
		return false;
	if (reply == REPLY_DATA && !s->len)
		return false;
	if (reply == REPLY_KEEPALIVE && s->len > 1)
		return false;
	/* A bare ACK is bare; what carries text has its own explanation. */
	if (form->flags == FLAG_ACK && reply != REPLY_DATA && reply != REPLY_KEEPALIVE && s->len)
		return false;
	if (!seq_matches(h, o, reaction, s->seq))
		return false;
	if (!(form->flags & FLAG_ACK) || form->ack == ACK_ANY)
		return !(form->flags & FLAG_ACK) || reply != REPLY_FIN_AGAIN ||
		       (seq_ge(s->ack, o->ack_from) && seq_le(s->ack, o->ack_to));
	return seq_ge(s->ack, o->ack_from) && seq_le(s->ack, o->ack_to);
}

const struct reaction *hypothesis_matches(const struct hypothesis *h, const struct owed *o,
					  const struct segment *s)
{
	if (has_form(h, o, o->reaction, s))
		return o->reaction;
	for (unsigned i = 0; o->others >> i; i++)
		if (o->others >> i & 1 && has_form(h, o, &o->rule->reactions[i], s))
			return &o->rule->reactions[i];
	return NULL;
}

/* The TCP has sent `s`. */
static void sent(struct hypothesis *h, const struct circumstances *c, const struct segment *s)
{
	struct tcb *t = &h->tcb;
	uint32_t end = s->seq + segment_len(s);

	if (s->flags & FLAG_RST)
		return;
	if (s->flags & FLAG_SYN && !(t->known & TCB_ISS)) {
		t->known |= TCB_ISS;
		t->iss = t->snd_una = s->seq;
		t->snd_nxt = s->seq + 1;
	}
	if (t->known & TCB_ISS)
		t->snd_nxt = seq_max(t->snd_nxt, end);
	if (s->flags & FLAG_FIN)
		t->known |= TCB_FIN;
	if (c->timestamps)
		t->known |= TCB_TIMESTAMPS;
	if (s->flags & FLAG_ACK && t->known & TCB_IRS) {
		uint32_t window = s->flags & FLAG_SYN ? s->window : (uint32_t)s->window << c->rcv_shift;

		if (seq_gt(s->ack, t->rcv_nxt))
			t->rcv_nxt = s->ack;
		t->rcv_edge = seq_max(t->rcv_edge, s->ack + window);
		if (s->options.present & OPTION_TIMESTAMPS && c->timestamps) {
			t->known |= TCB_TS_RECENT;
			t->ts_recent = s->options.tsecr;
		}
	}
}

static void explained(const struct hypothesis *h, const struct circumstances *c, const struct segment *s,
		      enum tcp_state next, struct hypotheses *out)
{
	struct hypothesis to = *h;

	if (to.tcb.state != next)
		to.since_us = s->t_us;
	if (next == TCP_SYN_SENT && to.tcb.state != TCP_SYN_SENT)
		to.tcb.known = 0;
	to.tcb.state = next;
	sent(&to, c, s);
	if (next == TCP_CLOSED || next == TCP_LISTEN)
		to.owed_count = 0;
	hypotheses_add(out, &to);
}

/* An ACK of the text, while that of the FIN behind it is still to come. */
static bool is_first_half(const struct hypothesis *h, const struct owed *o, const struct segment *s)
{
	return replies[o->reaction->reply].ack == ACK_SEG_END && (s->flags & KIND) == FLAG_ACK && !s->len &&
	       s->seq == h->tcb.snd_nxt && s->ack == o->ack_to - 1 && seq_gt(s->ack, o->before);
}

/* Text and probes, of which one serves several purposes. */
static bool is_text(const struct owed *o)
{
	return o->reaction->reply == REPLY_DATA || o->reaction->reply == REPLY_OLDEST_AGAIN ||
	       o->reaction->reply == REPLY_KEEPALIVE;
}

/* As one of the answers that are due. An ACK may do for all before it; those may still come. False if it is
 * none. */
static bool as_answer(const struct hypothesis *h, const struct circumstances *c, const struct segment *s,
		      bool optional, struct hypotheses *out, struct owed *answered)
{
	for (unsigned i = 0; i < h->owed_count; i++) {
		struct hypothesis to = *h;
		const struct reaction *reaction;

		if (h->owed[i].optional != optional)
			continue;
		if (is_first_half(h, &h->owed[i], s)) {
			explained(h, c, s, h->tcb.state, out);
			return true;
		}
		reaction = hypothesis_matches(h, &h->owed[i], s);
		if (!reaction)
			continue;
		if (!answered->rule) {
			*answered = h->owed[i];
			answered->reaction = reaction;
		}
		for (unsigned k = 0; k < h->owed_count; k++)
			if (k < i || (is_text(&h->owed[k]) && hypothesis_matches(h, &h->owed[k], s)))
				to.owed[k].optional = true;
		memmove(&to.owed[i], &to.owed[i + 1], (HYPOTHESIS_OWED - 1 - i) * sizeof *to.owed);
		memset(&to.owed[--to.owed_count], 0, sizeof *to.owed);
		explained(&to, c, s, to.tcb.state, out);
		return true;
	}
	return false;
}

/* Whether `s`, sent for another reason, does what is owed as well. */
static bool carries(const struct owed *o, const struct segment *s)
{
	if (o->reaction->reply == REPLY_DATA)
		return s->len > 0;
	return replies[o->reaction->reply].flags == FLAG_ACK && o->reaction->reply != REPLY_OLDEST_AGAIN &&
	       s->flags & FLAG_ACK && !(s->flags & FLAG_RST) && seq_ge(s->ack, o->ack_from);
}

/* Sent for a reason of its own; the ACK in it may be one that is owed. */
static void as_own(const struct hypothesis *h, const struct circumstances *c, const struct segment *s,
		   enum tcp_state next, struct hypotheses *out, struct owed *answered)
{
	struct hypothesis to = *h;

	for (unsigned i = 0; i < to.owed_count; i++) {
		if (!carries(&to.owed[i], s))
			continue;
		if (!answered->rule)
			*answered = to.owed[i];
		to.owed[i].optional = true;
	}
	explained(&to, c, s, next, out);
}

/* What a rule of a call or timer lets the TCP send of its own accord. */
static void by_rule(const struct hypothesis *h, const struct circumstances *c, const struct segment *s,
		    enum event e, struct hypotheses *out, struct owed *answered)
{
	const struct rule *r = c->index->rule[h->tcb.state][e];
	struct occasion o = { .at_us = s->t_us, .meant = e };

	if (!r || r->impossible)
		return;
	for (unsigned i = 0; i < r->reactions_count; i++) {
		const struct reaction *reaction = &r->reactions[i];
		struct owed owed = hypothesis_owe(h, c, &o, r, reaction);
		tcp_states next = reaction->next ? reaction->next : IN(h->tcb.state);

		if (!hypothesis_matches(h, &owed, s))
			continue;
		for (unsigned state = 0; state < TCP_STATES; state++)
			if (next & IN(state))
				as_own(h, c, s, (enum tcp_state)state, out, answered);
	}
}

/* Calls that nobody told, and timers that nobody sees. */
static void of_its_own_accord(const struct hypothesis *h, const struct circumstances *c,
			      const struct segment *s, struct hypotheses *out, struct owed *answered)
{
	bool told = c->calls_told, aged = s->t_us - h->since_us >= HYPOTHESIS_PATIENCE_US;
	bool text = s->len && (s->flags & KIND & ~FLAG_FIN) == FLAG_ACK && s->ack == h->tcb.rcv_nxt &&
		    s->seq == h->tcb.snd_nxt;

	if (is_repetition(h, s))
		as_own(h, c, s, h->tcb.state, out, answered);
	if (!told || h->flags & HYPOTHESIS_SENDS) {
		/* also what was queued before the close, and a probe of a closed window */
		if (text && !(s->flags & FLAG_FIN) && IN(h->tcb.state) & sends_data &&
		    !(h->tcb.known & TCB_FIN))
			as_own(h, c, s, h->tcb.state, out, answered);
	}
	if (!told || h->flags & HYPOTHESIS_CLOSES)
		by_rule(h, c, s, EVENT_USER_CLOSE, out, answered);
	if (!told) {
		by_rule(h, c, s, EVENT_USER_ABORT, out, answered);
		by_rule(h, c, s, EVENT_USER_ACTIVE_OPEN, out, answered);
	}
	if (!told || aged)
		by_rule(h, c, s, EVENT_TO_USER, out, answered);
	by_rule(h, c, s, EVENT_TO_KEEPALIVE, out, answered);
	by_rule(h, c, s, EVENT_TO_PERSIST, out, answered);
}

/* The application has read: the window changes, nothing else. */
static bool is_window_update(const struct hypothesis *h, const struct circumstances *c,
			     const struct segment *s)
{
	return h->tcb.state >= TCP_ESTABLISHED && (s->flags & KIND) == FLAG_ACK && !s->len &&
	       s->seq == h->tcb.snd_nxt && s->ack == h->tcb.rcv_nxt && c->sent_before &&
	       (uint32_t)s->window << c->rcv_shift != c->last_window;
}

void hypothesis_explain(const struct hypothesis *h, const struct circumstances *c, const struct segment *s,
			struct hypotheses *out, struct owed *answered)
{
	if (as_answer(h, c, s, false, out, answered) || as_answer(h, c, s, true, out, answered))
		return;
	of_its_own_accord(h, c, s, out, answered);
	if (h->flags & HYPOTHESIS_FREE || is_window_update(h, c, s))
		as_own(h, c, s, h->tcb.state, out, answered);
}
