/* SPDX-License-Identifier: BSD-2-Clause */
/* Where an occasion leads. What explains a segment is in hypothesis_explain.c. */
#include "core/hypothesis.h"

#include <string.h>

#include "core/seq.h"

enum {
	REST_US = 1000000, /* no limit of rate that we know of lasts longer, per connection */
	DELAY_US = 500000, /* RFC 9293 3.8.6.3 (MUST-40) */
	FOREVER_US = 1000000000,
};

bool hypothesis_waits(struct hypothesis *h, int64_t now_us)
{
	unsigned kept = 0;

	for (unsigned i = 0; i < h->owed_count; i++) {
		if (h->owed[i].deadline_us >= now_us)
			h->owed[kept++] = h->owed[i];
		else if (!h->owed[i].optional)
			return false;
	}
	memset(&h->owed[kept], 0, (HYPOTHESIS_OWED - kept) * sizeof *h->owed);
	h->owed_count = kept;
	return true;
}

void hypotheses_add(struct hypotheses *set, const struct hypothesis *h)
{
	for (unsigned i = 0; i < set->count; i++) {
		struct hypothesis same = *h;

		same.loosest = set->of[i].loosest;
		if (memcmp(&set->of[i], &same, sizeof same))
			continue;
		if (h->loosest < set->of[i].loosest)
			set->of[i].loosest = h->loosest;
		return;
	}
	if (set->count == HYPOTHESES) {
		set->overflow = true;
		return;
	}
	set->of[set->count++] = *h;
}

static bool is_call_or_timer(const struct occasion *o)
{
	return !o->is_segment;
}

/* Whether `wide` accepts all that `narrow` does. */
static bool accepts_all(const struct rule *wide, const struct rule *narrow)
{
	for (unsigned i = 0; i < narrow->reactions_count; i++) {
		const struct reaction *a = &narrow->reactions[i];
		bool found = false;

		for (unsigned k = 0; k < wide->reactions_count; k++)
			found = found ||
				(wide->reactions[k].reply == a->reply && wide->reactions[k].next == a->next);
		if (!found)
			return false;
	}
	return true;
}

const struct rule *hypothesis_rule(const struct hypothesis *h, const struct circumstances *c,
				   const struct occasion *o, enum event *event)
{
	const struct rule *meant = c->index->rule[h->tcb.state][o->meant];
	const struct rule *r;

	if (is_call_or_timer(o)) {
		*event = o->meant;
		return meant && !meant->impossible ? meant : NULL;
	}
	*event = event_of(&h->tcb, &o->s);
	r = event_rule(c->index, h->tcb.state, event);
	/* Of two names for the same, the one that was given; never one that demands more. Without a
	 * connection names differ only in what the sender knows. */
	if (r && meant && !meant->impossible &&
	    (accepts_all(meant, r) ||
	     (h->tcb.state <= TCP_LISTEN && meant->reactions[0].reply == r->reactions[0].reply))) {
		*event = o->meant;
		return meant;
	}
	return r;
}

/* What a reply may acknowledge. */
static void acknowledges(const struct hypothesis *h, const struct occasion *o, enum ack_form form,
			 uint32_t *from, uint32_t *to)
{
	uint32_t syn = !!(o->s.flags & FLAG_SYN);
	uint32_t end = o->s.seq + segment_len(&o->s);

	*from = *to = h->tcb.rcv_nxt;
	if (form == ACK_RCV_NXT_MORE)
		*from = *to = h->tcb.rcv_nxt + 1;
	if (is_call_or_timer(o))
		return;
	switch (form) {
	case ACK_SEG_END:
		*from = *to = end;
		break;
	case ACK_SEG_SYN:
		*from = *to = o->s.seq + 1;
		break;
	case ACK_SEG_TEXT:
		*from = *to = o->s.seq + syn + o->s.len;
		break;
	case ACK_PART:
		*from = syn ? o->s.seq + 1 : h->tcb.rcv_nxt;
		*to = end;
		break;
	default:
		break;
	}
}

