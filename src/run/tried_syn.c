/* SPDX-License-Identifier: BSD-2-Clause */
#include "run/tried_syn.h"

#include <inttypes.h>
#include <stdio.h>

#include "core/seq.h"

/* What came in after the SYN. */
struct drawn {
	const struct segment *answer; /* NULL: none */
	unsigned syns;    /* that had left before it; all, without one */
	bool maybe_old;   /* something came that may be of the old connection */
};

bool tried_syn_init(struct exchange *x, const struct exchange *old, const struct check *check, int32_t above)
{
	struct exchange_params params = old->params;

	params.check = check;
	params.prober.isn = old->prober.snd_nxt + (uint32_t)above;
	if (!exchange_init(x, &params))
		return false;
	x->prober.srtt_us = old->prober.srtt_us;
	return true;
}

static bool acks_next(const struct segment *s, const struct exchange *old)
{
	return (s->flags & (FLAG_SYN | FLAG_RST | FLAG_FIN | FLAG_ACK)) == FLAG_ACK && !s->len &&
	       s->seq == old->prober.rcv_nxt && s->ack == old->prober.snd_nxt;
}

/* A segment that the target may have sent before it got the SYN, late or copied on its way. An ACK of all is
 * an answer as well. */
static bool maybe_old(const struct segment *s, const struct exchange *old)
{
	const struct prober *p = &old->prober;

	if (s->flags & FLAG_RST || !(s->flags & FLAG_ACK) || acks_next(s, old))
		return false;
	if (s->flags & FLAG_SYN)
		return s->seq == p->irs && s->ack == p->iss + 1;
	return s->seq - p->irs <= p->rcv_nxt - p->irs && s->ack - p->iss <= p->snd_nxt - p->iss &&
	       seq_le(s->seq + segment_len(s), p->rcv_nxt);
}

/* How much a segment tells: an ACK may be the late one of an old byte, anything else is an answer. */
static int weight(const struct segment *s, const struct exchange *old)
{
	if (s->flags & (FLAG_SYN | FLAG_RST))
		return 3;
	return acks_next(s, old) ? 1 : 2;
}

static struct drawn drawn(const struct exchange *x, const struct exchange *old)
{
	struct drawn d = { .answer = NULL };
	unsigned syns = 0;

	for (size_t i = 0; i < x->lines_count; i++) {
		const struct line *l = &x->lines[i];
		const struct segment *s = &l->segment;

		if (l->out) {
			syns += !!(s->flags & FLAG_SYN);
		} else if (s->icmp.type || s->checksum == CHECKSUM_BAD) {
			continue;
		} else if (maybe_old(s, old)) {
			d.maybe_old = true;
		} else if (!d.answer || weight(s, old) > weight(d.answer, old)) {
			d.answer = s;
			d.syns = syns;
		}
	}
	if (!d.answer)
		d.syns = syns;
	return d;
}

/* The form of the rules that the answer has; REPLIES if it is none of those that matter here. */
static enum reply reply_of(const struct segment *s, const struct exchange *old, const struct exchange *x)
{
	if (!s)
		return REPLY_NONE;
	if (s->flags & FLAG_RST)
		return REPLY_RST_ANY;
	if ((s->flags & (FLAG_SYN | FLAG_ACK | FLAG_FIN)) == (FLAG_SYN | FLAG_ACK) && s->ack == x->prober.iss + 1)
		return seq_ge(s->seq, old->prober.rcv_nxt) ? REPLY_SYN_ACK_FRESH : REPLY_SYN_ACK;
	return acks_next(s, old) ? REPLY_ACK : REPLIES;
}

/* The reaction of the row that allows it; NULL: none does. An ISS above all old numbers is also any ISS. */
static const struct reaction *allowed(const struct rule *row, enum reply reply)
{
	for (unsigned i = 0; i < row->reactions_count; i++)
		if (row->reactions[i].reply == reply ||
		    (reply == REPLY_SYN_ACK_FRESH && row->reactions[i].reply == REPLY_SYN_ACK))
			return &row->reactions[i];
	return NULL;
}

/* Whether it allows to open, and the answer can come from SYN-RECEIVED: to a second copy of the SYN, when the
 * SYN,ACK was lost. */
static bool may_have_opened(const struct rule *row, const struct segment *s, const struct exchange *x)
{
	return (s->flags & (FLAG_SYN | FLAG_RST | FLAG_ACK)) == FLAG_ACK && s->ack == x->prober.iss + 1 &&
	       allowed(row, REPLY_SYN_ACK_FRESH);
}

static void describe(const struct segment *s, const struct exchange *old, const struct exchange *x, char *text,
		     size_t len)
{
	const bool opens = s && s->flags & FLAG_SYN && s->flags & FLAG_ACK && !(s->flags & FLAG_RST);
	const char *wrong = "";
	char flags[FLAGS_TEXT];
	int64_t above;

	if (!s) {
		snprintf(text, len, "nothing");
		return;
	}
	above = seq_diff(s->seq, old->prober.rcv_nxt);
	if (opens ? s->ack != x->prober.iss + 1 : !(s->flags & FLAG_RST) && !acks_next(s, old))
		wrong = opens ? ", with a wrong acknowledgment number" : " with wrong numbers";
	if (opens && above)
		snprintf(text, len, "SYN,ACK, ISS %" PRId64 " %s the old connection's next number%s",
			 above < 0 ? -above : above, above < 0 ? "below" : "above", wrong);
	else if (opens)
		snprintf(text, len, "SYN,ACK, ISS the old connection's next number%s", wrong);
	else
		snprintf(text, len, "%s%s", s->flags & FLAG_RST ? "RST" : s->flags == FLAG_ACK ? "ACK" :
						     flags_text(s->flags, flags), wrong);
}

void tried_syn_judge(struct tried_syn *t, const struct rule *row, const struct exchange *old,
		     const struct exchange *x)
{
	const struct drawn d = drawn(x, old);
	const struct reaction *reaction = allowed(row, reply_of(d.answer, old, x));

	*t = (struct tried_syn){ .outcome = OUTCOME_INCONCLUSIVE };
	describe(d.answer, old, x, t->observed, sizeof t->observed);
	if (x->error[0]) {
		t->outcome = OUTCOME_ERROR;
		t->reason = x->error;
	} else if (!d.answer && d.maybe_old) {
		t->reason = "what came may be of the old connection";
	} else if (!d.answer && (x->icmp.type || x->unanswered[0])) {
		t->reason = "the network says that it did not arrive";
	} else if (!d.answer && d.syns < 2) {
		t->reason = "one SYN alone may have got lost; a longer --timeout leaves time for more";
	} else if (!reaction && d.syns > 1) {
		/* A SYN before may have opened, or ended TIME-WAIT; or that was over by the last one. */
		t->reason = "not the first SYN drew it, and an answer to one before may have got lost";
	} else if (!reaction && may_have_opened(row, d.answer, x)) {
		t->reason = "its SYN,ACK may have got lost";
	} else if (!reaction) {
		t->outcome = OUTCOME_FAIL;
	} else {
		t->outcome = OUTCOME_PASS;
		t->reason = reaction->when ? reaction->when : "as required";
	}
}
