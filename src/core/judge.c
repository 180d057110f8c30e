/* SPDX-License-Identifier: BSD-2-Clause */
#include "core/judge.h"

#include <stdarg.h>
#include <stdio.h>

/* ---- verdicts ---------------------------------------------------------------------------------- */

unsigned judge_relative(const struct conn_side *side, uint32_t seq)
{
	return seq - (side->syn ? side->iss : 0);
}

struct verdict *judge_fail(const struct judge *g, enum rule_id id, enum certainty certainty,
			    const char *excuse)
{
	struct verdict *v = &g->j->failed[g->j->count];

	if (g->j->count < JUDGEMENT_VERDICTS - 1)
		g->j->count++; /* the last place is overwritten: a segment that broken has said enough */
	g->j->passed &= ~(1u << id);
	*v = (struct verdict){ .outcome = OUTCOME_FAIL, .certainty = certainty, .rule = &rules[id],
			       .frame = g->s->frame };
	snprintf(v->reason, sizeof v->reason, "%s", excuse ? excuse : "");
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

void judge_pass(const struct judge *g, enum rule_id id)
{
	g->j->passed |= 1u << id;
}

/* ---- what every segment must be ---------------------------------------------------------------- */

static void judge_checksum(const struct judge *g)
{
	if (g->s->checksum == CHECKSUM_BAD) {
		struct verdict *v = judge_fail(g, RULE_CHECKSUM, LIKELY, "the segment was damaged on its way");

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
		struct verdict *v = judge_fail(g, RULE_FLAGS, CERTAIN, NULL);

		judge_expected(v, "at most one of SYN, FIN, RST");
		judge_observed(v, "flags %s", flags_text(f, text));
		return false;
	}
	judge_pass(g, RULE_FLAGS);
	if (f & 0xe00) { /* the bit next to CWR is AE, RFC 9768 */
		struct verdict *v = judge_fail(g, RULE_RESERVED, CERTAIN, NULL);

		judge_expected(v, "reserved bits 000");
		judge_observed(v, "flags %s", flags_text(f, text));
	} else {
		judge_pass(g, RULE_RESERVED);
	}
	if (f & (FLAG_SYN | FLAG_RST | FLAG_ACK)) {
		if (!(f & (FLAG_SYN | FLAG_RST)))
			judge_pass(g, RULE_ACK_BIT);
	} else {
		struct verdict *v = judge_fail(g, RULE_ACK_BIT, CERTAIN, NULL);

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
			struct verdict *v = judge_fail(g, only_on_syn[i].rule, CERTAIN, NULL);

			judge_expected(v, "a segment without SYN has no such option");
			judge_observed(v, "options <%s>", options_text(&g->s->options, text, sizeof text));
		} else {
			judge_pass(g, only_on_syn[i].rule);
		}
}

/* An option that needs the prober's consent in its SYN. */
static void judge_offered(const struct judge *g, uint8_t option, uint8_t offer, enum rule_id rule)
{
	char text[160];

	if (!(g->s->options.present & option))
		return;
	if (g->c->prober.options & offer) {
		judge_pass(g, rule);
	} else {
		struct verdict *v = judge_fail(g, rule, CERTAIN, NULL);

		judge_expected(v, "the option is not used, since our SYN did not offer it");
		judge_observed(v, "options <%s>", options_text(&g->s->options, text, sizeof text));
	}
}

static void judge_options(const struct judge *g)
{
	const struct segment *s = g->s;

	if (s->options.malformed >= 0) {
		struct verdict *v = judge_fail(g, RULE_OPTION_LENGTH, CERTAIN, NULL);

		judge_expected(v, "the length that belongs to option kind %d", s->options.malformed);
		judge_observed(v, "an illegal length");
		return;
	}
	judge_pass(g, RULE_OPTION_LENGTH);
	if (!(s->flags & FLAG_SYN))
		judge_syn_options(g);
	if (!g->c->prober.syn || (!g->c->target.syn && !(s->flags & FLAG_SYN)))
		return; /* of an older connection, perhaps */
	if (s->flags & FLAG_SYN)
		judge_offered(g, OPTION_WSCALE, OPTION_WSCALE, RULE_WSCALE_OFFERED);
	judge_offered(g, OPTION_TIMESTAMPS, OPTION_TIMESTAMPS, RULE_TIMESTAMPS_OFFERED);
	if (!(s->flags & (FLAG_SYN | FLAG_RST)) && (s->options.present & OPTION_TIMESTAMPS) &&
	    g->c->target.syn && (g->c->prober.options & ~g->c->target.options & OPTION_TIMESTAMPS)) {
		struct verdict *v = judge_fail(g, RULE_TIMESTAMPS_OFFERED, CERTAIN, NULL);

		judge_expected(v, "no timestamps, since the SYN,ACK had none");
		judge_observed(v, "timestamps");
	}
	judge_offered(g, OPTION_SACK, OPTION_SACK_PERMITTED, RULE_SACK_OFFERED);
	if ((g->c->prober.options & g->c->target.options & OPTION_TIMESTAMPS) &&
	    !(s->flags & (FLAG_SYN | FLAG_RST))) {
		if (s->options.present & OPTION_TIMESTAMPS) {
			judge_pass(g, RULE_TIMESTAMPS_KEPT);
		} else {
			struct verdict *v = judge_fail(g, RULE_TIMESTAMPS_KEPT, CERTAIN, NULL);

			judge_expected(v, "timestamps, as negotiated");
			judge_observed(v, "none");
		}
	}
}

bool judge_header(const struct judge *g)
{
	judge_checksum(g);
	if ((g->j->notes & NOTE_BAD_CHECKSUM) || !judge_flags(g))
		return false;
	judge_options(g);
	return true;
}
