/* SPDX-License-Identifier: BSD-2-Clause */
#include "core/judge.h"

#include <stdarg.h>
#include <stdio.h>

#include "core/seq.h"

/* ---- verdicts ---------------------------------------------------------------------------------- */

static struct verdict *add(const struct judge *g, const struct rule *rule, const char *excuse)
{
	struct verdict *v = &g->j->failed[g->j->count];

	if (g->j->count < JUDGEMENT_VERDICTS - 1)
		g->j->count++; /* the last place is overwritten: a segment so broken has said enough */
	*v = (struct verdict){ .outcome = OUTCOME_FAIL, .certainty = excuse ? LIKELY : CERTAIN,
			       .rule = rule,
			       .state = TCP_STATES, .frame = g->s->frame };
	snprintf(v->reason, sizeof v->reason, "%s", excuse ? excuse : "");
	return v;
}

struct verdict *judge_fail(const struct judge *g, enum rule_id id, const char *excuse)
{
	g->j->passed &= ~(UINT64_C(1) << id);
	if (id >= RULE_SYN_ACK_NUMBER && id != RULE_BACK_OFF)
		g->me->known |= CONN_ACCUSED;
	return add(g, &rules[id], excuse);
}

struct verdict *judge_fail_row(const struct judge *g, enum tcp_state state, enum event event,
			       const char *excuse)
{
	struct verdict *v = add(g, g->index->rule[state][event], excuse);

	v->state = state;
	g->me->known |= CONN_ACCUSED;
	return v;
}

void judge_expected(struct verdict *v, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(v->expected, sizeof v->expected, format, args);
	va_end(args);
}

void judge_observed(struct verdict *v, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(v->observed, sizeof v->observed, format, args);
	va_end(args);
}

/* ---- what every segment must be ---------------------------------------------------------------- */

static void judge_checksum(const struct judge *g)
{
	if (g->s->checksum == CHECKSUM_BAD) {
		struct verdict *v = judge_fail(g, RULE_CHECKSUM, "the segment was damaged on its way");

		judge_expected(v, "the checksum of the segment");
		judge_observed(v, "another one; the segment counts as not received");
		g->j->notes |= NOTE_BAD_CHECKSUM;
	} else if (g->s->checksum == CHECKSUM_GOOD) {
		judge_pass(g, RULE_CHECKSUM);
	} else {
		g->j->notes |= NOTE_CHECKSUM_UNKNOWN;
	}
}

/* False if the flags contradict each other, so that nothing else of the segment means anything. */
static bool judge_flags(const struct judge *g)
{
	uint16_t f = g->s->flags;
	char text[FLAGS_TEXT];
	bool legal = !((f & FLAG_SYN) && (f & (FLAG_FIN | FLAG_RST))) &&
		     !((f & FLAG_RST) && (f & FLAG_FIN));

	if (!legal) {
		struct verdict *v = judge_fail(g, RULE_FLAGS, NULL);

		judge_expected(v, "at most one of SYN, FIN, RST");
		judge_observed(v, "flags %s", flags_text(f, text));
		return false;
	}
	judge_pass(g, RULE_FLAGS);
	if (f & 0xe00) { /* the bit next to CWR is AE, RFC 9768 */
		struct verdict *v = judge_fail(g, RULE_RESERVED, NULL);

		judge_expected(v, "reserved bits 000");
		judge_observed(v, "flags %s", flags_text(f, text));
	} else {
		judge_pass(g, RULE_RESERVED);
	}
	if (f & (FLAG_SYN | FLAG_RST | FLAG_ACK)) {
		if (!(f & (FLAG_SYN | FLAG_RST)))
			judge_pass(g, RULE_ACK_BIT);
	} else {
		struct verdict *v = judge_fail(g, RULE_ACK_BIT, NULL);

		judge_expected(v, "a segment with the ACK bit");
		judge_observed(v, "flags %s", flags_text(f, text));
	}
	return true;
}

/* Options that only a SYN may carry. */
static void judge_syn_options(const struct judge *g)
{
	static const struct {
		uint8_t option;
		enum rule_id rule;
	} only_on_syn[] = {
		{ OPTION_MSS, RULE_MSS_ON_SYN },
		{ OPTION_WSCALE, RULE_WSCALE_ON_SYN },
		{ OPTION_SACK_PERMITTED, RULE_SACK_PERMITTED_ON_SYN },
	};
	char text[160];

	for (size_t i = 0; i < sizeof only_on_syn / sizeof *only_on_syn; i++)
		if (g->s->options.present & only_on_syn[i].option) {
			struct verdict *v = judge_fail(g, only_on_syn[i].rule, NULL);

			judge_expected(v, "a segment without SYN has no such option");
			judge_observed(v, "options <%s>", options_text(&g->s->options, text, sizeof text));
		} else {
			judge_pass(g, only_on_syn[i].rule);
		}
}