struct owed hypothesis_owe(const struct hypothesis *h, const struct circumstances *c,
			   const struct occasion *o, const struct rule *r, const struct reaction *reaction)
{
	enum ack_form form = replies[reaction->reply].ack;
	struct owed owed = {
		.rule = r,
		.reaction = reaction,
		.deadline_us = o->at_us + c->patience_us + (r->delayed ? DELAY_US : 0),
		.state = h->tcb.state,
		.seg_ack = o->s.ack,
	};

	/* Our FIN once more carries the ACK that the rule wants. */
	if (reaction->reply == REPLY_FIN_AGAIN && r->reactions_count)
		form = replies[r->reactions[0].reply].ack;
	acknowledges(h, o, form, &owed.ack_from, &owed.ack_to);
	owed.before = h->tcb.rcv_nxt;
	owed.snd_nxt = h->tcb.snd_nxt;
	/* What waits in a queue goes when the window lets it. */
	if (is_call_or_timer(o) && o->meant <= EVENT_USER_ABORT &&
	    (h->flags & HYPOTHESIS_SHUT || (h->flags & HYPOTHESIS_SENDS && h->tcb.snd_una != h->tcb.snd_nxt)))
		owed.deadline_us += FOREVER_US;
	return owed;
}

/* --- where an occasion leads --- */

/* A SYN begins the connection anew, or gives it the peer's number. */
static void take_syn(struct hypothesis *h, const struct segment *s, enum tcp_state from,
		     const struct reaction *reaction)
{
	struct tcb *t = &h->tcb;

	if (from == TCP_TIME_WAIT) {
		h->old_nxt = t->snd_nxt;
		h->old_rcv_nxt = t->rcv_nxt;
		t->known = TCB_REOPENED;
	} else if (from != TCP_SYN_SENT) {
		t->known = 0;
	} else {
		t->known |= TCB_ACTIVE;
	}
	if (replies[reaction->reply].seq == SEQ_FRESH)
		t->known &= ~(unsigned)TCB_ISS;
	h->flags = 0;
	t->known |= TCB_IRS;
	t->irs = s->seq;
	t->rcv_nxt = s->seq + 1;
	t->rcv_edge = t->rcv_nxt;
	t->ts_recent = s->options.tsval;
}

/* From LISTEN straight to ESTABLISHED: the ACK brings a SYN cookie back. */
static void take_cookie(struct hypothesis *h, const struct segment *s)
{
	struct tcb *t = &h->tcb;

	t->known = TCB_ISS | TCB_IRS;
	t->irs = s->seq - 1;
	t->rcv_nxt = s->seq;
	t->rcv_edge = s->seq + 65535;
	t->iss = s->ack - 1;
	t->snd_una = t->snd_nxt = s->ack;
}

/* The peer's ACK, where it counts. */
static void take_ack(struct hypothesis *h, const struct segment *s, enum tcp_state next)
{
	struct tcb *t = &h->tcb;

	if (!(s->flags & FLAG_ACK) || s->flags & FLAG_RST || s->icmp.type || !(t->known & TCB_ISS))
		return;
	if (t->state != TCP_SYN_SENT && !event_in_window(t, s) && next == t->state)
		return;
	if (seq_gt(s->ack, t->snd_una) && seq_le(s->ack, t->snd_nxt))
		t->snd_una = s->ack;
	h->flags &= ~(unsigned)HYPOTHESIS_SHUT;
	h->flags |= s->window ? 0 : HYPOTHESIS_SHUT;
}

/* The connection is no more: of its numbers only those remain that others are counted from. */
static void gone(struct hypothesis *h, enum tcp_state state)
{
	struct tcb *t = &h->tcb;

	t->state = state;
	t->known &= TCB_ISS | TCB_IRS;
	t->snd_una = t->snd_nxt = t->iss;
	t->rcv_nxt = t->rcv_edge = t->irs;
	t->ts_recent = 0;
	h->flags &= HYPOTHESIS_FREE;
	h->since_us = 0;
	h->held_seq = h->held_end = h->old_nxt = h->old_rcv_nxt = 0;
	h->throttled = NULL;
	h->throttled_us = 0;
}

