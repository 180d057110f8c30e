/* SPDX-License-Identifier: BSD-2-Clause */
#include "cmd/reuse_syn.h"

#include <stdio.h>

#include "core/seq.h"

/* Waits a moment between the two: a timestamp must be newer. */
enum { TICK_US = 20000 };

/* What the SYN drew: the first segment of the target; NULL: nothing. */
static const struct segment *drawn(const struct exchange *x)
{
	for (size_t i = 0; i < x->lines_count; i++)
		if (!x->lines[i].out && !x->lines[i].segment.icmp.type)
			return &x->lines[i].segment;
	return NULL;
}

/* The form of the rules that the answer has; REPLIES if it is none of those that matter here. `old` is the
 * connection before. */
static enum reply reply_of(const struct segment *s, const struct exchange *old, const struct exchange *x)
{
	if (!s)
		return REPLY_NONE;
	if (s->flags & FLAG_RST)
		return REPLY_RST_ANY;
	if (s->flags & FLAG_SYN && s->flags & FLAG_ACK && s->ack == x->prober.iss + 1)
		return seq_ge(s->seq, old->prober.rcv_nxt) ? REPLY_SYN_ACK_FRESH : REPLY_SYN_ACK;
	if ((s->flags & (FLAG_SYN | FLAG_ACK)) == FLAG_ACK && s->seq == old->prober.rcv_nxt &&
	    s->ack == old->prober.snd_nxt)
		return REPLY_ACK;
	return REPLIES;
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

static void describe(const struct segment *s, const struct exchange *old, char *text, size_t len)
{
	char flags[FLAGS_TEXT];

	if (!s)
		snprintf(text, len, "nothing");
	else if (s->flags & FLAG_SYN)
		snprintf(text, len, "SYN,ACK, ISS %d %s the old connection's next number",
			 seq_diff(s->seq, old->prober.rcv_nxt) < 0 ? -seq_diff(s->seq, old->prober.rcv_nxt) :
								     seq_diff(s->seq, old->prober.rcv_nxt),
			 seq_diff(s->seq, old->prober.rcv_nxt) < 0 ? "below" : "above");
	else
		snprintf(text, len, "%s", s->flags & FLAG_RST ? "RST" : s->flags == FLAG_ACK ? "ACK" :
						       flags_text(s->flags, flags));
}

static void judge(struct session *session, const struct reuse_syn *s, const struct exchange x[2])
{
	const struct rule *row = session->plan.rules.rule[TCP_TIME_WAIT][s->event];
	const struct segment *answer = drawn(&x[1]);
	const struct reaction *reaction = allowed(row, reply_of(answer, &x[0], &x[1]));
	char observed[160];
	struct report_item item = {
		.name = s->name, .target = session->targets[0], .what = s->what, .class = row->class,
		.citation = row->citation, .requirement = row->requirement, .observed = observed,
		.expected = row->sentence, .family = x[0].params.prober.target.addr.family,
	};

	describe(answer, &x[0], observed, sizeof observed);
	if (x[0].first.verified != VERIFIED_THERE || x[0].outcome == OUTCOME_FAIL || x[0].outcome == OUTCOME_ERROR) {
		item.outcome = x[0].outcome == OUTCOME_ERROR ? OUTCOME_ERROR : OUTCOME_INCONCLUSIVE;
		item.observed = NULL;
		item.reason = reuse_why(&x[0]);
	} else if (x[1].error[0]) {
		item.outcome = OUTCOME_ERROR;
		item.reason = x[1].error;
	} else if (!reaction) {
		item.outcome = OUTCOME_FAIL;
	} else {
		item.reason = reaction->when ? reaction->when : "as required";
	}
	/* The row allows several ways: an answer that is none of them differs from all of the text. */
	session_item(session, &item, true);
}

bool reuse_syn_play(struct session *session, struct link *link, const struct reuse_syn *s, struct exchange x[2])
{
	struct exchange_params params = x[0].params;

	if (!s->timestamps)
		params.prober.syn_options.present &= (uint8_t)~OPTION_TIMESTAMPS;
	options_build(&params.prober.syn_options);
	params.check = &drive_checks[TCP_TIME_WAIT][OPENER_PASSIVE];
	params.hold_us = TICK_US;
	if (!reuse_prepare(&x[0], &params) || !reuse_play(session, link, &x[0]))
		return false;
	params = x[0].params;
	params.check = &reuse_syn_check;
	params.prober.isn = x[0].prober.snd_nxt + (uint32_t)s->above;
	if (!reuse_prepare(&x[1], &params))
		return false;
	if (x[0].first.verified == VERIFIED_THERE && !reuse_play(session, link, &x[1]))
		return false;
	judge(session, s, x);
	return true;
}