/* An option that needs the peer's consent in its SYN, one of them: the first to come may be the one that
 * counts. */
static void judge_offered(const struct judge *g, uint8_t option, uint8_t offer, enum rule_id rule)
{
	bool certain = g->live || (option == OPTION_TIMESTAMPS && !(g->s->flags & FLAG_SYN));
	char text[160];

	if (!(g->s->options.present & option) || !(g->peer->known & CONN_SYN))
		return;
	if (g->peer->options & offer) {
		judge_pass(g, rule);
	} else {
		struct verdict *v = judge_fail(g, rule, certain ? NULL : "it answers a SYN that was not captured");

		judge_expected(v, "the option is not used, since the other's SYN did not offer it");
		judge_observed(v, "options <%s>", options_text(&g->s->options, text, sizeof text));
	}
}

/* RFC 7323 3.2: what both SYNs had is on every later segment but RST; else it is on none. */
static void judge_timestamps(const struct judge *g)
{
	const struct conn_end *me = g->me, *peer = g->peer;
	bool used = g->s->options.present & OPTION_TIMESTAMPS;
	struct verdict *v;

	if (!(me->known & peer->known & CONN_SYN) || (g->s->flags & (FLAG_SYN | FLAG_RST)))
		return;
	if (used && (peer->options & ~me->options & OPTION_TIMESTAMPS)) {
		v = judge_fail(g, RULE_TIMESTAMPS_OFFERED,
			       g->live ? NULL : "an earlier SYN was not captured");
		judge_expected(v, "no timestamps, since the sender's own SYN had none");
		judge_observed(v, "timestamps");
	}
	if (!(me->options_all & peer->options_all & OPTION_TIMESTAMPS))
		return;
	if (used) {
		judge_pass(g, RULE_TIMESTAMPS_KEPT);
		return;
	}
	v = judge_fail(g, RULE_TIMESTAMPS_KEPT, NULL);
	judge_expected(v, "timestamps, as negotiated");
	judge_observed(v, "none");
}

/* RFC 2018 3 and 4: blocks above the ACK, each with its edges in order. The first may repeat what came
 * twice (RFC 2883 4). */
static void judge_sack_blocks(const struct judge *g)
{
	const struct tcp_options *o = &g->s->options;
	const struct conn_end *peer = g->peer;
	struct verdict *v;

	if (!(o->present & OPTION_SACK))
		return;
	for (int i = 0; i < o->sack_count; i++) {
		bool order = seq_lt(o->sack[i].left, o->sack[i].right);
		bool above = i == 0 || !(g->s->flags & FLAG_ACK) || seq_gt(o->sack[i].left, g->s->ack);
		bool sent = !g->known || seq_le(o->sack[i].right, peer->end);

		if (order && above && sent)
			continue;
		v = judge_fail(g, RULE_SACK_BLOCKS,
			       g->live || !order ? NULL : judge_on_path(g, "the option was changed on its way"));
		judge_expected(v, "blocks of received data above the ACK");
		judge_observed(v, "block %u-%u with ack %u", conn_relative(peer, o->sack[i].left),
			       conn_relative(peer, o->sack[i].right), conn_relative(peer, g->s->ack));
		return;
	}
	judge_pass(g, RULE_SACK_BLOCKS);
}

static void judge_options(const struct judge *g)
{
	const struct segment *s = g->s;
	bool ours = (g->me->known & CONN_SYN) || (s->flags & FLAG_SYN);

	if (s->options.cut)
		return;
	if (s->options.malformed >= 0) {
		struct verdict *v = judge_fail(g, RULE_OPTION_LENGTH, NULL);

		judge_expected(v, "the length that belongs to option kind %d", s->options.malformed);
		judge_observed(v, "an illegal length");
		return;
	}
	judge_pass(g, RULE_OPTION_LENGTH);
	if (!(s->flags & FLAG_SYN))
		judge_syn_options(g);
	if (!ours)
		return; /* of an older connection, perhaps */
	if ((s->flags & (FLAG_SYN | FLAG_ACK)) == FLAG_SYN)
		return; /* an offer of its own */
	if (s->flags & FLAG_SYN)
		judge_offered(g, OPTION_WSCALE, OPTION_WSCALE, RULE_WSCALE_OFFERED);
	judge_offered(g, OPTION_TIMESTAMPS, OPTION_TIMESTAMPS, RULE_TIMESTAMPS_OFFERED);
	judge_offered(g, OPTION_SACK, OPTION_SACK_PERMITTED, RULE_SACK_OFFERED);
	judge_timestamps(g);
	judge_sack_blocks(g);
}

bool judge_header(const struct judge *g)
{
	judge_checksum(g);
	if ((g->j->notes & NOTE_BAD_CHECKSUM) || !judge_flags(g))
		return false;
	judge_options(g);
	return true;
}