static void enter(struct hypothesis *h, const struct occasion *o, const struct reaction *reaction,
		  enum tcp_state next)
{
	const struct reply_form *form = &replies[reaction->reply];
	enum tcp_state from = h->tcb.state;
	bool taken = o->is_segment && form->flags & FLAG_ACK && !(form->flags & FLAG_RST);
	uint32_t ack_from, ack_to;

	acknowledges(h, o, form->ack, &ack_from, &ack_to);
	if (reaction->reply == REPLY_FIN_AGAIN && h->owed_count)
		ack_from = h->owed[h->owed_count - 1].ack_from;
	if (o->is_segment) {
		take_ack(h, &o->s, next);
		if (next == TCP_SYN_RECEIVED && from != TCP_SYN_RECEIVED)
			take_syn(h, &o->s, from, reaction);
		else if (from == TCP_LISTEN && next == TCP_ESTABLISHED)
			take_cookie(h, &o->s);
		else if (from == TCP_SYN_SENT && o->s.flags & FLAG_SYN) {
			h->tcb.known |= TCB_IRS;
			h->tcb.irs = o->s.seq;
			h->tcb.rcv_nxt = h->tcb.rcv_edge = o->s.seq + 1;
		}
	}
	if (taken && seq_gt(ack_from, h->tcb.rcv_nxt))
		h->tcb.rcv_nxt = ack_from;
	if (from == TCP_SYN_RECEIVED && next == TCP_TIME_WAIT) {
		h->tcb.snd_una = h->tcb.snd_nxt = h->old_nxt;
		h->tcb.rcv_nxt = h->tcb.rcv_edge = h->old_rcv_nxt;
	}
	if (next == TCP_SYN_SENT && from != TCP_SYN_SENT)
		h->tcb.known = 0;
	if (next == TCP_TIME_WAIT || next == TCP_FIN_WAIT_2)
		h->tcb.snd_una = h->tcb.snd_nxt;
	if (next <= TCP_LISTEN) {
		gone(h, next);
		return;
	}
	if (next != from)
		h->since_us = o->at_us;
	h->tcb.state = next;
}

/* Text behind a gap may be kept. */
static void hold(struct hypothesis *h, const struct occasion *o, enum event e)
{
	if ((e != EVENT_DATA_OUT_OF_ORDER && e != EVENT_FIN_OUT_OF_ORDER) || h->flags & HYPOTHESIS_HELD)
		return;
	h->flags |= HYPOTHESIS_HELD | (o->s.flags & FLAG_FIN ? HYPOTHESIS_HELD_FIN : 0);
	h->held_seq = o->s.seq;
	h->held_end = o->s.seq + segment_len(&o->s);
}

/* The gap is filled: what was kept counts as well, in a hypothesis of its own. */
static void release(const struct hypothesis *h, const struct circumstances *c, struct hypotheses *out)
{
	struct hypothesis more = *h;
	const struct rule *r = c->index->rule[h->tcb.state][EVENT_FIN];

	if (!(h->flags & HYPOTHESIS_HELD) || !h->owed_count || seq_lt(h->tcb.rcv_nxt, h->held_seq))
		return;
	if (seq_lt(h->tcb.rcv_nxt, h->held_end)) {
		more.tcb.rcv_nxt = h->held_end;
		more.owed[more.owed_count - 1].ack_to = h->held_end;
		if (h->flags & HYPOTHESIS_HELD_FIN && r && r->reactions_count && r->reactions[0].next)
			while (!(IN(more.tcb.state) & r->reactions[0].next))
				more.tcb.state = (enum tcp_state)((more.tcb.state + 1) % TCP_STATES);
	}
	more.flags &= ~(unsigned)(HYPOTHESIS_HELD | HYPOTHESIS_HELD_FIN);
	hypotheses_add(out, &more);
}

static bool may_be_throttled(const struct hypothesis *h, const struct rule *r, const struct occasion *o)
{
	return h->throttled != r || o->at_us - h->throttled_us < REST_US;
}

/* Whether the two differ in nothing but how they answer `r`, the last thing that was asked. */
static bool is_alike(const struct hypothesis *a, const struct hypothesis *b, const struct rule *r)
{
	struct hypothesis x = *a, y = *b;
	struct owed *last = x.owed_count ? &x.owed[x.owed_count - 1] : NULL;

	if (last && x.owed_count == y.owed_count && last->rule == r) {
		last->reaction = y.owed[y.owed_count - 1].reaction;
		last->others = y.owed[y.owed_count - 1].others;
		last->optional = y.owed[y.owed_count - 1].optional;
	} else if (last && x.owed_count == y.owed_count + 1 && last->rule == r) {
		memset(last, 0, sizeof *last);
		x.owed_count--;
	}
	x.loosest = y.loosest;
	return !memcmp(&x, &y, sizeof x);
}

/* Adds `to`, in which `r` is answered or (`silent`) not. Answers that lead to the same are one hypothesis. */
static void add_answer(struct hypotheses *out, const struct hypothesis *to, const struct rule *r, bool silent)
{
	const struct owed *mine = silent ? NULL : &to->owed[to->owed_count - 1];

	for (unsigned i = 0; i < out->count; i++) {
		struct hypothesis *x = &out->of[i];
		struct owed *last = x->owed_count ? &x->owed[x->owed_count - 1] : NULL;

		if (mine && last && x->owed_count == to->owed_count && is_alike(x, to, r)) {
			last->others |= 1U << (mine->reaction - r->reactions);
			return;
		}
		if (silent && last && x->owed_count == to->owed_count + 1 && is_alike(x, to, r)) {
			last->optional = true;
			return;
		}
		if (mine && x->owed_count + 1 == to->owed_count && is_alike(to, x, r)) {
			*x = *to;
			x->owed[x->owed_count - 1].optional = true;
			return;
		}
	}
	hypotheses_add(out, to);
}

static void owe(struct hypothesis *to, const struct owed *owed)
{
	if (to->owed_count == HYPOTHESIS_OWED) { /* more than can be kept apart */
		memmove(to->owed, to->owed + 1, (HYPOTHESIS_OWED - 1) * sizeof *to->owed);
		to->owed_count--;
		to->flags |= HYPOTHESIS_FREE;
	}
	to->owed[to->owed_count++] = *owed;
}

static void branch(const struct hypothesis *h, const struct circumstances *c, const struct occasion *o,
		   const struct rule *r, const struct reaction *reaction, enum event e,
		   struct hypotheses *out)
{
	tcp_states next = reaction->next ? reaction->next : IN(h->tcb.state);
	struct owed owed = hypothesis_owe(h, c, o, r, reaction);
	bool throttled = reaction->grade == GRADE_THROTTLED;

	for (unsigned state = 0; state < TCP_STATES; state++) {
		struct hypothesis to = *h;

		if (!(next & IN(state)))
			continue;
		if (reaction->grade > to.loosest)
			to.loosest = reaction->grade;
		/* What was due before will not come from where there is no connection. */
		if (state <= TCP_LISTEN && h->tcb.state > TCP_LISTEN) {
			memset(to.owed, 0, sizeof to.owed);
			to.owed_count = 0;
		}
		if (reaction->reply != REPLY_NONE)
			owe(&to, &owed);
		enter(&to, o, reaction, (enum tcp_state)state);
		if (throttled || h->throttled == r) {
			to.throttled = throttled ? r : NULL;
			to.throttled_us = throttled ? o->at_us : 0;
		}
		hold(&to, o, e);
		if (throttled)
			hypotheses_add(out, &to);
		else
			add_answer(out, &to, r, reaction->reply == REPLY_NONE);
		release(&to, c, out);
	}
}

static void remember_call(struct hypothesis *h, enum event e)
{
	if (e == EVENT_USER_SEND)
		h->flags |= HYPOTHESIS_SENDS;
	if (e == EVENT_USER_CLOSE || e == EVENT_USER_SHUTDOWN_WR)
		h->flags |= HYPOTHESIS_CLOSES;
}

static void step(const struct hypothesis *h, const struct circumstances *c, const struct occasion *o,
		 struct hypotheses *out)
{
	struct hypothesis from = *h;
	enum event e;
	const struct rule *r = hypothesis_rule(h, c, o, &e);

	from.flags &= ~(unsigned)HYPOTHESIS_FREE;
	from.seen += o->is_segment;
	if (is_call_or_timer(o))
		remember_call(&from, e);
	if (!r && (e == EVENT_BAD_CHECKSUM || is_call_or_timer(o))) { /* nothing happens */
		hypotheses_add(out, &from);
		return;
	}
	if (!r) { /* nobody knows what happens */
		from.flags |= HYPOTHESIS_FREE;
		hypotheses_add(out, &from);
		if (from.tcb.state > TCP_LISTEN)
			gone(&from, TCP_CLOSED);
		hypotheses_add(out, &from);
		return;
	}
	for (unsigned i = 0; i < r->reactions_count; i++) {
		const struct reaction *reaction = &r->reactions[i];

		if (reaction->grade != GRADE_THROTTLED || may_be_throttled(h, r, o))
			branch(&from, c, o, r, reaction, e, out);
	}
}

/* What can have happened in the meantime without a word: timers, and calls that are not told. */
static tcp_states meanwhile(const struct hypothesis *h, const struct circumstances *c, int64_t now_us)
{
	int64_t passed = now_us - h->since_us;
	tcp_states over = IN(TCP_CLOSED) | IN(TCP_LISTEN);

	if (c->calls_told)
		over = (c->must_listen ? 0 : IN(TCP_CLOSED)) | (c->may_listen ? IN(TCP_LISTEN) : 0);

	switch (h->tcb.state) {
	case TCP_CLOSED:
		return over;
	case TCP_LISTEN:
		return IN(TCP_LISTEN) | (c->calls_told ? 0 : over);
	case TCP_TIME_WAIT:
		return IN(TCP_TIME_WAIT) | (passed >= HYPOTHESIS_PATIENCE_US ? over : 0);
	case TCP_SYN_SENT:
		if (!c->calls_told)
			return IN(TCP_SYN_SENT) | over;
		break;
	default:
		break;
	}
	/* Where both ends may rest, only what stays unacknowledged ends a connection. */
	if (passed < HYPOTHESIS_PATIENCE_US ||
	    (IN(h->tcb.state) & (IN(TCP_ESTABLISHED) | IN(TCP_CLOSE_WAIT)) &&
	     h->tcb.snd_una == h->tcb.snd_nxt))
		return IN(h->tcb.state);
	return IN(h->tcb.state) | over;
}

void hypothesis_step(const struct hypothesis *h, const struct circumstances *c, const struct occasion *o,
		     struct hypotheses *out)
{
	tcp_states now = meanwhile(h, c, o->at_us);

	/* A call finds a connection, or that there is none: it knows which. */
	if (is_call_or_timer(o) && h->tcb.state <= TCP_LISTEN)
		now = IN(h->tcb.state);

	if (now & IN(h->tcb.state))
		step(h, c, o, out);
	for (unsigned state = TCP_CLOSED; state <= TCP_LISTEN; state++) {
		struct hypothesis to = *h;

		if (!(now & IN(state)) || state == h->tcb.state)
			continue;
		gone(&to, (enum tcp_state)state);
		step(&to, c, o, out);
	}
}
